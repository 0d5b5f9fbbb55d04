"""`publish` to a folder: what the Hub would be sent lies there, and opens from another script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import invoke
from hub_server import Hub

import brickwork
from brickwork.app.cli.shared.new_names import new_names
from brickwork.app.cli.shared.published_folder import folder_of
from brickwork.app.cli.shared.templates import made_files, write_folder

TOKEN = "hf_" + "Abcdefghij" * 3 + "Abcd"
SCRIPT = """
import brickwork

pipe = brickwork.from_pretrained("./mine", trust_remote_code=True).load_components()
pipe.configure(progress=False)
brickwork.save(pipe(prompt="a red apple", num_inference_steps=1, seed=1, output="images")[0], "theirs.png")
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved pipeline without code of its own."""
    place = tmp_path_factory.mktemp("publish") / "saved"
    brickwork.embedded().save_pretrained(place)
    return place


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.usefixtures("hub")
def test_a_workflow_with_a_block_of_ones_own_is_written_and_opened_by_another_script() -> None:
    write_folder(Path("soft_light"), made_files("repo", new_names("soft_light")))
    words = ("soft_light/soft_light.yaml", "./mine", "--blocks", "soft_light", "--license", "mit")
    shown = invoke("publish", *words, "--dry-run", "--json")
    told = json.loads(shown.stdout)
    assert (shown.exit_code, told["folder"], told["faults"], Path("mine").exists()) == (0, "mine", [], False)
    result = invoke("publish", *words)
    assert (result.exit_code, result.stdout) == (0, "mine\n"), result.stderr
    there = files_of(Path("mine"))
    assert {each["name"]: each["bytes"] for each in told["files"]} == {name: len(text) for name, text in there.items()}
    assert {"soft_light.py", "brickwork.json", "README.md", "unet/diffusion_pytorch_model.safetensors"} <= set(there)
    assert b"license: " in there["README.md"]
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        # As many threads as here: more of them round otherwise.
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    mine = ("--prompt", "a red apple", "--num-inference-steps", "1", "--seed", "1", "-o", "mine.png")
    assert invoke("run", words[0], *words[2:4], *mine).exit_code == 0
    from PIL import Image

    assert Image.open("theirs.png").tobytes() == Image.open("mine.png").tobytes()
    again = invoke("publish", *words, "--json")
    assert (again.exit_code, json.loads(again.stdout)) == (0, {"folder": "mine"}), "one of ours is written anew"
    assert set(files_of(Path("mine"))) == set(there)


def test_the_files_are_those_that_the_hub_is_sent(hub: Hub, saved: Path) -> None:
    assert invoke("publish", saved, "./mine").exit_code == 0
    assert hub.requests == []
    assert invoke("publish", saved, "me/mine").exit_code == 0
    there, sent = files_of(Path("mine")), hub.repos["me/mine"].files
    sent = {name: text for name, text in sent.items() if name != ".gitattributes"}
    assert set(there) == set(sent)
    differ = {name for name in there if there[name] != sent[name]}
    assert differ == {"README.md", "brickwork.json", "modular_model_index.json"}, "the name alone differs"
    for name in differ:
        assert there[name].decode().replace("me/mine", "mine") == sent[name].decode().replace("me/mine", "mine"), name


def test_a_folder_with_something_else_is_refused_and_stays_as_it_was(saved: Path) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    for words in ((), ("--dry-run",)):
        result = invoke("publish", saved, "mine", *words)
        assert result.exit_code == 3
        assert "mine is not empty, and of no save of brickwork: notes.txt." in " ".join(result.stderr.split())
    assert files_of(Path("mine")) == {"notes.txt": b"mine"}
    Path("a.txt").write_text("")
    assert "./a.txt" not in invoke("publish", saved, "./a.txt").stdout
    assert "a.txt is a file" in invoke("publish", saved, "./a.txt").stderr
    assert "is the folder that is published" in invoke("publish", saved, saved).stderr


def test_the_save_of_another_pipeline_is_not_replaced(saved: Path) -> None:
    Path("mine").mkdir()
    Path("mine/brickwork.json").write_text("{}")
    Path("mine/modular_model_index.json").write_text('{"_class_name": "FluxModularPipeline"}')
    for words in ((), ("--dry-run",)):
        result = invoke("publish", saved, "./mine", *words)
        assert result.exit_code == 3
        assert "mine is a save of another pipeline (FluxModularPipeline)" in " ".join(result.stderr.split())
    assert len(files_of(Path("mine"))) == 2


def test_what_the_hub_would_not_be_sent_is_not_written(saved: Path) -> None:
    kept = (saved / "README.md").read_text()
    try:
        (saved / "README.md").write_text(f"Made with {TOKEN}.\n")
        refused = invoke("publish", saved, "./mine")
        (saved / "README.md").write_text("# Mine\n")
        taken = invoke("publish", saved, "./mine")
    finally:
        (saved / "README.md").write_text(kept)
    assert (refused.exit_code, TOKEN in refused.output) == (3, False)
    assert "README.md seems to hold a token of the Hub" in refused.stderr
    assert (taken.exit_code, Path("mine/README.md").read_text()) == (0, "# Mine\n")


def test_options_of_a_repository_are_refused_for_a_folder(saved: Path) -> None:
    result = invoke("publish", saved, "./mine", "--private", "--pull-request")
    assert (result.exit_code, Path("mine").exists()) == (2, False)
    assert "--private, --pull-request are for a repository on the Hub, and this goes to a folder." in result.stderr


def test_what_is_a_folder_is_decided_by_how_it_begins_or_that_it_is_there(tmp_path: Path) -> None:
    assert [folder_of(text) for text in ("me/mine", "mine")] == [None, None]
    Path("me").mkdir()
    assert [folder_of(text) for text in ("./mine", "../mine", "me")] == [Path("mine"), Path("../mine"), Path("me")]
    assert folder_of("~/mine") == Path.home() / "mine"
    assert folder_of(str(tmp_path / "mine")) == tmp_path / "mine"
    assert folder_of(".") == Path.cwd()
