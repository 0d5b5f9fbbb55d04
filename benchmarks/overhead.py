"""What the framework costs beside the models: ours, diffusers' classic pipeline and its modular pipelines, in one run.

    .venv/bin/python benchmarks/overhead.py

Every model's forward is replaced by one that returns at once; the module trees have the true number of modules (SDXL's
UNet: about 1,930), because some frameworks walk them. Times are medians; the three are measured in turns, so that a
busy machine is busy for all of them. Only the ratios mean anything.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.modular_pipelines import (
    LoopSequentialPipelineBlocks as PeerLoop,
)
from diffusers.modular_pipelines import (
    ModularPipelineBlocks as PeerBlocks,
)
from diffusers.modular_pipelines import (
    SequentialPipelineBlocks as PeerSequential,
)
from diffusers.modular_pipelines.modular_pipeline_utils import InputParam as PeerInput
from diffusers.modular_pipelines.modular_pipeline_utils import OutputParam as PeerOutput
from diffusers.modular_pipelines.stable_diffusion_xl import StableDiffusionXLAutoBlocks
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import brickwork
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

RUNS = 30
Run = Callable[[int], Any]


def make_models() -> dict[str, Any]:
    """SDXL's models: true module trees, thin layers, forwards that return at once."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64, 128),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(1, 2, 4),
        cross_attention_dim=32,
        norm_num_groups=8,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=2,
        norm_num_groups=4,
        scaling_factor=0.13025,
    )

    def text(layers: int) -> CLIPTextConfig:
        return CLIPTextConfig(
            vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=layers, num_attention_heads=2,
            projection_dim=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )  # fmt: skip

    unet.forward = lambda sample, *_args, **_kwargs: (sample,)
    return {
        "unet": unet,
        "vae": vae,
        "text_encoder": CLIPTextModel(text(12)),
        "text_encoder_2": CLIPTextModelWithProjection(text(32)),
        "tokenizer": None,
        "tokenizer_2": None,
        "scheduler": EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
            timestep_spacing="leading",
        ),
    }  # fmt: skip


def make_inputs() -> dict[str, Any]:
    return {
        "prompt_embeds": torch.randn(1, 77, 32),
        "pooled_prompt_embeds": torch.randn(1, 16),
        "negative_prompt_embeds": torch.randn(1, 77, 32),
        "negative_pooled_prompt_embeds": torch.randn(1, 16),
        "height": 64,
        "width": 64,
        "output_type": "latent",
    }


def runners(models: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Run]:
    """The same run for each side, as a function of the number of steps."""
    classic = StableDiffusionXLPipeline(**models, add_watermarker=False)
    classic.set_progress_bar_config(disable=True)

    blocks = StableDiffusionXLAutoBlocks().get_workflow("text2image")
    blocks.sub_blocks.pop("text_encoder", None)
    peer = blocks.init_pipeline()
    wanted = {name: model for name, model in models.items() if name in peer.components and model is not None}
    peer.update_components(**wanted, guider=diffusers.ClassifierFreeGuidance(guidance_scale=5.0))
    peer.set_progress_bar_config(disable=True)

    ours, checked = (
        brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline() for _ in range(2)
    )
    for pipe in (ours, checked):
        pipe.update_components(**{name: model for name, model in models.items() if model is not None})
        pipe.configure(progress=False, check_values=pipe is checked)
    guided = {**inputs, "guidance_scale": 5.0, "output": "images"}

    return {
        "brickwork": lambda steps: ours(**guided, num_inference_steps=steps),
        "brickwork, values checked": lambda steps: checked(**guided, num_inference_steps=steps),
        "classic": lambda steps: classic(**inputs, num_inference_steps=steps, guidance_scale=5.0).images,
        "peer": lambda steps: peer(**inputs, num_inference_steps=steps, output="images"),
        "hand-written loop": lambda steps: hand_written(models, inputs, steps),
    }


