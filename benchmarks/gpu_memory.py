"""Sections of `benchmarks/gpu.py`: what is copied beside the computation, memory that really runs out, and the peer's steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from attrs import frozen
from diffusers import EulerDiscreteScheduler
from diffusers.guiders import ClassifierFreeGuidance
from diffusers.modular_pipelines.stable_diffusion_xl import StableDiffusionXLAutoBlocks
from gpu_models import BETAS, GB, Bench

import brickwork
from brickwork import ComponentsManager
from brickwork.engine.events import DeviceTimed, RunWarning
from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.devices.torch_memory import TorchMemory


@contextmanager
def only(bench: Bench, size: int) -> Iterator[None]:
    """Let torch have so many bytes of the device."""
    if not bench.is_cuda:
        yield
        return
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(size / torch.cuda.get_device_properties(bench.device).total_memory)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def peer_pipeline(bench: Bench) -> Any:
    """Diffusers' modular pipeline over the same models."""
    pipe = StableDiffusionXLAutoBlocks().get_workflow("text2image").init_pipeline()
    words = brickwork.embedded().tokenizer
    pipe.update_components(
        **bench.models(), tokenizer=words, tokenizer_2=words, scheduler=EulerDiscreteScheduler(**BETAS),
        guider=ClassifierFreeGuidance(guidance_scale=5.0),
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe


def peer_run(bench: Bench, pipe: Any, steps: int) -> Any:
    """Latents of the peer."""
    sizes = {"height": bench.size, "width": bench.size, "num_inference_steps": steps}
    generator = torch.Generator().manual_seed(0)
    return pipe(prompt="a red circle", **sizes, generator=generator, output="latents")


@frozen
class Copied:
    """A copy to the device, or a wait of what computes for one.

    Attributes:
        before, after: events of the stream that does it. size: bytes; 0 of a wait. is_ahead: whether it runs beside the computation.
    """

    before: Any
    after: Any
    size: int = 0
    is_ahead: bool = False

    @property
    def seconds(self) -> float:
        """How long it took on the device."""
        return float(self.before.elapsed_time(self.after)) / 1e3


class Copies(TorchMemory):
    """A device on which each copy to it is timed, on the stream that does it, and each wait for one.

    Attributes:
        taken: copies. waits: of the stream that computes.
    """

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.device)
        self.taken: list[Copied] = []
        self.waits: list[Copied] = []

    @property
    def hidden(self) -> float:
        """The fraction of the copies' time in which the device computed: all of it but what computation waited for, or did itself."""
        copied = sum(each.seconds for each in self.taken)
        shown = sum(each.seconds for each in self.waits) + sum(each.seconds for each in self.taken if not each.is_ahead)
        return max(0.0, 1 - shown / copied) if copied else 0.0

    def _stamp(self, stream: Any) -> Any:
        event = torch.Event(self.device, enable_timing=True)
        event.record(stream)
        return event

    def _transfer(self, copies: Any, ahead: bool) -> Any:
        if self.streams is None:
            return super()._transfer(copies, ahead)
        stream = self.streams.side if ahead else self.streams.current
        if ahead:
            # Before the first stamp: the copy waits for what computes, and that is not its own time.
            self.streams.wait(stream, self.streams.mark(self.streams.current))
        before = self._stamp(stream)
        found = super()._transfer(copies, ahead)
        size = sum(there.numel() * there.element_size() for there, _ in copies)
        self.taken.append(Copied(before, self._stamp(stream), size, ahead))
        return found

    def _wait_for(self, placed: Any) -> None:
        if self.streams is None:
            return
        before = self._stamp(self.streams.current)
        super()._wait_for(placed)
        self.waits.append(Copied(before, self._stamp(self.streams.current)))


def layers(bench: Bench) -> str:
    """A denoiser that comes layer by layer: seconds, and how much of the copies is hidden by the computation."""
    manager, steps, models = ComponentsManager(), 2 if bench.is_small else 4, bench.models()
    unet, encoders = component_bytes(models["unet"]), component_bytes(models["text_encoder"], models["text_encoder_2"])
    expected = bench.pipeline()(**bench.inputs(steps, output="latents"))
    pipe, found = bench.pipeline(manager), []
    for share in (0.5, 0.85):
        memory, times = Copies(bench), [0.0]
        # In the small form the encoders' words are the largest, so that the denoiser fits as a whole.
        room = max(int(unet * share), encoders) + (10**9 if not bench.is_small else 10**5)
        manager.enable_auto_cpu_offload(bench.device, budget=room, memory=memory)
        pipe.configure(device_times=True, listeners=[lambda event, to=times: _add_block(event, to)])
        latents: list[Any] = []
        seconds = bench.timed(lambda got=latents: got.append(pipe(**bench.inputs(steps, output="latents"))))
        if not torch.equal(latents[0].cpu(), expected.cpu()):
            raise RuntimeError(f"other bits with {share:.0%} of the denoiser's room")
        copied = sum(each.seconds for each in memory.taken)
        size = sum(each.size for each in memory.taken) / GB
        found.append(
            f"room for {share:.0%}: {seconds:.2f} s, of which {times[0]:.2f} s denoising on the device, {memory.moved / GB:.2f} GB moved; copies "
            f"of {size:.2f} GB took {copied:.2f} s, {memory.hidden:.0%} of it behind the computation"
        )
        pipe.configure(listeners=[])
        manager.disable_auto_cpu_offload()
    return "same bits; " + "; ".join(found)


def _add_block(event: object, to: list[float]) -> None:
    if isinstance(event, DeviceTimed) and event.path == "denoise.denoiser":
        to[0] += event.seconds


def starving(bench: Bench) -> str:
    """Memory that really runs out while decoding: the run is tried again, and the next one knows."""
    if not bench.is_cuda:
        return "runs out on CUDA only: the CPU has no limit to set"
    manager, remarks = ComponentsManager(), []
    pipe = bench.pipeline(manager)
    expected = bench.pipeline()(**bench.inputs(1))
    for model in bench.models().values():
        model.to("cpu")
    pipe.configure(listeners=[lambda event: remarks.append(event) if isinstance(event, RunWarning) else None])
    whole = component_bytes(*bench.models().values())
    # Told of more than there is, so that all models stay, and decoding finds no room beside them.
    manager.enable_auto_cpu_offload(bench.device, budget=4 * whole)
    seconds = []
    with only(bench, int(whole * 1.1)):
        for _ in range(3):
            images: list[Any] = []
            seconds.append(bench.timed(lambda got=images: got.append(pipe(**bench.inputs(1)))))
            if not torch.equal(images[0].cpu(), expected.cpu()):
                raise RuntimeError("other bits after memory ran out")
    retries = torch.cuda.memory_stats(bench.device).get("num_ooms", 0)
    again = sum("tried once more" in event.text for event in remarks)
    manager.disable_auto_cpu_offload()
    left = torch.cuda.memory_allocated(bench.device) / GB
    return f"same bits; {again} second tries and {retries} failed allocations in 3 runs of {seconds[0]:.2f}, then {median(seconds[1:]):.2f} s; {left:.2f} GB left"
