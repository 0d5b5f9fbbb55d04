"""`edit`, `publish`, `lock` and `trust`: what changes workflow files, and what goes to others and comes from them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from cli_runner import invoke
from hub_server import Hub
from installed_package import install

import brickwork
from brickwork.app.cli.edit import with_edit
from brickwork.state import InputError

WARM = """# of warm images
brickwork: 1
start: sdxl.text2image  # a preset
edits:
  # first
  - options: denoise.denoiser
    set: {batching: sequential}

# from here
repo: embedded
"""


SAME = """
from brickwork import Block, Outputs
from brickwork.state.vocabulary import Images


class Same(Block):
    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=images)
"""


def test_an_edit_is_shown_and_written_with_w_and_comments_stay() -> None:
    Path("warm.yaml").write_text(WARM)
    shown = invoke("edit", "warm.yaml", "replace", "decode", "Decode")
    assert (shown.exit_code, shown.stderr) == (0, "Nothing was written; -w does.\n")
    assert [line for line in shown.stdout.splitlines() if line[:1] in "+-"][2:] == [
        "+  - replace: decode",
        "+    with: Decode",
    ]
    assert Path("warm.yaml").read_text() == WARM
    assert invoke("edit", "warm.yaml", "replace", "decode", "Decode", "-w").exit_code == 0
    assert Path("warm.yaml").read_text() == WARM.replace(
        "    set: {batching: sequential}\n", "    set: {batching: sequential}\n  - replace: decode\n    with: Decode\n"
    )
    assert sorted(path.name for path in Path().iterdir()) == ["warm.yaml"]
    options = invoke("edit", "warm.yaml", "options", "denoise.denoiser", "--set", "batching=auto", "-w")
    assert options.exit_code == 0
    assert brickwork.load_workflow("warm.yaml").blocks["denoise.denoiser"].options["batching"] == "auto"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replace", "decod", "Decode"), "decod"),
        (("replace", "decode", "Decod"), "Did you mean 'Decode'?"),
        (("replace", "decode"), "It is: brickwork edit FILE replace PATH BLOCK"),
        (("replace", "decode", "Decode", "--after", "x"), "It is: brickwork edit FILE replace"),
        (("insert", "x", "Decode"), "It is: brickwork edit FILE insert NAME BLOCK --after PATH (or --before PATH)"),
        (("insert", "x", "Decode", "--after", "a", "--before", "b"), "It is: brickwork edit FILE insert"),
        (("insert", "x", "--after", "a"), "It is: brickwork edit FILE insert"),
        (("remove", "decode", "Decode"), "It is: brickwork edit FILE remove PATH"),
        (("remove", "decode", "--before", "x"), "It is: brickwork edit FILE remove PATH"),
        (("remove", "decode", "--set", "a=1"), "It is: brickwork edit FILE remove PATH"),
        (("options", "decode"), "It is: brickwork edit FILE options PATH --set OPTION=VALUE"),
        (("options", "decode", "Decode", "--set", "a=1"), "It is: brickwork edit FILE options"),
        (("options", "decode", "--after", "x", "--set", "a=1"), "It is: brickwork edit FILE options"),
        (("options", "denoise.denoiser", "--set", "batchin=1"), "batching"),
        (("rename", "x"), "'rename' is not one of"),
    ],
)
def test_an_edit_that_does_not_fit_writes_nothing(words: tuple[str, ...], said: str) -> None:
    Path("warm.yaml").write_text(WARM)
    result = invoke("edit", "warm.yaml", *words, "-w")
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (2, True)
    assert Path("warm.yaml").read_text() == WARM
    assert sorted(path.name for path in Path().iterdir()) == ["warm.yaml"]


def test_a_file_without_edits_gets_some_and_one_in_one_line_is_refused() -> None:
    edit = {"remove": "decode"}
    assert with_edit("brickwork: 1\nstart: a", edit, "a.yaml") == "brickwork: 1\nstart: a\nedits:\n- remove: decode\n"
    with pytest.raises(InputError, match=r"The edits of a.yaml stand in one line"):
        with_edit("brickwork: 1\nedits: [{remove: x}]\n", edit, "a.yaml")
    with pytest.raises(InputError, match=r"a.yaml stands in one line"):
        with_edit("{brickwork: 1, start: a}", edit, "a.yaml")
    last = "edits:\n- remove: x\n"
    assert with_edit(last, edit, "a.yaml") == "edits:\n- remove: x\n- remove: decode\n"


def save(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save a pipeline that brings a block of its own, whose module is not there any more."""
    modules = folder.parent / "modules"
    modules.mkdir(exist_ok=True)
    (modules / "same_block_of_cli.py").write_text(code)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(modules)
        spec = importlib.util.spec_from_file_location("same_block_of_cli", modules / "same_block_of_cli.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "same_block_of_cli", module)
        spec.loader.exec_module(module)
        pipe = brickwork.embedded()
        pipe.blocks.insert_after("decode", "same", module.Same)
        pipe.save_pretrained(folder)


TWO = ("--prompt", "a cat", "--num-inference-steps", "1", "--seed", "1", "-o", "a.png")


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with code of its own, in a home in which nothing was granted."""
    save(tmp_path / "saved", SAME, monkeypatch)
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    return tmp_path / "saved"


def test_a_dry_run_of_a_folder_with_code_reads_what_it_can_and_says_why_more_needs_the_code_to_run(saved: Path) -> None:
    (saved / "notes.exe").write_text("x")
    found = invoke("publish", saved, "me/saved", "--dry-run")
    assert found.exit_code == 4
    assert "same_block_of_cli.py" in found.stdout
    assert "README.md, the card of me/saved, looks like this:" in found.stdout
    assert "Would be refused: notes.exe is of no kind that is published" in found.stderr
    assert "Nothing was sent, and nothing of its code was run." in found.stderr
    assert f"brickwork trust grant {saved}" in found.stderr
    assert "was found by reading alone" in found.stderr
    told = invoke("publish", saved, "me/saved", "--dry-run", "--json")
    assert (told.exit_code, f"brickwork trust grant {saved}" in json.loads(told.stdout)["refused"]) == (4, True)


def test_code_of_a_folder_runs_once_it_is_granted_and_no_more_when_it_changed(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = invoke("run", saved, *TWO)
    assert (refused.exit_code, "brings code of its own" in refused.stderr) == (4, True)
    granted = invoke("trust", "grant", saved)
    assert granted.stdout.startswith(f"Granted: {saved} at its present state\n")
    assert invoke("run", saved, *TWO).stdout == "a.png\n"
    (entry,) = json.loads(invoke("trust", "list", "--json").stdout)
    assert list(entry["code"]) == ["same_block_of_cli.py"]
    assert str(saved) in invoke("trust", "list").stdout
    save(saved, f"{SAME}\n# more\n", monkeypatch)
    changed = invoke("run", saved, *TWO)
    assert changed.exit_code == 4
    assert "+# more" in changed.stderr
    assert invoke("trust", "revoke", saved).exit_code == 0
    assert invoke("trust", "list").stdout == "Nothing was granted.\n"
    assert invoke("run", saved, *TWO).exit_code == 4


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved pipeline without code of its own."""
    place = tmp_path_factory.mktemp("plain") / "plain"
    brickwork.embedded().save_pretrained(place)
    return place


def test_a_dry_run_of_publishing_says_files_and_card_and_sends_nothing(hub: Hub, plain: Path) -> None:
    result = invoke("publish", plain, "me/plain", "--dry-run", "--json")
    found = json.loads(result.stdout)
    names = {file["name"] for file in found["files"]}
    assert {
        "brickwork.json",
        "modular_model_index.json",
        "README.md",
        "unet/diffusion_pytorch_model.safetensors",
    } <= names
    assert found["card"].startswith("---\n")
    assert hub.repos == {}
    assert "asks nobody who you are" in invoke("publish", plain, "plain", "--dry-run").stderr
    assert invoke("publish", "embedded", "me/plain").exit_code == 2


def test_what_is_published_is_locked_and_runs_by_the_lock(hub: Hub, plain: Path) -> None:
    result = invoke("publish", plain, "me/plain", "--json")
    assert (result.exit_code, "me/plain" in json.loads(result.stdout)["address"]) == (0, True)
    locked = json.loads(invoke("lock", "me/plain", "-o", "my.lock", "--json").stdout)
    assert [entry["repo"] for entry in locked] == ["me/plain"]
    assert len(locked[0]["commit"]) == 40
    assert locked[0]["files"]
    assert invoke("run", "me/plain", "--lock", "my.lock", *TWO).stdout == "a.png\n"
    assert invoke("lock", "embedded").exit_code == 2
    assert "--lock is for folders" in invoke("run", "embedded", "--lock", "my.lock", *TWO).stderr


FITS_NOT = "[brickwork.api]\n99 = far_of_tests\n[brickwork.blocks]\nfar = far_of_tests:Far\n"


def test_packages_that_do_not_fit_are_said_and_keep_nothing_from_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    install(site, "far-ahead", "2.0", FITS_NOT, ("no-such-package>=1",), {"far_of_tests.py": "raise SystemExit"})
    near = (
        "[brickwork.api]\n1 = near_of_tests\n[brickwork.blocks]\nnear = near_of_tests:Same\nbad = near_of_tests:Bad\n"
    )
    install(site, "near-by", "1.0", near, modules={"near_of_tests.py": SAME})
    monkeypatch.syspath_prepend(str(site))
    report = invoke("doctor", "--json")
    said = {each["name"]: (each["said"], each["ok"]) for each in json.loads(report.stdout)}
    assert report.exit_code == 1
    assert said["near-by 1.0"] == ("2 blocks, for API 1", True)
    words, ok = said["far-ahead 2.0"]
    assert (words.startswith("1 block, for API 99; it was written for API 99"), ok) == (True, False)
    assert "no-such-package >=1 is not installed: pip install 'no-such-package>=1'." in words
    listed = invoke("blocks", "list", "of ")
    assert listed.exit_code == 0
    assert "of near-by 1.0" in listed.stdout
    assert "of far-ahead 2.0, which cannot be used" in listed.stdout
    assert "far-ahead 2.0 cannot be used: it was written for API 99" in listed.stderr
    found = invoke("blocks", "where", "images")
    assert (found.exit_code, "near-by/near" in found.stdout) == (0, True)
    assert "near-by/bad cannot be imported from near_of_tests:Bad: AttributeError" in found.stderr
    shown = invoke("blocks", "show", "far-ahead/far")
    assert (shown.exit_code, "Installed packages do not fit: 2 faults" in shown.stderr) == (2, True)
    assert invoke("blocks", "show", "near-by/near").exit_code == 0


def test_a_package_that_says_no_api_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", "mute", entry_points="[brickwork.presets]\nsoft = json:dumps\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    said = {each["name"]: each for each in json.loads(invoke("doctor", "--json").stdout)}
    assert said["mute 1.0"]["said"] == "1 preset, says no API that it was written for"
    assert said["mute 1.0"]["ok"] is True


def test_an_image_of_a_repository_with_code_is_replayed_with_its_blocks(saved: Path) -> None:
    assert f"then grant it: brickwork trust grant {saved}." in invoke("run", saved, *TWO).stderr
    assert invoke("trust", "grant", saved).exit_code == 0
    assert invoke("run", saved, *TWO).exit_code == 0
    lacking = invoke("replay", "a.png")
    assert (lacking.exit_code, "--blocks FOLDER, a folder with its code" in lacking.stderr) == (2, True)
    found = invoke("replay", "a.png", "--blocks", saved, "--components", saved)
    assert (found.exit_code, found.stderr) == (0, "The same, to the byte.\n")
