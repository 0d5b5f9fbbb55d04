"""What is particular to Wan 2.1 (Wan team 2025, https://arxiv.org/abs/2503.20314)."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import evolve, fields, frozen

from ...engine.network_calls import call_rows
from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import ToldLayerScales, VideoControl
from ...state.written_constants import note_constant
from ..channel_statistics import with_statistics, without_statistics
from ..contract import ConditioningField, RoleComponent, TextEncoding
from ..flow import TEXT_FIELDS, FlowContract
from ..layers import Layer
from ..packing import CHANNELS, KEPT
from ..shared_fields import EXTRA_CHANNELS, KEPT_FRAMES, PROMPT, SEEN_IMAGE
from ..spatial.latent_transformer import Float32Latents

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


@frozen
class WanContract(Float32Latents, FlowContract):
    """A UMT5, a transformer that reads an image beside the latents and as tokens of CLIP, a VAE of videos."""

    medium: ClassVar[Literal["image", "video"]] = "video"
    frame_rate: ClassVar[float] = 16.0
    draws_start: ClassVar[bool] = False
    reads_shift: ClassVar[bool] = False

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer in its own dtype, that of its text, with the channels of an image behind those of the latents."""
        import torch

        told = {name: value for name, value in kwargs.items() if name not in (CHANNELS, KEPT)}
        given = torch.cat([latents, kwargs[CHANNELS]], dim=1) if CHANNELS in kwargs else latents
        if _SEEN_AS in told and denoiser.config.pos_embed_seq_len is not None:
            # Of first and last image, which this kind of transformer takes as two rows.
            told[_SEEN_AS] = told[_SEEN_AS].reshape(2 * len(latents), -1, told[_SEEN_AS].shape[-1])
        dtype = kwargs["encoder_hidden_states"].dtype
        named = {
            "hidden_states": given.to(dtype),
            "timestep": self.times(latents, t, kwargs),
            **told,
            "return_dict": False,
        }
        prediction: Tensor = call_rows(self.row_arguments, denoiser, **named)[0]
        return prediction

    def times(self, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:  # noqa: ARG002 - others read them
        """Return the timestep of each video."""
        told: Tensor = t.expand(latents.shape[0])
        return told

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return what the VAE says."""
        return int(vae.config.scale_factor_spatial)

    def vae_channels(self, vae: Autoencoder) -> int:
        """Return what the VAE's configuration calls `z_dim`."""
        return int(vae.config.z_dim)

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - the denoiser may read an image beside
        """Return the VAE's."""
        return self.vae_channels(vae)

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Take mean and deviation of each channel away."""
        return without_statistics(vae.config, latents)

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Give each channel its deviation and mean."""
        return with_statistics(vae.config, latents)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks, which read text and video and give back the video."""
        return [Layer(f"blocks.{i}", block) for i, block in enumerate(denoiser.blocks)]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of texts."""
        return {"hidden": denoiser.config.text_dim}


@frozen
class TokenTimesContract(WanContract):
    """Wan 2.2 TI2V, whose transformer is told a timestep for each token."""

    frame_rate: ClassVar[float] = 24.0

    def times(self, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Return the timestep of each token: they are all of one noise level, where no frame is given."""
        kept = kwargs[KEPT] if KEPT in kwargs else latents.new_zeros(len(latents))
        tokens = (latents.shape[3] // 2) * (latents.shape[4] // 2)
        return self.times_of_frames(latents, t.float(), kept).repeat_interleave(tokens, dim=1)


@frozen
class SteeredContract(WanContract):
    """Wan VACE, whose transformer is steered by a video in some of its layers."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with one weight for each layer: they are the same for all videos."""
        told = {**kwargs, _SCALES: kwargs[_SCALES][0]} if _SCALES in kwargs else kwargs
        return super().predict(denoiser, latents, t, told)


def cleaned(text: str) -> str:
    """Return a text without the escapes of HTML, twice made in many captions, and with single spaces."""
    return re.sub(r"\s+", " ", html.unescape(html.unescape(text))).strip()


def _late(family: WanContract) -> WanContract:
    """Return a contract whose denoiser is the second network."""
    second = (RoleComponent("transformer_2", "diffusers:WanTransformer3DModel"),)
    roles = {**family.roles, "denoiser": second}
    return evolve(family, name=f"{family.name}-late", prefix=f"{family.prefix}Late", roles=roles, **_modular())


def _modular(pipeline: str = "", blocks: str = "") -> dict[str, Any]:
    """Return what names the repositories of a contract that no classic pipeline has."""
    return {"classic_pipeline": "", "modular_pipeline": pipeline, "modular_blocks": blocks}


_SCALES = "control_hidden_states_scale"
_STEERING = (
    ConditioningField(
        "video_control", "negative_video_control", VideoControl, argument="control_hidden_states", shared=True
    ),
    ConditioningField("layer_scales", "negative_layer_scales", ToldLayerScales, argument=_SCALES, shared=True),
)
_SEEN_AS = "encoder_hidden_states_image"
_TEXT = (TEXT_FIELDS[0],)
_SEEN = evolve(SEEN_IMAGE, argument=_SEEN_AS)
_BESIDE = evolve(EXTRA_CHANNELS, shared=True)

WAN = WanContract(
    name="wan",
    prefix="Wan",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:WanTransformer3DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLWan"),),
        "scheduler": (
            RoleComponent(
                "scheduler",
                "diffusers:UniPCMultistepScheduler",
                config={"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0},
            ),
        ),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerBase", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:UMT5EncoderModel", optional=True),),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, tokens="asked", masked=True, cut=True, clean=cleaned),),
    max_sequence_length=512,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:WanLoraLoaderMixin",
    defaults={"height": 480, "width": 832, "num_frames": 81, "SetPartialTimesteps.strength": 0.8},
    advice={
        "scheduler": "Schedulers of flow matching fit: UniPCMultistepScheduler with use_flow_sigmas=True and "
        "prediction_type='flow_prediction', and FlowMatchEulerDiscreteScheduler."
    },
    classic_pipeline="WanPipeline",
    modular_pipeline="WanModularPipeline",
    modular_blocks="WanBlocks",
)
"""The contract of Wan 2.1."""

