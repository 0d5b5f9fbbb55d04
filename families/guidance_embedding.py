"""A strength of guidance as networks are told it: UNets as a vector, as they are told timesteps; transformers as a number.

Source: Kingma et al. 2021 (https://github.com/google-research/vdm, model_vdm.py), as latent consistency models use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..engine.device_copies import sent

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser


def told_scales(denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Tensor]:
    """Return strengths as transformers are told them that embed them themselves."""
    import torch

    return {"guidance": sent(torch.tensor(list(scales), dtype=torch.float32), denoiser.device)}


def embedded_scales(scales: Sequence[float], width: int) -> Tensor:
    """Return sines and cosines of strengths, `[strengths width]`; a strength of 1, which changes nothing, is embedded
    as 0.
    """
    import torch

    half = width // 2
    # In torch and in this order, as `get_guidance_scale_embedding` of diffusers, which models were distilled with;
    # `math.log` rounds otherwise.
    decay = torch.log(torch.tensor(10000.0)) / (half - 1)
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -decay)
    angles = (torch.tensor(list(scales)) - 1.0)[:, None] * 1000.0 * frequencies[None, :]
    found = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    return torch.nn.functional.pad(found, (0, 1)) if width % 2 else found
