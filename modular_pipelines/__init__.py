"""The import paths of diffusers' modular pipelines, for code that was written for them."""

from ..blocks import (
    AutoPipelineBlocks,
    ConditionalPipelineBlocks,
    InsertableDict,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    SequentialPipelineBlocks,
)
from ..pipeline import ModularPipeline
from ..registry import ComponentsManager, ComponentSpec
from ..state import BlockState, ConfigSpec, InputParam, OutputParam, PipelineState

__all__ = [
    "AutoPipelineBlocks",
    "BlockState",
    "ComponentSpec",
    "ComponentsManager",
    "ConditionalPipelineBlocks",
    "ConfigSpec",
    "InputParam",
    "InsertableDict",
    "LoopSequentialPipelineBlocks",
    "ModularPipeline",
    "ModularPipelineBlocks",
    "OutputParam",
    "PipelineState",
    "SequentialPipelineBlocks",
]
