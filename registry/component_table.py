"""Components as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from attrs import field, frozen

from ..state import InputError, html_view
from ..state.errors import did_you_mean
from .devices.component_bytes import component_bytes
from .identity.component_identity import dtype_of
from .loading.weights import byte_words
from .provenance import provenance_of


@frozen(slots=False)
class Entry:
    """Holds what a person wants to know of a component."""

    id: str
    name: str
    class_name: str
    size: int
    dtype: str
    device: str
    origin: str
    collections: tuple[str, ...]
    adapters: dict[str, float] = field(factory=dict)

    @classmethod
    def of(
        cls, component_id: str, name: str, component: object, collections: tuple[str, ...], adapters: dict[str, float]
    ) -> Self:
        """Look at a component."""
        dtype = dtype_of(component)
        return cls(
            component_id,
            name,
            type(component).__name__,
            component_bytes(component),
            "" if dtype is None else str(dtype).removeprefix("torch."),
            str(getattr(component, "device", "") or ""),
            _origin(component),
            collections,
            adapters,
        )

    def chosen(self, fields: str | Iterable[str] | None = None) -> dict[str, Any]:
        """Return it by field; None for all of its own.

        Raises:
            InputError: there is no such field.
        """
        own = dict(vars(self))
        if fields is None:
            return own
        # diffusers' words for what is here under others; a size is in 2**30 bytes there.
        peer = {"model_id": self.id, "size_gb": self.size / 2**30, "collection": ", ".join(self.collections) or None}
        known = {**own, **peer}
        wanted = [fields] if isinstance(fields, str) else list(fields)
        faults = [f"There is no field {name!r}. {did_you_mean(name, known)}" for name in wanted if name not in known]
        if faults:
            raise InputError.of("Fields are unknown", faults)
        return {name: known[name] for name in wanted}


def table(entries: Sequence[Entry]) -> str:
    """Return one line per component, models with their size."""
    if not entries:
        return _title(entries)
    return "\n".join([_title(entries), *aligned(_cells(entries))])


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows of cells as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def html_table(entries: Sequence[Entry]) -> str:
    """Return the same for a notebook."""
    head, *rows = _cells(entries)
    return html_view.titled(_title(entries), html_view.table(head, rows))


def _title(entries: Sequence[Entry]) -> str:
    if not entries:
        return "ComponentsManager: empty"
    return f"ComponentsManager: {len(entries)} components, {byte_words(sum(entry.size for entry in entries))}"


def _cells(entries: Sequence[Entry]) -> list[list[str]]:
    """Return a head and a row for each component, of the columns that say something."""
    rows = [("id", "class", "size", "dtype", "device", "adapters", "collections", "origin")]
    rows += [
        (
            entry.id,
            entry.class_name,
            byte_words(entry.size) if entry.size else "",
            entry.dtype,
            entry.device,
            ", ".join(f"{name} x{scale:g}" for name, scale in entry.adapters.items()),
            ", ".join(entry.collections),
            entry.origin,
        )
        for entry in entries
    ]
    used = [i for i, title in enumerate(rows[0]) if any(row[i] for row in rows[1:]) or title == "id"]
    return [[row[i] for i in used] for row in rows]


def _origin(component: object) -> str:
    load_id = provenance_of(component).load_id or "null"
    return "" if load_id == "null" else "/".join(part for part in load_id.split("|") if part not in ("", "null"))
