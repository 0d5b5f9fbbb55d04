"""What diffusers' classic pipelines of Stable Diffusion XL do wrong, and what brings it in order: 0.42.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from attrs import frozen
from classic_table import Mend
from sdxl_rows import FEATURES, INPAINTING, OF_IMAGES


@contextmanager
def rows_in_order(classic: Any, _: dict[str, Any]) -> Iterator[None]:
    """Sizes of negatives first, then those of positives, as all else of a batch."""

    def ordered(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        added = kwargs["added_cond_kwargs"]
        negative, positive = added["time_ids"][::2], added["time_ids"][1::2]
        # A net that guesses is told half of the rows, which shall be the positive ones.
        rows = torch.cat([positive if kwargs.get("guess_mode") else negative, positive])
        return args, {**kwargs, "added_cond_kwargs": {**added, "time_ids": rows}}

    net = getattr(classic, "controlnet", None)
    networks = [classic.unet, *([] if net is None else getattr(net, "nets", [net]))]
    hooks = [each.register_forward_pre_hook(ordered, with_kwargs=True, prepend=True) for each in networks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def statistics_of_latents(classic: Any, _: dict[str, Any]) -> Iterator[None]:
    """Latents of images are brought to the denoiser's scale by mean and deviation, as they are before they are decoded."""
    plain, config = classic._encode_vae_image, classic.vae.config

    def encode(image: Any, generator: Any) -> Any:
        # In the shared VAE: what the classic multiplies with is 1 for the time of the call.
        with scaled_by(classic.vae, 1.0):
            latents = plain(image=image, generator=generator)
        mean, deviation = (
            torch.tensor(each).view(1, 4, 1, 1).to(latents) for each in (config.latents_mean, config.latents_std)
        )
        return (latents - mean) * config.scaling_factor / deviation

    classic._encode_vae_image = encode
    yield


@contextmanager
def scaled_by(vae: Any, factor: float) -> Iterator[None]:
    before = vae.config.scaling_factor
    vae.register_to_config(scaling_factor=factor)
    try:
        yield
    finally:
        vae.register_to_config(scaling_factor=before)


@contextmanager
def steps_and_not_timesteps(classic: Any, _: dict[str, Any]) -> Iterator[None]:
    """A share of the steps: Heun's method has two timesteps for nearly each of them."""
    plain = classic.get_timesteps
    classic.get_timesteps = lambda count, *args, **kwargs: plain((count + 1) // 2, *args, **kwargs)
    yield


@contextmanager
def through_all_iterations(_: Any, inputs: dict[str, Any]) -> Iterator[None]:
    """A share of Heun's iterations, which are one less than twice its steps."""
    steps = inputs["num_inference_steps"]
    inputs["adapter_conditioning_factor"] = inputs.get("adapter_conditioning_factor", 1.0) * (2 * steps - 1) / steps
    yield


@contextmanager
def features_of_prompts(classic: Any, _: dict[str, Any]) -> Iterator[None]:
    """Each adapter image goes to the images of its prompt: the classic's rows are a, b, a, b, and not a, a, b, b."""

    def ordered(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        told = kwargs.get("down_intrablock_additional_residuals")
        rows = [torch.cat([half[[0, 2, 1, 3]] for half in each.chunk(2)]) for each in told or ()]
        return args, {**kwargs, **({"down_intrablock_additional_residuals": rows} if told else {})}

    hook = classic.unet.register_forward_pre_hook(ordered, with_kwargs=True, prepend=True)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def guessing(_: Any, inputs: dict[str, Any]) -> Iterator[None]:
    """Nets that pool guess, as in the other tasks."""
    inputs["guess_mode"] = True
    yield


@contextmanager
def text_encoders_are_told(classic: Any, inputs: dict[str, Any]) -> Iterator[None]:
    """A LoRA's scale holds for the text encoders, too."""
    plain = classic.encode_prompt
    scale = inputs["cross_attention_kwargs"]["scale"]
    classic.encode_prompt = lambda **kwargs: plain(**kwargs, lora_scale=scale)
    yield


@frozen
class Wrong:
    """What a classic pipeline does wrong in a task with some features, and what brings it in order; docs/sdxl.md has a line for each."""

    reason: str
    tasks: Sequence[str]
    features: frozenset[str]
    mend: Mend
    """Mends the classic, with which the preset is compared then."""
    unless: frozenset[str] = frozenset()


ADAPTERS, HEUN = ("adapter", "adapter for a while"), "Heun"
WRONG = [
    Wrong("It mixes up the sizes of a batch.", ("text2image",), frozenset({"negative sizes"}), rows_in_order,
          frozenset({"no guidance"})),
    Wrong("It encodes without the statistics with which it decodes.", INPAINTING, frozenset({"VAE with statistics"}),
          statistics_of_latents, frozenset({"latents"})),
    Wrong("It takes a share of twice the steps.", OF_IMAGES, frozenset({HEUN, "own timesteps"}), steps_and_not_timesteps),
    *(Wrong("The adapter counts for half of the way.", ("text2image",), frozenset({HEUN, each}), through_all_iterations)
      for each in ADAPTERS),
    *(Wrong("The adapter's images go to other prompts.", ("text2image",), frozenset({"two images each", each}), features_of_prompts)
      for each in ADAPTERS),
    Wrong("It does not ask the net whether it pools.", INPAINTING, frozenset({"pooling net"}), guessing,
          frozenset({"no guidance"})),
    *(Wrong("It forgets the scale for the text encoders.", ("text2image",), frozenset({"LoRA", each}), text_encoders_are_told)
      for each in ADAPTERS),
]  # fmt: skip
UNDECODED = {
    ("text2image", "adapter"),
    ("text2image", "adapter for a while"),
    *(("inpainting", name) for name in FEATURES if FEATURES[name].steered),
}
"""What decodes without the statistics of its VAE in the classic: compared before it is decoded."""


def wrongs(task: str, names: Sequence[str]) -> list[Wrong]:
    """Return what the classic does wrong in a row."""
    return [each for each in WRONG if task in each.tasks and each.features <= {*names} and not each.unless & {*names}]
