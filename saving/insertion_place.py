"""Where in a ready composition a block belongs: behind the steps that give what it reads, before those that read what it writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.loop import LoopSequentialPipelineBlocks
from ..blocks.core.preset_catalog import find_preset, preset_names
from ..families.contract import UNBOUND, FamilyContract
from ..registry.catalog import shipped_composition


@frozen
class InsertionPlace:
    """A place of a block in a composition.

    Attributes:
        anchor: path of the step beside it. before: whether the block comes before that step, and not after it.
        asked: inputs that no step gives, the prompt first. output: what a run with the block is asked for.
        family: that the composition is of. components: names that the composition's pipelines have.
    """

    anchor: str
    before: bool
    asked: tuple[str, ...]
    output: str
    family: FamilyContract
    components: frozenset[str]


@frozen
class _Gap:
    """A place between two steps: what is there, and what is read behind it before it is written again."""

    anchor: str
    before: bool
    available: frozenset[str]
    wanted: frozenset[str]


def insertion_place(block: ModularPipelineBlocks) -> InsertionPlace | None:
    """Find the last place in which a block has what it reads, and is read; None where there is none, or the block is a whole pipeline."""
    start = _composition(block.family)
    if start is None:
        return None
    steps: Mapping[str, Any] = getattr(start, "sub_blocks", {})
    gaps = [*_gaps_of(steps), *_gaps_in_loops(steps)]
    known = frozenset[str]().union(*(gap.available for gap in gaps))
    required = {str(param.name) for param in block.inputs if param.required}
    writes = {str(param.name) for param in block.intermediate_outputs}
    needed = required & known
    if getattr(block, "sub_blocks", None) and not needed:
        return None
    within = [gap for gap in gaps if needed <= gap.available]
    read = [gap for gap in within if writes & gap.wanted]
    # What nobody reads is for the caller, once everything is there.
    found = _last(read) or (_last(within) if needed else None)
    if found is None:
        return None
    results = [str(param.name) for param in block.intermediate_outputs]
    output = "images" if read else next(iter(results), "images")
    components = frozenset(str(spec.name) for spec in start.expected_components)
    prompts = {"prompt"} - writes
    asked = (*prompts, *sorted(required - known - prompts))
    return InsertionPlace(found.anchor, found.before, asked, output, _family(start), components)


def _last(gaps: list[_Gap]) -> _Gap | None:
    """Return the last of the gaps of the outer steps; of those in a loop where there are no others."""
    outer = [gap for gap in gaps if "." not in gap.anchor]
    within = outer or gaps
    return within[-1] if within else None


def _composition(family: FamilyContract) -> ModularPipelineBlocks | None:
    usual = find_preset(shipped_composition())
    if family is UNBOUND or family is _family(usual):
        return usual
    tasks = (find_preset(name) for name in preset_names() if name.endswith(".text2image") and "/" not in name)
    return next((each for each in tasks if _family(each) is family), None)


def is_shipped(family: FamilyContract) -> bool:
    """Return whether the model that comes with this package is of a family."""
    return family is _family(find_preset(shipped_composition()))


def _family(composition: ModularPipelineBlocks) -> FamilyContract:
    parts: Mapping[str, Any] = getattr(composition, "sub_blocks", {})
    return next((part.family for part in parts.values() if part.family is not UNBOUND), UNBOUND)


def _gaps_of(
    steps: Mapping[str, Any], head: str = "", given: frozenset[str] = frozenset(), loops: bool = False
) -> Iterator[_Gap]:
    """Yield the gaps before each step, and behind the last one.

    Args:
        given: what is there before the first. loops: whether the first comes again behind the last.
    """
    names = list(steps)
    available = given
    for at, name in enumerate(names):
        yield _Gap(f"{head}{name}", True, available, _read_from(steps, names[at:], loops))
        available |= _written(steps[name])
    wanted = _read_from(steps, names, loops) if loops else _written(steps[names[-1]])
    yield _Gap(f"{head}{names[-1]}", False, available, wanted)


def _gaps_in_loops(steps: Mapping[str, Any]) -> Iterator[_Gap]:
    before: frozenset[str] = frozenset()
    for name, step in steps.items():
        if isinstance(step, LoopSequentialPipelineBlocks) and step.sub_blocks:
            variables = frozenset(str(each.name) for each in step.variables)
            yield from _gaps_of(step.sub_blocks, f"{name}.", before | variables, loops=True)
        before |= _written(step)


def _read_from(steps: Mapping[str, Any], names: list[str], loops: bool) -> frozenset[str]:
    """Return what some steps read before one of them writes it, and after those of a loop its first ones."""
    order = [*names, *steps] if loops else names
    read: set[str] = set()
    written: set[str] = set()
    for name in order:
        read |= {str(param.name) for param in steps[name].inputs} - written
        written |= _written(steps[name])
    return frozenset(read)


def _written(step: Any) -> frozenset[str]:
    return frozenset(str(param.name) for param in step.intermediate_outputs)
