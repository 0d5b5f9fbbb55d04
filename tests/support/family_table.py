"""Runs a family's presets and diffusers' classic pipelines over the same tiny models, and says in what they differ.

`family_rows/` holds a module for each family; a row is one of its tasks, a feature, and a number format.
"""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from attrs import define, evolve, field, frozen
from told_networks import Told, differences, different

from brickwork import ModularPipeline, SequentialPipelineBlocks

HERE = Path(__file__).parent / "family_rows"
_STEERING = ("control_image", "adapter_image")
"""What some classic pipelines, which read no other image, call `image`."""
Row = tuple[str, str, str, str]
"""Family, task, feature and number format."""


@frozen(eq=False)
class Feature:
    """What is asked of a task.

    Attributes:
        inputs: of both pipelines. mine, classic: of one of them. parts: components by name, each made by a function of no arguments.
        tasks: that have it; all where empty. classic_class: in place of the task's, or one for each task. guider: in place of the pipeline's own.
        formats: in which it runs. without: inputs of the task that are left out. blocks: in place of the task's, made from them.
        batching: "sequential" where the classic calls its network once for each branch; the family's where "".
    """

    inputs: Mapping[str, Any] = field(factory=dict)
    mine: Mapping[str, Any] = field(factory=dict)
    classic: Mapping[str, Any] = field(factory=dict)
    parts: Mapping[str, Callable[[], Any]] = field(factory=dict)
    tasks: Sequence[str] = ()
    classic_class: type | Mapping[str, type] | None = None
    guider: Callable[[], Any] | None = None
    formats: Sequence[str] = ("float32",)
    without: Sequence[str] = ()
    blocks: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    batching: str = ""


@frozen(eq=False)
class Task:
    """One task of a family: blocks, the classic pipeline if there is one, and what both are given.

    Attributes:
        mend: makes a fault of the classic pipeline good, for the time of a `with`.
        parts: components by name in place of the family's, each made by a function of no arguments.
        mine, classic_given: what the preset, or the classic pipeline, is given besides.
        reversed_branches: how many branches a batch of the classic has, in the reverse order of ours; the family's where 0.
        formats: in which it is compared plainly; the family's where empty. classic_options: of the classic's constructor.
    """

    blocks: Mapping[str, Any]
    classic: type | None
    given: Mapping[str, Any]
    mend: Callable[[Any], AbstractContextManager[None]] | None = None
    parts: Mapping[str, Callable[[], Any]] = field(factory=dict)
    mine: Mapping[str, Any] = field(factory=dict)
    classic_given: Mapping[str, Any] = field(factory=dict)
    reversed_branches: int = 0
    formats: Sequence[str] = ()
    classic_options: Mapping[str, Any] = field(factory=dict)


