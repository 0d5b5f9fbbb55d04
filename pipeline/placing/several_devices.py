"""Runs of a pipeline over several devices: which component is where, what is said of it, and what brings it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...blocks.core.components_view import known_families
from ...engine import Plan
from ...engine.events import Emit
from ...engine.execution.device_plan import DevicePlanner
from ...engine.execution.several_residency import SeveralResidency
from ...engine.execution.step_devices import devices_of_steps, shared_weights
from ...engine.execution.uses import asked_sizes, uses_of
from ...engine.nodes import leaves
from ...engine.scoped_names import own_name
from ...registry.devices.device_choice import device_name
from ...registry.devices.group_offload import onload_device
from ...registry.devices.moved_tensors import placed_bytes
from ...registry.devices.several_placements import SeveralPlacements

if TYPE_CHECKING:
    from ..components import PipelineComponents


@frozen
class ComponentDevices:
    """Which of a run's models is where.

    Attributes:
        of: component to the name of its device. why: how that was decided, in words; "" where a person said it.
    """

    of: Mapping[str, str]
    why: str = ""


def devices_for(
    pipe: PipelineComponents,
    plan: Plan,
    held: Mapping[str, Any],
    placements: SeveralPlacements,
    values: Mapping[str, Any],
) -> ComponentDevices:
    """Return where the models are that a run computes with.

    Args:
        held: components of the run. values: that it begins with.

    Raises:
        ComponentError: a mapping names what is not there, or leaves a model out.
    """
    used = frozenset().union(*(use.names for use in uses_of(plan.steps, lambda *_: False)))
    models = {name: held[name] for name in plan.components if name in used and hasattr(held[name], "parameters")}
    choice = placements.choice
    if not choice.is_planned:
        roles: dict[str, set[str]] = {}
        for family in known_families(pipe.blocks):
            for role, parts in family.roles.items():
                roles.setdefault(role, set()).update(part.name for part in parts)
        # The manager serves other pipelines, too, whose components a mapping may name.
        others = () if pipe.manager is None else tuple(name for name in choice.of if pipe.manager.get_ids(name))
        return ComponentDevices(choice.for_components(models, roles, {*pipe.specs, *others}))
    together = [leaf.weights & models.keys() for leaf in leaves(plan.steps)]
    together += [frozenset(pair[:2]) for pair in shared_weights(models)]
    fixed = {name: device_name(there) for name, each in models.items() if (there := onload_device(each)) is not None}
    planner = DevicePlanner(
        plan.steps,
        {name: placed_bytes(each) for name, each in models.items()},
        {name: id(each) for name, each in models.items()},
        placements,
        asked_sizes(values),
    )
    division = planner.divided(together, fixed)
    return ComponentDevices(division.devices, division.words)


def residency_over(
    pipe: PipelineComponents,
    plan: Plan,
    held: Mapping[str, Any],
    placements: SeveralPlacements,
    values: Mapping[str, Any],
    emit: Emit | None = None,
) -> SeveralResidency:
    """Return what brings the components of a run to their devices.

    Raises:
        ComponentError: they cannot be placed as was asked for.
    """
    devices = devices_for(pipe, plan, held, placements, values).of
    return SeveralResidency(plan.steps, held, placements, devices, emit, asked_sizes(values))


def device_notes(pipe: PipelineComponents, plan: Plan, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences about the devices of a run: which model is where, and which values go from one to another."""
    placements = pipe.placement
    if not isinstance(placements, SeveralPlacements):
        return
    held = {name: pipe.components[name] for name in plan.components}
    if any(each is None and not pipe.may_be_none(name) for name, each in held.items()):
        yield "devices: known when the components are loaded"
        return
    found = devices_for(pipe, plan, held, placements, values)
    for device in placements.choice.names:
        names = [name for name in plan.components if found.of.get(name) == device]
        yield f"{device}: {', '.join(names) or 'nothing'}"
    if found.why:
        yield found.why
    at = devices_of_steps(plan.steps, found.of, placements.choice.main)
    lent: dict[tuple[str, str], dict[str, None]] = {}
    for read in plan.flow.reads:
        for version in read.sources.versions:
            way = at.get(version.writer), at.get(read.path)
            if None not in way and way[0] != way[1]:
                lent.setdefault((str(way[0]), str(way[1])), {})[own_name(str(read.param.name))] = None
    for (source, target), values_there in lent.items():
        yield f"from {source} to {target}: {', '.join(values_there)}"
