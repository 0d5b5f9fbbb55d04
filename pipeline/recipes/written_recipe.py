"""The schema of recipes: what may stand in the file, and what must. Whatever is written into recipes has its field here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from attrs import field, frozen

from ...engine.settings import GradMode
from ...saving.written_block import WrittenBlock
from ...state.structure import Check, Data, Key

VERSION = 2
"""Version 1 knew weights by their files, and nothing of settings and results; it is not read any more."""
_ABSENT = object()
Seed = Annotated[int, Check("a number of 64 bits", lambda number: -(1 << 63) <= number < 1 << 64)]
Count = Annotated[int, Check("a number from 0 on", lambda number: 0 <= number < 1 << 31)]
Digest = Annotated[str, Check("a digest", lambda text: 0 < len(text) <= 200 and text.isprintable())]


@frozen
class WrittenInput:
    """A value: as data, or by what it was and its digest; where that is null, `unknown` says why."""

    value: Data = field(default=_ABSENT)
    kind: str | None = None
    digest: Digest | None = None
    unknown: str | None = None

    def __attrs_post_init__(self) -> None:
        if (self.value is _ABSENT) != (self.kind is not None):
            raise ValueError("a value has 'value', or 'kind' and 'digest'.")


@frozen
class WrittenGenerator:
    """A random generator: its seed, and its state where it was not fresh (compressed, base64).

    Attributes:
        same_as ("is"): which of the generators before it, numbered as they are first met, it is: a list may hold one twice.
    """

    device: str
    seed: Seed
    state: str | None = None
    same_as: Annotated[Count | None, Key("is")] = None


@frozen
class WrittenOrigin:
    """Says where a component was from; `repo` of a local folder is its own name only."""

    repo: str
    local: bool
    subfolder: str | None = None
    variant: str | None = None
    revision: str | None = None


@frozen
class WrittenComponent:
    """A component: class as "library:Class", and what `registry.identity` says of it.

    Attributes:
        dtype: number format of its weights. config: what it was made of, if it has no weights.
        settings: beginning of a digest by attribute. digest: of all settings. words: settings as people say them.
        adapters: by strength. declared: what `invalidate` made of it. unknown: why nothing tells what it was.
        techniques: by name, with their settings. undeclared: what lay on it that no technique or adapter accounts for.
    """

    cls: Annotated[str, Key("class")]
    origin: WrittenOrigin | None
    dtype: str | None = None
    config: Mapping[str, WrittenInput] = field(factory=dict)
    settings: Mapping[str, Digest] = field(factory=dict)
    digest: Digest | None = None
    words: Annotated[Mapping[str, str], Key("is")] = field(factory=dict)
    adapters: Mapping[str, float] = field(factory=dict)
    declared: str | None = None
    unknown: str | None = None
    techniques: tuple[Mapping[str, Data], ...] = ()
    undeclared: tuple[str, ...] = ()


@frozen
class WrittenSettings:
    """Settings of the run.

    Attributes:
        gradients: they were recorded, where that was left to the caller. rows: of each forward, where runs share forwards of one size.
    """

    grad: GradMode
    gradients: bool | None = None
    residency: Literal["stay", "just in time"] = "stay"
    load: Literal["before", "on demand"] = "before"
    rows: Count | None = None


@frozen
class WrittenProcess:
    """Says what in the process was not as its libraries have it."""

    replaced: tuple[str, ...]
    unknown: str | None = None


def _are_digests(value: object) -> bool:
    """Return digests, and lists of such, one for each item of a value; null where nothing tells."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, (list, tuple)):
            pending += each
        elif each is not None and not (isinstance(each, str) and len(each) <= 200 and each.isprintable()):
            return False
    return True


def _is_given(parts: tuple[Any, ...]) -> bool:
    return (
        len(parts) == 3
        and isinstance(parts[0], str)
        and isinstance(parts[1], str)
        and isinstance(parts[2], (str, type(None)))
    )


Result = Annotated[Data, Check("digests, or lists of digests", _are_digests)]
WrittenGiven = Annotated[tuple[Any, ...], Check("a place, a name and a digest", _is_given)]
"""What a block gave; see `engine.witness`."""


@frozen
class WrittenBranch:
    """Says of a variant up to which loop and step it is another run, and what that was given: of components those that the variant replaces."""

    loop: str
    at_step: Count
    changes: tuple[str, ...]
    inputs: Mapping[str, WrittenInput]
    generators: Mapping[str, tuple[WrittenGenerator, ...]]
    components: Mapping[str, WrittenComponent] = field(factory=dict)


@frozen
class WrittenRecipe:
    """A recipe; see `Recipe` and docs/running.md."""

    recipe: Literal[2]
    software: Mapping[str, str]
    device: str
    arithmetic: Mapping[str, Data]
    process: WrittenProcess
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
    shared: tuple[tuple[str, ...], ...] = ()
    results: Mapping[str, Result] = field(factory=dict)
    witness: tuple[WrittenGiven, ...] | None = None
    defaults: Mapping[str, Data] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        replaced = self.components.keys() & (self.branched.components.keys() if self.branched is not None else ())
        given: set[Any] = {*self.inputs, *self.generators, *replaced}
        odd = [name for name in (self.branched.changes if self.branched is not None else ()) if name not in given]
        if odd:
            raise ValueError(f"branched.changes: {odd[0][:60]!r} is no input of the run.")
