"""What a text on the command line names."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickwork.app.cli.shared.targets import content_digest, target_of
from brickwork.state import RepoError


@pytest.mark.parametrize(
    ("text", "kind", "name", "revision"),
    [
        ("embedded", "embedded", "embedded", None),
        ("sdxl.text2image", "preset", "sdxl.text2image", None),
        ("me/model", "repo", "me/model", None),
        ("me/model@v2", "repo", "me/model", "v2"),
        ("a.yaml", "workflow", "a.yaml", None),
        ("a.YML", "workflow", "a.YML", None),
        ("a.png", "image", "a.png", None),
        ("a.json", "image", "a.json", None),
        ("folder", "folder", "folder", None),
        ("./embedded", "folder", "./embedded", None),
    ],
)
def test_a_target_is_known_by_its_name(text: str, kind: str, name: str, revision: str | None) -> None:
    for file in ("a.yaml", "a.YML", "a.png", "a.json"):
        Path(file).touch()
    Path("folder").mkdir()
    Path("embedded").mkdir()
    found = target_of(text)
    assert (found.text, found.kind, found.name, found.revision) == (text, kind, name, revision)


@pytest.mark.parametrize("text", ["none.yaml", "none.png", "none.json", "./none", "/none/there", "~/none"])
def test_a_file_or_folder_that_is_not_there_is_said(text: str) -> None:
    with pytest.raises(RepoError, match=f"There is no (file|folder) {text}"):
        target_of(text)


def test_another_file_is_refused_with_what_there_may_be() -> None:
    Path("notes.txt").touch()
    with pytest.raises(RepoError, match=r"notes.txt is no workflow file \(.yaml\), image"):
        target_of("notes.txt")


def test_a_digest_changes_with_what_decides() -> None:
    folder = Path("folder")
    folder.mkdir()
    (folder / "index.json").write_text("{}")
    (folder / "weights.safetensors").write_text("1")
    before = content_digest(target_of("folder"))
    (folder / "weights.safetensors").write_text("2")
    assert content_digest(target_of("folder")) == before
    (folder / "block.py").write_text("x = 1")
    after = content_digest(target_of("folder"))
    assert after != before
    (folder / "index.json").write_text("[]")
    assert content_digest(target_of("folder")) != after

    Path("a.yaml").write_text("start: sdxl.text2image")
    one = content_digest(target_of("a.yaml"))
    Path("a.yaml").write_text("start: sdxl.auto")
    assert content_digest(target_of("a.yaml")) != one


def test_a_branch_of_the_hub_moves_and_a_commit_does_not() -> None:
    assert content_digest(target_of("me/model")) is None
    assert content_digest(target_of("me/model@main")) is None
    assert content_digest(target_of(f"me/model@{'0a' * 20}")) is not None
    assert content_digest(target_of(f"me/model@{'0a' * 20}")) != content_digest(target_of(f"me/model@{'0b' * 20}"))
