"""Blocks, the containers that combine them, the pipeline that runs them, and the standard steps."""

from ..pipeline.modular_pipeline import ModularPipeline
from ..pipeline.previews import Previews
from .core.base import ModularPipelineBlocks
from .core.block import Block
from .core.choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from .core.from_diffusers import adopt
from .core.insertable_dict import InsertableDict
from .core.loop import LoopSequentialPipelineBlocks
from .core.sequential import SequentialPipelineBlocks
from .core.slots import component, config
from .steps.check_safety import CheckSafety
from .steps.control import ControlledDenoise, PredictControlled, PrepareControl
from .steps.decode import Decode
from .steps.denoise import Denoise, ScaleLatents, StepScheduler
from .steps.encode_prompt import EncodeNegativePrompt, EncodePositivePrompt, EncodePrompt
from .steps.expand_batch import ExpandBatch
from .steps.predict_noise import PredictNoise
from .steps.prepare_latents import PrepareLatents
from .steps.prepare_size_conditioning import PrepareSizeConditioning
from .steps.set_timesteps import SetTimesteps

__all__ = [
    "AutoPipelineBlocks",
    "Block",
    "CheckSafety",
    "ConditionalPipelineBlocks",
    "ControlledDenoise",
    "Decode",
    "Denoise",
    "EncodeNegativePrompt",
    "EncodePositivePrompt",
    "EncodePrompt",
    "ExpandBatch",
    "InsertableDict",
    "LoopSequentialPipelineBlocks",
    "ModularPipeline",
    "ModularPipelineBlocks",
    "PredictControlled",
    "PredictNoise",
    "PrepareControl",
    "PrepareLatents",
    "PrepareSizeConditioning",
    "Previews",
    "ScaleLatents",
    "SequentialPipelineBlocks",
    "SetTimesteps",
    "StepScheduler",
    "adopt",
    "component",
    "config",
]
