"""How long each value is needed: until the last top-level step that reads it, or to the end if it is asked for.

Within a loop nothing is let go of: the next iteration reads again, or writes over it. A foreign block may read any value of the
state without declaring it, so it counts as a reader of everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..nodes import ChoiceNode, LoopNode, Node, leaves
from .flow import Dataflow


def releases_of(steps: Sequence[Node], flow: Dataflow, asked: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each top-level step by path, the values that nobody needs when it is done."""
    names = {version.name for version in flow.versions}
    last: dict[str, int] = {}
    for position, step in enumerate(steps):
        # Writers count as well: a value that nobody reads is let go of right after it was written.
        touched = names if _reads_anything(step) else _reads(step) | _writes(step)
        last.update(dict.fromkeys(touched, position))
    found: dict[str, list[str]] = {}
    for name in sorted(names - asked):
        # What the caller gave and nobody reads goes with the first step.
        found.setdefault(steps[last.get(name, 0)].path, []).append(name)
    return {path: tuple(those) for path, those in found.items()}


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


def peak_of(live: Mapping[str, frozenset[str]], sizes: Mapping[str, int]) -> int:
    """Return the most bytes of values at once between two steps, by the bytes of each."""
    return max((sum(sizes.get(name, 0) for name in names) for names in live.values()), default=0)


def _reads_anything(step: Node) -> bool:
    return any(not leaf.typed for leaf in leaves([step]))


def _reads(step: Node) -> set[str]:
    found = {str(param.name) for param in step.reads}
    if isinstance(step, LoopNode):
        found |= {str(param.name) for param in step.counted}
        for part in step.body:
            found |= _reads(part)
    elif isinstance(step, ChoiceNode):
        for branch in step.branches.values():
            for part in branch:
                found |= _reads(part)
    return found


def _writes(step: Node) -> set[str]:
    return {param.name for leaf in leaves([step]) for param in leaf.writes}
