"""Every reader of files that somebody else may have written, each with a valid file and a way to make faulty ones."""

from __future__ import annotations

import io
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from attrs import asdict, frozen
from block_repo import hand_written
from mutations import as_json, mutated_bytes, mutated_data, mutated_note, mutated_png, mutated_tensors
from PIL import Image
from safetensors.torch import save
from tiny_adapters import ip_adapter, lora

import brickwork
from brickwork import (
    Block,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    Outputs,
    RepoError,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
    TrustError,
)
from brickwork.guiders import GUIDERS, GuidanceStep, Guider
from brickwork.pipeline.recipes.recipe import Recipe
from brickwork.pipeline.recipes.recipe_files import read_recipe
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry import ComponentSpec, read_index
from brickwork.registry.hub.lock import Lock, LockedRepo
from brickwork.registry.hub.repo import open_repo
from brickwork.registry.hub.repo_code import read_sources
from brickwork.registry.hub.strict_yaml import parse_yaml, written
from brickwork.registry.loading.tensor_file import read_tensors
from brickwork.saving.composition import compose, describe
from brickwork.saving.open_repository import open_repository
from brickwork.state.value_file import load_values, save_values


@frozen
class Reader:
    """One reader.

    Attributes:
        make: a faulty file by a seed. read: reads it, and uses what was read. cases: how many the short test makes.
        works: it does more than reading, such as running the pipeline, so its time says nothing about that.
    """

    make: Callable[[Random], bytes]
    read: Callable[[bytes], object]
    valid: bytes
    cases: int = 100
    works: bool = False


class Add(Block):
    """Add to a sum."""

    amount: float = 1.0

    class Out(Outputs):
        total: torch.Tensor

    def run(self, x: torch.Tensor, total: torch.Tensor | None = None) -> Out:
        # A file may have a whole number of any size for the amount, of which torch says a Python error.
        return self.Out(total=float(self.amount) * x + (0 if total is None else total))


class Count(LoopSequentialPipelineBlocks):
    """Count iterations."""

    class Vars(Outputs):
        i: int

    def iterate(self, iterations: int) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(min(iterations, 9)))  # whatever a file asks for


def counting() -> ModularPipeline:
    """A pipeline without models."""
    loop = Count.from_blocks_dict({"add": Add(amount=2.0)})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"loop": loop, "add": Add}).init_pipeline()
    pipe.configure(progress=False)
    return pipe


VALUES: dict[str, Any] = {
    "tensor": torch.arange(6.0).reshape(2, 3),
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "half": torch.ones(2, dtype=torch.bfloat16),
    "array": np.arange(3, dtype=np.int16),
    "scalar": np.float32(2.5),
    "picture": Image.new("RGBA", (2, 3), "red"),
    "generator": torch.Generator().manual_seed(3),
    "listed": [1, "two", (3.0, None), {"a": torch.zeros(1), 5: True}],
    "dtype": torch.float16,
    "infinite": float("inf"),
}
WORKFLOW = {
    "brickwork": 1,
    "start": "sdxl.text2image",
    "edits": [
        {"replace": "denoise.denoiser", "with": "PredictNoise", "options": {"batching": "sequential"}},
        {"insert": "again", "block": "Decode", "after": "decode"},
        {"remove": "again"},
        {"options": "decode", "set": {}},
    ],
    "components": {"unet": "a/b", "vae": {"repo": "a/b", "subfolder": "vae", "variant": "fp16", "revision": "main"}},
    "guider": {"name": "PerturbedAttentionGuidance", "guidance_scale": 3.0, "perturbed_guidance_layers": [0, 1]},
    "config": {"force_zeros_for_empty_prompt": False},
    "inputs": {"prompt": "a cat", "num_inference_steps": 2, "width": 64},
}
WHOLE_WORKFLOW = {
    "brickwork": 1,
    "composition": {
        "block": "SequentialPipelineBlocks",
        "blocks": {"a": {"block": "Decode", "family": "stable-diffusion-xl"}},
    },
}
HEADER_NOTES = {"format": "pt", "rank": "4"}


