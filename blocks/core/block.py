"""`Block`: a step written as a function. Its signature is its declaration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from ...engine import BlockNode, Run, Step
from ...engine.steps import Call, Presence, Values
from ...families.contract import ROLE_TYPES, UNBOUND
from ...registry import ComponentSpec
from ...state import (
    BlockState,
    CompositionError,
    ConfigSpec,
    DeclarationError,
    InputParam,
    OutputParam,
    PipelineState,
    RunError,
)
from ...state.errors import did_you_mean
from ...state.pipeline_state import describe_value
from ...state.type_relations import accepts
from ...state.types import type_words
from .arguments import run_caller
from .base import ModularPipelineBlocks
from .block_identity import attributes_of_block, code_key
from .components_view import unwrapped
from .declaration import (
    REQUIRED,
    Declaration,
    attribute_hint,
    input_params,
    output_params,
    read_class,
)
from .flattening import Flattening
from .standalone_run import checked_alone

if TYPE_CHECKING:
    import torch


class SignatureBlock(ModularPipelineBlocks):
    """Gives blocks and loops that declare by signature what they share: slots, options, and bound copies."""

    _is_framework_base: ClassVar[bool] = True
    declaration: ClassVar[Declaration]
    _bound: bool = False

    def __init__(self, **settings: object) -> None:
        declared = self.declaration
        known = {*declared.components, *declared.configs, *declared.options}
        unknown = sorted(settings.keys() - known)
        if unknown:
            faults = [f"{type(self).__name__} takes no {name!r}. {did_you_mean(name, known)}" for name in unknown]
            raise DeclarationError(" ".join(faults))
        options = {**declared.options, **{k: v for k, v in settings.items() if k in declared.options}}
        missing = sorted(name for name, value in options.items() if value is REQUIRED)
        if missing:
            raise DeclarationError(f"{type(self).__name__} needs the option {', '.join(map(repr, missing))}.")
        odd = [
            fault
            for name in settings.keys() & declared.options.keys()
            if (fault := self._option_fault(name, options[name]))
        ]
        if odd:
            raise DeclarationError.of(f"The options of {type(self).__name__} do not fit", sorted(odd))
        # Past `__setattr__`, which refuses options.
        self.__dict__.update(options)
        given = {name: value for name, value in settings.items() if name not in declared.options}
        self.__dict__.update(given)
        if given:
            self.__dict__["_bound"] = True

    def _option_fault(self, name: str, value: object) -> str | None:
        """Say what is wrong with the type of an option; None if nothing is."""
        hint = attribute_hint(type(self), name)
        if value is None or hint is None or accepts(value, hint):
            return None
        return f"{type(self).__name__}: {name} is {describe_value(value)}; it must be {type_words(hint)}."

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.declaration.components or name in self.declaration.options:
            raise AttributeError(f"{type(self).__name__}.{name} is frozen; make a block with {name}=... instead.")
        super().__setattr__(name, value)

    @property
    def options(self) -> dict[str, Any]:
        """Options of this instance."""
        return {name: self.__dict__[name] for name in self.declaration.options}

    @property
    def is_bound(self) -> bool:
        """True if it holds components of its own, for running it without a pipeline."""
        return self._bound

    @property
    def device(self) -> torch.device:
        """The device of the run; without a pipeline, that of the block's first component."""
        import torch

        device = self.__dict__.get("_device")
        if device is None:
            held = (self.__dict__.get(name) for name in self.declaration.components)
            device = next((d for c in held if (d := getattr(c, "device", None)) is not None), "cpu")
        return torch.device(device)

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Components by the names of the family's repositories, roles expanded."""
        specs: list[ComponentSpec] = []
        for name, slot in self.declaration.components.items():
            parts = self.family.roles.get(name)
            if parts is None:
                hint = attribute_hint(type(self), name)
                specs.append(_spec(name, hint, slot.doc, slot.config))
            else:
                specs += [_spec(part.name, part.type_hint, slot.doc, part.config or slot.config) for part in parts]
        return specs

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        """Settings declared with `config()`."""
        return [ConfigSpec(name, slot.default, slot.doc or None) for name, slot in self.declaration.configs.items()]

    def bound_copy(
        self,
        components: Mapping[str, Any],
        configs: Mapping[str, Any],
        device: object,
        at: tuple[Run, str] | None = None,
    ) -> Self:
        """Make the light copy on which `self.<component>` is the component itself; `at` is where it runs."""
        # Without `__init__`: its checks were made when the definition was, and this is made for every block of every
        # run.
        copy = object.__new__(type(self))
        attributes = self.__dict__.copy()
        _set_dict(copy, attributes)  # in one piece: half the cost of filling the dict that Python would make
        attributes["_bound"], attributes["_device"], attributes["_at"] = True, device, at
        declared = self.declaration
        if declared.components:
            for name, names, many in self._slot_names():
                attributes[name] = tuple([components[n] for n in names]) if many else components[names[0]]
        for name in declared.configs:
            attributes[name] = configs[name]
        return copy

    @classmethod
    def _slot_names(cls) -> list[tuple[str, tuple[str, ...], bool]]:
        """Return per slot: its name, the component names that fill it, and whether it takes several."""
        # In the class's own dict, since a bound subclass has other names.
        known: list[tuple[str, tuple[str, ...], bool]] | None = cls.__dict__.get("__brickwork_slots__")
        if known is None:
            roles = cls.family.roles
            known = []
            for name, slot in cls.declaration.components.items():
                names = tuple(part.name for part in roles[name]) if name in roles else (name,)
                known.append((name, names, slot.many))
            setattr(cls, "__brickwork_slots__", known)  # noqa: B010 - kept per class, see __dict__ above
        return known

    def identity(self, configs: Mapping[str, Any]) -> Any:
        """Return what says which code runs, with which settings."""
        own = attributes_of_block(self, self.declaration.options)
        return [code_key(self), self.options, {name: configs[name] for name in self.declaration.configs}, own]

    def warn(self, text: str) -> None:
        """Say from within `run` that something went another way than asked for: to the log, listeners and the recipe."""
        at: tuple[Run, str] | None = self.__dict__.get("_at")
        if at is None:
            logging.getLogger("brickwork").warning("%s: %s", type(self).__name__, text)
        else:
            at[0].warn(at[1], text)

    def mutated_names(self) -> tuple[str, ...]:
        """Return the names of the components whose state the block changes."""
        slots = self.declaration.components
        return tuple(n for name, names, _ in self._slot_names() if slots[name].mutates for n in names)

    def config_only_names(self) -> tuple[str, ...]:
        """Return the names of the components of which the block reads the configuration only."""
        slots = self.declaration.components
        return tuple(n for name, names, _ in self._slot_names() if slots[name].config_only for n in names)

    def refuse_unbound_roles(self, path: str) -> None:
        """Raise CompositionError if the block speaks of roles and no family was bound."""
        if self.family is not UNBOUND:
            return
        for name in self.declaration.components:
            if attribute_hint(type(self), name) in ROLE_TYPES or self.declaration.components[name].many:
                raise CompositionError(
                    f"{path}: {type(self).__name__} names the role {name!r}, which only a model family fills. "
                    f"Use the family's class, as in {type(self).__name__}.bind(SDXL)."
                )


