"""What a type checker says of users' code: right blocks pass, mistakes are found, and what `brickwork new` makes has none.

One process looks at all of it, and takes what it knows of this package and torch from the cache that `make types` keeps.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brickwork.app.cli.new import KINDS
from brickwork.app.cli.shared.new_names import new_names
from brickwork.app.cli.shared.templates import made_files, write_folder

ROOT = Path(__file__).parents[2]
RIGHT = """
from collections.abc import Iterator
from brickwork import Block, LoopSequentialPipelineBlocks, Outputs, SequentialPipelineBlocks, component, config
from brickwork.state.vocabulary import Latents


class Scale(Block):
    factor: float = 2.0
    flag: bool = config(True)

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, times: int = 1) -> Out:
        return self.Out(latents=latents * self.factor**times)


class Steps(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        i: int

    def iterate(self, times: int) -> Iterator[Vars]:
        for i in range(times):
            yield self.Vars(i=i)

    def count(self, times: int) -> int:
        return times


blocks = SequentialPipelineBlocks.from_blocks_dict({"scale": Scale, "again": Scale(factor=3.0)})
blocks.insert_before("again", "loop", Steps.from_blocks_dict({"scale": Scale}))
out: Scale.Out = Scale().run(latents=None)  # type: ignore[arg-type]
"""
WRONG_CALL = "import {0}\n\n{0}.is_there_no_such_name()\n"
MISTAKES = {
    "an output that is not declared": "return self.Out(latens=latents)",
    "an output of another type": "return self.Out(latents=3)",
    "another return type": "return latents",
    "an option that is not there": "return self.Out(latents=latents * self.facto)",
    "an assignment to an option": "self.factor = 1.0; return self.Out(latents=latents)",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each file. It finds the package where `make types` does, and what that has noted is not read again."""
    folder = tmp_path_factory.mktemp("users")
    link = ROOT / "build" / "typing" / "brickwork"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(Path("..", ".."))
    sources = {"right": RIGHT, "mistakes": mistaken()}
    places = {name: folder / f"{name}.py" for name in sources}
    for name, source in sources.items():
        places[name].write_text(source)
    made = {kind: folder / f"new_{kind}" for kind in KINDS}
    for kind, place in made.items():
        write_folder(place, made_files(kind, new_names(f"new_{kind}")))
    # A mistake in each tells that each is looked at.
    for kind, place in made.items():
        (place / f"{kind}_mistaken.py").write_text(WRONG_CALL.format(f"new_{kind}"))
    files = sorted(path for place in made.values() for path in place.rglob("*.py") if path.name != "example.py")
    roots = [root for place in made.values() for root in (place / "src", place) if root.is_dir()]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            str(ROOT / "pyproject.toml"),
            *map(str, [*places.values(), *files]),
        ],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if ": error:" in line]
    wheres = {**{name: f"{place.name}:" for name, place in places.items()}, **{kind: f"/new_{kind}/" for kind in KINDS}}
    by_file = {name: [line for line in found if where in line] for name, where in wheres.items()}
    # An end without a word, or an error elsewhere, is none of users' code.
    assert sum(map(len, by_file.values())) == len(found) > 0, done.stdout + done.stderr
    return by_file


def mistaken() -> str:
    body = "return self.Out(latents=latents * self.factor**times)"
    classes = [RIGHT.partition("class Scale")[0]]
    scale = "class Scale" + RIGHT.partition("class Scale")[2].partition("\n\n\nclass Steps")[0]
    for number, mistake in enumerate(MISTAKES.values()):
        classes.append(scale.replace("class Scale", f"class Scale{number}").replace(body, mistake))
    return "\n\n".join(classes)


def test_right_blocks_pass_in_strict_mode(said: dict[str, list[str]]) -> None:
    assert said["right"] == []


def test_mistakes_are_found(said: dict[str, list[str]]) -> None:
    assert len(said["mistakes"]) == len(MISTAKES), said["mistakes"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_new_makes_has_right_types_in_strict_mode(said: dict[str, list[str]], kind: str) -> None:
    """By our settings, which are stricter than those in its pyproject.toml; `--long` goes by those (app/cli/test_new.py)."""
    assert len(said[kind]) == 1, said[kind]
    (wrong,) = said[kind]
    assert f'{kind}_mistaken.py:3: error: Module has no attribute "is_there_no_such_name"' in wrong


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_torch_is_pinned_only_in_the_constraints(file: str) -> None:
    text = (ROOT / file).read_text()
    assert ("torch==" in text) == (file == "constraints.txt")
