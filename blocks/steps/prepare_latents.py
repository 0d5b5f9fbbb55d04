"""Draw the noise that the denoising begins from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...engine.device_copies import sent
from ...families.asked_members import FIRST_NOISE, asks
from ...families.contract import Autoencoder, Denoiser, FamilyContract, Scheduler
from ...families.noise_schedule import first_scale
from ...state import Fault, InputError, Outputs
from ...state.vocabulary import BatchSize, DType, Generators, Height, ImagesPerPrompt, Latents, Width
from ..core.block import Block
from ..core.input_checks import image_count
from ..core.slots import component
from .resolve_size import own_size, resolved_size

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class PrepareLatents(Block):
    """Draw noise for every image, or take latents that the caller gives, at the scheduler's first noise level."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)
    scheduler: Scheduler = component(doc="Says how strong the first noise is.")

    class Out(Outputs):
        latents: Latents
        height: Height
        width: Width

    def shape_advice(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of tokens how they become latents."""
        yield from unpacking_advice(self.family, given)

    def effective_defaults(self) -> Mapping[str, Any]:
        """The denoiser's own size."""
        return own_size(self.family, self.denoiser, self.vae)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say how latents of the caller's own differ from what the images need, as far as their size is known."""
        # Not where another block may give the size: only a name that is there with None is certain to be left out.
        own = self.effective_defaults()
        sizes = {side: size for side, size in own.items() if side in given and given[side] is None}
        channels = self.family.latent_channels(self.denoiser, self.vae)
        yield from latents_misfits(self.family, {**given, **sizes}, channels, self.vae)

    def run(
        self,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        height: Height | None = None,
        width: Width | None = None,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        height, width = resolved_size(self.family, self.denoiser, self.vae, height, width)
        made = self.prepared(batch_size * num_images_per_prompt, dtype, height, width, latents, generator)
        return self.Out(latents=made, height=height, width=width)

    def prepared(
        self,
        batch: int,
        dtype: torch.dtype,
        height: int,
        width: int,
        latents: Tensor | None,
        generator: Generators | None,
    ) -> Tensor:
        """Return noise for so many images of a size that the family has, or given latents, at the scheduler's first noise level.

        Raises:
            InputError: given latents have another shape.
        """
        shape = self.family.latent_shape(self.denoiser, self.vae, batch, height, width)
        if latents is None:
            # In the run's own number format: drawn in float32 and rounded, it would be other noise than diffusers'.
            latents = draw_noise(shape, generator, self.device, dtype)
        elif tuple(latents.shape) != shape:
            raise InputError(_latents_words(latents, batch, f" of {height}x{width}", shape))
        scheduler = self.scheduler
        # Given latents, too: they are noise of deviation 1, as in diffusers.
        # In the run's own dtype: latents that were kept in half precision would meet weights in float32.
        return latents.to(self.device, dtype) * first_scale(scheduler)


class PrepareSizedLatents(PrepareLatents):
    """Draw noise for every image of a size that is known, or take latents that the caller gives, at the scheduler's first noise level."""

    class Out(Outputs):
        latents: Latents

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        batch_size: BatchSize,
        dtype: DType,
        height: Height,
        width: Width,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        batch = batch_size * num_images_per_prompt
        return self.Out(latents=self.prepared(batch, dtype, height, width, latents, generator))


asks(PrepareLatents, scheduler=(FIRST_NOISE,))


def unpacking_advice(family: FamilyContract, given: Mapping[str, Any]) -> Iterator[str]:
    """Say of latents that are tokens, as classic pipelines have them, how they become latents; nothing of others."""
    if getattr(given.get("latents"), "ndim", None) == 3 and type(family).tokens_of is not FamilyContract.tokens_of:
        yield Fault(
            f"latents of three dimensions are tokens, as the classic pipelines of {family.name} have them; here latents are spatial. "
            f"Unpack them: brickwork.registry.families.get({family.name!r}).latents_of(latents, like), where `like` is a tensor with as "
            "many rows and columns as the latents.",
            "latents",
        )


def latents_misfits(
    family: FamilyContract, given: Mapping[str, Any], channels: int | None, vae: Autoencoder
) -> Iterator[str]:
    """Yield how latents of the caller's own differ from what is known before the run of those that the images need."""
    latents = given.get("latents")
    if latents is None or latents.ndim != 4:  # of other dimensions it has been said already
        return
    factor = family.vae_scale_factor(vae)
    sides = {side: given.get(side) for side in ("height", "width")}
    needed: list[int | str] = [image_count(family, given) or len(latents), channels or latents.shape[1]]
    needed += [size // factor if isinstance(size, int) else f"{side} / {factor}" for side, size in sides.items()]
    if any(isinstance(size, int) and size != own for size, own in zip(needed, latents.shape, strict=True)):
        yield Fault(_latents_words(latents, needed[0], "", needed), "latents")


def _latents_words(latents: Tensor, images: int | str, size: str, shape: Sequence[int | str]) -> str:
    needed = ", ".join(map(str, shape))
    return f"latents have the shape {list(latents.shape)}; {images} image{'s' * (images != 1)}{size} need{'s' * (images == 1)} [{needed}]."


def draw_noise(
    shape: tuple[int, ...], generator: Generators | None, device: torch.device | str, dtype: torch.dtype
) -> Tensor:
    """Draw standard normal noise.

    Args:
        generator: None, one generator, or one per item of the batch. CPU generators work for every device, and give
            the same noise on all of them.

    Raises:
        InputError: there is not one generator for each item, or one lies on another device.
    """
    import torch

    device = torch.device(device)
    if isinstance(generator, (list, tuple)) and len(generator) == shape[0] == 1:
        generator = generator[0]
    if isinstance(generator, (list, tuple)):
        if len(generator) != shape[0]:
            raise InputError(f"{len(generator)} generators were given for {shape[0]} images; give one for each.")
        # One after another, so that each image of the batch is the one that its generator makes alone.
        return torch.cat([draw_noise((1, *shape[1:]), each, device, dtype) for each in generator])
    source = generator.device if generator is not None else device
    # A generator of one accelerator cannot draw on another; on the CPU every machine draws the same.
    is_other = source.type != device.type or (None not in (source.index, device.index) and source.index != device.index)
    if source.type != "cpu" and is_other:
        raise InputError(f"The generator lies on {source}, and the run on {device}; use a CPU generator.")
    drawn = torch.randn(shape, generator=generator, device=source, dtype=dtype)
    return sent(drawn, device)