@torch.no_grad()
def hand_written(models: dict[str, Any], inputs: dict[str, Any], steps: int) -> Any:
    """The least that a denoising loop with guidance can be."""
    scheduler, unet = models["scheduler"], models["unet"]
    scheduler.set_timesteps(steps)
    embeds = torch.cat([inputs["negative_prompt_embeds"], inputs["prompt_embeds"]])
    pooled = torch.cat([inputs["negative_pooled_prompt_embeds"], inputs["pooled_prompt_embeds"]])
    added = {"text_embeds": pooled, "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]] * 2)}
    latents = torch.randn(1, 4, 8, 8) * scheduler.init_noise_sigma
    scheduler.set_begin_index(0)
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(torch.cat([latents] * 2), t)
        prediction = unet(scaled, t, encoder_hidden_states=embeds, added_cond_kwargs=added, return_dict=False)[0]
        negative, positive = prediction.chunk(2)
        latents = scheduler.step(negative + 5.0 * (positive - negative), t, latents, return_dict=False)[0]
    return latents


def timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def medians(runs: dict[str, Callable[[], Any]], repeats: int = RUNS) -> dict[str, float]:
    """Median seconds of each, measured in turns after two runs to warm up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for iteration in range(repeats + 2):
        for name, run in runs.items():
            seconds = timed(run)
            if iteration >= 2:
                times[name].append(seconds)
    return {name: median(values) for name, values in times.items()}


def blocks_of_ours() -> tuple[Any, Any]:
    class Nothing(brickwork.Block):
        """Pass a number on."""

        class Out(brickwork.Outputs):
            x: int

        def run(self, x: int) -> Out:
            return self.Out(x=x)

    class Repeat(brickwork.LoopSequentialPipelineBlocks):
        """Repeat."""

        class Vars(brickwork.Outputs):
            i: int

        def iterate(self, times: int) -> Iterator[Vars]:
            for i in range(times):
                yield self.Vars(i=i)

    chain = brickwork.SequentialPipelineBlocks.from_blocks_dict({f"b{i}": Nothing for i in range(100)})
    loop = Repeat.from_blocks_dict({f"b{i}": Nothing for i in range(10)})
    return chain.init_pipeline(), loop.init_pipeline()


def blocks_of_peer() -> tuple[Any, Any]:
    class Nothing(PeerBlocks):
        inputs = property(lambda self: [PeerInput("x")])
        intermediate_outputs = property(lambda self: [PeerOutput("x")])

        @torch.no_grad()
        def __call__(self, components: Any, state: Any) -> Any:
            block_state = self.get_block_state(state)
            self.set_block_state(state, block_state)
            return components, state

    class InLoop(PeerBlocks):
        inputs = property(lambda self: [PeerInput("x")])

        @torch.no_grad()
        def __call__(self, components: Any, block_state: Any, i: int) -> Any:
            return components, block_state

    class Repeat(PeerLoop):
        block_classes = [InLoop] * 10
        block_names = [f"b{i}" for i in range(10)]
        loop_inputs = property(lambda self: [PeerInput("times"), PeerInput("x")])

        @torch.no_grad()
        def __call__(self, components: Any, state: Any) -> Any:
            block_state = self.get_block_state(state)
            for i in range(block_state.times):
                components, block_state = self.loop_step(components, block_state, i=i)
            self.set_block_state(state, block_state)
            return components, state

    chain = PeerSequential.from_blocks_dict({f"b{i}": Nothing() for i in range(100)})
    return chain.init_pipeline(), Repeat().init_pipeline()


def import_seconds(statement: str) -> float:
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    times = [
        float(
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()[-1]
        )
        for _ in range(3)
    ]
    return median(times)


def row(what: str, ours: float, others: dict[str, float], unit: float, name: str, goal: str) -> None:
    ratios = "   ".join(
        f"{ours / seconds:5.2f} of {who} ({seconds * unit:.1f} {name})" for who, seconds in others.items()
    )
    print(f"{what:<34} {ours * unit:9.1f} {name:<3} {ratios}   goal: {goal}")


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    models, inputs = make_models(), make_inputs()
    runs = runners(models, inputs)
    print(f"UNet of {sum(1 for _ in models['unet'].modules())} modules, {RUNS} runs each, medians")

    whole = medians({name: lambda run=run: run(4) for name, run in runs.items()})
    others = {name: whole[name] for name in ("peer", "classic")}
    row("a run of 4 steps", whole["brickwork"], others, 1e3, "ms", "0.08 of peer, 0.12 of classic")
    row("  values checked, the default", whole["brickwork, values checked"], others, 1e3, "ms", "none; reported")

    long = medians({name: lambda run=run: run(104) for name, run in runs.items()}, 11)
    slope = {name: (long[name] - whole[name]) / 100 for name in runs}
    others = {name: slope[name] for name in ("hand-written loop", "peer", "classic")}
    row("a denoising step", slope["brickwork"], others, 1e6, "us", "hand-written + 10 us")
    row("  values checked, the default", slope["brickwork, values checked"], others, 1e6, "us", "none; reported")

    (chain, loop), (peer_chain, peer_loop) = blocks_of_ours(), blocks_of_peer()
    loop.configure(progress=False)
    calls = medians({"ours": lambda: chain(x=1, output="x"), "peer": lambda: peer_chain(x=1, output="x")})
    row("a trivial block", calls["ours"] / 100, {"peer": calls["peer"] / 100}, 1e6, "us", "0.3 of peer")
    iterations = medians(
        {"ours": lambda: loop(x=1, times=100, output="x"), "peer": lambda: peer_loop(x=1, times=100, output="x")}
    )
    row(
        "a trivial block in a loop",
        iterations["ours"] / 1000,
        {"peer": iterations["peer"] / 1000},
        1e6,
        "us",
        "0.5 of peer",
    )

    blocks = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    print(f"{'planning a preset the first time':<34} {timed(lambda: blocks.plan(inputs)) * 1e3:9.1f} ms   goal: 20 ms")

    ours = import_seconds("from brickwork import Block, SequentialPipelineBlocks, component")
    theirs = import_seconds("from diffusers.modular_pipelines import SequentialPipelineBlocks, ModularPipelineBlocks")
    row("importing to declare blocks", ours, {"peer": theirs}, 1e3, "ms", "0.4 of peer")
    root = import_seconds("import brickwork")
    print(f"{'import brickwork':<34} {root * 1e3:9.1f} ms   goal: below 50 ms")


if __name__ == "__main__":
    main()
