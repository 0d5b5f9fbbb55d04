"""Components that one loop has used up when another goes over the same values: a scheduler that two loops step, and nobody sets anew."""

from __future__ import annotations

from collections.abc import Iterator

from ..conditions import NEVER, Condition, any_of
from ..scoped_names import own_name
from .flow import Dataflow, Finding, LoopSpan, Read, Version


def used_up(flow: Dataflow) -> Iterator[Finding]:
    """Yield loops over values that a block made as it set a component, which another loop, or an iteration before, has changed since."""
    loops = [loop for loop in flow.loops if loop.mutates and loop.guard & flow.possible]
    for later in loops:
        for component, when in later.mutates.items():
            for version, read in _set_with(component, later, flow):
                wanted = flow.possible & when & read.sources.ways[version]
                for earlier in loops:
                    if earlier.end < later.position and component in earlier.mutates:
                        both = wanted & earlier.mutates[component] & _goes_over(earlier, version, read, flow)
                        if found := both & ~_set_anew(component, earlier.end, later.position, flow):
                            head = f"{later.path} goes over the same {own_name(version.name)!r} as {earlier.path}"
                            yield f"{head}, and {_goes_on(component, earlier.path, version, later)}", found
                for outer in flow.loops:
                    if outer.holds(later.position) and version.position < outer.position:
                        anew = _set_anew(component, outer.position, later.position, flow)
                        if found := wanted & ~anew & ~_set_anew(component, later.end, outer.end + 1, flow):
                            head = f"{later.path} goes over the same {own_name(version.name)!r} in every iteration of {outer.path}"
                            yield f"{head}, and {_goes_on(component, 'the iteration before', version, later)}", found


def _set_with(component: str, loop: LoopSpan, flow: Dataflow) -> Iterator[tuple[Version, Read]]:
    """Yield what a loop goes over that a block wrote which also set the component, and how the loop reads it."""
    setters = {each.path for each in flow.mutations if component in each.components}
    for param in loop.reads:
        for read in flow.reads_at(loop.path, str(param.name)) if param.required else ():
            yield from ((version, read) for version in read.sources.ways if version.writer in setters)


def _goes_over(loop: LoopSpan, version: Version, later: Read, flow: Dataflow) -> Condition:
    """Return when a loop goes over a version, too; not if it stands beside the other in a choice."""
    found = (read for param in loop.reads for read in flow.reads_at(loop.path, str(param.name)))
    return any_of(read.sources.ways.get(version, NEVER) for read in found if not read.is_beside(later))


def _set_anew(component: str, first: int, last: int, flow: Dataflow) -> Condition:
    """Return when a block between two positions is there for the component alone. One that writes something uses it for that."""
    return any_of(
        each.guard
        for each in flow.mutations
        if each.is_alone and component in each.components and first < each.position < last
    )


def _goes_on(component: str, before: str, version: Version, loop: LoopSpan) -> str:
    return (
        f"both change {component!r}, which nothing sets anew in between: it goes on where {before} has left it. Put {loop.path} into a "
        f"Scope together with what sets {component!r}, as {version.writer} does, or set it anew between the two."
    )
