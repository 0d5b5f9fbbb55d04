"""`ModularPipelineBlocks`: what every block and container is, and the face that foreign code writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ...engine import BlockNode, Node, Plan, Run, make_plan
from ...engine.execution.executor import not_written
from ...engine.nodes import Call, Presence, Undeclared
from ...engine.planning.dataflow import trace
from ...engine.planning.explain import Explanation
from ...engine.planning.graph import Graph, make_graph
from ...families.contract import UNBOUND, FamilyContract
from ...registry import ComponentSpec
from ...registry.publishing import publish, refuse_unknown
from ...state import (
    BlockState,
    ConfigSpec,
    InputParam,
    OutputParam,
    PipelineState,
    RepoError,
    RunError,
)
from ...state.defaults import own_default
from ...state.written_classes import note_body
from .binding import bound_class, written_class
from .block_identity import attributes_of_block, code_key
from .declared_names import DeclaredNames
from .describe import document, html_summary, summary
from .flattening import Flattening
from .interface import listed, merged_inputs, older_inputs, refuse_wrong_lists, warn_of_misspelt
from .late import late
from .property_call import assigned_attributes, refuse_unknown_variables
from .state_call import state_call
from .workflow_names import find_workflow, trigger_values, workflow_names
from .workflows import Workflow

if TYPE_CHECKING:
    from ...pipeline.modular_pipeline import ModularPipeline
    from ...registry.hub.trust import Trust
    from ..checks.composition_checks import Report


class ModularPipelineBlocks(DeclaredNames):
    """A definition: what a step reads, writes and uses. It holds no component and no tensor.

    Subclass `Block` to write a step as a function. Subclass this to write it as properties (`description`,
    `expected_components`, `expected_configs`, `inputs`, `intermediate_outputs`) and `__call__(components, state)`:

        block_state = self.get_block_state(state)
        ...
        self.set_block_state(state, block_state)
        return components, state

    `__call__` may also return a dict of outputs, or nothing.
    """

    _is_framework_base: ClassVar[bool] = True
    cached: ClassVar[bool | None] = None
    """Whether a cache may keep what the block gives. None goes by its code: what reads the clock, files, the environment or
    a generator of the module is not kept. False is for what code does not show; True is the author's word that the results
    hang on inputs, options, configs and components alone."""
    has_lists: ClassVar[bool] = True
    """Whether a person wrote what it reads, writes and uses as lists."""
    memory_advice: ClassVar[tuple[str, ...]] = ()
    """What a person can do where memory runs out in the block, a half sentence each."""
    model_name: str | None = None
    _workflow_map: ClassVar[Any] = None  # diffusers' name of `workflow_map`
    family: ClassVar[FamilyContract] = UNBOUND
    bound_from: ClassVar[type | None] = None
    """The class that `bind` made this one of."""
    description: Any = ""
    """One or more sentences: a string, a property or a method."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        note_body(cls)
        warn_of_misspelt(cls)

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Components that the block uses."""
        return []

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        """Settings of the pipeline that the block reads."""
        spelled = getattr(type(self), "expected_config", None)
        return listed(spelled, self) if spelled is not None else []

    @property
    def inputs(self) -> list[InputParam]:
        """Values that the block reads."""
        return []

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """Values that the block writes."""
        return []

    @property
    def outputs(self) -> list[OutputParam]:
        """Another name of `intermediate_outputs`."""
        return self.intermediate_outputs

    @property
    def all_inputs(self) -> list[InputParam]:
        """`inputs`, merged with the older separate list `intermediate_inputs` where a class still has it."""
        older = older_inputs(self, "intermediate_inputs")
        return merged_inputs([*self.inputs, *older]) if older else list(self.inputs)

    @property
    def doc(self) -> str:
        """Everything a person wants to know: description, components, configs, inputs, outputs."""
        return document(self)

    docs = doc

    def __call__(self, components: Any, state: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} says nothing of what it does: define __call__ or `run`.")

    def get_block_state(self, state: PipelineState | BlockState) -> BlockState:
        """Return the declared inputs as attributes, defaults filled in. In a loop: the loop's shared view.

        Raises:
            RunError: a required input is absent.
        """
        # Within a loop all blocks share one view, as in diffusers.
        if isinstance(state, BlockState):
            return state
        data: dict[str, Any] = {}
        for param in self.all_inputs:
            if param.name is None:
                group = {k: v for k, v in state.get_by_kwargs(str(param.kwargs_type)).items() if v is not None}
                data.update(group)
                data[str(param.kwargs_type)] = group
                continue
            # None counts as absent: that is how foreign code leaves an input out.
            value = state.values.get(param.name)
            if value is None:
                if param.required:
                    raise not_written(state.values, param.name, type(self).__name__)
                value = own_default(param.default)
            data[param.name] = value
        return BlockState(**data)

    def set_block_state(self, state: PipelineState | BlockState, block_state: BlockState) -> None:
        """Write the declared outputs, and the inputs that were assigned anew, to the state.

        Raises:
            RunError: a declared output was not set.
        """
        if isinstance(state, BlockState):
            return
        values = block_state.__dict__
        for output in self.intermediate_outputs:
            if output.name not in values:
                raise RunError(f"{type(self).__name__} declares the output {output.name!r} and did not set it.")
            state.set(output.name, values[output.name], output.kwargs_type)
        for param in self.all_inputs:
            group = {} if param.name else state.get_by_kwargs(str(param.kwargs_type))
            for name in [param.name] if param.name else group:
                # By identity: only what was assigned anew is written, and comparing tensors would cost more than
                # writing.
                if name in values and values[name] is not group.get(name, state.values.get(name)):
                    state.set(name, values[name], param.kwargs_type)

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:  # noqa: ARG002 - overrides read it
        """Say what is wrong with the inputs that the caller gave, a sentence each; asked before anything is computed.

        Types and ranges are checked without it: this is for what must fit together.
        """
        return ()

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:  # noqa: ARG002 - overrides read it
        """Say what does not fit among the components of a run, a sentence each; asked before anything is computed."""
        return ()

    @property
    def source_class(self) -> type:
        """The class that somebody has written: before it was bound to a family, or adopted."""
        return written_class(type(self))

    @classmethod
    def bind(cls, family: FamilyContract = UNBOUND) -> type[Self]:
        """Make the class of this block for a model family (anything else is an InputError): roles become the family's components."""
        return bound_class(cls, family)

    def plan(self, given: Iterable[str] | Mapping[str, Any] = ()) -> Plan:
        """Resolve which leaf blocks run, and in what order, when these inputs are given.

        Args:
            given: names; from a mapping, those whose value is None count as absent where a choice asks.

        Raises:
            InputError: required inputs are missing.
            CompositionError: the blocks do not fit together.
        """
        names = frozenset(given)
        # A plan is kept under the names; a choice asks for values, as `AutoPipelineBlocks` of diffusers does.
        present = {k for k, v in given.items() if v is not None} if isinstance(given, Mapping) else names
        flattening = Flattening(frozenset(present))
        steps = self.steps(flattening, "")
        flattening.raise_faults()
        others = lambda *of_whom: late("other_writers")(self, flattening.taken, *of_whom)  # noqa: E731 - asked where one is missing
        return make_plan(steps, names, flattening.triggers, flattening.skipped, others)

    def explain(self, *names: str, **values: object) -> Explanation:
        """Explain what runs when these inputs are given: a table to print, or to show in a notebook.

        Raises:
            InputError: required inputs are missing. CompositionError: the blocks do not fit together.
        """
        return self.plan({**dict.fromkeys(names, True), **values}).explain()

    def graph(self) -> Graph:
        """Draw the whole composition as a graph, every branch of every choice in it."""
        flattening = Flattening(frozenset(), keeps_choices=True)
        steps = self.steps(flattening, "")
        return make_graph(steps, trace(steps, ()))

    def check(self) -> Report:
        """Check all workflows: types, order, components, choices. Loads and runs nothing.

        Example:
            >>> from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
            >>> SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).check().faults
            ()
        """
        report: Report = late("check")(self)
        return report

    @property
    def available_workflows(self) -> Sequence[str]:
        """Names of the workflows that the choices allow; a class may list its own in `workflow_map`.

        More than 512 are no list, but know their number and whether they hold a name, and are made as they are asked for.
        """
        return workflow_names(self)

    def workflow(self, name: str | None = None) -> Workflow:
        """Return a workflow with its exact inputs, outputs and components; None is what runs with nothing given.

        Raises:
            CompositionError: there is no such workflow.
        """
        return find_workflow(self, name)

    def get_workflow(self, name: str) -> ModularPipelineBlocks:
        """Return the composition of a workflow, its choices decided, to edit and run."""
        given = self.workflow(name).given
        listed = trigger_values(self._workflow_map[name]) if self._workflow_map else {}
        return self.decided_for([] if listed else given, listed)

    def get_execution_blocks(self, *names: str, **values: object) -> ModularPipelineBlocks | None:
        """Return the blocks that run with these inputs, choices decided; None where this is a choice that runs nothing."""
        return self.decided_for(names, values)

    def decided_for(self, names: Iterable[str], values: Mapping[str, object]) -> ModularPipelineBlocks:
        """Return the composition that runs with these inputs, decided by values, too, where all of the values are known."""
        given = frozenset(names) | {name for name, value in values.items() if value is not None}
        return self.decided(Flattening(given, known=values, counts_written=bool(self._workflow_map)))

    def decided(self, flattening: Flattening) -> ModularPipelineBlocks:
        """Return the block with the choices in it decided, as far as that can be done before a run."""
        flattening.note_written(output.name for output in self.intermediate_outputs)
        return self

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return the engine's steps of this block; containers return those of their blocks."""
        name = path or type(self).__name__
        if self.has_lists:
            refuse_wrong_lists([(name, self)])
        inputs, outputs = self.all_inputs, [*self.intermediate_outputs, *self.rewritten_inputs()]
        flattening.note_written(output.name for output in outputs)
        loop_variables = flattening.loop_variables
        refuse_unknown_variables(name, self.own_call, loop_variables)

        def bind(_presence: Presence) -> Callable[[Run], Call]:
            return lambda run: state_call(self, name, run, inputs, loop_variables)

        return [
            BlockNode(
                name,
                # Loop variables come as arguments, and not from the values.
                tuple(param for param in inputs if param.name not in loop_variables),
                tuple(outputs),
                bind,
                components=tuple(self.component_names),
                mutates=self.mutated_names(),
                typed=False,
                undeclared=self.undeclared_writes() if loop_variables else None,
                identity=self.identity,
                advice=self.memory_advice,
            )
        ]

    def rewritten_inputs(self) -> list[OutputParam]:
        """Return declared inputs that the block's own code assigns anew on its block state; later blocks see them."""
        undeclared = assigned_attributes(self.own_call).names - {output.name for output in self.intermediate_outputs}
        inputs = [param for param in self.all_inputs if param.name in undeclared]
        return [OutputParam(str(p.name), p.type_hint, p.description, p.kwargs_type) for p in inputs]

    def undeclared_writes(self) -> Undeclared:
        """Return names that the block may write on a loop's view without declaring them: its siblings see them."""
        assigned = assigned_attributes(self.own_call)
        own = sorted(assigned.names.difference(self.intermediate_output_names, self.input_names))
        return Undeclared(tuple(own), assigned.others)

    @property
    def own_call(self) -> Any:
        """The function whose source says what the block does."""
        return type(self).__call__

    def identity(self, configs: Mapping[str, Any]) -> Any:
        """Return what says which code runs, with which settings: results are kept under it.

        Foreign code may read any setting of the pipeline, and keep some on itself.
        """
        own = attributes_of_block(self)
        parts = {name: part.identity(configs) for name, part in getattr(self, "sub_blocks", {}).items()}
        return [code_key(self), own, dict(configs), parts]

    def mutated_names(self) -> tuple[str, ...]:
        """Return the names of the components whose state the block changes; every run gets its own copy of them."""
        return ()

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str,
        trust_remote_code: bool | str | Trust = False,
        lock: str | Path | None = None,
        revision: str | None = None,
        task: str | None = None,
        **hub_options: object,
    ) -> ModularPipelineBlocks:
        """Open the blocks of a repository, of ours or of diffusers; arguments as for `ModularPipeline.from_pretrained`.

        Raises:
            RepoError: there are none. TrustError: they have code that was not granted.
        """
        name = str(pretrained_model_name_or_path)
        opened = late("open_repository")(name, trust_remote_code, lock, revision, task, **hub_options)
        if isinstance(opened.blocks, ModularPipelineBlocks):
            return opened.blocks
        raise RepoError(f"{name} brings no blocks.")

    def save_pretrained(
        self, save_directory: str | Path, push_to_hub: bool = False, license_id: str | None = None, **publishing: Any
    ) -> None:
        """Save the composition with the code of its custom blocks; `publishing` is for `push_to_hub`.

        Args:
            license_id: as the Hub writes it ("apache-2.0"), for the card.

        Raises:
            RepoError: code or options cannot be saved, or would come back as something else; every fault is named, and nothing is
                written.
        """
        refuse_unknown(publishing, push_to_hub)
        late("save_blocks")(self, save_directory, publishing.get("repo_id"), license_id)
        if push_to_hub:
            self.push_to_hub(publishing.pop("repo_id", Path(save_directory).name), license_id, **publishing)

    def push_to_hub(self, repo_id: str, license_id: str | None = None, **publishing: Any) -> str:
        """Publish the composition on the Hub in one commit, and return its address; see `ModularPipeline.push_to_hub`."""
        save = late("save_blocks")
        return publish(lambda folder, name: save(self, folder, name, license_id), repo_id, **publishing)

    def init_pipeline(
        self,
        pretrained_model_name_or_path: str | None = None,
        components_manager: object = None,
        collection: str | None = None,
        dtype: object = None,
        torch_dtype: object = None,
        **others: object,
    ) -> ModularPipeline:
        """Make a pipeline of a copy of these blocks. Reads where components come from; loads none of them.

        Args:
            pretrained_model_name_or_path: folder (or Hub name) with `modular_model_index.json` or `model_index.json`.
            components_manager: a `ComponentsManager` that shares components. collection: under which it files them.
            dtype: in which `load_components()` loads models, as in `ModularPipeline.from_pretrained`. torch_dtype: another name of it.
            others: there are none: an InputError says what is typed in the place of each.
        """
        if others:
            raise late("unknown_arguments")(self, "init_pipeline", others)
        pipeline: ModularPipeline = late("ModularPipeline")(
            self, pretrained_model_name_or_path, components_manager, collection
        )
        pipeline.load_in(dtype, torch_dtype)
        return pipeline

    __repr__, _repr_html_ = summary, html_summary
