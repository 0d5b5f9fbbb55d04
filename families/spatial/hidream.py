"""What is particular to HiDream-I1 (Cai et al. 2025, https://arxiv.org/abs/2505.22705)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine.network_calls import call_rows
from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import (
    FourthNegativePrompt,
    FourthPrompt,
    LayeredEmbeds,
    NegativePromptEmbeds,
    PooledPromptEmbeds,
    PromptEmbeds,
    ThirdNegativePrompt,
    ThirdPrompt,
)
from ...state.written_constants import note_constant
from ..contract import ConditioningField, Encoded, RoleComponent, TextEncoding
from ..flow import FlowContract, shift_of_tokens
from ..layers import Layer
from ..shared_fields import PROMPT, PROMPT_2

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

_BOTH = ("hidden_states", "encoder_hidden_states")


@frozen
class HiDreamContract(FlowContract):
    """Two CLIPs whose vectors count, a T5, and a Llama of which every layer is read; the transformer predicts the flow towards the image."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer, which takes the layers of the Llama before its rows; solvers go away from the image, so the sign is theirs."""
        layered = kwargs["encoder_hidden_states_llama3"].movedim(2, 0)
        told = {**kwargs, "encoder_hidden_states_llama3": layered, "timesteps": t.expand(latents.shape[0])}
        prediction: Tensor = call_rows(self.row_arguments, denoiser, latents, **told, return_dict=False)[0]
        return -prediction

    def joined_texts(
        self,
        encoded: Sequence[Encoded | None],
        denoiser: Denoiser | None,  # noqa: ARG002 - others read these
        rows: int,  # noqa: ARG002
        tokens: int | None,  # noqa: ARG002
    ) -> Mapping[str, Tensor | None]:
        """Return the T5's hidden states, the Llama's, and the vectors of both CLIPs in a row."""
        import torch

        *clips, t5, llama = (each or Encoded() for each in encoded)
        pooled = [each.pooled for each in clips if each.pooled is not None]
        vector = torch.cat(pooled, dim=-1) if pooled else None
        return {"hidden": t5.hidden, "second hidden": llama.hidden, "pooled": vector}

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - the scheduler's own
        """Return the shift for as many tokens as the transformer reads at most, of whichever size an image is."""
        return {} if shape is None else shift_of_tokens(scheduler, _MOST_TOKENS)

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - its configuration says none
        """Return the side of a megapixel."""
        return 128 * self.vae_scale_factor(vae)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return blocks of text and image first, then those of both in one."""
        stacks = {"double_stream_blocks": _BOTH, "single_stream_blocks": _BOTH[:1]}
        return [
            Layer(f"{name}.{i}", block, returns, returns)
            for name, returns in stacks.items()
            for i, block in enumerate(getattr(denoiser, name))
        ]

    def text_width(self, widths: Sequence[int | None]) -> int | None:
        """Return the width of the T5's, which stand by themselves."""
        return widths[0]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the widths of what the encoders say."""
        t5, llama = denoiser.config.caption_channels
        return {"hidden": t5, "second hidden": llama, "pooled": denoiser.config.text_emb_dim}

    def latents_fault(self, denoiser: Any, latents: Tensor) -> str | None:
        """Say that latents are more than it has room for; those of squares it takes of any size."""
        height, width = (side // 2 for side in latents.shape[-2:])
        if height == width or height * width <= denoiser.max_seq:
            return None
        return (
            f"The latents are {2 * height}x{2 * width}, which are {height * width} squares of 2x2, and the transformer reads at most "
            f"{denoiser.max_seq}: give a smaller height or width."
        )


_MOST_TOKENS = 4096
"""Squares of 2x2 latents of a megapixel."""
_CLIP = TextEncoding(hidden=False, pooled=True, tokens="asked", most=218)

_TEXT = (
    ConditioningField(
        "prompt_embeds_t5",
        "negative_prompt_embeds_t5",
        PromptEmbeds,
        NegativePromptEmbeds,
        argument="encoder_hidden_states_t5",
        source="hidden",
    ),
    ConditioningField(
        "prompt_embeds_llama3",
        "negative_prompt_embeds_llama3",
        LayeredEmbeds,
        argument="encoder_hidden_states_llama3",
        source="second hidden",
    ),
    ConditioningField(
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
        PooledPromptEmbeds,
        argument="pooled_embeds",
        source="pooled",
    ),
)

HIDREAM = HiDreamContract(
    name="hidream",
    prefix="HiDream",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:HiDreamImageTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0}),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:CLIPTokenizer"),
            RoleComponent("tokenizer_2", "transformers:CLIPTokenizer"),
            RoleComponent("tokenizer_3", "transformers:T5TokenizerFast"),
            RoleComponent("tokenizer_4", "transformers:PreTrainedTokenizerFast"),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:CLIPTextModelWithProjection"),
            RoleComponent("text_encoder_2", "transformers:CLIPTextModelWithProjection"),
            RoleComponent("text_encoder_3", "transformers:T5EncoderModel"),
            RoleComponent("text_encoder_4", "transformers:LlamaForCausalLM"),
        ),
    },
    groups={
        "denoiser_input_fields": _TEXT,
        "prompt_embeds": _TEXT,
        "prompts": (
            PROMPT,
            PROMPT_2,
            ConditioningField("prompt_3", "negative_prompt_3", ThirdPrompt, ThirdNegativePrompt, required=False),
            ConditioningField("prompt_4", "negative_prompt_4", FourthPrompt, FourthNegativePrompt, required=False),
        ),
    },
    text_encodings=(
        _CLIP,
        _CLIP,
        TextEncoding(hidden_state=None, tokens="asked", masked=True),
        TextEncoding(tokens="asked", masked=True, stacked=True, pads_with_end=True),
    ),
    max_sequence_length=128,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    schedule_reads_size=True,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:HiDreamImageLoraLoaderMixin",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny")},
    classic_pipeline="HiDreamImagePipeline",
)
"""The contract of HiDream-I1."""

families.register(HIDREAM.name, f"{__name__}:HIDREAM")
note_constant(HIDREAM, f"{__name__}.HIDREAM")
