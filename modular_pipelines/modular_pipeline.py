"""The names of diffusers' module of the same name."""

from ..blocks import (
    AutoPipelineBlocks,
    ConditionalPipelineBlocks,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    SequentialPipelineBlocks,
)
from ..pipeline import ModularPipeline
from ..state import BlockState, PipelineState

__all__ = [
    "AutoPipelineBlocks",
    "BlockState",
    "ConditionalPipelineBlocks",
    "LoopSequentialPipelineBlocks",
    "ModularPipeline",
    "ModularPipelineBlocks",
    "PipelineState",
    "SequentialPipelineBlocks",
]
