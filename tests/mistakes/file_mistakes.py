"""Mistakes with repositories and files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mistake import Mistake
from safetensors.torch import save_file

import brickwork
from brickwork import (
    ComponentError,
    ComponentSpec,
    CompositionError,
    InputError,
    ModularPipeline,
    RepoError,
    TrustError,
)
from brickwork.presets.embedded import ARROW_LORA, FOLDER
from brickwork.registry import allow_library


def opened(**files: Any) -> Callable[[Path], Any]:
    """Open a folder with files of text or data: `a__json` is a.json."""

    def make(folder: Path) -> Any:
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / name.replace("__", ".")).write_text(text)
        return ModularPipeline.from_pretrained(str(folder))

    return make


def model(change: Callable[[Path], Any], *names: str) -> Callable[[Path], Any]:
    """Load components of a copy of the embedded model that was changed."""

    def make(folder: Path) -> Any:
        place = Path(shutil.copytree(FOLDER, folder / "model"))
        change(place)
        return ModularPipeline.from_pretrained(str(place)).load_components(list(names) or None)

    return make


def lora(metadata: dict[str, str] | None = None, **tensors: Any) -> Callable[[Path], Any]:
    """Load a LoRA with these tensors and header."""

    def make(folder: Path) -> Any:
        save_file(tensors or {"x": torch.ones(1)}, folder / "lora.safetensors", metadata=metadata)
        return brickwork.embedded().load_lora_weights(folder / "lora.safetensors")

    return make


def family(name: str, said: str) -> Mistake:
    return Mistake(
        f"an index of {name}",
        "folder",
        opened(model_index__json={"_class_name": name, "vae": ["diffusers", "AutoencoderKL"]}),
        CompositionError,
        (said, f"({name})", "no preset", "adopt(blocks).init_pipeline(folder)"),
    )


def asked(task: str, cls: str, *said: str) -> Mistake:
    """A task that the family of an index does not have."""

    def make(folder: Path) -> Any:
        (folder / "model_index.json").write_text(json.dumps({"_class_name": cls}))
        return brickwork.from_pretrained(str(folder), task=task)

    return Mistake(f"the task {task} of {cls}", "folder", make, CompositionError, said)


def with_own_blocks(folder: Path) -> Any:
    brickwork.find_preset("ddpm.unconditional").save_pretrained(folder)
    return brickwork.from_pretrained(str(folder), task="inpainting")


def single_file(name: str, *said: str) -> Mistake:
    """A file of another kind in place of a whole checkpoint; `config` is the embedded model."""

    def make(folder: Path) -> Any:
        torch.save({}, folder / "model.ckpt")
        save_file({"lora_unet_x.alpha": torch.ones(1)}, folder / "lora.safetensors")
        return ModularPipeline.from_single_file(folder / name, FOLDER)

    return Mistake(f"{name} as a checkpoint", "folder", make, TrustError if ".ckpt" in name else ComponentError, said)


def truncated(place: Path) -> None:
    path = place / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def pickled(place: Path) -> None:
    (place / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({}, place / "vae" / "diffusion_pytorch_model.bin")


def named(place: Path, library: str, cls: str) -> None:
    index = json.loads((place / "model_index.json").read_text())
    (place / "model_index.json").write_text(json.dumps({**index, "vae": [library, cls]}))


MISTAKES = [
    family("PixArtOmegaPipeline", "'PixArtOmega'"),
    family("AuraStreamPipeline", "'AuraStream'"),
    family("PixArtTauPipeline", "'PixArtTau'"),
    family("HotshotXLPipeline", "'HotshotXL'"),
    family("StableSoundPipeline", "'StableSound'"),
    family("AllegroModularPipeline", "'Allegro'"),
    asked("inpaint", "StableDiffusionXLPipeline", "'sdxl'", "Did you mean 'inpainting'?", "image2image"),
    asked("text2image", "DDPMPipeline", "'ddpm', which has no task 'text2image'", "unconditional"),
    Mistake(
        "a task of a repository with its own blocks",
        "folder",
        with_own_blocks,
        CompositionError,
        ("brings its own blocks", "task='inpainting'", "brickwork.find_preset(name).init_pipeline(repo)"),
    ),
    single_file("model.ckpt", "pickled weights can run code"),
    single_file("lora.safetensors", "no checkpoint of a whole pipeline", "load_lora_weights(file)"),
    single_file("lorra.safetensors", "Did you mean 'lora.safetensors'?"),
    Mistake(
        "an index whose blocks nobody has",
        "folder",
        opened(
            modular_model_index__json={
                "_class_name": "StableDiffusionXLModularPipeline",
                "_blocks_class_name": "MyBlocks",
            }
        ),
        CompositionError,
        ("'MyBlocks'", "adopt(blocks)", "sdxl, ", "brickwork presets list"),
    ),
    Mistake("an empty folder", "folder", opened(), RepoError, ("blocks",)),
    Mistake(
        "a folder that is not there",
        "folder",
        lambda folder: ModularPipeline.from_pretrained(str(folder / "modle")),
        RepoError,
        ("modle is no folder on this machine", "owner/name"),
    ),
    Mistake(
        "an index that is a list",
        "folder",
        opened(model_index__json=[]),
        RepoError,
        ("model_index.json", "no JSON object"),
    ),
    Mistake(
        "an index with remarks",
        "folder",
        opened(model_index__json="// mine\n{}"),
        RepoError,
        ("model_index.json", "cannot be read"),
    ),
    Mistake(
        "an index that git-lfs has not fetched",
        "folder",
        opened(model_index__json="version https://git-lfs.github.com/spec/v1\n"),
        RepoError,
        ("model_index.json", "cannot be read"),
    ),
    Mistake(
        "another tool's config alone", "folder", opened(config__json="[]"), RepoError, ("config.json", "no JSON object")
    ),
    Mistake(
        "damaged blocks beside an index",
        "folder",
        opened(
            model_index__json={"_class_name": "StableDiffusionXLPipeline"},
            config__json='{"auto_map": {"ModularPipelineBlocks": "a.B"},}',
        ),
        RepoError,
        ("config.json", "cannot be read"),
    ),
    Mistake("a truncated file", "folder", model(truncated, "vae"), ComponentError, ("'vae'", "truncated", "again")),
    Mistake(
        "pickled weights",
        "folder",
        model(pickled, "vae"),
        TrustError,
        ("only pickled weights", "use_safetensors=False"),
    ),
    Mistake(
        "a folder of a model is missing",
        "folder",
        model(lambda place: shutil.rmtree(place / "vae"), "vae"),
        ComponentError,
        ("'vae'", "there is no folder"),
    ),
    Mistake(
        "a component that is not there",
        "folder",
        model(lambda place: None, "veo"),
        ComponentError,
        ("'veo'", "Did you mean 'vae'?"),
    ),
    Mistake(
        "a misspelt class",
        "folder",
        model(lambda place: named(place, "diffusers", "AutoencoderKl"), "vae"),
        ComponentError,
        ("'vae'", "no class 'AutoencoderKl'", "Did you mean 'AutoencoderKL"),
    ),
    Mistake(
        "a library that is not allowed",
        "folder",
        model(lambda place: named(place, "my_models", "Mine"), "vae"),
        TrustError,
        ("'vae'", "allow_library('my_models')"),
    ),
    Mistake(
        "a misspelt class of a folder of pipelines",
        "folder",
        lambda _: ComponentSpec("checker", "stable_diffusion:SafetyChecker").type_hint,
        ComponentError,
        ("'checker'", "StableDiffusionSafetyChecker"),
    ),
    Mistake(
        "a pipeline as a component",
        "folder",
        lambda _: ComponentSpec("part", "stable_diffusion:StableDiffusionPipeline").type_hint,
        TrustError,
        ("'part'", "no component, but a whole pipeline"),
    ),
    Mistake("a path as a library", "folder", lambda _: allow_library("my.models"), TrustError, ("top level",)),
    Mistake("a number as a library", "folder", lambda _: allow_library(3), TrustError, ("3 is no name of a library",)),  # type: ignore[arg-type]
    Mistake("a LoRA of nothing that is known", "folder", lora(), ComponentError, ("LoRA does not fit", "'x'")),
    Mistake(
        "a LoRA whose header is broken",
        "folder",
        lora({"lora_adapter_metadata": "{"}),
        ComponentError,
        ("description of itself", "lora_adapter_metadata"),
    ),
    Mistake(
        "a LoRA whose header is odd",
        "folder",
        lora({"lora_adapter_metadata": '{"unet.r": "four"}'}),
        ComponentError,
        ("something odd of unet.r",),
    ),
    Mistake(
        "a LoRA that goes with changed weights of the model",
        "folder",
        lora({"lora_adapter_metadata": '{"unet.r": 4, "unet.init_lora_weights": "pissa"}'}),
        ComponentError,
        ("unet.init_lora_weights is 'pissa'", "Convert it to a plain one"),
    ),
    Mistake(
        "a LoRA with biases of the model",
        "folder",
        lora({"lora_adapter_metadata": '{"unet.r": 4, "unet.bias": "lora_only", "unet.layer_replication": [[0, 4]]}'}),
        ComponentError,
        ("unet.bias is 'lora_only'", "unet.layer_replication is [[0, 4]]"),
    ),
    Mistake(
        "a LoRA file that is not there",
        "folder",
        lambda _: brickwork.embedded().load_lora_weights(ARROW_LORA, weight_name="arow.safetensors"),
        RepoError,
        ("no file arow.safetensors",),
    ),
    Mistake(
        "a textual inversion of another tool",
        "embedded",
        lambda pipe: pipe.load_textual_inversion(
            {"string_to_param": {"a": torch.randn(1, 64), "b": torch.randn(1, 64)}}
        ),
        ComponentError,
        ("2 embeddings in 'string_to_param'", "{'<word>': tensor}"),
    ),
    Mistake(
        "an image saved as JPEG",
        "folder",
        lambda folder: brickwork.save([], folder / "a.jpg"),
        InputError,
        ("does not end in .png",),
    ),
    Mistake(
        "an array saved as an image",
        "folder",
        lambda folder: brickwork.save([[1, 2]], folder / "a.png"),
        InputError,
        ("is no image; give those of PIL",),
    ),
]
