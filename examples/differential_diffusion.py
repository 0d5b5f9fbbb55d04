"""Differential diffusion as a workflow of one's own: a map says how much each place may change. Into differential_diffusion.png."""

import torch
from diffusers import EulerDiscreteScheduler
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

import brickwork
from brickwork import Block, Outputs, SequentialPipelineBlocks, component
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import Generators, Height, ImageLatents, Latents, StepIndex, Timesteps, Width


class NoiseAtEveryLevel(Block):
    """Noise the image once for every step, and say at which steps each place is still the image's."""

    scheduler: EulerDiscreteScheduler = component(mutates=True)
    # The map becomes as large as the latents, whose sides need not be multiples of 8: a scale factor of 1 rounds nothing.
    mask_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 1, "do_normalize": False, "do_convert_grayscale": True}
    )

    class Out(Outputs):
        latents: Latents
        original_latents: torch.Tensor
        kept: torch.Tensor
        height: Height
        width: Width

    def run(
        self,
        image_latents: ImageLatents,
        change_map: Image.Image,
        timesteps: Timesteps,
        generator: Generators | None = None,
    ) -> Out:
        steps, (rows, columns) = len(timesteps), image_latents.shape[-2:]
        noise = torch.randn(image_latents.shape, generator=generator).repeat(steps, 1, 1, 1)
        self.scheduler.set_begin_index(None)  # else all levels get the noise of the first
        originals = self.scheduler.add_noise(image_latents.repeat(steps, 1, 1, 1), noise, timesteps)
        self.scheduler.set_begin_index(0)
        stays = self.mask_processor.preprocess(change_map, height=rows, width=columns)[0]
        kept = stays > torch.arange(steps).view(-1, 1, 1) / steps
        size = {"height": change_map.height, "width": change_map.width}
        return self.Out(latents=originals[:1], original_latents=originals, kept=kept, **size)


class KeepByMap(Block):
    """Put the image back where it may not change yet."""

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, original_latents: torch.Tensor, kept: torch.Tensor, i: StepIndex) -> Out:
        return self.Out(latents=torch.where(kept[i], original_latents[i], latents))


blocks = SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS)
blocks.replace("set_timesteps", TEXT2IMAGE_BLOCKS["set_timesteps"])
blocks.replace("prepare_latents", NoiseAtEveryLevel)
blocks.insert_before("denoise.before_denoiser", "keep", KeepByMap)

base = brickwork.embedded()
settings = {"num_inference_steps": 20, "guidance_scale": 4.0, "output": "images"}
fox = base(prompt="a cartoon fox on a green background", generator=torch.Generator().manual_seed(6), **settings)[0]

differential = blocks.init_pipeline()
differential.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
change_map = Image.linear_gradient("L").rotate(90).resize(fox.size)
changed = [
    differential(
        prompt=prompt,
        image=fox,
        change_map=change_map,
        num_inference_steps=20,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(seed),
        output="images",
    )[0]
    for seed, prompt in enumerate(
        ["a cartoon fox on a blue background", "a 3d fox on a blue background", "a cartoon cat on a green background"]
    )
]
brickwork.make_image_grid([fox, change_map.convert("RGB"), *changed], 1, 5, resize=128).save(
    "differential_diffusion.png"
)