NAMES = (
    "yaml", "workflow", "whole workflow", "lock",
    *(f"guider {name}" for name in GUIDERS if name != "ClassifierGuidance"),
    "composition", "recipe data", "recipe file", "image with a recipe", "replay", "snapshot", "snapshot that goes on", "values",
    "model_index.json", "modular_model_index.json", "brickwork.json", "modular_config.json", "scheduler_config.json",
    "config.json of a model", "list of shards", "code", "tensors", "LoRA", "textual inversion", "IP-Adapter", "picture",
)  # fmt: skip
"""Of all readers."""


def as_yaml(rng: Random, data: Any) -> bytes:
    """A workflow file with faults."""
    try:
        text = written(data) if rng.random() < 0.5 else json.dumps(data)
    except RepoError:  # the odd value is none that can be written
        text = json.dumps(data)
    found = text.encode("utf-8", "surrogatepass")
    return found if rng.random() < 0.7 else mutated_bytes(rng, found)


def readers(folder: Path, pipe: ModularPipeline, pipe_folder: Path) -> dict[str, Reader]:
    """All readers, by name.

    Args:
        folder: to write to. pipe: with models that adapters are put into. pipe_folder: where they come from.
    """
    return {
        **_texts(folder),
        **_recipes(folder),
        **_repositories(folder, pipe_folder),
        **_of_tensors(folder, pipe),
        **_pictures(folder),
    }


def _file(folder: Path, name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Read what is put into a file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)

    def written_and_read(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return written_and_read


def _of_data(
    data: Any,
    read: Callable[[bytes], object],
    cases: int = 100,
    write: Callable[[Random, Any], bytes] = as_json,
    works: bool = False,
) -> Reader:
    valid = written(data).encode() if write is as_yaml else json.dumps(data).encode()
    return Reader(lambda rng: write(rng, mutated_data(rng, data)), read, valid, cases, works)


def _texts(folder: Path) -> dict[str, Reader]:
    guiders = {
        name: {"_class_name": name, **cls().config} for name, cls in GUIDERS.items() if name != "ClassifierGuidance"
    }
    lock = Lock(folder / "lock" / "brickwork.lock", pins=True)
    entry = LockedRepo("0" * 40, {"block.py": "1" * 64}, {"unet/a.safetensors": "2" * 64})

    def locked(path: Path) -> None:
        lock.of("a/b")
        lock.of("c/d")

    def guided(path: Path) -> None:
        guider = Guider.from_pretrained(str(path.parent))
        for index in range(2):
            guider.branches(GuidanceStep(index, 2))
        repr((guider.config, guider.uses_negative, guider.wanted_perturbations))

    def workflow(path: Path) -> None:
        repr(brickwork.load_workflow(path))

    made = {
        "yaml": _of_data(WORKFLOW, lambda data: parse_yaml(data, "x.yaml"), 300, as_yaml),
        "workflow": _of_data(WORKFLOW, _file(folder, "w.yaml", workflow), 60, as_yaml, works=True),
        "whole workflow": _of_data(WHOLE_WORKFLOW, _file(folder, "whole.yaml", workflow), 100, as_yaml),
        "lock": _of_data(
            {"brickwork_lock": 1, "repos": {"a/b": asdict(entry)}}, _file(folder, "lock/brickwork.lock", locked)
        ),
    }
    for name, config in guiders.items():
        made[f"guider {name}"] = _of_data(
            json.loads(json.dumps(config)), _file(folder, "guider/guider_config.json", guided), 25
        )
    return made


def _recipes(folder: Path) -> dict[str, Reader]:
    pipe = counting()
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append))
    state = pipe(iterations=3, x=torch.ones(2))
    pipe.configure(snapshots=None)
    recipe = state.recipe
    snapshot, picture = folder / "valid.safetensors", folder / "valid.png"
    found[1].save(snapshot)
    image = Image.new("RGB", (4, 4), "green")
    image.info["brickwork"] = recipe.of_image(0)
    brickwork.save(image, picture, inputs="embed", given={"x": torch.ones(2)})
    full = brickwork.embedded()(prompt="a red circle", num_inference_steps=1, output_type="latent").recipe
    values = save_values(None, VALUES, {"about": [1, 2]})

    def used(source: Any) -> None:
        read, kept = read_recipe(source)
        repr((read, read.parameters, read.seed, read.inputs, read.missing_inputs, read == recipe, hash(read)))
        read.is_input("prompt", "a cat")
        str(brickwork.diff(recipe, read)), str(brickwork.diff(read, full))

    def replayed(path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of what is not as it was
            brickwork.replay(path, blocks=[Add, Count], x=torch.ones(2), exact=True)

    def opened(path: Path) -> None:
        read = Snapshot.load(path)
        repr((read.where, read))

    def resumed(path: Path) -> None:
        pipe.resume(path)

    blocks = [describe(pipe.blocks), describe(SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS))]

    def composed(data: bytes) -> None:
        compose(json.loads(data), [Add, Count])

    return {
        "composition": Reader(lambda rng: _json_only(mutated_data(rng, rng.choice(blocks))), composed, _json_only(blocks[0]), 200),
        "recipe data": Reader(
            lambda rng: _json_only(mutated_data(rng, full.to_dict())), lambda data: used(Recipe.from_dict(json.loads(data))),
            _json_only(full.to_dict()), 100,
        ),
        "recipe file": _of_data(full.to_dict(), _file(folder, "recipe.json", used)),
        "image with a recipe": Reader(
            lambda rng: mutated_png(rng, picture.read_bytes()), _file(folder, "p.png", used), picture.read_bytes()
        ),
        "replay": _of_data(recipe.to_dict(), _file(folder, "replay.json", replayed), 60, works=True),
        "snapshot": Reader(
            lambda rng: mutated_tensors(rng, snapshot.read_bytes()), _file(folder, "s.safetensors", opened), snapshot.read_bytes(), 200
        ),
        "snapshot that goes on": Reader(
            lambda rng: mutated_note(rng, snapshot.read_bytes(), "about"), _file(folder, "r.safetensors", resumed),
            snapshot.read_bytes(), works=True,
        ),
        "values": Reader(lambda rng: mutated_tensors(rng, values), load_values, values, 300),
    }  # fmt: skip


