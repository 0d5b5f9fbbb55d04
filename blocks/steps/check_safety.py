"""Black out images in which a checker sees what shall not be shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...engine.network_calls import call_network
from ...state import Outputs
from ...state.vocabulary import Flags, Images, OutputType
from ..core.block import Block
from ..core.slots import component
from .decode import Decode
from .given_image import as_pil
from .inpaint import DecodeInpaint, OverlayOriginal

if TYPE_CHECKING:
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPImageProcessor


class CheckSafety(Block):
    """Black out images in which the checker sees what shall not be shown, and say which; latents are not looked at."""

    safety_checker: StableDiffusionSafetyChecker = component(doc="Compares images with concepts that it holds.")
    # As the checkers that were released see, and as an IP-Adapter wants it beside them; a repository may say otherwise.
    feature_extractor: CLIPImageProcessor = component(
        config={"size": 224, "crop_size": 224}, doc="Prepares images for the checker."
    )

    class Out(Outputs):
        images: Images
        nsfw_content_detected: Flags

    def run(self, images: Images, output_type: OutputType = "pil") -> Out:
        if output_type == "latent":
            return self.Out(images=images, nsfw_content_detected=None)
        import torch

        checker = self.safety_checker
        shown = as_pil(images, "images")
        listed = shown if isinstance(shown, list) else [shown]
        seen = self.feature_extractor(listed, return_tensors="pt").pixel_values
        # The checker would black out what it is given in place; it is given nothing of the run.
        pixels = seen.to(checker.device, checker.dtype)
        flags = call_network(checker, clip_input=pixels, images=torch.zeros(len(seen), 1))[1]
        return self.Out(images=_blacked_out(images, flags), nsfw_content_detected=[bool(flag) for flag in flags])


class DecodeCheckedInpaint(DecodeInpaint):
    """Turn latents into images, black out what shall not be shown, and put them back into the whole where only the masked area was worked on."""

    block_classes = [Decode, CheckSafety, OverlayOriginal]
    block_names = ["decode", "safety_checker", "overlay"]


def _blacked_out(images: Any, flags: Iterable[bool]) -> Any:
    """Return the images, those that are flagged in black; the given ones stay as they are."""
    if not any(flags):
        return images
    if isinstance(images, list):
        return [image.point(lambda _: 0) if flag else image for image, flag in zip(images, flags, strict=True)]
    kept = images.clone() if hasattr(images, "clone") else images.copy()
    kept[[index for index, flag in enumerate(flags) if flag]] = 0
    return kept
