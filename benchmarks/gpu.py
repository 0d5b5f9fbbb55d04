"""What only a GPU shows: copies, races, synchronisations, step times, offload, memory that runs out, compiling.

    python benchmarks/gpu.py            # SDXL's sizes, random weights, no downloads: eight minutes on one GPU
    python benchmarks/gpu.py --short    # three minutes: results that must be right, synchronisations, offload
    python benchmarks/gpu.py --small    # tiny models, on whatever there is: shows only that every section runs

Each section prints one line as soon as it is done; one that fails says so, and the next goes on.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from statistics import median
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)
from gpu_memory import layers, only, peer_pipeline, peer_run, starving
from gpu_models import BETAS, GB, Bench

from brickwork import ComponentsManager, MemoryCache
from brickwork.guiders import (
    AutoGuidance,
    ClassifierFreeGuidance,
    PerturbedAttentionGuidance,
    TangentialClassifierFreeGuidance,
)
from brickwork.pipeline import Previews
from brickwork.presets.sdxl import SDXL
from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.devices.torch_memory import TorchMemory

Section = Callable[[Bench], str]


def copies(bench: Bench) -> str:
    """How fast memory comes to the device, and what pinning costs."""
    if not bench.is_cuda:
        return f"{bench.device}: copies are not measured"
    size, name = bench.gigabyte, torch.cuda.get_device_name(bench.device)
    there, plain = torch.empty(size, dtype=torch.uint8, device=bench.device), torch.zeros(size, dtype=torch.uint8)
    whole = bench.timed(lambda: plain.pin_memory())
    parts = bench.timed(lambda: [part.pin_memory() for part in plain.chunk(1000)])
    pinned = plain.pin_memory()
    rates = [
        size / GB / bench.timed(lambda each=each: there.copy_(each, non_blocking=True)) for each in (pinned, plain)
    ]
    return (
        f"{name}, CUDA {torch.version.cuda}; to the device {rates[0]:.1f} GB/s pinned, {rates[1]:.1f} not; "
        f"pinning 1 GB {whole:.2f} s, in 1,000 pieces {parts:.2f} s"
    )


def right_results(bench: Bench) -> str:
    """Weights that are read while others come are the right ones; what is written on the device comes back."""
    memory, wrong = TorchMemory(bench.device), 0
    count = bench.gigabyte // 4
    ones, twos = (torch.nn.ParameterList([torch.full((count,), value)]) for value in (1.0, 2.0))
    for _ in range(2 if bench.is_small else 20):
        memory.prefetch("ones", ones)
        memory.bring("ones", ones)
        if bench.is_cuda:
            torch.cuda._sleep(500_000_000)  # the host runs ahead, and gives the memory away before it is read
        found = ones[0].sum(dtype=torch.float64)
        memory.drop("ones", ones)
        memory.prefetch("twos", twos)
        wrong += float(found) != count
        memory.drop("twos", twos)
    faults = [f"{wrong} races"] if wrong else []
    one, two = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    two.weight = one.weight
    memory.bring("one", one)
    memory.bring("two", two)
    one.weight.data += 1.0
    expected = one.weight.detach().cpu().clone()
    memory.drop("one", one)
    if two.weight.device.type != bench.device.type:
        faults.append("a shared weight left with the first that went")
    memory.drop("two", two)
    if not torch.equal(one.weight, expected):
        faults.append("a write through .data was lost")
    return "; ".join(faults) or "all right: races, shared weights, writes through .data"


@contextmanager
def waits_counted(bench: Bench) -> Iterator[list[Any]]:
    """Collect what torch says of waits for the device."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        if bench.is_cuda:
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            if bench.is_cuda:
                torch.cuda.set_sync_debug_mode("default")


def waits(bench: Bench) -> str:
    """For how many operations of a step the host waits for the device."""
    pipe = bench.pipeline()

    def per_step(**more: Any) -> float:
        counts, few, many = [], 1 if bench.is_small else 2, 2 if bench.is_small else 6
        for count in (few, many):
            with waits_counted(bench) as found:
                pipe(**bench.inputs(count, output="latents", **more))
            counts.append(sum("synchroniz" in str(each.message) for each in found))
        return (counts[1] - counts[0]) / (many - few)

    found = {}
    for scheduler in (EulerDiscreteScheduler, DDIMScheduler, EulerAncestralDiscreteScheduler):
        pipe.update_components(scheduler=scheduler(**BETAS))
        found[scheduler.__name__.removesuffix("Scheduler")] = per_step()
    pipe.update_components(scheduler=EulerDiscreteScheduler(**BETAS))
    for guider in guiders():
        found[type(guider).__name__] = per_step(guider=guider)
    pipe.configure(cache=MemoryCache(10**9, steps=True))
    found["cache of steps"] = per_step()
    words = ", ".join(f"{name} {count:g}" for name, count in found.items())
    return f"waits per step: {words}" if bench.is_cuda else f"waits are counted on CUDA only (ran: {', '.join(found)})"


