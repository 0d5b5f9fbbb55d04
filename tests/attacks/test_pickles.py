"""Weights that run code when they are read, under every name and by every way of loading; torch's reader is not reached."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from block_repo import write
from canary import Bomb, Canary

from brickwork import ModularPipeline
from brickwork.registry import ComponentSpec

ENDINGS = (
    "bin",
    "pt",
    "pth",
    "ckpt",
    "pkl",
    "h5",
    "msgpack",
    "onnx",
    "tar",
    "npz",
    "ot",
    "gguf",
    "safetensors",
    "BIN",
    "bin.safetensors",
)


def bomb(canary: Canary, kind: str = "pickle") -> bytes:
    """Bytes that make the mark if they are unpickled: as such, as torch writes them, in an archive."""
    plain, held = pickle.dumps(Bomb(canary.ran)), io.BytesIO()
    if kind == "torch":
        torch.save(Bomb(canary.ran), held)
    elif kind == "zip":
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("archive/data.pkl", plain)
            archive.writestr("../../outside/secret.txt", "evil")
    elif kind == "tar":
        with tarfile.open(fileobj=held, mode="w") as archive:
            for name in ("pickle", "../../outside/secret.txt"):
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    else:
        return plain
    return held.getvalue()


@pytest.fixture(autouse=True)
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of `torch.load`, which goes on."""
    called: list[Any] = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **options: (called.append(options), load(*args, **options))[1])
    return called


def model(canary: Canary, tiny_folder: Path, kind: str, **files: bytes) -> ComponentSpec:
    """A component without its own weights, and with some files."""
    shutil.copytree(tiny_folder / kind, canary.inside / kind)
    for path in (canary.inside / kind).glob("*.safetensors"):
        path.unlink()
    write(canary.inside / kind, files)
    types = {"unet": "diffusers:UNet2DConditionModel", "text_encoder": "transformers:CLIPTextModel"}
    return ComponentSpec(kind, types[kind], repo=str(canary.inside), subfolder=kind)


