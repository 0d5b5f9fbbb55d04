"""All tasks in one composition: what the caller gives decides what runs."""

from __future__ import annotations

from ...blocks.choice import AutoPipelineBlocks
from ...blocks.insertable_dict import InsertableDict
from ...blocks.sequential import SequentialPipelineBlocks
from .image2image import IMAGE2IMAGE_BLOCKS
from .inpaint import INPAINT_BLOCKS
from .text2image import TEXT2IMAGE_BLOCKS, Blocks

TASKS = ["inpaint", "image2image", "text2image"]
TRIGGERS = ["mask_image", "image", None]
REQUIRES = {"inpaint": ["image"]}


class AutoImageEncoder(AutoPipelineBlocks):
    """Encode the picture, where one is given."""

    block_classes = [INPAINT_BLOCKS["image_encoder"], IMAGE2IMAGE_BLOCKS["image_encoder"]]
    block_names = TASKS[:2]
    block_trigger_inputs = TRIGGERS[:2]
    block_requires = REQUIRES


class AutoSetTimesteps(AutoPipelineBlocks):
    """Choose the timesteps of the task."""

    block_classes = [blocks["set_timesteps"] for blocks in (INPAINT_BLOCKS, IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS)]
    block_names = TASKS
    block_trigger_inputs = TRIGGERS
    block_requires = REQUIRES


class InpaintLatents(SequentialPipelineBlocks):
    """Prepare latents and mask."""

    block_classes = [INPAINT_BLOCKS["prepare_latents"], INPAINT_BLOCKS["prepare_mask"]]
    block_names = ["latents", "mask"]


class AutoPrepareLatents(AutoPipelineBlocks):
    """Prepare the latents of the task."""

    block_classes = [InpaintLatents, IMAGE2IMAGE_BLOCKS["prepare_latents"], TEXT2IMAGE_BLOCKS["prepare_latents"]]
    block_names = TASKS
    block_trigger_inputs = TRIGGERS
    block_requires = REQUIRES


class AutoPrepareSizeConditioning(AutoPipelineBlocks):
    """Tell the denoiser about sizes, as the task does."""

    block_classes = [IMAGE2IMAGE_BLOCKS["prepare_add_cond"], TEXT2IMAGE_BLOCKS["prepare_add_cond"]]
    block_names = ["image2image", "text2image"]
    block_trigger_inputs = ["image", None]


class AutoDenoise(AutoPipelineBlocks):
    """Denoise, keeping what lies outside of the mask where one is given."""

    block_classes = [INPAINT_BLOCKS["denoise"], TEXT2IMAGE_BLOCKS["denoise"]]
    block_names = ["inpaint", "text2image"]
    block_trigger_inputs = ["mask_image", None]


AUTO_BLOCKS: Blocks = InsertableDict(
    text_encoder=TEXT2IMAGE_BLOCKS["text_encoder"],
    image_encoder=AutoImageEncoder,
    input=TEXT2IMAGE_BLOCKS["input"],
    set_timesteps=AutoSetTimesteps,
    prepare_latents=AutoPrepareLatents,
    prepare_add_cond=AutoPrepareSizeConditioning,
    denoise=AutoDenoise,
    decode=TEXT2IMAGE_BLOCKS["decode"],
)
"""Blocks of every task, by name; `AutoBlocks` is the composition with the tasks' names."""


class AutoBlocks(SequentialPipelineBlocks):
    """Stable Diffusion XL: text to image, image to image and inpainting."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {
        "text2image": (),
        "image2image": ("image",),
        "inpainting": ("mask_image", "image"),
    }
