"""What can be left out of a run as a whole, if its result is known: a block, a loop, one iteration of a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..cache_unit import CacheUnit
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node, all_nodes
from .flow import Dataflow, Read


def unit_of(step: BlockNode | LoopNode, flow: Dataflow) -> CacheUnit | None:
    """Return the unit of a block or a loop; None where something in it does not say what it is."""
    return _unit(step, "loop" if isinstance(step, LoopNode) else "block", [step], flow, _is_from_outside(step))


def iteration_of(step: LoopNode, flow: Dataflow) -> CacheUnit | None:
    """Return the unit of one iteration: what the loop brings, what earlier iterations leave, and what was there before."""
    inside = _is_from_outside(step)

    def is_read(read: Read) -> bool:
        # Loop variables are what tells one iteration from another.
        own = {version.writer for version in read.sources.versions} == {step.path}
        return own or inside(read) or read.is_carried

    return _unit(step, "iteration", list(step.body), flow, is_read)


def _unit(
    step: BlockNode | LoopNode, kind: str, parts: list[Node], flow: Dataflow, is_read: Callable[[Read], bool]
) -> CacheUnit | None:
    every = list(all_nodes(parts))
    known: list[Callable[[Mapping[str, Any]], Any]] = []
    for part in every:
        if not isinstance(part, ChoiceNode):
            if part.identity is None:
                return None
            # Relative to the unit, so that the same loop under another name finds its result.
            known.append(partial(_placed, part.path.removeprefix(step.path), part.identity))
    weights: set[str] = set()
    configs: set[str] = set()
    for part in every:
        if isinstance(part, BlockNode):
            weights |= part.weights
            configs.update(part.config_only)
        elif isinstance(part, LoopNode):
            weights.update(part.components)
    reads: tuple[str, ...] | None = None
    # One block of foreign code is enough to read anything, so everything that is there belongs to the key.
    if all(part.typed for part in every if isinstance(part, BlockNode)):
        paths = {part.path for part in every}
        reads = tuple(sorted({str(r.param.name) for r in flow.reads_in(paths) if is_read(r)}))
    return CacheUnit(step.path, kind, reads, frozenset(weights), frozenset(configs - weights), tuple(known))


def _placed(path: str, identity: Callable[[Mapping[str, Any]], Any], configs: Mapping[str, Any]) -> Any:
    """Return an identity with the place of its step within the unit."""
    return [path, identity(configs)]


def _is_from_outside(step: BlockNode | LoopNode) -> Callable[[Read], bool]:
    """Return whether a value that is read may have been there before the step. What nobody gives has its default."""
    inside = {part.path for part in all_nodes([step])} if isinstance(step, LoopNode) else set()
    return lambda read: any(version.writer not in inside for version in read.sources.versions)
