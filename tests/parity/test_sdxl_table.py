"""The presets equal diffusers' classic pipelines bit for bit, over tasks, features, pairs of features, and number formats.

A row compares what the denoiser is given at every step, the latents that are decoded, and the images. It has two prompts, of other lengths
than the negative ones, and a strength of which no whole number of steps is left. `--long` runs all pairs in all formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import frozen
from classic_table import PRESETS, Feature, Mend, Models, Table, is_asked
from coarse_images import half_mask, picture, square_mask
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler
from diffusers.image_processor import VaeImageProcessor

from brickwork import ModularPipeline

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 7,
    "guidance_scale": 5.0,
}
SIZE = {"height": 64, "width": 64}
PICTURE = {"image": picture(3), "strength": 0.63}
GIVEN: dict[str, dict[str, Any]] = {
    "text2image": {**ASKED, **SIZE, "num_inference_steps": 4},
    "image2image": {**ASKED, **PICTURE},
    "inpainting": {**ASKED, **PICTURE, **SIZE, "mask_image": half_mask()},
}
NOISE = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
OF_IMAGES, INPAINTING = ("image2image", "inpainting"), ("inpainting",)
EDGES = {"control_image": picture(8)}
LISTS = ("crop",)
"""The classic takes no list of control images together with a margin around the mask."""
TIMES = ("DDIM", "ancestral", "Heun", "own sigmas", "own timesteps")

FEATURES: dict[str, Feature] = {
    "control": Feature(EDGES, parts={"controlnet": "net"}, steered="control"),
    "control window": Feature(
        {**EDGES, "control_guidance_start": 0.2, "control_guidance_end": 0.6, "controlnet_conditioning_scale": 0.4},
        parts={"controlnet": "net"},
        steered="control",
    ),
    "guess mode": Feature({**EDGES, "guess_mode": True}, parts={"controlnet": "net"}, steered="control"),
    "pooling net": Feature(EDGES, parts={"controlnet": "pooling_net"}, steered="control"),
    "two nets": Feature(
        {
            "control_image": [picture(8), picture(9)],
            "controlnet_conditioning_scale": [0.5, 0.8],
            "control_guidance_start": [0.0, 0.5],
            "control_guidance_end": [0.6, 1.0],
        },
        parts={"controlnet": "two_nets"},
        steered="control",
        excludes=LISTS,
    ),
    "union": Feature(
        {**EDGES, "control_mode": 3}, parts={"controlnet": "union"}, steered="union", excludes=(*LISTS, "9 channels")
    ),
    "adapter": Feature({"adapter_image": [picture(8), picture(9)]}, parts={"adapter": "adapter"}, steered="adapter"),
    "adapter for a while": Feature(
        {
            "adapter_image": [picture(8), picture(9)],
            "adapter_conditioning_scale": 0.4,
            "adapter_conditioning_factor": 0.6,
        },
        parts={"adapter": "adapter"},
        steered="adapter",
    ),
    "image prompt": Feature({"ip_adapter_image": picture(5)}, loaded=("ip",)),
    "LoRA": Feature({"cross_attention_kwargs": {"scale": 0.6}}, loaded=("lora",)),
    "rescale": Feature(rescale=0.7),
    "clip skip": Feature({"clip_skip": 1}),
    "no guidance": Feature({"guidance_scale": 1.0}),
    "nothing negative": Feature(without=("negative_prompt",)),
    "sizes": Feature({"original_size": (96, 80), "crops_coords_top_left": (4, 8), "target_size": (128, 72)}),
    "negative sizes": Feature({"negative_original_size": (32, 40), "negative_target_size": (16, 24)}),
    "DDIM": Feature({"eta": 0.6}, parts={"scheduler": DDIMScheduler}, excludes=TIMES),
    "ancestral": Feature(parts={"scheduler": EulerAncestralDiscreteScheduler}, excludes=TIMES),
    "Heun": Feature(parts={"scheduler": HeunDiscreteScheduler}, excludes=("own sigmas",)),
    "own sigmas": Feature({"sigmas": [14.0, 12.0, 8.0, 5.0, 3.0, 1.5, 0.7, 0.3, 0.0]}, excludes=TIMES),
    "own timesteps": Feature({"timesteps": [950, 801, 620, 433, 250, 99]}),
    "end": Feature({"denoising_end": 0.55, "num_inference_steps": 11}),
    "start and end": Feature({"denoising_start": 0.3, "denoising_end": 0.8, "num_inference_steps": 9}, tasks=OF_IMAGES),
    "full strength": Feature({"strength": 1.0, "num_inference_steps": 4}, tasks=OF_IMAGES),
    "two images each": Feature({"num_images_per_prompt": 2}),
    "a picture each": Feature(
        {"image": [picture(3), picture(4)]}, tasks=OF_IMAGES, excludes=("two images each", "crop")
    ),
    "a generator each": Feature({"seeds": [1, 2]}, tasks=("text2image", "image2image"), excludes=("two images each",)),
    "latents": Feature(
        {"image": NOISE},
        tasks=OF_IMAGES,
        # The classic masks latents in pixels, or has nothing that is masked.
        excludes=(
            "crop",
            "9 channels",
            *("control", "control window", "guess mode", "pooling net", "two nets", "union"),
        ),
    ),
    "size of the image": Feature(without=("height", "width"), tasks=INPAINTING),
    "crop": Feature({"mask_image": square_mask(), "padding_mask_crop": 8, "output_type": "pil"}, tasks=INPAINTING),
    "9 channels": Feature(parts={"channels": 9}, tasks=INPAINTING),
    "VAE that never overflows": Feature(parts={"vae": "calm_vae"}),
    "VAE with statistics": Feature(parts={"vae": "counted_vae"}),
    "not decoded": Feature({"output_type": "latent"}),
    "auto": Feature(auto=True, excludes=("adapter", "adapter for a while")),
}


@contextmanager
def rows_in_order(classic: Any, _: dict[str, Any]) -> Iterator[None]:
    """Sizes of negatives first, then those of positives, as all else of a batch."""

    def ordered(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        added = kwargs["added_cond_kwargs"]
        rows = torch.cat([added["time_ids"][::2], added["time_ids"][1::2]])
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


FLOAT32: dict[str, list[str]] = {
    "text2image": [
        "", "nothing negative", "auto", "control, image prompt", "control window, end", "guess mode, LoRA", "pooling net, sizes",
        "two nets, ancestral", "union, two images each", "adapter, image prompt", "adapter for a while, end", "adapter, rescale",
        "image prompt, LoRA", "clip skip, DDIM", "no guidance, control", "negative sizes", "negative sizes, control",
        "own sigmas, two images each", "own timesteps, Heun", "a generator each, ancestral", "VAE that never overflows",
        "VAE with statistics", "adapter, Heun", "adapter, LoRA",
    ],
    "image2image": [
        "", "auto, control", "own sigmas, LoRA", "own timesteps, rescale", "own timesteps, Heun", "control window, image prompt",
        "guess mode", "pooling net", "two nets, two images each", "union", "negative sizes, sizes", "start and end, rescale",
        "full strength, ancestral", "a picture each, DDIM", "a generator each", "latents, end", "VAE with statistics, control",
        "image prompt, LoRA",
    ],
    "inpainting": [
        "", "nothing negative, rescale", "auto, control, crop", "control, crop", "control, crop, size of the image",
        "control, size of the image", "control window, end", "guess mode, rescale", "pooling net", "two nets, ancestral", "union",
        "union, size of the image", "control, 9 channels, crop", "image prompt, LoRA", "own sigmas, 9 channels",
        "own timesteps, two images each", "own timesteps, Heun", "DDIM, 9 channels", "ancestral, two images each", "ancestral, latents",
        "a picture each, DDIM", "start and end", "full strength, 9 channels", "negative sizes, crop", "VAE with statistics",
        "clip skip, not decoded", "image prompt, crop, 9 channels",
    ],
}  # fmt: skip
HALF: dict[str, list[str]] = {
    "text2image": ["control, clip skip", "adapter, image prompt"],
    "image2image": ["image prompt, LoRA", "control, VAE that never overflows", "own sigmas, negative sizes"],
    "inpainting": ["control, crop", "9 channels, ancestral", "VAE that never overflows, DDIM"],
}
FORMATS = {
    "float32": FLOAT32,
    "bfloat16": {**HALF, "image2image": [*HALF["image2image"], "VAE with statistics"]},
    "float16": HALF,
}


def covering() -> Iterator[Any]:
    """Each task, feature and format, and the pairs that meet in the code."""
    for dtype, tasks in FORMATS.items():
        for task, rows in tasks.items():
            for row in rows:
                yield dtype, task, tuple(row.split(", ")) if row else ()


def every_pair() -> Iterator[Any]:
    """All pairs of features that the classic takes together."""
    for dtype in FORMATS:
        for task in PRESETS:
            singles = [(name,) for name in FEATURES]
            for names in (*singles, *combinations(FEATURES, 2)):
                if _go_together(names) and is_asked(task, [FEATURES[name] for name in names]):
                    yield dtype, task, names


def _go_together(names: Sequence[str]) -> bool:
    return all(
        FEATURES[one].goes_with(FEATURES[other])
        and one not in FEATURES[other].excludes
        and other not in FEATURES[one].excludes
        for one, other in combinations(names, 2)
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "names" in metafunc.fixturenames:
        rows = list(covering())
        if metafunc.config.getoption("--long"):
            rows = list(dict.fromkeys([*rows, *every_pair()]))
        ids = [f"{dtype} {task}: {', '.join(names) or 'plain'}" for dtype, task, names in rows]
        metafunc.parametrize(("dtype", "task", "names"), rows, ids=ids)


@pytest.fixture(scope="module")
def tables(tiny_folder: Path, _loaded: ModularPipeline) -> dict[str, Table]:
    """A table for each number format, whose models are made once."""
    shared = {name: _loaded.components[name] for name in _loaded.pretrained_component_names}
    return {dtype: Table(Models(tiny_folder, shared, getattr(torch, dtype)), GIVEN) for dtype in FORMATS}


def test_the_preset_equals_the_classic(dtype: str, task: str, names: tuple[str, ...], tables: dict[str, Table]) -> None:
    features = [FEATURES[name] for name in names]
    if "VAE with statistics" in names and any((task, name) in UNDECODED for name in names):
        features.append(FEATURES["not decoded"])
    assert tables[dtype].run(task, features, [each.mend for each in wrongs(task, names)]) == []


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.tasks[0]}: {', '.join(sorted(wrong.features))}")
def test_the_classic_is_wrong_where_the_table_mends_it(wrong: Wrong, tables: dict[str, Table]) -> None:
    assert tables["float32"].run(wrong.tasks[0], [FEATURES[name] for name in sorted(wrong.features)]) != []


def test_every_feature_has_a_row_in_each_of_its_tasks() -> None:
    rows = list(covering())
    assert all(is_asked(task, [FEATURES[name] for name in names]) for _, task, names in rows), (
        "the classic has all inputs"
    )
    for name, feature in FEATURES.items():
        missing = [task for task in PRESETS if is_asked(task, [feature])
                   and not any(name in names for _, where, names in rows if where == task)]  # fmt: skip
        assert name in OFTEN_ALIKE or not missing, f"{name}: {missing}"


OFTEN_ALIKE = ("nothing negative", "clip skip", "no guidance", "not decoded", "end", "two images each", "sizes", "Heun")
"""What takes the same way in every task: a row in one of them is enough."""


@pytest.mark.parametrize("task", ["inpainting", "text2image"])
def test_the_statistics_of_a_vae_hold_in_decoding(task: str, tables: dict[str, Table]) -> None:
    """Where the classic forgets them: what is decoded is what the text-to-image pipeline decodes of the same latents."""
    steered = FEATURES["adapter" if task == "text2image" else "control"]
    table = tables["float32"]
    drawn = table.drawn(task, [steered, FEATURES["VAE with statistics"]])
    latents = table.drawn(task, [steered, FEATURES["VAE with statistics"], FEATURES["not decoded"]])
    vae = table.models.part("counted_vae")
    config = vae.config
    mean, deviation = (torch.tensor(each).view(1, 4, 1, 1) for each in (config.latents_mean, config.latents_std))
    with torch.no_grad():
        pixels = vae.decode(latents * deviation / config.scaling_factor + mean, return_dict=False)[0]
    assert torch.equal(drawn, VaeImageProcessor().postprocess(pixels, output_type="pt"))
