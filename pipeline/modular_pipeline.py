"""`ModularPipeline`: blocks with their components, ready to run."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..engine import RunSettings
from ..registry import ComponentsManager, PipelineIndex, read_index
from ..registry.hub.downloads import one_bar
from ..registry.hub.repo_files import CLASSIC_INDEX, MODULAR_INDEX
from ..registry.hub.trust import Trust
from ..registry.publishing import publish, refuse_unknown
from ..saving.open_repository import open_repository
from ..state import ComponentError, InputError, PipelineState, RepoError
from ..state.errors import named_thing
from ..state.given import given_name, given_path
from ..state.user_warnings import caller_level, is_unsaid
from .call_signature import OwnDoc, OwnSignature, call_signature, signed_by
from .event_stream import EventStream
from .first_value import with_first_value
from .images.notebook_lists import show_lists_of_images
from .kept_plans import KeptPlans
from .names_of_diffusers import AnswersNames, refuse_options
from .older_names import OlderNames
from .pipeline_copy import deep_copy, refuse_pickle, shallow_copy
from .pipeline_run import PipelineRun
from .recipes.recipe import Recipe
from .resume import branch, resume
from .run_requests import PipelineRequests
from .runs import Runs
from .saving import save_pipeline
from .seed import SEED
from .single_file import config_folder, load_single_file
from .snapshots import Snapshot
from .started_run import StartedRun
from .sweep import Axes, Sweep, sweep

logger = logging.getLogger(__name__)

_SWEPT = ("guidance_scale", "guider", "num_inference_steps", "strength", "height", "width", "eta", "clip_skip")
"""Inputs that take one value a call, so that a list of them can only be an axis."""


class ModularPipeline(PipelineRequests, OlderNames, metaclass=AnswersNames):
    """Runs blocks. Made by `blocks.init_pipeline(repo)` or `ModularPipeline.from_pretrained(folder)`.

    Components are attributes (`pipe.unet`); those with weights are None until `load_components()`. A call runs the
    blocks: `pipe(prompt="a red circle", output="images")[0]`. `help(pipe)` shows what it takes.
    """

    __doc__ = OwnDoc(__doc__)
    __signature__ = OwnSignature()

    def __init__(
        self,
        blocks: ModularPipelineBlocks,
        pretrained_model_name_or_path: str | None = None,
        components_manager: ComponentsManager | None = None,
        collection: str | None = None,
        index: PipelineIndex | None = None,
        **hub_options: object,
    ) -> None:
        if not isinstance(blocks, ModularPipelineBlocks):
            raise InputError(
                f"blocks is {named_thing(blocks)}; a pipeline is made of blocks: from_pretrained(folder) opens a repository."
            )
        if not isinstance(index, PipelineIndex | None):
            raise InputError(
                f"index is {named_thing(index)}; it is a PipelineIndex, as read_index(folder) returns, or None."
            )
        if collection is not None and components_manager is None:
            logger.warning(
                "collection=%r has no effect without components_manager=...", collection, stacklevel=caller_level()
            )
        if pretrained_model_name_or_path is not None:
            given_path(pretrained_model_name_or_path, "pretrained_model_name_or_path")
        if not isinstance(components_manager, ComponentsManager | None):
            raise InputError(
                f"components_manager is {named_thing(components_manager)}; it is a ComponentsManager(), or None."
            )
        if index is None and pretrained_model_name_or_path:
            with one_bar():
                index = read_index(pretrained_model_name_or_path, **hub_options)
        report = blocks.check()
        report.raise_faults()
        for text in report.kinds_of_warnings if not is_unsaid() else ():
            logger.warning("%s", text, stacklevel=caller_level())
        self.blocks = copy.deepcopy(blocks)
        self.settings = RunSettings()
        self._kept: KeptPlans | None = KeptPlans.of(self.blocks)
        self._editing = threading.RLock()
        self.input_defaults: dict[str, Any] = {}
        """Values for inputs that a call does not give."""
        self.outputs: tuple[str, ...] = ()
        """Values that a workflow file names as its results, which `brickwork run` saves; calls say `output=pipe.outputs`."""
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
        dtype: object = None,
        torch_dtype: object = None,
        variant: str | None = None,
        use_safetensors: bool | None = None,
        task: str | None = None,
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
            dtype: in which `load_components()` loads models, where it is told none: of torch, a name ("fp16"), or a dict of those by
                component ("default" for the others). torch_dtype: another name of it.
            variant: of the weights ("fp16"), which `load_components()` reads. use_safetensors: True is what is done anyway.
            task: which preset of its family opens, in place of the one that its index means: the second part of the preset's name
                ("inpainting", "image2image", "text2image", "auto", ...). Not for repositories that bring blocks of their own.
            hub_options: `cache_dir`, `token`, `local_files_only`.

        Raises:
            RepoError: no such repository, or a broken one. TrustError: it has code that was not granted, or asks for more than
                it may. CompositionError: it names a pipeline that Brickwork has no blocks for, or a
                task that its family does not have.
        """
        if use_safetensors is not None and use_safetensors is not True:
            raise ComponentError(
                f"use_safetensors={use_safetensors!r}: pickled weights can run code. load_components(use_safetensors=False) reads them."
            )
        refuse_options(hub_options)
        if lock is not None:
            given_path(lock, "lock")
        if task is not None:
            given_name(task, "task")
        name = str(pretrained_model_name_or_path)
        with one_bar():
            opened = open_repository(name, trust_remote_code, lock, revision, task, **hub_options)
        if opened.blocks is None:
            if (index := opened.files.index) is not None:
                raise RepoError(
                    f"{index.name} of {name} names no class of a pipeline (_class_name), and the repository brings no blocks: nothing says what runs."
                )
            raise RepoError(
                f"{name} has neither {MODULAR_INDEX} nor {CLASSIC_INDEX}, and brings no blocks: it is no pipeline repository."
            )
        blocks = opened.blocks if workflow is None else opened.blocks.get_workflow(workflow)
        pipe = cls(blocks, name, components_manager, collection, opened.index)
        pipe.take_from(opened)
        # What only other workflows take is for nobody here.
        others = set(opened.blocks.input_names) - set(blocks.input_names)
        pipe.input_defaults = {given: value for given, value in opened.inputs.items() if given not in others}
        pipe.load_in(dtype, torch_dtype, variant)
        return pipe

    @classmethod
    def from_single_file(
        cls,
        path: str | Path,
        config: str | Path | None = None,
        components_manager: ComponentsManager | None = None,
        collection: str | None = None,
        task: str | None = None,
        dtype: object = None,
        torch_dtype: object = None,
        **components: object,
    ) -> ModularPipeline:
        """Make the pipeline of a checkpoint in one file in its original layout, and load its components.

        Names of weights are converted by diffusers, for the models that it converts (Stable Diffusion, XL, 3, FLUX).

        Args:
            path: a safetensors file. config: the folder of the same model in diffusers' layout, for its index and configurations; what
                the file has no weights of (a tokenizer, often an encoder) is loaded from there. Nothing is asked of the Hub.
            task, dtype, torch_dtype, components_manager, collection: as in `from_pretrained`.
            components: in place of those of the file, by name: `vae=model`; `text_encoder_3=None` does without it.

        Raises:
            ComponentError: the file is no such checkpoint, of another model than `config`, or lacks components. TrustError: it is pickled.
                RepoError, CompositionError: as `from_pretrained`, of `config`. InputError: `path` or `config` is no path.
        """
        file, root = given_path(path, "path"), config_folder(config)
        pipe = cls.from_pretrained(
            str(root), components_manager, collection, task=task, dtype=dtype, torch_dtype=torch_dtype
        )
        load_single_file(pipe, file, root, components)
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

        The folder is changed as a whole, or not at all, after everything in it was opened again and is the same. diffusers'
        ModularPipeline opens it, too; its classic DiffusionPipeline does not, since that reads `model_index.json`, which is not written.

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
        folder, name = given_path(save_directory, "save_directory"), publishing.get("repo_id")
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

    def __call__(
        self,
        first: Any = None,
        /,
        output: str | list[str] | None = None,
        state: PipelineState | None = None,
        **inputs: Any,
    ) -> Any:
        """Run the blocks: `pipe("a red circle", seed=7, output="images")`.

        Args:
            first: the prompt, or the first input that is required; or the state.
            state: an earlier run's state to continue from. It is not changed, and nothing in it is copied.
            output: name of the value to return; a list of names returns a dict; None returns the whole state.
            inputs: see `pipe.doc`. `guider=` replaces the pipeline's guider for this run: an object, or its name. `seed=7` stands
                for generators: of n images the first has seed 7, the last 7 + n - 1; a list has one for each.

        Raises:
            InputError: inputs or outputs are unknown or missing; all faults are named, before anything runs.
            ComponentError: components that are needed are not loaded.
        """
        state, inputs = with_first_value(self.kept_plans(), first, state, inputs)
        return PipelineRun(self, self.prepare_run(state, output, inputs)).compute()

    @signed_by(call_signature)
    def stream(
        self, first: Any = None, /, output: Any = None, state: PipelineState | None = None, **inputs: Any
    ) -> EventStream:
        """Run the blocks, and yield what happens: `for event in pipe.stream(prompt=...)`; see `brickwork.engine.events`.

        The run waits while you look at an event, so that its values stand still. The last event, `RunFinished`, has what
        a call would have returned. Leaving the loop cancels the run.

        Raises:
            InputError, ComponentError: as a call does, before the first event.
        """
        state, inputs = with_first_value(self.kept_plans(), first, state, inputs)
        return EventStream(PipelineRun(self, self.prepare_run(state, output, inputs)))

    @signed_by(call_signature)
    def start(
        self, first: Any = None, /, output: Any = None, state: PipelineState | None = None, **inputs: Any
    ) -> StartedRun:
        """Run the blocks in a thread of its own, and return at once: `run = pipe.start(prompt=..., output="images")`.

        `run.result()` waits for what a call would have returned; `run.events()` yields what happens; `run.cancel()` ends this run and
        no other; `run.status`, `run.progress` and `run.recipe` say where it stands. Takes what a call takes.

        Raises:
            InputError, ComponentError: as a call does, before the run begins.
        """
        state, inputs = with_first_value(self.kept_plans(), first, state, inputs)
        return StartedRun(self, self.prepare_run(state, output, inputs))

    def resume(
        self, snapshot: Snapshot | str | Path, *, exact: bool = True, live: Mapping[str, Any] | None = None
    ) -> Any:
        """Continue a run from a snapshot or its file, and return what that run was asked for.

        It goes on as if it had not been interrupted: random generators and schedulers are as they were.

        Args:
            exact: False goes on although something is not as it was, or nothing tells; what, comes as a warning. live: objects whose state
                the snapshot holds, such as the optimizer of a training, by the run's names; they are brought to that state.

        Raises:
            InputError: blocks, components, settings of the process, software or threads are others, or nothing tells whether
                they are; every difference is named.
            RepoError: there is no such file, or it is broken.
        """
        return resume(self, snapshot, exact, live=live or {})

    def branch(
        self, result: PipelineState, at_step: int | None = None, loop: str | None = None, **changes: object
    ) -> PipelineState:
        """Run a variant of an earlier run that shares the first steps of its loop with it.

        With `cache=MemoryCache(steps=True)` those steps are not computed again; without, they are.

        Args:
            result: of the earlier run, as it came without `output=`. at_step: the first step that may differ, from 0.
            loop: path of the loop, where there are several. changes: inputs that the variant has other than the run.

        Raises:
            InputError: the changes reach what the shared steps were made for, such as the timesteps.
        """
        return branch(self, result, at_step, loop, changes)

    def sweep(
        self, output: str = "images", axes: Axes | None = None, measures: Sequence[str] = (), **inputs: object
    ) -> Sweep:
        """Run every combination of some inputs, what they share once, and return the results with a grid of labelled images.

        Args:
            output: name of the value that each call returns. axes: input to its values; "seed" stands for a generator. measures: names of
                values that blocks of measures write, such as "clip_score", for `sweep(...).table()`. inputs: for all calls. Lists of
                numbers are axes, too: `pipe.sweep(prompt="a cat", seed=[1, 2]).grid()`.

        Raises:
            InputError: axes or inputs do not fit.
        """
        numbers = {n: v for n, v in inputs.items() if n == SEED or (n in _SWEPT and isinstance(v, (list, tuple)))}
        rest = {name: value for name, value in inputs.items() if name not in numbers}
        return sweep(self, axes or {}, numbers, output, rest, measures)

    def cancel(self) -> None:
        """Stop every run of this pipeline before its next block; from another thread, or a listener.

        The calls raise RunCancelledError, and the pipeline can be used again at once. `pipe.start(...).cancel()` stops one run.
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


show_lists_of_images()
from_pretrained = ModularPipeline.from_pretrained
"""Opens any repository of a pipeline: `brickwork.from_pretrained(repo, task="inpainting")`."""
