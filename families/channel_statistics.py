"""VAEs whose latents are brought to mean 0 and deviation 1 by numbers of each channel (`latents_mean`, `latents_std`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from .packing import Packed2x2

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder


@frozen
class PackedOverStatistics(Packed2x2):
    """Transformers over a VAE of videos that has numbers of each channel."""

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return one halving for each stage of the VAE."""
        return int(2 ** len(vae.config.temperal_downsample))

    def vae_channels(self, vae: Autoencoder) -> int:
        """Return what the VAE's configuration calls `z_dim`."""
        return int(vae.config.z_dim)

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Take mean and deviation of each channel away."""
        return without_statistics(vae.config, latents)

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Give each channel its deviation and mean."""
        return with_statistics(vae.config, latents)


def without_statistics(config: Any, latents: Tensor) -> Tensor:
    """Return latents `[b c ...]` without mean, times 1 over the deviation, which rounds otherwise than a division."""
    mean, deviation = statistics_of(config, latents)
    return (latents - mean) * (1.0 / deviation)


def divided_by_statistics(config: Any, latents: Tensor) -> Tensor:
    """Return the same by a division, as diffusers has it where images are read as references."""
    mean, deviation = statistics_of(config, latents)
    return (latents - mean) / deviation


def with_statistics(config: Any, latents: Tensor) -> Tensor:
    """Return latents `[b c ...]` with deviation and mean; the inverse of `without_statistics`."""
    mean, deviation = statistics_of(config, latents)
    return latents / (1.0 / deviation) + mean


def statistics_of(config: Any, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each channel, in the shape and dtype in which they go with latents."""
    import torch

    mean, deviation = (
        torch.tensor(each, device=latents.device).to(latents.dtype).view(1, -1, *[1] * (latents.ndim - 2))
        for each in (config.latents_mean, config.latents_std)
    )
    return mean, deviation
