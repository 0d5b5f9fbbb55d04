"""Runs in which models come layer by layer: the same bits with guiders, caches and a second try; said, and turned off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from device_doubles import AwayMemory, RecordedStreams, put_on_lines

from brickwork import ComponentError, ComponentsManager, MemoryCache, ModularPipeline
from brickwork.engine.events import ComponentFreed, ComponentMoved
from brickwork.guiders import LayerSkipConfig, PerturbedAttentionGuidance, SkipLayerGuidance
from brickwork.registry.devices.component_bytes import component_bytes

CALL: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output": "latents"}


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


def place(pipe: ModularPipeline, budget: int | None = None, **options: Any) -> AwayMemory:
    memory = AwayMemory(RecordedStreams())
    half = component_bytes(pipe.unet) // 2 if budget is None else budget
    assert pipe.manager is not None
    pipe.manager.enable_auto_cpu_offload("cpu", budget=half, memory=memory, **options)
    return memory


def hooks_of(pipe: ModularPipeline) -> int:
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in pipe.unet.modules())


def test_guiders_that_change_layers_give_the_same_bits(pipe: ModularPipeline) -> None:
    guiders = (
        SkipLayerGuidance(skip_layer_guidance_start=0.0, skip_layer_guidance_stop=1.0, skip_layer_config=LayerSkipConfig(0)),
        PerturbedAttentionGuidance(perturbed_guidance_scale=2.0, perturbed_guidance_layers=[0]),
    )  # fmt: skip
    expected = [run(pipe, guider=each) for each in guiders]
    memory = place(pipe)
    for guider, latents in zip(guiders, expected, strict=True):
        assert torch.equal(run(pipe, guider=guider), latents)
    assert "unet" not in {name for _, name in memory.log}
    assert hooks_of(pipe) == 0


def test_steps_in_a_cache_are_those_of_a_device_with_room(pipe: ModularPipeline) -> None:
    cache = MemoryCache(10**8, steps=True)
    pipe.configure(cache=cache)
    expected = run(pipe)
    place(pipe)
    hits = cache.hits
    assert torch.equal(run(pipe), expected)
    assert cache.hits > hits
    # And with nothing known, what is noted in the middle of a loop is the model's own identity.
    cache.clear()
    assert torch.equal(run(pipe), expected)
    assert pipe.manager is not None
    pipe.manager.disable_auto_cpu_offload()
    hits = cache.hits
    assert torch.equal(run(pipe), expected)
    assert cache.hits > hits


def test_it_is_said_where_no_part_can_come_meanwhile(pipe: ModularPipeline) -> None:
    place(pipe).streams = None
    why = next(each.why for each in pipe.memory(prompt="a cat").components if each.name == "unet")
    assert why.endswith("stay while it computes; the device copies nothing ahead")


def test_it_is_said_where_and_why(pipe: ModularPipeline) -> None:
    events: list[Any] = []
    pipe.configure(listeners=[events.append])
    place(pipe)
    report = pipe.memory(prompt="a cat")
    said = " ".join(str(report).split())
    unet = said[said.index("unet ") :]
    assert "too large for the step: comes to cpu in " in unet
    assert "stay while it computes" in unet
    why = next(each.why for each in report.components if each.name == "unet")
    assert "too large for the step: comes to cpu in " in why
    assert why.endswith("stay while it computes; the next one comes meanwhile")
    step = next(step for step in report.steps if step.layers)
    assert (step.path, step.names >= {"unet"}) == ("denoise", True)
    assert 0 < step.components <= component_bytes(pipe.unet) // 2
    assert any("unet comes layer by layer, in " in note for note in pipe.explain(prompt="a cat").notes)
    run(pipe)
    moved = [each for each in events if isinstance(each, ComponentMoved) and each.name == "unet"]
    assert len(moved) == 1
    assert 0 < moved[0].bytes < component_bytes(pipe.unet) // 2
    assert [each.name for each in events if isinstance(each, ComponentFreed)].count("unet") == 1
    # What is measured holds what came and went as components, not as workspace.
    report = pipe.memory(prompt="a cat")
    assert next(step for step in report.steps if step.layers).beside < 50_000


def test_it_can_be_turned_off_and_compiled_models_are_refused(pipe: ModularPipeline) -> None:
    place(pipe, layers=False)
    with pytest.raises(ComponentError, match=r"'unet' does not come layer by layer: that was turned off \(enable_auto"):
        run(pipe)
    assert not pipe.memory(prompt="a cat").steps
    assert not any("layer by layer" in note for note in pipe.explain(prompt="a cat").notes)
    pipe.unet.down_blocks[0]._compiled_call_impl = torch.nn.Linear.forward  # where `compile()` puts its own
    place(pipe)
    with pytest.raises(ComponentError, match=r"'unet' does not come layer by layer: it is compiled"):
        run(pipe)
    del pipe.unet.down_blocks[0]._compiled_call_impl


def failing_once(pipe: ModularPipeline, said: str) -> list[int]:
    held: list[int] = []
    forward = pipe.unet.mid_block.forward

    def fail(*args: Any, **kwargs: Any) -> Any:
        assert pipe.manager is not None
        assert pipe.manager.placement is not None
        held.append(pipe.manager.placement.memory.resident)
        if len(held) == 2:
            raise RuntimeError(said)
        return forward(*args, **kwargs)

    pipe.unet.mid_block.forward = fail
    return held


def test_a_step_that_runs_out_of_memory_is_tried_with_the_smallest_share(pipe: ModularPipeline) -> None:
    expected, memory = run(pipe), place(pipe)
    held = failing_once(pipe, "out of memory")
    assert torch.equal(run(pipe), expected)
    assert len(held) == 3
    assert held[2] < held[1]
    held.clear()
    # And so from the beginning in the next run.
    memory.peak = 0
    assert torch.equal(run(pipe), expected)
    assert held[0] < component_bytes(pipe.unet) // 2 - 50_000
    del pipe.unet.mid_block.forward
    assert hooks_of(pipe) == 0


def test_a_run_that_fails_leaves_no_hook_and_says_what_may_be_elsewhere(pipe: ModularPipeline) -> None:
    expected, memory = run(pipe), place(pipe)
    failing_once(pipe, "Expected all tensors to be on the same device, but found two")
    with pytest.raises(RuntimeError) as caught:
        run(pipe)
    assert any("unet came layer by layer" in note for note in caught.value.__notes__)
    assert hooks_of(pipe) == 0
    del pipe.unet.mid_block.forward
    assert "unet" not in {name for _, name in memory.log}
    assert torch.equal(run(pipe), expected)
    # Without models that come so, nothing is said of them.
    place(pipe, 10**8)
    failing_once(pipe, "Expected all tensors to be on the same device, but found two")
    with pytest.raises(RuntimeError) as caught:
        run(pipe)
    assert not any("layer by layer" in note for note in getattr(caught.value, "__notes__", ()))
    del pipe.unet.mid_block.forward


def test_gradients_through_layers_that_leave_are_refused_in_words(pipe: ModularPipeline) -> None:
    pipe.configure(grad="inherit")
    place(pipe)
    with pytest.raises(ComponentError, match=r"unet\..* computes with gradients, and comes layer by layer"):
        run(pipe)
    pipe.configure(grad="no_grad")
    assert hooks_of(pipe) == 0
