"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import brickwork

PUBLIC = [
    "AdaptiveProjectedGuidance",
    "AdaptiveProjectedMixGuidance",
    "AutoGuidance",
    "AutoPipelineBlocks",
    "Block",
    "BlockState",
    "BrickworkError",
    "ClassifierFreeGuidance",
    "ClassifierFreeZeroStarGuidance",
    "ClassifierGuidance",
    "ComponentError",
    "ComponentSpec",
    "ComponentsManager",
    "CompositionError",
    "ConditionalPipelineBlocks",
    "Conditioning",
    "ConfigSpec",
    "DeclarationError",
    "DynamicThresholding",
    "FrequencyDecoupledGuidance",
    "Group",
    "Guider",
    "InputError",
    "InputParam",
    "InsertableDict",
    "LayerSkipConfig",
    "LoopSequentialPipelineBlocks",
    "MagnitudeAwareGuidance",
    "MemoryCache",
    "ModularPipeline",
    "ModularPipelineBlocks",
    "OutputParam",
    "Outputs",
    "PerturbedAttentionGuidance",
    "PipelineState",
    "Recipe",
    "ReplayError",
    "RepoError",
    "RunCancelledError",
    "RunError",
    "SampleSpaceGuidance",
    "SequentialPipelineBlocks",
    "SkipLayerGuidance",
    "SmoothedEnergyGuidance",
    "Snapshot",
    "Snapshots",
    "TangentialClassifierFreeGuidance",
    "Trust",
    "TrustError",
    "Value",
    "component",
    "config",
    "diff",
    "embedded",
    "load_image",
    "load_workflow",
    "make_image_grid",
    "replay",
    "save",
    "save_workflow",
]


def test_the_public_names_are_these() -> None:
    assert brickwork.__all__ == ["__version__", *PUBLIC]
    assert set(PUBLIC) <= set(dir(brickwork))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    assert getattr(brickwork, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Blocks'"):
        _ = brickwork.Blocks  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import brickwork", ["torch", "attr", "numpy"]),
        ("import brickwork.state", ["torch", "diffusers", "numpy"]),
        ("from brickwork import Block, SequentialPipelineBlocks, component", ["diffusers", "transformers", "torch"]),
        ("from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS", ["diffusers", "transformers"]),
    ],
)
def test_declaring_needs_no_heavy_import(statement: str, absent: list[str]) -> None:
    code = f"import sys; {statement}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
