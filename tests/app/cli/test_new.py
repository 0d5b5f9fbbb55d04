"""`brickwork new`: what is made passes its own tests, types and lint, and names that would not do are refused."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cli_runner import invoke
from packaging.requirements import Requirement
from prepared_python import PreparedPython
from rooms import ROOT

import brickwork
from brickwork.app.cli.new import tree
from brickwork.app.cli.shared.new_names import new_names
from brickwork.app.cli.shared.templates import FOLDER, made_files, next_lines, write_folder
from brickwork.presets.embedded import FOLDER as EMBEDDED
from brickwork.registry import catalog, families
from brickwork.state import InputError

KINDS = {
    "block": "WarmTint",
    "guider": "fading",
    "family": "small_pixels",
    "package": "studio_blocks",
    "repo": "soft_light",
}
NAMES = ("A", "x2", "Zebra", "Abcdefghijklmnopqrstuvwxyzabcd", "a_name_of_thirty_letters_which")
"""The shortest and the longest, those that come before others in a sorted list, and those that come after."""
BINARIES = Path(sys.executable).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cli_home: Path) -> Path:
    """A folder with one of each kind, and workflow files."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for kind, name in KINDS.items():
            assert invoke("new", kind, name).exit_code == 0
        result = invoke("new", "workflow", "warm.yaml")
        assert result.exit_code == 0, result.stderr
    return place


def folders(place: Path) -> list[Path]:
    return [place / new_names(name).snake for name in KINDS.values()]


def importable(place: Path) -> list[Path]:
    """The folders from which modules of what was made are imported."""
    return [each / "src" if (each / "src").is_dir() else each for each in folders(place)]


def run(*words: str, cwd: Path, **env: str) -> str:
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_made_is_shown_with_the_next_lines(kind: str) -> None:
    result = invoke("new", kind, KINDS[kind])
    assert (result.exit_code, result.exception) == (0, None)
    names = new_names(KINDS[kind])
    files = sorted(str(path.relative_to(names.snake)) for path in Path(names.snake).rglob("*") if path.is_file())
    assert result.stdout.splitlines() == tree(names.snake, files)
    assert {"README.md", "pyproject.toml"} <= {*files}
    lines = next_lines(Path(names.snake, "README.md").read_text())
    assert result.stderr == "\nNext:\n" + "".join(f"  {line}\n" for line in lines)
    assert lines[:3] == [f"cd {names.snake}", 'python -m pip install -e ".[test]"', "python -m pytest"]
    assert not [path for path in Path().iterdir() if path.name != names.snake]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_made_is_said_in_json(kind: str) -> None:
    result = invoke("new", kind, KINDS[kind], "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert found["kind"] == kind
    assert all(Path(each).is_file() for each in found["files"])
    assert found["next"][0] == f"cd {new_names(KINDS[kind]).snake}"


def test_a_tree_shows_each_folder_once() -> None:
    assert tree("x", [".a/b/c", ".a/d", "e"]) == ["x/", "  .a/", "    b/", "      c", "    d", "  e"]


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("WarmTint", ("warm_tint", "WarmTint", "warm-tint")),
        ("warm_tint", ("warm_tint", "WarmTint", "warm-tint")),
        ("HDRTone2", ("hdr_tone2", "HDRTone2", "hdr-tone2")),
        ("x", ("x", "X", "x")),
    ],
)
def test_a_name_has_three_forms(text: str, forms: tuple[str, str, str]) -> None:
    names = new_names(text)
    assert (names.snake, names.camel, names.dash) == forms


