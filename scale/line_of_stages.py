"""Stages at work: what goes into the first comes out of the last, and each has another run at the same time."""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..engine.planning.stages import Stages
from ..pipeline.pipeline_run import sign
from ..pipeline.recipes.recipe import Recipe
from ..state import InputError
from ..state.errors import did_you_mean
from .job import Job, job_of
from .ray_actors import begin_ray, imported_ray
from .stage_places import StageActor, StageHere, StagePlace, StageProcess
from .stage_worker import StagePart, inputs_to_send, part_job, result_of

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline

_HERE: Mapping[str, Callable[[Job, StagePart], StagePlace]] = {"here": StageHere, "processes": StageProcess}
_PLACES = (*_HERE, "ray")


class StageLine:
    """A composition over several processes, which is called as a pipeline is.

    Attributes:
        stages: how it is cut. last_recipe: of the run whose result came last; None before the first.
    """

    def __init__(self, pipe: ModularPipeline, stages: Stages, places: list[StagePlace]) -> None:
        self.stages = stages
        self.last_recipe: Recipe | None = None
        self._pipe = pipe
        self._places = places
        self._lock = threading.Lock()

    def __call__(self, output: str | list[str] = "images", **inputs: object) -> Any:
        """Run it, and return the values that are asked for; images have the recipe of the whole run.

        Args:
            output: a name or several. inputs: as of the pipeline; what stands in files: texts, numbers, tensors, images, generators.

        Raises:
            BrickworkError: what a stage raised. RunError: a stage has ended, or an input cannot be written.
        """
        return self._finished(self._begun(inputs, output))

    def stream(self, calls: Iterable[Mapping[str, Any]], output: str | list[str] = "images") -> Iterator[Any]:
        """Run many, each stage another one at a time, and yield the results in the order of the calls.

        Args:
            calls: inputs of each. As many are taken ahead as keep the stages at work, and no more. output: as of a call.

        Raises:
            BrickworkError: as a call; what comes after it is not begun.
        """
        most = 2 * len(self._places)
        going: deque[Any] = deque()
        for inputs in calls:
            going.append(self._begun(inputs, output))
            if len(going) == most:
                yield self._finished(going.popleft())
        while going:
            yield self._finished(going.popleft())

    def _begun(self, inputs: Mapping[str, Any], output: str | list[str]) -> Any:
        content = inputs_to_send(inputs, output)
        given: Any = content
        with self._lock:  # messages to each stage are in one order
            for place in self._places:
                given = place.give(given)
        return given

    def _finished(self, given: Any) -> Any:
        values, about = result_of(self._places[-1].answer(given))
        recipe = Recipe.from_dict(about["recipe"])
        self.last_recipe = recipe
        for value in values.values():
            sign(value, recipe)
        return values[about["output"]] if isinstance(about["output"], str) else values


@contextmanager
def stage_line(
    pipe: ModularPipeline,
    stages: Stages,
    *,
    on: Literal["here", "processes", "ray"] = "processes",
    blocks: Iterable[type | str] = (),
    gpus: float = 0.0,
    address: str | None = None,
) -> Iterator[StageLine]:
    """Until the end of the `with`, a pipeline runs in stages: `with stage_line(pipe, cut) as line: line(prompt="a cat", seed=3)`.

    The pipeline travels as `scale.map` lets it travel, and each stage loads what its own steps compute with. A run gives the same bytes as in
    one process, and its recipe is that of one run. A stage that ends ends the runs that are under way with words; it is not started again.

    Args:
        stages: as `pipe.plan(...).stages(...)` cuts it. on: processes of this machine, actors of Ray (extra `brickwork[ray]`), or
            this process ("here"), in which one stage waits for another: to try a cut.
        blocks: as of `map`. gpus: of each actor, which then computes on "cuda" whatever its stage is called. address: of a cluster.

    Raises:
        InputError: the plan is not split; says why. RepoError, CompositionError: the pipeline cannot travel, or a stage is another one.
    """
    if on not in _PLACES:
        raise InputError(f"on={on!r} is unknown. {did_you_mean(str(on), _PLACES)}")
    if not stages.is_split:
        raise InputError(f"There are no stages to run: {stages.reason}")
    with ExitStack() as stack:
        out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="brickwork-stages-")))
        job, _ = job_of(pipe, out, blocks=blocks)
        job = part_job(job)
        if on == "ray" and begin_ray(len(stages.stages), address):
            stack.callback(imported_ray().shutdown)
        places: list[StagePlace] = []
        for number, stage in enumerate(stages.stages, start=1):
            last = None if number == len(stages.stages) else stage.steps[-1]
            part = StagePart(number, last, stage.components, "cuda" if gpus else stage.device)
            place: StagePlace = StageActor(job, part, gpus) if on == "ray" else _HERE[on](job, part)
            stack.callback(place.close)
            places.append(place)
        for place in places:
            place.wait_until_ready()
        yield StageLine(pipe, stages, places)
