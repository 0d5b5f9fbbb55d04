"""The schema of workflow files: what people may write, and what each edit takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from attrs import field, frozen

from ...saving.written_block import WrittenBlock
from ...state.structure import Data, Key

VERSION = 1


@frozen
class WrittenLora:
    """A LoRA: where it is from, how much it counts, and what the models call it."""

    repo: str
    file: str | None = None
    revision: str | None = None
    weight: float = 1.0
    name: str | None = None


@frozen
class WrittenPlace:
    """Says where a component comes from, and in which dtype it is loaded."""

    repo: str | None = None
    subfolder: str | None = None
    variant: str | None = None
    revision: str | None = None
    dtype: str | None = None


@frozen
class Replace:
    """A block in the place of another one."""

    name: Annotated[str, Key("replace")]
    block: Annotated[str, Key("with")]
    options: Mapping[str, Data] = field(factory=dict)


@frozen
class Insert:
    """A block more, before or after another one."""

    name: Annotated[str, Key("insert")]
    block: str
    before: str | None = None
    after: str | None = None
    options: Mapping[str, Data] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if (self.before is None) == (self.after is None):
            raise ValueError("say where: one of 'before' and 'after', with the name of a block.")


@frozen
class Remove:
    """A block less."""

    name: Annotated[str, Key("remove")]


@frozen
class SetOptions:
    """Other options of a block."""

    name: Annotated[str, Key("options")]
    options: Annotated[Mapping[str, Data], Key("set")]


EDITS: Mapping[str, type[Any]] = {"replace": Replace, "insert": Insert, "remove": Remove, "options": SetOptions}


@frozen
class WrittenWorkflow:
    """A workflow file; see docs/publishing.md. What is null counts as left out."""

    brickwork: Literal[1]
    start: str | None = None
    composition: WrittenBlock | None = None
    edits: tuple[Mapping[str, Any], ...] | None = None
    repo: str | None = None
    revision: str | None = None
    components: Mapping[str, str | Mapping[str, Any] | None] | None = None
    guider: str | Mapping[str, Data] | None = None
    scheduler: str | Mapping[str, Data] | None = None
    loras: tuple[WrittenLora, ...] | None = None
    config: Mapping[str, Data] | None = None
    inputs: Mapping[str, Data] | None = None
    outputs: tuple[str, ...] | None = None
