"""What families of flow matching share: a shift of the schedule by size, latents with a shift, transformers that are called by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import field, frozen

from ..engine.network_calls import call_rows
from ..state.object_content import UNCOUNTED
from ..state.vocabulary import NegativePromptEmbeds, PooledPromptEmbeds, PromptEmbeds
from .contract import ConditioningField, FamilyContract
from .layers import Layer

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder, Denoiser, Scheduler

TEXT_FIELDS = (
    ConditioningField(
        "prompt_embeds",
        "negative_prompt_embeds",
        PromptEmbeds,
        NegativePromptEmbeds,
        argument="encoder_hidden_states",
        source="hidden",
    ),
    ConditioningField(
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
        PooledPromptEmbeds,
        argument="pooled_projections",
        source="pooled",
    ),
)
"""Hidden states and pooled vector of text, as transformers of flow matching are told them."""

_BOTH = ("encoder_hidden_states", "hidden_states")
STACKS = ("transformer_blocks", "single_transformer_blocks")


def shift_of_tokens(scheduler: Scheduler, tokens: int, most: float = 1.15) -> dict[str, float]:
    """Return the shift of a schedule, `{"mu": ...}`, on a line through two numbers of tokens; nothing where the scheduler has none of its own.

    Source: Esser et al. 2024 (https://arxiv.org/abs/2403.03206, section 5.3.2), with the line of FLUX.1.

    Args:
        most: the shift at the greater number, where the scheduler's configuration says none.
    """
    config = scheduler.config
    if not config.get("use_dynamic_shifting", False):
        return {}
    first, last = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    low, high = config.get("base_shift", 0.5), config.get("max_shift", most)
    # In this order: another one rounds otherwise than `calculate_shift` of diffusers.
    slope = (high - low) / (last - first)
    return {"mu": tokens * slope + (low - slope * first)}


@frozen
class FlowContract(FamilyContract):
    """Transformers that predict a flow, over a VAE whose latents are scaled and shifted.

    Attributes:
        joined: names of the stacks whose blocks read text and image as one, and return them so.
    """

    joined: tuple[str, ...] = field(default=(), metadata=UNCOUNTED)

    reads_shift: ClassVar[bool] = True

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with one timestep for each row."""
        told = {"hidden_states": latents, "timestep": t.expand(latents.shape[0]), **kwargs, "return_dict": False}
        prediction: Tensor = call_rows(self.row_arguments, denoiser, **told)[0]
        return prediction

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Shift, then scale."""
        scaled: Tensor = (latents - vae.config.shift_factor) * vae.config.scaling_factor
        return scaled

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Scale, then shift."""
        unscaled: Tensor = (latents / vae.config.scaling_factor) + vae.config.shift_factor
        return unscaled

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return blocks of text and image first, then those of both in one."""
        stacks = {name: getattr(denoiser, name) for name in STACKS if hasattr(denoiser, name)}
        returns = {name: ("hidden_states",) if name in self.joined else _BOTH for name in stacks}
        return [
            Layer(f"{name}.{i}", block, returns[name])
            for name, stack in stacks.items()
            for i, block in enumerate(stack)
        ]

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> list[int]:  # noqa: ARG002 - all are alike
        """Return the layer at a third of the way."""
        return [len(layers) // 3]
