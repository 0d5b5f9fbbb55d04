"""JSON with a byte order mark and ends of lines of Windows is read like other JSON, wherever it stands."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from brickwork import ModularPipeline
from brickwork.guiders import ClassifierFreeGuidance, Guider
from brickwork.registry import ComponentSpec

MODELS = [
    ("unet", "diffusers:UNet2DConditionModel"),
    ("vae", "diffusers:AutoencoderKL"),
    ("text_encoder", "transformers:CLIPTextModel"),
]
OTHERS = [("scheduler", "diffusers:EulerDiscreteScheduler"), ("tokenizer", "transformers:CLIPTokenizer")]


def marked(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))


def digests(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "repo"))


def said(component: Any) -> dict[str, Any]:
    """What a component says of itself and of where it is from."""
    config = getattr(component, "config", None)
    found = config.to_dict() if hasattr(config, "to_dict") else dict(config or {})
    names = ("name_or_path", "_name_or_path", "init_kwargs")
    kept = {name: str(value) for name, value in {**getattr(component, "__dict__", {})}.items() if name in names}
    return {**found, **kept, "config name": getattr(config, "_name_or_path", None)}


@pytest.mark.parametrize(("name", "hint"), [*MODELS, *OTHERS])
def test_a_component_is_the_same_and_its_folder_is_left_alone(name: str, hint: str, folder: Path) -> None:
    spec = ComponentSpec(name, hint, repo=str(folder), subfolder=name)
    expected = spec.load()
    for path in (folder / name).glob("*.json"):
        marked(path)
    before, strays = digests(folder), set(Path(tempfile.gettempdir()).glob("brickwork-json-*"))
    found = spec.load()
    assert said(found) == said(expected)
    if hasattr(found, "state_dict"):
        assert all(
            torch.equal(a, b) for a, b in zip(found.state_dict().values(), expected.state_dict().values(), strict=True)
        )
        assert said(spec.load_skeleton()) == said(
            ComponentSpec(name, hint, repo=str(folder), subfolder=name).load_skeleton()
        )
    assert digests(folder) == before
    assert set(Path(tempfile.gettempdir()).glob("brickwork-json-*")) == strays


@pytest.mark.parametrize(("name", "hint"), MODELS)
def test_a_model_that_needs_its_own_loader_is_the_same(name: str, hint: str, folder: Path) -> None:
    spec = ComponentSpec(name, hint, repo=str(folder), subfolder=name)
    expected = spec.load(low_cpu_mem_usage=True)
    marked(folder / name / "config.json")
    assert said(spec.load(low_cpu_mem_usage=True)) == said(expected)


def test_a_whole_pipeline_is_read_and_draws_the_same(folder: Path) -> None:
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 1, "output": "images", "output_type": "pt"}

    def drawn() -> torch.Tensor:
        pipe = ModularPipeline.from_pretrained(str(folder)).load_components()
        pipe.configure(progress=False)
        found: torch.Tensor = pipe(**inputs, generator=torch.Generator().manual_seed(1))
        return found

    expected = drawn()
    for path in folder.rglob("*.json"):
        marked(path)
    assert torch.equal(drawn(), expected)


def test_what_has_no_links_is_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError("a privilege is not held")

    monkeypatch.setattr(Path, "symlink_to", refused)
    marked(folder / "tokenizer" / "tokenizer_config.json")
    spec = ComponentSpec("tokenizer", "transformers:CLIPTokenizer", repo=str(folder), subfolder="tokenizer")
    assert spec.load()("a cat").input_ids
    monkeypatch.setattr("os.link", refused)
    assert spec.load()("a cat").input_ids


def test_a_guider_is_read(tmp_path: Path) -> None:
    ClassifierFreeGuidance(guidance_scale=3.0).save_pretrained(str(tmp_path))
    marked(tmp_path / "guider_config.json")
    assert Guider.from_pretrained(str(tmp_path)) == ClassifierFreeGuidance(guidance_scale=3.0)
