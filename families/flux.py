"""What is particular to FLUX.1 (https://github.com/black-forest-labs/flux)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..guiders import EmbeddedGuidance
from ..registry import families
from ..state.written_constants import note_constant
from .contract import Encoded, RoleComponent, TextEncoding
from .controlnet import ControlNetInputs
from .flow import TEXT_FIELDS
from .guidance_embedding import told_scales
from .packing import Packed2x2
from .pipeline_properties import of_component, pipeline_properties
from .shared_fields import EXTRA_CHANNELS, JOINT_IMAGE_PROMPT, PROMPT, PROMPT_2, REFERENCE
from .transformer_control import transformer_control

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser, ImageEmbedder


@frozen
class FluxContract(Packed2x2):
    """A CLIP whose pooled vector counts, a T5 whose hidden states do, and a transformer that may be told a strength of guidance.

    Attributes:
        reference_sizes: width and height of the reference images that the transformer was trained with; none for any size.
        pooled_width: of the CLIP's vector.
    """

    reference_sizes: tuple[tuple[int, int], ...] = ()
    pooled_width: int = 768

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Pack, call the transformer, and unpack."""
        if "joint_attention_kwargs" in kwargs:
            # The transformer takes images for its adapters out of the dict that it is given (diffusers 0.42.1).
            kwargs = {**kwargs, "joint_attention_kwargs": dict(kwargs["joint_attention_kwargs"])}
        return super().predict(denoiser, latents, t, kwargs)

    def joined_texts(
        self,
        encoded: Sequence[Encoded | None],
        denoiser: Denoiser | None,  # noqa: ARG002 - others read these
        rows: int,  # noqa: ARG002
        tokens: int | None,  # noqa: ARG002
    ) -> Mapping[str, Tensor | None]:
        """Return the T5's hidden states and the CLIP's vector."""
        clip, long = encoded
        return {"hidden": None if long is None else long.hidden, "pooled": None if clip is None else clip.pooled}

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return what the transformer projects."""
        return {"hidden": denoiser.config.joint_attention_dim, "pooled": denoiser.config.pooled_projection_dim}

    def unsaid(self, embedder: ImageEmbedder) -> dict[str, tuple[int, ...]]:
        """Return as many tokens as the T5 reads, as wide as those of images, and the CLIP's vector."""
        hidden = (1, self.max_sequence_length or 0, int(embedder.config.txt_in_features))
        return {"hidden": hidden, "pooled": (1, self.pooled_width)}

    def reference_size(self, height: int, width: int, area: int | None = None) -> tuple[int, int]:  # noqa: ARG002 - has sizes
        """Return the size whose ratio is next; of two that are as near, the narrower one."""
        if not self.reference_sizes:
            return height, width
        _, near_width, near_height = min((abs(width / height - w / h), w, h) for w, h in self.reference_sizes)
        return near_height, near_width

    def control(
        self, steering: ControlNetInputs, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return residuals for the blocks of both kinds; nets read control images as tokens."""
        told = {name: kwargs[name] for name in _TOLD_NETS}
        told |= {"hidden_states": self.tokens_of(latents), "timestep": self.time_of(latents, t)}
        return transformer_control(steering, told, kwargs.get("guidance"), self.tokens_of)

    def is_distilled(self, denoiser: Denoiser) -> bool:
        """Return whether it is told a strength of guidance, as "dev" is, and "schnell" is not."""
        return bool(denoiser.config.guidance_embeds)

    def embedded_guidance(self, denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Any]:
        """Return strengths as they are; nothing for transformers that are told none."""
        return told_scales(denoiser, scales) if self.is_distilled(denoiser) else {}

    def conditioning_fault(self, denoiser: Denoiser, conditioning: Mapping[str, Any]) -> str | None:
        """Say that the transformer reads other channels of images beside the latents than it is given."""
        config, beside = denoiser.config, conditioning.get("extra_channels")
        # A token has the numbers of four latents.
        reads = (config.in_channels - (config.out_channels or config.in_channels)) // 4
        given = 0 if beside is None else int(beside.shape[1])
        if reads == given:
            return None
        return (
            f"The transformer reads {reads} channels of images beside its latents, and is given {given}. Transformers that read none "
            "are for TEXT2IMAGE_BLOCKS and those beside them, those of a control image for CONTROL_BLOCKS, those of a masked image "
            "and a mask for FILL_BLOCKS."
        )


_HALF = ((672, 1568), (688, 1504), (720, 1456), (752, 1392), (800, 1328), (832, 1248), (880, 1184), (944, 1104))
_REFERENCE_SIZES = (*_HALF, (1024, 1024), *(size[::-1] for size in _HALF))
"""Width and height of the reference images of FLUX.1 Kontext (Labs et al. 2025, https://arxiv.org/abs/2506.15742), as in
diffusers 0.42.1."""

_TOLD_NETS = ("encoder_hidden_states", "pooled_projections", "txt_ids", "img_ids")

PIPELINE_PROPERTIES = pipeline_properties(
    lambda _: 128,
    num_channels_latents=of_component("transformer", 16, lambda transformer: transformer.config.in_channels // 4),
)
"""As `FluxModularPipeline` of diffusers 0.42.1 has them."""

FLUX = FluxContract(
    name="flux",
    prefix="Flux",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:FluxTransformer2DModel"),),
        "controlnet": (RoleComponent("controlnet", "diffusers:FluxControlNetModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", EmbeddedGuidance, config={"guidance_scale": 3.5}),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:CLIPTokenizer", optional=True),
            RoleComponent("tokenizer_2", "transformers:T5TokenizerFast", optional=True),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:CLIPTextModel", optional=True),
            RoleComponent("text_encoder_2", "transformers:T5EncoderModel", optional=True),
        ),
    },
    groups={
        "denoiser_input_fields": (*TEXT_FIELDS, JOINT_IMAGE_PROMPT, EXTRA_CHANNELS, REFERENCE),
        "image_prompt": (JOINT_IMAGE_PROMPT,),
        "extra_channels": (EXTRA_CHANNELS,),
        "reference": (REFERENCE,),
        "prompt_embeds": TEXT_FIELDS,
        "prompts": (PROMPT, PROMPT_2),
    },
    text_encodings=(
        TextEncoding(hidden=False, pooled=True, pooled_name="pooler_output"),
        TextEncoding(hidden_state=None, tokens="asked", most=512),
    ),
    max_sequence_length=512,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    attention_argument="joint_attention_kwargs",
    lora_loader="diffusers.loaders:FluxLoraLoaderMixin",
    ip_adapter_loader="diffusers.loaders:FluxIPAdapterMixin",
    no_image="black",
    ip_adapter_names=("to_k_ip.bias", "to_k_ip.weight", "to_v_ip.bias", "to_v_ip.weight"),
    accepts={
        "vae": ("AutoencoderKL", "AutoencoderTiny"),
        "controlnet": ("FluxControlNetModel", "FluxMultiControlNetModel"),
    },
    control_latents=True,
    positive_control=True,
    defaults={
        "num_inference_steps": 28,
        "SetSizedPartialTimesteps.strength": 0.6,
        "SetSizedInpaintTimesteps.strength": 0.6,
    },
    flow=True,
    schedule_reads_size=True,
    truncates_start=True,
    classic_pipeline="FluxPipeline",
    modular_pipeline="FluxModularPipeline",
    modular_blocks="FluxAutoBlocks",
    pipeline_properties=PIPELINE_PROPERTIES,
)
"""The contract of FLUX.1 "dev" and "schnell"."""

FLUX_FILL = evolve(
    FLUX,
    name="flux-fill",
    prefix="FluxFill",
    roles={**FLUX.roles, "guider": (RoleComponent("guider", EmbeddedGuidance, config={"guidance_scale": 30.0}),)},
    defaults={"num_inference_steps": 50, "SetSizedInpaintTimesteps.strength": 1.0},
    classic_pipeline="FluxFillPipeline",
    modular_pipeline="",
    modular_blocks="",
)
"""The contract of FLUX.1 Fill, which reads mask and masked image beside the latents."""

FLUX_REDUX = evolve(
    FLUX,
    name="flux-redux",
    prefix="FluxRedux",
    roles={
        **FLUX.roles,
        "image_encoder": (RoleComponent("image_encoder", "transformers:SiglipVisionModel"),),
        "feature_extractor": (RoleComponent("feature_extractor", "transformers:SiglipImageProcessor"),),
        "image_embedder": (RoleComponent("image_embedder", "diffusers:ReduxImageEncoder"),),
    },
    classic_pipeline="FluxPriorReduxPipeline",
    modular_pipeline="",
    modular_blocks="",
)
"""The contract of FLUX.1 Redux, whose embedder makes text of images."""

FLUX_KONTEXT = evolve(
    FLUX,
    name="flux-kontext",
    prefix="FluxKontext",
    reference_sizes=_REFERENCE_SIZES,
    defaults={**FLUX.defaults, "SetSizedInpaintTimesteps.strength": 1.0},
    classic_pipeline="FluxKontextPipeline",
    modular_pipeline="FluxKontextModularPipeline",
    modular_blocks="FluxKontextAutoBlocks",
)
"""The contract of FLUX.1 Kontext, which reads a reference image in further tokens."""

for _name in ("FLUX", "FLUX_FILL", "FLUX_KONTEXT", "FLUX_REDUX"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
