"""What holds memory is said, and what a run will need is foreseen."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from device_doubles import Counters
from live_storages import LiveMemory, LiveStorages

from brickwork import (
    Block,
    ComponentsManager,
    MemoryCache,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
    component,
)
from brickwork.engine.execution.checkpoint import checkpoint_bytes
from brickwork.engine.execution.foreseen import Foreseen
from brickwork.pipeline.memory_report import HeldComponent, MemoryReport

MB = 10**6


class Weights(torch.nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size, dtype=torch.uint8), requires_grad=False)


class Encode(Block):
    encoder: torch.nn.Module = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, width: int) -> Out:
        memory[0].use(width * 20)
        return self.Out(x=torch.zeros(width, dtype=torch.uint8))


class Draw(Block):
    denoiser: torch.nn.Module = component()

    class Out(Outputs):
        y: torch.Tensor

    def run(self, x: torch.Tensor) -> Out:
        memory[0].use(x.numel() * 60)
        return self.Out(y=x.repeat(2))


class Decode(Block):
    vae: torch.nn.Module = component()

    def run(self, y: torch.Tensor) -> None:
        memory[0].use(y.numel() * 100)


memory: list[Counters] = []
SIZES = {"encoder": 40_000, "denoiser": 90_000, "vae": 10_000}


def pipeline(budget: int | None) -> tuple[ModularPipeline, ComponentsManager]:
    manager = ComponentsManager()
    blocks = {"encode": Encode, "draw": Draw, "decode": Decode}
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(components_manager=manager)
    pipe.update_components(**{name: Weights(size) for name, size in SIZES.items()})
    pipe.configure(progress=False)
    memory[:] = [Counters()]
    manager.enable_auto_cpu_offload("cpu", budget, memory_reserve_margin=0, memory=memory[0])
    return pipe, manager


class Watched(Counters):
    """Remembers the peak of everything."""

    top = 0

    def use(self, size: int) -> None:
        super().use(size)
        self.top = max(self.top, self.resident + size)

    def bring(self, name: str, component: object) -> None:
        super().bring(name, component)
        self.top = max(self.top, self.resident)


@pytest.mark.parametrize("budget", [120_000, 125_000, 135_000, 150_000, 200_000, None])
@pytest.mark.parametrize("width", [100, 300])
def test_the_peak_of_a_run_is_foreseen_within_a_twentieth(budget: int | None, width: int) -> None:
    pipe, manager = pipeline(budget)
    memory[0] = Watched()
    manager.enable_auto_cpu_offload("cpu", budget, memory_reserve_margin=0, memory=memory[0])
    pipe(width=width)
    pipe(width=width)
    report = pipe.memory(width=width)
    assert report.peak is not None
    watched = memory[0]
    assert isinstance(watched, Watched)
    watched.top = 0
    pipe(width=width)
    assert abs(report.peak.total - watched.top) <= 0.05 * watched.top, (str(report), watched.top)
    assert budget is None or watched.top <= budget


@pytest.mark.parametrize("budget", ["1.3MB", "2MB", None])
def test_the_peak_of_a_family_is_foreseen_within_a_twentieth_of_its_live_storages(
    budget: str | None, tiny_folder: Path
) -> None:
    """With models layer by layer, with some that leave, and with all of them there."""
    manager = ComponentsManager()
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager).load_components()
    pipe.configure(progress=False)
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "pt"}
    with LiveStorages() as storages:
        live = LiveMemory(storages)
        manager.enable_auto_cpu_offload("cpu", budget, memory_reserve_margin=0, memory=live)
        for _ in range(2):
            pipe(**inputs, seed=0)
        report = pipe.memory(**inputs)
        assert report.peak is not None
        live.top = 0
        storages.restart()
        pipe(**inputs, seed=0)
        assert abs(report.peak.total - live.top) <= 0.05 * live.top, (str(report), live.top)
        manager.disable_auto_cpu_offload()


def test_what_a_large_image_needs_is_not_said_of_a_small_one() -> None:
    pipe, _ = pipeline(None)
    pipe(width=1000)
    pipe(width=10)
    assert [step.beside for step in pipe.memory(width=1000).steps] == [20_000, 60_000, 200_000]
    assert [step.beside for step in pipe.memory(width=10).steps] == [200, 600, 2000]
    assert [step.beside for step in pipe.memory(width=77).steps] == [0, 0, 0]
    # Another composition with blocks of these names is another one, too.
    other, manager = pipeline(None)
    pipe.manager.placement.measured.clear()  # type: ignore[union-attr]
    other.update_components(vae=Weights(5))
    other(width=10)
    assert manager.placement is not None
    other.update_components(vae=Weights(6))
    assert [step.beside for step in other.memory(width=10).steps] == [0, 0, 0]


def test_a_report_reads_well() -> None:
    pipe, _ = pipeline(135_000)
    pipe(width=100)
    assert str(pipe.memory(width=100)).splitlines() == [
        "component  size     place  why",
        "encoder    40.0 KB  cpu    comes to cpu when a step needs it",
        "denoiser   90.0 KB  cpu    kept there: there is room, and a later step needs it",
        "vae        10.0 KB  cpu    kept there: there is room, and a later step needs it",
        "budget: 135 KB",
        "",
        "step    components  beside   in all",
        "encode  130 KB      2.0 KB   132 KB",
        "draw    90.0 KB     6.0 KB   96.0 KB",
        "decode  100 KB      20.0 KB  120 KB",
        "peak: 132 KB, in encode",
    ]


def test_what_is_not_placed_not_loaded_or_refused_is_said() -> None:
    pipe, manager = pipeline(50_000)
    said = " ".join(str(pipe.memory(width=1)).split())
    assert "refused: draw needs 90.0 KB of components at once" in said
    assert "Raise the budget to 90.0 KB" in said
    manager.disable_auto_cpu_offload()
    pipe.components["vae"] = None
    assert str(pipe.memory("width")).splitlines() == [
        "component  size     place  why",
        "encoder    40.0 KB  cpu    the pipeline computes on cpu",
        "denoiser   90.0 KB  cpu    the pipeline computes on cpu",
        "vae        0 B      -      not loaded",
    ]
    assert pipe.memory().peak is None


def test_no_line_is_wider_than_a_terminal() -> None:
    why = "too large for the step: comes to cuda:0 layer by layer, 1.2 GB at once at most, and two layers ahead of the one that computes"
    report = MemoryReport(
        (
            HeldComponent("text_encoder_2_with_a_long_name", 10**9, "cuda:0, disk", why),
            HeldComponent("vae", 10**6, "cuda:0", "short"),
        ),
        2 * 10**9,
        (Foreseen("denoise.step.inner_step.another_step.predict_noise_of_both_branches", frozenset(), 10**9, 10**6),),
        refused=f"denoise needs 3.0 GB. {why}. Raise the budget to 3.0 GB",
        devices=(f"unet: {why}",),
    )
    lines = str(report).splitlines()
    assert max(map(len, lines)) <= 80
    said = " ".join(str(report).split())
    for words in (
        "denoise.step.inner_step.another_step.predict_noise_of_both_branches",
        "at once at most",
        "Raise the budget to 3.0 GB",
    ):
        assert words in said
    assert lines[0].index("why") == lines[1].index("too large")


def test_what_else_holds_memory_is_counted(tiny_pipe: ModularPipeline) -> None:
    import copy

    from tiny_adapters import lora

    tiny_pipe.update_components(unet=copy.deepcopy(tiny_pipe.unet), text_encoder=copy.deepcopy(tiny_pipe.text_encoder))
    tiny_pipe.update_components(text_encoder_2=copy.deepcopy(tiny_pipe.text_encoder_2))
    cache = MemoryCache()
    tiny_pipe.configure(cache=cache)
    tiny_pipe(prompt="a cat", num_inference_steps=1, output_type="latent")
    tiny_pipe.load_lora_weights(lora(tiny_pipe))
    tiny_pipe.fuse_lora()
    report = tiny_pipe.memory()
    assert report.others["cache of results"] == cache.bytes > 0
    kept = report.others["weights as before LoRAs were fused, on the host"]
    changed = sum(
        layer.base_layer.weight.numel() * 4
        for model in (tiny_pipe.unet, tiny_pipe.text_encoder, tiny_pipe.text_encoder_2)
        for layer in model.modules()
        if hasattr(layer, "base_layer")
    )
    assert kept >= changed > 0


def test_snapshots_that_somebody_holds_are_counted_and_asked_for_where_memory_runs_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Make(Block):
        class Out(Outputs):
            x: torch.Tensor

        def run(self) -> Out:
            return self.Out(x=torch.ones(1000))

    class Fail(Block):
        def run(self, x: torch.Tensor) -> None:
            raise torch.OutOfMemoryError("full")

    pipe = SequentialPipelineBlocks.from_blocks_dict({"make": Make, "fail": Fail}).init_pipeline()
    held: list[Snapshot] = []
    pipe.configure(progress=False, snapshots=Snapshots(held.append, after="blocks"))
    gc.collect()
    before = checkpoint_bytes()
    with pytest.raises(torch.OutOfMemoryError) as caught:
        pipe()
    assert "snapshots" not in "".join(caught.value.__notes__)
    assert checkpoint_bytes()[0] - before[0] >= 4000
    report = pipe.memory().others
    assert report["snapshots that are held"] == checkpoint_bytes()[0]
    assert "snapshots, on devices" not in report
    monkeypatch.setattr("brickwork.engine.memory.lies_on_device", lambda tensor: True)
    assert pipe.memory().others["snapshots, on devices"] >= 4000
    with pytest.raises(torch.OutOfMemoryError) as caught:
        pipe()
    assert "  - let go of snapshots, or take them to a file: those that are held keep " in "".join(
        caught.value.__notes__
    )
    held.clear()
    del caught
    gc.collect()
    assert checkpoint_bytes()[0] <= before[0]


def test_to_ask_what_is_needed_changes_nothing_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, _ = pipeline(None)
    pipe(width=1)
    log = [*memory[0].log]
    assert memory[0].resident
    monkeypatch.setattr("brickwork.registry.devices.group_offload.onload_device", lambda component: torch.device("cpu"))
    pipe.memory(width=1)
    assert memory[0].log == log


SCRIPT = """
import resource
import torch
from brickwork import Block, ComponentsManager, Outputs, SequentialPipelineBlocks, component

