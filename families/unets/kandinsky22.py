"""What is particular to Kandinsky 2.2 (AI Forever 2023, https://huggingface.co/kandinsky-community): a prior, and a decoder of what it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...engine.network_calls import call_rows
from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import HintPixels, ImageVectors, PooledPromptEmbeds
from ...state.written_constants import note_constant
from ..contract import ConditioningField, FamilyContract, RoleComponent, TextEncoding
from ..layers import Layer
from ..shared_fields import EXTRA_CHANNELS, PROMPT
from ..spatial.masked_text import HIDDEN, MASK
from ..unet import BESIDE, UNetContract

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


@frozen
class VectorContract(FamilyContract):
    """A transformer that denoises one vector for each image: latents of one place, with as many channels as the vector has numbers."""

    def vae_scale_factor(self, vae: Any) -> int:  # noqa: ARG002 - there is none
        """Return one."""
        return 1

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - always one place
        """Return one."""
        return 1

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - there is none
        """Return how many numbers a vector has."""
        return int(denoiser.config.embedding_dim)

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with vectors; it predicts those of images."""
        vectors = latents.flatten(1)
        found: Tensor = call_rows(self.row_arguments, denoiser, vectors, timestep=t, **kwargs, return_dict=False)[0]
        return found[:, :, None, None]

    def vectors(self, denoiser: Any, latents: Tensor) -> Tensor:
        """Return vectors in the scale of the image encoder."""
        scaled: Tensor = denoiser.post_process_latents(latents.flatten(1))
        return scaled

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks."""
        return [Layer(f"transformer_blocks.{i}", block) for i, block in enumerate(denoiser.transformer_blocks)]


_TOLD = (
    evolve(HIDDEN, argument="encoder_hidden_states"),
    ConditioningField(
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
        PooledPromptEmbeds,
        argument="proj_embedding",
        source="pooled",
    ),
    evolve(MASK, argument="attention_mask"),
)
_GUIDER = (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 4.0}),)

KANDINSKY22_PRIOR = VectorContract(
    name="kandinsky-2.2-prior",
    prefix="Kandinsky22Prior",
    roles={
        "denoiser": (RoleComponent("prior", "diffusers:PriorTransformer"),),
        "vae": (),
        "scheduler": (RoleComponent("scheduler", "diffusers:UnCLIPScheduler"),),
        "guider": _GUIDER,
        "tokenizers": (RoleComponent("tokenizer", "transformers:CLIPTokenizer"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:CLIPTextModelWithProjection"),),
    },
    groups={"denoiser_input_fields": _TOLD, "prompt_embeds": _TOLD, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, pooled=True, hands_mask=True),),
    zeros_for_empty_prompt=False,
    size_multiple=1,
    defaults={"num_inference_steps": 25},
    advice={"scheduler": "UnCLIPScheduler fits."},
    classic_pipeline="KandinskyV22PriorPipeline",
)
"""The contract of the prior, which makes vectors of images."""


_LATENTS = 4
"""Channels of the latents of its MoVQ."""
HINT = "added_cond_kwargs.hint"
"""Where a UNet is told an image that steers it."""


class MoVQLatents:
    """The part of a contract that says that latents are those of a MoVQ, which have no scale of their own."""

    __slots__ = ()

    def decode_arguments(self, vae: Any, latents: Tensor) -> dict[str, Any]:  # noqa: ARG002 - whatever they are
        """Say that latents of the network lie between those that the VAE knows by number."""
        return {"force_not_quantize": True}

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:  # noqa: ARG002 - it has none
        """Return latents as they are, in the order in memory of the classic's: another one rounds differently."""
        return latents.contiguous()

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:  # noqa: ARG002 - it has none
        """Return latents as they are."""
        return latents


