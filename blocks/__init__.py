"""Blocks, the containers that combine them, and the standard steps."""

from typing import Any

from ..state.user_warnings import deprecated
from .core.base import ModularPipelineBlocks
from .core.block import Block
from .core.choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from .core.from_diffusers import adopt
from .core.insertable_dict import InsertableDict
from .core.late import late
from .core.loop import LoopSequentialPipelineBlocks
from .core.scope import Scope
from .core.sequential import SequentialPipelineBlocks
from .core.slots import component, config
from .steps.check_safety import CheckSafety
from .steps.control import ControlledDenoise, ControlNetResiduals, PredictControlled, PrepareControl
from .steps.decode import Decode
from .steps.denoise import Denoise, ScaleLatents, StepScheduler
from .steps.encode_prompt import EncodeNegativePrompt, EncodePositivePrompt, EncodePrompt
from .steps.expand_batch import ExpandBatch
from .steps.predict_noise import PredictNoise
from .steps.prepare_latents import PrepareLatents
from .steps.prepare_size_conditioning import PrepareSizeConditioning
from .steps.set_timesteps import SetTimesteps
from .techniques.weighted_prompt import EncodeWeightedPrompt

__all__ = [
    "AutoPipelineBlocks",
    "Block",
    "CheckSafety",
    "ConditionalPipelineBlocks",
    "ControlNetResiduals",
    "ControlledDenoise",
    "Decode",
    "Denoise",
    "EncodeNegativePrompt",
    "EncodePositivePrompt",
    "EncodePrompt",
    "EncodeWeightedPrompt",
    "ExpandBatch",
    "InsertableDict",
    "LoopSequentialPipelineBlocks",
    "ModularPipelineBlocks",
    "PredictControlled",
    "PredictNoise",
    "PrepareControl",
    "PrepareLatents",
    "PrepareSizeConditioning",
    "ScaleLatents",
    "Scope",
    "SequentialPipelineBlocks",
    "SetTimesteps",
    "StepScheduler",
    "adopt",
    "component",
    "config",
]

_MOVED = ("ModularPipeline", "Previews")


def __getattr__(name: str) -> Any:
    """Find names that stood here in version 0.1.0."""
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    deprecated(f"brickwork.blocks.{name}", "it is in brickwork.pipeline now", since=1)
    return late(name)