REFUSED = {
    "block my-block": "'my-block' is no name in Python: letters, digits and single underscores between them, with a letter first. "
    "Did you mean 'my_block'?",
    "block 2x": "'2x' is no name in Python: letters, digits and single underscores between them, with a letter first. Did you mean 'x'?",
    "block _x": "'_x' is no name",
    "block x_": "'x_' is no name",
    "block x__y": "Did you mean 'x_y'?",
    "block été": "'été' is no name",
    "block ../x": "'../x' is no name",
    "block 22": "'22' is no name in Python: letters, digits and single underscores between them, with a letter first.\n",
    f"block {'x' * 31}": f"'{'x' * 31}' has 31 letters; a name has at most 30.",
    "guider class": "'class' is a word of Python itself.",
    "guider none": "'None' is a word of Python itself.",
    "block Exception": "'Exception' is built into Python.",
    "block warning": "'Warning' is built into Python.",
    "block Out": "'Out' is a name that the files of this kind (block) use themselves.",
    "block latents": "'Latents' is a name that the files of this kind (block) use themselves.",
    "guider Any": "'Any' is a name that the files of this kind (guider) use themselves.",
    "guider guidance_step": "'GuidanceStep' is a name that the files of this kind (guider) use themselves.",
    "repo modular_pipeline": "'ModularPipeline' is a name that the files of this kind (repo) use themselves.",
    "block 'my block'": "'my block' is no name in Python",
    "block a/b": "Did you mean 'a_b'?",
    "block ''": "'' is no name in Python",
    "block ｘ": "'ｘ' is no name in Python",
    "family setup": "'setup' means something to pytest or setuptools.",
    "family TestThing": "'test_thing' means something to pytest or setuptools.",
    "package json": "'json' is a module of Python's standard library.",
    "package torch": "'torch' is a module that is installed (",
    "package brickwork": "'brickwork' is a module that is installed (",
    "package huggingface_hub": "'huggingface_hub' is a module that is installed (",
    "package pyyaml": "'pyyaml' is a package that is installed (",
    "block Decode": "There is a block 'Decode' already.",
    "block PredictNoise": "There is a block 'PredictNoise' already.",
    "guider classifier_free_guidance": "There is a guider 'ClassifierFreeGuidance' already.",
    "repo decode": "There is a block 'Decode' already.",
    "family sdxl": "There is a family 'sdxl' already.",
    "family stable_diffusion": "There is a family 'stable-diffusion' already.",
    "package taken": "taken is there already, and nothing is replaced.",
    "block linked": "linked is there already, and nothing is replaced.",
    "workflow warm.yml --from sdxl.text2imag": "Did you mean 'sdxl.text2image'?",
    "workflow warm": "warm is no name of a workflow file, which ends in .yaml.",
    "workflow 1.yaml": "'1' is no name in Python",
    "workflow taken.yaml": "taken.yaml is there already",
    "workflow tested.yaml": "test_tested.py is there already",
    "workflow warm.yaml --from apple.png": "apple.png is an image: brickwork recipe apple.png --as workflow.yaml -o FILE writes its file.",
    "workflow warm.yaml --from embedded --repo x": "--repo is for presets",
}  # fmt: skip


@pytest.mark.parametrize("line", REFUSED)
def test_what_does_not_do_is_refused_and_nothing_is_made(line: str) -> None:
    Path("taken").mkdir()
    Path("linked").symlink_to("nowhere")
    for name in ("taken.yaml", "test_tested.py", "apple.png"):
        Path(name).touch()
    before = sorted(Path().rglob("*"))
    result = invoke("new", *shlex.split(line))
    assert (result.exit_code, result.stdout) == (2, "")
    assert REFUSED[line] in result.stderr
    assert sorted(Path().rglob("*")) == before


def test_a_workflow_in_a_folder_that_is_not_there_is_refused() -> None:
    result = invoke("new", "workflow", "nowhere/warm.yaml")
    assert result.exit_code == 3
    assert "There is no folder nowhere." in result.stderr


def test_a_folder_is_written_whole_or_not_at_all() -> None:
    with pytest.raises(UnicodeEncodeError):
        write_folder(Path("half"), {"a/one": "1", "two": "\ud800"})
    assert list(Path().iterdir()) == []
    write_folder(Path("whole"), {"a/one": "1"})
    assert Path("whole/a/one").read_text() == "1"
    with pytest.raises(InputError, match="whole is there already"):
        write_folder(Path("whole"), {})


def test_a_name_that_holds_a_placeholder_is_put_in_once() -> None:
    files = made_files("block", new_names("new_name_block"))
    assert "class NewNameBlock(Block):" in files["new_name_block.py"]
    assert not any("block_block" in text or "BlockBlock" in text for text in files.values())


