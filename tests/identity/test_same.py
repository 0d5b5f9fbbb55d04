"""What computes the same is taken for the same: the cache keeps its hits, recipes are the same, snapshots are resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from counting import Blocks, Counting
from models import save_models
from readers import Before, ask_back
from same_changes import SAME
from scenes import Parts
from stages import Stage

pytestmark = pytest.mark.filterwarnings("ignore")


@define
class Shared:
    """A pipeline for all of them, one after another, as long as nothing took it for another."""

    model: Path
    folder: Path
    scene: Parts | None = None
    before: Before | None = None

    def answer(self, make: Callable[[Any], None]) -> str:
        """Do it, and ask whether everything is the same."""
        if self.scene is None or self.before is None:
            self.scene = Parts(self.model)
            self.before = Before.of(self.scene, self.folder)
        scene, before, self.scene = self.scene, self.before, None
        make(scene)
        found = ask_back(Stage(scene, lambda: None, lambda: None), before)
        self.scene = scene if found == "same" else None
        return found


@pytest.fixture(scope="module")
def shared(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    folder = tmp_path_factory.mktemp("same")
    return Shared(save_models(folder / "model", tiny_folder), folder)


@pytest.mark.parametrize("what", SAME)
def test_what_computes_the_same_is_the_same(what: str, shared: Shared, tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        assert shared.answer(SAME[what]) == "same"


CELLS: dict[str, tuple[Blocks, Callable[[Counting], Any]]] = {
    "an unrelated global": (Blocks(adds="K", head="K = 1.0"), lambda scene: scene.do("OTHER = 5")),
    "an unrelated helper": (
        Blocks(adds="helper.f()", head="import HELPER as helper", files={"HELPER": "def f():\n    return 1.0\n"}),
        lambda scene: scene.do("def unrelated():\n    return 3"),
    ),
    "the same function, defined again with a comment": (
        Blocks(adds="f()", head="def f():\n    return 1.0"),
        lambda scene: scene.do("# a comment\n\ndef f():\n    # and another one\n    return 1.0"),
    ),
    "the same module, edited in comments and reloaded": (
        Blocks(adds="helper.f()", head="import HELPER as helper", files={"HELPER": "def f():\n    return 1.0\n"}),
        lambda scene: scene.do(
            "import importlib\nrewrite('helper', '# more\\n\\ndef f():\\n    # one\\n    return 1.0\\n')\nimportlib.reload(helper)"
        ),
    ),
    "an equal list": (Blocks(adds="sum(K)", head="K = [1.0]"), lambda scene: scene.do("K = [1.0]")),
    "equal inputs, made anew": (
        Blocks(adds="given['a'].sum().item()", given="given={'a': torch.ones(2)}"),
        lambda scene: None,
    ),
    "an equal partial": (
        Blocks(adds="P()", head="from functools import partial\ndef f(by):\n    return by\nP = partial(f, 1.0)"),
        lambda scene: scene.do("P = partial(f, 1.0)"),
    ),
}


@pytest.mark.parametrize("what", CELLS)
def test_code_and_values_that_are_the_same_are_the_same(what: str, tmp_path: Path) -> None:
    blocks, change = CELLS[what]
    scene = Counting(blocks, "kinds_same_cell", tmp_path)
    try:
        before = Before.of(scene, tmp_path)
        change(scene)
        assert ask_back(Stage(scene, lambda: None, lambda: None), before) == "same"
    finally:
        scene.close()
