"""What `explain` says of forwards that runs share: in which loops, and why not in others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..core.flattening import walk
from ..core.loop import LoopSequentialPipelineBlocks

if TYPE_CHECKING:
    from ...engine import RunSettings


def merge_notes(blocks: Any, paths: Sequence[str], is_placed: bool, settings: RunSettings) -> list[str]:
    """Return a sentence for each loop whose steps run, and one for what keeps runs from sharing anything.

    Args:
        blocks: the composition. paths: of the steps that run. is_placed: the models take turns on a device.
    """
    if is_placed or settings.residency == "just in time":
        why = "automatic offload" if is_placed else 'residency="just in time"'
        return [f"merge: nothing is shared with other runs, because with {why} they run one after another"]
    merger: Any = settings.merge
    size = "" if merger.bucket is None else f", {merger.bucket} rows in each"
    shared: list[str] = []
    alone: list[str] = []
    for path, sharing in _loops(blocks, paths):
        if sharing:
            shared.append(f"merge: {path} shares forwards of {', '.join(sharing)} with other runs{size}")
        else:
            alone.append(f"merge: {path} shares none, because no block in it calls a network by `call_rows`")
    return [*shared, *alone]


def _loops(blocks: Any, paths: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield innermost loops that run, with the components whose calls they share."""
    every = dict(walk(blocks))
    loops = [path for path, block in every.items() if isinstance(block, LoopSequentialPipelineBlocks)]
    for loop in loops:
        inside = [path for path in paths if _is_within(path, loop)]
        if not inside or any(other != loop and _is_within(other, loop) for other in loops):
            continue
        names = [name for path in inside for name in _sharing(every.get(path))]
        yield loop or "the loop", list(dict.fromkeys(names))


def _is_within(path: str, loop: str) -> bool:
    return not loop or path.startswith(f"{loop}.")


def _sharing(block: Any) -> list[str]:
    """Return the components that a block calls by `call_rows`, as the pipeline names them."""
    slots = getattr(block, "shares_rows", ())
    if not slots or not getattr(getattr(block, "family", None), "rows_independent", True):
        return []
    return [name for slot, names, _ in block._slot_names() if slot in slots for name in names]
