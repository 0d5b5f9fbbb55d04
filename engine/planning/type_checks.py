"""What types say of a plan beside plain conflicts: inputs that two blocks want in two types, and what may be more than a block takes."""

from __future__ import annotations

from collections.abc import Iterator

from ...state.type_relations import conflict, left_out
from ...state.types import type_words
from .flow import CALLER, Dataflow, Finding, Read


def two_types(flow: Dataflow, of_required: bool) -> Iterator[Finding]:
    """Yield inputs that two blocks want in types which no value has.

    Args:
        of_required: those that both blocks must be given; else those that one of them can do without.
    """
    for name, groups in flow.reads_in_several_types.items():
        for position, mine in enumerate(groups):
            for theirs in groups[position + 1 :]:
                if conflict(mine[0].param.type_hint, theirs[0].param.type_hint) is not None:
                    yield from _both(flow, name, mine, theirs, of_required)


def _both(flow: Dataflow, name: str, mine: list[Read], theirs: list[Read], of_required: bool) -> Iterator[Finding]:
    left = flow.possible
    for one in mine:
        absent = left & one.unserved
        for other in theirs if absent else ():
            found = absent & left & other.unserved
            if not found or (one.param.required and other.param.required) is not of_required or one.is_beside(other):
                continue
            first, second = sorted((one, other), key=lambda read: read.position)
            wanted, also = first.param.type_hint, second.param.type_hint
            text = (
                f"{first.path} needs {name!r} as {type_words(wanted)} and {second.path} as {type_words(also)}, and the caller gives it "
                f"once: {conflict(wanted, also)}. Rename one of the two, or convert it in a block between them."
            )
            yield text, found
            left &= ~found


def wider_types(flow: Dataflow) -> Iterator[Finding]:
    """Yield reads of values that may be something which the block does not take, such as None."""
    for read in flow.reads:
        for version, when in read.sources.ways.items() if read.typed else ():
            given, wanted = version.type_hint, read.param.type_hint
            if (
                given is wanted
                or given == wanted
                or version.writer == CALLER
                or not version.typed
                or conflict(given, wanted) is not None
            ):
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
