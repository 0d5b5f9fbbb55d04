"""Mistakes of a call: what is given first, seeds, names of diffusers, devices and dtypes."""

from __future__ import annotations

from typing import Any

import torch
from mistake import Mistake

from brickwork import ComponentError, InputError, ModularPipeline, PipelineState


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def seeded(**inputs: Any) -> Any:
    return lambda pipe: pipe("a red circle", **inputs)


FIRST_VALUES = [
    Mistake(
        "the prompt by position and by name",
        "embedded",
        lambda pipe: pipe("a red circle", prompt="a blue one"),
        InputError,
        ("prompt is given twice", "by position"),
    ),
    Mistake(
        "a state that is none",
        "embedded",
        lambda pipe: pipe(state="a red circle"),
        InputError,
        ("state=", "'a red circle'"),
    ),
    Mistake(
        "two states",
        "embedded",
        lambda pipe: pipe(PipelineState(), state=PipelineState()),
        InputError,
        ("Two states",),
    ),
    Mistake(
        "a number for the prompt",
        "embedded",
        lambda pipe: pipe(7),
        InputError,
        ("prompt is 7", "str"),
    ),
    Mistake(
        "a negative prompt by position, which is the name of the output",
        "embedded",
        lambda pipe: pipe("a red circle", "blurry"),
        InputError,
        ("'blurry' is no output",),
    ),
]
SEEDS = [
    Mistake(
        "seed and generator",
        "embedded",
        seeded(seed=1, generator=generator()),
        InputError,
        ("seed and generator are two ways",),
    ),
    Mistake("a seed in words", "embedded", seeded(seed="7"), InputError, ("seed is '7' (a str)", "whole number")),
    Mistake("a seed with a fraction", "embedded", seeded(seed=7.5), InputError, ("seed is '7.5'", "whole number")),
    Mistake("a negative seed", "embedded", seeded(seed=-1), InputError, ("seed is -1", "Leave it out")),
    Mistake("a seed that is too large", "embedded", seeded(seed=2**64), InputError, ("2**63 - 1",)),
    Mistake("a generator as the seed", "embedded", seeded(seed=generator()), InputError, ("generator=",)),
    Mistake("two seeds for one image", "embedded", seeded(seed=[1, 2]), InputError, ("2 seeds for 1 image", "seed=1")),
    Mistake("no seed in a list", "embedded", seeded(seed=[]), InputError, ("0 seeds for 1 image",)),
    Mistake(
        "two seeds for three images",
        "embedded",
        seeded(seed=[1, 2], num_images_per_prompt=3),
        InputError,
        ("2 seeds for 3 images", "one for each"),
    ),
    Mistake(
        "a list with something else",
        "embedded",
        seeded(seed=[1, "2"], num_images_per_prompt=2),
        InputError,
        ("seed is '2' (a str)",),
    ),
    Mistake("a seed as the generator", "embedded", seeded(generator=7), InputError, ("generator is 7", "seed=7")),
    Mistake(
        "seeds as generators", "embedded", seeded(generator=[1, 2]), InputError, ("generator is [1, 2]", "seed=[1, 2]")
    ),
    Mistake(
        "two generators for three images",
        "embedded",
        seeded(generator=[generator(), generator()], num_images_per_prompt=3),
        InputError,
        ("2 generators were given for 3 images", "seed=7"),
    ),
    Mistake(
        "a list of one generator for two images",
        "embedded",
        seeded(generator=[generator()], num_images_per_prompt=2),
        InputError,
        ("1 generators were given for 2 images", "give one for each"),
    ),
    Mistake("a misspelt seed", "embedded", seeded(sead=7), InputError, ("'sead' is no input", "'seed'")),
    Mistake(
        "a seed and a generator in a sweep",
        "embedded",
        lambda pipe: pipe.sweep(prompt="a red circle", seed=[1], generator=generator()),
        InputError,
        ("seed and generator are two ways",),
    ),
]


def put(**components: Any) -> Any:
    return lambda pipe: pipe.update_components(**components)


