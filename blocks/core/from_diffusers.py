"""Blocks and pipelines of diffusers as blocks of ours: declarations are converted, no source is edited."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from math import prod
from typing import Any, ClassVar, TypeVar

from ...engine.progress import bar_options
from ...registry import ComponentSpec
from ...state import CompositionError, ConfigSpec, InputError, InputParam, OutputParam
from ...state.errors import named_thing
from .base import ModularPipelineBlocks
from .block_catalog import is_adoptable, is_classic
from .block_identity import attributes_of_block, code_key
from .choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from .container import Container
from .flattening import Flattening
from .late import late
from .peer_family import peer_pipeline_class
from .property_call import call_style
from .sequential import SequentialPipelineBlocks

C = TypeVar("C", bound=Container)
KEPT_BY_RUN = ("set_timesteps", "set_state")
"""Methods of components that keep a run's state in themselves: schedulers and diffusers' guiders."""


_INSTEAD = "Give a class that is derived from Block, or an object of such a class."
_INSTEAD_OF_A_NAME = "Give the class itself, or an object of it, and not its name: MyBlock, without quotes."


def adopt(block: object) -> ModularPipelineBlocks:
    """Make a block of diffusers one of ours: a class or an instance of its modular pipelines, or the class of any classic pipeline.

    Sequences and choices become ours, so they can be edited, planned and explained; a loop stays one step, and so does a classic pipeline.

    Raises:
        CompositionError: it is neither.

    Example:
        >>> from diffusers.modular_pipelines.stable_diffusion_xl.decoders import StableDiffusionXLDecodeStep
        >>> adopt(StableDiffusionXLDecodeStep).input_names
        ['output_type', 'latents']
    """
    if is_classic(block if isinstance(block, type) else type(block)):
        return _classic(block)
    foreign = block() if isinstance(block, type) else block
    if isinstance(foreign, ModularPipelineBlocks):
        return foreign
    if not all(hasattr(foreign, name) for name in ("inputs", "intermediate_outputs", "expected_components")):
        raise CompositionError(
            f"{named_thing(block)} is no block of modular pipelines (it declares no inputs and outputs), and no class of pipelines of diffusers."
            f" {_INSTEAD_OF_A_NAME if isinstance(block, str) else _INSTEAD}"
        )
    # By name, so that diffusers is not imported to look at something that may be none of it.
    kinds = {cls.__name__ for cls in type(foreign).__mro__}
    if "SequentialPipelineBlocks" in kinds:
        return _sequence(foreign)
    if "ConditionalPipelineBlocks" in kinds:
        return _choice(foreign)
    return DiffusersBlock(foreign)


class DiffusersBlock(ModularPipelineBlocks):
    """One block (or loop) of diffusers, run by its own code on the values of ours."""

    # Who composes cannot mend the lists of diffusers.
    has_lists: ClassVar[bool] = False
    made_in: tuple[type, str] | None = None
    """The class of diffusers in which a block was told more than its constructor makes by itself, and its name there."""

    def __init__(self, foreign: Any) -> None:
        self.foreign = foreign
        self.model_name = foreign.model_name
        self.description = _description(foreign)

    @property
    def source_class(self) -> type:
        """The class of diffusers, or of who derived from it."""
        return type(self.foreign)

    @property
    def own_call(self) -> Any:
        """The foreign block's code; a loop's and its blocks' are theirs, and write no inputs for others."""
        return type(self.foreign).__call__

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Components, in our words."""
        return [_component(spec) for spec in self.foreign.expected_components]

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        """Settings, in our words."""
        return [ConfigSpec(spec.name, spec.default, spec.description) for spec in self.foreign.expected_configs]

    @property
    def inputs(self) -> list[InputParam]:
        """Inputs, in our words."""
        return [_input(param) for param in self.foreign.inputs]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """Outputs, in our words."""
        return [_output(param) for param in self.foreign.intermediate_outputs]

    def identity(self, configs: Mapping[str, Any]) -> Any:
        """Return the foreign code: classes of diffusers by name, others by what is in them."""
        return [_identity(self.foreign), dict(configs)]

    def mutated_names(self) -> tuple[str, ...]:
        """Return components that keep a run's state: every run gets its own."""
        specs = self.expected_components
        return tuple(str(s.name) for s in specs if any(hasattr(s.type_hint, method) for method in KEPT_BY_RUN))

    def __call__(self, components: Any, state: Any, **variables: object) -> Any:
        """Run the block's own code, on a copy that draws progress bars as this run's settings say."""
        # Shallow: its code and settings are shared, and two runs at once do not draw into each other's bar.
        foreign = copy.copy(self.foreign)
        foreign._progress_bar_config = bar_options(components.settings)
        taken = call_style(foreign).loop_arguments(variables, tuple(variables))
        return foreign(DiffusersComponents(components, foreign), state, **taken)


