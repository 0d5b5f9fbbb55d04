"""The public names, and what importing them costs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from rooms import sources

import brickwork
from brickwork import guiders, state

PUBLIC = [
    "API_VERSION",
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
    "ConditionalGuidance",
    "ConditionalPipelineBlocks",
    "Conditioning",
    "ConfigSpec",
    "DeclarationError",
    "DiskCache",
    "DynamicThresholding",
    "EmbeddedGuidance",
    "Fault",
    "FrameScaledGuidance",
    "FrequencyDecoupledGuidance",
    "FrozenError",
    "GUIDERS",
    "Group",
    "GuidanceAround",
    "GuidanceBranch",
    "GuidanceStep",
    "Guider",
    "ImageTextGuidance",
    "InputError",
    "InputParam",
    "InsertableDict",
    "LayerSkipConfig",
    "LoopSequentialPipelineBlocks",
    "MagnitudeAwareGuidance",
    "MemoryCache",
    "Merger",
    "MissingValueError",
    "ModularPipeline",
    "ModularPipelineBlocks",
    "NoDigestError",
    "NoiseLevel",
    "NormKeptGuidance",
    "OutputParam",
    "Outputs",
    "Perturbation",
    "PerturbedAttentionGuidance",
    "PerturbedGuidance",
    "PipelineState",
    "Recipe",
    "ReplayError",
    "RepoError",
    "RunCancelledError",
    "RunError",
    "SampleSpaceGuidance",
    "Scope",
    "SequentialPipelineBlocks",
    "SkipLayerGuidance",
    "SmoothedEnergyGuidance",
    "Snapshot",
    "Snapshots",
    "StatefulGuider",
    "TangentialClassifierFreeGuidance",
    "Trust",
    "TrustError",
    "UnknownNameError",
    "UnknownWorkflowError",
    "Value",
    "adopt",
    "component",
    "config",
    "diff",
    "embedded",
    "export_to_sound",
    "export_to_video",
    "find_preset",
    "from_pretrained",
    "guider_of",
    "load_image",
    "load_sound",
    "load_video",
    "load_workflow",
    "make_image_grid",
    "preset_names",
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


def classes_derived_from(base: str) -> set[str]:
    """Return a class and the public ones of the rooms that derive from it, at any distance, by their names."""
    bases = {
        name: set(re.findall(r"\w+", listed))
        for path in sources()
        for name, listed in re.findall(r"^class ([A-Z]\w*)\(([^)]*)\):", path.read_text(), re.MULTILINE)
    }
    found, larger = {base}, {base}
    while larger:
        larger = {name for name, of in bases.items() if of & found} - found
        found |= larger
    return found


# They end as answers of the server, and no caller in Python meets them.
OF_THE_SERVER = {"BodyError", "QueueClosedError", "QueueFullError", "TooLargeError"}


@pytest.mark.parametrize(("base", "least"), [("Guider", 15), ("BrickworkError", 10)])
def test_every_guider_and_every_error_is_public(base: str, least: int) -> None:
    derived = classes_derived_from(base)
    assert len(derived) > least
    assert sorted(derived - set(brickwork.__all__) - OF_THE_SERVER) == []


def test_what_guiders_and_state_export_is_public() -> None:
    assert sorted({*guiders.__all__, *state.__all__} - set(brickwork.__all__)) == []


def test_no_module_is_listed_among_the_names() -> None:
    assert brickwork.blocks  # Python sets it when the room is imported
    assert [name for name in dir(brickwork) if not name.startswith("__")] == sorted(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Blocks'"):
        _ = brickwork.Blocks  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "import brickwork; [hasattr(brickwork, n) for n in ('load_imge', 'DiffusionPipeline')]",
            ["torch", "diffusers"],
        ),
        ("import brickwork", ["torch", "attr", "numpy"]),
        ("import brickwork; brickwork.registry.allow_library", ["diffusers", "transformers"]),
        ("import brickwork.state", ["torch", "diffusers", "numpy"]),
        ("from brickwork import Block, SequentialPipelineBlocks, component", ["diffusers", "transformers", "torch"]),
        ("from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS", ["diffusers", "transformers"]),
    ],
)
def test_declaring_needs_no_heavy_import(statement: str, absent: list[str]) -> None:
    code = f"import sys; {statement}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