@frozen
class Kandinsky22Contract(MoVQLatents, UNetContract):
    """A UNet that is told the vector of an image, over the latents of a MoVQ, which have no scale of their own."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the UNet, whose cross attention sees the vector alone."""
        return super().predict(denoiser, latents, t, {**kwargs, "encoder_hidden_states": None})

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - it may read more
        """Return the autoencoder's number."""
        return self.vae_channels(vae)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Refuse: its attention is no block of a transformer."""
        return list(FamilyContract.layers(self, denoiser))

    def denoiser_fault(self, denoiser: Denoiser) -> str | None:
        """Say that a UNet is one of another task: it reads a mask or a hint that it is not told, or reads none that it is."""
        config, told = denoiser.config, {part.argument for part in self.fields("denoiser_input_fields")}
        kind = "image_hint" if HINT in told else "image"
        channels = _LATENTS + (_LATENTS + 1) * (BESIDE in told) + _LATENTS * (HINT in told)
        if (config.in_channels, config.addition_embed_type) == (channels, kind):
            return None
        return (
            f"reads {config.in_channels} channels and addition_embed_type={config.addition_embed_type!r}, and these blocks are for {channels} "
            f"and {kind!r}. Take those of its task: kandinsky22.decoder for 4, kandinsky22.decoder.inpainting for 9 with a mask, "
            "kandinsky22.decoder.controlnet for 8 with a hint."
        )

    def read_channels(self, denoiser: Any) -> int:
        """Return what the UNet's configuration says, without what it makes of a hint by itself."""
        own = _LATENTS if denoiser.config.addition_embed_type == "image_hint" else 0
        return int(denoiser.config.in_channels) - own

    def predicts_variance(self, denoiser: Denoiser) -> bool:
        """Return whether it predicts more than latents."""
        return bool(denoiser.config.out_channels == 2 * _LATENTS)


_VECTOR = ConditioningField(
    "image_embeds", "negative_image_embeds", ImageVectors, argument="added_cond_kwargs.image_embeds"
)

KANDINSKY22 = Kandinsky22Contract(
    name="kandinsky-2.2",
    prefix="Kandinsky22",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNet2DConditionModel"),),
        "vae": (RoleComponent("movq", "diffusers:VQModel"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDPMScheduler"),),
        "guider": _GUIDER,
    },
    groups={"denoiser_input_fields": (_VECTOR,), "prompt_embeds": (_VECTOR,)},
    # As a MoVQ's attention sees them, by whole squares of 8x8 latents.
    size_multiple=64,
    image_multiple=64,
    defaults={"num_inference_steps": 100},
    advice={"scheduler": "DDPMScheduler and DDIMScheduler fit."},
    classic_pipeline="KandinskyV22Pipeline",
)
"""The contract of the decoder."""

_HINT = ConditioningField("hint", "negative_hint", HintPixels, argument=HINT, kind="image", shared=True)

KANDINSKY22_HINT = evolve(
    KANDINSKY22,
    name="kandinsky-2.2-hint",
    prefix="Kandinsky22Hint",
    groups={**KANDINSKY22.groups, "denoiser_input_fields": (_VECTOR, _HINT), "hint": (_HINT,)},
    classic_pipeline="KandinskyV22ControlnetPipeline",
)
"""The contract of decoders that are steered by an image."""

_KNOWN = evolve(EXTRA_CHANNELS, shared=True)

KANDINSKY22_MASKED = evolve(
    KANDINSKY22,
    name="kandinsky-2.2-masked",
    prefix="Kandinsky22Masked",
    groups={**KANDINSKY22.groups, "denoiser_input_fields": (_VECTOR, _KNOWN), "extra_channels": (_KNOWN,)},
    defaults={**KANDINSKY22.defaults, "SetInpaintTimesteps.strength": 1.0},
    classic_pipeline="KandinskyV22InpaintPipeline",
)
"""The contract of decoders that read a mask, and what lies outside of it, beside the latents."""

for _name in ("KANDINSKY22", "KANDINSKY22_HINT", "KANDINSKY22_MASKED", "KANDINSKY22_PRIOR"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
