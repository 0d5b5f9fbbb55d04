"""Latents as tokens of 2x2 (Peebles and Xie 2022, https://arxiv.org/abs/2212.09748, section 3.2): for transformers that read nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..state import InputError
from .flow import FlowContract, shift_of_tokens

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .roles import Autoencoder, Denoiser, Scheduler

KEPT, RATE = "@kept", "@frame_rate"
"""Where a denoiser of videos is told how many frames are given, and how many a second has."""
CHANNELS, TOKENS = "@channels", "@tokens"
"""Where a denoiser is told images: in further channels of the latents, or in further tokens after theirs."""


def packed(latents: Tensor) -> Tensor:
    """Return latents `[b c h w]` as tokens `[b h/2*w/2 c*4]`; of a token's numbers the channel changes slowest."""
    b, c, h, w = latents.shape
    return latents.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(b, h * w // 4, c * 4)


def unpacked(tokens: Tensor, height: int, width: int) -> Tensor:
    """Return tokens `[b h/2*w/2 c*4]` as latents `[b c h w]` of a height and a width; the inverse of `packed`."""
    b, _, c = tokens.shape
    squares = tokens.reshape(b, height // 2, width // 2, c // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return squares.reshape(b, c // 4, height, width)


def places(latents: Tensor, number: int, dtype: torch.dtype) -> Tensor:
    """Return number of the image, row and column of each token of latents, `[tokens 3]`."""
    import torch

    rows, columns = (torch.arange(side // 2, device=latents.device) for side in latents.shape[-2:])
    # In float32 and then rounded, as in diffusers: in bfloat16 rows after the 256th share their places.
    grid = torch.cartesian_prod(rows, columns).reshape(-1, 2).float()
    return torch.nn.functional.pad(grid, (1, 0), value=number).to(dtype)


def references_in(kwargs: Mapping[str, Any]) -> list[Tensor]:
    """Return the latents of images that a denoiser is told in further tokens."""
    told = kwargs.get(TOKENS, [])
    return told if isinstance(told, list) else [told]


@frozen
class PackedTokens(FlowContract):
    """Transformers that read latents as tokens, a timestep in 0..1, and places of text and image.

    Conditioning fields whose argument is "@channels" stand beside the latents in what is packed, in the order of the fields'
    names in `denoiser_kwargs`; those of "@tokens" are packed by themselves, and follow them.
    """

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Pack latents `[b c h w]` and images, and unpack as many tokens as are latents' own."""
        import torch

        given = torch.cat([latents, kwargs[CHANNELS]], dim=1) if CHANNELS in kwargs else latents
        tokens = self.tokens_of(given)
        count = tokens.shape[1]
        if TOKENS in kwargs:
            tokens = torch.cat([tokens, *map(self.tokens_of, references_in(kwargs))], dim=1)
        told = kwargs
        if CHANNELS in kwargs or TOKENS in kwargs:
            told = {name: value for name, value in kwargs.items() if name not in (CHANNELS, TOKENS)}
        prediction = super().predict(denoiser, tokens, self.time_of(latents, t), told)
        return self.latents_of(prediction[:, :count] if TOKENS in kwargs else prediction, latents)

    def time_of(self, latents: Tensor, t: Any) -> Tensor:
        """Return a timestep in 0..1 for each row of latents."""
        # Rounded before it is divided, as in diffusers.
        time: Tensor = t.expand(latents.shape[0]).to(latents.dtype) / 1000
        return time

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - others read it
        """Return the side of a megapixel: the transformer's configuration says no size."""
        return 128 * self.vae_scale_factor(vae)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:
        """Return even sigmas down to 1/steps, and a shift by the number of tokens."""
        import numpy as np

        sigmas = {} if scheduler.config.get("use_flow_sigmas") else {"sigmas": np.linspace(1.0, 1 / steps, steps)}
        return {**sigmas, **({} if shape is None else self.shift(scheduler, steps, shape))}

    def shift(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...]) -> dict[str, float]:  # noqa: ARG002 - others read it
        """Return the shift of a schedule for latents of a shape."""
        return shift_of_tokens(scheduler, shape[-2] * shape[-1] // 4)

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - others read it
        """Return the VAE's: the denoiser's are those of tokens, some with images beside the latents."""
        return self.vae_channels(vae)


@frozen
class Packed2x2(PackedTokens):
    """Transformers that read four latents as one token."""

    def tokens_of(self, latents: Tensor) -> Tensor:
        """Pack latents.

        Raises:
            InputError: a side has an odd number of them.
        """
        fault = self.tokens_fault(latents)
        if fault is not None:
            raise InputError(f"The latents are {fault}")
        return packed(latents)

    def tokens_fault(self, latents: Tensor) -> str | None:
        """Say that a side has an odd number of latents."""
        height, width = latents.shape[-2:]
        if height % 2 == 0 and width % 2 == 0:
            return None
        return f"{height}x{width} (height x width in latents), and {self.name} reads squares of 2x2; give an even number of rows and columns."

    def latents_of(self, tokens: Tensor, like: Tensor) -> Tensor:
        """Unpack tokens to the height and width of `like`."""
        return unpacked(tokens, *like.shape[-2:])

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others read it
        """Return where each token is: text at 0, latents in image 0, images that are read beside them in image 1."""
        import torch

        text = kwargs["encoder_hidden_states"]
        images = [places(latents, 0, text.dtype)]
        images += [places(each, 1, text.dtype) for each in references_in(kwargs)]
        return {"txt_ids": text.new_zeros(text.shape[1], 3), "img_ids": torch.cat(images)}

    def predicted_channels(self, denoiser: Denoiser) -> int | None:
        """Return a fourth of what is in a token."""
        made = super().predicted_channels(denoiser)
        return None if made is None else made // 4
