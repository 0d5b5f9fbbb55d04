"""One workflow of a server: what it says of itself, its checks, and what a run of it is expected to take."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import asdict, define, field, frozen

from ...blocks.core.input_checks import image_count
from ...pipeline.images.previews import Previews
from ...pipeline.images.room_for_images import EACH
from ...pipeline.schedulers_by_name import schedulers_that_fit
from ...pipeline.seed import SEED, takes_seed
from ...state import ComponentError, InputError
from ...state.errors import BrickworkError
from ..shared.result_files import FORM, Medium, is_played, main_output, media_of, refuse_unwritable, with_rates
from ..shared.words_for_people import for_people
from .errors import SAID, RefusedError, faults_of, refused
from .workflow_data import block_tree, graph_data, needed_names, plan_rows

if TYPE_CHECKING:
    from PIL.Image import Image

    from ...engine import Plan
    from ...pipeline import ModularPipeline
    from ...pipeline.run_request import RunRequest

_SIDE = 512
"""Pixels of a side, where nothing says how large an image will be."""
_LARGEST_SEED = 2**32
MOST_IMAGES = 256
"""Of one run."""


@frozen
class Work:
    """What a run is expected to take.

    Attributes:
        steps: iterations. pixels: of all its images.
    """

    steps: int
    pixels: int

    @property
    def cost(self) -> float:
        """Steps times pixels."""
        return float(self.steps * self.pixels)


@define(eq=False)
class ServedWorkflow:
    """A pipeline that is served under a name.

    Attributes:
        origin: folder or repository of its components, for what makes a run again elsewhere; None for the model that ships.
    """

    id: str
    title: str
    pipe: ModularPipeline
    origin: str | None = None
    _described: dict[str | None, dict[str, Any]] = field(factory=dict, init=False)
    _previews: Previews | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def is_loaded(self) -> bool:
        """Whether all components are there that a run needs which is given no more than it must."""
        return not self.missing

    @property
    def missing(self) -> list[str]:
        """Components that such a run needs, and that are not there."""
        return self._missing_with(())

    def summary(self) -> dict[str, Any]:
        """Return what a list of workflows says of it."""
        names = list(self.pipe.available_workflows)
        return {"id": self.id, "title": self.title, "workflows": names, "loaded": self.is_loaded}

    def described(self, workflow: str | None = None) -> dict[str, Any]:
        """Return all that a form and a drawing need.

        Raises:
            CompositionError: there is no such workflow.
        """
        with self._lock:
            if workflow not in self._described:
                self._described[workflow] = self._made(workflow)
            # Components come and go.
            return {**self._described[workflow], "components": self._components(), "scheduler": self._scheduler()}

    def _made(self, workflow: str | None) -> dict[str, Any]:
        pipe = self.pipe
        one = pipe.blocks.workflow(workflow)
        graph = pipe.blocks.get_workflow(workflow).graph() if workflow is not None else self._graph()
        return {
            "id": self.id,
            "title": self.title,
            "family": pipe.family.name,
            "workflow": workflow,
            "workflows": list(pipe.available_workflows),
            "inputs": self._schema(workflow),
            "outputs": [{"name": str(each.name), "description": each.description or ""} for each in one.outputs],
            "output": self.output,
            "blocks": block_tree(pipe.blocks),
            "guiders": pipe.guider_schemas(),
            "guider_names": sorted(pipe.guider_names),
            "graph": graph_data(graph),
            "code": self._code(workflow),
        }

    def _graph(self) -> Any:
        try:
            needed = dict.fromkeys(needed_names(self._schema(None)), True)
            return self.pipe.plan({**dict.fromkeys(self.pipe.input_defaults, True), **needed}).graph
        except BrickworkError:
            return self.pipe.graph()

    def _schema(self, workflow: str | None) -> dict[str, Any]:
        """Return the inputs as JSON schema, without what has no form in JSON, and with the pipeline's own defaults."""
        schema = self.pipe.input_schema(workflow)
        properties = {name: dict(said) for name, said in schema["properties"].items() if name != "generator"}
        for name, value in self.pipe.input_defaults.items():
            if name in properties and (value is None or isinstance(value, (str, int, float, bool, list))):
                properties[name]["default"] = value
        required = [n for n in schema["required"] if n in properties and n not in self.pipe.input_defaults]
        return {**schema, "properties": properties, "required": required}

    def _scheduler(self) -> dict[str, Any] | None:
        """Return the class of its scheduler, and the names of those that a run can have in its place; None without one to choose."""
        present = self.pipe.components.get("scheduler")
        names = [asdict(each) for each in schedulers_that_fit(present)]
        return {"class": type(present).__name__, "names": names} if names else None

    def _code(self, workflow: str | None) -> str:
        names = [n for n in needed_names(self._schema(workflow)) if n != SEED]
        given = "".join(f"{name}=..., " for name in names)
        return (
            f"pipe({given}seed=1, output={self.output!r})"
            if takes_seed(self.pipe.blocks.input_names)
            else f"pipe({given}output={self.output!r})"
        )

    def _components(self) -> list[dict[str, Any]]:
        pipe = self.pipe
        sizes = pipe.component_sizes(pipe.component_names)
        return [
            {
                "name": name,
                "class": str(spec.type_name[1]),
                "bytes": sizes.get(name),
                "loaded": pipe.components[name] is not None,
            }
            for name, spec in pipe.specs.items()
        ]

    @property
    def output(self) -> str:
        """The value that a run gives where none is asked for."""
        if self.pipe.outputs:
            return self.pipe.outputs[0]
        return main_output((str(each.name) for each in self.pipe.blocks.outputs), self.media)

    @cached_property
    def media(self) -> dict[str, Medium]:
        """The outputs that are videos or sounds."""
        return media_of(self.pipe.blocks.outputs)

    def played(self, output: str | Sequence[str] | None, values: Mapping[str, Any]) -> dict[str, Medium]:
        """Return which of the values that are asked for are written as videos or sounds."""
        asked = self.output if output is None else output
        form = values.get(FORM, self.pipe.input_defaults.get(FORM))
        return {
            name: self.media[name]
            for name in ([asked] if isinstance(asked, str) else asked)
            if name in self.media and is_played(self.media[name], form)
        }

    def seeded(self, inputs: Mapping[str, Any], seed: Any) -> dict[str, Any]:
        """Return inputs with a seed, so that each image has a generator of its own; drawn where none is given.

        Raises:
            InputError: there are two seeds, or nothing draws noise.
        """
        names = self.pipe.blocks.input_names
        if SEED in inputs and seed is not None:
            raise InputError("seed is given beside the inputs and among them; give one of them.")
        if seed is not None:
            if not takes_seed(names) and SEED not in names:
                raise InputError("seed: nothing in this workflow draws noise; leave it out.")
            return {**inputs, SEED: seed}
        if SEED in inputs or SEED in self.pipe.input_defaults or not takes_seed(names):
            return dict(inputs)
        return {**inputs, SEED: secrets.randbelow(_LARGEST_SEED)}

    def prepared(self, values: Mapping[str, Any], output: str | Sequence[str] | None) -> RunRequest:
        """Check the inputs of a run.

        Raises:
            RefusedError: it is of too many images, or needs a model that is not there. InputError, ComponentError: as a call does.
        """
        # Before anything is made for each image, such as its generator.
        count = image_count(self.pipe.family, values) or 0
        if count > MOST_IMAGES:
            text = f"This run would make {count:,} images, and a run makes {MOST_IMAGES} at most. Ask for several runs."
            raise RefusedError(413, "TooLargeError", text, ({"input": EACH, "text": text},))
        asked: Any = self.output if output is None else list(output) if not isinstance(output, str) else output
        if played := self.played(output, values):
            _refuse_unwritable(played)
            asked = with_rates([asked] if isinstance(asked, str) else asked, played)
        try:
            return self.pipe.prepare_run(None, asked, dict(values))
        except ComponentError:
            # In words of inputs: whoever asks can leave them out, and cannot load anything.
            if (answer := self._without_models(values)) is None:
                raise
            raise answer from None

    def _without_models(self, values: Mapping[str, Any]) -> RefusedError | None:
        """Say that models are not there: those that every run needs, or those that inputs ask for; None where that is no matter of models."""
        faults = []
        usual = self._missing_with(())
        if usual:
            text = f"{self.id} has no {' and no '.join(usual)}, and no run without: they are given where the server is started."
            return RefusedError(409, "MissingModelError", text, ({"input": None, "text": text},))
        given = [name for name, value in values.items() if value is not None]
        for name in given:
            missing = [each for each in self._missing_with([name]) if each not in usual]
            if missing:
                text = f"{self.id} has no {' and no '.join(missing)}, which {name} needs. Leave {name} out, or choose a workflow that has it."
                faults.append({"input": name, "text": text})
        text = "\n".join(fault["text"] for fault in faults)
        return RefusedError(422, "MissingModelError", text, tuple(faults)) if faults else None

    def _missing_with(self, given: Iterable[str]) -> list[str]:
        plan = self._plan_for(dict.fromkeys(given, True))
        names = self.pipe.pretrained_component_names if plan is None else plan.components
        return [name for name in names if self.pipe.components[name] is None and not self.pipe.may_be_none(name)]

    def checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the faults of inputs that may not be whole yet, and what would run."""
        faults: list[dict[str, Any]] = []
        plan = None
        try:
            request = self.prepared(values, None)
            plan = request.plan
        except (BrickworkError, RefusedError) as error:
            # What is for the server's log alone is so here, too: errors of components name folders of this machine.
            faults = faults_of(error if isinstance(error, SAID) else refused(error))
            plan = self._plan_for(values)
        if plan is None:
            return {"faults": faults, "workflow": None, "plan": [], "skipped": {}, "bytes": None, "graph": None}
        sizes = self.pipe.component_sizes(plan.components)
        return {
            "faults": faults,
            "workflow": self._workflow_of(plan),
            "plan": plan_rows(plan),
            "skipped": dict(plan.skipped),
            "bytes": sum(sizes.values()),
            "remarks": [for_people(text) for remarks_of in self.pipe.remarks for text in remarks_of(self.pipe, values)],
        }

    def _plan_for(self, values: Mapping[str, Any]) -> Plan | None:
        """Return what would run with those inputs that there are and those that are required; None where that says nothing."""
        known = set(self.pipe.blocks.input_names)
        given = {name: True for name, value in values.items() if name in known and value is not None}
        needed = {name: True for name in needed_names(self.pipe.input_schema()) if name in known}
        for names in ({**needed, **given}, needed):
            try:
                return self.pipe.plan(
                    {**dict.fromkeys(self.pipe.input_defaults.keys() & known, True), **names}, checked=()
                )
            except BrickworkError:
                continue
        return None

    def _workflow_of(self, plan: Plan) -> str | None:
        """Return the name of the workflow that a plan is of."""
        paths = plan.paths
        for name in self.pipe.available_workflows:
            found = self.pipe.blocks.workflow(name)
            if [step.path for step in _leaves(found.steps)] == paths:
                return name
        return None

    def work_of(self, request: RunRequest) -> Work:
        """Say what a run is expected to take, by its inputs."""
        plan, values = request.plan, request.values
        steps = _number(values, plan, "num_inference_steps") or 1
        family = self.pipe.family
        images = image_count(family, {**({EACH: plan.default_of(EACH)} if EACH in plan.reads else {}), **values}) or 1
        sides = (_number(values, plan, "height"), _number(values, plan, "width"))
        shown: Any = next(
            (v for n in ("image", "control_image", "mask_image") if (v := values.get(n)) is not None), None
        )
        if isinstance(shown, list) and shown:
            shown = shown[0]
        if None in sides and hasattr(shown, "getbbox"):
            sides = (shown.height, shown.width)
        height, width = (side or usual for side, usual in zip(sides, self._usual_size(), strict=True))
        return Work(max(1, steps), max(1, height * width * images))

    def _usual_size(self) -> tuple[int, int]:
        found = [getattr(self.pipe, f"default_{side}", None) for side in ("height", "width")]
        return tuple(int(each) if isinstance(each, (int, float)) else _SIDE for each in found)  # type: ignore[return-value]  # two of two

    def preview(self, latents: Any) -> Image | None:
        """Return a small image of latents, or None where there is none."""
        with self._lock:
            if self._previews is None:
                family = self.pipe.family
                vae = self.pipe.components.get("vae") if family.roles.get("vae") else None
                if vae is None and family.roles.get("vae"):
                    return None
                self._previews = Previews(vae, family)
            return self._previews.image(latents)


def _refuse_unwritable(played: Mapping[str, Medium]) -> None:
    """Refuse files that could not be written, before anything is computed."""
    for name, medium in played.items():
        try:
            refuse_unwritable(medium, name, medium.endings[0])
        except ComponentError as error:
            form = ' {"output_type": "np"} gives numbers.' if medium.kind == "video" else ""
            text = f"{name} cannot be written: {error} It is installed where the server is started.{form}"
            raise RefusedError(409, "MissingPackageError", text, ({"input": None, "text": text},)) from None


def _leaves(steps: Any) -> Any:
    from ...engine.nodes import leaves

    return leaves(steps)


def _number(values: Mapping[str, Any], plan: Plan, name: str) -> int | None:
    found = values.get(name)
    if found is None and name in plan.reads:
        found = plan.default_of(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
