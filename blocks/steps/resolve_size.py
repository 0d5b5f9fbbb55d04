"""The size of images, before anything depends on it."""

from __future__ import annotations

from ...families.contract import Autoencoder, Denoiser
from ...state import InputError, Outputs
from ...state.vocabulary import Height, Width
from ..core.block import Block
from ..core.slots import component


class ResolveSize(Block):
    """Take the size that the caller names, or the denoiser's own: schedules, image encoders and latents read it."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)

    class Out(Outputs):
        height: Height
        width: Width

    def run(self, height: Height | None = None, width: Width | None = None) -> Out:
        default = self.family.default_size(self.denoiser, self.vae)
        sizes = {"height": height or default, "width": width or default}
        faults = [fault for name, size in sizes.items() if (fault := self.family.size_fault(name, size))]
        if faults:
            raise InputError(" ".join(faults))
        return self.Out(**sizes)
