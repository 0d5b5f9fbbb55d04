"""Blocks that are repeated."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ...engine import LoopNode, Node, Run
from ...engine.nodes import Iterations, Presence, Values
from ...registry import ComponentSpec
from ...state import BlockState, CompositionError, ConfigSpec, DeclarationError, InputParam, OutputParam
from .arguments import method_invoker
from .base import ModularPipelineBlocks
from .container import Container
from .declaration import Declaration, RunParameter, input_params, read_class, read_method
from .flattening import Flattening, joined
from .interface import merged_inputs, older_inputs
from .iterations import counted, yielded
from .property_call import call_style, loop_step_keywords
from .sequential import SequentialPipelineBlocks
from .signature_block import SignatureBlock


class LoopSequentialPipelineBlocks(Container, SignatureBlock):
    """Repeats its blocks. Say over what in `iterate`, which yields the loop variables (`Vars`) of each iteration.

    A value that the blocks both read and write is carried from iteration to iteration. `count`, which takes
    inputs of those that `iterate` takes, tells the number of iterations where that is known, for the progress bar.

    The older way also works: define `__call__(components, state)` with a loop of your own that calls
    `self.loop_step(components, block_state, i=i)`, and say what it reads in `loop_inputs`, `loop_expected_components`
    and `loop_intermediate_outputs`. Such a loop is one opaque step of the plan.

    Example:
        >>> class Repeat(LoopSequentialPipelineBlocks):
        ...     class Vars(Outputs):
        ...         i: int
        ...
        ...     def iterate(self, times: int) -> Iterator[Vars]:
        ...         yield from (self.Vars(i=i) for i in range(times))
        >>> Repeat.from_blocks_dict({"add": AddOne}).init_pipeline()(times=3, x=0, output="x")
        3
    """

    _is_framework_base: ClassVar[bool] = True
    _progress_bar_config: Mapping[str, Any] = {}
    gradients: ClassVar[bool | None] = None
    """Whether gradients are recorded in it: True for what trains, False for what draws within it; None as around it."""

    declaration: ClassVar[Declaration] = Declaration((), None, {}, {}, {})
    count_parameters: ClassVar[tuple[RunParameter, ...]] = ()
    if TYPE_CHECKING:

        def iterate(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            """Yield the loop variables of each iteration."""
            ...

        def count(self, *args: Any, **kwargs: Any) -> int | None:
            """Return the number of iterations, None if it cannot be told before. Takes inputs by name, as `iterate`."""
            ...
    else:

        def count(self) -> int | None:
            """Return the number of iterations, None if it cannot be told before. Takes inputs by name, as `iterate`."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if not hasattr(cls, "iterate"):
            if "run" in vars(cls) and cls.__call__ is Container.__call__:
                raise DeclarationError(
                    f"{cls.__qualname__} defines `run`, and a loop has none: define `iterate`, which yields Vars for each iteration of "
                    "its blocks. What is done once derives from Block."
                )
            return
        cls.declaration = read_class(cls, SignatureBlock, "iterate", "Vars")
        if cls.declaration.out is None:
            raise DeclarationError(f"{cls.__qualname__} defines `iterate` and no Vars(Outputs) for what it yields.")
        faults: list[str] = []
        cls.count_parameters = read_method(cls, cls.count, faults)
        if faults:
            raise DeclarationError.of(f"{cls.__qualname__} is declared wrongly", faults)

    def __init__(self, **settings: object) -> None:
        Container.__init__(self)
        SignatureBlock.__init__(self, **settings)

    @property
    def loop_inputs(self) -> list[InputParam]:
        """The values that a hand-written loop reads itself."""
        return []

    @property
    def loop_intermediate_outputs(self) -> list[OutputParam]:
        """The values that a hand-written loop writes itself."""
        return []

    @property
    def loop_expected_components(self) -> list[ComponentSpec]:
        """The components that a hand-written loop uses itself."""
        return []

    @property
    def loop_expected_configs(self) -> list[ConfigSpec]:
        """Settings that a hand-written loop reads itself."""
        return []

    @property
    def is_hand_written(self) -> bool:
        """True if the loop is a `__call__` of its own instead of `iterate`."""
        return type(self).__call__ is not Container.__call__

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Components of the loop itself and of its blocks."""
        own = [*SignatureBlock.expected_components.__get__(self), *self.loop_expected_components]
        specs = {spec.name: spec for spec in [*Container.expected_components.__get__(self), *own]}
        return list(specs.values())

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        """Settings of the loop itself and of its blocks."""
        own = [*SignatureBlock.expected_configs.__get__(self), *self.loop_expected_configs]
        return list({spec.name: spec for spec in [*own, *Container.expected_configs.__get__(self)]}.values())

    @property
    def own_inputs(self) -> list[InputParam]:
        """The values that the loop itself reads, without its blocks."""
        older = older_inputs(self, "loop_intermediate_inputs")
        declared = self.declaration.inputs(self.family)
        return merged_inputs([*declared, *self.loop_inputs, *older])

    @property
    def variables(self) -> list[OutputParam]:
        """The values that `iterate` yields, or a hand-written loop passes on."""
        if self.is_hand_written:
            return [OutputParam(name) for name in loop_step_keywords(type(self).__call__)]
        return self.declaration.outputs(self.family)

    @property
    def inputs(self) -> list[InputParam]:
        """The values that the loop and its blocks read from outside."""
        variables = {variable.name for variable in self.variables}
        body = [param for param in Container.inputs.__get__(self) if param.name not in variables]
        return merged_inputs([*self.own_inputs, *body])

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """The values that the loop and its blocks write."""
        outputs = [*self.loop_intermediate_outputs, *Container.intermediate_outputs.__get__(self)]
        return list({output.name: output for output in outputs}.values())

    def identity(self, configs: Mapping[str, Any]) -> Any:
        """Return what identifies it: of a loop that declares by signature, its own code; of a hand-written one that of
        its blocks, too.
        """
        if self.is_hand_written:
            return ModularPipelineBlocks.identity(self, configs)
        return SignatureBlock.identity(self, configs)

    def decided(self, flattening: Flattening) -> ModularPipelineBlocks:
        """Return the loop over blocks whose choices are decided; a hand-written one stays as it is."""
        as_it_is = ModularPipelineBlocks.decided(self, flattening)
        if self.is_hand_written:
            return as_it_is
        result = copy.copy(self)
        result.sub_blocks = self.decided_parts(flattening)
        return result if result.sub_blocks else SequentialPipelineBlocks()

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return one loop step with the steps of the body; a hand-written loop is one leaf step."""
        name = path or type(self).__name__
        if not self.sub_blocks:
            raise CompositionError(f"{name} is empty: it has no blocks to repeat.")
        if self.is_hand_written:
            return ModularPipelineBlocks.steps(self, flattening, path)
        if not hasattr(self, "iterate"):
            raise CompositionError(
                f"{name}: {type(self).__name__} does not say over what it loops. Define `iterate` (yielding Vars), "
                "or `__call__` with a loop of your own."
            )
        self.refuse_unbound_roles(name)
        variables = self.variables
        outer = flattening.loop_variables
        # Before the body: what a later block writes is there for an earlier one in the next iteration, so a choice on
        # it is open.
        flattening.note_written(output.name for output in self.intermediate_outputs)
        flattening.loop_variables = (*outer, *(variable.name for variable in variables))
        body = [s for key, block in self.sub_blocks.items() for s in block.steps(flattening, joined(path, key))]
        flattening.loop_variables = outer
        own = [str(spec.name) for spec in SignatureBlock.expected_components.__get__(self)]
        return [
            LoopNode(
                name,
                tuple(self.own_inputs),
                tuple(variables),
                tuple(body),
                partial(self._bind_iterations, name, tuple(variables)),
                tuple(own),
                self.mutated_names(),
                identity=self.identity,
                counted=tuple(input_params(self.count_parameters, self.family)),
                trains=self.trained_names(),
                gradients=self.gradients,
            )
        ]

    def _bind_iterations(
        self, path: str, variables: tuple[OutputParam, ...], presence: Presence
    ) -> Callable[[Run], Iterations]:
        cls = type(self)
        iterations_of = method_invoker(cls, self.declaration.parameters, presence)
        count_of = method_invoker(cls, self.count_parameters, presence)

        def for_run(run: Run) -> Iterations:
            # Once for both methods, so that `count` sees what `iterate` has.
            bound = self.bound_copy(run.components, run.configs, run.device_of(path))
            iterations, count = iterations_of(bound.iterate), count_of(bound.count)
            checked = variables if run.settings.check_values else ()

            def start(values: Values) -> tuple[Iterable[Values], int | None]:
                return yielded(iterations(values), path, self.declaration.out, checked), counted(count(values), path)

            return start

        return for_run

    def progress_bar(self, iterable: Iterable[Any] | None = None, total: int | None = None) -> Any:
        """Make the progress bar of a hand-written loop: `with self.progress_bar(total=n) as bar`, and `bar.update()` in it.

        It is tqdm's, with the settings of the pipeline (`pipe.set_progress_bar_config`), and over them those of the loop.

        Raises:
            DeclarationError: nothing tells what it goes over.
        """
        from tqdm.auto import tqdm

        if iterable is None and total is None:
            raise DeclarationError(
                f"{type(self).__name__}: progress_bar() needs what it goes over: progress_bar(timesteps), or progress_bar(total=len(timesteps))."
            )
        return tqdm(iterable, total=total, **self._progress_bar_config)

    def set_progress_bar_config(self, **options: object) -> None:
        """Set options of tqdm for this loop's own bar (`disable`, `desc`, `leave`)."""
        self._progress_bar_config = options

    def loop_step(self, components: object, block_state: BlockState, **variables: object) -> tuple[Any, BlockState]:
        """Run every block once on the loop's view; called by hand-written loops."""
        for block in self.sub_blocks.values():
            wanted = call_style(block).loop_arguments(variables, tuple(variables))
            result = block(components, block_state, **wanted)
            if isinstance(result, tuple):
                components, block_state = result
            elif isinstance(result, Mapping):
                block_state.__dict__.update(result)
        return components, block_state
