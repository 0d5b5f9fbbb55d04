"""A model that draws in one step: a block calls it once, at timestep 1, without a loop. Into one_step.png."""

import torch
from diffusers import DDPMScheduler, UNet2DModel

import brickwork
from brickwork import Block, Outputs, SequentialPipelineBlocks, component
from brickwork.state.vocabulary import Generators


class DrawOnce(Block):
    """Draw noise, predict once, and let the scheduler make an image of both."""

    unet: UNet2DModel = component()
    scheduler: DDPMScheduler = component(mutates=True)
    timestep: int = 1

    class Out(Outputs):
        pixels: torch.Tensor

    def run(self, generator: Generators | None = None) -> Out:
        sizes = self.unet.config
        noise = torch.randn(1, sizes.in_channels, sizes.sample_size, sizes.sample_size, generator=generator)
        predicted = self.unet(noise, self.timestep).sample
        return self.Out(pixels=self.scheduler.step(predicted, self.timestep, noise).prev_sample)


class ShowPixels(Block):
    """Turn pixels in -1..1 into PIL images."""

    class Out(Outputs):
        images: list

    def run(self, pixels: torch.Tensor) -> Out:
        from diffusers.image_processor import VaeImageProcessor

        return self.Out(images=VaeImageProcessor().postprocess(pixels, output_type="pil"))


# A network with random weights stands for a trained one: the image is noise.
torch.manual_seed(0)
unet = UNet2DModel(
    sample_size=32,
    block_out_channels=(32, 64),
    down_block_types=("DownBlock2D", "AttnDownBlock2D"),
    up_block_types=("AttnUpBlock2D", "UpBlock2D"),
).eval()
pipe = SequentialPipelineBlocks.from_blocks_dict({"draw": DrawOnce, "show": ShowPixels}).init_pipeline()
pipe.update_components(unet=unet, scheduler=DDPMScheduler())
pictures = [pipe(seed=seed, output="images")[0] for seed in (0, 1, 2)]
brickwork.make_image_grid(pictures, 1, 3, resize=128).save("one_step.png")
