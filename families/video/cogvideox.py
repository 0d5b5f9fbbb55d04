"""What is particular to CogVideoX (Yang et al. 2024, https://arxiv.org/abs/2408.06072) and CogVideoX 1.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..layers import Layer
from ..packing import CHANNELS
from ..shared_fields import EXTRA_CHANNELS, PROMPT
from ..spatial.latent_transformer import LatentTransformer, resized_crop
from ..spatial.masked_text import HIDDEN

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser

_BOTH = ("hidden_states", "encoder_hidden_states")
_OFFSET = 2.0
"""What the transformer of image to video of CogVideoX 1.5 is told in every step."""


@frozen
class CogVideoXContract(LatentTransformer):
    """A T5, a transformer of frames before channels that reads text and video as one, a VAE of videos."""

    medium: ClassVar[Literal["image", "video"]] = "video"
    frame_rate: ClassVar[float] = 8.0
    frames_first: ClassVar[bool] = True
    predicts_float32: ClassVar[bool] = True
    draws_video: ClassVar[bool] = True

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with frames before channels, those of an image behind those of the latents; the prediction is in float32."""
        import torch

        told = {name: value for name, value in kwargs.items() if name != CHANNELS}
        given = torch.cat([latents, kwargs[CHANNELS]], dim=1) if CHANNELS in kwargs else latents
        prediction = super().predict(denoiser, given.transpose(1, 2).contiguous(), t, told)
        return prediction.float().transpose(1, 2)

    def static_kwargs(self, denoiser: Denoiser, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - places hang on sizes alone
        """Return the places of tokens, of transformers that are told them, and the offset of those that were trained with one."""
        config = denoiser.config
        told = {} if config.ofs_embed_dim is None else {"ofs": latents.new_full((1,), _OFFSET)}
        return (
            {**told, "image_rotary_emb": _places(config, latents)} if config.use_rotary_positional_embeddings else told
        )

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - the denoiser may read an image beside
        """Return the VAE's."""
        return self.vae_channels(vae)

    def temporal_factor(self, vae: Autoencoder) -> int:
        """Return what the VAE says."""
        return int(vae.config.temporal_compression_ratio)

    def read_frames(self, denoiser: Denoiser, frames: int) -> int:
        """Return the next number that the transformer can read in patches."""
        patch = denoiser.config.patch_size_t or 1
        return -(-frames // patch) * patch

    def latents_fault(self, denoiser: Denoiser, latents: Tensor) -> str | None:
        """Say that frames are no whole patches, or that a transformer with learned places was trained in another size."""
        config = denoiser.config
        frames, height, width = latents.shape[-3:]
        patch = config.patch_size_t or 1
        if frames % patch:
            factor = config.temporal_compression_ratio
            near = [(each * patch - 1) * factor + 1 for each in (frames // patch, frames // patch + 1) if each]
            return (
                f"The video has {frames} latents along time, and the transformer reads {patch} as one: give a video of "
                f"{' or '.join(map(str, near))} frames."
            )
        if config.use_learned_positional_embeddings and (height, width) != (config.sample_height, config.sample_width):
            return (
                f"The latents are {height}x{width} (height x width), and the transformer has learned places for {config.sample_height}x"
                f"{config.sample_width} alone: leave height and width out."
            )
        return None

    def scale_reference(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Bring latents of the first image to the scale with which the transformer was trained, which of CogVideoX 1.5 is the inverse one."""
        scale: float = vae.config.scaling_factor
        return latents * (1 / scale if vae.config.invert_scale_latents else scale)

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Return latents times 1 over the scale, which rounds otherwise than a division."""
        unscaled: Tensor = 1 / vae.config.scaling_factor * latents
        return unscaled

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks, which read text and video."""
        return [
            Layer(f"transformer_blocks.{i}", block, _BOTH, _BOTH) for i, block in enumerate(denoiser.transformer_blocks)
        ]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of texts."""
        return {"hidden": denoiser.config.text_embed_dim}


def _places(config: Any, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosines and sines of the places of tokens."""
    from diffusers.models.embeddings import get_3d_rotary_pos_embed

    patch, patch_t = config.patch_size, config.patch_size_t
    frames, *sides = latents.shape[-3:]
    grid = (sides[0] // patch, sides[1] // patch)
    trained = (config.sample_height // patch, config.sample_width // patch)
    if patch_t is None:
        how: dict[str, Any] = {"crops_coords": resized_crop(grid, trained), "temporal_size": frames}
    else:
        how = {"crops_coords": None, "temporal_size": frames // patch_t, "grid_type": "slice", "max_size": trained}
    made: tuple[Tensor, Tensor] = get_3d_rotary_pos_embed(
        embed_dim=config.attention_head_dim, grid_size=grid, device=latents.device, **how
    )
    return made


_BESIDE = evolve(EXTRA_CHANNELS, required=True, shared=True)

COGVIDEOX = CogVideoXContract(
    name="cogvideox",
    prefix="CogVideoX",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:CogVideoXTransformer3DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLCogVideoX"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:CogVideoXDDIMScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 6.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerBase", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel", optional=True),),
    },
    groups={"denoiser_input_fields": (HIDDEN,), "prompt_embeds": (HIDDEN,), "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, tokens="asked"),),
    max_sequence_length=226,
    zeros_for_empty_prompt=False,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:CogVideoXLoraLoaderMixin",
    defaults={"SetPartialTimesteps.strength": 0.8},
    size_multiple=16,
    image_multiple=16,
    classic_pipeline="CogVideoXPipeline",
)
"""The contract of CogVideoX."""

COGVIDEOX_IMAGE = evolve(
    COGVIDEOX,
    name="cogvideox-image",
    prefix="CogVideoXImage",
    groups={
        **COGVIDEOX.groups,
        "denoiser_input_fields": (HIDDEN, _BESIDE),
        "extra_channels": (_BESIDE,),
    },
    classic_pipeline="CogVideoXImageToVideoPipeline",
)
"""The contract of CogVideoX that begins with an image, which it reads in channels beside the latents."""

for _name in ("COGVIDEOX", "COGVIDEOX_IMAGE"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
