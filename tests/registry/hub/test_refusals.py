"""What repositories lack, or what is asked of them wrongly, is said with its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from block_repo import write
from hub_server import Hub

from brickwork import ComponentError, ComponentSpec, RepoError
from brickwork.registry import read_index
from brickwork.registry.hub.lock import Lock
from brickwork.registry.hub.repo import open_repo
from brickwork.registry.hub.repo_code import class_of, import_code, read_sources
from brickwork.registry.hub.strict_yaml import parse_yaml, read_yaml
from brickwork.registry.hub.trust import Grant
from brickwork.registry.loading.load import component_files
from brickwork.registry.pinning import pin
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
    repo = open_repo(write(tmp_path / "repo", {f"unet/{name}": "{}" for name in names} | {"unetx/config.json": "x"}))
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
    with pytest.raises(RepoError, match=r"repo/a.py has 2,000,001 bytes; at most 500,000 are read\.$"):
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
    with pytest.raises(RepoError, match=rf"^There is no file {tmp_path}/none\.$"):
        read(tmp_path / "none")
    with pytest.raises(RepoError, match=rf"^{tmp_path} is no ordinary file\.$"):
        read(tmp_path)


def test_yaml_that_is_too_long_is_not_parsed() -> None:
    from brickwork.registry.hub import strict_yaml

    with pytest.raises(
        RepoError, match=rf"^x.yaml has {strict_yaml.LARGEST + 1:,} bytes; at most {strict_yaml.LARGEST:,} are read"
    ):
        parse_yaml(b"a" * (strict_yaml.LARGEST + 1), "x.yaml")


def test_offline_each_branch_is_where_it_was_seen_last(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hub.add("you/models", {"a.json": b"1"})
    second = hub.repos["you/models"].commit({"a.json": b"2"}, "trial")
    assert [open_repo("you/models", name).commit for name in (None, "trial")] == [first, second]
    seen = len(hub.requests)
    assert [open_repo("you/models", name, local_files_only=True).commit for name in (None, "trial")] == [first, second]
    with pytest.raises(RepoError, match="other of it is not in the cache, and local_files_only forbids asking the Hub"):
        open_repo("you/models", "other", local_files_only=True)
    assert len(hub.requests) == seen


def test_what_code_needs_is_said_with_how_to_get_it(tmp_path: Path, hub: Hub) -> None:
    files = {
        "a.py": "import other\nclass A: ...\n",
        "other.py": "x = 1\n",
        "b.py": "import no_such.thing\nclass B: ...\n",
    }
    repo = open_repo(write(tmp_path / "repo", files))
    package = import_code(repo, read_sources(repo, ["a.py", "b.py", "other.py"]), Grant(True, Lock.at(None)))
    with pytest.raises(
        RepoError, match=r"a.py of .* To mend it, import it relatively \(from \.other import \.\.\.\)\.$"
    ):
        class_of(package, "a.py", "A")
    with pytest.raises(RepoError, match=r"b.py of .* To mend it, install 'no_such'\.$"):
        class_of(package, "b.py", "B")


def test_with_a_lock_a_component_is_of_the_commit_that_is_asked_for_and_then_of_that(
    tiny_folder: Path, tmp_path: Path, hub: Hub
) -> None:
    first = hub.add_folder("you/models", tiny_folder)
    hub.repos["you/models"].refs["trial"] = first
    second = hub.repos["you/models"].commit({"unet/notes.md": b"x"}, "trial")
    lock = Lock.at(tmp_path / "my.lock")
    for revision, expected in ((None, first), ("trial", second), (None, second)):
        spec = ComponentSpec(
            "unet", "diffusers:UNet2DConditionModel", repo="you/models", subfolder="unet", revision=revision
        )
        pin(spec, lock, {})
        assert spec.revision == expected
    hub.repos["you/models"].commit({"unet/more.md": b"y"})
    spec = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo="you/models", subfolder="unet")
    pin(spec, lock, {})
    assert spec.revision == second, "what the lock knows holds, wherever the branch is now"


def test_what_is_created_is_not_pinned(tmp_path: Path, hub: Hub) -> None:
    lock = Lock.at(tmp_path / "my.lock")
    pin(ComponentSpec("guider", repo="you/guiders", default_creation_method="from_config"), lock, {})
    pin(ComponentSpec("guider"), lock, {})
    assert not lock.path.exists()
    assert hub.requests == []
