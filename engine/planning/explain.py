"""A plan as a table for people: what runs, what it reads from whom, what it writes and uses, what is left out."""

from __future__ import annotations

import io
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from ...registry.loading.weights import byte_words
from ...state import html_view
from ..execution.uses import uses_of
from ..nodes import BlockNode, LoopNode, all_nodes
from ..scoped_names import own_name
from .flow import CALLER, Read

if TYPE_CHECKING:
    from .plan import Plan

# Beyond it a line of the table is longer than an eye follows.
WIDEST = 140
COLUMNS = ("step", "reads, by who gives it", "writes", "uses")


@frozen
class Row:
    """One step; each line of `reads` is who gives, then what."""

    step: str
    reads: tuple[str, ...]
    writes: str
    uses: str

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The four columns."""
        return self.step, "\n".join(self.reads), self.writes, self.uses


@frozen
class Explanation:
    """Says what a plan does. `print` it, or leave it as the last line of a notebook's cell.

    Attributes:
        sizes: bytes of each component, where known. peak: most bytes of components at once, if each is there from its
            first use to its last; None where a size is unknown.
    """

    given: tuple[str, ...]
    rows: tuple[Row, ...]
    skipped: Mapping[str, str]
    warnings: tuple[str, ...]
    components: tuple[str, ...]
    sizes: Mapping[str, int] = field(factory=dict)
    peak: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The inputs that have to be given for this plan, as a heading."""
        return f"Runs when given: {', '.join(self.given) or 'nothing'}"

    @property
    def facts(self) -> list[str]:
        """The sentences below the table."""
        lines = [f"skipped at {path}: {what}" for path, what in self.skipped.items()]
        known = [f"{name} {byte_words(self.sizes[name])}" for name in self.components if self.sizes.get(name)]
        if known:
            lines.append(f"components: {', '.join(known)}; {byte_words(sum(self.sizes.values()))} in all")
        if self.peak is not None:
            lines.append(f"peak of components: {byte_words(self.peak)}, if each is there only from first to last use")
        return [*lines, *(f"warning: {text}" for text in self.warnings), *self.notes]

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table

        # Into a file or a pipe nobody has said how wide: paths and names stay whole.
        width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
        # Without markup and highlighting: names and texts come from users, and "[red]" is to be printed as it stands.
        console = Console(
            file=io.StringIO(), width=width, highlight=False, markup=False, color_system=None,
            force_jupyter=False,  # it would show the table at once there, and leave this text empty
        )  # fmt: skip
        table = Table(box=None, pad_edge=False, title=self.title, title_justify="left")
        for column in COLUMNS:
            table.add_column(column, overflow="fold", min_width=self._longest(column))
        for row in self.rows:
            table.add_row(*row.cells)
        if sum(map(self._longest, COLUMNS)) + 2 * (len(COLUMNS) - 1) <= width:
            console.print(table)
        else:
            console.print(self.title, *(_listed(row, width) for row in self.rows), sep="\n", soft_wrap=True)
        console.print("", *self.facts, sep="\n")
        lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # it is the StringIO from above
        return "\n".join(line.rstrip() for line in lines).rstrip()

    __repr__ = __str__

    def _longest(self, column: str) -> int:
        """Return how wide a column must be so that no name in it is broken."""
        at = COLUMNS.index(column)
        return max(len(word) for text in [column, *(row.cells[at] for row in self.rows)] for word in text.split())

    def _repr_html_(self) -> str:
        rows = [row.cells for row in self.rows]
        return html_view.titled(self.title, html_view.table(COLUMNS, rows), html_view.listed(self.facts))


def _listed(row: Row, width: int) -> str:
    """Return a step as lines, for where a table would break names."""
    said = [
        *(f"reads {line}" for line in row.reads),
        *(f"{what} {names}" for what, names in (("writes", row.writes), ("uses", row.uses)) if names),
    ]
    filled = (
        textwrap.fill(
            line, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        )
        for line in said
    )
    return "\n".join([row.step, *filled])


def explain(plan: Plan, sizes: Mapping[str, int] | None = None, notes: Sequence[str] = ()) -> Explanation:
    """Make the table of a plan.

    Args:
        sizes: bytes of components by name, as far as they are known.
    """
    sizes = sizes or {}
    reads: dict[str, list[Read]] = {}
    for read in plan.flow.reads:
        reads.setdefault(read.path, []).append(read)
    rows = []
    for step in all_nodes(plan.steps):
        # Within a scope as its blocks know them: the path of the step says which scope it is.
        writes = [own_name(param.name) for param in step.writes] if isinstance(step, BlockNode) else []
        if isinstance(step, LoopNode):
            writes = [f"{own_name(param.name)} (each iteration)" for param in step.variables]
        components = ", ".join(getattr(step, "components", ()))
        rows.append(Row(step.path, _by_writer(reads.get(step.path, [])), ", ".join(writes), components))
    known = all(name in sizes for name in plan.components)
    return Explanation(
        tuple(sorted(plan.given)),
        tuple(rows),
        plan.skipped,
        plan.warnings,
        plan.components,
        {name: sizes[name] for name in plan.components if name in sizes},
        peak_of_components(plan, sizes) if known and plan.components else None,
        tuple(notes),
    )


def peak_of_components(plan: Plan, sizes: Mapping[str, int]) -> int:
    """Return the most bytes of components at once, if each is there only from its first use to its last."""
    steps = [use.names for use in uses_of(plan.steps, lambda *_: True)]
    first = {name: i for i, names in reversed(list(enumerate(steps))) for name in names}
    last = {name: i for i, names in enumerate(steps) for name in names}
    totals = [sum(sizes[n] for n in first if first[n] <= i <= last[n]) for i in range(len(steps))]
    return max(totals, default=0)


def _by_writer(reads: Sequence[Read]) -> tuple[str, ...]:
    """Return lines such as "input: prompt_embeds, batch_size"; what nobody gives is left out."""
    lines: dict[str, list[str]] = {}
    for read in reads:
        writers = dict.fromkeys(
            # A read that a later step serves gets its value from the iteration before.
            "the caller" if v.writer == CALLER else v.writer.rpartition(".")[2] + (" (last iteration)" if later else "")
            for v in read.sources.versions
            for later in [v.position >= read.position]
        )
        names = lines.setdefault(" or ".join(writers), [])
        name = own_name(str(read.param.name))
        if writers and name not in names:
            names.append(name)
    return tuple(f"{writer}: {', '.join(names)}" for writer, names in lines.items() if names)
