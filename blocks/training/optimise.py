"""A step of the optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ...state import Outputs
from ..core.block import Block

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor
    from torch.optim import Optimizer


class Schedule(Protocol):
    """A schedule of learning rates: torch's, or accelerate's around one."""

    def step(self) -> None:
        """Go to the rate of the next step of the optimizer."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return where it is."""
        ...


class Optimise(Block):
    """Backward; and where as many batches are accumulated as shall be: clip, step, next learning rate, and forget the gradients.

    One block, because between its parts nothing may come in. `max_norm`: of all gradients together; 0 clips none.
    """

    max_norm: float = 1.0

    class Out(Outputs):
        step_loss: float

    def run(self, loss: Tensor, accelerator: Accelerator, optimizer: Optimizer, lr_scheduler: Schedule) -> Out:
        accelerator.backward(loss)
        if accelerator.sync_gradients:
            if self.max_norm:
                every = [each for group in optimizer.param_groups for each in group["params"]]
                accelerator.clip_grad_norm_(every, self.max_norm)
            optimizer.step()
            # In here, so that a schedule counts steps of the optimizer, be it prepared by the accelerator or not.
            lr_scheduler.step()
            optimizer.zero_grad()
        return self.Out(step_loss=loss.item())
