"""What a plan can know to be wrong, or to look wrong, before anything runs. Each finding is a sentence or two."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ...state.errors import nearest
from ...state.type_relations import conflict
from ...state.types import type_words
from .dataflow import CALLER, Dataflow, Missing, Read, Version


def missing_inputs(flow: Dataflow) -> list[str]:
    """Return required values that nobody gives before the steps that need them."""
    return [_missing_text(name, missing) for name, missing in flow.missing.items()]


def find_faults(flow: Dataflow) -> list[str]:
    """Return what cannot be meant: types that cannot meet, and defaults that contradict each other."""
    # Only what checked annotations say is an error. Hints of foreign code are often wrong or copied, and must not
    # stop a run that works.
    return [*_type_conflicts(flow, certain=True), *_default_conflicts(flow, certain=True)]


def late_writes(flow: Dataflow) -> list[str]:
    """Return required values that only a later block writes, which does not read them itself: an order mistake."""
    return [
        _missing_text(name, missing)
        for name, missing in flow.missing.items()
        if any(not _reads(flow, path, name) for path in missing.later)
    ]


def _reads(flow: Dataflow, path: str, name: str) -> bool:
    return any(read.path == path and read.param.name == name for read in flow.reads)


def find_warnings(flow: Dataflow) -> list[str]:
    """Return what looks wrong: as above where foreign code only hints at types; values that nobody can ever read."""
    return [
        *_type_conflicts(flow, certain=False),
        *_default_conflicts(flow, certain=False),
        *_overwritten(flow),
        *_written_too_late(flow),
        *_misspelt(flow),
        *_undeclared(flow),
    ]


def _missing_text(name: str, missing: Missing) -> str:
    path, *others = missing.paths
    also = f" (and so do {', '.join(others)})" if others else ""
    text = f"{path} needs {name!r} ({type_words(missing.param.type_hint)}){also}; it was not given, and no earlier block gives it."
    if missing.later:
        return f"{text} {missing.later[0]} writes it, but only later: move that before {path}, or pass {name}=..."
    near = nearest(name, missing.there)
    if near is not None:
        writer = missing.there[near]
        text += f" Nearest: {near!r}" + (f" (from {writer})." if writer != CALLER else ".")
    return f"{text} Pass {name}=..."


def _type_conflicts(flow: Dataflow, certain: bool) -> Iterator[str]:
    """Yield reads whose producer gives another type; `certain` where both sides are checked annotations."""
    for read in flow.reads:
        for version in read.sources.versions:
            # What the caller gives is looked at as a value, which knows more than a type.
            if version.writer == CALLER or (read.typed and version.typed) is not certain:
                continue
            reason = conflict(version.type_hint, read.param.type_hint)
            if reason:
                yield (
                    f"{read.path} needs {version.name!r} as {type_words(read.param.type_hint)}, and {version.writer} "
                    f"gives {type_words(version.type_hint)}: {reason}. Convert it in a block between the two, or "
                    f"rename one of the values."
                )


def _default_conflicts(flow: Dataflow, certain: bool) -> Iterator[str]:
    """Yield inputs that two blocks would read with different defaults where nobody gives them."""
    unbound: dict[str, list[Read]] = {}
    for read in flow.reads:
        # None says that the block chooses by itself, which contradicts nothing.
        if not read.sources.versions and not read.param.required and read.param.default is not None:
            unbound.setdefault(str(read.param.name), []).append(read)
    for name, (first, *others) in unbound.items():
        for other in others:
            if (first.typed and other.typed) is certain and not _same(first.param.default, other.param.default):
                yield (
                    f"{name!r} is {first.param.default!r} for {first.path} and {other.param.default!r} for "
                    f"{other.path} where nobody gives it. Give both the same default, or rename one."
                )


def _same(one: object, other: object) -> bool:
    try:
        return one is other or bool(one == other)
    except (ValueError, RuntimeError):  # arrays and tensors have no single answer
        return False


def _overwritten(flow: Dataflow) -> Iterator[str]:
    """Yield outputs that nobody reads before they are written again: work for nothing."""
    kept = {version for sources in flow.final.values() for version in sources.versions}
    for version, reads in flow.readers().items():
        # What stands at the end may be what the caller wants, whether a block reads it or not.
        if version.writer == CALLER or reads or version in kept or not _is_replaced(flow, version):
            continue
        yield (
            f"{version.writer} writes {version.name!r}, which nobody reads before it is written again. "
            "Is a block missing in between, or in the wrong place?"
        )


def _is_replaced(flow: Dataflow, version: Version) -> bool:
    """Return whether a later step writes the same name; a loop's variables just end with the loop."""
    return any(v.name == version.name and v.position > version.position for v in flow.versions)


def _written_too_late(flow: Dataflow) -> Iterator[str]:
    """Yield values that are written after their only readers."""
    readers = flow.readers()
    for sources in flow.final.values():
        for version in sources.versions:
            # What the caller gives comes before every block, so it is never late.
            if version.writer == CALLER or any(read.position > version.position for read in readers[version]):
                continue
            early = [read.path for read in flow.reads if _read_before(read, version, flow)]
            if early:
                yield (
                    f"{version.writer} writes {version.name!r} after {', '.join(dict.fromkeys(early))} read it, and "
                    f"no later block reads what it writes. Move it before {early[0]}, or leave it out."
                )


def _misspelt(flow: Dataflow) -> Iterator[str]:
    """Yield values that nobody reads, while a later block reads one with nearly the same name."""
    readers = flow.readers()
    for version in flow.versions:
        if version.writer == CALLER or readers[version]:
            continue
        later = {
            str(read.param.name): read.path
            for read in flow.reads
            if read.position > version.position and not read.is_apart_from(version)
        }
        # Stricter than where a name is missing: here nothing is certainly wrong, and `mask` and `masks` may both be
        # meant.
        near = difflib.get_close_matches(version.name, later, n=1, cutoff=0.85)
        if near and near[0] != version.name:
            yield (
                f"{version.writer} writes {version.name!r}, which nobody reads, and {later[near[0]]} reads {near[0]!r}. "
                "Is one of them misspelt?"
            )


def _undeclared(flow: Dataflow) -> Iterator[str]:
    """Yield reads in loops that only foreign code without a declaration may serve."""
    for read in flow.reads:
        writers = dict.fromkeys(version.writer for version in read.sources.versions if not version.declared)
        if not writers or any(version.declared for version in read.sources.versions):
            continue
        yield (
            f"{read.path} reads {read.param.name!r}, which no block declares as its output; it may be written "
            f"undeclared by {', '.join(writers)}. Declare it there, or the run may stop at the first read."
        )


def _read_before(read: Read, version: Version, flow: Dataflow) -> bool:
    if read.param.name != version.name or read.position >= version.position or version in read.sources.versions:
        return False
    if read.is_apart_from(version):
        return False
    between = [v for v in flow.versions if v.name == version.name and read.position < v.position < version.position]
    if between and all(source.writer == CALLER for source in read.sources.versions):
        return False  # it looks at what the caller gave, and others make something of it first
    return not any(other.writer == read.path and other.name == version.name for other in flow.versions)