@define(eq=False)
class Family:
    """A family to compare.

    Attributes:
        make: makes the components, by name, tiny and with random weights. features: by name; "plain" is there in any case.
        classic_options: of the classic's constructor. conditional_first: the classic's batches have the conditional rows first, when
            its `guidance_scale` is more than 1; so many branches, in the reverse order of ours.
        batching: "sequential" where the classic calls its network once for each branch.
        guider: in place of the pipelines' own, where the classic rounds otherwise. output: what the presets call what they draw. like: another family whose contract is of the same class; what is asked of such is not asked twice.
    """

    name: str
    denoiser: str
    make: Callable[[], dict[str, Any]]
    tasks: Mapping[str, Task]
    features: Mapping[str, Feature] = field(factory=dict)
    classic_options: Mapping[str, Any] = field(factory=dict)
    conditional_first: int = 0
    formats: Sequence[str] = ("float32", "bfloat16")
    batching: str = "batched"
    like: str = ""
    output: str = "images"
    guider: Callable[[], Any] | None = None
    _parts: dict[str, dict[str, Any]] = field(factory=dict)
    _pipes: dict[Any, ModularPipeline] = field(factory=dict)

    def rows(self) -> Iterator[Row]:
        """Yield the rows: every task plainly in each format, and each feature in its tasks."""
        for task, each in self.tasks.items():
            if each.classic is None:
                continue
            for dtype in each.formats or self.formats:
                yield self.name, task, "plain", dtype
            for name, feature in self.features.items():
                if not feature.tasks or task in feature.tasks:
                    yield from ((self.name, task, name, dtype) for dtype in feature.formats)

    def parts(self, dtype: str) -> dict[str, Any]:
        """Return the components in a number format, made once."""
        if dtype not in self._parts:
            # From one set, so that all formats have the same weights.
            made = self.make() if not self._parts else copy.deepcopy(next(iter(self._parts.values())))
            self._parts[dtype] = {name: cast(part, dtype) for name, part in made.items()}
        return dict(self._parts[dtype])

    def run(self, task: str, name: str, dtype: str, mended: bool = True) -> list[str]:
        """Return in what the preset and the classic pipeline told their networks something else, or drew another image."""
        asked = self.tasks[task] if mended else evolve(self.tasks[task], mend=None)
        return _Compared(self, asked, task, self.features.get(name, Feature()), name, dtype).run()

    def draw(
        self, task: str, guider: Any = None, without: Sequence[str] = (), batching: str = "batched", **inputs: Any
    ) -> Any:
        """Return what the preset draws, in float32, given other inputs than the task's, by a guider or the pipeline's own."""
        pipe = self.ready(task, batching)
        usual = pipe.components["guider"]
        if guider is not None:
            pipe.update_components(guider=guider)
        try:
            given = {**self.tasks[task].given, "output_type": "pt", "seed": 7, **inputs}
            return pipe(**{name: each for name, each in given.items() if name not in without}, output=self.output)
        finally:
            # One pipeline serves all.
            pipe.update_components(guider=usual)

    def ready(self, task: str, batching: str = "batched") -> ModularPipeline:
        """Return the preset with its components in float32, and a scheduler of its own."""
        parts = self.parts("float32")
        pipe = self.pipe(task, "plain" if batching == "batched" else batching, self.tasks[task].blocks, batching)
        own = {name: part for name, part in parts.items() if name in pipe.component_names}
        pipe.update_components(**{**own, "scheduler": copy.deepcopy(parts["scheduler"])})
        return pipe

    def classic(self, cls: Any, components: Mapping[str, Any], **own: Any) -> Any:
        """Return a classic pipeline over components, with a scheduler of its own."""
        taken = inspect.signature(cls.__init__).parameters
        parts = {name: part for name, part in components.items() if name in taken}
        options = {name: value for name, value in {**self.classic_options, **own}.items() if name in taken}
        made = cls(**{**options, **parts, "scheduler": copy.deepcopy(parts["scheduler"])})
        made.set_progress_bar_config(disable=True)
        return made

    def drawn_by(self, classic: Any, inputs: Mapping[str, Any]) -> Any:
        """Return what a classic pipeline draws."""
        made = classic(**inputs)
        if "audios" in made:
            return made.audios
        if "frames" not in made:
            return made.images if "images" in made else made.prediction
        return made.frames if self.output == "videos" else made.frames[:, 0]

    def pipe(self, task: str, name: str, blocks: Mapping[str, Any], batching: str) -> ModularPipeline:
        """Return a preset, made once."""
        if (task, name) not in self._pipes:
            made = SequentialPipelineBlocks.from_blocks_dict(blocks)
            if batching != "batched":
                for loop in [each for each in made.sub_blocks if each.startswith("denoise")]:
                    predict: Any = made.sub_blocks[loop].sub_blocks["denoiser"]
                    one_by_one = type(predict)(**{**predict.options, "batching": batching})
                    made.sub_blocks.replace(f"{loop}.denoiser", one_by_one)
            self._pipes[task, name] = made.init_pipeline()
            self._pipes[task, name].configure(progress=False)
        return self._pipes[task, name]


def cast(part: Any, dtype: str) -> Any:
    """Return a network in a number format, to be run and not trained; anything else as it is."""
    return part.to(getattr(torch, dtype)).eval() if isinstance(part, torch.nn.Module) else part