def test_lint_and_format_are_clean_whatever_the_name(made: Path, tmp_path: Path) -> None:
    for name in NAMES:
        for kind in KINDS:
            write_folder(tmp_path / name / kind, made_files(kind, new_names(name)))
    for place in (made, tmp_path):
        run(str(BINARIES / "ruff"), "check", "--no-cache", ".", cwd=place)
        run(str(BINARIES / "ruff"), "format", "--no-cache", "--check", ".", cwd=place)


SCRIPT = """
import sys
import pytest

paths, *tests = sys.argv[1:]
options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore", "-c", "/dev/null", "--rootdir", ".", "-o", f"pythonpath={paths}"]
sys.exit(pytest.main([*options, *tests]))
"""


def test_their_own_tests_pass(made: Path, prepared_python: PreparedPython, tmp_path: Path) -> None:
    """In one process, which has the libraries; each folder's own `pythonpath` is given for all of them."""
    script = tmp_path / "run_tests.py"
    script.write_text(SCRIPT)
    paths = " ".join(map(str, importable(made)))
    done = prepared_python.run(str(script), paths, ".", cwd=made)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 30


def test_types_are_right_by_their_own_settings(made: Path, many: int) -> None:
    """Minutes, as mypy reads torch anew for settings that are not ours."""
    if many == 1:
        pytest.skip("--long")
    for folder in folders(made):
        said = run(
            sys.executable,
            "-m",
            "mypy",
            "--cache-dir",
            str(made / ".mypy"),
            cwd=folder,
            MYPYPATH=str(ROOT / "build" / "typing"),
        )
        assert "Success" in said


def test_the_settings_say_where_tests_and_types_are(made: Path) -> None:
    for folder, place in zip(folders(made), importable(made), strict=True):
        settings = tomllib.loads((folder / "pyproject.toml").read_text())
        tools = settings["tool"]
        assert [(folder / each).resolve() for each in tools["pytest"]["ini_options"]["pythonpath"]] == [place]
        assert tools["mypy"]["strict"] is True
        named = {path for each in tools["mypy"]["files"] for path in (folder / each, *(folder / each).rglob("*.py"))}
        assert {path for path in folder.rglob("*.py") if path.name != "example.py"} <= named
        assert all((folder / each).exists() for each in tools["pytest"]["ini_options"]["testpaths"])


