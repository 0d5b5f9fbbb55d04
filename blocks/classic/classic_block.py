"""A class of classic pipelines of diffusers as a block: declared by what the class says, and run by its own code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.metadata import version
from typing import Any, ClassVar

from ...engine import BlockNode, Node, Run
from ...engine.nodes import Call, Presence, Undeclared
from ...registry import ComponentSpec
from ...state import CompositionError, ConfigSpec, InputParam, OutputParam, vocabulary
from ...state.code_home import is_library
from ...state.digest import code_identity
from ..core.base import ModularPipelineBlocks
from ..core.flattening import Flattening, walk
from .classic_run import call_pipeline
from .constructor import constructor_of
from .docstrings import argument_words, first_words
from .hints import in_our_words, parameters_of
from .outputs import outputs_of
from .remade import needed_whole
from .steps_of_run import CALLBACK, callbacks_of

GENERATOR = "generator"
_OURS = ("return_dict",)
"""Arguments of a call that are not the caller's: the block returns values by name."""


class ClassicBlock(ModularPipelineBlocks):
    """One run of a classic pipeline of diffusers as a step; `adopt` makes the class of it for each class of pipelines."""

    _is_framework_base: ClassVar[bool] = True

    # Who composes cannot mend the lists of diffusers.
    has_lists: ClassVar[bool] = False
    pipeline_class: ClassVar[type]
    """The class of diffusers, or of who derived from it."""

    @property
    def source_class(self) -> type:
        """The class of the pipeline."""
        return self.pipeline_class

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """What the constructor takes and has weights or files."""
        return [spec.copy() for spec in constructor_of(self.pipeline_class).components]

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        """What the constructor takes besides: settings, which an index holds."""
        return list(constructor_of(self.pipeline_class).configs)

    @property
    def inputs(self) -> list[InputParam]:
        """The arguments of the pipeline's call that are the caller's."""
        return list(_inputs_of(self.pipeline_class))

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """The fields of what the pipeline returns."""
        return list(outputs_of(self.pipeline_class))

    def optional_names(self) -> frozenset[str]:
        """Return the components without which it runs."""
        return constructor_of(self.pipeline_class).optional

    def mutated_names(self) -> tuple[str, ...]:
        """Return components that keep a run's state: every run gets its own."""
        return constructor_of(self.pipeline_class).mutated

    def rewritten_inputs(self) -> list[OutputParam]:
        """Return nothing: a classic pipeline sees no block state to assign to."""
        return []

    def undeclared_writes(self) -> Undeclared:
        """Return nothing, likewise."""
        return Undeclared()

    def identity(self, configs: Mapping[str, Any]) -> Any:
        """Return the pipeline's code: of diffusers by name and version, of others by what is in it."""
        own = {spec.name: configs.get(spec.name) for spec in self.expected_configs}
        return [code_identity(self.pipeline_class).digest, own]

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return one step."""
        name = path or type(self).__name__
        outputs = self.intermediate_outputs
        flattening.note_written(output.name for output in outputs)
        loop_variables = flattening.loop_variables

        def bind(_presence: Presence) -> Callable[[Run], Call]:
            return lambda run: call_pipeline(self, name, run)

        return [
            BlockNode(
                name,
                tuple(param for param in self.inputs if param.name not in loop_variables),
                tuple(outputs),
                bind,
                components=tuple(self.component_names),
                mutates=self.mutated_names(),
                typed=False,
                identity=self.identity,
                advice=self.memory_advice,
                whole=partial(needed_whole, self.pipeline_class),
            )
        ]

    @property
    def said_of_steps(self) -> str:
        """How it tells of its steps, for people."""
        if callbacks_of(self.pipeline_class):
            return "it tells of each step by its callback, and can be cancelled between them"
        if "progress_bar" in inspect.getsource(inspect.unwrap(_call_of(self.pipeline_class))):
            return "it tells of each step by its progress bar, and can be cancelled between them"
        return "it tells of no steps, and is not cancelled before its end"


def classic_notes(blocks: object) -> list[str]:
    """Say of each classic pipeline in a composition what a person should know of its run."""
    return [
        f"{f'{path} is ' if path else ''}{block.pipeline_class.__name__} of {_release(block.pipeline_class)}, run by its own code as one "
        f"step: {block.said_of_steps}."
        for path, block in walk(blocks)
        if isinstance(block, ClassicBlock)
    ]


def _release(cls: type) -> str:
    """Return the package that a class is from, with its version where it is an installed one."""
    top = cls.__module__.partition(".")[0]
    return f"{top} {version(top)}" if is_library(cls.__module__) else cls.__module__


def _call_of(cls: Any) -> Any:
    return cls.__call__


@cache
def classic_class(cls: type) -> type[ClassicBlock]:
    """Return the class of blocks for a class of pipelines.

    Raises:
        CompositionError: it cannot be called.
    """
    own: Any = cls
    if "__call__" not in {name for base in own.__mro__ for name in vars(base)}:
        raise CompositionError(f"{cls.__name__} is a base class of pipelines: it has no __call__ to run.")
    body = {
        "pipeline_class": cls,
        "description": first_words(cls) or f"Run {cls.__name__} of {cls.__module__.partition('.')[0]}.",
        "__module__": __name__,
        "__doc__": f"{cls.__name__} of {cls.__module__.partition('.')[0]}, as a block.",
    }
    return type(cls.__name__, (ClassicBlock,), body)


@cache
def _inputs_of(cls: type) -> tuple[InputParam, ...]:
    call = _call_of(cls)
    words = argument_words(call.__doc__ or "")
    return tuple(
        _input(parameter, words.get(name, ""))
        for name, parameter in parameters_of(call).items()
        if name not in _OURS and not CALLBACK.fullmatch(name)
    )


def _input(parameter: inspect.Parameter, words: str) -> InputParam:
    name, required = parameter.name, parameter.default is parameter.empty
    default = None if required else parameter.default
    if name == GENERATOR:
        return InputParam(name, vocabulary.Generators, description=words)
    hint = in_our_words(name, parameter.annotation, parameter.default)
    return InputParam(name, hint, default, required, words)
