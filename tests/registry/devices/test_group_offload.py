"""Models of which diffusers brings the layers: runs leave them to it, count what is on the device at once, and give the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory, put_on_lines
from diffusers.hooks import HookRegistry
from diffusers.hooks.group_offloading import apply_group_offloading

from brickwork import ComponentError, ComponentsManager, ModularPipeline
from brickwork.guiders import LayerSkipConfig, SkipLayerGuidance
from brickwork.registry import identity_of
from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.devices.group_offload import largest_part, onload_device

CALL: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output": "latents"}
WAYS: tuple[dict[str, Any], ...] = (
    {"offload_type": "leaf_level"},
    {"offload_type": "block_level", "num_blocks_per_group": 1},
    {"offload_type": "block_level", "num_blocks_per_group": 2},
)


@pytest.fixture
def pipe(tiny_folder: Path) -> Iterator[ModularPipeline]:
    manager = ComponentsManager()
    made = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager).load_components()
    put_on_lines(made.components)
    made.configure(progress=False)
    yield made
    manager.disable_auto_cpu_offload()


def run(pipe: ModularPipeline, **inputs: Any) -> torch.Tensor:
    found: torch.Tensor = pipe(**CALL, **inputs, generator=torch.Generator().manual_seed(0))
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_model_larger_than_the_device_runs_beside_a_manager_and_gives_the_same_bits(
    way: dict[str, Any], pipe: ModularPipeline
) -> None:
    manager, memory = pipe.manager, CloneMemory()
    assert manager is not None
    unet = pipe.unet
    skipping = SkipLayerGuidance(
        skip_layer_guidance_start=0.0, skip_layer_guidance_stop=1.0, skip_layer_config=LayerSkipConfig(0)
    )
    before, skipped, known, size = run(pipe), run(pipe, guider=skipping), identity_of(unet), component_bytes(unet)
    others = max(component_bytes(pipe.vae), component_bytes(pipe.text_encoder), component_bytes(pipe.text_encoder_2))
    budget = max(size - 1, others + 1)
    if budget >= size:
        pytest.fail("the tiny UNet is no longer the largest model")
    manager.enable_auto_cpu_offload("cpu", budget=budget, memory=memory, layers=False)
    with pytest.raises(ComponentError, match="'unet' does not come layer by layer"):
        run(pipe)
    manager.disable_auto_cpu_offload()
    unet.enable_group_offload(onload_device=torch.device("cpu"), **way)
    assert onload_device(unet) == torch.device("cpu")
    # What the hooks do is to say where layers are.
    assert identity_of(unet) == known
    part = largest_part(unet)
    assert 0 < part < size
    manager.enable_auto_cpu_offload("cpu", budget=max(part, others) + 10**6, memory=memory)
    assert torch.equal(run(pipe), before)
    assert torch.equal(run(pipe, guider=skipping), skipped)
    assert "unet" not in {name for _, name in memory.log}
    assert ("bring", "text_encoder") in memory.log
    report = " ".join(str(pipe.memory(prompt="a cat")).split())
    assert "diffusers brings its layers to cpu" in report
    assert "denoise" in report
    manager.disable_auto_cpu_offload()
    manager.enable_auto_cpu_offload("cpu", budget=part - 1, memory=memory)
    with pytest.raises(ComponentError, match=r"denoise.* needs .*\(unet "):
        run(pipe)


def test_layers_that_go_to_another_device_and_casts_are_refused(pipe: ModularPipeline) -> None:
    manager = pipe.manager
    assert manager is not None
    pipe.unet.enable_group_offload(onload_device=torch.device("cpu"), offload_type="leaf_level")
    elsewhere = torch.device("meta")  # the hooks have one configuration
    HookRegistry.check_if_exists_or_initialize(pipe.unet.conv_in).get_hook(
        "group_offloading"
    ).config.onload_device = elsewhere
    with pytest.raises(ComponentError, match="'unet' is on meta, and the pipeline computes on cpu"):
        run(pipe)
    with pytest.raises(ComponentError, match="brings the layers of unet .* Load in that dtype"):
        pipe.to("fp16")
    manager.enable_auto_cpu_offload("cpu", memory=CloneMemory())
    with pytest.raises(ComponentError, match="brings the layers of 'unet' to meta .* places components on cpu"):
        run(pipe)


def test_a_model_that_is_on_the_device_leaves_it_when_diffusers_takes_over(pipe: ModularPipeline) -> None:
    manager, memory = pipe.manager, CloneMemory()
    assert manager is not None
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    before = run(pipe)
    pipe.unet.enable_group_offload(onload_device=torch.device("cpu"), offload_type="leaf_level")
    assert torch.equal(run(pipe), before)
    assert memory.log[-1] == ("drop", "unet") or ("drop", "unet") in memory.log
    assert memory.size_of(id(pipe.unet)) is None


def test_a_step_holds_its_group_the_groups_around_it_and_with_a_stream_the_next() -> None:
    inner = torch.nn.Sequential(torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 8, bias=False))
    model = torch.nn.Module()
    model.first, model.blocks = torch.nn.Linear(2, 4, bias=False), inner
    assert onload_device(model) is None
    apply_group_offloading(model, torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1)
    # The root's group has the first layer, and stays around each of the blocks.
    assert largest_part(model) == 4 * (8 + 32)
    for module in model.modules():
        if (hook := HookRegistry.check_if_exists_or_initialize(module).get_hook("group_offloading")) is not None:
            hook.group.stream = object()
    assert largest_part(model) == 4 * (8 + 32 + 32)
    assert onload_device("no model") is None
