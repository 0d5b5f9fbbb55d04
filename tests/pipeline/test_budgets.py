"""For every budget a run is bit-equal to the one without, or is refused with the smallest that serves."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from device_doubles import AwayMemory, RecordedStreams
from hires_blocks import hires_fix
from tiny_adapters import controlnet, lora

from brickwork import (
    ClassifierFreeGuidance,
    ComponentError,
    ComponentsManager,
    ModularPipeline,
    PerturbedAttentionGuidance,
    SequentialPipelineBlocks,
)
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS, with_control, with_refiner
from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.loading.weights import bytes_of
from tiny_sdxl import make_unet

BUDGETS = {False: 6, True: 20}
"""How many are tried: of the plain composition, and with `--long` of all, as many as come to every kind of division."""
CALL: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "latent"}


def of(blocks: Any, tiny: ModularPipeline) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(dict(blocks)).init_pipeline(components_manager=ComponentsManager())
    held = {
        name: copy.deepcopy(each) for name, each in tiny.components.items() if name in pipe.specs and each is not None
    }
    pipe.update_components(**held)
    pipe.configure(progress=False)
    return pipe


def plain(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    return of(TEXT2IMAGE_BLOCKS, tiny), {}


def fused(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny)
    pipe.load_lora_weights(lora(pipe), adapter_name="style")
    pipe.fuse_lora()
    return pipe, {}


def adapters(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny)
    pipe.load_lora_weights(lora(pipe), adapter_name="style")
    pipe.load_lora_weights(lora(pipe, seed=4), adapter_name="other")
    pipe.set_adapters(["style", "other"], [0.5, 2.0])
    return pipe, {}


def refiner(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    pipe = of(with_refiner(TEXT2IMAGE_BLOCKS), tiny)
    torch.manual_seed(3)
    pipe.update_components(refiner=make_unet(cross_attention_dim=24, projection_class_embeddings_input_dim=64).eval())
    return pipe, {}


def control(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    pipe = of(with_control(TEXT2IMAGE_BLOCKS), tiny)
    pipe.update_components(controlnet=controlnet(tiny.unet))
    return pipe, {
        "control_image": torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)),
        "height": 32,
        "width": 32,
    }


def two_guiders(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny)
    pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=3.0))
    pag = PerturbedAttentionGuidance(perturbed_guidance_scale=2.0, perturbed_guidance_layers=[0])
    return pipe, {"guider": pag}


def scopes(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    return of(hires_fix().sub_blocks, tiny), {"height": 32, "width": 32, "hires_steps": 2, "hires_strength": 0.5}


def control_and_adapters(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any]]:
    pipe, inputs = control(tiny)
    pipe.load_lora_weights(lora(pipe), adapter_name="style")
    return pipe, inputs


MADE = (plain, fused, adapters, refiner, control, two_guiders, scopes, control_and_adapters)


def named_in(error: ComponentError) -> int:
    named = re.search(r"Raise the budget to ([\d.]+ \w+),", str(error).splitlines()[-1])
    assert named, error
    return bytes_of(named[1])


def budgets_of(pipe: ModularPipeline, smallest: int, count: int) -> list[int]:
    models = [each for each in pipe.components.values() if hasattr(each, "parameters")]
    step = (component_bytes(*models) * 6 // 5 - smallest * 9 // 10) // (count - 1)
    return [smallest * 9 // 10 + index * step for index in range(count)]


@pytest.mark.rotating(4)
@pytest.mark.parametrize("make", MADE)
def test_every_budget_gives_the_same_bits_or_is_refused_with_one_that_does(
    make: Callable[[ModularPipeline], tuple[ModularPipeline, dict[str, Any]]], tiny_pipe: ModularPipeline, many: int
) -> None:
    pipe, inputs = make(tiny_pipe)
    count = BUDGETS[make is plain or many > 1]
    manager = pipe.manager
    assert manager is not None

    def latents() -> torch.Tensor:
        return pipe(**CALL, **inputs, generator=torch.Generator().manual_seed(0), output="latents")

    def placed(budget: int, streams: Any = None) -> AwayMemory:
        memory = AwayMemory(streams)
        manager.enable_auto_cpu_offload("cpu", budget=budget, memory=memory)
        return memory

    expected = latents()
    memory = placed(1)
    with pytest.raises(ComponentError) as caught:
        latents()
    assert not memory.log
    smallest = named_in(caught.value)
    memory = placed(smallest)
    assert torch.equal(latents(), expected)
    assert memory.peak <= smallest
    refused, in_layers = 0, 0
    for index, budget in enumerate(budgets_of(pipe, smallest, count)):
        # With and without a stream that copies ahead.
        memory = placed(budget, RecordedStreams() if index % 2 else None)
        if budget < smallest:
            with pytest.raises(ComponentError) as caught:
                latents()
            refused += 1
            assert named_in(caught.value) == smallest
            assert not memory.log
            continue
        assert torch.equal(latents(), expected), budget
        in_layers += ("bring", "unet") not in memory.log
        assert memory.peak <= manager.placement.budget  # type: ignore[union-attr, operator]
    assert 0 < refused < count - count // 4
    assert in_layers >= count // 5
    manager.disable_auto_cpu_offload()
    # And what was fused, or loaded, is still there.
    assert torch.equal(latents(), expected)


def test_a_lora_that_is_fused_on_the_device_is_there_when_the_model_has_left(tiny_pipe: ModularPipeline) -> None:
    def latents(pipe: ModularPipeline) -> torch.Tensor:
        return pipe(**CALL, generator=torch.Generator().manual_seed(0), output="latents")

    pipe, _ = plain(tiny_pipe)
    manager = pipe.manager
    assert manager is not None
    memory = AwayMemory()
    manager.enable_auto_cpu_offload("cpu", budget="1GB", memory=memory)
    without = latents(pipe)
    assert memory.size_of(id(pipe.unet))
    pipe.load_lora_weights(lora(pipe), adapter_name="style")
    pipe.fuse_lora()
    manager.disable_auto_cpu_offload()
    assert not memory.size_of(id(pipe.unet))
    fused_pipe, _ = fused(tiny_pipe)
    expected = latents(fused_pipe)
    assert not torch.equal(expected, without)
    assert torch.equal(latents(pipe), expected)


@pytest.mark.parametrize("settings", [{"residency": "just in time"}, {"load": "on demand"}])
def test_loading_as_needed_gives_the_same_bits(
    settings: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    expected = tiny_pipe(**CALL, generator=torch.Generator().manual_seed(0), output="latents")
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.configure(progress=False, **settings)
    for _ in range(2):
        assert torch.equal(pipe(**CALL, generator=torch.Generator().manual_seed(0), output="latents"), expected)


def test_a_model_in_parts_runs_again_after_memory_ran_out_in_both_tries(tiny_pipe: ModularPipeline) -> None:
    pipe, _ = plain(tiny_pipe)
    manager = pipe.manager
    assert manager is not None

    def latents() -> torch.Tensor:
        return pipe(**CALL, generator=torch.Generator().manual_seed(0), output="latents")

    expected = latents()
    manager.enable_auto_cpu_offload("cpu", budget=1, memory=AwayMemory())
    with pytest.raises(ComponentError) as caught:
        latents()
    manager.enable_auto_cpu_offload("cpu", budget=named_in(caught.value) * 11 // 10, memory=AwayMemory())
    assert torch.equal(latents(), expected)

    def fails(*_: Any) -> None:
        raise torch.OutOfMemoryError("in a layer")

    layer = next(module for module in pipe.unet.modules() if type(module).__name__ == "ResnetBlock2D")
    hook = layer.register_forward_hook(fails)
    for _ in range(2):
        with pytest.raises(torch.OutOfMemoryError):
            latents()
    hook.remove()
    # With as little at once as can be; nothing is left to free that would let it be refused.
    assert torch.equal(latents(), expected)
