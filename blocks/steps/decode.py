"""From latents to images."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ...engine.network_calls import call_network
from ...families.contract import Autoencoder, FamilyContract
from ...registry.devices.casting import cast
from ...registry.model_dtype import compute_dtype
from ...state import Outputs
from ...state.vocabulary import Images, Latents, OutputType
from ..core.block import Block
from ..core.slots import component

if TYPE_CHECKING:
    import torch
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
            return decoded_by(self.family, vae, unscaled)


def decoded_by(family: FamilyContract, vae: Autoencoder, latents: Tensor, **told: Any) -> Tensor:
    """Return the images that a VAE makes of latents in its own scale, of `[b c h w]` those of one frame; or videos of `[b c f h w]`.

    Args:
        told: what it is told beside them, in place of what the family says.
    """
    of_videos = family.medium == "video" and family.decodes_frames == "as a video"
    one_frame = latents.ndim == 4 and (family.video_vae or of_videos)
    given = latents.unsqueeze(2) if one_frame else latents
    arguments = {**family.decode_arguments(vae, given), **told}
    import torch

    with by_one_thread(vae):
        made: list[Tensor] = [
            call_network(vae.decode, part, **arguments, return_dict=False)[0]
            for part in torch.split(given, family.videos_at_once or len(given))
        ]
    pixels = made[0] if len(made) == 1 else torch.cat(made)
    return pixels.squeeze(2) if one_frame else pixels


def decoding_overflows(family: FamilyContract, vae: Autoencoder) -> bool:
    """Return whether a VAE is in float16 and says that it overflows there, of families that heed it."""
    import torch

    # The first VAE of SDXL gives NaN in float16; repaired ones say `force_upcast: false`.
    # Not all autoencoders have the setting.
    return family.upcasts_vae and own_dtype(vae) == torch.float16 and bool(getattr(vae.config, "force_upcast", False))


_guard = threading.Lock()
"""Held while a VAE is cast, and while its number format is asked."""
_locks: WeakKeyDictionary[Any, threading.RLock] = WeakKeyDictionary()
_raised: WeakKeyDictionary[Any, torch.dtype] = WeakKeyDictionary()
"""VAEs that are in float32 for a while, and what they are in otherwise."""


def own_dtype(vae: Autoencoder) -> torch.dtype:
    """Return the number format in which a VAE computes, also while another thread has it in float32."""
    with _guard:
        return _raised.get(vae) or compute_dtype(vae)


@contextmanager
def in_float32(vae: Autoencoder, needed: bool) -> Iterator[None]:
    """Run a VAE in float32 where that is needed, and have it as before afterwards. One that may need it is used by one thread at a time."""
    import torch

    if own_dtype(vae) == torch.float32 or not getattr(vae.config, "force_upcast", False):
        yield
        return
    with _lock_of(vae):
        if not needed:
            yield
            return
        dtype = compute_dtype(vae)
        module: Any = vae
        kind = next(module.parameters()).device.type
        # In place, and back in `finally`: a copy in float32 would be held beside the denoiser.
        _cast(vae, torch.float32, dtype)
        try:
            # Under a caller's autocast it would compute in half precision again.
            with torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext():
                yield
        finally:
            _cast(vae, dtype, None)


@contextmanager
def by_one_thread(vae: Autoencoder) -> Iterator[None]:
    """Let other threads wait, where a VAE keeps frames of the video on itself while it is called: those of Wan and Qwen-Image."""
    if not hasattr(vae, "clear_cache"):
        yield
        return
    with _lock_of(vae):
        yield


def _lock_of(vae: Autoencoder) -> threading.RLock:
    with _guard:
        return _locks.setdefault(vae, threading.RLock())


def _cast(vae: Autoencoder, dtype: torch.dtype, own: torch.dtype | None) -> None:
    """Cast a VAE, and note what it is in otherwise, None if nothing else."""
    import torch

    # Outside of inference mode, in which its weights would become such as no gradient can go through, for good.
    with _guard, torch.inference_mode(False):
        if own is not None:
            _raised[vae] = own
        cast(vae, dtype=dtype)
        if own is None:
            del _raised[vae]
