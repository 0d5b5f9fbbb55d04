"""A cache in a folder: what comes back, what goes first, several processes, damaged files."""

from __future__ import annotations

import json
import logging
import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

import brickwork
from brickwork import Block, DiskCache, InputError, ModularPipeline, Outputs, SequentialPipelineBlocks
from brickwork.engine import disk_cache
from brickwork.engine.cache import AS_IT_IS, Entry
from brickwork.engine.events import CacheHit
from brickwork.engine.witness import Given

if TYPE_CHECKING:
    from prepared_python import PreparedPython


def entry(size: int = 10, **values: Any) -> Entry:
    return Entry(values, (), {}, {}, (), dict.fromkeys(values, "d"), 1.5, size)


class Everything(Block):
    """Give values of all kinds, some of them inputs and views of inputs."""

    class Out(Outputs):
        same: Any
        view: Any
        nested: Any
        image: Any
        array: Any

    def run(self, x: torch.Tensor, generator: torch.Generator) -> Out:
        drawn = torch.rand(2, generator=generator)
        image = Image.new("RGB", (2, 3), (9, 8, 7))
        return self.Out(
            same=x,
            view=x[1:],
            nested={"a": [drawn, drawn, None], "b": (1.5, "t")},
            image=image,
            array=np.arange(3, dtype=np.int16),
        )


def pipeline(cache: DiskCache, events: list[Any] | None = None, **blocks: Any) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.configure(progress=False, cache=cache, listeners=[] if events is None else [events.append])
    return pipe


def test_what_another_cache_of_the_folder_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    x = torch.ones(4)

    def run(pipe: ModularPipeline) -> tuple[Any, Any]:
        generator = torch.Generator().manual_seed(3)
        names = ["same", "view", "nested", "image", "array"]
        found = pipe(x=x, generator=generator, output=names)
        return SimpleNamespace(**{name: found[name] for name in names}), torch.rand(1, generator=generator)

    first, drawn = run(pipeline(DiskCache(tmp_path / "c"), do=Everything))
    events: list[Any] = []
    cache = DiskCache(tmp_path / "c")
    second, again = run(pipeline(cache, events, do=Everything))
    assert [each.path for each in events if isinstance(each, CacheHit)] == ["do"]
    assert (cache.hits, cache.misses, cache.bytes) == (1, 0, 0)
    assert cache.seconds_saved > 0
    assert torch.equal(drawn, again)
    assert (second.same is x, second.view.data_ptr() - x.data_ptr()) == (first.same is x, 4) == (True, 4)
    assert torch.equal(second.view, torch.ones(3))
    assert second.nested["a"][0] is second.nested["a"][1]
    assert torch.equal(second.nested["a"][0], first.nested["a"][0])
    assert (second.nested["a"][2], second.nested["b"]) == (None, (1.5, "t"))
    assert second.image.tobytes() == first.image.tobytes()
    assert (second.array.dtype, list(second.array)) == (np.int16, [0, 1, 2])


def test_a_component_s_state_comes_back_and_its_configuration_stays_the_one_that_is_there(tmp_path: Path) -> None:
    kept = Entry({}, ("gone",), {"g": ("a",)}, {"scheduler": {"_step_index": 3, "sigmas": torch.ones(2), "_internal_dict": AS_IT_IS}},
                 (torch.zeros(3, dtype=torch.uint8),), {"a": "d"}, 2.0, 8,
                 (Given("denoise", (("denoise", 1),), "latents", None),))  # fmt: skip
    DiskCache(tmp_path).put("k", kept)
    found = DiskCache(tmp_path).find("k")
    assert found is not None
    assert (found.removed, found.groups, found.digests, found.seconds) == (("gone",), {"g": ("a",)}, {"a": "d"}, 2.0)
    assert found.witness == kept.witness
    state = found.states["scheduler"]
    assert state["_internal_dict"] is AS_IT_IS
    assert (state["_step_index"], state["sigmas"].tolist(), found.generators[0].tolist()) == (3, [1, 1], [0, 0, 0])
    assert found.bytes > 0


def test_what_no_file_gives_back_is_said_and_computed_again(tmp_path: Path) -> None:
    class Own(dict):  # type: ignore[type-arg]
        """More than a dict."""

    cache = DiskCache(tmp_path)
    with pytest.raises(brickwork.RunError, match="its result has an Own, which no file gives back as it is"):
        cache.put("k", entry(y=Own(a=1)))
    marked = torch.ones(1)
    marked.mine = 3  # type: ignore[attr-defined]
    with pytest.raises(brickwork.RunError, match="its result has a Tensor, which no file gives back"):
        cache.put("k", entry(y=marked))
    assert list(tmp_path.iterdir()) == []


