"""What of a run's weights would lie in the host's memory, and what on disk, before anything is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .output import filled

if TYPE_CHECKING:
    from ....engine import Plan
    from ....pipeline import ModularPipeline
    from ....registry.devices.host_memory import HostPlan
    from .memory_plan import MemoryPlan

_ARGUMENT = re.compile(r"\b(host_memory|offload_folder)\b(?:=(?=\.))?")


@frozen
class HostTable:
    """Says what lies where on the host, as a run with `host_memory=` has it."""

    plan: HostPlan

    @property
    def refusal(self) -> str:
        """Why a run would be refused, with options in place of arguments; "" if it would not."""
        return _ARGUMENT.sub(lambda found: f"--{found[1].replace('_', '-')}", self.plan.refusal)

    @property
    def data(self) -> dict[str, Any]:
        """All of it as data."""
        names = dict.fromkeys(each.component for each in self.plan.filed)
        return {
            "budget": self.plan.budget,
            "in_memory": self.plan.in_memory,
            "on_disk": {name: {"bytes": self.plan.on_disk(name), "said": self.plan.words(name)} for name in names},
            "refused": self.refusal,
        }

    def __str__(self) -> str:
        from ....pipeline.placing.host_weights import host_notes
        from ....registry.loading.weights import byte_words

        if self.refusal:
            return filled(f"refused: {self.refusal}")
        if not self.plan.filed:
            told = f"{byte_words(self.plan.in_memory)} of {byte_words(self.plan.budget)}"
            return filled(f"host memory: all weights have room, {told}")
        return "\n".join(map(filled, host_notes(self.plan)))


def host_table(
    pipe: ModularPipeline, plan: Plan, budget: int, folder: Path | None, moved: MemoryPlan | None
) -> HostTable:
    """Say what lies in the host's memory in a run of a plan.

    Args:
        budget, folder: `host_memory` and `offload_folder` of `enable_auto_cpu_offload`. moved: what comes to a device with memory of its own; None
            where weights are read where they lie.
    """
    from ....engine.execution.uses import often_used
    from ....registry.devices.host_foreseen import foreseen_host

    times = often_used(plan.steps) if moved is None else moved.reads
    return HostTable(
        foreseen_host({name: pipe.components[name] for name in plan.components}, pipe.specs, times, budget, folder)
    )
