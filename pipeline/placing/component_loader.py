"""What brings a pipeline's components during a run: its manager's placement, or loading on demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine import Plan
from ...engine.events import Emit
from ...engine.execution.loaded_residency import LoadedResidency
from ...engine.execution.residency import PlannedResidency
from ...engine.execution.several_residency import SeveralResidency
from ...engine.execution.uses import asked_sizes
from ...engine.isolation import RunComponents
from ...engine.run import Residency
from ...registry.devices.several_placements import SeveralPlacements
from .host_weights import arrange_host
from .several_devices import residency_over

if TYPE_CHECKING:
    from ..components import PipelineComponents


def residency_for(
    pipe: PipelineComponents, plan: Plan, components: RunComponents, emit: Emit | None, values: Mapping[str, Any]
) -> Residency | None:
    """Return what brings components during a run; None where all are there already.

    Args:
        values: that the run begins with.
    """
    if pipe.placement is not None:
        missing = [name for name in plan.components if pipe.components[name] is None and not pipe.may_be_none(name)]
        if missing:
            pipe.load_components(missing, **pipe.settings.load_options)
        found = {name: components[name] for name in plan.components}
        residency: PlannedResidency | SeveralResidency
        if isinstance(pipe.placement, SeveralPlacements):
            residency = residency_over(pipe, plan, found, pipe.placement, values, emit)
        else:
            residency = PlannedResidency(plan.steps, found, pipe.placement, emit, asked_sizes(values))
        arrange_host(pipe, plan, residency)
        residency.begin()
        return residency
    # The engine then hands components out directly, without a look at what a later step needs.
    if not pipe.loads_on_demand:
        return None
    just_in_time = pipe.settings.residency == "just in time"
    loader = RunLoader(pipe) if just_in_time else StayingLoader(pipe)
    return LoadedResidency(plan.steps, components, loader, just_in_time, emit)


@frozen
class RunLoader:
    """Loads for one run; the pipeline knows nothing of it."""

    pipe: PipelineComponents

    def load(self, name: str) -> Any:
        """Load a component, and put it where the pipeline computes."""
        if self.pipe.may_be_none(name):
            return None
        # A copy, because loading writes into the spec what it was loaded with.
        component = self.pipe.specs[name].copy().load(**self.pipe.options_of(name))
        return component.to(self.pipe.device) if hasattr(component, "parameters") else component

    def load_config(self, name: str) -> Any:
        """Return a skeleton without weights, where the class can make one."""
        if self.pipe.may_be_none(name):
            return None
        return self.pipe.specs[name].copy().load_skeleton(**self.pipe.options_of(name))


@frozen
class StayingLoader:
    """Loads into the pipeline, where the component stays."""

    pipe: PipelineComponents

    def load(self, name: str) -> Any:
        """Load a component."""
        if self.pipe.may_be_none(name):
            return None
        self.pipe.load_components(name, **self.pipe.settings.load_options)
        return self.pipe.components[name]

    def load_config(self, name: str) -> Any:
        """Return a skeleton without weights, where the class can make one: the weights may never be needed."""
        return RunLoader(self.pipe).load_config(name)
