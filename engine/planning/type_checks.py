"""What types say of a plan beside plain conflicts: inputs that two blocks want in two types, and what may be more than a block takes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from ...state.type_relations import conflict, left_out
from ...state.types import type_words
from ..conditions import Condition
from .flow import CALLER, Dataflow, Read

Finding = tuple[str, Condition]


def two_types(flow: Dataflow, of_required: bool) -> Iterator[Finding]:
    """Yield inputs that two blocks want in types which no value has.

    Args:
        of_required: those that both blocks must be given; else those that one of them can do without.
    """
    wanted: dict[str, dict[Hashable, list[Read]]] = {}
    for read in flow.reads:
        if read.typed and read.param.type_hint is not None and read.unserved & flow.possible:
            wanted.setdefault(str(read.param.name), {}).setdefault(_key(read.param.type_hint), []).append(read)
    for name, by_type in wanted.items():
        groups = list(by_type.values())
        for position, mine in enumerate(groups):
            for theirs in groups[position + 1 :]:
                reason = conflict(mine[0].param.type_hint, theirs[0].param.type_hint)
                if reason is not None:
                    yield from _both(flow, name, mine, theirs, reason, of_required)


def _key(hint: object) -> Hashable:
    """Return what is equal for equal types, as far as they can be hashed: hundreds of blocks may name one."""
    try:
        hash(hint)
    except TypeError:
        return id(hint)
    return hint


def _both(
    flow: Dataflow, name: str, mine: list[Read], theirs: list[Read], reason: str, of_required: bool
) -> Iterator[Finding]:
    for one in mine:
        for other in theirs:
            found = one.unserved & other.unserved & flow.possible
            if not found or (one.param.required and other.param.required) is not of_required or one.is_beside(other):
                continue
            text = (
                f"{one.path} needs {name!r} as {type_words(one.param.type_hint)} and {other.path} as "
                f"{type_words(other.param.type_hint)}, and the caller gives it once: {reason}. Rename one of the two, or convert it in "
                "a block between them."
            )
            yield text, found
            return


def wider_types(flow: Dataflow) -> Iterator[Finding]:
    """Yield reads of values that may be something which the block does not take, such as None."""
    for read in flow.reads:
        for version, when in read.sources.ways.items() if read.typed else ():
            given, wanted = version.type_hint, read.param.type_hint
            if given is wanted or version.writer == CALLER or not version.typed or conflict(given, wanted) is not None:
                continue
            lost = left_out(given, wanted)
            if lost and (found := when & flow.possible):
                words = " or ".join("None" if part is type(None) else type_words(part) for part in lost)
                text = (
                    f"{read.path} needs {version.name!r} as {type_words(wanted)}, and {version.writer} may give {words}: it "
                    f"declares {type_words(given)}. Declare {version.name!r} so in {read.path}, too, change what {version.writer} "
                    "declares, or convert it in a block between the two."
                )
                yield text, found
