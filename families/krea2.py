"""What is particular to Krea 2 (https://www.krea.ai), as diffusers 0.42.1 has it: many layers of a language model as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state.vocabulary import LayeredPromptEmbeds, NegativeLayeredPromptEmbeds, NegativePromptMask, PromptMask
from ..state.written_constants import note_constant
from .channel_statistics import PackedOverStatistics
from .contract import ConditioningField, RoleComponent, TextEncoding
from .flow import STACKS
from .packing import places
from .shared_fields import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser, Scheduler


@frozen
class Krea2Contract(PackedOverStatistics):
    """A transformer over text and image in one, which fuses the layers of the text itself.

    Attributes:
        fixed_shift: of the schedule, of models that were distilled for it; None for one by size.
    """

    fixed_shift: float | None = None

    def time_of(self, latents: Tensor, t: Any) -> Tensor:
        """Return a timestep in 0..1 for each row of latents."""
        # Divided before it is rounded, as in diffusers.
        time: Tensor = (t / 1000).expand(latents.shape[0]).to(latents.dtype)
        return time

    def shift(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...]) -> dict[str, float]:
        """Return the shift by the number of tokens, or the one that the model was distilled for."""
        found = super().shift(scheduler, steps, shape)
        return {"mu": self.fixed_shift} if found and self.fixed_shift is not None else found

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others read it
        """Return places of tokens, those of text at 0, and the mask as such."""
        import torch

        text = kwargs["encoder_hidden_states"]
        beginning = torch.zeros(text.shape[1], 3, device=text.device)
        found = {"position_ids": torch.cat([beginning, places(latents, 0, torch.float32)])}
        mask = kwargs.get(_MASK)
        return found if mask is None else {**found, _MASK: mask.bool()}

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return what the transformer fuses."""
        return {"hidden": denoiser.config.text_hidden_dim}


_MASK = "encoder_attention_mask"
_TEXT = (
    ConditioningField(
        "prompt_embeds",
        "negative_prompt_embeds",
        LayeredPromptEmbeds,
        NegativeLayeredPromptEmbeds,
        argument="encoder_hidden_states",
        source="hidden",
    ),
    ConditioningField(
        "prompt_embeds_mask",
        "negative_prompt_embeds_mask",
        PromptMask,
        NegativePromptMask,
        argument=_MASK,
        source="mask",
    ),
)
_DESCRIBE = (
    "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships of the objects "
    "and background:<|im_end|>\n<|im_start|>user\n{}"
)

KREA2 = Krea2Contract(
    name="krea2",
    prefix="Krea2",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:Krea2Transformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLQwenImage"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (
            RoleComponent(
                "guider",
                ClassifierFreeGuidance,
                config={"guidance_scale": 4.5, "use_original_formulation": True},
            ),
        ),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerBase", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:Qwen3VLModel", optional=True),),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(
            layers=tuple(range(2, 36, 3)),
            stacked=True,
            tokens="asked",
            masked=True,
            template=_DESCRIBE,
            drop=34,
            suffix="<|im_end|>\n<|im_start|>assistant\n",
            places_axes=3,
        ),
    ),
    max_sequence_length=512,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:Krea2LoraLoaderMixin",
    defaults={"num_inference_steps": 28},
    flow=True,
    joined=STACKS[:1],
    schedule_reads_size=True,
    truncates_start=True,
    video_vae=True,
    classic_pipeline="Krea2Pipeline",
    modular_pipeline="Krea2ModularPipeline",
    modular_blocks="Krea2AutoBlocks",
)
"""The contract of Krea 2."""

KREA2_TURBO = evolve(
    KREA2,
    name="krea2-turbo",
    prefix="Krea2Turbo",
    roles={
        **KREA2.roles,
        "guider": (
            RoleComponent(
                "guider",
                ClassifierFreeGuidance,
                config={"guidance_scale": 0.0, "use_original_formulation": True},
            ),
        ),
    },
    defaults={"num_inference_steps": 8},
    fixed_shift=1.15,
    classic_pipeline="",
    modular_pipeline="Krea2TurboModularPipeline",
    modular_blocks="Krea2TurboAutoBlocks",
)
"""The contract of the distilled Krea 2, which is not guided, and whose schedule is the same for every size."""

for _name in ("KREA2", "KREA2_TURBO"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
