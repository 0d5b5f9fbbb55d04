"""How long each value is needed: until the last top-level step that reads it before it is written anew, or to the end if it is asked for.

Within a loop nothing is let go of: the next iteration reads again, or writes over it. A foreign block may read any value of the
state without declaring it, so it counts as a reader of everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..conditions import ALWAYS
from ..nodes import BlockNode, LoopNode, Node, all_nodes, leaves
from .flow import CALLER, Dataflow


def releases_of(steps: Sequence[Node], flow: Dataflow, asked: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each top-level step by path, the values that nobody needs when it is done."""
    written = [_may_write(step) for step in steps]
    needed = _needed_after(steps, flow, asked, written)
    # What the caller gave and nobody reads goes with the first step.
    there = {version.name for version in flow.versions if version.writer == CALLER}
    found: dict[str, tuple[str, ...]] = {}
    for step, wanted, new in zip(steps, needed, written, strict=True):
        there |= new
        gone = tuple(sorted(there - wanted))
        if gone:
            found[step.path] = gone
            there &= wanted
    return found


def _needed_after(
    steps: Sequence[Node], flow: Dataflow, asked: frozenset[str], written: Sequence[set[str]]
) -> list[frozenset[str]]:
    """Return, for each top-level step, what is still wanted behind it: read before it is written anew, or asked for."""
    every: frozenset[str] = frozenset().union(*written, (version.name for version in flow.versions))
    wanted = asked
    found: list[frozenset[str]] = []
    for step in reversed(steps):
        found.append(wanted)
        wanted = every if _reads_anything(step) else (wanted - _replaces(step, flow)) | _reads(step)
    return found[::-1]


def live_after(
    steps: Sequence[Node], flow: Dataflow, asked: frozenset[str], given: frozenset[str]
) -> dict[str, frozenset[str]]:
    """Return, for each top-level step by path, the values that are there when it is done and the needless are gone."""
    releases = releases_of(steps, flow, asked)
    there = set(given)
    found: dict[str, frozenset[str]] = {}
    for step in steps:
        there |= _writes(step)
        there -= set(releases.get(step.path, ()))
        found[step.path] = frozenset(there)
    return found


def dead_after_iteration(steps: Sequence[Node], flow: Dataflow, path: str, asked: frozenset[str]) -> frozenset[str]:
    """Return what the blocks of a loop write that is needed by no later iteration and no later step, and is not asked for."""
    loop = next((step for step in steps if step.path == path), None)
    # Foreign code may read anything.
    if not isinstance(loop, LoopNode) or any(_reads_anything(step) for step in steps):
        return frozenset()
    inside = {each.path for each in all_nodes([loop])}
    reads = list(flow.reads_in(inside))
    position = max((read.position for read in reads), default=-1)
    carried = {str(read.param.name) for read in reads if read.is_carried}
    later = {str(read.param.name) for read in flow.reads if read.path not in inside and read.position > position}
    return frozenset(_writes(loop) - carried - later - asked)


def peak_of(live: Mapping[str, frozenset[str]], sizes: Mapping[str, int]) -> int:
    """Return the most bytes of values at once between two steps, by the bytes of each."""
    return max((sum(sizes.get(name, 0) for name in names) for names in live.values()), default=0)


def _reads_anything(step: Node) -> bool:
    # Most steps are leaves, of which a plan may have thousands.
    return not step.typed if isinstance(step, BlockNode) else any(not leaf.typed for leaf in leaves([step]))


def _reads(step: Node) -> set[str]:
    parts = [step] if isinstance(step, BlockNode) else all_nodes([step])
    return {str(param.name) for each in parts for param in (*each.reads, *getattr(each, "counted", ()))}


def _writes(step: Node) -> set[str]:
    return {param.name for leaf in leaves([step]) for param in leaf.writes}


def _may_write(step: Node) -> set[str]:
    """Return what may be there behind a step, loop variables and undeclared values among it."""
    if isinstance(step, BlockNode) and not step.undeclared:
        return {param.name for param in step.writes}
    found = _writes(step)
    for each in all_nodes([step]):
        if isinstance(each, LoopNode):
            found |= {variable.name for variable in each.variables}
        elif isinstance(each, BlockNode) and each.undeclared:
            found |= {*each.undeclared.names}
    return found


def _replaces(step: Node, flow: Dataflow) -> set[str]:
    """Return what a step surely writes, so that nobody behind it reads what was there before: a loop may take no iteration, and a
    choice no branch.
    """
    if not isinstance(step, BlockNode):
        return set()
    handed_on = {name for name, source in step.hands_on.items() if not _is_certain(step.path, source, flow)}
    return {param.name for param in step.writes} - handed_on


def _is_certain(path: str, name: str, flow: Dataflow) -> bool:
    return all(read.sources.certain is ALWAYS for read in flow.reads_at(path, name))
