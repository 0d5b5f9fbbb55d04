"""Blocks, the containers that combine them, the pipeline that runs them, and the standard steps."""

from .adopt import adopt
from .base import ModularPipelineBlocks
from .block import Block
from .check_safety import CheckSafety
from .choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from .control import ControlledDenoise, PredictControlled, PrepareControl
from .decode import Decode
from .denoise import Denoise, ScaleLatents, StepScheduler
from .encode_prompt import EncodeNegativePrompt, EncodePositivePrompt, EncodePrompt
from .expand_batch import ExpandBatch
from .insertable_dict import InsertableDict
from .loop import LoopSequentialPipelineBlocks
from .modular_pipeline import ModularPipeline
from .predict_noise import PredictNoise
from .prepare_latents import PrepareLatents
from .prepare_size_conditioning import PrepareSizeConditioning
from .previews import Previews
from .sequential import SequentialPipelineBlocks
from .set_timesteps import SetTimesteps
from .slots import component, config

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
