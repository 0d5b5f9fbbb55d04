"""All tasks in one composition: what the caller gives decides what runs."""

from __future__ import annotations

from ...blocks.core.choice import AutoPipelineBlocks
from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.core.sequential import SequentialPipelineBlocks
from ..tasks import Blocks
from .control import CONTROLNET_BLOCKS, with_control
from .tasks import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS

TASKS = ["inpaint", "image2image", "text2image"]
TRIGGERS = ["mask_image", "image", None]
REQUIRES = {"inpaint": ["image"]}
STEERED = ["controlled", "plain"]
STEERS = ["control_image", None]
CONTROLLED = {
    "text2image": with_control(TEXT2IMAGE_BLOCKS),
    "image2image": with_control(IMAGE2IMAGE_BLOCKS),
    "inpaint": with_control(INPAINT_BLOCKS),
}


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

    block_classes = [INPAINT_BLOCKS[name] for name in ("prepare_latents", "prepare_mask", "prepare_masked_image")]
    block_names = ["latents", "mask", "masked_image"]


class ControlledInpaintLatents(SequentialPipelineBlocks):
    """Prepare latents and mask, and what steers."""

    block_classes = [*InpaintLatents.block_classes, CONTROLLED["inpaint"]["controlnet_input"]]
    block_names = [*InpaintLatents.block_names, "controlnet_input"]


class AutoInpaintLatents(AutoPipelineBlocks):
    """Prepare latents and mask, steered where a control picture is given."""

    block_classes = [ControlledInpaintLatents, InpaintLatents]
    block_names = STEERED
    block_trigger_inputs = STEERS


class ControlledImageLatents(SequentialPipelineBlocks):
    """Prepare the latents of the picture, and what steers."""

    block_classes = [IMAGE2IMAGE_BLOCKS["prepare_latents"], CONTROLLED["image2image"]["controlnet_input"]]
    block_names = ["latents", "controlnet_input"]


class AutoImageLatents(AutoPipelineBlocks):
    """Prepare the latents of the picture, steered where a control picture is given."""

    block_classes = [ControlledImageLatents, IMAGE2IMAGE_BLOCKS["prepare_latents"]]
    block_names = STEERED
    block_trigger_inputs = STEERS


class ControlledTextLatents(SequentialPipelineBlocks):
    """Prepare what steers, and latents of the size of its picture where no other is given."""

    block_classes = [CONTROLLED["text2image"]["controlnet_input"], TEXT2IMAGE_BLOCKS["prepare_latents"]]
    block_names = ["controlnet_input", "latents"]


class AutoTextLatents(AutoPipelineBlocks):
    """Prepare latents, steered where a control picture is given."""

    block_classes = [ControlledTextLatents, TEXT2IMAGE_BLOCKS["prepare_latents"]]
    block_names = STEERED
    block_trigger_inputs = STEERS


class AutoPrepareLatents(AutoPipelineBlocks):
    """Prepare the latents of the task."""

    block_classes = [AutoInpaintLatents, AutoImageLatents, AutoTextLatents]
    block_names = TASKS
    block_trigger_inputs = TRIGGERS
    block_requires = REQUIRES


class AutoPrepareSizeConditioning(AutoPipelineBlocks):
    """Tell the denoiser about sizes, as the task does."""

    block_classes = [IMAGE2IMAGE_BLOCKS["prepare_add_cond"], TEXT2IMAGE_BLOCKS["prepare_add_cond"]]
    block_names = ["image2image", "text2image"]
    block_trigger_inputs = ["image", None]


class AutoControlInput(AutoPipelineBlocks):
    """Prepare what steers, where a control picture is given: for compositions of one's own."""

    block_classes = [CONTROLNET_BLOCKS["controlnet_input"]]
    block_names = ["controlnet"]
    block_trigger_inputs = ["control_image"]


class AutoInpaintDenoise(AutoPipelineBlocks):
    """Denoise the masked area, steered where a control picture is given."""

    block_classes = [CONTROLLED["inpaint"]["denoise"], INPAINT_BLOCKS["denoise"]]
    block_names = STEERED
    block_trigger_inputs = STEERS


class AutoTextDenoise(AutoPipelineBlocks):
    """Denoise, steered where a control picture is given."""

    block_classes = [CONTROLLED["text2image"]["denoise"], TEXT2IMAGE_BLOCKS["denoise"]]
    block_names = STEERED
    block_trigger_inputs = STEERS


class AutoDenoise(AutoPipelineBlocks):
    """Denoise, keeping what lies outside of the mask where one is given."""

    block_classes = [AutoInpaintDenoise, AutoTextDenoise]
    block_names = ["inpaint", "text2image"]
    block_trigger_inputs = ["mask_image", None]


class AutoDecode(AutoPipelineBlocks):
    """Decode; where only the surroundings of a mask were worked on, into the whole picture."""

    block_classes = [INPAINT_BLOCKS["decode"], TEXT2IMAGE_BLOCKS["decode"]]
    block_names = ["overlay", "plain"]
    block_trigger_inputs = ["padding_mask_crop", None]
    block_requires = {"overlay": ["image", "mask_image"]}


AUTO_BLOCKS: Blocks = InsertableDict(
    ip_adapter=IP_ADAPTER_BLOCKS["ip_adapter"],
    text_encoder=TEXT2IMAGE_BLOCKS["text_encoder"],
    image_encoder=AutoImageEncoder,
    input=TEXT2IMAGE_BLOCKS["input"],
    set_timesteps=AutoSetTimesteps,
    prepare_latents=AutoPrepareLatents,
    prepare_add_cond=AutoPrepareSizeConditioning,
    denoise=AutoDenoise,
    decode=AutoDecode,
)
"""Blocks of every task, by name; `AutoBlocks` is the composition with the tasks' names."""


class AutoBlocks(SequentialPipelineBlocks):
    """Stable Diffusion XL: text to image, image to image and inpainting, steered where a control picture is given, and
    told a picture where one is given as a prompt.
    """

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {
        "text2image": (),
        "image2image": ("image",),
        "inpainting": ("mask_image", "image"),
        "controlnet_text2image": ("control_image",),
        "controlnet_image2image": ("control_image", "image"),
        "controlnet_inpainting": ("control_image", "mask_image", "image"),
        "ip_adapter_text2image": ("ip_adapter_image",),
        "ip_adapter_image2image": ("ip_adapter_image", "image"),
        "ip_adapter_inpainting": ("ip_adapter_image", "mask_image", "image"),
        "ip_adapter_controlnet_text2image": ("ip_adapter_image", "control_image"),
        "ip_adapter_controlnet_image2image": ("ip_adapter_image", "control_image", "image"),
        "ip_adapter_controlnet_inpainting": ("ip_adapter_image", "control_image", "mask_image", "image"),
    }