def test_looking_makes_no_folder_and_the_setting_takes_it(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "none")
    assert cache.find("k") is None
    assert len(cache) == cache.used_bytes == 0
    cache.clear()
    assert repr(cache) == f"DiskCache({str(tmp_path / 'none')!r}, 0 entries, 0 B of 20.0 GB, 0 hits, 0 misses)"
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="max_bytes is 0; a cache needs room"):
        DiskCache(tmp_path, max_bytes=0)
    with pytest.raises(InputError, match="max_bytes"):
        DiskCache(tmp_path, max_byte=1)  # type: ignore[call-arg]


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    one = DiskCache(tmp_path)
    one.put("a", entry(y=torch.ones(1000)))
    size = one.used_bytes
    cache = DiskCache(tmp_path, max_bytes=3 * size)
    for name in ("b", "c"):
        cache.put(name, entry(y=torch.ones(1000)))
    for age, name in ((300, "a"), (200, "b"), (100, "c")):
        path = cache._place(name)
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert cache.find("a") is not None  # and is now the last that was used
    cache.put("d", entry(y=torch.ones(1000)))
    assert [cache.find(name) is not None for name in "abcd"] == [True, False, True, True]
    cache.put("large", entry(size=3 * size + 1))
    assert cache.find("large") is None
    cache.clear()
    assert len(cache) == 0


def test_a_damaged_file_is_said_and_written_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = DiskCache(tmp_path)
    cache.put("k", entry(y=torch.ones(5)))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    other = tmp_path / "other.safetensors"
    brickwork.state.value_file.save_values(other, {"y": 1}, {})
    broken = [whole[:-3], whole[:-1] + b"x", b"", pickle.dumps(3), other.read_bytes()]
    other.unlink()
    for content in broken:
        caplog.clear()
        path.write_bytes(content)
        with caplog.at_level(logging.WARNING, "brickwork"):
            assert cache.find("k") is None
        assert f"The step is computed again: {path}" in caplog.text
    cache.put("k", entry(y=torch.ones(5)))
    assert cache.find("k") is not None


def test_a_folder_that_cannot_be_written_is_said_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING, "brickwork"):
        DiskCache(tmp_path / "file").put("k", entry(y=1))
    assert "A result is not kept: " in caplog.text


def test_what_a_killed_writer_left_goes_after_an_hour(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    for name, age in (("old", 4000), ("new", 100)):
        left = tmp_path / f".{name}.tmp.safetensors"
        left.touch()
        os.utime(left, (left.stat().st_mtime - age,) * 2)
    cache.put("k", entry(y=1))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == [".new.tmp.safetensors"]


def test_another_version_of_the_code_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DiskCache(tmp_path).put("k", entry(y=1))
    monkeypatch.setattr(disk_cache, "_software", lambda: ("another",))
    assert DiskCache(tmp_path).find("k") is None


SCRIPT = """
import hashlib, json, sys
import brickwork
from brickwork.engine.events import CacheHit, CacheSkipped

found = []
pipe = brickwork.embedded()
pipe.configure(progress=False, cache=brickwork.DiskCache("cache"), listeners=[found.append])
images = pipe("a red apple", num_inference_steps=2, seed=5, output_type=sys.argv[1], output="images")
hits = [each.path for each in found if isinstance(each, CacheHit)]
print(json.dumps([hits, [str(each) for each in found if isinstance(each, CacheSkipped)], hashlib.sha256(images[0].tobytes()).hexdigest()]))
"""


def test_processes_share_what_their_runs_have_in_common(tmp_path: Path, prepared_python: PreparedPython) -> None:
    (tmp_path / "run.py").write_text(SCRIPT)
    environment = {**os.environ, "BRICKWORK_HOME": str(tmp_path / "home")}
    found = []
    for kind in ("pil", "pil", "np"):
        ran = prepared_python.run("run.py", kind, cwd=tmp_path, env=environment)
        assert ran.returncode == 0, ran.stderr
        found.append(json.loads(ran.stdout))
    (first, skipped, drawn), (second, _, again), (third, _, _) = found
    assert (first, skipped) == ([], [])
    assert second[-2:] == ["denoise", "decode"]
    assert third == second[:-1]  # the decoding alone is another one
    assert again == drawn
