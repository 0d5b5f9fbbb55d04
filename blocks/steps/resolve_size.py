"""The size of images, before anything depends on it."""

from __future__ import annotations

from ...families.contract import Autoencoder, Denoiser, FamilyContract
from ...state import InputError, Outputs
from ...state.vocabulary import Height, MaxArea, Width
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
        height, width = resolved_size(self.family, self.denoiser, self.vae, height, width)
        return self.Out(height=height, width=width)


class ResolveArea(ResolveSize):
    """Take the ratio of the size that the caller names, and as many pixels as the denoiser was trained with."""

    def run(
        self, height: Height | None = None, width: Width | None = None, max_area: MaxArea = 1024**2
    ) -> ResolveSize.Out:
        default = self.family.default_size(self.denoiser, self.vae)
        ratio = (width or default) / (height or default)
        multiple = self.family.size_multiple
        # Rounded to pixels first, as in the classic pipeline.
        sides = (round((max_area / ratio) ** 0.5), round((max_area * ratio) ** 0.5))
        found = [side // multiple * multiple for side in sides]
        if not all(found):
            raise InputError(
                f"max_area is {max_area}, of which {height or default}x{width or default} leaves a side of less than {multiple} pixels; give more."
            )
        return self.Out(height=found[0], width=found[1])


def resolved_size(
    family: FamilyContract, denoiser: Denoiser, vae: Autoencoder, height: int | None, width: int | None
) -> tuple[int, int]:
    """Return height and width in pixels, the denoiser's own where None.

    Raises:
        InputError: the family has no images of such a size.
    """
    default = family.default_size(denoiser, vae)
    sizes = {"height": height or default, "width": width or default}
    faults = [fault for name, size in sizes.items() if (fault := family.size_fault(name, size))]
    if faults:
        raise InputError(" ".join(faults))
    return sizes["height"], sizes["width"]
