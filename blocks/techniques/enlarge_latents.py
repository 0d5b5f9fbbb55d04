"""Small images that are made twice as large in latents: the denoiser reads theirs beside its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Autoencoder
from ...state import Conditioning, Fault, Group, Outputs
from ...state.vocabulary import BatchSize, DType, Generators, Height, ImagesPerPrompt, InputImage, Width
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import VAE_ADVICE
from ..steps.encode_image import encoded, image_size
from ..steps.given_image import given_image, image_faults, is_latents, pixels_of
from ..steps.prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class EnlargeLatents(Block):
    """Encode the small images, and repeat each of their latents to a square of four; the results are twice as large."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    low_res_image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8, "resample": "bicubic"}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        small: Annotated[Conditioning, Group("small_image")]
        height: Height
        width: Width

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image, and of which strength of guidance the classic pipeline makes another prompt."""
        yield from image_faults(given, image="image")
        scale, prompt = given.get("guidance_scale"), given.get("prompt")
        if type(scale) in (int, float) and scale == 0 and prompt and any(prompt):
            yield Fault(
                "guidance_scale is 0, at which the classic pipeline reads an empty prompt in place of yours; give guidance_scale=1 for no guidance, "
                'and prompt="" for no prompt.',
                "guidance_scale",
                "prompt",
            )

    def run(
        self,
        image: InputImage,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        from torch.nn.functional import interpolate

        channels = self.family.vae_channels(self.vae)
        given = given_image(image, "image", latent_channels=channels)
        if not is_latents(given, channels):
            given = pixels_of(self.low_res_image_processor, given, "image")
        latents = encoded(self.family, self.vae, given, generator, self.device).to(dtype)
        enlarged = interpolate(latents, scale_factor=2, mode="nearest")
        (part,) = self.family.fields("small_image")
        height, width = image_size(self.family, self.vae, enlarged)
        rows = repeat_to_batch(enlarged, batch_size, num_images_per_prompt)
        return self.Out(small=Conditioning({part.positive: rows}), height=height, width=width)
