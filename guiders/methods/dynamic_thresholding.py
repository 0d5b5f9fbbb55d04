"""Dynamic thresholding (Saharia et al. 2022, Imagen, https://arxiv.org/abs/2205.11487, section 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..setting_types import Positive, Quantile
from ..written_settings import checked
from .around import GuidanceAround

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep
    from ..noise_level import NoiseLevel


@frozen(kw_only=True, slots=False, field_transformer=checked)
class DynamicThresholding(GuidanceAround):
    """Keep high scales from driving an image out of its range: clip the clean sample at a quantile, and shrink it.

    Attributes:
        quantile: share of each sample's absolute values that stay unclipped.
        bound: the range that samples have. 1 is the paper's, for networks that predict pixels; None, for latents, takes what
            the conditional prediction alone has at the same quantile, so that guidance changes what is there and not its range.
    """

    quantile: Quantile = 0.995
    bound: Positive | None = None

    def corrected(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, noise: NoiseLevel, memory: object
    ) -> tuple[Tensor, Any]:
        """Clip and shrink what the inner guider means; where it does nothing and there is no bound, that stays as it is."""
        guided, memory = self.inner.combine(predictions, step, memory)
        conditional = predictions["conditional"]
        # The very object: nothing was guided, and clipping at its own quantile would change it.
        if self.bound is None and guided is conditional:
            return guided, memory
        bound = self._extent(noise.sample_of(conditional)) if self.bound is None else self.bound
        return noise.prediction_of(self.thresholded(noise.sample_of(guided), bound)), memory

    def thresholded(self, sample: Tensor, bound: float | Tensor) -> Tensor:
        """Clip samples `[b ...]` at their quantile, at least at `bound` (a number or `[b 1 ...]`), and bring them to `bound`."""
        # At least the bound, as in Imagen: samples within their range are left alone.
        limit = self._extent(sample).clamp_min(bound)
        shrunk: Tensor = sample.clamp(-limit, limit) * (bound / limit)
        return shrunk

    def _extent(self, sample: Tensor) -> Tensor:
        """Return the quantile of each sample's absolute values, `[b 1 ...]`."""
        values = sample.flatten(1).abs().sort(dim=1).values
        # By hand, with the rule of torch.quantile, which refuses more than 16 million values.
        place = self.quantile * (values.shape[1] - 1)
        low = int(place)
        high = min(low + 1, values.shape[1] - 1)
        found = values[:, low].lerp(values[:, high], place - low)
        return found.reshape(-1, *[1] * (sample.ndim - 1))
