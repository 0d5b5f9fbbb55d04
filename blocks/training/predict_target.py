"""What the denoiser says of a noisy batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ...families.contract import Denoiser
from ...guiders.guider import CONDITIONAL
from ...state import Conditioning, Group, Outputs
from ..core.block import Block
from ..core.slots import component

if TYPE_CHECKING:
    from torch import Tensor


class PredictTarget(Block):
    """Call the denoiser as the family's contract says: one block for all families."""

    denoiser: Denoiser = component(doc="The network that learns, or that what learns was added to.")

    class Out(Outputs):
        prediction: Tensor

    def run(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Annotated[Conditioning, Group("denoiser_input_fields")]
    ) -> Out:
        told = self.family.denoiser_kwargs(conditioning, [CONDITIONAL])
        told |= self.family.static_kwargs(self.denoiser, noisy, told)
        return self.Out(prediction=self.family.predict(self.denoiser, noisy, timesteps, told))
