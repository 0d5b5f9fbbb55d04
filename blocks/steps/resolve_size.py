"""The size of images, before anything depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder, Denoiser, FamilyContract
from ...state import InputError, Outputs
from ...state.vocabulary import AutoResize, Height, InputImage, MaxArea, Width
from ..core.block import Block
from ..core.slots import component
from .given_image import given_image, image_faults, is_latents, refuse_too_small

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class ResolveSize(Block):
    """Take the size that the caller names, or the denoiser's own: schedules, image encoders and latents read it."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)

    class Out(Outputs):
        height: Height
        width: Width

    def effective_defaults(self) -> Mapping[str, Any]:
        """The denoiser's own size."""
        return own_size(self.family, self.denoiser, self.vae)

    def run(self, height: Height | None = None, width: Width | None = None) -> Out:
        height, width = resolved_size(self.family, self.denoiser, self.vae, height, width)
        return self.Out(height=height, width=width)


class ResolveArea(ResolveSize):
    """Take the ratio of the size that the caller names, and as many pixels as the denoiser was trained with."""

    def effective_defaults(self) -> Mapping[str, Any]:
        """None of its own: a side hangs on the other one."""
        return {}

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
    sizes = sides_of(family, denoiser, vae, height, width)
    faults = [fault for name, size in sizes.items() if (fault := family.size_fault(name, size))]
    if faults:
        raise InputError.of("The size does not fit", faults)
    return sizes["height"], sizes["width"]


def own_size(family: FamilyContract, denoiser: Denoiser, vae: Autoencoder) -> dict[str, int]:
    """Return the height and width in pixels of images where the caller names none; nothing for a denoiser that says none."""
    config = denoiser.config
    sides = getattr(config, "sample_size", None)
    if sides is None and hasattr(config, "sample_height"):
        sides = config.sample_height, config.sample_width
    if isinstance(sides, (list, tuple)):
        factor = family.vae_scale_factor(vae)
        return {name: int(side) * factor for name, side in zip(("height", "width"), sides, strict=True)}
    try:
        own = family.default_sides(family.default_size(denoiser, vae))
        return dict(zip(("height", "width"), own, strict=True))
    except InputError:
        return {}


def sides_of(
    family: FamilyContract, denoiser: Denoiser, vae: Autoencoder, height: int | None, width: int | None
) -> dict[str, int]:
    """Return height and width in pixels, the denoiser's own where None.

    Raises:
        InputError: it says none.
    """
    own = {} if height and width else own_size(family, denoiser, vae)
    found = {"height": height or own.get("height"), "width": width or own.get("width")}
    known = {name: side for name, side in found.items() if side}
    if len(known) < len(found):
        raise InputError("The denoiser says no size of images (sample_size=None): give height= and width=.")
    return known


class ResolveImageSize(Block):
    """Take the size of the image, brought to one that the denoiser was trained with."""

    vae: Autoencoder = component(config_only=True)
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        height: Height
        width: Width

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(self, image: InputImage, auto_resize: AutoResize = True) -> Out:
        channels = self.family.vae_channels(self.vae)
        given = given_image(image, "image", latent_channels=channels)
        if is_latents(given, channels):
            factor = self.family.vae_scale_factor(self.vae)
            return self.Out(height=given.shape[-2] * factor, width=given.shape[-1] * factor)
        height, width = reference_size(self.family, self.image_processor, given, auto_resize)
        return self.Out(height=height, width=width)


def reference_size(
    family: FamilyContract, processor: VaeImageProcessor, given: Any, auto_resize: bool
) -> tuple[int, int]:
    """Return height and width in pixels in which images are read as references; the first says them for all.

    Args:
        given: as `given_image` returns it. auto_resize: to the next of the family's sizes.
    """
    refuse_too_small(given, "image", processor.config.vae_scale_factor)
    height, width = processor.get_default_height_width(given[0] if isinstance(given, list) else given)
    return family.reference_size(height, width) if auto_resize else (int(height), int(width))
