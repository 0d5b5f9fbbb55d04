"""What would be moved, if components might take so many bytes: by lists of tensors in files, before anything is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from ....state import ComponentError
from .output import filled, table

if TYPE_CHECKING:
    from ....engine import Plan


class ByteSize(click.ParamType):  # type: ignore[type-arg]  # older versions are not generic
    """A number of bytes: `8GB`, `500M`, `6GiB`."""

    name = "size"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        from ....registry.loading.weights import bytes_of

        text = str(value).strip()
        try:
            return bytes_of(text if text[-1:] in {"b", "B"} else f"{text}B")
        except ComponentError:
            self.fail(f"{value!r} is no size; give 8GB, 500MB or 6GiB.", param, ctx)


@frozen
class Stage:
    """One step that computes with components.

    Attributes:
        bytes: of all components that are there. comes, goes: what is moved before it.
    """

    path: str
    bytes: int
    comes: tuple[str, ...]
    goes: tuple[str, ...]
    fits: bool

    @property
    def moves(self) -> str:
        """What is moved before it, in words; "-" if nothing is."""
        gone = f"{', '.join(self.goes)} {'goes' if len(self.goes) == 1 else 'go'}" if self.goes else ""
        come = f"{', '.join(self.comes)} {'comes' if len(self.comes) == 1 else 'come'}" if self.comes else ""
        return "; ".join(filter(None, (gone, come))) or "-"


@frozen
class MemoryPlan:
    """What is moved in one run, by size alone: where all that fits stays."""

    budget: int
    stages: Sequence[Stage]
    unknown: Sequence[str]

    @property
    def reads(self) -> Counter[str]:
        """How often a run takes each component from the host; of what does not fit, the layers come in each iteration."""
        from ....engine.execution.uses import ITERATIONS

        found: Counter[str] = Counter()
        for each in self.stages:
            found.update(each.comes if each.fits else dict.fromkeys(each.comes, ITERATIONS))
        return found

    @property
    def data(self) -> dict[str, Any]:
        """All of it as data."""
        stages = [
            {
                "path": each.path,
                "bytes": each.bytes,
                "comes": list(each.comes),
                "goes": list(each.goes),
                "fits": each.fits,
            }
            for each in self.stages
        ]
        return {"budget": self.budget, "steps": stages, "unknown": list(self.unknown)}

    def __str__(self) -> str:
        from ....registry.loading.weights import byte_words

        rows = [(each.path, byte_words(each.bytes), each.moves) for each in self.stages]
        found = [f"With {byte_words(self.budget)} for components:", table(rows, ("step", "there", "moved before it"))]
        if self.unknown:
            found.append(filled(f"Of unknown size: {', '.join(self.unknown)}."))
        large = [each.path for each in self.stages if not each.fits]
        if large:
            found.append(
                filled(
                    f"Too little for {', '.join(large)}: what has no room comes layer by layer, which takes longer. Load in fp16 (--dtype), or "
                    "give more."
                )
            )
        return "\n".join([*found, filled("What values need beside components is known only once it has run.")])


def memory_plan(plan: Plan, sizes: Mapping[str, int], budget: int) -> MemoryPlan:
    """Say what comes and goes in a run of a plan.

    What stays is chosen as it is when components are placed, for this run and the next one like it, except that a step for which there is no room has all of its own.

    Args:
        sizes: bytes of components by name as they are loaded, as far as they are known.
    """
    from ....engine.execution.eviction import best_schedule
    from ....engine.execution.uses import uses_of

    every = {use.path: frozenset(filter(sizes.get, use.names)) for use in uses_of(plan.steps, lambda *_: True)}
    needs = {path: names for path, names in every.items() if names}
    rooms = [max(budget, sum(sizes[name] for name in names)) for names in needs.values()]
    stages = []
    before: frozenset[str] = frozenset()
    twice = best_schedule([*needs.values()] * 2, sizes, rooms * 2)
    for path, there in zip(needs, twice[: len(needs)], strict=True):
        total = sum(sizes[name] for name in there)
        stages.append(Stage(path, total, tuple(sorted(there - before)), tuple(sorted(before - there)), total <= budget))
        before = there
    return MemoryPlan(budget, stages, [name for name in plan.components if name not in sizes])
