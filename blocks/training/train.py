"""The loop of a training: one iteration for each batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from ...engine.execution.live_values import LiveKind, register_live
from ...families.contract import Denoiser
from ...state import Outputs
from ..core.loop import LoopSequentialPipelineBlocks
from ..core.slots import component

if TYPE_CHECKING:
    from accelerate import Accelerator


class TrainDenoiser(LoopSequentialPipelineBlocks):
    """Train the denoiser, or what was added to it: `train_steps` steps of the optimizer, each of as many batches as are accumulated.

    So no step lacks batches, and none is left over. An iteration runs inside of `accelerator.accumulate`.
    """

    gradients: ClassVar[bool | None] = True
    denoiser: Denoiser = component(trains=True, doc="Its parameters that learn are those with requires_grad.")

    class Vars(Outputs):
        batch_index: int

    def iterate(self, train_steps: int, accelerator: Accelerator) -> Iterator[Vars]:
        for number in range(train_steps * accelerator.gradient_accumulation_steps):
            with accelerator.accumulate(self.denoiser):
                yield self.Vars(batch_index=number)

    def count(self, train_steps: int, accelerator: Accelerator) -> int:
        return int(train_steps * accelerator.gradient_accumulation_steps)


def _state(accelerator: Any) -> dict[str, Any]:
    """Return how many batches an accelerator has counted, and the scale of its losses in half precision."""
    scaler = accelerator.scaler
    return {"step": accelerator.step, "scaler": None if scaler is None else scaler.state_dict()}


def _restore(accelerator: Any, state: dict[str, Any]) -> None:
    accelerator.step = state["step"]
    if accelerator.scaler is not None:
        accelerator.scaler.load_state_dict(state["scaler"])


# Of its own it only writes folders of checkpoints, which know nothing of the place in a loop.
register_live(LiveKind("accelerate.accelerator.Accelerator", _state, _restore))