MB = 10**6

class Weights(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size, dtype=torch.uint8), requires_grad=False)

class Make(Block):
    one: torch.nn.Module = component()
    class Out(Outputs):
        x: torch.Tensor
    def run(self, width: int) -> Out:
        return self.Out(x=torch.ones(width * MB, dtype=torch.uint8))

class Double(Block):
    two: torch.nn.Module = component()
    class Out(Outputs):
        y: torch.Tensor
    def run(self, x: torch.Tensor) -> Out:
        return self.Out(y=torch.cat([x, x]))

def peak():
    # Of this process alone: what `getrusage` says has the peak of the process that began it.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

manager = ComponentsManager()
pipe = SequentialPipelineBlocks.from_blocks_dict({"make": Make, "double": Double}).init_pipeline(components_manager=manager)
pipe.configure(progress=False)
torch.ones(10).sum()
with open("/proc/self/statm") as file:
    before = int(file.read().split()[1]) * resource.getpagesize()
pipe.update_components(one=Weights(150 * MB), two=Weights(100 * MB))
manager.enable_auto_cpu_offload("cpu")
pipe(width=50)
foreseen = pipe.memory(width=50).peak.total
print(foreseen, peak() - before)
"""


def test_on_the_host_the_peak_is_that_of_the_process_within_a_fifth(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    said = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    foreseen, measured = map(int, said.stdout.split())
    assert foreseen == 400 * MB
    assert abs(foreseen - measured) <= 0.2 * measured, said.stdout


def test_entries_of_a_cache_that_lie_on_a_device_leave_where_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from brickwork.engine import memory as engine_memory

    monkeypatch.setattr(engine_memory, "lies_on_device", lambda tensor: tensor.numel() == 100)
    cache = MemoryCache()
    fails = [False]

    class First(Block):
        class Out(Outputs):
            x: torch.Tensor

        def run(self, seed: int) -> Out:
            return self.Out(x=torch.full((100,), float(seed)))

    class Second(Block):
        class Out(Outputs):
            y: torch.Tensor

        def run(self, x: torch.Tensor) -> Out:
            if fails[0]:
                raise torch.OutOfMemoryError("full")
            return self.Out(y=x[:3] + 1)

    pipe: Any = SequentialPipelineBlocks.from_blocks_dict({"first": First, "second": Second}).init_pipeline()
    pipe.configure(progress=False, cache=cache)
    pipe(seed=1)
    assert (len(cache), cache.device_bytes) == (2, 400)
    fails[0] = True
    with pytest.raises(torch.OutOfMemoryError):
        pipe(seed=2)
    assert (cache.device_bytes, len(cache)) == (0, 1)
