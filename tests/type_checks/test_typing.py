"""What a type checker says of users' code: right blocks pass, mistakes are found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            str(ROOT / "pyproject.toml"),
            *map(str, places.values()),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if ": error:" in line]
    by_file = {name: [line for line in found if f"{place.name}:" in line] for name, place in places.items()}
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


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_torch_is_pinned_only_in_the_constraints(file: str) -> None:
    text = (ROOT / file).read_text()
    assert ("torch==" in text) == (file == "constraints.txt")