@pytest.mark.parametrize("kind", ["pickle", "torch", "zip", "tar"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_pickle_is_not_read_whatever_its_name_ends_with(
    ending: str, kind: str, canary: Canary, tiny_folder: Path, loads: list[Any]
) -> None:
    names = {"unet": "diffusion_pytorch_model", "text_encoder": "pytorch_model" if ending != "safetensors" else "model"}
    which = "unet" if kind in ("pickle", "zip") else "text_encoder"
    spec = model(canary, tiny_folder, which, **{f"{names[which]}.{ending}": bomb(canary, kind)})
    canary.refused(spec.load)
    assert loads == []


NAMES = (
    "diffusion_pytorch_model.fp16.bin", "diffusion_pytorch_model-00001-of-00001.bin", "model.ckpt", "tf_model.h5", "flax_model.msgpack",
    "rust_model.ot", "adapter_model.bin", "optimizer.pt", "training_args.bin", "scheduler.bin", "rng_state.pth", "trainer_state.pt",
    "consolidated.00.pth", "__0_0.distcp", ".metadata", "modelopt_state.pth", "spk_dict.pt", "adapter.eng.bin",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["unet", "text_encoder"])
def test_a_pickle_is_not_read_under_any_name_that_loaders_know(
    kind: str, name: str, canary: Canary, tiny_folder: Path, loads: list[Any]
) -> None:
    canary.refused(model(canary, tiny_folder, kind, **{name: bomb(canary, "torch")}).load)
    assert loads == []


@pytest.mark.parametrize("given", [{}, {"use_safetensors": None}, {"use_safetensors": True}], ids=str)
@pytest.mark.parametrize("hint", ["diffusers:UNet2DConditionModel", "diffusers:AutoModel", None])
@pytest.mark.parametrize(
    "decoy",
    ["model.safetensors", "diffusion_pytorch_model.x.safetensors", "diffusion_pytorch_model.safetensors.index.json"],
)
def test_a_pickle_beside_weights_that_the_loader_does_not_take_is_not_its_second_choice(
    decoy: str, hint: str | None, given: dict[str, Any], canary: Canary, tiny_folder: Path, loads: list[Any]
) -> None:
    weights = (tiny_folder / "vae" / "diffusion_pytorch_model.safetensors").read_bytes()
    content = (
        json.dumps({"metadata": {}, "weight_map": {"x": "x.safetensors"}}).encode()
        if decoy.endswith("json")
        else weights
    )
    pickled = {"diffusion_pytorch_model.bin": bomb(canary, "torch"), decoy: content}
    model(canary, tiny_folder, "unet", **pickled)
    canary.refused(lambda: ComponentSpec("unet", hint, repo=str(canary.inside), subfolder="unet").load(**given))
    assert loads == []


@pytest.mark.parametrize("value", [0, "", "false", "no", []], ids=repr)
def test_only_false_itself_grants_pickles(value: Any, canary: Canary, tiny_folder: Path, loads: list[Any]) -> None:
    spec = model(canary, tiny_folder, "unet", **{"diffusion_pytorch_model.bin": bomb(canary, "torch")})
    canary.refused(lambda: spec.load(use_safetensors=value))
    assert loads == []


@pytest.mark.parametrize(
    "name", ["pytorch_lora_weights.bin", "pytorch_lora_weights.pt", "lora.ckpt", "pytorch_lora_weights.safetensors"]
)
def test_loras_are_not_pickled(name: str, canary: Canary, embedded_pipe: ModularPipeline, loads: list[Any]) -> None:
    write(canary.inside, {name: bomb(canary, "torch")})
    for act in (
        lambda: embedded_pipe.load_lora_weights(str(canary.inside / name)),
        lambda: embedded_pipe.load_lora_weights(str(canary.inside), weight_name=name),
        lambda: embedded_pipe.load_lora_weights(str(canary.inside)),
    ):
        canary.refused(act)
    assert loads == []


@pytest.mark.parametrize("name", ["learned_embeds.bin", "learned_embeds.pt", "learned_embeds.safetensors", "x.pkl"])
def test_taught_words_are_not_pickled(
    name: str, canary: Canary, embedded_pipe: ModularPipeline, loads: list[Any]
) -> None:
    write(canary.inside, {name: bomb(canary, "torch")})
    canary.refused(lambda: embedded_pipe.load_textual_inversion(str(canary.inside / name), token="<x>"))
    canary.refused(lambda: embedded_pipe.load_textual_inversion(str(canary.inside), token="<x>", weight_name=name))
    assert loads == []


@pytest.mark.parametrize("name", ["ip-adapter_sdxl.bin", "ip-adapter_sdxl.pt", "ip-adapter_sdxl.safetensors"])
def test_ip_adapters_are_not_pickled(
    name: str, canary: Canary, embedded_pipe: ModularPipeline, loads: list[Any]
) -> None:
    write(canary.inside, {f"sdxl_models/{name}": bomb(canary, "torch")})
    canary.refused(lambda: embedded_pipe.load_ip_adapter(str(canary.inside), subfolder="sdxl_models", weight_name=name))
    assert loads == []


@pytest.mark.parametrize("ending", ["ckpt", "pt", "bin", "pth", "gguf", "safetensors", "zip", "CKPT"])
def test_single_files_are_not_pickled(ending: str, canary: Canary, loads: list[Any]) -> None:
    write(canary.inside, {f"model.{ending}": bomb(canary, "torch")})
    canary.refused(
        ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(canary.inside / f"model.{ending}")).load
    )
    assert loads == []


GRANTED: dict[str, Callable[[Canary, Path], ComponentSpec]] = {
    "diffusers": lambda c, f: model(c, f, "unet", **{"diffusion_pytorch_model.bin": bomb(c, "torch")}),
    "diffusers, plain": lambda c, f: model(c, f, "unet", **{"diffusion_pytorch_model.bin": bomb(c)}),
    "transformers": lambda c, f: model(c, f, "text_encoder", **{"pytorch_model.bin": bomb(c, "torch")}),
    "transformers, plain": lambda c, f: model(c, f, "text_encoder", **{"pytorch_model.bin": bomb(c)}),
    "single file": lambda c, f: ComponentSpec(
        "unet", "diffusers:UNet2DConditionModel", repo=str(write(c.inside, {"m.ckpt": bomb(c, "torch")}) / "m.ckpt")
    ),
}


@pytest.mark.parametrize("kind", GRANTED)
def test_pickles_that_were_granted_make_no_objects(
    kind: str, canary: Canary, tiny_folder: Path, loads: list[Any]
) -> None:
    spec = GRANTED[kind](canary, tiny_folder)
    canary.refused(lambda: spec.load(use_safetensors=False))
    assert all(options.get("weights_only") is True for options in loads)
    canary.refused(lambda: spec.load(use_safetensors=False, weights_only=False))


def test_pickled_weights_that_were_granted_are_loaded(canary: Canary, tiny_folder: Path, loads: list[Any]) -> None:
    from safetensors.torch import load_file

    held = io.BytesIO()
    torch.save(load_file(tiny_folder / "unet" / "diffusion_pytorch_model.safetensors"), held)
    spec = model(canary, tiny_folder, "unet", **{"diffusion_pytorch_model.bin": held.getvalue()})
    assert spec.load(use_safetensors=False).config.in_channels == 4
    assert [options["weights_only"] for options in loads] == [True]


def test_pickled_weights_that_were_granted_are_held_to_a_lock(
    canary: Canary, tiny_folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    from brickwork.registry.hub.lock import Lock
    from brickwork.registry.pinning import pin

    held = io.BytesIO()
    torch.save(load_file(tiny_folder / "unet" / "diffusion_pytorch_model.safetensors"), held)
    spec = model(canary, tiny_folder, "unet", **{"diffusion_pytorch_model.bin": held.getvalue()})
    lock = Lock.at(tmp_path / "my.lock")
    pin(spec, lock, {}, safe=False)
    (canary.inside / "unet" / "diffusion_pytorch_model.bin").write_bytes(bomb(canary, "torch"))
    assert "diffusion_pytorch_model.bin of" in canary.refused(lambda: pin(spec, lock, {}, safe=False))
