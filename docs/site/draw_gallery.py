"""Draw the images of docs/gallery.md, each with its recipe: `python docs/site/draw_gallery.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageEnhance

import brickwork
from brickwork import Block, ModularPipeline, Outputs, SequentialPipelineBlocks
from brickwork.presets.embedded import FOLDER
from brickwork.presets.regions import with_regions
from brickwork.presets.sdxl import SDXL, TEXT2IMAGE_BLOCKS
from brickwork.presets.windows import with_windows
from brickwork.state.vocabulary import Images

Drawn = tuple[Image.Image, dict[str, object]]
"""An image, and the images and tensors that were given to its run: they travel in its file."""
GALLERY = Path(__file__).parents[1] / "images" / "gallery"
ASKED = {"num_inference_steps": 20, "guidance_scale": 4.0, "output": "images"}
FOX = "a cartoon fox on a green background"


class Warm(Block):
    """Make images more colourful."""

    by: float = 2.0

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=[ImageEnhance.Color(image).enhance(self.by) for image in images])


def opened(task: str = "text2image") -> ModularPipeline:
    """Open the embedded model for a task."""
    pipe = brickwork.from_pretrained(FOLDER, task=task).load_components()
    pipe.configure(progress=False)
    return pipe


def apple() -> Drawn:
    return opened()("a red apple", seed=7, **ASKED)[0], {}


def stars() -> Drawn:
    pipe = opened()
    pipe.update_components(scheduler="dpmpp_2m_karras")
    return pipe("three yellow stars on a black background", seed=2, **{**ASKED, "num_inference_steps": 10})[0], {}


def fox() -> Drawn:
    guider = brickwork.PerturbedAttentionGuidance(guidance_scale=4.0, perturbed_guidance_stop=1.0)
    asked = {name: value for name, value in ASKED.items() if name != "guidance_scale"}
    return opened()(FOX, seed=6, guider=guider, **asked)[0], {}


def fox_on_blue() -> Drawn:
    given = {"image": fox()[0]}
    return opened("image2image")("a cartoon fox on a blue background", strength=0.6, seed=1, **given, **ASKED)[0], given


def square() -> Drawn:
    circle = opened()("a red circle on a white background", seed=2, **ASKED)[0]
    mask = Image.new("L", circle.size, 0)
    ImageDraw.Draw(mask).rectangle([34, 0, 64, 64], fill=255)
    given = {"image": circle, "mask_image": mask}
    how = {"padding_mask_crop": 4, "strength": 1.0, "seed": 5}
    return opened("inpainting")("a blue square on a white background", **given, **how, **ASKED)[0], given


def half_cat() -> Drawn:
    given = {"image": fox()[0], "change_map": Image.linear_gradient("L").rotate(270).resize((64, 64))}
    return opened("differential")("a cartoon cat on a green background", seed=2, **given, **ASKED)[0], given


def branched() -> Drawn:
    pipe = opened()
    asked = {name: value for name, value in ASKED.items() if name != "output"}
    circle = pipe("a red circle on a blue background", seed=1, **asked)
    return pipe.branch(circle, at_step=8, prompt="a yellow star on a blue background").images[0], {}


def two_regions() -> Drawn:
    pipe = SequentialPipelineBlocks.from_blocks_dict(with_regions(TEXT2IMAGE_BLOCKS, SDXL)).init_pipeline(str(FOLDER))
    pipe.load_components()
    pipe.configure(progress=False)
    left = torch.zeros(64, 64)
    left[:, :32] = 1
    given = {"region_masks": [left, 1 - left]}
    prompts = ["a red circle", "a blue square"]
    return pipe(region_prompts=prompts, height=64, width=64, seed=3, **given, **ASKED)[0], given


def panorama() -> Drawn:
    pipe = SequentialPipelineBlocks.from_blocks_dict(with_windows(TEXT2IMAGE_BLOCKS, SDXL)).init_pipeline(str(FOLDER))
    pipe.load_components()
    pipe.configure(progress=False)
    return pipe("two red hearts", height=64, width=160, window_stride=32, circular=True, seed=3, **ASKED)[0], {}


def warm() -> Drawn:
    pipe = opened()
    pipe.blocks.insert_after("decode", "warm", Warm)
    return pipe("a butterfly", seed=4, **ASKED)[0], {}


DRAWN: dict[str, Callable[[], Drawn]] = {
    "apple": apple,
    "stars": stars,
    "fox": fox,
    "fox_on_blue": fox_on_blue,
    "square": square,
    "half_cat": half_cat,
    "branched": branched,
    "two_regions": two_regions,
    "panorama": panorama,
    "warm": warm,
}
"""What makes each image, by the name of its file."""


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, make in DRAWN.items():
        image, given = make()
        brickwork.save(image, GALLERY / f"{name}.png", inputs="embed" if given else None, given=given)
        brickwork.replay(GALLERY / f"{name}.png", blocks=[Warm])
