"""From latents to images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...engine.network_calls import call_network
from ...families.contract import Autoencoder, FamilyContract
from ...registry.devices.casting import cast
from ...registry.model_dtype import compute_dtype
from ...state import Outputs
from ...state.vocabulary import Images, Latents, OutputType
from ..core.block import Block
from ..core.slots import component

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


VAE_ADVICE = (
    "decode in tiles: pipe.vae.enable_tiling()",
    "one image after another: pipe.vae.enable_slicing()",
    "half precision: load_components(dtype=torch.float16)",
)
"""What makes a VAE need less memory."""


class Decode(Block):
    """Turn latents into images with the VAE; `output_type="latent"` passes them on as they are."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8}, doc="To PIL images, arrays, tensors."
    )

    class Out(Outputs):
        images: Images

    def run(self, latents: Latents, output_type: OutputType = "pil") -> Out:
        if output_type == "latent":
            return self.Out(images=latents)
        return self.Out(images=self.image_processor.postprocess(self.decoded(latents), output_type=output_type))

    def decoded(self, latents: Tensor) -> Tensor:
        """Return what the VAE makes of latents, `[b 3 height width]` in -1..1."""
        vae = self.vae
        if not self.family.roles.get("vae", (vae,)):  # the family works on pixels
            return latents
        with in_float32(vae, decoding_overflows(self.family, vae)):
            # Into the VAE's format before they are scaled: the other way round is another rounding than the classic's.
            unscaled = self.family.unscale_latents(vae, latents.to(compute_dtype(vae)))
            pixels: Tensor = call_network(vae.decode, unscaled, return_dict=False)[0]
        return pixels


def decoding_overflows(family: FamilyContract, vae: Autoencoder) -> bool:
    """Return whether a VAE is in float16 and says that it overflows there, of families that heed it."""
    import torch

    # The first VAE of SDXL gives NaN in float16; repaired ones say `force_upcast: false`.
    # Not all autoencoders have the setting.
    return (
        family.upcasts_vae and compute_dtype(vae) == torch.float16 and bool(getattr(vae.config, "force_upcast", False))
    )


@contextmanager
def in_float32(vae: Autoencoder, needed: bool) -> Iterator[None]:
    """Run a VAE in float32 where that is needed, and have it as before afterwards."""
    import torch

    if not needed:
        yield
        return
    dtype = compute_dtype(vae)
    # In place, and back in `finally`: a copy in float32 would be held beside the denoiser.
    cast(vae, dtype=torch.float32)
    try:
        yield
    finally:
        cast(vae, dtype=dtype)
