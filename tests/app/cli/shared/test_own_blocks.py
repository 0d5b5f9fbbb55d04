"""`--blocks FOLDER`: code of a folder runs because a command line says so, and what a new repository's README says runs as it stands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_runner import events, invoke

from brickwork.app.cli.shared.new_names import new_names
from brickwork.app.cli.shared.own_blocks import named_blocks, own_blocks_of
from brickwork.app.cli.shared.templates import made_files, next_lines, write_folder
from brickwork.state import CompositionError, InputError

NAME = "soft_light"
BLOCK = "SoftLight"
STEPS = ("--num-inference-steps", "1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder as `brickwork new repo` makes it, in which the command line is typed; nothing of it is installed."""
    write_folder(tmp_path / NAME, made_files("repo", new_names(NAME)))
    monkeypatch.chdir(tmp_path / NAME)
    path = list(sys.path)
    yield tmp_path / NAME
    sys.path[:] = path
    sys.modules.pop(NAME, None)


def test_every_line_of_a_new_repository_runs(project: Path) -> None:
    text = (project / "README.md").read_text()
    lines = [shlex.split(line) for line in next_lines(text) if line.startswith("brickwork ")]
    assert [words[1] for words in lines] == ["run", "publish"]
    for words in lines:
        more = STEPS if words[1] == "run" else ()
        result = invoke(*words[1:], *more)
        assert (result.exit_code, result.exception) == (0, None), result.stderr
    assert "soft_light.py" in result.stdout, "the code goes along"
    (check,) = [line for line in text.split("`") if line.startswith("brickwork check")]
    assert invoke(*shlex.split(check)[1:]).exit_code == 0


def test_without_it_the_error_names_the_option_and_the_folder_and_nothing_else_is_said(project: Path) -> None:
    result = invoke("run", "soft_light.yaml", *STEPS)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "line 8, column 5: No block is named 'soft_light:SoftLight'." in result.stderr
    assert result.stderr.rstrip().endswith("--blocks . says where its code is, and that it may run.")
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_of_a_module_that_python_finds_elsewhere_the_error_names_the_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b").mkdir()
    (project / "soft_light.py").rename(tmp_path / "a b" / "soft_light.py")
    assert (
        invoke("check", "soft_light.yaml")
        .stderr.rstrip()
        .endswith("--blocks FOLDER says where its code is, and that it may run.")
    )
    monkeypatch.syspath_prepend(tmp_path / "a b")
    result = invoke("check", "soft_light.yaml")
    assert result.stderr.rstrip().endswith(f"--blocks '{tmp_path}/a b' says where its code is, and that it may run.")
    assert NAME not in sys.modules, "nothing was imported to find it"
    assert invoke("check", "soft_light.yaml", "--blocks", str(tmp_path / "a b")).exit_code == 0


@pytest.mark.parametrize("module", ["os", "torch", "brickwork"])
def test_of_a_library_no_folder_is_named(project: Path, module: str) -> None:
    text = Path("soft_light.yaml").read_text().replace("soft_light:", f"{module}:")
    Path("soft_light.yaml").write_text(text)
    assert (
        invoke("check", "soft_light.yaml")
        .stderr.rstrip()
        .endswith("--blocks FOLDER says where its code is, and that it may run.")
    )


def test_an_image_is_replayed_and_drawn_again_with_the_folder(project: Path) -> None:
    assert invoke("run", "soft_light.yaml", "--blocks", ".", *STEPS, "-o", "a.png").exit_code == 0
    assert (lacking := invoke("replay", "a.png")).exit_code == 2
    assert "--blocks FOLDER, a folder with its code" in lacking.stderr
    found = invoke("replay", "a.png", "--blocks", ".")
    assert (found.exit_code, found.stderr) == (0, "The same, to the byte.\n")
    again = invoke("run", "a.png", "--blocks=.", "--softness", "0.9", "-o", "b.png")
    assert (again.exit_code, again.stdout) == (0, "b.png\n")
    assert Path("a.png").read_bytes() != Path("b.png").read_bytes()


