"""What the host's memory would hold is told from lists in files, as it is once the models are loaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from brickwork import ComponentsManager, ModularPipeline
from brickwork.engine.execution.uses import often_used
from brickwork.registry.devices.host_foreseen import as_loaded, foreseen_host, loaded_bytes

NAMES = ("text_encoder", "unet", "vae")


NEAR = 1024
"""Bytes. A file lists tensors in another order than a model has them, and buffers that are made anew (positions of tokens) stand in none."""


def on_disk(plan: Any) -> dict[str, int]:
    return {name: plan.on_disk(name) for name in NAMES}


@pytest.mark.parametrize(("dtype", "has_folder"), [(None, False), ("fp16", True), ("fp16", False)])
def test_it_is_what_lies_where_once_models_are_loaded(
    tiny_folder: Path, tmp_path: Path, dtype: str | None, has_folder: bool
) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), dtype=dtype)
    specs = {name: pipe.specs[name] for name in NAMES}
    times = {"text_encoder": 1, "unet": 30, "vae": 1}
    folder = tmp_path if has_folder else None
    there = {name: spec.load() for name, spec in specs.items()}
    size = sum(loaded_bytes(spec) or 0 for spec in specs.values())
    loaded = foreseen_host(there, specs, times, size // 2, folder)
    foreseen = foreseen_host(dict.fromkeys(NAMES), specs, times, size // 2, folder)
    assert foreseen.in_memory == pytest.approx(loaded.in_memory, abs=NEAR)
    assert on_disk(foreseen) == pytest.approx(on_disk(loaded), abs=NEAR)
    assert (
        bool(foreseen.refusal) == bool(loaded.refusal) == (dtype is not None and not has_folder)
    )  # cast, so that no file has it
    assert bool(foreseen.filed) != bool(foreseen.refusal)


def test_it_is_what_a_run_has(tiny_folder: Path) -> None:
    manager = ComponentsManager()
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager).load_components()
    plan = pipe.plan({"prompt": "a cat"})
    manager.enable_auto_cpu_offload("cpu", host_memory=60_000)
    run = pipe.memory(prompt="a cat").host
    assert run is not None
    assert run.filed
    names = [name for name in plan.components if hasattr(pipe.components[name], "parameters")]
    found = foreseen_host(dict.fromkeys(names), pipe.specs, often_used(plan.steps), 60_000, None)
    expected = {name: run.on_disk(name) for name in names}
    assert {name: found.on_disk(name) for name in names} == pytest.approx(expected, abs=NEAR)


def test_bytes_are_those_of_the_dtype_in_which_it_is_loaded(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    spec = pipe.specs["unet"]
    full = spec.stored_bytes()
    assert loaded_bytes(spec) == full
    spec.dtype = "float16"
    assert loaded_bytes(spec) == full // 2  # type: ignore[operator]  # it is known


def test_of_what_is_not_there_nothing_is_told(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    assert as_loaded(pipe.specs["scheduler"]) == []
    spec = pipe.specs["vae"].copy()
    spec.pretrained_model_name_or_path = None
    assert as_loaded(spec) is None
    assert loaded_bytes(spec) is None
    broken = tmp_path / "vae"
    shutil.copytree(tiny_folder / "vae", broken)
    (broken / "diffusion_pytorch_model.safetensors").write_bytes(b"no tensors")
    spec.pretrained_model_name_or_path, spec.subfolder = str(broken), ""
    assert as_loaded(spec) is None
    assert foreseen_host({"vae": None}, {"vae": spec}, {}, 0, None).kept == ()
