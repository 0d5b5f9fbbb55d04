"""A hires fix in one composition: denoise, enlarge the latents, denoise again in a scope of its own. Into hires_fix.png."""

import torch
from diffusers import EulerDiscreteScheduler

import brickwork
from brickwork import Block, Outputs, Scope, SequentialPipelineBlocks, component
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import Generators, Height, Latents, LatentTimestep, Width


class EnlargeLatents(Block):
    """Make latents larger, and say for which image they are."""

    by: float = 2.0

    class Out(Outputs):
        larger: Latents
        larger_height: Height
        larger_width: Width

    def run(self, latents: Latents, height: Height, width: Width) -> Out:
        larger = torch.nn.functional.interpolate(latents, scale_factor=self.by, mode="bicubic")
        return self.Out(larger=larger, larger_height=round(height * self.by), larger_width=round(width * self.by))


class NoiseLatents(Block):
    """Bring clean latents to the level of noise at which the second denoising begins."""

    scheduler: EulerDiscreteScheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, latent_timestep: LatentTimestep, generator: Generators | None = None) -> Out:
        noise = torch.randn(latents.shape, generator=generator)
        return self.Out(latents=self.scheduler.add_noise(latents, noise, latent_timestep))


# Within the scope the second pass has timesteps, sizes and latents of its own. Embeddings and generator are shared.
second_pass = Scope.from_blocks_dict(
    {
        "set_timesteps": IMAGE2IMAGE_BLOCKS["set_timesteps"],
        "noise": NoiseLatents,
        "prepare_add_cond": IMAGE2IMAGE_BLOCKS["prepare_add_cond"],
        "denoise": IMAGE2IMAGE_BLOCKS["denoise"],
    },
    inputs={
        "latents": "larger",
        "height": "larger_height",
        "width": "larger_width",
        "num_inference_steps": "hires_steps",
        "strength": "hires_strength",
    },
    outputs={"latents": "hires_latents"},
)
decode_again = Scope.from_blocks_dict(
    {"decode": TEXT2IMAGE_BLOCKS["decode"]}, inputs={"latents": "hires_latents"}, outputs={"images": "hires_images"}
)
blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
for name, block in {"enlarge": EnlargeLatents, "hires": second_pass, "decode_hires": decode_again}.items():
    blocks.sub_blocks[name] = block

base = brickwork.embedded()
pipe = blocks.init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
# The embedded model was taught images of 64 pixels, so that the first pass here makes half of that.
found = pipe(
    prompt="a green square on a yellow background",
    num_inference_steps=16,
    height=32,
    width=32,
    hires_steps=16,
    hires_strength=0.6,
    guidance_scale=4.0,
    generator=torch.Generator().manual_seed(2),
    output=["images", "hires_images"],
)
pictures = [found["images"][0], found["hires_images"][0]]
brickwork.make_image_grid(pictures, 1, 2, resize=256, labels=["first pass", "second pass"]).save("hires_fix.png")
