"""What is said of a result is said again where the cache gives it: a person asks for it now, and not when it was computed."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brickwork import Block, DiskCache, MemoryCache, ModularPipeline, Outputs, SequentialPipelineBlocks
from brickwork.engine.events import CacheHit, RunWarning

CACHES: tuple[Callable[[Path], MemoryCache], ...] = (
    lambda _: MemoryCache(),
    lambda _: MemoryCache(steps=True),
    lambda folder: DiskCache(folder),
)
LONG = "a red apple on a table " * 40
"""More than a text encoder reads."""


class Halve(Block):
    """Says when it rounds."""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        if x % 2:
            self.warn(f"{x} is odd, and is rounded down")
        return self.Out(y=x // 2)


@pytest.mark.parametrize("cache", CACHES, ids=["memory", "steps", "disk"])
def test_a_warning_is_heard_and_noted_again_with_a_result_of_the_cache(
    cache: Callable[[Path], MemoryCache], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Any] = []
    pipe = SequentialPipelineBlocks.from_blocks_dict({"halve": Halve}).init_pipeline()
    pipe.configure(progress=False, cache=cache(tmp_path), listeners=[events.append])
    said = "3 is odd, and is rounded down"
    for is_known in (False, True, True):
        events.clear()
        caplog.clear()
        assert pipe(x=3, output="y") == 1
        assert any(isinstance(each, CacheHit) for each in events) == is_known
        assert [each for each in events if isinstance(each, RunWarning)] == [RunWarning("halve", said)]
        assert [each.getMessage() for each in caplog.records] == [f"halve: {said}"]
        assert pipe.last_recipe is not None
        assert f"halve: {said}" in pipe.last_recipe["notes"]
    assert pipe(x=4, output="y") == 2
    assert f"halve: {said}" not in pipe.last_recipe.to_dict().get("notes", [])


@pytest.mark.parametrize("cache", CACHES, ids=["memory", "steps", "disk"])
def test_a_prompt_that_is_cut_off_and_numbers_that_are_none_are_said_by_every_run(
    cache: Callable[[Path], MemoryCache], tmp_path: Path, embedded_pipe: ModularPipeline
) -> None:
    events: list[Any] = []
    pipe = copy.copy(embedded_pipe)
    pipe.configure(progress=False, cache=cache(tmp_path), listeners=[events.append])
    found = []
    for is_known in (False, True):
        events.clear()
        given = {"prompt": LONG, "num_inference_steps": 2, "guidance_scale": 1e300, "seed": 1}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipe(**given, output="images")
        found.append([(each.path, each.text) for each in events if isinstance(each, RunWarning)])
        assert any(isinstance(each, CacheHit) for each in events) == is_known
    assert sorted(found[0]) == sorted(found[1])
    assert any("denoise.step[0]" in path and "is not finite" in text for path, text in found[0])
    assert any("text_encoder" in path for path, _ in found[0])
