"""How far a prediction is from its target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...families.noise_schedule import is_flow, prediction_type_of
from ...state import InputError, Outputs
from ..core.block import Block
from ..core.slots import component

if TYPE_CHECKING:
    from diffusers.schedulers.scheduling_utils import SchedulerMixin
    from torch import Tensor


class ComputeLoss(Block):
    """Compare prediction and target in float32.

    `min_snr`: gamma of weights that keep easy timesteps from ruling (Hang et al. 2023, https://arxiv.org/abs/2303.09556, section 3.4; usually 5);
    0 weighs all alike.
    """

    kind: Literal["mse", "huber"] = "mse"
    min_snr: float = 0.0

    finite: ClassVar[tuple[str, ...]] = ("loss",)
    noise_scheduler: SchedulerMixin = component(doc="Says how much signal a timestep has, for the weights.")

    class Out(Outputs):
        loss: Tensor

    def run(self, prediction: Tensor, target: Tensor, timesteps: Tensor) -> Out:
        import torch.nn.functional as F

        compared: Any = F.mse_loss if self.kind == "mse" else F.smooth_l1_loss
        if not self.min_snr:
            return self.Out(loss=compared(prediction.float(), target.float()))
        rows = compared(prediction.float(), target.float(), reduction="none")
        rows = rows.mean(dim=tuple(range(1, rows.ndim)))
        return self.Out(loss=(rows * self._weights(timesteps)).mean())

    def _weights(self, timesteps: Tensor) -> Tensor:
        scheduler = self.noise_scheduler
        if is_flow(scheduler):
            raise InputError(f"min_snr weighs by alphas, which {type(scheduler).__name__} does not have: min_snr=0.")
        signal = scheduler.alphas_cumprod.to(timesteps.device)[timesteps].float()
        ratio = signal / (1 - signal)
        kept = ratio.clamp(max=self.min_snr)
        # What a network predicts decides what an error in it means for the image.
        kind = prediction_type_of(scheduler)
        weights: Tensor = kept if kind == "sample" else kept / (ratio + 1 if kind == "v_prediction" else ratio)
        return weights