@frozen(eq=False)
class _Compared:
    family: Family
    task: Task
    task_name: str
    feature: Feature
    name: str
    dtype: str

    @cached_property
    def _parts(self) -> dict[str, Any]:
        torch.manual_seed(11)
        own = {name: cast(make(), self.dtype) for name, make in {**self.task.parts, **self.feature.parts}.items()}
        return {**self.family.parts(self.dtype), **own}

    @property
    def _batching(self) -> str:
        return self.feature.batching or self.family.batching

    def run(self) -> list[str]:
        mine, theirs = Told(), Told()
        denoiser, vae = self._parts[self.family.denoiser], self._parts.get("vae", self._parts.get("movq"))
        with mine.of(denoiser, vae):
            drawn = self._drawn()
        with theirs.of(denoiser, vae):
            expected = self._expected()
        count = self.task.reversed_branches or self.family.conditional_first
        if count and self._given({})["guidance_scale"] > 1:
            theirs.denoiser = [_swapped_rows(call, count) for call in theirs.denoiser]
        if self._batching == "sequential":
            # The classic asks for the conditional prediction first, and the preset for the other one.
            theirs.denoiser = [call for step in _by_step(theirs.denoiser) for call in reversed(step)]
        return differences(mine, theirs) + [f"the images {said}" for said in image_differences(drawn, expected)]

    def _given(self, more: Mapping[str, Any]) -> dict[str, Any]:
        inputs = {"output_type": "pt", **self.task.given, **self.feature.inputs, **more}
        for name in self.feature.without:
            inputs.pop(name, None)
        # Lists of their own: the classic pipelines of Z-Image write their messages into the caller's.
        inputs = {name: list(each) if isinstance(each, list) else each for name, each in inputs.items()}
        seeds = inputs.pop("seeds", 7)
        drawn = [torch.Generator().manual_seed(seed) for seed in ([seeds] if isinstance(seeds, int) else seeds)]
        return {**inputs, "generator": drawn[0] if isinstance(seeds, int) else drawn}

    def _drawn(self) -> Any:
        change = self.feature.blocks
        blocks = self.task.blocks if change is None else change(self.task.blocks)
        is_other = change is not None or bool(self.feature.batching)
        usual_name = "plain" if self._batching == "batched" else self._batching
        pipe = self.family.pipe(self.task_name, self.name if is_other else usual_name, blocks, self._batching)
        parts = {name: part for name, part in self._parts.items() if name in pipe.component_names}
        parts["scheduler"] = copy.deepcopy(parts["scheduler"])
        usual = pipe.components["guider"]
        make_guider = self.feature.guider or self.family.guider
        guider = {} if make_guider is None else {"guider": make_guider()}
        pipe.update_components(**parts, **guider)
        try:
            return pipe(**self._given({**self.task.mine, **self.feature.mine}), output=self.family.output)
        finally:
            # One pipeline serves all features.
            pipe.update_components(guider=usual)

    def _expected(self) -> Any:
        own = self.feature.classic_class
        cls: Any = (own.get(self.task_name) if isinstance(own, Mapping) else own) or self.task.classic
        classic = self.family.classic(cls, self._parts, **self.task.classic_options)
        inputs, known = (
            self._given({**self.task.classic_given, **self.feature.classic}),
            inspect.signature(cls.__call__).parameters,
        )
        for name in _STEERING:
            if name in inputs and name not in known:
                inputs["image"] = inputs.pop(name)
        with self.task.mend(classic) if self.task.mend else nullcontext():
            return self.family.drawn_by(classic, inputs)


def _by_step(calls: list[Any]) -> list[list[Any]]:
    """Put calls of one timestep together."""
    steps: list[list[Any]] = []
    for call in calls:
        if steps and torch.equal(steps[-1][0]["timestep"], call["timestep"]):
            steps[-1].append(call)
        else:
            steps.append([call])
    return steps


def image_differences(drawn: Any, expected: Any) -> list[str]:
    """Say in what images of two pipelines differ."""
    if isinstance(drawn, torch.Tensor):
        return list(different("", drawn, expected))
    return [] if [each.tobytes() for each in drawn] == [each.tobytes() for each in expected] else ["differ"]


def _swapped_rows(call: Mapping[str, Any], branches: int) -> dict[str, Any]:
    """Return a call with its branches in the reverse order: rows of tensors, and the parts of lists with a part for each row."""
    lists: dict[str, list[Any]] = {}
    for name, value in call.items():
        if name.rpartition(".")[2].isdigit():
            lists.setdefault(name.rpartition(".")[0], []).append(value)
    listed = {
        f"{name}.{place}": each
        for name, values in lists.items()
        for place, each in enumerate(_turned(values, branches))
    }
    return {name: listed.get(name, _swapped(value, branches)) for name, value in call.items()}


def _turned(values: list[Any], branches: int) -> list[Any]:
    each = len(values) // branches
    return [part for start in range(len(values) - each, -1, -each) for part in values[start : start + each]]


def _swapped(rows: torch.Tensor, branches: int) -> torch.Tensor:
    return torch.cat(rows.chunk(branches)[::-1]) if rows.ndim else rows


def families() -> dict[str, Family]:
    """Return all families that have rows, by name."""
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "__init__")
    return {name: importlib.import_module(f"family_rows.{name}").FAMILY for name in names}
