"""`publish`: a dry run says all that would be refused, and shows the card as a terminal does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import invoke
from hub_server import Hub

import brickwork
from brickwork.app.cli.shared.card_text import card_text

TOKEN = "hf_" + "Abcdefghij" * 3 + "Abcd"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved pipeline without code of its own."""
    place = tmp_path_factory.mktemp("publish") / "saved"
    brickwork.embedded().save_pretrained(place)
    return place


@pytest.fixture
def littered(saved: Path) -> Path:
    """The same, with what people have in their folders beside it."""
    for name, text in {".git/config": "[core]", ".env": f"HF_TOKEN={TOKEN}", "notes.txt": "mine", "a/b/c.bin": "x"}.items():  # fmt: skip
        (saved / name).parent.mkdir(parents=True, exist_ok=True)
        (saved / name).write_text(text)
    if not (saved / "link").is_symlink():
        (saved / "link").symlink_to("/etc")
    return saved


def test_files_sizes_hashes_card_and_what_stays_are_said(hub: Hub, littered: Path) -> None:
    result = invoke("publish", littered, "me/saved", "--dry-run")
    assert (result.exit_code, hub.requests) == (0, [])
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert " files, " in result.stdout
    assert "README.md, the card of me/saved, looks like this:" in result.stdout
    assert "negative_pooled_prompt_embeds" in result.stdout, "names are whole"
    assert "These files of the folder would stay here: .env, .git/, a/b/c.bin, link, notes.txt." in result.stderr
    assert "The card states no licence; --license apache-2.0, or another one, does." in result.stderr
    assert "Nothing was sent." in result.stderr
    assert TOKEN not in result.output
    told = json.loads(invoke("publish", littered, "me/saved", "--dry-run", "--json", "--license", "mit").stdout)
    assert set(told) == {"repo", "files", "stay", "card", "faults"}
    assert (told["faults"], told["stay"]) == ([], [".env", ".git/", "a/b/c.bin", "link", "notes.txt"])
    assert 'license: "mit"' in told["card"]
    assert {len(file["sha256"]) for file in told["files"]} == {64}
    assert not {"notes.txt", ".env", "link"} & {file["name"] for file in told["files"]}


def test_all_that_would_be_refused_is_said_together(hub: Hub, saved: Path) -> None:
    kept = (saved / "README.md").read_text()
    (saved / "README.md").write_text(f"# Mine\n\nMade with {TOKEN}.\n")
    try:
        result = invoke("publish", saved, "me/sa--ved", "--dry-run", "--json")
        text = invoke("publish", saved, "me/sa--ved", "--dry-run")
        sent = invoke("publish", saved, "me/saved")
    finally:
        (saved / "README.md").write_text(kept)
    faults = json.loads(result.stdout)["faults"]
    assert result.exit_code == text.exit_code == 3
    assert ["is no name of a repository" in faults[0], "README.md seems to hold a token" in faults[1]] == [True, True]
    assert "me/sa--ved would be refused: 2 faults" in text.stderr
    assert "Nothing was sent." not in text.stderr
    assert "README.md seems to hold a token of the Hub" in sent.stderr
    assert hub.repos == {}
    assert TOKEN not in result.output + text.output + sent.output


def test_a_card_that_a_person_has_written_is_published(hub: Hub, saved: Path) -> None:
    kept = (saved / "README.md").read_text()
    (saved / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    try:
        shown = invoke("publish", saved, "me/saved", "--dry-run")
        result = invoke("publish", saved, "me/saved")
    finally:
        (saved / "README.md").write_text(kept)
    assert (result.exit_code, shown.exit_code) == (0, 0)
    assert hub.repos["me/saved"].files["README.md"] == b"---\nlicense: mit\n---\n# Mine\n"
    assert "states no licence" not in shown.stderr


def test_a_pipeline_that_cannot_be_saved_is_said_beside_a_name_that_is_none(hub: Hub) -> None:
    Path("a.yaml").write_text("brickwork: 1\nstart: sdxl.text2image\nrepo: embedded\nedits:\n  - remove: decod\n")
    faults = json.loads(invoke("publish", "a.yaml", "me/..", "--dry-run", "--json").stdout)["faults"]
    assert ("is no name of a repository" in faults[0], "decod" in faults[1]) == (True, True)


def test_a_card_is_text_without_comments_images_and_control_characters() -> None:
    card = "---\nlicense: mit\n---\n\n<!-- made by brickwork -->\n\n# A\x1b[31m\n\n![x](graph.svg)\n\n| a | b |\n| --- | --- |\n| n\\_m | `c` |\n"  # fmt: skip
    text = card_text(card)
    assert text.startswith("license: mit\n\n")
    assert "(image: graph.svg)" in text
    assert "n_m" in text
    assert not {"\x1b", "<!--", "\\_"} & {*text, text[:4]}
