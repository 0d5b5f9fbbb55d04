"""Runs within a budget of the host's memory: the same bits at every one, or a refusal that names the smallest that serves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from device_doubles import AwayMemory, CloneMemory, RecordedStreams
from tiny_adapters import lora

from brickwork import ComponentError, ComponentsManager, ModularPipeline
from brickwork.engine.execution.uses import ITERATIONS, often_used
from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.moved_tensors import held_tensors
from brickwork.registry.loading.weights import bytes_of

CALL: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "latent"}


def of(folder: Path, **options: Any) -> ModularPipeline:
    pipe = ModularPipeline.from_pretrained(str(folder), components_manager=ComponentsManager(), **options)
    pipe.load_components().configure(progress=False)
    return pipe


def latents(pipe: ModularPipeline) -> torch.Tensor:
    return pipe(**CALL, generator=torch.Generator().manual_seed(0), output="latents")


def enabled(pipe: ModularPipeline, **options: Any) -> Any:
    assert pipe.manager is not None
    pipe.manager.enable_auto_cpu_offload("cpu", **options)
    return pipe.manager.placement


def size_of(pipe: ModularPipeline) -> int:
    return component_bytes(*(each for each in pipe.components.values() if hasattr(each, "parameters")))


def in_memory(pipe: ModularPipeline) -> int:
    host = pipe.manager.placement.host  # type: ignore[union-attr]
    assert host is not None
    return host.present(pipe.manager.components).in_memory  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def filed(tiny_folder: Path) -> tuple[ModularPipeline, torch.Tensor]:
    """A pipeline, and its latents on a device: there weights begin a line of a cache, which pages of these files do not."""
    pipe = of(tiny_folder)
    enabled(pipe, memory=CloneMemory())
    return pipe, latents(pipe)


@pytest.mark.rotating(4)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("room", [None, 1.1, 0.6])
def test_every_budget_of_both_gives_the_same_bits(
    filed: tuple[ModularPipeline, torch.Tensor], share: float, room: float | None
) -> None:
    pipe, expected = filed
    whole = size_of(pipe)
    memory = AwayMemory(RecordedStreams() if share in (0.5, 1.0) else None)
    # What is in no file are tables that a model makes for itself.
    least = enabled(pipe, memory=memory, host_memory=0).host.plan(pipe.components, {}).least
    limit = int(least + whole * share)
    device = None if room is None else int(component_bytes(pipe.unet) * room)
    enabled(pipe, memory=memory, budget=device, host_memory=limit)
    for _ in range(2):
        assert torch.equal(latents(pipe), expected)
        assert in_memory(pipe) <= limit
    if share < 1:
        assert limit - in_memory(pipe) < whole / 4, "memory was left empty"
    # And what is on disk has lost nothing.
    enabled(pipe, memory=CloneMemory())
    assert torch.equal(latents(pipe), expected)


@pytest.mark.parametrize("memory", [None, CloneMemory])
def test_what_no_file_has_is_refused_with_a_budget_that_serves_or_written(
    tiny_folder: Path, tmp_path: Path, memory: Any
) -> None:
    pipe = of(tiny_folder, torch_dtype="bf16")
    expected = latents(pipe)
    enabled(pipe, memory=memory and memory(), host_memory="50KB")
    with pytest.raises(ComponentError, match="No file has them as they are") as caught:
        latents(pipe)
    assert str(caught.value) in " ".join(str(pipe.memory(**CALL)).split())
    named = re.search(r"Raise host_memory to ([\d.]+ \w+)\.", str(caught.value))
    assert named
    enabled(pipe, memory=memory and memory(), host_memory=named[1])
    assert torch.equal(latents(pipe), expected)
    enabled(pipe, memory=memory and memory(), host_memory=bytes_of(named[1]) // 2, offload_folder=tmp_path)
    assert torch.equal(latents(pipe), expected)
    assert in_memory(pipe) <= bytes_of(named[1]) // 2
    assert list(tmp_path.iterdir()) == []
    pipe.manager.disable_auto_cpu_offload()  # type: ignore[union-attr]
    assert torch.equal(latents(pipe), expected)


def test_a_lora_that_is_fused_into_weights_on_disk_stays(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = of(tiny_folder)
    enabled(pipe, memory=CloneMemory(), host_memory="200KB", offload_folder=tmp_path)
    plain = latents(pipe)
    pipe.load_lora_weights(lora(pipe), adapter_name="style")
    pipe.fuse_lora()
    fused = latents(pipe)
    assert in_memory(pipe) <= 200_000
    assert not torch.equal(fused, plain)
    pipe.manager.disable_auto_cpu_offload()  # type: ignore[union-attr]
    assert torch.equal(latents(pipe), fused)
    pipe.unfuse_lora()
    pipe.unload_lora_weights()
    assert torch.equal(latents(pipe), plain)


def test_the_report_and_the_plan_say_what_lies_on_disk_and_why(tiny_folder: Path) -> None:
    pipe = of(tiny_folder)
    unet, whole = component_bytes(pipe.unet), size_of(pipe)
    enabled(pipe, memory=CloneMemory(), budget=int(unet * 1.1), host_memory=unet + (whole - unet) // 4)
    before = pipe.memory()
    assert before.host is not None
    assert not before.host.filed
    latents(pipe)
    report = pipe.memory(**CALL)
    held = {each.name: each for each in report.components}
    assert report.host is not None
    on_disk = {name for name, each in held.items() if each.on_disk}
    assert on_disk
    assert "unet" not in on_disk or held["unet"].on_disk < unet
    notes = pipe.explain(**CALL).notes
    for name in on_disk:
        # What is on the device now is there.
        is_there = id(pipe.components[name]) in pipe.manager.placement.resident  # type: ignore[union-attr]
        assert held[name].place in (("cpu",) if is_there else ("disk", "cpu, disk"))
        (line,) = (line for line in notes if line.startswith(f"{name}: "))
        assert "lies on disk, in its own files: " in line
        assert line in " ".join(str(report).split())
    assert re.fullmatch(r"host memory: .* of .* for weights", notes[-1])
    present = pipe.memory()
    assert {each.name for each in present.components if each.on_disk} >= on_disk
    # What is there now has no reason.
    assert not any(line.endswith("more often") for line in str(present).splitlines())


def test_several_devices_share_the_hosts_memory(tiny_folder: Path) -> None:
    pipe = of(tiny_folder)
    expected, manager = latents(pipe), pipe.manager
    assert manager is not None
    memories: Mapping[str, DeviceMemory] = {"cuda:0": DeviceMemory(), "cuda:1": DeviceMemory()}
    devices = {"text_encoders": "cuda:1", "default": "cuda:0"}
    manager.enable_auto_cpu_offload(devices=devices, memory=memories, host_memory="200KB")
    assert torch.equal(latents(pipe), expected)
    assert in_memory(pipe) <= 200_000


def test_a_model_of_another_pipeline_is_what_goes_first(tiny_folder: Path) -> None:
    pipe = of(tiny_folder)
    assert pipe.manager is not None
    other = ModularPipeline.from_pretrained(str(tiny_folder)).load_components().unet
    with pytest.warns(Warning, match="second copy"):
        pipe.manager.add("other", other)
    enabled(pipe, host_memory=size_of(pipe) + 50_000)
    latents(pipe)
    host = pipe.manager.placement.host  # type: ignore[union-attr]
    plan = host.present(pipe.manager.components)  # type: ignore[union-attr]
    (name,) = (each for each in dict.fromkeys(each.component for each in plan.filed))
    assert name.startswith("other")


def test_what_a_loop_computes_with_is_used_in_each_iteration(tiny_pipe: ModularPipeline) -> None:
    found = often_used(tiny_pipe.plan(["prompt"]).steps)
    assert found["unet"] == ITERATIONS
    assert found["vae"] == 1
    enabled(pipe := of_manager(tiny_pipe), budget=component_bytes(tiny_pipe.unet) * 3 // 4, memory=CloneMemory())
    from brickwork.engine.execution.residency import PlannedResidency

    plan = pipe.plan(["prompt"])
    held = {name: pipe.components[name] for name in plan.components}
    reads = PlannedResidency(plan.steps, held, pipe.manager.placement).reads()  # type: ignore[union-attr, arg-type]
    counts = {reads[id(each.tensor)] for each in held_tensors(pipe.unet)}
    assert counts == {1, ITERATIONS}
    pipe.manager.disable_auto_cpu_offload()  # type: ignore[union-attr]


def of_manager(pipe: ModularPipeline) -> ModularPipeline:
    """The same models, in a pipeline with a manager."""
    made = pipe.blocks.init_pipeline(components_manager=ComponentsManager())
    made.update_components(**{name: pipe.components[name] for name in pipe.pretrained_component_names})
    made.configure(progress=False)
    return made