def _json_only(data: Any) -> bytes:
    return json.dumps(data).encode()


def _repositories(folder: Path, pipe_folder: Path) -> dict[str, Reader]:
    saved = folder / "saved"
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(pipe_folder))
    pipe.save_pretrained(str(saved))
    classic, peer, component, sharded = folder / "classic", folder / "peer", folder / "component", folder / "sharded"
    shutil.copytree(pipe_folder / "scheduler", component / "scheduler")
    shutil.copytree(pipe_folder / "vae", component / "vae")
    shutil.copytree(pipe_folder / "vae", sharded / "vae")
    hand_written(peer, folder / "canary")

    def opened(path: Path) -> None:
        try:
            open_repository(str(path.parent), False, folder / "none.lock", None)
        except TrustError as error:  # as it should be: the code is granted by nobody
            if not any(words in str(error) for words in ("brings code of its own", "auto_map", "no name of a file")):
                raise

    def pipeline(path: Path) -> None:
        ModularPipeline.from_pretrained(str(path.parent))

    def index(path: Path) -> None:
        for spec in read_index(path.parent).specs.values():
            repr((spec, spec.load_id, spec.loading_fault()))

    def scheduler(path: Path) -> None:
        ComponentSpec(
            "scheduler", "diffusers:EulerDiscreteScheduler", repo=str(component), subfolder="scheduler"
        ).load()

    def model(path: Path) -> None:
        spec = ComponentSpec("vae", "diffusers:AutoencoderKL", repo=str(path.parent.parent), subfolder="vae")
        repr((spec.loading_fault(), spec.stored_bytes()))
        spec.load()

    def code(path: Path) -> None:
        read_sources(open_repo(path.parent), ["block.py"])

    def of(path: Path, read: Callable[[Path], object], cases: int = 100, works: bool = False) -> Reader:
        data = json.loads(path.read_bytes())
        return _of_data(data, _file(path.parent, path.name, read), cases, works=works)

    shards = {"metadata": {"total_size": 1}, "weight_map": {"a": "diffusion_pytorch_model.safetensors"}}
    shutil.copy(pipe_folder / "model_index.json", _made(classic) / "model_index.json")
    shutil.copytree(saved, folder / "saved-index")
    return {
        "model_index.json": of(classic / "model_index.json", index),
        "modular_model_index.json": of(folder / "saved-index" / "modular_model_index.json", index),
        "brickwork.json": of(saved / "brickwork.json", pipeline, 40, works=True),
        "modular_config.json": of(peer / "modular_config.json", opened),
        "scheduler_config.json": of(component / "scheduler" / "scheduler_config.json", scheduler, works=True),
        "config.json of a model": of(component / "vae" / "config.json", model, 15, works=True),
        "list of shards": _of_data(shards, _file(sharded / "vae", "x.safetensors.index.json", model), 15, works=True),
        "code": Reader(
            lambda rng: mutated_bytes(rng, b"from . import x\n" + rng.choice(CODE)), _file(folder / "code", "block.py", code),
            b"from . import x\n",
        ),
    }  # fmt: skip