def test_the_names_by_which_things_are_found_lead_to_them(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    # Families and compositions register themselves, and other tests look at all that there are.
    for names in (catalog, families):
        assert len(list(names)) > 0
        monkeypatch.setattr(names, "_own", dict(names._own))
    found = []
    for folder, place in zip(folders(made), importable(made), strict=True):
        monkeypatch.syspath_prepend(place)
        settings = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert settings["name"] == folder.name.replace("_", "-")
        assert settings["entry-points"].pop("brickwork.api") == {"1": folder.name}
        for points in settings["entry-points"].values():
            for name, target in points.items():
                module, _, attribute = target.partition(":")
                found.append((name, getattr(importlib.import_module(module), attribute)))
    for module in [name for name in sys.modules if name.split(".")[0] in {each.name for each in folders(made)}]:
        # For good: monkeypatch would put it back.
        del sys.modules[module]
    assert [name for name, _ in found] == ["warm_tint", "unconditional", "limit", "limited"]
    assert found[0][1].__name__ == "WarmTint"
    assert "limit" in found[3][1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_version_for_which_it_is_written_is_this_one(kind: str) -> None:
    settings = tomllib.loads(made_files(kind, new_names("x"))["pyproject.toml"])["project"]
    (needed,) = [Requirement(each) for each in settings["dependencies"] if each.startswith("brickwork")]
    assert brickwork.__version__ in needed.specifier
    assert len(needed.specifier) == 2


def test_every_template_is_of_a_kind_and_is_found() -> None:
    """What has not the suffix is in no wheel; what begins with a dot neither."""
    assert {path.name for path in FOLDER.iterdir()} == {*KINDS, "workflow"}
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert all(path.name.endswith("-tpl") and "/." not in str(path.relative_to(FOLDER.parent)) for path in files)
    assert sum(len(made_files(kind, new_names("x"))) for kind in (*KINDS, "workflow")) == len(files)


FROM = {
    "sdxl.text2image": ({"start": "sdxl.text2image", "repo": "embedded"}, []),
    "embedded": ({"start": "sdxl.text2image", "repo": "embedded", "guider": {"name": "ClassifierFreeGuidance", "guidance_scale": 5.0}}, []),
    "sdxl.inpainting": ({"start": "sdxl.inpainting", "repo": "embedded"}, ["--mask-image", "--image"]),
    "flux.text2image": ({"start": "flux.text2image"}, []),
    "sdxl.refiner": ({"start": "sdxl.refiner"}, ["--image"]),
    "other.yaml": ({"start": "sdxl.text2image", "repo": "embedded", "edits": [{"options": "denoise.denoiser", "set": {"batching": "sequential"}}]}, []),
}  # fmt: skip
OTHER = """
brickwork: 1
start: sdxl.text2image
repo: embedded
edits:
  - {options: denoise.denoiser, set: {batching: sequential}}
inputs: {prompt: a blue cup, guidance_scale: 3.0}
outputs: [images, latents]
"""


@pytest.mark.parametrize("origin", FROM)
def test_a_new_workflow_has_no_fault_and_says_what_is_still_to_be_given(origin: str) -> None:
    from brickwork.registry.hub.strict_yaml import read_yaml

    Path("other.yaml").write_text(OTHER)
    result = invoke("new", "workflow", "new.yaml", "--from", origin)
    assert (result.exit_code, result.stdout) == (0, "new.yaml\ntest_new.py\n")
    expected, to_give = FROM[origin]
    data = read_yaml(Path("new.yaml")).data
    inputs = data.pop("inputs")
    assert data == {
        "brickwork": 1,
        **expected,
        **({"outputs": ["images", "latents"]} if origin == "other.yaml" else {}),
    }
    assert inputs == {
        "prompt": "a red apple", "num_inference_steps": 20, "seed": 1,
        **({"prompt": "a blue cup", "guidance_scale": 3.0} if origin == "other.yaml" else {}),
    }  # fmt: skip
    assert invoke("check", "new.yaml").exit_code == 0
    for option in to_give:
        assert f"{option} ..." in result.stderr
        assert option in Path("new.yaml").read_text()
    assert ("# repo: owner/name" in Path("new.yaml").read_text()) is ("repo" not in expected)
    assert ("Say in new.yaml where the components are from" in result.stderr) is ("repo" not in expected)


def test_a_new_workflow_runs_as_the_printed_line_says(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    found = invoke("run", "warm.yaml", "--num-inference-steps", "1", "-o", str(made / "image.png"))
    assert (found.exit_code, Path("image.png").is_file()) == (0, True)
    (made / "image.png").unlink()


def test_a_repo_goes_into_a_new_workflow() -> None:
    result = invoke("new", "workflow", "sub-flow.yaml", "--repo", str(EMBEDDED), "--json")
    found = json.loads(result.stdout)
    assert (found["kind"], found["name"]) == ("workflow", "sub_flow")
    assert found["files"] == ["sub-flow.yaml", "test_sub_flow.py"]
    assert f"\nrepo: {EMBEDDED}\n" in Path("sub-flow.yaml").read_text()
    assert 'with_name("sub-flow.yaml")' in Path("test_sub_flow.py").read_text()


def test_a_repo_that_is_not_there_is_refused_and_nothing_is_made() -> None:
    assert invoke("new", "workflow", "warm.yaml", "--repo", "./models").exit_code == 3
    assert list(Path().iterdir()) == []


def test_all_of_the_workflow_template_is_right() -> None:
    """Also what stands there as a comment where a target does not say it."""
    text = made_files("workflow", new_names("x"))["x.yaml"]
    Path("x.yaml").write_text(text.replace("FILE_NAME", "x.yaml"))
    result = invoke("check", "x.yaml")
    assert (result.exit_code, result.stdout.partition(",")[0]) == (0, "0 faults")