COMPONENTS = [
    Mistake("a misspelt scheduler", "tiny", put(scheduler="dpmp_2m"), ComponentError, ("'dpmp_2m'", "'dpmpp_2m'")),
    Mistake(
        "a misspelt class of a scheduler",
        "tiny",
        put(scheduler="DPMSolverMultiStepScheduler"),
        ComponentError,
        ("Did you mean 'DPMSolverMultistepScheduler'?", "Short names: ddim"),
    ),
    Mistake(
        "sigmas that a scheduler does not have",
        "tiny",
        put(scheduler="ddim_karras"),
        ComponentError,
        ("'ddim_karras' is no scheduler", "DDIMScheduler has no setting 'use_karras_sigmas'"),
    ),
    Mistake(
        "a misspelt setting of a scheduler",
        "tiny",
        put(scheduler={"name": "dpmpp_2m", "use_karas_sigmas": True}),
        ComponentError,
        ("no setting 'use_karas_sigmas'", "'use_karras_sigmas'"),
    ),
    Mistake(
        "a value that a scheduler refuses",
        "tiny",
        put(scheduler={"name": "dpmpp_2m", "algorithm_type": "fast"}),
        ComponentError,
        ("DPMSolverMultistepScheduler could not be made with", "fast"),
    ),
    Mistake(
        "settings without a name",
        "tiny",
        put(scheduler={"use_karras_sigmas": True}),
        ComponentError,
        ("'name' with settings",),
    ),
    Mistake(
        "the class of a model as the scheduler",
        "tiny",
        put(scheduler="UNet2DConditionModel"),
        ComponentError,
        ("'UNet2DConditionModel' is no scheduler",),
    ),
    Mistake(
        "a model as the scheduler, by attribute",
        "tiny",
        lambda pipe: setattr(pipe, "scheduler", pipe.unet),
        ComponentError,
        ("'scheduler' expects", "got a UNet2DConditionModel"),
    ),
    Mistake(
        "a folder as the model",
        "tiny",
        put(unet="models/unet"),
        ComponentError,
        ("got a str", "ComponentSpec('unet', repo='models/unet')"),
    ),
]
DEVICES_AND_DTYPES = [
    Mistake(
        "a device that is not there",
        "tiny",
        lambda pipe: pipe.to("xpu"),
        ComponentError,
        ("no device 'xpu'", "There are: cpu"),
    ),
    Mistake("a misspelt device", "tiny", lambda pipe: pipe.to("cudaa"), ComponentError, ("no device 'cudaa'", "cpu")),
    Mistake("a misspelt dtype", "tiny", lambda pipe: pipe.to(dtype="fp61"), ComponentError, ("dtype='fp61'", "'fp16'")),
    Mistake("a dtype of whole numbers", "tiny", lambda pipe: pipe.to(dtype="int8"), ComponentError, ("dtype='int8'",)),
    Mistake(
        "a dtype for a component that is not there",
        "tiny",
        lambda pipe: pipe.load_components(dtype={"unett": "fp16"}),
        ComponentError,
        ("no component 'unett'", "Did you mean 'unet'?"),
    ),
    Mistake(
        "a misspelt dtype for all",
        "tiny",
        lambda pipe: pipe.load_components("unet", dtype="fp-16"),
        ComponentError,
        ("dtype='fp-16'", "'fp16'"),
    ),
    Mistake(
        "a misspelt dtype of a repository",
        "embedded",
        lambda pipe: ModularPipeline.from_pretrained(pipe.repo_name, torch_dtype="float61"),
        ComponentError,
        ("dtype='float61'",),
    ),
    Mistake(
        "two spellings of a dtype",
        "embedded",
        lambda pipe: ModularPipeline.from_pretrained(pipe.repo_name, torch_dtype="fp16", dtype="fp32"),
        ComponentError,
        ("two spellings",),
    ),
]
MISTAKES = [*FIRST_VALUES, *SEEDS, *COMPONENTS, *DEVICES_AND_DTYPES]
