"""What the embedded model's adapters do to its images. Thresholds are the measured shares (model card) less a margin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from brickwork import ModularPipeline
from brickwork.presets.embedded import ARROW_LORA, FOLDER, IP_ADAPTER, LAYOUT_CONTROLNET
from embedded_model.evaluate import draw, held_out_scenes, shares
from embedded_model.measure_adapters import NAMES, arrows, controlled, layouts, overlap, pictured, seeing
from embedded_model.oracle import Oracle, as_picture, find_shapes, judge_shapes
from embedded_model.scenes import SceneSource

STEPS = 10


@pytest.fixture
def count(many: int) -> int:
    """How many images are judged: as many as the thresholds were measured with only with `--long`."""
    return 32 if many > 1 else 16


@pytest.fixture
def pipe(embedded_pipe: ModularPipeline) -> Iterator[ModularPipeline]:
    """The shared pipeline, which has no LoRA again in the end."""
    yield embedded_pipe
    embedded_pipe.unload_lora_weights()


def test_a_lora_teaches_a_shape_that_the_model_did_not_know(pipe: ModularPipeline, count: int) -> None:
    assert arrows(pipe, count, STEPS)["shape"] <= 0.1
    pipe.load_lora_weights(str(ARROW_LORA), adapter_name="arrow")
    found = arrows(pipe, count, STEPS)
    assert found["all"] >= 0.85, found


def test_with_the_lora_everything_else_is_drawn_as_before(
    pipe: ModularPipeline, scene_source: SceneSource, count: int
) -> None:
    pipe.load_lora_weights(str(ARROW_LORA), adapter_name="arrow")
    scenes = held_out_scenes(scene_source, "shapes", count, 7)
    pictures = draw(pipe, [scene.caption for scene in scenes], STEPS, 3.0)
    found = shares([judge_shapes(scene, picture, NAMES) for scene, picture in zip(scenes, pictures, strict=True)])
    assert found["all"] >= 0.8, found


def test_the_weight_of_the_lora_decides_whether_it_is_an_arrow(pipe: ModularPipeline) -> None:
    pipe.load_lora_weights(str(ARROW_LORA), adapter_name="arrow")
    kinds = []
    for weight in (1.0, 0.0):
        pipe.set_adapters("arrow", weight)
        (picture,) = draw(pipe, ["a red arrow on a white background"], 20, 3.0)
        kinds.append([found.shape for found in find_shapes(picture, NAMES)])
    assert kinds[0] == ["arrow"]
    assert kinds[1] != ["arrow"]


def test_a_controlnet_puts_things_where_its_picture_is_white(embedded_pipe: ModularPipeline, count: int) -> None:
    pipe = controlled(embedded_pipe)
    steered, right = layouts(pipe, count, STEPS, 1.0)
    alone, _ = layouts(pipe, count, STEPS, 0.0)
    assert steered >= 0.7, steered
    assert alone <= 0.5, alone
    assert right["colour"] >= 0.8, right


def test_a_controlnet_moves_one_shape_to_each_corner(embedded_pipe: ModularPipeline, oracle: Oracle) -> None:
    pipe = controlled(embedded_pipe)
    for box in ((4, 4, 28, 28), (36, 36, 60, 60), (4, 36, 28, 60)):
        layout = Image.new("RGB", (64, 64))
        ImageDraw.Draw(layout).ellipse(box, fill="white")
        picture = pipe(
            prompt="a blue circle on a yellow background",
            control_image=layout,
            num_inference_steps=20,
            guidance_scale=3.0,
            generator=torch.Generator().manual_seed(1),
            output="images",
        )[0]
        assert oracle.shapes(picture) == [("circle", "blue")]
        assert oracle.background(picture) == "yellow"
        assert overlap(np.asarray(layout)[..., 0] / 255, as_picture(picture)) > 0.6


def test_an_ip_adapter_draws_roughly_what_a_picture_shows(embedded_pipe: ModularPipeline, count: int) -> None:
    pipe = seeing(embedded_pipe)
    pipe.load_ip_adapter(str(IP_ADAPTER), weight_name="ip_adapter.safetensors", image_encoder_folder=None)
    try:
        shapes, things = (pictured(pipe, count * 3 // 4, STEPS, kind) for kind in ("shapes", "thing"))
    finally:
        pipe.unload_ip_adapter()
    assert shapes["background"] >= 0.9, shapes
    assert things["thing among five"] >= 0.25, things  # of 260 things; chance is 0.02


def test_the_adapters_are_small() -> None:
    folders = (ARROW_LORA, LAYOUT_CONTROLNET, IP_ADAPTER)
    assert all(folder.parent == FOLDER.parent for folder in folders)
    size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    assert size <= 8_000_000
