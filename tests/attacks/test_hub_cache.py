"""A cache of the Hub that somebody has changed: what is loaded is what the Hub holds, or the load is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from block_repo import BLOCK, hand_written
from canary import Canary
from hub_server import Hub, git_digest

from brickwork import ModularPipelineBlocks, RepoError, TrustError
from brickwork.registry import ComponentSpec
from brickwork.registry.hub.lock import Lock
from brickwork.registry.hub.repo import open_repo

open_blocks = ModularPipelineBlocks.from_pretrained
UNET = "diffusers:UNet2DConditionModel"


def cache_of(name: str = "you/blocks") -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"


@pytest.fixture
def granted(canary: Canary, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository of blocks that was opened once, with a grant; returns its commit."""
    folder = hand_written(tmp_path / "source", tmp_path / "ran-with-a-grant")
    commit = hub.add_folder("you/blocks", folder)
    open_blocks("you/blocks", trust_remote_code=True)
    return commit


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process."""
    from brickwork.registry.hub import repo, verified

    monkeypatch.setattr(repo, "_listings", {})
    verified._known_or_read.cache_clear()


def evil(canary: Canary) -> bytes:
    return BLOCK.format(canary=str(canary.ran), factor=3).encode()


def _replace(place: Path, data: bytes) -> None:
    place.unlink()
    place.write_bytes(data)


def _relink(place: Path, canary: Canary, name: str | None = None) -> None:
    """Let a file of a snapshot be another blob, which is under its true digest unless a name is given."""
    blob = place.parent.parent.parent / "blobs" / (name or git_digest(evil(canary)))
    blob.write_bytes(evil(canary))
    place.unlink()
    place.symlink_to(Path("../../blobs") / blob.name)


def _move_snapshot(snapshot: Path, canary: Canary) -> None:
    """Let a whole snapshot be a folder elsewhere, in a cache of its own."""
    other = canary.inside / "models--you--blocks" / "snapshots" / snapshot.name
    (other.parent.parent / "blobs").mkdir(parents=True)
    shutil.copytree(snapshot, other, symlinks=False)
    (other / "block.py").unlink()
    blob = other.parent.parent / "blobs" / git_digest(evil(canary))
    blob.write_bytes(evil(canary))
    (other / "block.py").symlink_to(blob)
    shutil.rmtree(snapshot)
    snapshot.symlink_to(other)


TAMPERED: dict[str, Callable[[Path, Canary], None]] = {
    "a copy instead of a link": lambda s, c: _replace(s / "block.py", evil(c)),
    "another blob": lambda s, c: _relink(s / "block.py", c),
    "a blob under no digest": lambda s, c: _relink(s / "block.py", c, "block"),
    "a blob under a wrong digest": lambda s, c: _relink(s / "block.py", c, "0" * 40),
    "a blob under a wrong long digest": lambda s, c: _relink(s / "block.py", c, "0" * 64),
    "the blob itself": lambda s, c: (s / "block.py").resolve().write_bytes(evil(c)),
    "the whole snapshot": _move_snapshot,
}


@pytest.mark.parametrize("online", [True, False], ids=["online", "offline"])
@pytest.mark.parametrize("place", TAMPERED)
def test_code_that_was_changed_in_the_cache_does_not_run(
    place: str, online: bool, canary: Canary, hub: Hub, granted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TAMPERED[place](cache_of() / "snapshots" / granted, canary)
    forget(monkeypatch)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", not online)
    for grant in (True, granted):
        try:
            found = open_blocks("you/blocks", trust_remote_code=grant).init_pipeline()(x=21, output="y")
        except (RepoError, TrustError):
            assert not canary.ran.exists()
        else:
            assert found == 42, "the Hub's file was loaded instead"
            assert online


@pytest.mark.parametrize(
    "place", ["a copy instead of a link", "a blob under no digest", "the blob itself", "the whole snapshot"]
)
def test_without_the_hubs_list_only_links_to_digests_count(
    place: str, canary: Canary, hub: Hub, granted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TAMPERED[place](cache_of() / "snapshots" / granted, canary)
    shutil.rmtree(Path(os.environ["BRICKWORK_HOME"]) / "listings")
    forget(monkeypatch)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    canary.refused(lambda: open_blocks("you/blocks", trust_remote_code=granted))


def test_a_cache_that_was_copied_without_links_is_compared_with_the_hubs_list(
    canary: Canary, hub: Hub, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_folder("you/models", tiny_folder)
    spec = ComponentSpec("unet", UNET, repo="you/models", subfolder="unet")
    spec.load()
    shutil.copytree(cache_of("you/models").parent, tmp_path / "copied")
    shutil.rmtree(tmp_path / "copied" / "models--you--models" / "blobs")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    forget(monkeypatch)
    assert spec.load(cache_dir=str(tmp_path / "copied")).config.in_channels == 4
    for name in ("config.json", "diffusion_pytorch_model.safetensors"):
        (place,) = (tmp_path / "copied" / "models--you--models" / "snapshots").glob(f"*/unet/{name}")
        before = place.read_bytes()
        place.write_bytes(before[:-2] + b"\n}" if name.endswith("json") else before[:-1] + b"\x01")
        forget(monkeypatch)
        said = canary.refused(lambda: spec.load(cache_dir=str(tmp_path / "copied")))
        assert f"unet/{name} of you/models" in said
        assert "is not what the Hub says it is" in said
        place.write_bytes(before)
    shutil.rmtree(Path(os.environ["BRICKWORK_HOME"]) / "listings")
    assert "it is a copy, and no link" in canary.refused(lambda: spec.load(cache_dir=str(tmp_path / "copied")))


def test_a_file_that_keeps_its_size_and_time_is_read_again(
    canary: Canary, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("you/large", {"x.safetensors": bytes(5_000_000)})
    repo = open_repo("you/large")
    path = repo.file("x.safetensors")
    assert path is not None
    blob = path.resolve()
    stat = blob.stat()
    blob.write_bytes(b"\1" * 5_000_000)
    os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    canary.refused(lambda: repo.file("x.safetensors"))


@pytest.mark.parametrize("sha", ["../../outside/x", "main", "0" * 39, "0" * 40 + "/../x"])
def test_a_commit_that_the_hub_names_is_one(sha: str, canary: Canary, hub: Hub) -> None:
    hub.add("you/odd", {"x.txt": b"x"})
    hub.repos["you/odd"].trees[sha] = hub.repos["you/odd"].files
    hub.repos["you/odd"].refs["main"] = sha
    assert "which is no commit" in canary.refused(lambda: open_repo("you/odd"))


@pytest.mark.parametrize("text", ["../../../outside", "x", "0" * 41, "main"])
def test_a_note_of_a_branch_that_names_no_commit_is_none(text: str, canary: Canary, hub: Hub, granted: str) -> None:
    (cache_of() / "refs" / "main").write_text(text)
    canary.refused(lambda: open_blocks("you/blocks", local_files_only=True, trust_remote_code=True))


# What the lock knows


@pytest.mark.parametrize("grant", ["True", "commit", "digest", "trust"])
def test_a_commit_that_the_lock_knows_with_other_code_is_refused_whatever_is_granted(
    grant: str, canary: Canary, hub: Hub, granted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that serves other files under the same commit, with a list that fits them."""
    from brickwork import Trust
    from brickwork.registry.hub.trust import code_digest

    hub.repos["you/blocks"].trees[granted]["block.py"] = evil(canary)
    shutil.rmtree(cache_of())
    shutil.rmtree(Path(os.environ["BRICKWORK_HOME"]) / "listings")
    forget(monkeypatch)
    digest = code_digest({"block.py": hashlib.sha256(evil(canary)).hexdigest()})
    grants: dict[str, Any] = {
        "True": True,
        "commit": granted,
        "digest": digest,
        "trust": Trust(code={"you/blocks": granted}),
    }
    said = canary.refused(lambda: open_blocks("you/blocks", trust_remote_code=grants[grant], revision=granted))
    assert f"block.py of you/blocks is not what it was when it was granted, at the very same commit {granted}" in said


