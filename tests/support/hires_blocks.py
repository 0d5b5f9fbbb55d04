"""A hires fix (denoise, enlarge, denoise again) with the embedded model: as one composition, and as two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler

from brickwork import Block, ModularPipeline, Outputs, Scope, SequentialPipelineBlocks, component
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import Generators, Height, Latents, LatentTimestep, Width

INPUTS: dict[str, Any] = {
    "prompt": "a red circle",
    "num_inference_steps": 2,
    "height": 32,
    "width": 32,
    "hires_steps": 4,
    "hires_strength": 0.5,
}


class EnlargeLatents(Block):
    """Make latents larger."""

    by: int = 2

    class Out(Outputs):
        larger: Latents
        larger_height: Height
        larger_width: Width

    def run(self, latents: Latents, height: Height, width: Width) -> Out:
        larger = torch.nn.functional.interpolate(latents, scale_factor=self.by, mode="nearest")
        return self.Out(larger=larger, larger_height=height * self.by, larger_width=width * self.by)


class NoiseLatents(Block):
    """Bring clean latents to the level of noise at which the denoising begins."""

    scheduler: EulerDiscreteScheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, latent_timestep: LatentTimestep, generator: Generators | None = None) -> Out:
        noise = torch.randn(latents.shape, generator=generator)
        return self.Out(latents=self.scheduler.add_noise(latents, noise, latent_timestep))


SECOND_PASS: dict[str, Any] = {
    "set_timesteps": IMAGE2IMAGE_BLOCKS["set_timesteps"],
    "noise": NoiseLatents,
    "prepare_add_cond": IMAGE2IMAGE_BLOCKS["prepare_add_cond"],
    "denoise": TEXT2IMAGE_BLOCKS["denoise"],
}
LET_IN = {
    "latents": "larger",
    "height": "larger_height",
    "width": "larger_width",
    "num_inference_steps": "hires_steps",
    "strength": "hires_strength",
}


def hires_fix(
    blocks: Mapping[str, Any] = SECOND_PASS, outputs: Mapping[str, str] = {"latents": "latents"}, **mappings: Any
) -> SequentialPipelineBlocks:
    """Text to image with a second pass, in a scope of its own, over the enlarged latents of the first."""
    made = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    made.insert_before("decode", "enlarge", EnlargeLatents)
    scope = Scope.from_blocks_dict(blocks, inputs=LET_IN, outputs=outputs, **mappings)
    made.insert_before("decode", "hires", scope)
    return made


def pipeline_of(blocks: Any, base: ModularPipeline) -> ModularPipeline:
    """A pipeline of blocks, with the models of another."""
    pipe: ModularPipeline = blocks.init_pipeline()
    names = [name for name in base.pretrained_component_names if name in pipe.specs]
    pipe.update_components(**{name: base.components[name] for name in names})
    pipe.configure(progress=False)
    return pipe


def by_hand(base: ModularPipeline, generator: torch.Generator) -> tuple[torch.Tensor, Any]:
    """Latents and image of the same by two pipelines: the second is called with what the first has made."""
    prompt, steps = INPUTS["prompt"], INPUTS["num_inference_steps"]
    first = pipeline_of(SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS), base)
    size = {"height": INPUTS["height"], "width": INPUTS["width"]}
    state = first(prompt=prompt, num_inference_steps=steps, generator=generator, **size)
    larger = EnlargeLatents().run(latents=state.latents, **size)
    ends = {name: TEXT2IMAGE_BLOCKS[name] for name in ("text_encoder", "input", "decode")}
    second = SequentialPipelineBlocks.from_blocks_dict({"decode": ends.pop("decode")})
    for name, block in {**ends, **SECOND_PASS}.items():
        second.insert_before("decode", name, block)
    state = pipeline_of(second, base)(
        prompt=prompt,
        num_inference_steps=INPUTS["hires_steps"],
        strength=INPUTS["hires_strength"],
        latents=larger.larger,
        height=larger.larger_height,
        width=larger.larger_width,
        generator=generator,
    )
    return state.latents, state.images[0]
