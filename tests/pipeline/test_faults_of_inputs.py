"""Faults of a call say which input they are about, and all of them are found at once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler, PNDMScheduler

import brickwork
from brickwork import BrickworkError, Fault, InputError, ModularPipeline, PipelineState, find_preset
from brickwork.blocks import Scope, SequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS


def inputs_of(call: Callable[[], object]) -> list[tuple[str, ...]]:
    """What the faults of a call are about, in order."""
    with pytest.raises(BrickworkError) as caught:
        call()
    assert all(isinstance(fault, Fault) for fault in caught.value.faults)
    return [fault.inputs for fault in caught.value.faults if isinstance(fault, Fault)]


WORDS = {"prompt": "a red circle"}


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({"promt": 1, **WORDS}, [("promt",)]),
        ({}, [("prompt",)]),
        ({**WORDS, "num_inference_steps": "many"}, [("num_inference_steps",)]),
        ({**WORDS, "guidance_scale": -1}, [("guidance_scale",)]),
        ({**WORDS, "width": 65}, [("width",)]),
        ({**WORDS, "timesteps": [9, 3], "sigmas": [0.3, 0.1]}, [("timesteps", "sigmas")]),
        ({**WORDS, "timesteps": [3, 9]}, [("timesteps",)]),
        ({"prompt": ["a", "b"], "negative_prompt": ["a", "b", "c"]}, [("negative_prompt", "prompt", "negative_prompt")]),
        ({**WORDS, "generator": [torch.Generator(), torch.Generator()]}, [("generator",)]),
        ({**WORDS, "seed": 1, "generator": torch.Generator()}, [("seed", "generator")]),
        ({**WORDS, "seed": -1}, [("seed",)]),
        ({**WORDS, "seed": "one"}, [("seed",)]),
        ({**WORDS, "seed": [1, 2]}, [("seed",)]),
        ({**WORDS, "latents": torch.zeros(4, 8, 8)}, [("latents",)]),
        ({**WORDS, "latents": torch.zeros(1, 4, 9, 9)}, [("latents",)]),
        ({**WORDS, "clip_skip": 99}, [("clip_skip",), ("clip_skip",)]),
        ({**WORDS, "denoiser_input_fields": 1}, [("denoiser_input_fields",)]),
        ({"prompt_embeds": torch.zeros(1, 77, 64), **WORDS}, [("pooled_prompt_embeds",)]),
        ({**WORDS, "timesteps": [5000, 3]}, [("timesteps",)]),
        ({**WORDS, "num_inference_steps": 10**9}, [("num_inference_steps",)]),
        ({**WORDS, "cross_attention_kwargs": {"foo": 1, "scale": "x"}}, [("cross_attention_kwargs",)] * 2),
        ({**WORDS, "num_images_per_prompt": 10**9}, [("num_images_per_prompt",)]),
        ({**WORDS, "num_images_per_prompt": 10**9, "generator": torch.Generator()}, [("num_images_per_prompt",)]),
    ],
)  # fmt: skip
def test_a_fault_names_the_input(
    embedded_pipe: ModularPipeline, given: dict[str, Any], about: list[tuple[str, ...]]
) -> None:
    assert inputs_of(lambda: embedded_pipe.prepare_run(None, "images", dict(given))) == about


def test_an_input_by_position_and_by_name_is_named(embedded_pipe: ModularPipeline) -> None:
    assert inputs_of(lambda: embedded_pipe("a red circle", prompt="a blue one")) == [("prompt",)]


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({"promt": 1, "height": 65}, ["promt", "prompt", "height"]),
        ({"height": 65, "width": 1}, ["prompt", "height", "width"]),
        ({**WORDS, "height": 65, "foo": 1}, ["foo", "height"]),
        ({"promt": 1, "guidance_scale": -1, "height": "a"}, ["promt", "prompt", "guidance_scale", "height"]),
        ({"promt": 1, "timesteps": [9, 3], "sigmas": [0.3, 0.1]}, ["promt", "prompt", "timesteps"]),
        ({"prompt_embeds": torch.zeros(1, 77, 64), "height": 65}, ["pooled_prompt_embeds", "height"]),
    ],
)  # fmt: skip
def test_all_faults_are_found_where_an_input_is_unknown_or_missing(
    embedded_pipe: ModularPipeline, given: dict[str, Any], about: list[str]
) -> None:
    assert [each[0] for each in inputs_of(lambda: embedded_pipe.prepare_run(None, "images", dict(given)))] == about


def test_a_fault_in_a_scope_names_the_input_as_the_caller_knows_it() -> None:
    scope = Scope.from_blocks_dict(TEXT2IMAGE_BLOCKS, inputs={"height": "tall", "prompt": "caption"})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"scope": scope}).init_pipeline()
    assert inputs_of(lambda: pipe.prepare_run(None, "images", {"tall": 65})) == [("caption",), ("tall",)]


def test_a_block_may_say_texts_alone(embedded_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError) as caught:
        embedded_pipe("a red circle", output="imags")
    assert [getattr(fault, "input", None) for fault in caught.value.faults] == [None]


def auto_pipe(name: str) -> ModularPipeline:
    return find_preset(name).init_pipeline()


def test_strength_without_an_image_is_one_fault_that_says_so() -> None:
    with pytest.raises(
        InputError, match=r"^'strength' is read by no block .*; leave it out, or give image, with which it is read\.$"
    ):
        auto_pipe("sdxl.auto").prepare_run(None, "images", {**WORDS, "strength": 0.5})
    # With these, nothing more would make a block read it.
    with pytest.raises(InputError, match=r"^'prompt' is read by no block [^;]*; leave it out\.$"):
        auto_pipe("sdxl.auto").prepare_run(
            None,
            "images",
            {**WORDS, "prompt_embeds": torch.zeros(1, 77, 64), "pooled_prompt_embeds": torch.zeros(1, 32)},
        )


def test_a_mask_by_another_name_is_one_fault_where_there_are_masks_and_where_there_are_none() -> None:
    given = {**WORDS, "image": torch.zeros(1, 3, 64, 64), "mask": torch.zeros(1, 1, 64, 64)}
    for name in ("sdxl.image2image", "sdxl.inpainting"):
        with pytest.raises(InputError) as caught:
            auto_pipe(name).prepare_run(None, "images", dict(given))
        assert [str(fault) for fault in caught.value.faults] == [
            "'mask' is no input of this pipeline. In place of mask: mask_image=, of a task with a mask."
        ]
    # What is missing besides is still told.
    del given["image"]
    with pytest.raises(InputError, match="needs 'image'"):
        auto_pipe("sdxl.inpainting").prepare_run(None, "images", dict(given))


def test_a_whole_state_that_is_saved_as_an_image_is_told_what_to_pass(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"save\(state\['images'\], path\), or run for the images alone, save\(pipe\(\.\.\., output='images'\), path\)",
    ):
        brickwork.save(PipelineState(), tmp_path / "x.png")


def test_what_is_no_image_is_told_of_paths_and_other_inputs_are_not() -> None:
    given = {**WORDS, "image": 3, "num_inference_steps": "many"}
    with pytest.raises(InputError) as caught:
        auto_pipe("sdxl.image2image").prepare_run(None, "images", given)
    said = {fault.input: str(fault) for fault in caught.value.faults if isinstance(fault, Fault)}
    assert said["image"].endswith("The path of a file is an image, too: image='image.png'.")
    assert "path" not in said["num_inference_steps"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"foo": 1}, r"cross_attention_kwargs: no layer of the denoiser takes 'foo'\. There are: scale\."),
        ({"scal": 1}, "takes 'scal'. Did you mean 'scale'?"),
        ({"encoder_hidden_states": 1}, "takes 'encoder_hidden_states'"),
        ({"ip_adapter_masks": []}, r"takes 'ip_adapter_masks', as no IP-Adapter is loaded: pipe\.load_ip_adapter"),
        ({"scale": True}, r"scale, by which the call weighs LoRAs, is True \(bool\); it is a finite number\."),
        ({"scale": None}, r"is None \(NoneType\); it is a finite number\."),
        ({"scale": float("nan")}, r"is nan \(float\); it is a finite number\."),
    ],
)
def test_arguments_of_attention_that_nothing_takes_are_refused(
    embedded_pipe: ModularPipeline, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        embedded_pipe.prepare_run(None, "images", {**WORDS, "cross_attention_kwargs": given})


@pytest.mark.parametrize(
    ("scheduler", "given", "said"),
    [
        (
            EulerDiscreteScheduler,
            {"timesteps": [5000]},
            r"timesteps hold 5000; with num_train_timesteps=1000 they are in",
        ),
        (PNDMScheduler, {"sigmas": [0.3, 0.1]}, "PNDMScheduler takes no sigmas of your own; choose another scheduler"),
        (
            PNDMScheduler,
            {"timesteps": [9, 3]},
            "PNDMScheduler takes no timesteps of your own; choose another scheduler",
        ),
    ],
)
def test_levels_that_a_scheduler_does_not_take_are_refused_before_the_run(
    embedded_pipe: ModularPipeline, scheduler: Any, given: dict[str, Any], said: str
) -> None:
    pipe = copy.copy(embedded_pipe)
    pipe.update_components(scheduler=scheduler.from_config(embedded_pipe.scheduler.config))
    with pytest.raises(InputError, match=said):
        pipe.prepare_run(None, "images", {**WORDS, **given})


def test_few_images_wait_for_no_import_of_diffusers_pipelines(
    embedded_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("brickwork.blocks.core.peer_family.peer_pipeline_class", asked.append)
    monkeypatch.setattr("brickwork.pipeline.images.room_for_images.memory_of", lambda _: 2**30)
    given = {**WORDS, "num_images_per_prompt": 2, "seed": 1}
    assert len(embedded_pipe.prepare_run(None, "images", given).values["generator"]) == 2
    assert not asked


def test_images_that_would_fill_the_memory_are_refused_and_the_most_is_said(
    embedded_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_image = 64 * 32 * 12 + 5056
    given = {**WORDS, "height": 64, "width": 32, "num_images_per_prompt": 3, "seed": 1}
    monkeypatch.setattr("brickwork.pipeline.images.room_for_images.memory_of", lambda _: 3 * of_image)
    assert len(embedded_pipe.prepare_run(None, "images", dict(given)).values["generator"]) == 3
    monkeypatch.setattr("brickwork.pipeline.images.room_for_images.memory_of", lambda _: 3 * of_image - 1)
    words = (
        r"3 images of 32x64 take 88\.9 KB as pixels alone, and there are 88\.9 KB of memory. Ask for 2 at the very most"
    )
    with pytest.raises(InputError, match=words):
        embedded_pipe.prepare_run(None, "images", dict(given))
    many = {"prompt": ["a cat"] * 4, "height": 64, "width": 32}
    assert inputs_of(lambda: embedded_pipe.prepare_run(None, "images", dict(many))) == [("prompt",)]
    monkeypatch.setattr("brickwork.pipeline.images.room_for_images.memory_of", lambda _: None)
    embedded_pipe.prepare_run(None, "images", dict(given))
