"""Brickwork: modular block pipelines for diffusion models.

Declare once; the framework checks, plans, runs and explains. Names are imported when they are first used, so that
`import brickwork` costs nothing.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_ROOMS = {
    "blocks": (
        "AutoPipelineBlocks",
        "Block",
        "ConditionalPipelineBlocks",
        "InsertableDict",
        "LoopSequentialPipelineBlocks",
        "ModularPipelineBlocks",
        "Scope",
        "SequentialPipelineBlocks",
        "component",
        "config",
    ),
    "blocks.audio.files": ("export_to_sound", "load_sound"),
    "blocks.core.from_diffusers": ("adopt",),
    "blocks.core.preset_catalog": ("find_preset", "preset_names"),
    "blocks.steps.load_image": ("load_image",),
    "blocks.video.files": ("export_to_video", "load_video"),
    "pipeline": ("ModularPipeline",),
    "pipeline.images.grid": ("make_image_grid",),
    "pipeline.modular_pipeline": ("from_pretrained",),
    "pipeline.recipes.recipe": ("Recipe",),
    "pipeline.recipes.recipe_diff": ("diff",),
    "pipeline.recipes.recipe_files": ("save",),
    "pipeline.replaying.replay": ("replay",),
    "pipeline.snapshots": ("Snapshot", "Snapshots"),
    "pipeline.workflows.workflow_file": ("load_workflow",),
    "pipeline.workflows.workflow_writing": ("save_workflow",),
    "engine.cache": ("MemoryCache",),
    "engine.disk_cache": ("DiskCache",),
    "engine.serving.merger": ("Merger",),
    "guiders": (
        "AdaptiveProjectedGuidance",
        "AdaptiveProjectedMixGuidance",
        "AutoGuidance",
        "ClassifierFreeGuidance",
        "ClassifierFreeZeroStarGuidance",
        "ClassifierGuidance",
        "ConditionalGuidance",
        "DynamicThresholding",
        "EmbeddedGuidance",
        "FrameScaledGuidance",
        "FrequencyDecoupledGuidance",
        "GUIDERS",
        "GuidanceAround",
        "GuidanceBranch",
        "GuidanceStep",
        "Guider",
        "ImageTextGuidance",
        "LayerSkipConfig",
        "MagnitudeAwareGuidance",
        "NoiseLevel",
        "NormKeptGuidance",
        "Perturbation",
        "PerturbedAttentionGuidance",
        "PerturbedGuidance",
        "SampleSpaceGuidance",
        "SkipLayerGuidance",
        "SmoothedEnergyGuidance",
        "StatefulGuider",
        "TangentialClassifierFreeGuidance",
        "guider_of",
    ),
    "presets.embedded": ("embedded",),
    "registry": ("ComponentSpec", "ComponentsManager", "Trust"),
    "state.packages.api_version": ("API_VERSION",),
    "state": (
        "BlockState",
        "BrickworkError",
        "ComponentError",
        "CompositionError",
        "Conditioning",
        "ConfigSpec",
        "DeclarationError",
        "Fault",
        "FrozenError",
        "Group",
        "InputError",
        "InputParam",
        "MissingValueError",
        "NoDigestError",
        "OutputParam",
        "Outputs",
        "PipelineState",
        "ReplayError",
        "RepoError",
        "RunCancelledError",
        "RunError",
        "TrustError",
        "UnknownNameError",
        "UnknownWorkflowError",
        "Value",
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

if TYPE_CHECKING:
    from .blocks import AutoPipelineBlocks as AutoPipelineBlocks
    from .blocks import Block as Block
    from .blocks import ConditionalPipelineBlocks as ConditionalPipelineBlocks
    from .blocks import InsertableDict as InsertableDict
    from .blocks import LoopSequentialPipelineBlocks as LoopSequentialPipelineBlocks
    from .blocks import ModularPipelineBlocks as ModularPipelineBlocks
    from .blocks import Scope as Scope
    from .blocks import SequentialPipelineBlocks as SequentialPipelineBlocks
    from .blocks import component as component
    from .blocks import config as config
    from .blocks.audio.files import export_to_sound as export_to_sound
    from .blocks.audio.files import load_sound as load_sound
    from .blocks.core.from_diffusers import adopt as adopt
    from .blocks.core.preset_catalog import find_preset as find_preset
    from .blocks.core.preset_catalog import preset_names as preset_names
    from .blocks.steps.load_image import load_image as load_image
    from .blocks.video.files import export_to_video as export_to_video
    from .blocks.video.files import load_video as load_video
    from .engine.cache import MemoryCache as MemoryCache
    from .engine.disk_cache import DiskCache as DiskCache
    from .engine.serving.merger import Merger as Merger
    from .guiders import GUIDERS as GUIDERS
    from .guiders import AdaptiveProjectedGuidance as AdaptiveProjectedGuidance
    from .guiders import AdaptiveProjectedMixGuidance as AdaptiveProjectedMixGuidance
    from .guiders import AutoGuidance as AutoGuidance
    from .guiders import ClassifierFreeGuidance as ClassifierFreeGuidance
    from .guiders import ClassifierFreeZeroStarGuidance as ClassifierFreeZeroStarGuidance
    from .guiders import ClassifierGuidance as ClassifierGuidance
    from .guiders import ConditionalGuidance as ConditionalGuidance
    from .guiders import DynamicThresholding as DynamicThresholding
    from .guiders import EmbeddedGuidance as EmbeddedGuidance
    from .guiders import FrameScaledGuidance as FrameScaledGuidance
    from .guiders import FrequencyDecoupledGuidance as FrequencyDecoupledGuidance
    from .guiders import GuidanceAround as GuidanceAround
    from .guiders import GuidanceBranch as GuidanceBranch
    from .guiders import GuidanceStep as GuidanceStep
    from .guiders import Guider as Guider
    from .guiders import ImageTextGuidance as ImageTextGuidance
    from .guiders import LayerSkipConfig as LayerSkipConfig
    from .guiders import MagnitudeAwareGuidance as MagnitudeAwareGuidance
    from .guiders import NoiseLevel as NoiseLevel
    from .guiders import NormKeptGuidance as NormKeptGuidance
    from .guiders import Perturbation as Perturbation
    from .guiders import PerturbedAttentionGuidance as PerturbedAttentionGuidance
    from .guiders import PerturbedGuidance as PerturbedGuidance
    from .guiders import SampleSpaceGuidance as SampleSpaceGuidance
    from .guiders import SkipLayerGuidance as SkipLayerGuidance
    from .guiders import SmoothedEnergyGuidance as SmoothedEnergyGuidance
    from .guiders import StatefulGuider as StatefulGuider
    from .guiders import TangentialClassifierFreeGuidance as TangentialClassifierFreeGuidance
    from .guiders import guider_of as guider_of
    from .pipeline import ModularPipeline as ModularPipeline
    from .pipeline.images.grid import make_image_grid as make_image_grid
    from .pipeline.modular_pipeline import from_pretrained as from_pretrained
    from .pipeline.recipes.recipe import Recipe as Recipe
    from .pipeline.recipes.recipe_diff import diff as diff
    from .pipeline.recipes.recipe_files import save as save
    from .pipeline.replaying.replay import replay as replay
    from .pipeline.snapshots import Snapshot as Snapshot
    from .pipeline.snapshots import Snapshots as Snapshots
    from .pipeline.workflows.workflow_file import load_workflow as load_workflow
    from .pipeline.workflows.workflow_writing import save_workflow as save_workflow
    from .presets.embedded import embedded as embedded
    from .registry import ComponentsManager as ComponentsManager
    from .registry import ComponentSpec as ComponentSpec
    from .registry import Trust as Trust
    from .state import BlockState as BlockState
    from .state import BrickworkError as BrickworkError
    from .state import ComponentError as ComponentError
    from .state import CompositionError as CompositionError
    from .state import Conditioning as Conditioning
    from .state import ConfigSpec as ConfigSpec
    from .state import DeclarationError as DeclarationError
    from .state import Fault as Fault
    from .state import FrozenError as FrozenError
    from .state import Group as Group
    from .state import InputError as InputError
    from .state import InputParam as InputParam
    from .state import MissingValueError as MissingValueError
    from .state import NoDigestError as NoDigestError
    from .state import OutputParam as OutputParam
    from .state import Outputs as Outputs
    from .state import PipelineState as PipelineState
    from .state import ReplayError as ReplayError
    from .state import RepoError as RepoError
    from .state import RunCancelledError as RunCancelledError
    from .state import RunError as RunError
    from .state import TrustError as TrustError
    from .state import UnknownNameError as UnknownNameError
    from .state import UnknownWorkflowError as UnknownWorkflowError
    from .state import Value as Value
    from .state.packages.api_version import API_VERSION as API_VERSION

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604 - all are strings


def __getattr__(name: str) -> Any:
    if name in ("registry", "scale", "state", "testing"):
        # Messages name what is in them.
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'brickwork' has no attribute {name!r}{_instead(name)}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def _instead(name: str) -> str:
    """Say what to type in place of a name that is not public, as the end of an error message."""
    # Python asks for such names, and for rooms before it imports them, all the time.
    if name.startswith("_") or (name.islower() and importlib.util.find_spec(f"{__name__}.{name}")):
        return ""
    from .state.errors import nearest

    # By their endings: a look into diffusers would import torch.
    if name.startswith("AutoPipelineFor"):
        task = name.removeprefix("AutoPipelineFor").lower()
        return f". ModularPipeline.from_pretrained(repo, task={task!r}) opens a repository of any family that has this task."
    if name.endswith("Pipeline"):
        return ". ModularPipeline.from_pretrained(repo) opens what diffusers' pipelines open."
    match = nearest(name, _HOME)
    if match is not None:
        return f". Did you mean {match!r}?"
    if name.endswith(("Model", "Scheduler")) or name.startswith("Autoencoder"):
        return f". Models and schedulers are those of diffusers: from diffusers import {name}"
    return "; dir(brickwork) lists those there are."


def __dir__() -> list[str]:
    # Not all of `globals()`: Python puts every room that was imported there, and what is public would be hard to see.
    return sorted([*(name for name in globals() if name.startswith("__")), *_HOME])