class DiffusersComponents:
    """Stands as `components` for a block of diffusers: ours first, then what its own pipeline class computes."""

    def __init__(self, components: Any, foreign: object) -> None:
        self._components = components
        self._peer_class = _pipeline_class(foreign)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # Ours first: properties of diffusers' pipeline class that ours has as well, such as `device`, are about this
        # run.
        try:
            return getattr(self._components, name)
        except AttributeError:
            return self._computed(name)

    def _computed(self, name: str) -> Any:
        attribute = getattr(self._peer_class, name, None)
        if isinstance(attribute, property) and attribute.fget is not None:
            return attribute.fget(self)
        if isinstance(attribute, types.FunctionType):
            return types.MethodType(attribute, self)
        if attribute is None:
            raise AttributeError(f"Neither the pipeline nor {self._peer_class} has {name!r}.")
        return attribute

    @contextmanager
    def progress_bar(self, iterable: Iterable[Any] | None = None, total: int | None = None) -> Iterator[Any]:
        """Show a bar in the way of diffusers, with the settings of ours."""
        from tqdm.auto import tqdm

        with tqdm(iterable, total=total, **bar_options(self._components.settings)) as bar:
            yield bar


def _classic(pipeline: Any) -> ModularPipelineBlocks:
    if not isinstance(pipeline, type):
        cls = type(pipeline).__name__
        raise CompositionError(
            f"adopt was given a pipeline that is made already. Give its class, and the components to what that makes: "
            f"pipe = adopt({cls}).init_pipeline(); pipe.update_components(**pipeline.components)."
        )
    made: ModularPipelineBlocks = late("classic_class")(pipeline)()
    return made


def _sequence(foreign: object) -> SequentialPipelineBlocks:
    blocks = SequentialPipelineBlocks.from_blocks_dict(_adopted_parts(foreign))
    return _named(blocks, foreign)


def _choice(foreign: Any) -> ConditionalPipelineBlocks:
    if not foreign.sub_blocks:
        raise CompositionError(f"{type(foreign).__name__} is empty: it has no blocks to choose from.")
    parts = _adopted_parts(foreign)
    triggers = list(foreign.block_trigger_inputs)
    is_auto = any(cls.__name__ == "AutoPipelineBlocks" for cls in type(foreign).__mro__)
    kind = AutoPipelineBlocks if is_auto else AdoptedChoice
    body = {
        "block_classes": list(parts.values()),
        "block_names": list(parts),
        "block_trigger_inputs": triggers,
        "default_block_name": getattr(foreign, "default_block_name", None),
        "foreign": foreign,
        "source_class": type(foreign),
        "__module__": __name__,
        "__doc__": _description(foreign),
    }
    # A class, because our choices declare their triggers in one, and errors name it.
    made: type[ConditionalPipelineBlocks] = type(type(foreign).__name__, (kind,), body)
    return _named(made(), foreign)