def test_more_code_of_a_commit_that_was_granted_is_recorded_beside_it(hub: Hub, granted: str, tmp_path: Path) -> None:
    from brickwork.registry.hub.trust import Grant

    lock = Lock.at(None)
    Grant(True, lock).check(open_repo("you/blocks"), {"more.py": b"x = 1\n"})
    entry = lock.of("you/blocks")
    assert entry is not None
    assert set(entry.code) == {"block.py", "more.py"}


@pytest.mark.parametrize("name", ["You/Blocks", "YOU/blocks"])
def test_a_name_in_another_case_is_the_same_repository_to_a_lock(
    name: str, canary: Canary, hub: Hub, granted: str, tmp_path: Path
) -> None:
    hub.repos[name] = hub.repos["you/blocks"]
    hub.repos["you/blocks"].commit({"block.py": evil(canary)})
    said = canary.refused(lambda: open_blocks(name, trust_remote_code=True))
    assert "changed since it was granted" in said
    lock = tmp_path / "my.lock"
    lock.write_text(json.dumps({"brickwork_lock": 1, "repos": {"you/Blocks": {"commit": granted}}}))
    assert open_blocks(name, trust_remote_code=granted, lock=lock).init_pipeline()(x=1, output="y") == 2


def test_a_lock_with_a_repository_in_two_spellings_is_refused(
    canary: Canary, hub: Hub, granted: str, tmp_path: Path
) -> None:
    lock = tmp_path / "my.lock"
    lock.write_text(json.dumps({"brickwork_lock": 1, "repos": {"you/blocks": {}, "You/blocks": {"commit": granted}}}))
    said = canary.refused(lambda: open_blocks("you/blocks", trust_remote_code=True, lock=lock))
    assert "'you/blocks' and 'You/blocks', which are one repository" in said


@pytest.mark.parametrize("digest", ["../../outside/secret", "/etc/passwd", "0" * 64 + "/../x", ""])
def test_a_lock_names_no_files_of_sources(digest: str, canary: Canary, hub: Hub, granted: str, tmp_path: Path) -> None:
    (canary.outside / "secret.py").write_text("x = 1")
    lock = canary.inside / "my.lock"
    lock.write_text(json.dumps({"brickwork_lock": 1, "repos": {"you/blocks": {"code": {"block.py": digest}}}}))
    canary.refused(lambda: open_blocks("you/blocks", trust_remote_code=True, lock=lock))
