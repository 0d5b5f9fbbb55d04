"""What of a pipeline's models lies in the host's memory during a run, and what on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...engine import Plan
from ...engine.execution.residency import PlannedResidency
from ...engine.execution.several_residency import SeveralResidency
from ...engine.execution.uses import often_used
from ...registry.devices.host_memory import HostMemory, HostPlan
from ...registry.devices.moved_tensors import held_tensors
from ...registry.loading.weights import byte_words

if TYPE_CHECKING:
    from ..components import PipelineComponents


def arrange_host(pipe: PipelineComponents, plan: Plan, residency: PlannedResidency | SeveralResidency) -> None:
    """Let weights lie where the plan of a run has them; all stay where they are if the host's memory has no limit.

    Raises:
        ComponentError: there is no room for them.
    """
    host = _host_of(pipe)
    if host is not None:
        host.arrange(_models(pipe), _reads(pipe, plan, residency, host))


def host_plan(
    pipe: PipelineComponents, plan: Plan | None, residency: PlannedResidency | SeveralResidency | None
) -> HostPlan | None:
    """Return what lies where in a run, or, of no run, now; None where the host's memory has no limit.

    Raises:
        ComponentError: there is no room for what has to be in memory.
    """
    host = _host_of(pipe)
    if host is None:
        return None
    if plan is None or residency is None:
        return host.present(_models(pipe))
    found = host.plan(_models(pipe), _reads(pipe, plan, residency, host))
    found.refuse()
    return found


def host_notes(found: HostPlan | None) -> Iterator[str]:
    """Yield sentences about what lies on disk."""
    if found is not None and found.filed:
        for name in dict.fromkeys(each.component for each in found.filed):
            yield f"{name}: {found.words(name)}"
        yield f"host memory: {byte_words(found.in_memory)} of {byte_words(found.budget)} for weights"


def _host_of(pipe: PipelineComponents) -> HostMemory | None:
    return None if pipe.placement is None else pipe.placement.host


def _reads(
    pipe: PipelineComponents, plan: Plan, residency: PlannedResidency | SeveralResidency, host: HostMemory
) -> Counter[int]:
    reads = residency.reads()
    # Kernels of the host read weights where they lie, each time.
    if any(memory.computes_on_host for memory in host.memories):
        for name, times in often_used(plan.steps).items():
            reads.update({id(held.tensor): times for held in held_tensors(pipe.components[name])})
    return reads


def _models(pipe: PipelineComponents) -> Mapping[str, Any]:
    """Return all models whose weights take the host's memory: this pipeline's, and what its manager has of others."""
    own = {name: each for name, each in pipe.components.items() if hasattr(each, "parameters")}
    known = {id(each) for each in own.values()}
    others = {} if pipe.manager is None else dict(pipe.manager.components)
    return own | {name: each for name, each in others.items() if id(each) not in known}