class AdoptedChoice(ConditionalPipelineBlocks):
    """A choice that diffusers makes by which inputs are there; it is decided in the plan as far as that is known."""

    foreign: Any = None

    def select_block(self, **values: object) -> str | None:
        """Return what the foreign choice says."""
        name: str | None = self.foreign.select_block(**values)
        return name

    def choose(self, flattening: Flattening) -> tuple[bool, str | None]:
        """Decide by names, unless it hangs on what a block writes in the run, or on more than whether a value is there.

        Raises:
            InputError: the foreign choice refuses these inputs together.
        """
        if flattening.keeps_choices:
            return False, None
        possible = self._possible(flattening)
        return (True, possible[0]) if len(possible) == 1 else (False, None)

    def may_run(self, branch: str, flattening: Flattening) -> bool:
        """Return whether the foreign choice may take a branch, whatever the run writes."""
        return flattening.keeps_choices or branch in self._possible(flattening)

    def _possible(self, flattening: Flattening) -> list[str | None]:
        """Return the branches that it may take, each once."""
        answers = {name: self._answers(name, flattening) for name in self.trigger_names}
        flattening.triggers |= {name for name, values in answers.items() if None not in values}
        if prod(map(len, answers.values())) > _MOST_ANSWERS:
            return [*self.sub_blocks, None]
        found: dict[str | None, None] = {}
        refusal = ""
        for values in product(*answers.values()):
            try:
                found[self.select_block(**dict(zip(answers, values, strict=True))) or self.default_block_name] = None
            except ValueError as error:
                refusal = f"{type(self.foreign).__name__} refuses these inputs: {error}"
            # It asks more of a value than True and False have, so that nothing is known before the run.
            except Exception:  # noqa: BLE001 - of code of others
                return [*self.sub_blocks, None]
        if not found:
            raise InputError(refusal)
        return list(found)

    def _answers(self, name: str, flattening: Flattening) -> tuple[object, ...]:
        """Return what may stand for a trigger: None where it is not there, True and False where a choice may ask for the value."""
        if flattening.known is not None:
            # As diffusers makes the blocks of a workflow: what an earlier block writes counts as there.
            return (flattening.known.get(name, True if flattening.may_find(name) or flattening.has(name) else None),)
        if flattening.may_find(name) and not flattening.surely_has(name):
            return None, True, False
        return (True, False) if flattening.has(name) else (None,)


_MOST_ANSWERS = 2_000
"""Combinations of triggers that a foreign choice is asked about; of more, any branch may run."""


def _adopted_parts(foreign: Any) -> dict[str, ModularPipelineBlocks]:
    parts = {name: adopt(part) for name, part in foreign.sub_blocks.items()}
    for name, part in parts.items():
        if isinstance(part, DiffusersBlock) and is_adoptable(type(foreign)) and not _is_plain(part.foreign):
            part.made_in = type(foreign), name
    return parts


def _is_plain(foreign: object) -> bool:
    """Return whether a block is what its class makes without arguments."""
    held = attributes_of_block(foreign)
    if not held:
        return True
    try:
        return held == attributes_of_block(type(foreign)())
    except Exception:  # noqa: BLE001 - of code of others
        return False


def _named(blocks: C, foreign: Any) -> C:
    # Nothing said is nothing put there: a file would not keep it.
    if description := _description(foreign):
        blocks.description = description
    blocks.model_name = foreign.model_name
    if getattr(foreign, "_workflow_map", None):
        blocks.workflow_map = foreign._workflow_map
    return blocks


def _description(foreign: Any) -> str:
    """Return what the block says of itself; loops of diffusers may say nothing, by an exception."""
    try:
        return str(foreign.description or "")
    except NotImplementedError:
        return ""


def _component(spec: Any) -> ComponentSpec:
    return ComponentSpec(
        name=spec.name,
        type_hint=spec.type_hint,
        description=spec.description,
        config=dict(spec.config) if spec.config is not None else None,
        pretrained_model_name_or_path=spec.pretrained_model_name_or_path,
        subfolder=spec.subfolder,
        variant=spec.variant,
        revision=spec.revision,
        default_creation_method=spec.default_creation_method,
    )


def _input(param: object) -> InputParam:
    kept = ("name", "type_hint", "default", "required", "description", "kwargs_type", "defaults_by_block")
    return InputParam(**{name: getattr(param, name) for name in kept})


def _output(param: Any) -> OutputParam:
    return OutputParam(param.name, param.type_hint, param.description or "", param.kwargs_type)


def _identity(foreign: object) -> Any:
    own = attributes_of_block(foreign)
    parts = getattr(foreign, "sub_blocks", None) or {}
    return [code_key(foreign), own, {name: _identity(part) for name, part in parts.items()}]


def _pipeline_class(foreign: Any) -> Any:
    """Return the pipeline class that diffusers keeps for a block's family; its properties are evaluated, it is never
    made.
    """
    base = next(cls for cls in type(foreign).__mro__ if cls.__name__ == "ModularPipelineBlocks")
    return peer_pipeline_class(foreign.model_name) or sys.modules[base.__module__].ModularPipeline
