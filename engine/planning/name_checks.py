"""What looks misspelt in a plan: a value that nobody reads, and one of nearly the same name that somebody does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from ...state.type_relations import conflict
from ..scoped_names import own_name, scope_of, scoped
from .flow import Dataflow, Finding

_LONG = 5
_NUMBER = re.compile(r"_?[0-9]+")


def misspelt(flow: Dataflow) -> Iterator[Finding]:
    """Yield values that nobody reads, while a later block reads one with nearly the same name."""
    # Within one scope, since names of two have a beginning in common, and mean different values.
    names: dict[str, list[str]] = {}
    for name in dict.fromkeys(str(read.param.name) for read in flow.reads):
        names.setdefault(scope_of(name), []).append(own_name(name))
    close: dict[str, list[str]] = {}
    for version in flow.versions:
        left = flow.unread(version)
        if left and version.name not in close:
            scope = scope_of(version.name)
            alike = _alike(own_name(version.name), names.get(scope, []))
            close[version.name] = [scoped(scope, each) if scope else each for each in alike]
        for near in close[version.name] if left else ():
            later = [r for r in flow.reads_of(near) if r.position > version.position and not r.is_apart_from(version)]
            for read in reversed(later):
                if _are_one_and_many(own_name(near), own_name(version.name)) and conflict(
                    version.type_hint, read.param.type_hint
                ):
                    continue
                if near != version.name and (found := left & read.guard):
                    text = (
                        f"{version.writer} writes {own_name(version.name)!r}, which nobody reads, and {read.path} reads "
                        f"{own_name(near)!r}. Is one of them misspelt?"
                    )
                    yield text, found
                left &= ~read.guard


def _alike(name: str, names: Sequence[str]) -> list[str]:
    """Return which names may be meant by a name, the nearest first."""
    # Stricter than where a name is missing: here nothing is certainly wrong, and `mask` and `masks` may both be meant. All names
    # at once: which of them are read hangs on the version, and on the inputs.
    alike = difflib.get_close_matches(name, names, n=len(names) + 1, cutoff=0.85)
    turned = [other for other in names if _are_turned(other, name) and other not in alike]
    return [other for other in (*alike, *turned) if not _are_numbered(other, name)]


def _are_turned(one: str, other: str) -> bool:
    """Return whether two names differ in two letters that stand side by side and changed places: `imgae` and `image`."""
    # Short ones, such as `hw` and `wh`, or `from` and `form`, are words of their own.
    if len(one) != len(other) or len(one) < _LONG or one == other:
        return False
    at = next(at for at, letter in enumerate(one) if letter != other[at])
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]


def _are_one_and_many(one: str, other: str) -> bool:
    """Return whether one name is the plural of the other: with types that cannot meet, `mask` and `masks` are both meant."""
    return f"{one}s" == other or one == f"{other}s"


def _are_numbered(one: str, other: str) -> bool:
    """Return whether two names are told apart by numbers alone, as `prompt` and `prompt_2`, so that both are meant."""
    return one != other and _NUMBER.sub("", one) == _NUMBER.sub("", other)
