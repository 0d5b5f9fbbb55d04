"""What a run takes: seconds of each step, bytes of what it hands on, bytes of components."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from ..engine.nodes import Values
from ..engine.planning.stages import StageProfile
from ..engine.position import Position
from ..pipeline.pipeline_run import PipelineRun
from ..state import RunError
from ..state.value_file import save_values

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline
    from ..pipeline.active_run import ActiveRun


def stage_profile(
    pipe: ModularPipeline,
    output: str | list[str] = "images",
    *,
    link: float = 1.25e9,
    moving: float = 12e9,
    **inputs: Any,
) -> StageProfile:
    """Run a pipeline twice, and measure the second run, for `plan.stages(profile=...)`.

    Args:
        output: what is asked for. link, moving: bytes a second between stages, and from a host to its device; they are not measured.
        inputs: of the run, such as those that will be usual.

    Raises:
        BrickworkError: as a call.
    """
    first = _watched(
        pipe, output, inputs, weighs=True
    )  # what is made at the first run of a process is no part of later ones
    second = _watched(pipe, output, inputs, weighs=False)
    return StageProfile(
        output=(output,) if isinstance(output, str) else tuple(output),
        seconds=second.seconds,
        sizes=pipe.component_sizes(first.components),
        sent=first.sent,
        unsent=first.unsent,
        link=link,
        moving=moving,
    )


def handed_on(pipe: ModularPipeline, output: str | list[str], **inputs: Any) -> tuple[dict[str, int], dict[str, str]]:
    """Run a pipeline, and return the bytes of what is needed after each of its steps, and why that could not be handed on.

    Raises:
        BrickworkError: as a call.
    """
    watch = _watched(pipe, output, inputs, weighs=True)
    return watch.sent, watch.unsent


def _watched(pipe: ModularPipeline, output: str | list[str], inputs: Mapping[str, Any], weighs: bool) -> _Watch:
    request = pipe.prepare_run(None, output, dict(inputs))
    plan, asked = request.plan, [output] if isinstance(output, str) else output
    watch = _Watch(plan.live_after(asked), plan.components, weighs)
    PipelineRun(pipe, evolve(request, snapshots=watch)).compute()
    return watch


@frozen
class _Watch:
    """Looks at a run after each of its top-level steps.

    Attributes:
        needed: values that are needed behind each step. components: that the run uses. weighs: whether values are written, to be counted.
    """

    needed: Mapping[str, frozenset[str]]
    components: tuple[str, ...]
    weighs: bool
    seconds: dict[str, float] = field(factory=dict)
    sent: dict[str, int] = field(factory=dict)
    unsent: dict[str, str] = field(factory=dict)

    def taker(self, begun: ActiveRun) -> Callable[[Position, Values], None]:
        """Make what the run calls after every block and every iteration."""
        since = perf_counter()

        def reached(position: Position, values: Values) -> None:
            nonlocal since
            if len(position) > 1 or position[0].iteration is not None:
                return
            path = position[0].path
            _wait(begun.pipe.device)
            self.seconds[path] = perf_counter() - since
            if self.weighs:
                self._weigh(path, {name: value for name, value in values.items() if name in self.needed[path]})
            # What it takes to look is nobody's time.
            since = perf_counter()

        return reached

    def _weigh(self, path: str, values: Mapping[str, Any]) -> None:
        try:
            self.sent[path] = len(save_values(None, values, {}))
        except RunError as error:
            self.sent[path] = 0
            self.unsent[path] = str(error)


def _wait(device: Any) -> None:
    """Wait until a device has done what it was asked for."""
    import torch

    if device.type != "cpu":
        torch.accelerator.synchronize(device)
