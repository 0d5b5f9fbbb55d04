"""Components of one pipeline on several devices: the same bits as on one, or refused in words before the run.

The devices are simulated ones, of which the tensors must not meet (tests/support/simulated_device.py), or second places on the host.
"""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import diffusers
import pytest
import torch
from device_doubles import CloneMemory, ElsewhereMemory
from simulated_device import SimulatedDevice
from tiny_adapters import controlnet, lora

from brickwork import (
    Block,
    ComponentError,
    ComponentsManager,
    MemoryCache,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.blocks import adopt
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS, with_control, with_refiner
from brickwork.registry.devices.component_bytes import component_bytes
from tiny_sdxl import make_unet

CALL: dict[str, Any] = {
    "prompt": "a cat",
    "height": 32,
    "width": 32,
    "num_inference_steps": 3,
    "output_type": "latent",
}
ENCODERS = {"text_encoders": "lazy:1", "default": "lazy:0"}


def of(blocks: Any, tiny: ModularPipeline, **more: Any) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(dict(blocks)).init_pipeline(components_manager=ComponentsManager())
    held = {
        name: copy.deepcopy(each) for name, each in tiny.components.items() if name in pipe.specs and each is not None
    }
    pipe.update_components(**held, **more)
    pipe.configure(progress=False)
    return pipe


def manager_of(pipe: ModularPipeline) -> ComponentsManager:
    assert pipe.manager is not None
    return pipe.manager


def made(pipe: ModularPipeline, output: str = "images", **inputs: Any) -> torch.Tensor:
    result: torch.Tensor = pipe(**{**CALL, **inputs}, generator=torch.Generator().manual_seed(0), output=output)
    return result


@pytest.fixture
def simulated() -> Iterator[SimulatedDevice]:
    with SimulatedDevice() as device:
        yield device


def elsewhere(*indices: int) -> dict[str, ElsewhereMemory]:
    return {f"lazy:{index}": ElsewhereMemory(index) for index in indices}


def on_one(pipe: ModularPipeline, **inputs: Any) -> torch.Tensor:
    """The latents of one simulated device, which has other kernels than the host."""
    manager_of(pipe).enable_auto_cpu_offload("lazy:0", memory=ElsewhereMemory(0))
    return made(pipe, **inputs).cpu()


def text(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    return of(TEXT2IMAGE_BLOCKS, tiny), {}, ENCODERS


def three(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    return of(TEXT2IMAGE_BLOCKS, tiny), {"output_type": "pt"}, {**ENCODERS, "vae": "lazy:2"}


def image(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    inputs = {"image": torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)), "strength": 0.7}
    return of(IMAGE2IMAGE_BLOCKS, tiny), inputs, {"vae": "lazy:1", "default": "lazy:0"}


def refiner(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    torch.manual_seed(3)
    unet = make_unet(cross_attention_dim=24, projection_class_embeddings_input_dim=64).eval()
    pipe = of(with_refiner(TEXT2IMAGE_BLOCKS), tiny, refiner=unet)
    return pipe, {}, {"refiner": "lazy:1", "default": "lazy:0"}


def control(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    pipe = of(with_control(TEXT2IMAGE_BLOCKS), tiny, controlnet=controlnet(tiny.unet))
    shown = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return pipe, {"control_image": shown}, ENCODERS


def adapter(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny)
    pipe.load_lora_weights(lora(pipe), adapter_name="style")
    return pipe, {}, ENCODERS


def foreign(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    from diffusers.modular_pipelines.stable_diffusion_xl.decoders import StableDiffusionXLDecodeStep

    blocks = {**TEXT2IMAGE_BLOCKS, "decode": adopt(StableDiffusionXLDecodeStep)}
    return of(blocks, tiny), {"output_type": "pt"}, {"vae": "lazy:1", "default": "lazy:0"}


@pytest.mark.parametrize("scheduler", ["EulerDiscreteScheduler", "UniPCMultistepScheduler", "DDIMScheduler"])
def test_a_solver_is_the_same(scheduler: str, tiny_pipe: ModularPipeline, simulated: SimulatedDevice) -> None:
    pipe, inputs, devices = refiner(tiny_pipe)
    pipe.update_components(scheduler=getattr(diffusers, scheduler).from_config(pipe.scheduler.config))
    expected = on_one(pipe, **inputs)
    manager_of(pipe).enable_auto_cpu_offload(devices=devices, memory=elsewhere(0, 1))
    assert torch.equal(made(pipe, **inputs).cpu(), expected)


@pytest.mark.parametrize("make", [text, three, image, refiner, control, adapter, foreign])
def test_a_run_over_several_devices_gives_the_bits_of_one(
    make: Any, tiny_pipe: ModularPipeline, simulated: SimulatedDevice
) -> None:
    pipe, inputs, devices = make(tiny_pipe)
    expected = on_one(pipe, **inputs)
    memories = elsewhere(*range(len(set(devices.values()))))
    manager_of(pipe).enable_auto_cpu_offload(devices=devices, memory=memories)
    for _ in range(2):
        assert torch.equal(made(pipe, **inputs).cpu(), expected)
    assert all(memory.log for memory in memories.values())