def guiders() -> list[Any]:
    return [
        PerturbedAttentionGuidance(perturbed_guidance_stop=1.0),
        AutoGuidance(dropout=0.5),
        TangentialClassifierFreeGuidance(),
    ]


@torch.no_grad()
def bare_loop(bench: Bench, steps: int) -> None:
    """The least that denoising with guidance can be."""
    unet, scheduler = bench.models()["unet"], EulerDiscreteScheduler(**BETAS)
    scheduler.set_timesteps(steps, device=bench.device)
    place = {"device": bench.device, "dtype": unet.dtype}
    embeds = torch.zeros(2, 77, unet.config.cross_attention_dim, **place)
    width = unet.config.projection_class_embeddings_input_dim - 6 * unet.config.addition_time_embed_dim
    added = {"text_embeds": torch.zeros(2, width, **place), "time_ids": torch.zeros(2, 6, **place)}
    latents = torch.randn(1, 4, bench.size // 8, bench.size // 8, **place) * scheduler.init_noise_sigma
    scheduler.set_begin_index(0)
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(torch.cat([latents] * 2), t)
        pair = unet(scaled, t, encoder_hidden_states=embeds, added_cond_kwargs=added, return_dict=False)[0].chunk(2)
        latents = scheduler.step(pair[0] + 5.0 * (pair[1] - pair[0]), t, latents, return_dict=False)[0]


def steps(bench: Bench) -> str:
    """Milliseconds of a denoising step: ours, a bare loop, the peer, other solvers and guiders."""
    pipe = bench.pipeline(guider=ClassifierFreeGuidance(guidance_scale=5.0))
    few, many = (1, 2) if bench.is_small else (2, 12)

    def slope(run: Callable[[int], Any]) -> float:
        run(few)
        times = [bench.timed(lambda count=count: run(count)) for count in (few, many)]
        return 1e3 * (times[1] - times[0]) / (many - few)

    theirs = peer_pipeline(bench)
    found = {
        "bare loop": slope(lambda count: bare_loop(bench, count)),
        "diffusers' modular pipeline": slope(lambda count: peer_run(bench, theirs, count)),
    }
    for scheduler in (EulerDiscreteScheduler, DDIMScheduler, EulerAncestralDiscreteScheduler):
        pipe.update_components(scheduler=scheduler(**BETAS))
        name = scheduler.__name__.removesuffix("Scheduler")
        found[name] = slope(lambda count: pipe(**bench.inputs(count, output="latents")))
    pipe.update_components(scheduler=EulerDiscreteScheduler(**BETAS))
    for guider in guiders():
        found[type(guider).__name__] = slope(
            lambda count, g=guider: pipe(**bench.inputs(count, output="latents", guider=g))
        )
    return "ms per step: " + ", ".join(f"{name} {value:.1f}" for name, value in found.items())


def offload(bench: Bench) -> str:
    """Runs within budgets: seconds, GB moved, and whether all give the same bits."""
    manager, found = ComponentsManager(), []
    pipe = bench.pipeline(manager)
    whole = component_bytes(*bench.models().values())
    first: torch.Tensor | None = None
    for share in (0.93,) if bench.is_small else (0.93, 1.0, 1.15):
        budget = int(whole * share) + (10**9 if not bench.is_small else 10**6)
        memory = TorchMemory(bench.device)
        manager.enable_auto_cpu_offload(bench.device, budget=budget, memory=memory)
        with only(bench, budget):
            seconds = []
            for _ in range(2 if bench.is_small else 5):
                images: list[Any] = []
                seconds.append(bench.timed(lambda got=images: got.append(pipe(**bench.inputs(2)))))
                first = images[0] if first is None else first
                if not torch.equal(images[0], first):
                    raise RuntimeError(f"other bits within {budget / GB:.2f} GB")
        retries = torch.cuda.memory_stats(bench.device).get("num_alloc_retries", 0) if bench.is_cuda else 0
        found.append(
            f"{budget / GB:.2f} GB: run 1 {seconds[0]:.2f} s, then {median(seconds[1:]):.2f} s, {memory.moved / GB:.2f} GB moved, "
            f"{retries} retries"
        )
    manager.disable_auto_cpu_offload()
    return "same bits; " + "; ".join(found)


def out_of_memory(bench: Bench) -> str:
    """A decode that fails once is tried again with everything else gone, and gives the same bits."""
    manager = ComponentsManager()
    pipe = bench.pipeline(manager)
    expected, remarks = bench.pipeline()(**bench.inputs(1)), []
    manager.enable_auto_cpu_offload(bench.device, budget="100GB")
    decode, calls = pipe.vae.decode, []

    def failing(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("as if memory had run out")
        return decode(*args, **kwargs)

    pipe.configure(listeners=[lambda event: remarks.append(getattr(event, "text", None))])
    pipe.vae.decode = failing
    try:
        found = pipe(**bench.inputs(1))
    finally:
        del pipe.vae.decode
        manager.disable_auto_cpu_offload()
    left = torch.cuda.memory_allocated(bench.device) / GB if bench.is_cuda else 0.0
    same = "the same bits" if torch.equal(found.cpu(), expected.cpu()) else "OTHER BITS"
    said = "said" if any(text and "tried once more" in str(text) for text in remarks) else "not said"
    return f"{len(calls)} calls, {same}, {said}; {left:.2f} GB left on the device"


def decoding(bench: Bench) -> str:
    """Decoding with the upcast, previews, and placing after `pipe.to`."""
    pipe = bench.pipeline()
    latents = pipe(**bench.inputs(1, output="latents"))
    whole = bench.timed(lambda: pipe(**bench.inputs(1)))
    alone = whole - bench.timed(lambda: pipe(**bench.inputs(1, output="latents")))
    previews = Previews(pipe.vae, SDXL)
    pipe.configure(listeners=[previews])
    seen = bench.timed(lambda: pipe(**bench.inputs(2, output="latents")))
    peak = torch.cuda.max_memory_allocated(bench.device) / GB if bench.is_cuda else 0.0
    return (
        f"decode {alone * 1e3:.0f} ms of {list(latents.shape)}, peak of the process {peak:.1f} GB; two steps with "
        f"{len(previews.images)} previews {seen:.2f} s"
    )


def ends(bench: Bench) -> str:
    """What a run costs before its first and after its last step."""
    pipe = bench.pipeline()
    shape = (1, 4, bench.size // 8, bench.size // 8)
    given = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(bench.device)
    once = [bench.timed(lambda: pipe(**bench.inputs(1, output="latents", latents=given))) for _ in range(3)]
    twice = bench.timed(lambda: [pipe(**bench.inputs(1, output="latents", latents=given)) for _ in range(2)])
    recipe = bench.timed(lambda: pipe.last_recipe.to_dict())
    return f"one step {min(once) * 1e3:.0f} ms, two runs in a row {twice * 1e3:.0f} ms; reading the recipe {recipe * 1e3:.0f} ms"


def compiling(bench: Bench) -> str:
    """Compiled networks: seconds of the first run, ms per step after that, and whether what comes out is near."""
    options: list[dict[str, Any]] = [{"backend": "eager"}] if bench.is_small else [{}, {"mode": "reduce-overhead"}]
    found, count = [], 2 if bench.is_small else 10
    half = ClassifierFreeGuidance(guidance_scale=5.0, stop=1.0 if bench.is_small else 0.5)
    pipe = bench.pipeline(guider=half)
    plain = pipe(**bench.inputs(count, output="latents"))
    unet = pipe.unet
    for option in options:
        try:
            unet.compile_repeated_blocks(fullgraph=True, **option)
            first = bench.timed(lambda: pipe(**bench.inputs(count, output="latents")))
            outputs: list[Any] = []
            then = bench.timed(lambda got=outputs: got.append(pipe(**bench.inputs(count, output="latents"))))
            off = (outputs[0] - plain).abs().max().item() / plain.abs().max().item()
            name = ", ".join(f"{key}={value}" for key, value in option.items()) or "default"
            found.append(f"{name}: first run {first:.1f} s, then {then / count * 1e3:.1f} ms a step, off by {off:.1e}")
        finally:
            for module in unet.modules():
                vars(module).pop("_compiled_call_impl", None)
    return "regional: " + "; ".join(found)


SECTIONS: dict[str, Section] = {
    "copies": copies, "right results": right_results, "waits": waits, "steps": steps, "offload": offload, "layers": layers,
    "out of memory": out_of_memory, "starving": starving, "decoding": decoding, "ends": ends, "compiling": compiling,
}  # fmt: skip
SHORT = ("right results", "waits", "offload")


def run(bench: Bench, names: Sequence[str], seconds: float) -> int:
    """Run sections in order, within so many seconds; return how many failed."""
    over, failed = time.monotonic() + seconds, 0
    for name in names:
        started = time.monotonic()
        if started >= over:
            print(f"{name}: left out, the time is over", flush=True)
            continue
        try:
            with warnings.catch_warnings() if name != "waits" else nullcontext():
                warnings.simplefilter("ignore")
                said = SECTIONS[name](bench)
        except Exception as error:  # noqa: BLE001 - said, and the next section goes on
            failed += 1
            said = f"FAILED: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        print(f"{name}: {said} ({time.monotonic() - started:.1f} s)", flush=True)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="three minutes")
    parser.add_argument("--small", action="store_true", help="tiny models, on the CPU where there is no GPU")
    asked = parser.parse_args(arguments)
    if not (asked.small or torch.cuda.is_available()):
        parser.error("there is no CUDA device; --small runs on the CPU")
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    return run(Bench(device, asked.small), SHORT if asked.short else list(SECTIONS), 180 if asked.short else 480)


if __name__ == "__main__":
    raise SystemExit(main())