WAN_IMAGE = evolve(
    WAN,
    name="wan-image",
    prefix="WanImage",
    roles={
        **WAN.roles,
        "image_encoder": (RoleComponent("image_encoder", "transformers:CLIPVisionModel", optional=True),),
        "feature_extractor": (RoleComponent("image_processor", "transformers:CLIPImageProcessor", optional=True),),
    },
    groups={
        **WAN.groups,
        "denoiser_input_fields": (*_TEXT, _BESIDE, _SEEN),
        "extra_channels": (_BESIDE,),
        "seen_image": (_SEEN,),
    },
    classic_pipeline="WanImageToVideoPipeline",
    modular_pipeline="WanImage2VideoModularPipeline",
    modular_blocks="WanImage2VideoAutoBlocks",
)
"""The contract of Wan 2.1 that begins with an image, which it sees in channels beside the latents and by CLIP."""

WAN_2_2 = evolve(WAN, name="wan-2.2", prefix="Wan22", **_modular("Wan22ModularPipeline", "Wan22Blocks"))
"""The contract of Wan 2.2 with two networks: here of that for much noise."""

WAN_2_2_LATE = _late(WAN_2_2)
"""The same of that for little noise."""

WAN_2_2_IMAGE = evolve(
    WAN_IMAGE,
    name="wan-2.2-image",
    prefix="Wan22Image",
    groups={**WAN_IMAGE.groups, "denoiser_input_fields": (*_TEXT, _BESIDE), "seen_image": ()},
    **_modular("Wan22Image2VideoModularPipeline", "Wan22Image2VideoBlocks"),
)
"""The contract of Wan 2.2 with two networks that begins with an image, which it sees beside the latents alone."""

WAN_2_2_IMAGE_LATE = _late(WAN_2_2_IMAGE)
"""The same of the network for little noise."""

WAN_2_2_TOKENS = TokenTimesContract(
    **{
        **{each.name: getattr(WAN, each.name) for each in fields(WanContract) if each.init},
        "name": "wan-2.2-tokens",
        "prefix": "Wan22Tokens",
        "groups": {**WAN.groups, "denoiser_input_fields": (*_TEXT, KEPT_FRAMES), "kept_frames": (KEPT_FRAMES,)},
        "size_multiple": 32,
        "image_multiple": 32,
        "defaults": {**WAN.defaults, "height": 704, "width": 1280, "num_frames": 121},
        **_modular(),
    }
)
"""The contract of Wan 2.2 TI2V 5B."""

WAN_VACE = SteeredContract(
    **{
        **{each.name: getattr(WAN, each.name) for each in fields(WanContract) if each.init},
        "name": "wan-vace",
        "prefix": "WanVACE",
        "roles": {**WAN.roles, "denoiser": (RoleComponent("transformer", "diffusers:WanVACETransformer3DModel"),)},
        "groups": {**WAN.groups, "denoiser_input_fields": (*_TEXT, *_STEERING), "video_control": _STEERING},
        **_modular(),
        "classic_pipeline": "WanVACEPipeline",
    }
)
"""The contract of Wan 2.1 VACE (Jiang et al. 2025, https://arxiv.org/abs/2503.07598)."""

_OF_TWO = ("WAN_2_2", "WAN_2_2_LATE", "WAN_2_2_IMAGE", "WAN_2_2_IMAGE_LATE")
for _name in ("WAN_VACE", "WAN", "WAN_2_2_TOKENS", "WAN_IMAGE", *_OF_TWO):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
