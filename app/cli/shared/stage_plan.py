"""Where a plan would be cut over devices of so much memory, by what `bench` has measured on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from ....engine.planning.stages import StageProfile, Stages
from ....state import InputError
from .output import filled
from .targets import Target

if TYPE_CHECKING:
    from ....engine import Plan

_OUTPUT = "images"
"""What `bench` asks for."""


@frozen
class StagePlan:
    """The stages of a plan, or why it has none."""

    stages: Stages

    @property
    def data(self) -> dict[str, Any]:
        """All of it as data."""
        found = self.stages
        period, gain = (None if each == float("inf") else each for each in (found.period, found.gain))
        cuts = [asdict(stage) for stage in found.stages] if found.is_split else []
        return {"stages": cuts, "reason": found.reason, "not_cut": list(found.refused), "period": period, "gain": gain}

    def __str__(self) -> str:
        lines = str(self.stages).splitlines()
        rows = 1 + len(self.stages.stages)
        return "\n".join([*lines[:rows], *map(filled, lines[rows:])])


def stage_plan(
    plan: Plan, target: Target, sizes: Mapping[str, int], memories: Sequence[int], profile: Mapping[str, Any] | None
) -> StagePlan:
    """Cut a plan.

    Args:
        sizes: bytes of components. memories: of each device. profile: as `profile_of` gives it.

    Raises:
        InputError: nothing was measured, or of another plan; or it cannot be cut.
    """
    again = f"brickwork bench {target.text}, with the same inputs, measures it."
    if profile is None or profile["stale"]:
        raise InputError(f"Where to cut hangs on seconds and bytes of this machine, which are not known. {again}")
    steps = [step.path for step in plan.steps]
    of_step = {path: sum(s for name, s in profile["blocks"].items() if _is_in(name, path)) for path in steps}
    if any(path not in profile["handed_on"] for path in steps):
        raise InputError(f"Seconds were measured of other steps than {', '.join(steps)}. {again}")
    measured = StageProfile(
        output=(_OUTPUT,),
        seconds=of_step,
        sizes=sizes,
        sent=profile["handed_on"],
        unsent=profile["not_handed_on"],
    )
    return StagePlan(plan.stages([(f"device {n}", size) for n, size in enumerate(memories, 1)], measured))


def _is_in(path: str, step: str) -> bool:
    return path == step or path.startswith(f"{step}.")
