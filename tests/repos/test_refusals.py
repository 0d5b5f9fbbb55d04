"""What repositories lack, or what is asked of them wrongly, is said with its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from block_repo import write
from hub_server import Hub

from brickwork import ComponentError, ComponentSpec, RepoError
from brickwork.registry import read_index
from brickwork.registry.loading import component_files
from brickwork.registry.lock import Lock
from brickwork.registry.repo import open_repo
from brickwork.registry.repo_code import class_of, import_code, read_sources
from brickwork.registry.strict_yaml import parse_yaml, read_yaml
from brickwork.registry.trust import Grant
from brickwork.state.strict_json import read_json


def test_a_folder_without_an_index_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(RepoError) as caught:
        read_index(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has neither modular_model_index.json nor model_index.json, so it is no pipeline repository."
    )


def test_a_class_that_nothing_loads_from_files_is_refused(tiny_folder: Path) -> None:
    spec = ComponentSpec("odd", int, repo=str(tiny_folder), subfolder="unet")
    with pytest.raises(ComponentError, match="int cannot be loaded from files; give it a config."):
        spec.load()


@pytest.mark.parametrize(
    ("subfolder", "words"), [("unet", "'unet'"), ("", "'its root'"), ("vae/deep", "'vae/deep'"), ("a", "'a'")]
)
def test_a_component_without_files_is_named_with_its_folder(
    subfolder: str, words: str, tmp_path: Path, hub: Hub
) -> None:
    files: dict[str, Any] = {
        "vae/config.json": {},
        "unet/readme.md": "words",
        "a/b/config.json": {},
        "vae/deep.json": {},
    }
    local = open_repo(write(tmp_path / "repo", files))
    with pytest.raises(ComponentError) as caught:
        component_files(local, subfolder, None)
    assert str(caught.value) == f"{local.name} has no files in {words}."
    commit = hub.add("you/models", {"vae/config.json": b"{}"})
    with pytest.raises(ComponentError) as caught:
        component_files(open_repo("you/models"), "unet", None)
    assert str(caught.value) == f"you/models at {commit} has no files in 'unet'."


def test_the_files_of_a_component_are_those_of_its_folder_and_variant(tmp_path: Path) -> None:
    names = ("config.json", "a.safetensors", "a.fp16.safetensors", "a.bin", "a.msgpack", "inner/b.json")
    repo = open_repo(write(tmp_path / "repo", {f"unet/{name}": "x" for name in names} | {"unetx/config.json": "x"}))
    assert set(component_files(repo, "unet", None)) == {"unet/config.json", "unet/a.safetensors"}
    assert set(component_files(repo, "unet", "fp16")) == {"unet/config.json", "unet/a.fp16.safetensors"}
    assert "unet/a.bin" in component_files(repo, "unet", None, safe=False)


def test_files_that_a_repository_lacks_are_named_together(hub: Hub) -> None:
    commit = hub.add("you/models", {"a.json": b"{}"})
    repo = open_repo("you/models")
    assert (repo.fetch(["b.json", "a.json"]) / "a.json").read_bytes() == b"{}"
    with pytest.raises(RepoError) as caught:
        repo.fetch(["b.json", "c.json"])
    assert str(caught.value) == f"you/models at {commit} has none of: b.json, c.json."


def test_a_name_that_the_hub_takes_for_none_is_refused(hub: Hub) -> None:
    with pytest.raises(RepoError, match=r"^'you/models\.git' is no name of a Hub repository: "):
        open_repo("you/models.git")


def test_code_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    repo = open_repo(write(tmp_path / "repo", {"a.py": "#" * 2_000_001}))
    with pytest.raises(RepoError, match=r"^a.py of .*repo has 2,000,001 bytes; code may have 2,000,000\.$"):
        read_sources(repo, ["a.py"])


def test_code_that_is_not_there_is_named(tmp_path: Path) -> None:
    repo = open_repo(write(tmp_path / "repo", {"a.json": {}}))
    with pytest.raises(RepoError, match=r"repo has no file b.py, which its code needs\.$"):
        read_sources(repo, ["b.py"])


SOURCE = "from pathlib import Path\n\nclass One:\n    class Inner:\n        pass\n\nclass Two:\n    pass\n\nthree = 3\n"


@pytest.mark.parametrize("name", ["three", "Four", "Path.x", "One.Outer"])
def test_a_class_that_code_lacks_is_named_with_those_that_it_has(name: str, tmp_path: Path, hub: Hub) -> None:
    repo = open_repo(write(tmp_path / "repo", {"a.py": SOURCE, "inner/b.py": "x = 1\n"}))
    package = import_code(repo, read_sources(repo, ["a.py", "inner/b.py"]), Grant(True, Lock.at(None)))
    assert class_of(package, "a.py", "One.Inner").__name__ == "Inner"
    with pytest.raises(RepoError) as caught:
        class_of(package, "a.py", name)
    assert str(caught.value).startswith(f"a.py of {repo.name}@")
    assert str(caught.value).endswith(f" has no class {name!r}; it has: One, Two.")
    with pytest.raises(RepoError, match=r"inner/b.py of .* has no class 'x'; it has: none\.$"):
        class_of(package, "inner/b.py", "x")


@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_a_file_that_cannot_be_opened_is_named(read: Any, tmp_path: Path) -> None:
    with pytest.raises(RepoError, match=rf"^{tmp_path}/none cannot be read: .*No such file"):
        read(tmp_path / "none")
    with pytest.raises(RepoError, match=rf"^{tmp_path} cannot be read: .*[Dd]irectory"):
        read(tmp_path)


def test_yaml_that_is_too_long_is_not_parsed() -> None:
    from brickwork.registry import strict_yaml

    with pytest.raises(
        RepoError, match=rf"^x.yaml has {strict_yaml.LARGEST + 1:,} bytes; at most {strict_yaml.LARGEST:,} are read"
    ):
        parse_yaml(b"a" * (strict_yaml.LARGEST + 1), "x.yaml")
