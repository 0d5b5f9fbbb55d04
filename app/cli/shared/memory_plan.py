"""What would be moved, if components might take so many bytes: by sizes in files, before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from .output import table

if TYPE_CHECKING:
    from ....engine import Plan

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE)


class ByteSize(click.ParamType):  # type: ignore[type-arg]  # older versions are not generic
    """A number of bytes: `8GB`, `500M`, `6GiB`."""

    name = "size"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no size; give 8GB, 500MB or 6GiB.", param, ctx)
        number, unit, is_binary = found.groups()
        factor = _UNITS[unit.upper()]
        return int(float(number) * (factor if not is_binary else 1024 ** ("KMGT".index(unit.upper()) + 1)))


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


@frozen
class MemoryPlan:
    """What is moved in one run, by size alone: where all that fits stays."""

    budget: int
    stages: Sequence[Stage]
    unknown: Sequence[str]

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

        rows = [
            (each.path, byte_words(each.bytes), ", ".join(each.comes) or "-", (", ".join(each.goes) or "-")
             + ("" if each.fits else "  (does not fit)"))
            for each in self.stages
        ]  # fmt: skip
        found = [f"With {byte_words(self.budget)} for components:", table(rows, ("step", "there", "comes", "goes"))]
        if self.unknown:
            found.append(f"Of unknown size: {', '.join(self.unknown)}.")
        large = [each.path for each in self.stages if not each.fits]
        if large:
            found.append(f"Too little for {', '.join(large)}: load them in fp16 (--dtype), or offload their layers.")
        return "\n".join([*found, "What values need beside components is known only once it has run."])


def memory_plan(plan: Plan, sizes: Mapping[str, int], budget: int) -> MemoryPlan:
    """Say what comes and goes in a run of a plan.

    A component goes where room is needed, those first whose next use is farthest.

    Args:
        sizes: bytes of components by name, as far as they are known.
    """
    from ....engine.execution.uses import uses_of

    uses = [use for use in uses_of(plan.steps, lambda *_: True) if any(sizes.get(name) for name in use.names)]
    there: set[str] = set()
    stages = []
    for position, use in enumerate(uses):
        needed = {name for name in use.names if sizes.get(name)}
        comes = tuple(sorted(needed - there))
        goes = []
        for name in sorted(there - needed, key=lambda each: -_next_use(each, position, uses)):
            if sum(sizes[each] for each in there | needed) <= budget:
                break
            there.discard(name)
            goes.append(name)
        goes.sort()
        there |= needed
        total = sum(sizes[each] for each in there)
        stages.append(Stage(use.path, total, comes, tuple(goes), total <= budget))
    return MemoryPlan(budget, stages, [name for name in plan.components if name not in sizes])


def _next_use(name: str, position: int, uses: Sequence[Any]) -> int:
    return next((at for at in range(position + 1, len(uses)) if name in uses[at].names), len(uses) + 1)
