"""What families share whose denoiser is a UNet of diffusers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..engine.device_copies import sent
from ..registry.model_dtype import compute_dtype
from ..state.object_content import UNCOUNTED
from ..state.vocabulary import ImageNoiseLevels, ImagePromptEmbeds, NoisedPixels, PromptEmbeds
from .contract import ConditioningField, FamilyContract
from .guidance_embedding import embedded_scales
from .layers import Layer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .roles import Denoiser

HIDDEN = ConditioningField(
    "prompt_embeds",
    "negative_prompt_embeds",
    PromptEmbeds,
    argument="encoder_hidden_states",
    source="hidden",
)
"""What text encoders say, for the UNet's cross attention."""

IMAGE_PROMPT = ConditioningField(
    "ip_adapter_embeds",
    "negative_ip_adapter_embeds",
    ImagePromptEmbeds,
    argument="added_cond_kwargs.image_embeds",
    required=False,
)
"""What IP-Adapters are told of images."""

BESIDE = "@channels"
"""The place of what is put behind the channels of the latents."""

SMALL_IMAGE = (
    ConditioningField(
        "noised_pixels", "negative_noised_pixels", NoisedPixels, argument=BESIDE, kind="image", shared=True
    ),
    ConditioningField(
        "image_noise_levels",
        "negative_image_noise_levels",
        ImageNoiseLevels,
        argument="class_labels",
        kind="image",
        shared=True,
    ),
)
"""A small image in pixels, noised and beside the latents, and how much noise is on it."""

PRECONDITIONING = "@preconditioning"
"""Where it is said how a network is preconditioned: level of noise, factor of what it says, and latents as they are."""

VAES = ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL")
"""Autoencoders of latents as UNets were trained on."""


@frozen
class UNetContract(FamilyContract):
    """UNets with cross attention: their layers, guidance that was distilled into them, and IP-Adapters."""

    ip_adapter_names: tuple[str, ...] = field(default=("to_k_ip.weight", "to_v_ip.weight"), metadata=UNCOUNTED)
    repeats_text: bool = field(default=True, metadata=UNCOUNTED)

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the UNet with latents, and behind their channels what it reads beside them (`"@channels"`)."""
        beside = kwargs.get(BESIDE)
        if beside is None:
            return super().predict(denoiser, latents, t, kwargs)
        import torch

        told = {name: value for name, value in kwargs.items() if name != BESIDE}
        return super().predict(denoiser, torch.cat([latents, beside], dim=1), t, told)

    def read_channels(self, denoiser: Denoiser) -> int | None:
        """Return what the UNet's configuration says."""
        count = denoiser.config.in_channels
        return count if isinstance(count, int) else None

    def layers(self, denoiser: torch.nn.Module) -> list[Layer]:
        """Return the UNet's transformer blocks."""
        return unet_layers(denoiser)

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> list[int]:
        """Return the layers of the middle block, where that sees enough."""
        return middle_of_unet(denoiser, layers)

    def embedded_guidance(self, denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Any]:
        """Return what distilled UNets are told (latent consistency models)."""
        width = denoiser.config.time_cond_proj_dim
        if width is None:
            return super().embedded_guidance(denoiser, scales)
        return {"timestep_cond": sent(embedded_scales(scales, width), denoiser.device, compute_dtype(denoiser))}

    # A UNet that embeds the strength was taught both branches at once; asking it twice would guide twice.
    def is_distilled(self, denoiser: Denoiser) -> bool:
        """Return whether a UNet has guidance built in."""
        return denoiser.config.time_cond_proj_dim is not None

    def conditioning_fault(self, denoiser: Denoiser, conditioning: Mapping[str, Any]) -> str | None:
        """Say that UNets with an IP-Adapter must see an image."""
        if not self.image_projections(denoiser) or conditioning.get("ip_adapter_embeds") is not None:
            return None
        return (
            "The UNet has an IP-Adapter, and no image was given: ip_adapter_image=..., or pipe.unload_ip_adapter(). The "
            "blocks need 'ip_adapter' (IP_ADAPTER_BLOCKS) to take one."
        )

    def denoiser_fault(self, denoiser: Denoiser) -> str | None:
        """Say that a UNet asks for conditions that the family does not tell it."""
        kind = getattr(denoiser.config, "addition_embed_type", None)
        told = {part.argument for part in self.fields("denoiser_input_fields")}
        if kind != "text_time" or "added_cond_kwargs.time_ids" in told:
            return None
        return (
            f"has addition_embed_type={kind!r}, so it must be told pooled text and sizes, which {self.name} does not tell: it is the UNet "
            "of another family."
        )

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of hidden states, which some UNets project first (Kolors)."""
        config = denoiser.config
        # diffusers moves the projection to that name where an IP-Adapter takes its place.
        moved = getattr(denoiser, "text_encoder_hid_proj", None) is not None
        projects = moved or config.encoder_hid_dim_type == "text_proj"
        width = config.encoder_hid_dim if projects else config.cross_attention_dim
        return {"hidden": width} if isinstance(width, int) else {}


_STAGES = ("down_blocks", "mid_block", "up_blocks")


def unet_layers(unet: torch.nn.Module) -> list[Layer]:
    """Return transformer blocks of diffusers' UNets, in the order in which they run."""
    found = [
        (path, module) for path, module in unet.named_modules() if type(module).__name__ == "BasicTransformerBlock"
    ]
    # diffusers makes the middle block after the two others, and modules are listed as they were made; sorting keeps
    # the order within a stage.
    found.sort(key=lambda named: _STAGES.index(named[0].partition(".")[0]))
    return [Layer(path, module) for path, module in found]


_ENOUGH_TOKENS = 64
"""What the middle block of Stable Diffusion 1.5 has. Below, attention has little to say: with 16 tokens perturbing it did
nothing (training/embedded_model/measure_guiders.py)."""


def middle_of_unet(unet: Denoiser, layers: Sequence[Layer]) -> list[int]:
    """Return the layers of the middle block, which Ahn et al. 2024 (2403.17377, section 5.3) found best; else the
    deepest.

    In UNets whose middle block sees few tokens at the size they were trained for, the first layer after it that sees enough.
    """
    stages = len(unet.config.block_out_channels)
    middle = [number for number, layer in enumerate(layers) if layer.path.startswith("mid_block.")]
    if middle and _tokens(unet, stages - 1) >= _ENOUGH_TOKENS:
        return middle
    for number, layer in enumerate(layers):
        if layer.path.startswith("up_blocks."):
            depth = stages - 1 - int(layer.path.split(".")[1])
            if _tokens(unet, depth) >= _ENOUGH_TOKENS:
                return [number]
    deepest = [n for n, layer in enumerate(layers) if layer.path.startswith("down_blocks.")][-1:]
    return middle or deepest


def _tokens(unet: Denoiser, depth: int) -> int:
    """Return how many a layer sees after so many halvings, at the size that the UNet was trained for."""
    size = unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    return int(height // 2**depth) * int(width // 2**depth)
