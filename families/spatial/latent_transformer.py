"""What transformers share that read latents `[b c h w]`, and cut them into patches by themselves (Peebles and Xie 2022, 2212.09748)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine.network_calls import call_rows
from ..contract import FamilyContract
from ..layers import Layer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..roles import Denoiser


def resized_crop(grid: tuple[int, int], trained: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return top left and bottom right corner of a grid in the middle of the one of training, as large as its ratio lets it be.

    Args:
        grid, trained: rows and columns of tokens.
    """
    (height, width), (rows, columns) = grid, trained
    # In this order: another one rounds otherwise than `get_resize_crop_region_for_grid` of diffusers.
    high, wide = (
        (rows, round(rows / height * width))
        if height / width > rows / columns
        else (round(columns / width * height), columns)
    )
    top, left = round((rows - high) / 2.0), round((columns - wide) / 2.0)
    return (top, left), (top + high, left + wide)


class Float32Latents:
    """A family whose latents are in float32 beside a denoiser in half precision: the solver's sums are longer than that holds."""

    __slots__ = ()

    def latents_dtype(self, dtype: torch.dtype) -> torch.dtype:  # noqa: ARG002 - whatever the denoiser's
        """Return float32."""
        import torch

        return torch.float32


@frozen
class LatentTransformer(FamilyContract):
    """A transformer that may say a variance beside its prediction."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with one timestep for each row."""
        prediction: Tensor = call_rows(
            self.row_arguments, denoiser, latents, timestep=t.expand(latents.shape[0]), **kwargs, return_dict=False
        )[0]
        return prediction

    def read_channels(self, denoiser: Denoiser) -> int | None:
        """Return what the transformer's configuration says."""
        count = denoiser.config.in_channels
        return count if isinstance(count, int) else None

    def predicts_variance(self, denoiser: Denoiser) -> bool:
        """Return whether it has twice the channels that it reads."""
        return bool(denoiser.config.out_channels == 2 * denoiser.config.in_channels)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks."""
        return [Layer(f"transformer_blocks.{i}", block) for i, block in enumerate(denoiser.transformer_blocks)]

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> list[int]:  # noqa: ARG002 - all are alike
        """Return the layer at a third of the way."""
        return [len(layers) // 3]
