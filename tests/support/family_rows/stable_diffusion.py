"""Stable Diffusion 1 and 2 beside `StableDiffusionPipeline` and the pipelines of its other tasks.

The classic takes a scheduler that says another `steps_offset` than 1, or `clip_sample`, for an outdated one, and changes it; here it is
taken as it says. So the rows have schedulers that say what the classic wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import diffusers
from attrs import evolve
from coarse_images import band_map, half_mask, picture, square_mask
from family_table import Family, Feature, Task
from sd_variants import OTHER_FEATURES, OTHER_TASKS
from tiny_adapters import controlnet, image_encoder, ip_adapter, several, t2i_adapter
from tiny_sd import ASKED, BETAS, PICTURE, make_parts, unet
from transformers import CLIPImageProcessor

from brickwork import ClassifierFreeGuidance
from brickwork.blocks.core.insertable_dict import InsertableDict
from brickwork.presets.sd import (
    DIFFERENTIAL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    with_adapter,
    with_control,
)

DIFFERENTIAL = {"image": picture(3), "num_inference_steps": 7, "change_map": band_map(0, 0.3, 0.7, 1)}
SIZE = {"height": 64, "width": 64}
OF_IMAGES, INPAINTING = ("image2image", "inpainting"), ("inpainting",)
RESCALED = {"guidance_rescale": 0.7}


def solver(cls: Any, **config: Any) -> Feature:
    """One more solver, with the noise schedule of the released repositories."""
    return Feature(parts={"scheduler": lambda: cls(**{**BETAS, **config})})


CONTROLLED = {
    "text2image": diffusers.StableDiffusionControlNetPipeline,
    "image2image": diffusers.StableDiffusionControlNetImg2ImgPipeline,
    "inpainting": diffusers.StableDiffusionControlNetInpaintPipeline,
}
EDGES = {"control_image": picture(8)}


def steered(inputs: Mapping[str, Any], make_net: Callable[[Any], Any] = controlnet, **more: Any) -> Feature:
    """A task that ControlNets steer."""
    parts = {"controlnet": lambda: make_net(unet()), **more}
    return Feature(inputs, parts=parts, classic_class=CONTROLLED, blocks=with_control)


def told_images() -> Any:
    """A UNet with an IP-Adapter."""
    made = unet()
    made._load_ip_adapter_weights([ip_adapter(made)])
    return made


def with_image_prompt(blocks: Mapping[str, Any]) -> Mapping[str, Any]:
    return InsertableDict(blocks).insert("ip_adapter", IP_ADAPTER_BLOCKS["ip_adapter"], 0)


FEATURES = {
    "DDIM": solver(diffusers.DDIMScheduler, clip_sample=False, steps_offset=1),
    "Euler": solver(diffusers.EulerDiscreteScheduler),
    "ancestral": solver(diffusers.EulerAncestralDiscreteScheduler),
    "DPM++ 2M": solver(diffusers.DPMSolverMultistepScheduler),
    "UniPC": solver(diffusers.UniPCMultistepScheduler),
    "LMS": solver(diffusers.LMSDiscreteScheduler),
    "Heun": solver(diffusers.HeunDiscreteScheduler),
    "v-prediction": solver(diffusers.DDIMScheduler, prediction_type="v_prediction", clip_sample=False, steps_offset=1),
    "zero SNR": Feature(
        classic=RESCALED,
        parts={
            "scheduler": lambda: diffusers.DDIMScheduler(
                **BETAS,
                prediction_type="v_prediction",
                rescale_betas_zero_snr=True,
                timestep_spacing="trailing",
                clip_sample=False,
                steps_offset=1,
            )
        },
        guider=lambda: ClassifierFreeGuidance(guidance_rescale=0.7),
        tasks=("text2image",),
    ),
    "no guidance": Feature({"guidance_scale": 1.0}),
    "nothing negative": Feature(without=("negative_prompt",)),
    "two images each": Feature({"num_images_per_prompt": 2}),
    "full strength": Feature({"strength": 1.0, "num_inference_steps": 4}, tasks=OF_IMAGES),
    "own strength": Feature(without=("strength",), tasks=OF_IMAGES),
    "9 channels": Feature(parts={"unet": lambda: unet(in_channels=9)}, tasks=INPAINTING),
    "9 channels, own strength": Feature(
        parts={"unet": lambda: unet(in_channels=9)}, without=("strength",), tasks=INPAINTING
    ),
    "control": steered(EDGES),
    "control window": steered(
        {**EDGES, "control_guidance_start": 0.2, "control_guidance_end": 0.6, "controlnet_conditioning_scale": 0.4}
    ),
    "guess mode": steered({**EDGES, "guess_mode": True}),
    "two nets": steered(
        {
            "control_image": [picture(8), picture(9)],
            "controlnet_conditioning_scale": [0.5, 0.8],
            "control_guidance_start": [0.0, 0.5],
            "control_guidance_end": [0.6, 1.0],
        },
        several,
    ),
    "adapter": Feature(
        {"adapter_image": [picture(8), picture(9)], "adapter_conditioning_scale": 0.4, "output_type": "latent"},
        parts={"adapter": t2i_adapter},
        classic_class=diffusers.StableDiffusionAdapterPipeline,
        blocks=with_adapter,
        tasks=("text2image",),
    ),
    "image prompt": Feature(
        {"ip_adapter_image": picture(5)},
        parts={
            "unet": told_images,
            "image_encoder": image_encoder,
            "feature_extractor": lambda: CLIPImageProcessor(size=32, crop_size=32),
        },
        blocks=with_image_prompt,
    ),
    "crop": Feature({"mask_image": square_mask(), "padding_mask_crop": 8, "output_type": "pil"}, tasks=INPAINTING),
}

FAMILY = Family(
    "stable_diffusion",
    "unet",
    make_parts,
    {
        "text2image": Task(
            TEXT2IMAGE_BLOCKS, diffusers.StableDiffusionPipeline, {**ASKED, **SIZE, "num_inference_steps": 4}
        ),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.StableDiffusionImg2ImgPipeline, {**ASKED, **PICTURE}),
        "inpainting": Task(
            INPAINT_BLOCKS,
            diffusers.StableDiffusionInpaintPipeline,
            {**ASKED, **PICTURE, **SIZE, "mask_image": half_mask()},
        ),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**ASKED, **DIFFERENTIAL}),
        **OTHER_TASKS,
    },
    {
        **{name: evolve(each, tasks=each.tasks or (*CONTROLLED,)) for name, each in FEATURES.items()},
        **OTHER_FEATURES,
    },
    classic_options={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
)
