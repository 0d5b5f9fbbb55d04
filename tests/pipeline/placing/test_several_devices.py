"""Components of one pipeline on several devices: the same bits as on one, or refused in words before the run.

The devices are simulated ones, of which the tensors must not meet (tests/support/simulated_device.py), or second places on the host.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import diffusers
import pytest
import torch
from device_doubles import CloneMemory, ElsewhereMemory
from simulated_device import SimulatedDevice
from tiny_adapters import controlnet, lora

from brickwork import (
    ComponentError,
    ComponentsManager,
    ModularPipeline,
    SequentialPipelineBlocks,
)
from brickwork.blocks import adopt
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS, with_control, with_refiner
from brickwork.registry.devices.moved_tensors import placed_bytes
from tiny_sdxl import make_unet

CALL: dict[str, Any] = {
    "prompt": "a cat",
    "height": 32,
    "width": 32,
    "num_inference_steps": 2,
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


def three(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    return of(TEXT2IMAGE_BLOCKS, tiny), {"output_type": "pt"}, {**ENCODERS, "vae": "lazy:2"}


def image(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    inputs = {"image": torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)), "strength": 0.7}
    return of(IMAGE2IMAGE_BLOCKS, tiny), inputs, {"vae": "lazy:1", "default": "lazy:0"}


def refiner(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    torch.manual_seed(3)
    unet = make_unet(cross_attention_dim=24, projection_class_embeddings_input_dim=64).eval()
    pipe = of(with_refiner(TEXT2IMAGE_BLOCKS), tiny, refiner=unet)
    # It keeps predictions, and another solver in itself.
    pipe.update_components(scheduler=diffusers.UniPCMultistepScheduler.from_config(pipe.scheduler.config))
    return pipe, {"hand_over": 0.5}, {"refiner": "lazy:1", "default": "lazy:0"}


def control(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    pipe = of(with_control(TEXT2IMAGE_BLOCKS), tiny, controlnet=controlnet(tiny.unet))
    shown = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return pipe, {"control_image": shown}, ENCODERS


def foreign(tiny: ModularPipeline) -> tuple[ModularPipeline, dict[str, Any], Any]:
    from diffusers.modular_pipelines.stable_diffusion_xl.decoders import StableDiffusionXLDecodeStep

    blocks = {**TEXT2IMAGE_BLOCKS, "decode": adopt(StableDiffusionXLDecodeStep)}
    return of(blocks, tiny), {"output_type": "pt"}, {"vae": "lazy:1", "default": "lazy:0"}


@pytest.mark.rotating(5)
@pytest.mark.parametrize("make", [three, image, refiner, control, foreign])
def test_a_run_over_several_devices_gives_the_bits_of_one(
    make: Any, tiny_pipe: ModularPipeline, simulated: SimulatedDevice
) -> None:
    pipe, inputs, devices = make(tiny_pipe)
    expected = on_one(pipe, **inputs)
    memories = elsewhere(*range(len(set(devices.values()))))
    manager_of(pipe).enable_auto_cpu_offload(devices=devices, memory=memories)
    assert torch.equal(made(pipe, **inputs).cpu(), expected)
    assert all(memory.log for memory in memories.values())


SHARED: dict[str, Any] = {"text_encoders": "cuda:1", "default": "cuda:0"}
NAMES = ("cuda:0", "cuda:1")


def clones() -> dict[str, CloneMemory]:
    return {name: CloneMemory() for name in NAMES}


def size_of(pipe: ModularPipeline, *names: str) -> int:
    return placed_bytes(*(getattr(pipe, name) for name in names))


def test_a_list_is_planned_by_bytes_and_order_of_use(tiny_pipe: ModularPipeline) -> None:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny_pipe)
    expected = made(pipe)
    manager = manager_of(pipe)
    unet, rest = size_of(pipe, "unet"), size_of(pipe, "text_encoder", "text_encoder_2", "vae")
    memories = clones()
    budget = {"cuda:0": unet + 20_000, "cuda:1": rest + 20_000}
    manager.enable_auto_cpu_offload(devices=NAMES, budget=budget, memory=memories)
    report = pipe.memory(**CALL)
    assert [each.why for each in report.components] == [
        f"comes to {device} when a step needs it" for device in ("cuda:1", "cuda:1", "cuda:0", "cuda:1")
    ]
    assert report.devices[:2] == ("cuda:0: unet", "cuda:1: text_encoder, text_encoder_2, vae")
    assert "the device changes 2 times from step to step" in report.devices[2]
    assert {step.path: step.device for step in report.steps}["denoise"] == "cuda:0"
    assert report.devices[2] in str(pipe.explain(**CALL)).replace("\n", " ")
    for _ in range(3):
        assert torch.equal(made(pipe), expected)
    # Each is brought once, and stays.
    assert [memory.moved for memory in memories.values()] == [unet, rest]
    assert all(memory.peak <= budget[name] for name, memory in memories.items())


def test_what_fits_on_one_device_stays_on_the_first(tiny_pipe: ModularPipeline) -> None:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny_pipe)
    manager_of(pipe).enable_auto_cpu_offload(devices=list(NAMES), budget="100MB", memory=clones())
    report = pipe.memory(**CALL)
    assert report.devices[1] == "cuda:1: nothing"
    assert "changes 0 times" in report.devices[2]
    assert report.budgets == dict.fromkeys(NAMES, 100 * 10**6)


@pytest.mark.parametrize("share", [1.05, 1.2, 1.5])
def test_every_budget_of_two_devices_gives_the_same_bits(share: float, tiny_pipe: ModularPipeline) -> None:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny_pipe)
    pipe.load_lora_weights(lora(pipe), adapter_name="style")
    pipe.fuse_lora()
    expected = made(pipe)
    memories = clones()
    budget = {"cuda:0": int(size_of(pipe, "unet") * share), "cuda:1": int(size_of(pipe, "vae") * share)}
    manager_of(pipe).enable_auto_cpu_offload(devices=NAMES, budget=budget, memory=memories)
    for _ in range(2):
        assert torch.equal(made(pipe), expected)
    assert all(memory.peak <= budget[name] for name, memory in memories.items())
    manager_of(pipe).disable_auto_cpu_offload()
    assert torch.equal(made(pipe), expected)


def test_a_model_that_was_elsewhere_leaves_there_first(tiny_pipe: ModularPipeline) -> None:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny_pipe)
    expected = made(pipe)
    manager, memories = manager_of(pipe), clones()
    manager.enable_auto_cpu_offload(devices=NAMES, memory=memories)
    made(pipe)
    placements: Any = manager.placement
    placements.choice = type(placements.choice)(NAMES, SHARED)
    assert torch.equal(made(pipe), expected)
    assert ("drop", "text_encoder") in memories["cuda:0"].log
    assert ("bring", "text_encoder") in memories["cuda:1"].log
    manager.remove(manager.get_ids("text_encoder")[0])
    assert memories["cuda:1"].size_of(id(pipe.text_encoder)) is None


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ({"txt_encoder": "cuda:1", "default": "cuda:0"}, "devices= names 'txt_encoder', which is neither a component nor a role. Did you mean 'text_encoder'?"),
        ({"denoisr": "cuda:1", "default": "cuda:0"}, "Did you mean 'denoiser'?"),
        ({"unet": "cuda:0", "text_encoders": "cuda:1"}, r"'vae' has no device. Name it, or say where all others are: devices=\{..., 'default': 'cuda:0'\}."),
        ({"text_encoder": "cuda:1", "default": "cuda:0"}, r"text_encoder.positive.encode computes with text_encoder on cuda:1, text_encoder_2 on cuda:0. .* belong on one device: devices=\{'text_encoder': 'cuda:1', 'text_encoder_2': 'cuda:1', ...\}"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_is_refused_before_the_run(
    devices: dict[str, str], said: str, tiny_pipe: ModularPipeline
) -> None:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny_pipe)
    memories = clones()
    manager_of(pipe).enable_auto_cpu_offload(devices=devices, memory=memories)
    with pytest.raises(ComponentError, match=said):
        made(pipe)
    assert not any(memory.log for memory in memories.values())
    assert re.search(said, pipe.memory(**CALL).refused)


def test_a_mapping_may_name_what_another_pipeline_of_the_manager_has(tiny_pipe: ModularPipeline) -> None:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny_pipe)
    manager_of(pipe).add("upscaler", torch.nn.Linear(2, 2))
    manager_of(pipe).enable_auto_cpu_offload(devices={**SHARED, "upscaler": "cuda:1"}, memory=clones())
    made(pipe)


def test_a_step_that_is_too_large_for_its_device_is_refused_with_its_budget(tiny_pipe: ModularPipeline) -> None:
    pipe = of(TEXT2IMAGE_BLOCKS, tiny_pipe)
    manager_of(pipe).enable_auto_cpu_offload(
        devices=SHARED, budget={"cuda:0": "10MB", "cuda:1": "50KB"}, memory=clones(), layers=False
    )
    with pytest.raises(ComponentError, match=r"; the budget of cuda:1 is 50.0 KB\. Raise the budget of cuda:1 to"):
        made(pipe)
    manager_of(pipe).enable_auto_cpu_offload(devices=SHARED, budget="50KB", memory=clones(), layers=False)
    with pytest.raises(ComponentError, match=r"(?s)of cuda:1.*of cuda:0|of cuda:0.*of cuda:1"):
        made(pipe)
    # Nor does a list help where no device is large enough.
    manager_of(pipe).enable_auto_cpu_offload(devices=NAMES, budget="300KB", memory=clones(), layers=False)
    with pytest.raises(ComponentError, match=r"denoise.denoiser needs 1.1 MB of components at once"):
        made(pipe)