_set_dict: Any = ModularPipelineBlocks.__dict__["__dict__"].__set__


def _spec(name: str, type_hint: object, doc: str, config: dict[str, Any] | None) -> ComponentSpec:
    method = "from_pretrained" if config is None else "from_config"
    return ComponentSpec(
        name=name, type_hint=type_hint, description=doc or None, config=config, default_creation_method=method
    )


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
        cls.declaration = read_class(cls, SignatureBlock, "run", "Out")
        if "run" in cls.__dict__:
            setattr(cls, "run", checked_alone(cls.__dict__["run"]))  # noqa: B010 - the declared signature stays

    @property
    def inputs(self) -> list[InputParam]:
        """Parameters of `run`, groups expanded."""
        return input_params(self.declaration.parameters, self.family)

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """Fields of `Out`, groups expanded."""
        return output_params(self.declaration.out, self.family)

    def __call__(
        self, components: Any = None, state: PipelineState | BlockState | None = None, **variables: Any
    ) -> Any:
        """Run inside of foreign code: read from the state (or a loop's view), write to it, return both."""
        if state is None:
            raise self.no_pipeline()
        names = [n for _, slot_names, _ in self._slot_names() for n in slot_names]
        configs = {name: getattr(components.config, name) for name in self.declaration.configs}
        held = {name: unwrapped(getattr(components, name)) for name in names}
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

    def steps(self, flattening: Flattening, path: str) -> list[Step]:
        """Return one leaf step."""
        name = path or type(self).__name__
        if self.is_bound:
            raise CompositionError(
                f"{name} holds components of its own; compose the definition {type(self).__name__}()."
            )
        self.refuse_unbound_roles(name)
        outputs = self.intermediate_outputs
        flattening.written |= {output.name for output in outputs}

        def bind(presence: Presence) -> Callable[[Run], Call]:
            make_call = run_caller(type(self), presence)
            return lambda run: make_call(self.bound_copy(run.components, run.configs, run.device, (run, name)))

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
            )
        ]
