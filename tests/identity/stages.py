"""Makes one kind of change on a pipeline of its own, or on one that was left as it was, and takes it back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import layer_changes
import other_changes
import patch_changes
import processor_changes
import switch_changes
import weight_changes
from attrs import define
from changes import CHANGES, Change
from code_changes import CODE
from counting import Blocks, Counting, slug
from kinds import Kind
from models import copied
from process_changes import PROCESS
from scenes import SCENES, Scene
from value_changes import VALUES

assert all(
    (weight_changes, patch_changes, processor_changes, switch_changes, layer_changes, other_changes)
)  # they fill CHANGES
MADE: dict[str, Change | Blocks] = {**CHANGES, **CODE, **VALUES, **PROCESS}


@define
class Stage:
    """A pipeline on which a kind of change is about to be made.

    Attributes:
        moves: the pipeline gives something else every time. names: as of `Change`. usual: the name of the pipeline, where other kinds
            take the same.
    """

    scene: Scene
    change: Callable[[], None]
    back: Callable[[], None]
    moves: bool = False
    names: str = ""
    usual: str = ""


@contextlib.contextmanager
def staged(kind: Kind, folder: Path, model: Path, usual: Mapping[str, Scene]) -> Iterator[Stage]:
    """Make the pipeline for a kind, and leave the process as it was.

    Args:
        folder: for files. model: as of `save_models`. usual: pipelines over it that are as they were.
    """
    made = MADE[kind.name]
    with contextlib.chdir(Path.cwd()):
        if isinstance(made, Blocks):
            yield from _of_blocks(made, kind.name, folder)
        else:
            yield from _of_components(made, kind.name, folder, model, usual)


def _of_blocks(made: Blocks, name: str, folder: Path) -> Iterator[Stage]:
    scene = Counting(made, slug(name), folder / slug(name))
    open_ends: list[str] = []

    def change() -> None:
        scene.do(made.change)
        open_ends.append(made.back)

    def back() -> None:
        scene.do(open_ends.pop())

    try:
        yield Stage(scene, change, back, made.moves)
    finally:
        if open_ends:
            back()
        scene.close()


def _of_components(made: Change, name: str, folder: Path, model: Path, usual: Mapping[str, Scene]) -> Iterator[Stage]:
    if made.own_folder:
        model = copied(model, folder / slug(name))
    shared = "" if made.prepared or made.own_folder else made.scene
    scene = usual[shared] if shared in usual else SCENES[made.scene](model)
    steps: Any = made.make(scene)
    try:
        if made.prepared:
            next(steps)
        yield Stage(scene, lambda: next(steps), lambda: next(steps, None), made.moves, made.names, shared)
    finally:
        steps.close()