def test_inputs_of_the_block_are_options_and_change_with_its_code(project: Path) -> None:
    words = ("run", "soft_light.yaml", "--blocks", ".", "--help")
    assert "--softness" in invoke(*words).stdout
    code = Path("soft_light.py").read_text()
    Path("soft_light.py").write_text(code.replace("softness", "gentleness"))
    del sys.modules[NAME]
    assert "--gentleness" in invoke(*words).stdout, "nothing is kept of what a person works at"


def test_names_of_blocks_are_found_wherever_they_stand() -> None:
    edits = [{"insert": "x", "block": "a:A"}, {"replace": "y", "with": "b:B"}, {"remove": "block"}]
    whole = {"block": "Sequence", "blocks": {"one": {"block": "c:C"}}}
    assert list(named_blocks({"edits": edits, "composition": whole})) == ["a:A", "b:B", "Sequence", "c:C"]


def test_a_name_that_settings_register_is_found_in_src_too(project: Path) -> None:
    Path("src").mkdir()
    Path("soft_light.py").rename("src/soft_light.py")
    settings = Path("pyproject.toml").read_text()
    Path("pyproject.toml").write_text(
        f'{settings}\n[project.entry-points."brickwork.blocks"]\nsoft = "soft_light:SoftLight"\n'
    )
    found = own_blocks_of(["."], ["soft", "soft-light/soft", "Decode"])
    assert {name: cls.__name__ for name, cls in found.items()} == {"soft": BLOCK, "soft-light/soft": BLOCK}


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("import nothing_of_that_name", CompositionError, "soft_light cannot be imported from .*: ModuleNotFoundError: No module"),
        ("raise SystemExit(3)", CompositionError, "soft_light cannot be imported from .*: SystemExit: 3"),
        ("from brickwork import Block\n\nclass SoftLigt(Block):\n    def run(self) -> None: ...", CompositionError,
         "soft_light.py has no block 'SoftLight'. Did you mean 'SoftLigt'"),
        ("class SoftLight:\n    pass", CompositionError, "soft_light.py has no block 'SoftLight'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_code_is_said(project: Path, code: str, error: type[Exception], said: str) -> None:
    Path("soft_light.py").write_text(code)
    with pytest.raises(error, match=said):
        own_blocks_of(["."], ["soft_light:SoftLight"])


def test_a_folder_without_what_is_named_is_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = invoke("check", "soft_light.yaml", "--blocks", str(tmp_path / "empty"))
    assert result.exit_code == 2
    assert "no saved repository, and no module of a block that is named: 'soft_light:SoftLight'." in result.stderr
    Path("pyproject.toml").write_text("[")
    with pytest.raises(InputError, match=r"--blocks \.: pyproject.toml cannot be read"):
        own_blocks_of(["."], ["soft_light:SoftLight"])


def test_another_module_of_the_name_is_not_taken_for_it(project: Path) -> None:
    (project / "json.py").write_text("")
    with pytest.raises(InputError, match="'json' is another module here, .*Rename one of them"):
        own_blocks_of(["."], ["json:SoftLight"])


def test_what_has_its_blocks_itself_takes_none(project: Path) -> None:
    (event,) = events(invoke("run", "embedded", "--blocks", ".", "--prompt", "a cat", "--json"))
    assert event["message"] == "--blocks is for workflow files and images; embedded has its blocks itself."


def test_a_saved_repository_must_have_been_granted(project: Path, tmp_path: Path) -> None:
    import brickwork

    (block,) = own_blocks_of(["."], ["soft_light:SoftLight"]).values()
    brickwork.load_workflow("soft_light.yaml", blocks=[block]).save_pretrained(tmp_path / "saved")
    words = ("check", "soft_light.yaml", "--blocks", str(tmp_path / "saved"))
    refused = invoke(*words)
    assert (refused.exit_code, "brings code of its own (soft_light.py)" in refused.stderr) == (4, True)
    assert invoke("trust", "grant", str(tmp_path / "saved")).exit_code == 0
    assert invoke(*words).exit_code == 0
