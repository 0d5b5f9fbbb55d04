"""Sweeps: all combinations, labelled, with what they share computed once."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import torch
from PIL import Image

from brickwork import InputError, MemoryCache, ModularPipeline
from brickwork.engine.events import CacheHit
from brickwork.pipeline.images import grid
from brickwork.pipeline.sweep import Sweep

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "height": 64, "width": 64}


def test_every_combination_is_the_call_itself(tiny_pipe: ModularPipeline) -> None:
    swept = tiny_pipe.sweep(**INPUTS, guidance_scale=[1.0, 5.0, 9.0], seed=[1, 2], output_type="pt")
    assert len(swept) == 6
    for point, images in swept:
        alone = tiny_pipe(
            **INPUTS, guidance_scale=point["guidance_scale"], generator=torch.Generator().manual_seed(point["seed"]),
            output="images", output_type="pt",
        )  # fmt: skip
        assert torch.equal(images, alone)
    assert swept.points[0] == {"guidance_scale": 1.0, "seed": 1}
    assert tiny_pipe.settings.cache is None
    assert swept.seconds_saved > 0
    assert "Sweep(3 guidance_scale x 2 seed: 6 results" in repr(swept)


def test_one_seed_is_given_as_in_a_call(tiny_pipe: ModularPipeline) -> None:
    swept = tiny_pipe.sweep(**INPUTS, guidance_scale=[1.0, 5.0], seed=3)
    assert [point["seed"] for point in swept.points] == [3, 3]
    with pytest.raises(InputError, match="seed must be a list with one value or more"):
        tiny_pipe.sweep(**INPUTS, guidance_scale=[1.0, 5.0], seed=True)


def test_shared_work_is_done_once_and_one_bar_counts_the_runs(
    tiny_pipe: ModularPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[Any] = []
    tiny_pipe.configure(listeners=[told.append], progress=True)
    tiny_pipe.sweep(**INPUTS, axes={"guidance_scale": [3.0, 5.0]}, seed=[1, 2])
    assert tiny_pipe.settings.progress
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "2/2" not in shown  # steps of the denoising
    encoded = [event.path for event in told if isinstance(event, CacheHit) and event.path.startswith("text_encoder")]
    assert encoded.count("text_encoder.positive.encode") == 3
    assert encoded.count("text_encoder.negative.encode") >= 2


def test_any_input_is_an_axis_and_the_grid_has_labels(tiny_pipe: ModularPipeline) -> None:
    rest = {name: value for name, value in INPUTS.items() if name != "prompt"}
    swept = tiny_pipe.sweep(axes={"prompt": ["a cat", "a red circle"], "seed": [1, 2, 3]}, **rest)
    drawn = swept.grid(resize=32)
    assert drawn.size[0] == 3 * 32
    assert drawn.size[1] > 2 * 32
    assert swept._repr_png_().startswith(b"\x89PNG")


def swept(axes: dict[str, Any], counts: list[int], size: tuple[int, int] = (40, 30)) -> Sweep:
    """A sweep whose cells have so many images, each of another grey."""
    greys = iter(range(10, 250, 10))
    results = tuple([Image.new("RGB", size, (grey,) * 3) for grey in islice(greys, count)] for count in counts)
    return Sweep(axes, results, 0.0)


def greys_of(grid: Image.Image, columns: int, rows: int) -> list[list[int]]:
    """The grey in the middle of each place of a grid, row by row."""
    width, height = grid.width // columns, grid.height // rows
    return [[grid.getpixel((at * width + 20, row * height + 15))[0] for at in range(columns)] for row in range(rows)]  # type: ignore[index]  # RGB


def test_all_images_of_a_call_stand_in_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(grid, "_fitted", lambda _, text, __: said.append(text) or text)
    drawn = swept({"seed": [1, 2], "guidance_scale": [3.0, 5.0]}, [2, 2, 2, 2]).grid()
    assert greys_of(drawn, 4, 2) == [[10, 20, 30, 40], [50, 60, 70, 80]]
    assert said[:3] == [
        "seed=1, guidance_scale=3 (1 of 2)", "seed=1, guidance_scale=3 (2 of 2)", "seed=1, guidance_scale=5 (1 of 2)"
    ]  # fmt: skip


def test_a_list_of_prompts_as_one_value_says_each_images_own(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(grid, "_fitted", lambda _, text, __: said.append(text) or text)
    sizes = {"prompt": [["a cat", "a dog"], "a hat"], "timesteps": [[0.9, 0.5]]}
    drawn = swept(sizes, [4, 1]).grid()
    assert said == [
        "prompt=a cat, timesteps=[0.9, 0.5] (1 of 4)", "prompt=a cat, timesteps=[0.9, 0.5] (2 of 4)",
        "prompt=a dog, timesteps=[0.9, 0.5] (3 of 4)", "prompt=a dog, timesteps=[0.9, 0.5] (4 of 4)",
        "prompt=a hat, timesteps=[0.9, 0.5]", "", "", "",
    ]  # fmt: skip
    assert greys_of(drawn, 4, 2) == [[10, 20, 30, 40], [50, 255, 255, 255]]


def test_a_list_that_is_no_images_own_is_said_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(grid, "_fitted", lambda _, text, __: said.append(text) or text)
    swept({"prompt": [["a cat", "a dog"]]}, [3]).grid()
    assert said[0] == "prompt=['a cat', 'a dog'] (1 of 3)"


def test_images_of_several_sizes_do_not_cover_each_other() -> None:
    small, large = (Image.new("RGB", (side, side), "black") for side in (20, 40))
    drawn = Sweep({"height": [20, 40]}, ([small], [large]), 0.0).grid()
    assert drawn.width == 80
    assert drawn.getpixel((30, 10)) == (255, 255, 255)
    assert drawn.getpixel((70, 35)) == (0, 0, 0)


def test_a_batch_is_one_call_of_each_combination(tiny_pipe: ModularPipeline) -> None:
    rest = {**INPUTS, "prompt": ["a cat", "a red circle"], "num_inference_steps": 1}
    found = tiny_pipe.sweep(**rest, guidance_scale=[1.0, 5.0])
    assert [len(images) for _, images in found] == [2, 2]
    assert found.grid(resize=16).width == 4 * 16


@pytest.mark.parametrize(
    ("axes", "inputs", "message"),
    [
        ({}, {}, "Give at least one axis"),
        ({"promt": ["a"]}, {}, "'promt' is no input of this pipeline. Did you mean 'prompt'"),
        ({"seed": []}, {}, "seed must be a list"),
        ({"seed": 3}, {}, "seed must be a list"),
        ({"prompt": "a cat"}, {}, "prompt must be a list"),
        ({"prompt": ["a"]}, {"prompt": "b"}, "prompt is given as an axis and as an input"),
        ({"seed": [1]}, {"generator": None}, "seed and generator are two ways"),
    ],
)
def test_mistakes_are_said(axes: Any, inputs: Any, message: str, tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match=message):
        tiny_pipe.sweep(axes=axes, **inputs)


def test_a_sweep_that_fails_leaves_the_settings(tiny_pipe: ModularPipeline) -> None:
    cache = MemoryCache()
    tiny_pipe.configure(cache=cache)
    with pytest.raises(InputError, match="num_inference_steps"):
        tiny_pipe.sweep(prompt="a cat", num_inference_steps=[2, -1])
    assert tiny_pipe.settings.cache is cache
    with pytest.raises(InputError, match="The results are no images"):
        tiny_pipe.sweep(**INPUTS, seed=[1], output_type="pt").grid()
