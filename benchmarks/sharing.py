"""What runs share: the cache and branches in FLOPs of true SDXL, continuing from a state in bytes, events in microseconds.

    .venv/bin/python benchmarks/sharing.py

Which blocks are run is seen on a pipeline with thin models; each counts with the FLOPs that true SDXL needs for it at
1024x1024 with guidance, counted by torch on models of the true sizes without memory. What events cost is
measured on true module trees whose forwards return at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler
from offload import models
from overhead import make_inputs, make_models, medians
from torch.utils.flop_counter import FlopCounterMode

import brickwork
from brickwork import MemoryCache
from brickwork.engine.events import BlockFinished, Event
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

STEPS, BRANCH = 30, 20


def true_flops() -> dict[str, float]:
    """FLOPs of each block of SDXL that computes anything to speak of."""
    held = {name: model.float() for name, model in models().items()}
    with torch.device("meta"):
        tokens = torch.zeros(1, 77, dtype=torch.long)
        added = {"text_embeds": torch.zeros(2, 1280), "time_ids": torch.zeros(2, 6)}
        latents, embeds = torch.zeros(2, 4, 128, 128), torch.zeros(2, 77, 2048)
        encoded = flops(lambda: held["text_encoder"](tokens)) + flops(lambda: held["text_encoder_2"](tokens))
        return {
            "text_encoder.positive.encode": encoded,
            "text_encoder.negative.encode": encoded,
            "denoise.denoiser": flops(lambda: held["unet"](latents, torch.zeros(()), embeds, added_cond_kwargs=added)),
            "decode": flops(lambda: held["vae"].decode(latents[:1])),
        }


@torch.no_grad()
def flops(call: Callable[[], Any]) -> float:
    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def thin_pipeline() -> brickwork.ModularPipeline:
    """SDXL's blocks over tiny random models."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
    from tiny_sdxl import make_pipeline

    classic = make_pipeline()
    pipe = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
    pipe.update_components(
        **{n: m for n, m in classic.components.items() if n in pipe.component_names and m is not None}
    )
    pipe.update_components(scheduler=EulerDiscreteScheduler.from_config(pipe.scheduler.config))
    pipe.invalidate("unet", "vae", "text_encoder", "text_encoder_2")
    pipe.configure(progress=False)
    return pipe


class Work:
    """Adds up the FLOPs of the blocks that are run."""

    def __init__(self, each: dict[str, float]) -> None:
        self.each = each
        self.total = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, BlockFinished):
            self.total += self.each.get(event.path, 0.0)

    def of(self, run: Callable[[], Any]) -> tuple[float, Any]:
        before = self.total
        result = run()
        return self.total - before, result


def shared(each: dict[str, float]) -> None:
    pipe, work = thin_pipeline(), Work(each)
    pipe.configure(cache=MemoryCache(steps=True), listeners=[work])
    inputs = {"prompt": "a cat", "negative_prompt": "blue", "num_inference_steps": STEPS}

    def run(**changes: Any) -> tuple[float, Any]:
        return work.of(lambda: pipe(**{**inputs, "generator": torch.Generator().manual_seed(1), **changes}))

    full, base = run()
    row("changing only decode settings", run(output_type="np")[0] / full, "<= 0.03")
    row("changing only the seed", run(generator=torch.Generator().manual_seed(2))[0] / full, "reported")
    row("changing only the prompt", run(prompt="red")[0] / full, "reported")
    scales = [2.0, 4.0, 6.0]
    others = sum(work.of(lambda s=scale: pipe.branch(base, at_step=BRANCH, guidance_scale=s))[0] for scale in scales)
    row(f"four variants that branch at step {BRANCH} of {STEPS}", (full + others) / (4 * full), "<= 0.54")


def continued() -> None:
    """Continuing from a state: every tensor of it is the same memory in the next run, and nothing was copied."""
    pipe = thin_pipeline()
    state = pipe(prompt="a cat", num_inference_steps=2)
    decode = brickwork.SequentialPipelineBlocks.from_blocks_dict(
        {"decode": TEXT2IMAGE_BLOCKS["decode"]}
    ).init_pipeline()
    decode.update_components(vae=pipe.vae)
    with CopyCounter() as counter:
        again = decode(state=state, output_type="latent")
    held = {name: value for name, value in state.values.items() if isinstance(value, torch.Tensor)}
    same = all(again.values[name].data_ptr() == tensor.data_ptr() for name, tensor in held.items())
    print(
        f"{'continuing from a state':<52} {counter.bytes} bytes copied, {len(held)} tensors the same memory: {same}   goal: 0"
    )


class CopyCounter(torch.utils._python_dispatch.TorchDispatchMode):
    """Bytes that torch copies."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(name in str(func) for name in ("copy", "clone", "_to_copy")) and isinstance(result, torch.Tensor):
            self.bytes += result.nbytes
        return result


def events() -> None:
    """What a step costs more: with the code for events there and nobody listening, and with a listener."""
    thin, inputs = make_models(), make_inputs()
    guided = {**inputs, "guidance_scale": 5.0, "output": "images", "generator": torch.Generator().manual_seed(1)}

    def pipeline(**settings: Any) -> Callable[[int], Any]:
        pipe = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
        pipe.update_components(**{name: model for name, model in thin.items() if model is not None})
        pipe.configure(progress=False, check_values=False, **settings)
        return lambda steps: pipe(**guided, num_inference_steps=steps)

    sides = {"plain": pipeline(), "listening": pipeline(listeners=[lambda _: None])}
    few, many = 4, 104
    runs = {(name, steps): (lambda r=run, s=steps: r(s)) for name, run in sides.items() for steps in (few, many)}
    times = medians({str(key): run for key, run in runs.items()})
    slope = {name: (times[str((name, many))] - times[str((name, few))]) / (many - few) for name in sides}
    checks = median(unlistened() for _ in range(30))
    print(f"{'events with no listener, a step':<52} {checks * 1e6:.3f} us   goal: <= 3 us")
    print(
        f"{'events with one listener, a step':<52} {(slope['listening'] - slope['plain']) * 1e6:.1f} us   goal: none; reported"
    )


def unlistened() -> float:
    """The branches that a step takes past events: two in the iteration; blocks are wrapped or not once per run."""
    told: Any = None
    count = 100_000
    started = time.perf_counter()
    for _ in range(count):
        if told is not None:
            told.begin(0)
        if told is not None:
            told.end(0, {})
    with_them = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(count):
        pass
    return (with_them - (time.perf_counter() - started)) / count


def row(what: str, share: float, goal: str) -> None:
    print(f"{what:<52} {share:.3f} of a full run   goal: {goal}")


def main() -> None:
    each = true_flops()
    print({name: f"{value / 1e12:.2f} TFLOP" for name, value in each.items()})
    shared(each)
    continued()
    events()


if __name__ == "__main__":
    main()
