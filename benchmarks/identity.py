"""What it costs to know what a component is: per run, and what a witness costs per step.

    .venv/bin/python benchmarks/identity.py

The model is SDXL's UNet with half of its bytes: 1,930 modules and 1,680 tensors of 1.5 MB, 2.6 GB in all. "look" is what every
run pays; "content" what a run with a cache, snapshots or a witness pays, which reads samples and some chunks of a model of
this size; "every byte" is `configure(identity="full")`, and the first run with a model. Medians, with the sides of a
comparison measured in turns.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from overhead import make_inputs, make_models, medians

import brickwork
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry import identity_of
from brickwork.registry.identity.library_code import process_words

REPEATS = 15


def unet() -> Any:
    """SDXL's UNet by modules and tensors, each tensor 1.5 MB in half precision."""
    with torch.device("meta"):
        model = UNet2DConditionModel(
            sample_size=128,
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
    for module in model.modules():
        for name in module._parameters:
            if module._parameters[name] is not None:
                # Written, because pages that nobody has written are all one page of zeros.
                tensor = torch.ones(768 * 1024, dtype=torch.float16)
                module._parameters[name] = torch.nn.Parameter(tensor, requires_grad=False)
    return model.eval()


def timed(name: str, call: Callable[[], Any], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    print(f"{name:<58} {median(times) * 1e3:9.2f} ms   least {min(times) * 1e3:9.2f} ms")
    return median(times)


def runs() -> None:
    """A run of 4 steps with models replaced, plain and in the ways that want content, beside diffusers."""
    models, inputs = make_models(), make_inputs()
    pipes: dict[str, Any] = {}
    ways = {
        "plain": {},
        "with a witness": {"witness": True},
        "every byte": {"identity": "full"},
        "cache, never a hit": {"cache": "memory"},
    }
    for name, settings in ways.items():
        pipe = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
        pipe.update_components(**{name: model for name, model in models.items() if model is not None})
        pipe.configure(progress=False, check_values=False, **settings)
        pipes[name] = pipe
    guided = {**inputs, "guidance_scale": 5.0, "output": "images"}

    def run(pipe: Any, steps: int) -> Callable[[], Any]:
        return lambda: pipe(**guided, num_inference_steps=steps)

    short = medians({name: run(pipe, 4) for name, pipe in pipes.items()})
    long = medians({name: run(pipes[name], 54) for name in ("plain", "with a witness")}, 11)
    for name, seconds in short.items():
        print(f"{'a run of 4 steps, ' + name:<58} {seconds * 1e3:9.2f} ms   {seconds / short['plain']:.2f} of plain")
    step = {name: (long[name] - short[name]) / 50 for name in long}
    more = step["with a witness"] - step["plain"]
    print(
        f"{'a step: the witness, latents of 8 x 8':<58} {more * 1e6:9.1f} us more, {step['plain'] * 1e6:.1f} us without"
    )


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    model = unet()
    size = sum(tensor.nbytes for tensor in model.parameters())
    print(
        f"UNet: {sum(1 for _ in model.modules())} modules, {sum(1 for _ in model.parameters())} tensors, {size / 1e9:.2f} GB"
    )
    timed("the first time: every byte, and all settings", lambda: identity_of(model), 1)
    timed("every byte", lambda: identity_of(model, whole=True), 5)
    timed("content: stamps, samples, chunks in turn (goal: 25)", lambda: identity_of(model))
    timed("look: stamps and first bytes", lambda: identity_of(model, content=False))
    timed("replaced code, hooks and modes of the process", process_words)
    small = brickwork.embedded()
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler", "guider"):
        component = getattr(small, name)
        timed(f"embedded {name}: content", lambda c=component: identity_of(c))
        timed(f"embedded {name}: look", lambda c=component: identity_of(c, content=False))
    runs()


if __name__ == "__main__":
    main()
