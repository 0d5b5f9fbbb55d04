"""What the networks of the embedded model are trained for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MIN_SNR = 5.0


def velocity_loss(
    clean: Tensor,
    noise: Tensor,
    alphas: Tensor,
    predict: Callable[[Tensor], Tensor],
    teach: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Velocity error, weighted by min-SNR (Hang et al. 2023, eq. 5 for v: min(snr, 5) / (snr + 1)).

    Args:
        clean: latents, `[b, 4, h, w]`. noise: of the same shape, unit variance. alphas: cumulative, `[b]`, one each.
        predict: the velocity, given noisy latents. teach: what it shall be, where a teacher knows better than the noise does.
    """
    alpha = alphas.view(-1, 1, 1, 1)
    noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
    noisy = noisy.contiguous(memory_format=torch.channels_last)
    velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean if teach is None else teach(noisy)
    predicted = predict(noisy)
    ratio = alphas / (1 - alphas)
    weight = ratio.clamp(max=MIN_SNR) / (ratio + 1)
    return (weight * (predicted - velocity).pow(2).mean((1, 2, 3))).mean()
