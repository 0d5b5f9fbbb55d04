"""The schema of recipes: what may stand in the file, and what must. Whatever is written into recipes has its field here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from attrs import field, frozen

from ..engine.settings import GradMode
from ..state.structure import Check, Data, Key
from .written_block import WrittenBlock

VERSION = 1
_ABSENT = object()
Seed = Annotated[int, Check("a number of 64 bits", lambda number: -(1 << 63) <= number < 1 << 64)]
Count = Annotated[int, Check("a number from 0 on", lambda number: 0 <= number < 1 << 31)]
Digest = Annotated[str, Check("a digest", lambda text: 0 < len(text) <= 200 and text.isprintable())]


@frozen
class WrittenInput:
    """A value: as data, or by what it was and its digest (null if it had no content to compare)."""

    value: Data = field(default=_ABSENT)
    kind: str | None = None
    digest: Digest | None = None

    def __attrs_post_init__(self) -> None:
        if (self.value is _ABSENT) != (self.kind is not None):
            raise ValueError("a value has 'value', or 'kind' and 'digest'.")


@frozen
class WrittenGenerator:
    """A random generator: its seed, and its state where it was not fresh (compressed, base64)."""

    device: str
    seed: Seed
    state: str | None = None


@frozen
class WrittenOrigin:
    """Where a component was from; `repo` of a local folder is its own name only."""

    repo: str
    local: bool
    subfolder: str | None = None
    variant: str | None = None
    revision: str | None = None


@frozen
class WrittenComponent:
    """A component: class as "library:Class", number format of its weights, adapters by strength, settings."""

    cls: Annotated[str, Key("class")]
    origin: WrittenOrigin | None
    dtype: str | None = None
    adapters: Mapping[str, float] = field(factory=dict)
    config: Mapping[str, WrittenInput] = field(factory=dict)


@frozen
class WrittenSettings:
    """Settings of the run."""

    grad: GradMode
    residency: Literal["stay", "just in time"]
    load: Literal["before", "on demand"]


@frozen
class WrittenBranch:
    """Of a variant: the loop and step up to which it is another run, with what that was given."""

    loop: str
    at_step: Count
    changes: tuple[str, ...]
    inputs: Mapping[str, WrittenInput]
    generators: Mapping[str, tuple[WrittenGenerator, ...]]


@frozen
class WrittenRecipe:
    """A recipe; see `Recipe` and docs/running.md."""

    recipe: Literal[1]
    software: Mapping[str, str]
    device: str
    arithmetic: Mapping[str, Data]
    settings: WrittenSettings
    composition: WrittenBlock
    configs: Mapping[str, WrittenInput]
    components: Mapping[str, WrittenComponent]
    inputs: Mapping[str, WrittenInput]
    generators: Mapping[str, tuple[WrittenGenerator, ...]]
    output: str | tuple[str, ...] | None
    weights: Mapping[str, Digest | None] = field(factory=dict)
    image: Count | None = None
    branched: WrittenBranch | None = None
    notes: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        given: set[Any] = {*self.inputs, *self.generators}
        odd = [name for name in (self.branched.changes if self.branched is not None else ()) if name not in given]
        if odd:
            raise ValueError(f"branched.changes: {odd[0][:60]!r} is no input of the run.")
