"""`ModularPipeline`: blocks with their components, ready to run."""

from __future__ import annotations

import copy
import logging
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.flattening import walk
from ..blocks.core.input_checks import expectations, expectations_of, fault_finders, input_faults
from ..engine import Plan, RunSettings
from ..guiders import guider_of
from ..registry import ComponentsManager, PipelineIndex, read_index
from ..registry.hub.repo_files import CLASSIC_INDEX, MODULAR_INDEX
from ..registry.hub.trust import Trust
from ..registry.publishing import publish, refuse_unknown
from ..saving.open_repository import open_repository
from ..state import InputError, PipelineState, RepoError
from ..state.defaults import own_default
from ..state.errors import did_you_mean
from ..state.plain_numbers import plain_number
from .adapter_methods import PipelineAdapters
from .config import PipelineConfig
from .event_stream import EventStream
from .kept_plans import KeptPlans
from .pipeline_copy import deep_copy, refuse_pickle, shallow_copy
from .recipes.recipe import Recipe
from .recipes.recipe_of_run import Description
from .resume import branch, resume
from .runs import RunRequest, Runs
from .saving import save_pipeline
from .seed import GENERATOR, seeded_generator
from .snapshots import Snapshot
from .sweep import SEED, Sweep, sweep

logger = logging.getLogger(__name__)

_SWEPT = ("guidance_scale", "guider", "num_inference_steps", "strength", "height", "width", "eta", "clip_skip")
"""Inputs that take one value a call, so that a list of them can only be an axis."""


