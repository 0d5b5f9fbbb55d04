"""Roles: what the standard blocks ask of the components that they are given, whatever the family.

Only type checkers read the members. A component is never refused for what it lacks of them, because schedulers and networks
of other libraries serve as well as diffusers' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Denoiser(Protocol):
    """Role: the network that is called once per step."""

    # Each class of diffusers has a configuration with other entries, which no type names.
    config: Any
    dtype: torch.dtype
    device: torch.device

    def __call__(self, sample: Tensor, timestep: Tensor | float, **inputs: object) -> Any:
        """Predict noise, sample or velocity for latents at a timestep; the prediction comes first in what is returned."""
        ...


class TextEncoder(Protocol):
    """Role: a text encoder."""

    config: Any
    dtype: torch.dtype
    device: torch.device

    def __call__(self, input_ids: Tensor, **options: object) -> Any:
        """Encode token ids `[b, tokens]`, as transformers' models do."""
        ...


class Tokenizer(Protocol):
    """Role: the tokenizer of a text encoder."""

    model_max_length: int
    added_tokens_encoder: dict[str, int]

    def __call__(self, text: str | list[str], **options: object) -> Any:
        """Turn texts into token ids, as transformers' tokenizers do."""
        ...

    def batch_decode(self, sequences: Sequence[Sequence[int]], **options: object) -> list[str]:
        """Turn token ids back into texts."""
        ...

    def apply_chat_template(self, conversation: list[dict[str, Any]], **options: object) -> Any:
        """Write messages as the language model of the tokenizer reads them."""
        ...


class Autoencoder(Protocol):
    """Role: between images and latents."""

    config: Any
    dtype: torch.dtype
    device: torch.device

    def encode(self, x: Tensor) -> Any:
        """Encode images `[b, 3, height, width]` in -1..1 to a distribution of latents, or to latents."""
        ...

    def decode(self, z: Tensor, return_dict: bool = ...) -> Any:
        """Decode latents to images in -1..1; with `return_dict=False` they come first in a tuple."""
        ...

    def to(self, *, dtype: torch.dtype) -> object:
        """Cast the weights."""
        ...


class ControlNet(Protocol):
    """Role: a network that steers the denoiser by an image."""

    config: Any

    def __call__(self, sample: Tensor, timestep: Tensor | float, **inputs: object) -> Any:
        """Return what is added to the denoiser's features: those of its way down, and those of its middle."""
        ...


class ImageAdapter(Protocol):
    """Role: a network whose features of an image are added to the denoiser's."""

    config: Any
    dtype: torch.dtype
    downscale_factor: int

    # One adapter takes images; several in one take lists of images and of weights.
    def __call__(self, x: Tensor | list[Tensor], adapter_weights: list[float] = ...) -> list[Tensor]:
        """Return features for the denoiser's stages, the largest first."""
        ...


PictureAdapter = ImageAdapter
"""The older name of `ImageAdapter`."""


class ImageEmbedder(Protocol):
    """Role: a network that makes of what an image encoder has seen what a denoiser reads as text."""

    config: Any

    def __call__(self, x: Tensor) -> Any:
        """Return `image_embeds` `[b tokens width]` of hidden states `[b tokens seen]`."""
        ...


class Scheduler(Protocol):
    """Role: noise schedule and solver."""

    config: Any
    timesteps: Tensor
    order: int
    init_noise_sigma: float | Tensor

    def set_timesteps(
        self, num_inference_steps: int | None = None, device: torch.device | str | None = None, **own: object
    ) -> None:
        """Choose the timesteps of a run; some schedulers take `timesteps` or `sigmas` in place of their number."""
        ...

    def scale_model_input(self, sample: Tensor, timestep: Tensor | float) -> Tensor:
        """Scale latents as the denoiser expects them at a timestep."""
        ...

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Mix latents with noise, as much as each timestep `[b]` has."""
        ...

    def step(self, model_output: Tensor, timestep: Tensor | float, sample: Tensor, **options: object) -> Any:
        """Go from the latents of a timestep to those of the next, which come first in what is returned."""
        ...


ROLE_TYPES = (ControlNet, ImageAdapter, ImageEmbedder, Denoiser, TextEncoder, Tokenizer, Autoencoder, Scheduler)
