"""`Block`: a step written as a function. Its signature is its declaration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, dataclass_transform

from ...engine import BlockNode, Node, Run
from ...engine.nodes import Call, Presence, Values
from ...state import (
    BlockState,
    CompositionError,
    DeclarationError,
    InputParam,
    OutputParam,
    PipelineState,
    RunError,
)
from .arguments import run_caller
from .components_view import frozen_guider
from .declaration import read_class, with_parts
from .describe import no_pipeline
from .flattening import Flattening
from .signature_block import SignatureBlock
from .standalone_run import checked_alone


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Block(SignatureBlock):
    """A step whose `run` is its declaration.

    Parameters of `run` are inputs (no default: required), `component()` attributes are components, `config()`
    attributes settings of the pipeline, plain annotated attributes options of one instance, and `Out` the outputs.

    Example:
        >>> class Brighten(Block):
        ...     '''Add light to images.'''
        ...
        ...     by: float = 0.1
        ...
        ...     class Out(Outputs):
        ...         images: Images
        ...
        ...     def run(self, images: Images) -> Out:
        ...         return self.Out(images=(images + self.by).clamp(0, 1))
        >>> Brighten(by=0.5).run(images=torch.zeros(1, 3, 2, 2)).images.max().item()
        0.5
    """

    if TYPE_CHECKING:

        def run(self, *args: Any, **kwargs: Any) -> Any: ...

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "run" not in cls.__dict__ and not hasattr(cls, "run"):
            raise DeclarationError(f"{cls.__qualname__} defines no `run`.")
        cls.declaration = with_parts(cls, read_class(cls, SignatureBlock, "run", "Out"), cls.parts)
        if "run" in cls.__dict__:
            setattr(cls, "run", checked_alone(cls.__dict__["run"]))  # noqa: B010 - the declared signature stays

    @property
    def inputs(self) -> list[InputParam]:
        """Parameters of `run`, groups expanded."""
        return self.declaration.inputs(self.family)

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """Fields of `Out`, groups expanded."""
        return self.declaration.outputs(self.family)

    def __call__(
        self, components: Any = None, state: PipelineState | BlockState | None = None, **variables: Any
    ) -> Any:
        """Run inside of foreign code: read from the state (or a loop's view), write to it, return both."""
        if state is None:
            raise no_pipeline(self)
        names = [n for _, slot_names, _ in self._slot_names() for n in slot_names]
        configs = {name: getattr(components.config, name) for name in self.declaration.configs}
        held = {name: frozen_guider(getattr(components, name)) for name in names}
        bound = self.bound_copy(held, configs, getattr(components, "device", None))
        values = state.__dict__ if isinstance(state, BlockState) else state.values
        merged = {**values, **variables}
        absent = [param.name for param in self.inputs if param.required and param.name not in merged]
        if absent:
            raise RunError(f"{type(self).__name__} needs {', '.join(map(repr, absent))}, which nobody gave.")
        # A dict of its own: what the block reads beside the state, such as loop variables, must not end up in the
        # state.
        written: Values = dict(merged)
        run_caller(type(self), Presence(frozenset(merged)))(bound)(written)
        outputs = {output.name: output for output in self.intermediate_outputs}
        for name, output in outputs.items():
            if isinstance(state, PipelineState):
                state.set(name, written[name], output.kwargs_type)
            else:
                state[name] = written[name]
        return components, state

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return one leaf step."""
        name = path or type(self).__name__
        if self.is_bound:
            raise CompositionError(
                f"{name} holds components of its own; compose the definition {type(self).__name__}(), and give components to the pipeline: "
                f"pipe = {type(self).__name__}().init_pipeline(), then pipe.update_components(name=...)."
            )
        self.refuse_unbound_roles(name)
        outputs = self.intermediate_outputs
        flattening.note_written(output.name for output in outputs)

        def bind(presence: Presence) -> Callable[[Run], Call]:
            make_call = run_caller(type(self), presence)
            return lambda run: make_call(self.bound_copy(run.components, run.configs, run.device_of(name), (run, name)))

        return [
            BlockNode(
                name,
                tuple(self.inputs),
                tuple(outputs),
                bind,
                tuple(self.component_names),
                self.mutated_names(),
                config_only=self.config_only_names(),
                identity=self.identity,
                advice=self.memory_advice,
                trains=self.trained_names(),
                finite=self.finite,
            )
        ]
