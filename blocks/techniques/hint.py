"""Images that a denoiser itself is steered by, and masks with images that it reads beside its latents, known places first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import (
    BatchSize,
    ControlImage,
    DType,
    Height,
    ImageLatents,
    ImagesPerPrompt,
    Mask,
    MaskedLatents,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.encode_beside import told
from ..steps.given_image import control_pixels, given_image, image_faults
from ..steps.prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class PrepareHint(Block):
    """Bring the image that steers the denoiser, such as depth, to the size of the results."""

    control_image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8, "do_normalize": False}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        hint: Annotated[Conditioning, Group("hint")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, control_image="control")

    def run(
        self,
        control_image: ControlImage,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        shown = given_image(control_image, "control_image", "control")
        pixels = control_pixels(self.control_image_processor, shown, height, width).to(self.device, dtype)
        return self.Out(hint=told(self.family, "hint", repeat_to_batch(pixels, batch_size, num_images_per_prompt)))


class TellKnown(Block):
    """Tell the denoiser what lies outside of the mask, and where; what is next to the masked area is drawn anew, too."""

    class Out(Outputs):
        mask: Mask
        image_latents: ImageLatents
        known: Annotated[Conditioning, Group("extra_channels")]
        masked_image_latents: MaskedLatents | None

    def run(self, mask: Mask, image_latents: ImageLatents, dtype: DType) -> Out:
        import torch
        from torch.nn.functional import max_pool2d

        wider = max_pool2d(mask.float(), kernel_size=3, stride=1, padding=1).to(dtype)
        known = 1 - wider
        # In the order in memory that the classic's have from the VAE: another one rounds differently.
        kept = image_latents.to(dtype).contiguous(memory_format=torch.channels_last)
        beside = torch.cat([kept * known, known], dim=1)
        return self.Out(
            mask=wider,
            image_latents=kept,
            known=told(self.family, "extra_channels", beside),
            # None: what lies outside is put back after each step, all the same.
            masked_image_latents=None,
        )