CODE = (
    b"class A:\n    x = '\\d'\n", b"(" * 300, b"-" * 5000 + b"1", b"x = " + b"a." * 3000 + b"b", b"if 1 is 1: pass", b"\xff", b"# coding: rot13\n",
    b"f = lambda: (yield)\n" * 50, b"1" + b"+1" * 5000, b"\x00", b"x = 0777", b"# -*- coding: \x00 -*-\n", b"9" * 5000,
)  # fmt: skip


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _of_tensors(folder: Path, pipe: ModularPipeline) -> dict[str, Reader]:
    plain = save({"a": torch.ones(2, 3), "b": torch.zeros(4, dtype=torch.int8)}, HEADER_NOTES)
    layers = save(dict(list(lora(pipe).items())[:4]), HEADER_NOTES)
    words = save({"clip_l": torch.ones(1, 16), "clip_g": torch.ones(1, 24)})
    image = ip_adapter(pipe.unet)
    adapter = save({f"{part}.{name}": tensor for part, held in image.items() for name, tensor in held.items()})

    def tensors(path: Path) -> None:
        read_tensors(open_repo(path.parent), path.name)

    def layered(path: Path) -> None:
        pipe.unload_lora_weights()
        pipe.load_lora_weights(str(path.parent), weight_name=path.name)

    def taught(path: Path) -> None:
        pipe.unload_textual_inversion()
        pipe.load_textual_inversion(str(path.parent), weight_name=path.name, token="<x>")

    def shown(path: Path) -> None:
        pipe.unload_ip_adapter()
        pipe.load_ip_adapter(str(path.parent), subfolder="", weight_name=path.name, image_encoder_folder=None)

    def of(name: str, data: bytes, read: Callable[[Path], object], cases: int) -> Reader:
        place = _file(folder / name, f"{name}.safetensors", read)
        return Reader(lambda rng: mutated_tensors(rng, data), place, data, cases, works=read is not tensors)

    return {
        "tensors": of("plain", plain, tensors, 300),
        "LoRA": of("lora", layers, layered, 15),
        "textual inversion": of("words", words, taught, 25),
        "IP-Adapter": of("adapter", adapter, shown, 15),
    }


FORMATS = (
    "PNG",
    "JPEG",
    "WEBP",
    "BMP",
    "GIF",
    "TIFF",
    "EPS",
    "ICO",
    "PPM",
    "TGA",
    "SGI",
    "PCX",
    "DDS",
    "JPEG2000",
    "AVIF",
    "PDF",
)


def _pictures(folder: Path) -> dict[str, Reader]:
    image = Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3))
    notes = Image.Exif()
    notes[0x0112] = 6
    files = []
    for name in FORMATS:
        place = io.BytesIO()
        options = {"exif": notes} if name in ("PNG", "JPEG", "WEBP", "TIFF") else {}
        image.save(place, name, **options)
        files.append((name, place.getvalue()))

    def make(rng: Random) -> bytes:
        name, data = rng.choice(files)
        return mutated_png(rng, data) if name == "PNG" else mutated_bytes(rng, data)

    return {
        "picture": Reader(make, _file(folder, "picture.bin", brickwork.load_image), dict(files)["PNG"], 300),
    }
