"""What holds memory: models, where they are and why, and what a run is expected to need."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..adapters.lora_fusing import fused_bytes
from ..engine import Plan
from ..engine.execution.checkpoint import checkpoint_bytes
from ..engine.execution.foreseen import Foreseen
from ..engine.execution.residency import PlannedResidency
from ..engine.execution.several_residency import SeveralResidency
from ..engine.execution.uses import asked_sizes
from ..registry.component_table import aligned
from ..registry.devices.component_bytes import component_bytes
from ..registry.devices.group_offload import largest_part, onload_device
from ..registry.devices.host_memory import HostPlan
from ..registry.devices.placement import Placement
from ..registry.devices.several_placements import SeveralPlacements
from ..registry.loading.weights import byte_words
from ..state import ComponentError, html_view
from .placing.host_weights import host_notes, host_plan
from .placing.several_devices import device_notes, residency_over

if TYPE_CHECKING:
    from .components import PipelineComponents

_WIDTH = 80
_LEAST = 24
"""Characters of a column in which sentences can be read."""
_WHOLE_WORDS: Mapping[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


@frozen
class HeldComponent:
    """One model.

    Attributes:
        size: bytes of its weights. place: the device where it is, or "" while it is not loaded. why: in words.
        on_disk: bytes of which the host has no copy in memory, but files; in a run, if one was asked about.
    """

    name: str
    size: int
    place: str
    why: str
    on_disk: int = 0


@frozen
class MemoryReport:
    """Says what holds memory. `print` it.

    Attributes:
        components: models. budget: bytes of the device that runs may take; None without a manager that places, without a limit, and with several
            devices. budgets: of several devices, by name. devices: sentences about which model is where, and which values go from
            one device to another. steps: what is expected of the steps of a run; empty without inputs, and where nothing is placed.
        host: what of the weights lies in the host's memory, and what on disk; None where that has no limit.
        others: what else holds memory, as name to bytes. refused: why the run would be refused, or "".
    """

    components: tuple[HeldComponent, ...]
    budget: int | None = None
    steps: tuple[Foreseen, ...] = ()
    others: Mapping[str, int] = {}
    refused: str = ""
    budgets: Mapping[str, int | None] = {}
    devices: tuple[str, ...] = ()
    host: HostPlan | None = None

    @property
    def peak(self) -> Foreseen | None:
        """The step that is expected to need most; None where no steps are known."""
        return max(self.steps, key=lambda step: step.total, default=None)

    def _peak_of(self, device: str) -> Foreseen | None:
        there = [step for step in self.steps if step.device == device]
        return max(there, key=lambda step: step.total, default=None)

    def __str__(self) -> str:
        return "\n".join(_folded(self._lines()))

    def _repr_html_(self) -> str:
        return html_view.preformatted(self)

    def _lines(self) -> Iterable[str]:
        rows = [("component", "size", "place", "why")]
        rows += [(each.name, byte_words(each.size), each.place or "-", each.why) for each in self.components]
        yield from _table(rows)
        if self.budget is not None:
            yield f"budget: {byte_words(self.budget)}"
        for name, budget in self.budgets.items():
            yield f"budget of {name}: {'no limit' if budget is None else byte_words(budget)}"
        yield from host_notes(self.host)
        for name, size in self.others.items():
            yield f"{name}: {byte_words(size)}"
        if self.steps:
            yield ""
            table = [("step", "components", "beside", "in all", "device")]
            for step in self.steps:
                beside = byte_words(step.beside) if step.beside else "not measured yet"
                table.append((step.path, byte_words(step.components), beside, byte_words(step.total), step.device))
            yield from _paths_folded([row if self.budgets else row[:-1] for row in table])
        for name in self.budgets:
            if (highest := self._peak_of(name)) is not None:
                yield f"peak of {name}: {_peak_words(highest, self.budgets[name])}"
        if not self.budgets and (peak := self.peak) is not None:
            yield f"peak: {_peak_words(peak, self.budget)}"
        yield from self.devices
        if self.refused:
            yield f"refused: {self.refused}"


def _folded(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines that are no wider than a terminal, of which no one knows where the text will be read; words that are longer stay whole."""
    for line in lines:
        yield from textwrap.wrap(line, _WIDTH, subsequent_indent="  ", **_WHOLE_WORDS) if len(line) > _WIDTH else [line]


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines, with the words of the last column folded below each other, or below the row where there is no room beside."""
    lines = list(aligned([each[:-1] for each in rows]))
    start = max(map(len, lines)) + 2
    for row, line in zip(rows, lines, strict=True):
        if start + len(row[-1]) <= _WIDTH:
            yield f"{line.ljust(start)}{row[-1]}"
        elif _WIDTH - start >= _LEAST:
            first, *rest = textwrap.wrap(row[-1], _WIDTH - start, **_WHOLE_WORDS)
            yield f"{line.ljust(start)}{first}"
            yield from (" " * start + each for each in rest)
        else:
            yield line
            yield from textwrap.wrap(row[-1], _WIDTH, initial_indent="    ", subsequent_indent="    ", **_WHOLE_WORDS)


def _paths_folded(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines; where they are too wide, a path that is long stands in a line of its own above its numbers."""
    lines = list(aligned(rows))
    if max(map(len, lines)) <= _WIDTH:
        yield from lines
        return
    room = _WIDTH - max(map(len, aligned([row[1:] for row in rows]))) - 2
    short = [row if len(row[0]) <= room else ("", *row[1:]) for row in rows]
    for row, line in zip(rows, aligned(short), strict=True):
        if len(row[0]) > room:
            yield row[0]
        yield line


