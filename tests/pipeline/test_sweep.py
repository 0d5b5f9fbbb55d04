"""Sweeps: all combinations, labelled, with what they share computed once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from brickwork import InputError, MemoryCache, ModularPipeline
from brickwork.engine.events import CacheHit

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
    grid = swept.grid(resize=32)
    assert grid.size[0] == 3 * 32
    assert grid.size[1] > 2 * 32
    assert swept._repr_png_().startswith(b"\x89PNG")


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
