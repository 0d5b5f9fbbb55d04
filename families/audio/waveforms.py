"""What families have in common whose latents are of an autoencoder of waveforms (AutoencoderOobleck)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import frozen

from ..contract import FamilyContract
from ..layers import Layer

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


@frozen
class WaveformContract(FamilyContract):
    """An autoencoder of waveforms, whose latents are not scaled, and a transformer whose layers are all alike."""

    medium: ClassVar[Literal["image", "video", "audio"]] = "audio"

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return how many samples a latent is long."""
        return math.prod(vae.config.downsampling_ratios)

    def vae_channels(self, vae: Autoencoder) -> int:
        """Return those that the decoder reads."""
        return int(vae.config.decoder_input_channels)

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:  # noqa: ARG002 - they have one scale
        """Return them as they are."""
        return latents

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """Return them as they are."""
        return latents

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> list[int]:  # noqa: ARG002 - all are alike
        """Return the layer at a third of the way."""
        return [len(layers) // 3]
