"""The small files of a repository: each is read once, by its limits, and all parts speak of what was read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
from block_repo import hand_written, write

from brickwork import RepoError, SequentialPipelineBlocks, TrustError
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry import read_index
from brickwork.registry.hub import repo_code, repo_files
from brickwork.registry.hub.repo import Repo, open_repo
from brickwork.registry.hub.repo_files import RepoFiles
from brickwork.registry.index import index_of
from brickwork.saving.open_repository import open_repository
from brickwork.saving.repo_format import RepoFormat
from brickwork.state import strict_json

INDEX = {"_class_name": "X", "setting": 1}
OURS = {"brickwork": 1, "composition": {"block": "Decode"}, "own": "me/mine"}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was read, by its name."""
    found: Counter[str] = Counter()
    for module in (strict_json, repo_code):
        real = module.read_bytes

        def counted(path: Path, *limits: Any, real: Any = real) -> bytes:
            found[path.name] += 1
            return bytes(real(path, *limits))

        monkeypatch.setattr(module, "read_bytes", counted)
    return found


def test_a_repository_of_ours_is_opened_with_one_look_at_each_file(tmp_path: Path, reads: Counter[str]) -> None:
    SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline().save_pretrained(str(tmp_path))
    reads.clear()
    open_repository(str(tmp_path), False, tmp_path / "none.lock", None)
    assert reads == {"brickwork.json": 1, "modular_model_index.json": 1}


def test_a_repository_of_diffusers_is_opened_with_one_look_at_each_file(tmp_path: Path, reads: Counter[str]) -> None:
    folder = hand_written(tmp_path / "repo", tmp_path / "canary", **{"modular_model_index.json": INDEX})
    open_repository(str(folder), True, None, None)
    assert {name: count for name, count in reads.items() if (folder / name).is_file()} == {
        "modular_model_index.json": 1,
        "modular_config.json": 1,
        "block.py": 1,
    }


def test_what_was_read_stays_when_the_files_change(tmp_path: Path) -> None:
    folder = write(tmp_path, {"brickwork.json": OURS, "modular_model_index.json": INDEX, "a.py": "x = 1\n"})
    files = RepoFiles.read(open_repo(folder)).with_code(["a.py"])
    write(folder, {"brickwork.json": "{", "modular_model_index.json": "{", "a.py": "x = 2\n"})
    index, written = index_of(files), RepoFormat.of(files)
    assert index is not None
    assert written is not None
    assert (index.configs, written.own, files.code) == ({"setting": 1}, "me/mine", {"a.py": b"x = 1\n"})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        files.code = {}  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize("name", ["brickwork.json", "modular_model_index.json", "model_index.json", "config.json"])
@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1, "a": 2}', '{"a": ' + "[" * 60 + "]" * 60 + "}", b"\xff"])
def test_every_file_is_read_strictly(name: str, content: str | bytes, tmp_path: Path) -> None:
    folder = write(tmp_path, {name: content})
    with pytest.raises(RepoError, match=name):
        RepoFiles.read(open_repo(folder))


@pytest.mark.parametrize(
    "content", ["[]", "// of a trainer\n{}", "version https://git-lfs.github.com/spec/v1\n", b"\xff"]
)
def test_a_config_of_another_tool_beside_an_index_is_not_ours_to_read(content: str | bytes, tmp_path: Path) -> None:
    folder = write(tmp_path, {"model_index.json": INDEX, "config.json": content})
    files = RepoFiles.read(open_repo(folder))
    assert files.blocks_config is None
    assert files.index is not None


def test_a_damaged_config_that_names_blocks_is_not_passed_over(tmp_path: Path) -> None:
    damaged = '{"auto_map": {"ModularPipelineBlocks": "block.Mine"},}'
    folder = write(tmp_path, {"model_index.json": INDEX, "config.json": damaged})
    with pytest.raises(RepoError, match=r"config\.json cannot be read"):
        RepoFiles.read(open_repo(folder))


@pytest.mark.parametrize("name", ["brickwork.json", "modular_model_index.json", "modular_config.json"])
def test_a_link_out_of_the_repository_is_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere.json": INDEX, "repo/readme.md": ""})
    (tmp_path / "repo" / name).symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(TrustError, match="outside of its repository"):
        RepoFiles.read(open_repo(tmp_path / "repo"))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_bytes(b" " * (strict_json.LARGEST_JSON + 1))
    with pytest.raises(RepoError, match="at most 20,000,000 are read"):
        RepoFiles.read(open_repo(tmp_path))


def test_configurations_of_others_are_left_alone(tmp_path: Path) -> None:
    broken = {"config.json": "{", "modular_config.json": "{"}
    ours = RepoFiles.read(open_repo(write(tmp_path / "ours", {"brickwork.json": OURS, **broken})))
    assert ours.blocks_config is None
    assert read_index(write(tmp_path / "index", {"model_index.json": INDEX, **broken})).class_name == "X"
    named = hand_written(tmp_path / "named", tmp_path / "canary", **{"config.json": "{"})
    assert getattr(RepoFiles.read(open_repo(named)).blocks_config, "name", "") == "modular_config.json"


def test_the_modular_index_goes_first(tmp_path: Path) -> None:
    files = RepoFiles.read(open_repo(write(tmp_path, {"modular_model_index.json": INDEX, "model_index.json": {}})))
    assert files.index == repo_files.JsonFile("modular_model_index.json", INDEX)


def test_an_empty_index_is_one(tmp_path: Path) -> None:
    files = RepoFiles.read(open_repo(write(tmp_path, {"modular_model_index.json": {}, "model_index.json": INDEX})))
    index = index_of(files)
    assert index is not None
    assert index.configs == {}


def test_of_a_place_without_files_nothing_is_known() -> None:
    assert index_of(RepoFiles(Repo("x"))) is None
    assert RepoFormat.of(RepoFiles(Repo("x"))) is None
