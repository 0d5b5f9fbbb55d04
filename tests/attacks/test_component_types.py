"""Types of components that a file names: pipelines, blocks, functions, and classes that read, connect or unpickle when they are made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from block_repo import write
from canary import Canary

from brickwork import ModularPipeline, Recipe, replay
from brickwork.registry import ComponentSpec

TYPES = [
    "diffusers:DiffusionPipeline", "diffusers:StableDiffusionXLPipeline", "diffusers:StableDiffusionPipeline", "diffusers:ModularPipeline",
    "diffusers:StableDiffusionXLModularPipeline", "diffusers:AutoPipelineForText2Image", "diffusers:AutoPipelineForInpainting",
    "diffusers:ModularPipelineBlocks", "diffusers:SequentialPipelineBlocks", "diffusers:StableDiffusionXLAutoBlocks",
    "diffusers:OnnxRuntimeModel", "diffusers:ComponentsManager", "diffusers:PipelineQuantizationConfig", "diffusers:logging",
    "transformers:RagRetriever", "transformers:RagTokenizer", "transformers:Trainer", "transformers:TrainingArguments",
    "transformers:pipeline", "transformers:AutoConfig", "transformers:GenerationConfig", "transformers:HfArgumentParser",
    "transformers:TextIteratorStreamer", "transformers:os", "transformers:__getattr__", "tokenizers:Tokenizer", "tokenizers:models",
    "brickwork:ModularPipeline", "brickwork:ModularPipelineBlocks", "brickwork:SequentialPipelineBlocks", "brickwork:Block",
    "brickwork:ComponentsManager", "brickwork:Snapshot", "brickwork:MemoryCache", "brickwork:registry", "os:system", "torch:load",
    "pickle:Unpickler", "peft:AutoPeftModel", "huggingface_hub:HfApi", "diffusers.pipelines:DiffusionPipeline", "sys:modules", ".:x",
    "transformers.models.rag:RagRetriever", "safetensors:safe_open", "builtins:eval", "importlib:import_module", "../evil:Evil",
]  # fmt: skip


def pickled_pipeline(canary: Canary, tiny_folder: Path) -> Path:
    """A folder that any pipeline would load, with weights that are unpickled if somebody does."""
    shutil.copytree(tiny_folder, canary.inside, dirs_exist_ok=True)
    for path in canary.inside.rglob("*.safetensors"):
        torch.save({"weight": torch.ones(1)}, path.with_suffix(".bin"))
        path.unlink()
    return canary.inside


@pytest.fixture(autouse=True)
def unpickled(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls of `torch.load`; there must be none."""
    called: list[Any] = []
    monkeypatch.setattr(torch, "load", lambda *args, **_: called.append(args))
    yield called
    assert called == []


@pytest.mark.parametrize("hint", TYPES)
def test_types_that_are_no_components_are_refused(hint: str, canary: Canary, tiny_folder: Path) -> None:
    folder = pickled_pipeline(canary, tiny_folder)
    canary.refused(ComponentSpec("unet", hint, repo=str(folder)).load)


@pytest.mark.parametrize(
    "name", ["DiffusionPipeline", "StableDiffusionXLPipeline", "ModularPipeline", "AutoPipelineForText2Image"]
)
def test_a_pipeline_that_is_given_as_a_class_is_refused_too(name: str, canary: Canary, tiny_folder: Path) -> None:
    import diffusers

    spec = ComponentSpec("unet", getattr(diffusers, name), repo=str(pickled_pipeline(canary, tiny_folder)))
    assert f"{name} is no component, but a whole pipeline" in canary.refused(spec.load)
    assert "whole pipeline" in canary.refused(lambda: spec.load(use_safetensors=False))


@pytest.mark.parametrize("index", ["modular_model_index.json", "model_index.json"])
def test_an_index_that_names_a_pipeline_is_refused(index: str, canary: Canary, tiny_folder: Path) -> None:
    folder = pickled_pipeline(canary, tiny_folder)
    (folder / "modular_model_index.json").unlink()
    entry: Any = ["diffusers", "StableDiffusionXLPipeline"]
    if index.startswith("modular"):
        entry = [*entry, {"pretrained_model_name_or_path": str(folder), "type_hint": entry}]
    write(folder, {index: {"_class_name": "StableDiffusionXLPipeline", "unet": entry}})
    canary.refused(lambda: ModularPipeline.from_pretrained(str(folder)).load_components("unet"))


@pytest.mark.parametrize("hint", [None, "diffusers:AutoModel"])
@pytest.mark.parametrize(
    "files",
    [
        {"unet/config.json": {"_class_name": "StableDiffusionXLPipeline"}}, {"unet/config.json": {"_class_name": "AutoPipelineForText2Image"}},
        {"unet/config.json": {"_class_name": "ModularPipeline"}}, {"unet/config.json": {"_class_name": ["a"]}},
        {"unet/config.json": {"model_type": "clip", "architectures": ["RagRetriever"]}},
        {"unet/config.json": {"model_type": "clip", "architectures": ["pipeline"]}},
        {"unet/config.json": {}, "model_index.json": {"unet": ["os", "system"]}},
        {"unet/config.json": {}, "model_index.json": {"unet": ["peft", "AutoPeftModel"]}},
        {"unet/config.json": {}, "model_index.json": {"unet": ["diffusers", "StableDiffusionXLPipeline"]}},
    ],
    ids=str,
)  # fmt: skip
def test_a_class_that_only_the_files_name_is_one_of_components(
    files: dict[str, Any], hint: str | None, canary: Canary, tiny_folder: Path
) -> None:
    folder = pickled_pipeline(canary, tiny_folder)
    write(folder, files)
    canary.refused(ComponentSpec("unet", hint, repo=str(folder), subfolder="unet").load)


CREATED = ["transformers:TrainingArguments", "diffusers:UNet2DConditionModel", "transformers:CLIPTokenizer", "diffusers:StableDiffusionXLPipeline",
           "brickwork:PerturbedAttentionGuidance", "transformers:OneFormerImageProcessor", "os:system", "diffusers:AutoencoderKL"]  # fmt: skip


@pytest.mark.parametrize("named", CREATED)
def test_components_that_a_repository_makes_are_of_the_class_that_its_blocks_expect(named: str, canary: Canary) -> None:
    made = {
        "image_processor": {
            "class": named,
            "config": {"output_dir": str(canary.outside / "made"), "repo_path": "you/x"},
        }
    }
    write(
        canary.inside,
        {
            "brickwork.json": {
                "brickwork": 1,
                "composition": {"block": "Decode", "family": "stable-diffusion-xl"},
                "created": made,
            }
        },
    )
    canary.refused(lambda: ModularPipeline.from_pretrained(str(canary.inside)))


@pytest.mark.parametrize("named", CREATED)
def test_components_that_a_recipe_makes_are_of_the_class_that_its_blocks_expect(
    named: str, canary: Canary, embedded_pipe: ModularPipeline
) -> None:
    embedded_pipe(prompt="a red circle", num_inference_steps=1, output="latents")
    assert embedded_pipe.last_recipe is not None
    data = json.loads(json.dumps(embedded_pipe.last_recipe.to_dict()))
    data["components"]["image_processor"] = {
        "class": named,
        "config": {"output_dir": {"value": str(canary.outside / "made")}},
    }
    canary.refused(lambda: replay(Recipe.from_dict(data)))