def _peak_words(step: Foreseen, budget: int | None) -> str:
    over = 0 if budget is None else step.total - budget
    more = f": {byte_words(over)} more than the budget, which its components alone would fit" if over > 0 else ""
    return f"{byte_words(step.total)}, in {step.path}{more}"


def memory_notes(pipe: PipelineComponents, plan: Plan, values: Mapping[str, Any]) -> list[str]:
    """Return which models come layer by layer in a run of a plan, and which lie on disk, in sentences."""
    if pipe.placement is None:
        return []
    report = memory_report(pipe, plan, values)
    layered = [
        f"{step.path}: {name} comes layer by layer, {words}"
        for step in report.steps
        for name, words in step.layers.items()
    ]
    return [*layered, *host_notes(report.host)]


def memory_report(pipe: PipelineComponents, plan: Plan | None, values: Mapping[str, Any]) -> MemoryReport:
    """Return what a pipeline's models hold, and what a run of a plan is expected to need."""
    placement = pipe.placement
    models = {name: each for name, each in pipe.components.items() if name in pipe.pretrained_component_names}
    steps: tuple[Foreseen, ...] = ()
    refused = ""
    devices: tuple[str, ...] = ()
    device_of: Mapping[str, str] = {}
    host: HostPlan | None = None
    residency: PlannedResidency | SeveralResidency | None = None
    try:
        if plan is not None and placement is not None:
            found = {name: pipe.components[name] for name in plan.components}
            if isinstance(placement, SeveralPlacements):
                devices = tuple(device_notes(pipe, plan, values))
                residency = residency_over(pipe, plan, found, placement, values)
                device_of = residency.of
            else:
                residency = PlannedResidency(plan.steps, found, placement, sizes=asked_sizes(values))
            steps = tuple(residency.foreseen())
        host = host_plan(pipe, plan, residency)
    except ComponentError as error:
        refused = str(error)
    layers = {name: words for step in steps for name, words in step.layers.items()}
    held = [
        _held(name, each, pipe, layers.get(name, ""), device_of.get(name), 0 if host is None else host.on_disk(name))
        for name, each in models.items()
        if each is None or component_bytes(each)
    ]
    fused = sum(map(fused_bytes, models.values()))
    cache = pipe.settings.cache
    snapshots, on_devices = checkpoint_bytes()
    others = {
        "cache of results": 0 if cache is None else cache.bytes,
        "of which on devices": 0 if cache is None else cache.device_bytes,
        "snapshots that are held": snapshots,
        "snapshots, on devices": on_devices,
        "weights as before LoRAs were fused, on the host": fused,
    }
    return MemoryReport(
        tuple(held),
        placement.budget if isinstance(placement, Placement) else None,
        steps,
        {name: size for name, size in others.items() if size},
        refused,
        {name: each.budget for name, each in placement.each.items()}
        if isinstance(placement, SeveralPlacements)
        else {},
        devices,
        host,
    )


def _held(
    name: str, model: Any, pipe: PipelineComponents, layers: str, planned: str | None, on_disk: int
) -> HeldComponent:
    """Say where a model is.

    Args:
        layers: how it comes in parts, in words. planned: the device on which it will be in the run that was asked about, if there are several.
        on_disk: bytes that lie in files.
    """
    placement = pipe.placement
    if model is None:
        return HeldComponent(name, 0, "", "not loaded")
    size = component_bytes(model)
    device = next((str(tensor.device) for tensor in getattr(model, "parameters", tuple)()), "cpu")
    if placement is None:
        return HeldComponent(name, size, device, f"the pipeline computes on {pipe.device}")
    if isinstance(placement, SeveralPlacements):
        here = placement.name_of(id(model))
        there, placement = here or planned or "its device", placement.each[here or placement.choice.main]
    else:
        there = str(placement.device)
    place = device if not on_disk else "disk" if on_disk >= size else f"{device}, disk"
    is_there = id(model) in placement.resident and not layers
    is_read_in_place = bool(on_disk) and placement.memory.computes_on_host
    if is_there and not is_read_in_place:
        why = "kept there: there is room, and a later step needs it"
        return HeldComponent(name, placement.size_of(id(model)), there, why, on_disk)
    if onload_device(model) is not None:
        part = byte_words(largest_part(model))
        why = f"diffusers brings its layers to {there}, {part} at once at most"
    elif is_read_in_place:
        why = "read where it lies, when a step computes with it"
    elif layers:
        why = f"too large for the step: comes to {there} {layers}"
    else:
        why = f"comes to {there} when a step needs it"
    return HeldComponent(name, size, place, why, on_disk)