class ModularPipeline(PipelineAdapters):
    """Runs blocks. Made by `blocks.init_pipeline(repo)` or `ModularPipeline.from_pretrained(folder)`.

    Components are attributes (`pipe.unet`); those with weights are None until `load_components()`. A call runs the
    blocks: `pipe(prompt="a red circle", output="images")[0]`.
    """

    def __init__(
        self,
        blocks: ModularPipelineBlocks,
        pretrained_model_name_or_path: str | None = None,
        components_manager: ComponentsManager | None = None,
        collection: str | None = None,
        index: PipelineIndex | None = None,
        **hub_options: object,
    ) -> None:
        if collection is not None and components_manager is None:
            logger.warning("collection=%r has no effect without components_manager=...", collection)
        if index is None and pretrained_model_name_or_path:
            index = read_index(pretrained_model_name_or_path, **hub_options)
        blocks.check().raise_faults()
        self.blocks = copy.deepcopy(blocks)
        self.settings = RunSettings()
        self._kept: KeptPlans | None = KeptPlans.of(self.blocks)
        self._editing = threading.RLock()
        self.input_defaults: dict[str, Any] = {}
        """Values for inputs that a call does not give."""
        super().__init__(self.blocks, index, components_manager, collection)
        self.repo_name = pretrained_model_name_or_path
        self.config = self._completed_config({})
        self.runs = Runs()

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str,
        components_manager: ComponentsManager | None = None,
        collection: str | None = None,
        trust_remote_code: bool | str | Trust = False,
        lock: str | Path | None = None,
        revision: str | None = None,
        workflow: str | None = None,
        **hub_options: object,
    ) -> ModularPipeline:
        """Make the pipeline of a repository: one of ours, of diffusers' modular pipelines, or a classic one.

        Loads no weights: call `load_components()`.

        Args:
            pretrained_model_name_or_path: a folder, or owner/name on the Hub.
            components_manager: shares loaded components between pipelines. collection: under which it files them.
            trust_remote_code: lets the repository's own code run, as it is now (True), or only at a commit or with a digest
                (text, or `Trust`). It holds for this repository and no other.
            lock: file that says, and from the first load on fixes, which commits and files are loaded.
            revision: branch, tag or commit. workflow: keep only what this workflow runs.
            hub_options: `cache_dir`, `token`, `local_files_only`.

        Raises:
            RepoError: no such repository, or a broken one. TrustError: it has code that was not granted, or asks for more than
                it may. CompositionError: it names a pipeline that Brickwork has no blocks for.
        """
        name = str(pretrained_model_name_or_path)
        opened = open_repository(name, trust_remote_code, lock, revision, **hub_options)
        if opened.blocks is None:
            raise RepoError(
                f"{name} has neither {MODULAR_INDEX} nor {CLASSIC_INDEX}, and brings no blocks: it is no pipeline repository."
            )
        blocks = opened.blocks if workflow is None else opened.blocks.get_workflow(workflow)
        pipe = cls(blocks, name, components_manager, collection, opened.index)
        pipe.take_from(opened)
        pipe.input_defaults = opened.inputs
        return pipe

    def save_pretrained(
        self,
        save_directory: str | Path,
        push_to_hub: bool = False,
        variant: str | None = None,
        max_shard_size: int | str | None = None,
        overwrite_modular_index: bool = True,
        license_id: str | None = None,
        safe_serialization: bool = True,
        **publishing: Any,
    ) -> None:
        """Save blocks with their code, the components that are loaded, and where the others come from.

        The folder is changed as a whole, or not at all, after everything in it was opened again and is the same. diffusers opens it, too.

        Args:
            push_to_hub: publish it, too; `publishing` is for `push_to_hub` (`repo_id`, `private`, `token`, ...).
            variant: of the weights ("fp16"). max_shard_size: of a file of weights ("5GB").
            overwrite_modular_index: entries of saved components point at the folder; False keeps where they came from.
            license_id: of your code and weights, as the Hub writes it ("apache-2.0"), for the card.
            safe_serialization: True; pickled weights are not written.

        Raises:
            RepoError: something cannot be saved, or would come back as something else; every fault is named, and nothing is written.
        """
        if safe_serialization is not True:
            raise RepoError("Weights are saved as safetensors: safe_serialization=False is not there.")
        refuse_unknown(publishing, push_to_hub)
        folder, name = Path(save_directory), publishing.get("repo_id")
        save_pipeline(self, folder, name, variant, max_shard_size, overwrite_modular_index, licence=license_id)
        if push_to_hub:
            self.push_to_hub(publishing.pop("repo_id", folder.name), variant, max_shard_size, license_id, **publishing)

    def push_to_hub(
        self,
        repo_id: str,
        variant: str | None = None,
        max_shard_size: int | str | None = None,
        license_id: str | None = None,
        **publishing: Any,
    ) -> str:
        """Publish the pipeline on the Hub in one commit, and return its address.

        Args:
            repo_id: owner/name; without the owner, yours. variant, max_shard_size, license_id: as in `save_pretrained`.
            publishing: `private`, `token`, `commit_message`, `create_pr`, `revision`.

        Raises:
            RepoError: something cannot be saved or uploaded; the repository is as it was.
        """

        def save(folder: Path, name: str) -> None:
            save_pipeline(self, folder, name, variant, max_shard_size, origin=name, licence=license_id)

        return publish(save, repo_id, **publishing)

    def __call__(self, state: PipelineState | None = None, output: str | list[str] | None = None, **inputs: Any) -> Any:
        """Run the blocks.

        Args:
            state: an earlier run's state to continue from. It is not changed, and nothing in it is copied.
            output: name of the value to return; a list of names returns a dict; None returns the whole state.
            inputs: see `pipe.doc`. `guider=` replaces the pipeline's guider for this run: an object, or its name.

        Raises:
            InputError: inputs or outputs are unknown or missing; all faults are named, before anything runs.
            ComponentError: components that are needed are not loaded.
        """
        return self.runs.run(self, self.prepare_run(state, output, inputs))

    def stream(self, state: PipelineState | None = None, output: Any = None, **inputs: object) -> EventStream:
        """Run the blocks, and yield what happens: `for event in pipe.stream(prompt=...)`; see `brickwork.engine.events`.

        The run waits while you look at an event, so that its values stand still. The last event, `RunFinished`, has what
        a call would have returned. Leaving the loop cancels the run.

        Raises:
            InputError, ComponentError: as a call does, before the first event.
        """
        return EventStream(self, self.prepare_run(state, output, inputs))

    def resume(self, snapshot: Snapshot | str | Path, *, exact: bool = True) -> Any:
        """Continue a run from a snapshot or its file, and return what that run was asked for.

        It goes on as if it had not been interrupted: random generators and schedulers are as they were.

        Args:
            exact: False goes on although something is not as it was, or nothing tells; what, comes as a warning.

        Raises:
            InputError: blocks, components, settings of the process, software or threads are others, or nothing tells whether
                they are; every difference is named.
            RepoError: there is no such file, or it is broken.
        """
        return resume(self, snapshot, exact)

    def branch(self, result: PipelineState, at_step: int, loop: str | None = None, **changes: object) -> PipelineState:
        """Run a variant of an earlier run that shares the first steps of its loop with it.

        With `cache=MemoryCache(steps=True)` those steps are not computed again; without, they are.

        Args:
            result: of the earlier run, as it came without `output=`. at_step: the first step that may differ, from 0.
            loop: path of the loop, where there are several. changes: inputs that the variant has other than the run.

        Raises:
            InputError: the changes reach what the shared steps were made for, such as the timesteps.
        """
        return branch(self, result, at_step, loop, changes)

    def sweep(self, output: str = "images", axes: Mapping[str, Sequence[Any]] | None = None, **inputs: object) -> Sweep:
        """Run every combination of some inputs, and return the results with a grid of labelled images.

        What calls have in common is computed once.

        Args:
            output: name of the value that each call returns. axes: input to its values; "seed" stands for a generator.
            inputs: for all calls. Lists of numbers are axes, too: `pipe.sweep(prompt="a cat", guidance_scale=[2.0, 5.0],
                seed=[1, 2]).grid()`.

        Raises:
            InputError: axes or inputs do not fit.
        """
        numbers = {n: v for n, v in inputs.items() if n == SEED or (n in _SWEPT and isinstance(v, (list, tuple)))}
        rest = {name: value for name, value in inputs.items() if name not in numbers}
        return sweep(self, {**(axes or {}), **numbers}, output, rest)

    def cancel(self) -> None:
        """Stop every run of this pipeline before its next block; from another thread, or a listener.

        The calls raise RunCancelledError, and the pipeline can be used again at once.
        """
        self.runs.cancel()

    def __deepcopy__(self, memo: dict[int, Any]) -> ModularPipeline:
        """Copy it with models of its own, as before a LoRA is fused; see docs/components.md."""
        return deep_copy(self, memo)

    def __copy__(self) -> ModularPipeline:
        """Copy it with blocks of its own, and the same models."""
        return shallow_copy(self)

    def __reduce_ex__(self, protocol: object) -> Any:
        """Refuse pickling, in words."""
        return refuse_pickle()

    @property
    def last_recipe(self) -> Recipe | None:
        """The recipe of the last run of this thread, also one that failed; None before the first."""
        return self.runs.last_recipe

    def described(self) -> dict[str, Any]:
        """Return the composition as data; see `brickwork.saving.composition`."""
        kept = self._planned_last
        if kept.description is None or not kept.description.holds():
            kept.description = Description.of(self.blocks)
        return kept.description.data

    def prepare_run(self, state: PipelineState | None, output: Any, inputs: dict[str, Any]) -> RunRequest:
        """Check everything that can be known before a run."""
        inputs = {name: plain_number(value) for name, value in inputs.items()}
        replaced = {name: self._guider_of_call(name, inputs.pop(name)) for name in self.guider_names & inputs.keys()}
        carried = dict(state.values) if state is not None else {}
        own = {name: own_default(value) for name, value in self.input_defaults.items()}
        values = {**own, **carried, **inputs}
        try:
            plan = self.plan(values, checked=inputs)
        except InputError as error:
            wrong = input_faults(expectations_of(self.blocks), inputs)
            raise InputError.of("The inputs do not fit", [*(error.faults or [str(error)]), *wrong]) from None
        self._check_values(plan, inputs)
        self._check_outputs(plan, output)
        self.require(plan.components)
        self._check_components(replaced)
        if GENERATOR in plan.reads and values.get(GENERATOR) is None:
            seeded = {**values, GENERATOR: seeded_generator()}
            return RunRequest(self.plan(seeded, checked=inputs), seeded, output, is_seeded=True, replaced=replaced)
        return RunRequest(plan, values, output, replaced=replaced)

    def _check_components(self, replaced: Mapping[str, Any]) -> None:
        """Ask blocks whether the components of this run fit together, again only when they are others."""
        kept = self._planned_last
        held = {**self.components, **replaced}
        identities = tuple(map(id, held.values()))
        if identities == kept.checked_components:
            return
        blocks = [block for _, block in walk(self.blocks)]
        faults = [fault for block in blocks for fault in block.component_faults(held)]
        if faults:
            raise InputError.of("The components do not fit", faults)
        kept.checked_components = identities

    def _guider_of_call(self, name: str, given: object) -> Any:
        """Return a guider for one run; None is the pipeline's own."""
        return self.components[name] if given is None else guider_of(given)

    def plan(self, given: Iterable[str] | Mapping[str, Any] = (), checked: Iterable[str] | None = None) -> Plan:
        """Return the plan for these inputs; it is kept, so the second time costs microseconds.

        Args:
            given: names, or values by name.
            checked: those of them that must be known; all by default.

        Raises:
            InputError: inputs are unknown or missing.
        """
        values = given if isinstance(given, Mapping) else dict.fromkeys(given, True)
        present = frozenset([name for name, value in values.items() if value is not None])
        names = values if checked is None else checked
        key = (present, frozenset(values), frozenset(names))
        plans = self._kept_plans().plans
        known = plans.get(key)
        if known is None:
            known = plans[key] = self._checked_plan(values, names)
        return known

    @property
    def _planned_last(self) -> KeptPlans:
        """What is known of the blocks with which the last plan was made, so that all of a run is of the same blocks."""
        return self._kept or self._kept_plans()

    def _kept_plans(self) -> KeptPlans:
        """Return what is known of the blocks as they are; after an edit nothing is, and components and configs that came with it are taken over."""
        kept = self._kept
        if kept is not None and kept.version.holds(self.blocks):
            return kept
        with self._editing:
            kept = self._kept
            if kept is None or not kept.version.holds(self.blocks):
                kept = KeptPlans.of(self.blocks)
                self.register(self.blocks.expected_components)
                self.config = self._completed_config(self.config)
                # Last, so that no other thread plans before components are there. If the blocks were edited meanwhile, the version says so.
                self._kept = kept
            return kept

    def _completed_config(self, known: Mapping[str, Any]) -> PipelineConfig:
        """Return settings that are known, then those of the repository, then the blocks' defaults."""
        defaults = {spec.name: spec.default for spec in self.blocks.expected_configs}
        saved = {name: value for name, value in self._index.configs.items() if name in defaults}
        return PipelineConfig({**defaults, **saved, **known})

    def _checked_plan(self, values: Mapping[str, Any], names: Iterable[str]) -> Plan:
        known = self.blocks.input_names
        unknown = [name for name in names if name not in known]
        faults = [f"{name!r} is no input of this pipeline. {did_you_mean(name, known)}" for name in unknown]
        try:
            plan = self.blocks.plan(values)
        except InputError as error:
            raise InputError.of("The inputs do not fit", [*faults, *(error.faults or [str(error)])]) from None
        faults += [
            f"{name!r} is read by no block that runs with these inputs ({', '.join(values)}); leave it out."
            for name in names
            if name in known and name not in plan.reads and values[name] is not None
        ]
        if faults:
            raise InputError.of("The inputs do not fit", faults)
        return plan

    def _check_values(self, plan: Plan, inputs: Mapping[str, Any]) -> None:
        expected = self._planned_last.expected
        if plan not in expected:
            finders = fault_finders(self.blocks, plan)
            expected[plan] = expectations(plan), expectations(plan, typed=False), finders
        annotated, hinted, finders = expected[plan]
        faults = input_faults(annotated, inputs)
        for find in finders:
            faults += [fault for fault in find(inputs) if fault not in faults]
        if faults:
            raise InputError.of("The inputs do not fit", faults)
        for text in input_faults(hinted, inputs):
            warnings.warn(f"By the hint of a foreign block, {text}", UserWarning, stacklevel=3)

    def _check_outputs(self, plan: Plan, output: str | list[str] | None) -> None:
        names = [output] if isinstance(output, str) else output or []
        unknown = [name for name in names if name not in plan.outputs]
        if unknown:
            faults = [f"{name!r} is no output of this run. {did_you_mean(name, plan.outputs)}" for name in unknown]
            raise InputError.of("The outputs do not fit", faults)
