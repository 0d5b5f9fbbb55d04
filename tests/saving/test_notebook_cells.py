"""Classes of notebook cells are saved with their code, whatever else the shell keeps in the namespace of the cells."""

from __future__ import annotations

import linecache
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from brickwork import ModularPipelineBlocks, RepoError

IMPORTS = "from attrs import frozen\nfrom brickwork import Block, Outputs\n"
CELL = '''
class Dim(Block):
    """Take light from lights."""

    by: float = 0.5

    class In:
        """What is not the shell's list of cells."""

    class Out(Outputs):
        lights: list[float]

    def run(self, lights: list[float]) -> Out:
        return self.Out(lights=[light * self.by for light, _ in zip(lights, range(9))])
'''
FUTURE = "from __future__ import annotations\n"
QUOTED = CELL.replace("-> Out:", "-> 'Out':")


@pytest.fixture
def run_cells() -> Iterator[Callable[..., Any]]:
    """Runs cells as IPython does: texts in `linecache`, and its own names beside those of the cells."""
    shell = types.ModuleType("a_shell")
    sys.modules[shell.__name__] = shell
    places: list[str] = []

    def run(*cells: str) -> Any:
        vars(shell).update(In=[""], Out={}, _=object(), __=object(), ___=object(), _oh={}, _ih=[""])
        for cell in cells:
            place = f"<cell {len(places)}>"
            places.append(place)
            linecache.cache[place] = (len(cell), None, cell.splitlines(keepends=True), place)
            exec(compile(cell, place, "exec", dont_inherit=True), vars(shell))
            vars(shell)["Out"][len(places)] = object()
        return shell

    yield run
    del sys.modules[shell.__name__]
    for place in places:
        del linecache.cache[place]


@pytest.mark.parametrize("cell", [CELL, FUTURE + CELL, QUOTED, FUTURE + QUOTED])
def test_names_of_the_shell_are_not_those_of_the_class(
    cell: str, run_cells: Callable[..., Any], tmp_path: Path
) -> None:
    run_cells(IMPORTS, cell).Dim(by=0.25).save_pretrained(tmp_path / "repo")
    text = (tmp_path / "repo" / "dim.py").read_text()
    assert [line for line in text.splitlines() if line.startswith(("Out", "In", "_", "class"))] == ["class Dim(Block):"]
    again: Any = ModularPipelineBlocks.from_pretrained(tmp_path / "repo", trust_remote_code=True)
    assert again.run(lights=[4.0]).lights == [1.0]


def test_a_name_of_the_module_is_taken_where_the_class_has_none(run_cells: Callable[..., Any], tmp_path: Path) -> None:
    """A class within the class does not see the names of the class around it, and a method's text no others than it."""
    kinds = "class Kind(Outputs):\n    image: float\n"
    cell = CELL.replace("lights: list[float]\n\n", "lights: list[float]\n        kind: 'Kind'\n\n").replace(
        "range(9))])", "range(9))], kind=None)"
    )
    shell = run_cells(IMPORTS, kinds, FUTURE + cell)
    shell.Dim().save_pretrained(tmp_path / "repo")
    text = (tmp_path / "repo" / "dim.py").read_text()
    assert "class Kind(Outputs)" in text


def test_classes_without_functions_are_found_in_their_cells(run_cells: Callable[..., Any], tmp_path: Path) -> None:
    """Of a cell Python knows functions alone; a subclass with another option, or a class of data, has none."""
    shell = run_cells(
        IMPORTS,
        "@frozen\nclass Light:\n    amount: float = 0.5\n",
        CELL.replace("self.by for", "self.by * Light().amount for"),
        'class Dimmer(Dim):\n    """Take more."""\n\n    by: float = 0.25\n',
    )
    shell.Dimmer().save_pretrained(tmp_path / "repo")
    again: Any = ModularPipelineBlocks.from_pretrained(tmp_path / "repo", trust_remote_code=True)
    assert again.run(lights=[8.0]).lights == [1.0]


def test_the_last_cell_of_a_name_counts_and_what_differs_from_it_is_refused(
    run_cells: Callable[..., Any], tmp_path: Path
) -> None:
    first, then = (
        'class Dimmer(Dim):\n    """Take more."""\n\n    by: float = 0.25\n',
        'class Dimmer(Dim):\n    """Take more."""\n\n    by: float = 0.5\n',
    )
    shell = run_cells(IMPORTS, CELL, first)
    older = shell.Dimmer
    run_cells(then)
    shell.Dimmer().save_pretrained(tmp_path / "repo")
    assert "by: float = 0.5" in (tmp_path / "repo" / "dimmer.py").read_text()
    with pytest.raises(RepoError, match="is not what its source in the script or notebook says"):
        older().save_pretrained(tmp_path / "older")


def test_a_name_that_the_shell_put_among_those_of_python_is_imported_or_refused(
    run_cells: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`display` is such a one: others have it only where they run a notebook, too."""
    monkeypatch.setattr("builtins.shown", types.SimpleNamespace(), raising=False)
    shell = run_cells(IMPORTS, CELL.replace("return self", "shown(lights)\n        return self"))
    with pytest.raises(
        RepoError, match="Dim uses 'shown', a SimpleNamespace of the script or notebook, which no text stands"
    ):
        shell.Dim().save_pretrained(tmp_path / "repo")


def test_a_class_that_was_typed_into_a_shell_without_texts_is_refused_in_words(
    run_cells: Callable[..., Any], tmp_path: Path
) -> None:
    shell = run_cells(IMPORTS)
    exec(compile(CELL, "<stdin>", "exec", dont_inherit=True), vars(shell))
    with pytest.raises(RepoError, match="The source of Dim is not to be had: it was written in a shell"):
        shell.Dim().save_pretrained(tmp_path / "repo")
