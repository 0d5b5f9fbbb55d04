"""Names of diffusers' modular Stable Diffusion XL."""

from ...blocks import PredictControlled, PredictNoise, ScaleLatents, StepScheduler
from ...presets.sdxl import (
    AUTO_BLOCKS,
    CONTROLNET_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    SDXL,
    TEXT2IMAGE_BLOCKS,
    AutoBlocks,
    AutoControlInput,
)

StableDiffusionXLAutoBlocks = AutoBlocks
StableDiffusionXLTextEncoderStep = TEXT2IMAGE_BLOCKS["text_encoder"]
StableDiffusionXLInputStep = TEXT2IMAGE_BLOCKS["input"]
StableDiffusionXLSetTimestepsStep = TEXT2IMAGE_BLOCKS["set_timesteps"]
StableDiffusionXLPrepareLatentsStep = TEXT2IMAGE_BLOCKS["prepare_latents"]
StableDiffusionXLPrepareAdditionalConditioningStep = TEXT2IMAGE_BLOCKS["prepare_add_cond"]
StableDiffusionXLDenoiseStep = TEXT2IMAGE_BLOCKS["denoise"]
StableDiffusionXLDecodeStep = TEXT2IMAGE_BLOCKS["decode"]
StableDiffusionXLVaeEncoderStep = IMAGE2IMAGE_BLOCKS["image_encoder"]
StableDiffusionXLImg2ImgSetTimestepsStep = IMAGE2IMAGE_BLOCKS["set_timesteps"]
StableDiffusionXLImg2ImgPrepareLatentsStep = IMAGE2IMAGE_BLOCKS["prepare_latents"]
StableDiffusionXLImg2ImgPrepareAdditionalConditioningStep = IMAGE2IMAGE_BLOCKS["prepare_add_cond"]
StableDiffusionXLInpaintVaeEncoderStep = INPAINT_BLOCKS["image_encoder"]
StableDiffusionXLInpaintPrepareLatentsStep = INPAINT_BLOCKS["prepare_latents"]
StableDiffusionXLInpaintDenoiseStep = INPAINT_BLOCKS["denoise"]
StableDiffusionXLDenoiseLoopWrapper = StableDiffusionXLDenoiseStep
StableDiffusionXLLoopBeforeDenoiser = ScaleLatents.bind(SDXL)
StableDiffusionXLLoopDenoiser = PredictNoise.bind(SDXL)
StableDiffusionXLLoopAfterDenoiser = StepScheduler.bind(SDXL)
StableDiffusionXLControlNetInputStep = CONTROLNET_BLOCKS["controlnet_input"]
StableDiffusionXLControlNetDenoiseStep = CONTROLNET_BLOCKS["denoise"]
StableDiffusionXLControlNetLoopDenoiser = PredictControlled.bind(SDXL)
StableDiffusionXLAutoIPAdapterStep = IP_ADAPTER_BLOCKS["ip_adapter"]
StableDiffusionXLAutoControlNetInputStep = AutoControlInput
StableDiffusionXLControlNetAutoInput = StableDiffusionXLAutoControlNetInputStep
StableDiffusionXLDenoiseLoopAfterDenoiser = StableDiffusionXLLoopAfterDenoiser
"""This and the one before are names that the page for custom workflows writes."""

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "StableDiffusionXLAutoBlocks",
    "StableDiffusionXLAutoControlNetInputStep",
    "StableDiffusionXLAutoIPAdapterStep",
    "StableDiffusionXLControlNetAutoInput",
    "StableDiffusionXLControlNetDenoiseStep",
    "StableDiffusionXLControlNetInputStep",
    "StableDiffusionXLControlNetLoopDenoiser",
    "StableDiffusionXLDecodeStep",
    "StableDiffusionXLDenoiseLoopAfterDenoiser",
    "StableDiffusionXLDenoiseLoopWrapper",
    "StableDiffusionXLDenoiseStep",
    "StableDiffusionXLImg2ImgPrepareAdditionalConditioningStep",
    "StableDiffusionXLImg2ImgPrepareLatentsStep",
    "StableDiffusionXLImg2ImgSetTimestepsStep",
    "StableDiffusionXLInpaintDenoiseStep",
    "StableDiffusionXLInpaintPrepareLatentsStep",
    "StableDiffusionXLInpaintVaeEncoderStep",
    "StableDiffusionXLInputStep",
    "StableDiffusionXLLoopAfterDenoiser",
    "StableDiffusionXLLoopBeforeDenoiser",
    "StableDiffusionXLLoopDenoiser",
    "StableDiffusionXLPrepareAdditionalConditioningStep",
    "StableDiffusionXLPrepareLatentsStep",
    "StableDiffusionXLSetTimestepsStep",
    "StableDiffusionXLTextEncoderStep",
    "StableDiffusionXLVaeEncoderStep",
]
