"""A save replaces nothing that no earlier save of the same kind has written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from brickwork import ClassifierFreeGuidance, InputError, ModularPipeline, RepoError, find_preset, save_workflow


def pipe_of(preset: str = "ddpm.unconditional") -> ModularPipeline:
    """A pipeline without weights, which is saved in no time."""
    return find_preset(preset).init_pipeline()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put(**files: object) -> Callable[[Path], Path]:
    """Fill a folder: `a__json` is a.json."""

    def make(folder: Path) -> Path:
        folder.mkdir()
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(content if isinstance(content, str) else json.dumps(content))
        return folder

    return make


def of_cache(folder: Path) -> Path:
    place = folder / "models--owner--name" / "snapshots" / "abc"
    place.mkdir(parents=True)
    return place


def of_sdxl(folder: Path) -> Path:
    pipe_of("sdxl.text2image").save_pretrained(folder)
    return folder


FOREIGN = [
    (
        put(model_index__json={"_class_name": "StableDiffusionPipeline"}),
        "a pipeline of diffusers (StableDiffusionPipeline)",
    ),
    (
        put(modular_model_index__json={"_class_name": "WanModularPipeline"}),
        "a modular pipeline of diffusers (WanModularPipeline)",
    ),
    (put(config__json={"_class_name": "AutoencoderKL"}), "the folder of a model (AutoencoderKL)"),
    (put(config__json={"architectures": ["CLIPTextModel"]}), "the folder of a model (CLIPTextModel)"),
    (put(config__json={"model_type": "clip"}), "the folder of a model (clip)"),
    (of_cache, "in the Hub's cache"),
    (put(modular_config__json="{}", graph__svg=""), "holds files that no save of brickwork has written"),
]


@pytest.mark.parametrize(("make", "words"), FOREIGN, ids=[words for _, words in FOREIGN])
@pytest.mark.parametrize("what", ["pipeline", "blocks"])
def test_what_is_no_save_is_refused_and_stays_as_it_was(
    make: Callable[[Path], Path], words: str, what: str, tmp_path: Path
) -> None:
    place = make(tmp_path / "place")
    before = contents(tmp_path)
    pipe = pipe_of()
    with pytest.raises(RepoError, match=re.escape(words)) as caught:
        (pipe if what == "pipeline" else pipe.blocks).save_pretrained(place)
    assert "Save to another folder; or delete this one first" in str(caught.value)
    assert contents(tmp_path) == before


def test_the_files_that_would_be_replaced_are_named(tmp_path: Path) -> None:
    place = put(graph__svg="mine", modular_config__json="{}")(tmp_path / "place")
    with pytest.raises(RepoError, match=r"would replace: graph\.svg, modular_config\.json\. Save"):
        pipe_of().save_pretrained(place)


def test_a_save_of_another_pipeline_is_refused(tmp_path: Path) -> None:
    place = of_sdxl(tmp_path / "place")
    index = json.loads((place / "modular_model_index.json").read_text())
    (place / "modular_model_index.json").write_text(json.dumps({**index, "_class_name": "FluxModularPipeline"}))
    with pytest.raises(RepoError, match=re.escape("a save of another pipeline (FluxModularPipeline)")):
        of_sdxl(place)


def test_an_own_save_is_replaced_as_often_as_one_likes(tmp_path: Path) -> None:
    place = of_sdxl(tmp_path / "place")
    before = contents(place)
    assert contents(of_sdxl(place)) == before
    edited = pipe_of("sdxl.text2image")
    edited.blocks.sub_blocks.pop("decode")
    edited.save_pretrained(place)
    assert contents(place)["brickwork.json"] != before["brickwork.json"]


@pytest.mark.parametrize(
    "kept", [put(), put(README__md="by a person"), put(notes__txt="mine", config__json="[]"), put(config__json="{}")]
)
def test_what_lies_beside_a_save_stays(kept: Callable[[Path], Path], tmp_path: Path) -> None:
    place = kept(tmp_path / "place")
    before = contents(place)
    pipe_of().save_pretrained(place)
    assert contents(place).items() >= before.items()


@pytest.mark.parametrize(
    "save", [lambda at: pipe_of().save_pretrained(at), lambda at: pipe_of().blocks.save_pretrained(at)]
)
def test_a_file_in_the_place_of_the_folder_is_said(save: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "place").write_text("mine")
    with pytest.raises(RepoError, match="is a file, and a save makes a folder of several"):
        save(tmp_path / "place")
    assert (tmp_path / "place").read_text() == "mine"


@pytest.mark.parametrize("given", [3, None, ""])
def test_what_is_no_folder_is_said(given: object) -> None:
    for save in (pipe_of(), pipe_of().blocks, ClassifierFreeGuidance()):
        with pytest.raises(InputError, match=r"^save_directory is .*; it is a path, as text or a Path\.$"):
            save.save_pretrained(given)  # type: ignore[arg-type]


def test_a_workflow_replaces_a_workflow_and_nothing_else(tmp_path: Path) -> None:
    pipe = pipe_of()
    for text in ("", "brickwork: 1\nstart: sdxl.auto\n", '{"brickwork": 1}', "# mine\nbrickwork: 1\n"):
        (tmp_path / "flow.yaml").write_text(text)
        save_workflow(pipe, tmp_path / "flow.yaml")
        assert "ddpm" in (tmp_path / "flow.yaml").read_text()
    for text in ('{"name": "a package"}', "not-brickwork: 1\n", "x: brickwork\n"):
        (tmp_path / "flow.yaml").write_text(text)
        with pytest.raises(RepoError, match="is no workflow, and would be replaced by one"):
            save_workflow(pipe, tmp_path / "flow.yaml")
        assert (tmp_path / "flow.yaml").read_text() == text
    with pytest.raises(RepoError, match="is a folder; a workflow is a file"):
        save_workflow(pipe, tmp_path)
