"""Components come to the device when the plan needs them, within a budget, and leave the host as told."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_blocks import Twice

from brickwork import (
    Block,
    ComponentError,
    ComponentsManager,
    ComponentSpec,
    InputError,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.torch_memory import TorchMemory
from brickwork.registry.loading.weights import bytes_of

KB = 1000


class Weights(torch.nn.Module):
    """A model of so many kilobytes."""

    def __init__(self, kilobytes: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(kilobytes * KB // 4), requires_grad=False)


def block(name: str) -> type[Block]:
    def run(self: Any, x: int) -> Any:
        return self.Out(x=x + int(getattr(self, name).weight[0]))

    class Out(Outputs):
        x: int

    run.__annotations__ = {"x": int, "return": Out}
    body = {
        name: component(),
        "Out": Out,
        "run": run,
        "__annotations__": {name: torch.nn.Module},
        "__module__": __name__,
    }
    return type(f"Use{name}", (Block,), body)


def pipeline(
    budget: int | None, blocks: dict[str, Any], sizes: dict[str, int], **options: Any
) -> tuple[ModularPipeline, DeviceMemory, ComponentsManager]:
    manager = ComponentsManager()
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(components_manager=manager)
    pipe.update_components(**{name: Weights(size) for name, size in sizes.items()})
    pipe.configure(progress=False)
    memory = DeviceMemory()
    manager.enable_auto_cpu_offload("cpu", budget=budget and budget * KB, memory=memory, **options)
    return pipe, memory, manager


A, B, C = block("a"), block("b"), block("c")
SIZES = {"a": 10, "b": 50, "c": 20}


def test_with_room_for_all_everything_is_brought_once() -> None:
    pipe, memory, _ = pipeline(None, {"one": A, "two": B, "three": C}, SIZES)
    for _ in range(3):
        assert pipe(x=0, output="x") == 3
    assert memory.log == [("bring", "a"), ("bring", "b"), ("bring", "c")]
    assert memory.moved == memory.peak == 80 * KB


def test_what_is_cheap_to_bring_again_goes_and_the_large_one_stays() -> None:
    pipe, memory, _ = pipeline(72, {"one": A, "two": B, "three": C}, SIZES)
    for _ in range(4):
        pipe(x=0)
    assert memory.peak <= 72 * KB
    assert memory.log.count(("bring", "b")) == 1
    assert memory.moved == (80 + 3 * (10 + 20)) * KB


@pytest.mark.parametrize(("budget", "ahead"), [(60, True), (59, False), (None, True)])
def test_the_next_model_is_brought_before_the_step_that_hides_it_if_there_is_room(
    budget: int | None, ahead: bool
) -> None:
    seen: list[list[str]] = []

    class Look(Block):
        a: torch.nn.Module = component()

        def run(self, x: int) -> None:
            seen.append([name for what, name in memory.log if what == "bring"])

    class Idle(Block):
        def run(self, x: int) -> None:
            seen.append([name for what, name in memory.log if what == "bring"])

    pipe, memory, _ = pipeline(budget, {"look": Look, "idle": Idle, "two": B}, {"a": 10, "b": 50})
    pipe(x=0)
    assert seen == [["a", "b"] if ahead else ["a"]] * 2
    assert memory.peak <= (budget or 60) * KB


def test_a_loop_whose_components_do_not_fit_together_takes_turns() -> None:
    loop = Twice.from_blocks_dict({"one": A, "two": B})
    pipe, memory, _ = pipeline(55, {"loop": loop}, {"a": 10, "b": 50})
    assert pipe(x=0, output="x") == 4
    assert memory.peak <= 55 * KB
    assert [name for what, name in memory.log if what == "bring"] == ["a", "b", "a", "b"]
    fitting, roomy, _ = pipeline(60, {"loop": Twice.from_blocks_dict({"one": A, "two": B})}, {"a": 10, "b": 50})
    fitting(x=0)
    assert [name for what, name in roomy.log if what == "bring"] == ["a", "b"]


def test_a_step_that_alone_is_too_large_is_refused_with_figures() -> None:
    pipe, memory, _ = pipeline(45, {"one": A, "two": B}, {"a": 10, "b": 50}, memory_reserve_margin="5KB")
    with pytest.raises(
        ComponentError,
        match=r"two needs 50.0 KB of components at once \(b 50.0 KB\), values and workspace not counted; the budget is 45.0 KB, "
        r"of which 5.0 KB stay free \(memory_reserve_margin\). Raise the budget to 55.0 KB, load",
    ):
        pipe(x=0)
    assert memory.log == []


def test_values_take_their_part_of_the_budget() -> None:
    class Grow(Block):
        class Out(Outputs):
            big: torch.Tensor

        def run(self, x: int) -> Out:
            return self.Out(big=torch.zeros(20 * KB // 4))

    pipe, memory, manager = pipeline(85, {"grow": Grow, "one": A, "two": B, "three": C}, SIZES)
    pipe(x=0)
    assert manager.placement is not None
    assert {key[-1]: max(known) for key, known in manager.placement.measured.items()} == dict.fromkeys(  # type: ignore[index]
        ("grow", "one", "two", "three"), 20 * KB
    )
    memory.peak = 0
    pipe(x=0)
    assert memory.peak <= 65 * KB


@pytest.mark.parametrize("strategy", [None, lambda sizes, _short, _distance: list(sizes)])
def test_what_was_measured_lets_others_leave_and_refuses_no_run_that_components_alone_have_room_for(
    strategy: Any,
) -> None:
    """Whether the plan decides what leaves, or a rule of your own, for what comes as a whole."""

    class Grow(Block):
        class Out(Outputs):
            big: torch.Tensor

        def run(self, x: int) -> Out:
            return self.Out(big=torch.zeros(60 * KB // 4))

    pipe, memory, _ = pipeline(50, {"grow": Grow, "one": A, "two": B, "three": C}, SIZES, strategy=strategy)
    for _ in range(3):
        memory.log.clear()
        assert pipe(x=0, output=["x", "big"])["x"] == 3
        assert memory.peak == 50 * KB
    # Nothing stays beside what a step computes with, because nothing is free beside its values.
    assert [what for what, _ in memory.log] == ["drop", "bring"] * 3
    said = " ".join(str(pipe.memory(x=0)).split())
    assert said.endswith("peak: 110 KB, in two: 60.0 KB more than the budget, which its components alone would fit")


def test_pipelines_of_one_manager_share_the_device() -> None:
    pipe, memory, manager = pipeline(60, {"one": A}, {"a": 10})
    other = SequentialPipelineBlocks.from_blocks_dict({"two": B}).init_pipeline(components_manager=manager)
    other.update_components(b=Weights(55))
    pipe(x=0)
    other(x=0)
    assert memory.log == [("bring", "a"), ("drop", "a"), ("bring", "b")]
    manager.remove(manager.get_ids("b")[0])
    assert memory.log[-1] == ("drop", "b")


def test_a_rule_of_your_own_decides_what_goes() -> None:
    asked: list[Any] = []

    def largest(sizes: Any, short: int, distance: Any) -> list[str]:
        asked.append((dict(sizes), short, dict(distance)))
        return [max(sizes, key=lambda name: sizes[name])]

    pipe, memory, manager = pipeline(72, {"one": A, "two": B, "three": C}, SIZES, strategy=largest)
    pipe(x=0)
    assert asked == [({"a": 10 * KB, "b": 50 * KB}, 8 * KB, {"a": 1, "b": 2})]
    assert ("drop", "b") in memory.log
    manager.set_offload_strategy(lambda _sizes, _short, _distance: [])
    with pytest.raises(ComponentError, match=r"one lacks .* chose nothing to go, which frees 0 B|two lacks"):
        pipe(x=0)
    manager.set_offload_strategy(None)
    manager.disable_auto_cpu_offload()
    assert memory.resident == 0
    with pytest.raises(ComponentError, match="call enable_auto_cpu_offload"):
        manager.set_offload_strategy(largest)


@pytest.mark.parametrize(("budget", "short"), [(80 * KB, None), (80 * KB - 1, 1), (80 * KB - 2, 2)])
def test_a_rule_of_your_own_is_asked_as_soon_as_a_byte_is_short(budget: int, short: int | None) -> None:
    asked: list[int] = []

    def first(sizes: Any, bytes_short: int, distance: Any) -> list[str]:
        asked.append(bytes_short)
        return [min(sizes)]

    manager = ComponentsManager()
    pipe = SequentialPipelineBlocks.from_blocks_dict({"one": A, "two": B, "three": C}).init_pipeline(
        components_manager=manager
    )
    pipe.update_components(**{name: Weights(size) for name, size in SIZES.items()})
    manager.enable_auto_cpu_offload("cpu", budget=budget, memory=DeviceMemory(), strategy=first)
    pipe(x=0)
    assert asked == ([] if short is None else [short])


def test_a_rule_that_frees_too_little_is_refused_with_figures() -> None:
    pipe, _, _ = pipeline(72, {"one": A, "two": B, "three": C}, SIZES, strategy=lambda *_: [])
    with pytest.raises(ComponentError) as caught:
        pipe(x=0)
    assert str(caught.value) == ("three lacks 8.0 KB, and the offload strategy chose nothing to go, which frees 0 B.")
    pipe, _, _ = pipeline(65, {"one": A, "two": B, "three": C}, SIZES, strategy=lambda *_: ["a"])
    with pytest.raises(ComponentError) as caught:
        pipe(x=0)
    assert str(caught.value) == ("three lacks 15.0 KB, and the offload strategy chose a to go, which frees 10.0 KB.")


def test_models_start_on_the_host_and_the_pipeline_is_not_moved_by_hand(
    tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "pt", "output": "images"}
    expected = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(0))
    manager = ComponentsManager()
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager).load_components()
    pipe.configure(progress=False)
    manager.enable_auto_cpu_offload("cpu", budget="1.4MB")
    assert {component.device.type for component in manager.search_components("unet|vae").values()} == {"cpu"}
    for _ in range(2):
        assert torch.equal(pipe(**inputs, generator=torch.Generator().manual_seed(0)), expected)
    assert manager.placement is not None
    assert "drop" in {what for what, _ in manager.placement.memory.log}
    with pytest.raises(ComponentError, match="disable_auto_cpu_offload"):
        pipe.to("cpu")


def test_host_copies_come_back_and_changes_on_the_device_are_kept() -> None:
    memory, model = TorchMemory("cpu"), Weights(1)
    host = model.weight.data_ptr()
    memory.bring("model", model)
    with torch.no_grad():
        model.weight.add_(1)
    memory.drop("model", model)
    assert model.weight.data_ptr() == host
    assert model.weight[0] == 2
    assert (memory.moved, memory.resident) == (1000, 0)


def test_on_demand_a_component_is_loaded_at_its_first_use_and_stays(tiny_folder: Path) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    pipe.configure(load="on demand", progress=False, load_options={"dtype": torch.float32})
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 1, "output_type": "latent"}
    pipe(**inputs)
    unet = pipe.unet
    assert unet is not None
    pipe(**inputs)
    assert pipe.unet is unet
    assert pipe.null_component_names == []


def test_just_in_time_the_host_holds_one_step_at_a_time(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    alive: dict[str, weakref.ref[Any]] = {}
    largest: list[set[str]] = []
    load = ComponentSpec.load

    def watched(self: ComponentSpec, **options: Any) -> Any:
        gc.collect()
        made = load(self, **options)
        if hasattr(made, "parameters"):
            alive[str(self.name)] = weakref.ref(made)
            largest.append({name for name, ref in alive.items() if ref() is not None})
        return made

    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    pipe.configure(residency="just in time", progress=False)
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "pt", "output": "images"}
    expected = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ComponentSpec, "load", watched)
        found = pipe(**inputs, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found, expected)
    gc.collect()
    assert all(ref() is None for ref in alive.values())
    assert set(alive) == {"text_encoder", "text_encoder_2", "unet", "vae"}
    assert {frozenset(together) for together in largest} == {
        frozenset({"text_encoder"}),
        frozenset({"text_encoder", "text_encoder_2"}),
        frozenset({"unet"}),
        frozenset({"vae"}),
    }
    assert pipe.null_component_names == pipe.pretrained_component_names


def test_what_cannot_be_loaded_is_said_before_the_run(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    for name in ("unet", "vae"):
        spec = pipe.get_component_spec(name)
        spec.repo = str(tmp_path)
        pipe.update_components(**{name: spec})
    pipe.configure(residency="just in time", progress=False)
    with pytest.raises(ComponentError) as caught:
        pipe(prompt="a cat")
    assert len(caught.value.faults) == 2
    assert "'unet' cannot be loaded: there is no folder" in str(caught.value)
    with pytest.raises(InputError, match="residency='sometimes': it is 'stay' or 'just in time'"):
        pipe.configure(residency="sometimes")


def test_bytes_are_read_from_words() -> None:
    assert [bytes_of(text) for text in (5, "5B", "8GB", "1.5 MB", "2GiB", "1kb")] == [
        5,
        5,
        8 * 10**9,
        1500000,
        2**31,
        1000,
    ]
    with pytest.raises(ComponentError, match="'lots' is no number of bytes"):
        bytes_of("lots")
