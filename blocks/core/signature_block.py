"""What blocks, loops and parts of blocks share that declare by signature: slots, options, bound copies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import evolve

from ...engine import Run
from ...families.asked_members import Lack, asked_by, lacking
from ...families.contract import ROLE_TYPES, UNBOUND, RoleComponent
from ...registry import ComponentSpec, families
from ...state import (
    CompositionError,
    ConfigSpec,
    DeclarationError,
)
from ...state.errors import did_you_mean, is_slip
from ...state.pipeline_state import describe_value
from ...state.type_relations import accepts
from ...state.types import is_type, type_words
from ...state.vocabulary import value_of
from .base import ModularPipelineBlocks
from .binding import extended_class
from .block_identity import attributes_of_block, code_key
from .declaration import Declaration, attribute_hint
from .declaration_checks import REQUIRED
from .scope_names import Around, component_outside, components_at
from .slots import ComponentSlot, class_fault, slot_type_fault

if TYPE_CHECKING:
    import torch

    from .part import BlockPart


_MOST_NAMED = 20
"""Options that a block does not know, and that are said one by one."""


class SignatureBlock(ModularPipelineBlocks):
    """Gives blocks and loops that declare by signature what they share: slots, options, and bound copies."""

    _is_framework_base: ClassVar[bool] = True
    has_lists: ClassVar[bool] = False
    declaration: ClassVar[Declaration]
    parts: ClassVar[Sequence[type[BlockPart]]] = ()
    """Classes whose inputs and components are the block's, too; `run` finds their instances in `self.bound_parts`."""
    Memo: ClassVar[type[Any] | None] = None
    """What the block remembers from call to call of one run: made without arguments for each run, and then `self.memo`."""
    takes_parts: ClassVar[bool] = False
    """Whether `run` ends in `**of_parts`, which the inputs of `parts` are given as."""
    shares_rows: ClassVar[tuple[str, ...]] = ()
    """Slots of networks that it calls by `call_rows` only, so that runs with a `Merger` can share the calls; for `explain`."""
    finite: ClassVar[tuple[str, ...]] = ()
    """Outputs that must hold no NaN and no infinity, which a loop around it looks at as at what it carries."""
    _bound: bool = False
    bound_parts: ClassVar[tuple[Any, ...]] = ()
    _has_more: ClassVar[bool] = False
    if TYPE_CHECKING:
        memo: Any

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._has_more = bool(cls.parts) or cls.Memo is not None

    def __init__(self, *by_position: object, **settings: object) -> None:
        if not hasattr(self, "declaration"):
            own = type(self).__name__
            raise DeclarationError(f"{own} declares nothing itself; derive from it: class Mine({own}): ...")
        declared = self.declaration
        if by_position:
            taken = ", ".join(f"{name}=..." for name in (*declared.options, *declared.configs, *declared.components))
            advice = (
                f"Write {type(self).__name__}({taken})."
                if taken
                else "It has none: an option is an annotated line of the class, size: int = 3."
            )
            raise DeclarationError(f"{type(self).__name__} takes its options by name. {advice}")
        known = {*declared.components, *declared.configs, *declared.options}
        unknown = sorted(settings.keys() - known)
        if unknown:
            # Files choose how many there are, and nobody reads the hundredth.
            shown = unknown[:_MOST_NAMED]
            faults = [
                f"{type(self).__name__} takes no {name!r}. {self._instead_of_option(name, known)}" for name in shown
            ]
            if len(unknown) > len(shown):
                faults.append(f"And so with {len(unknown) - len(shown):,} others.")
            raise DeclarationError(" ".join(faults))
        options = {**declared.options, **{k: v for k, v in settings.items() if k in declared.options}}
        missing = sorted(name for name, value in options.items() if value is REQUIRED)
        if missing:
            raise DeclarationError(
                f"{type(self).__name__} needs the option {', '.join(map(repr, missing))}."
                + "".join(self._component_advice(name) for name in missing)
            )
        odd = [
            fault
            for name in settings.keys() & declared.options.keys()
            if (fault := self._option_fault(name, options[name]))
        ]
        if odd:
            raise DeclarationError.of(f"The options of {type(self).__name__} do not fit", sorted(odd))
        held = {name: settings[name] for name in declared.components if name in settings}
        said = [class_fault(type(self), n, v, partial(attribute_hint, type(self), n)) for n, v in held.items()]
        odd = list(filter(None, said))
        if odd:
            raise DeclarationError.of(f"The components of {type(self).__name__} do not fit", odd)
        # Past `__setattr__`, which refuses options.
        self.__dict__.update(options)
        given = {name: value for name, value in settings.items() if name not in declared.options}
        self.__dict__.update(given)
        if given:
            self.__dict__["_bound"] = True
            self.__dict__["bound_parts"] = tuple(part(**part.known_of(given)) for part in self.parts)

    def _instead_of_option(self, name: str, known: Set[str]) -> str:
        """Say what there is in place of an option, and how a plain attribute of the class becomes one."""
        value = getattr(type(self), name, None)
        if isinstance(value, (bool, int, float, str)):
            kind = type(value).__name__
            return (
                f"{name} = {value!r} stands in the class without a type: {name}: {kind} = {value!r} makes it an option."
            )
        if not known:
            return "It has no options: an option is an annotated line of the class, size: int = 3."
        return did_you_mean(name, known)

    def _component_advice(self, name: str) -> str:
        """Say how a component is declared, where an option has the class of one: who forgets `component()` reads of an option else."""
        hint = attribute_hint(type(self), name)
        if not hasattr(hint, "forward") and not hasattr(hint, "from_pretrained"):
            return ""
        return f" If {name} is a component, which the pipeline gives, declare it as one: {name}: {hint.__name__} = component()."

    def _option_fault(self, name: str, value: object) -> str | None:
        """Say what is wrong with the type or range of an option; None if nothing is."""
        hint = attribute_hint(type(self), name)
        if hint is None or accepts(value, hint):
            bounds = value_of(hint)
            problem = bounds.problem(value) if bounds is not None else None
            return f"{type(self).__name__}: {name} {problem}." if problem else None
        return f"{type(self).__name__}: {name} is {describe_value(value)}; it must be {type_words(hint)}."

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.declaration.components or name in self.declaration.options:
            raise AttributeError(f"{type(self).__name__}.{name} is frozen; make a block with {name}=... instead.")
        known = (*self.declaration.options, *self.declaration.components)
        meant = None if hasattr(self, name) else next((each for each in known if is_slip(name, each)), None)
        if meant is not None:
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}, and nothing would read it. Did you mean {meant!r}? It is frozen; make a block with "
                f"{meant}=... instead."
            )
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
            parts = self._parts_of(name, slot)
            if parts is None:
                hint = attribute_hint(type(self), name)
                if not is_type(hint):
                    raise DeclarationError(slot_type_fault(type(self), name, hint))
                specs.append(_spec(name, hint, slot.doc, self._own_config(slot.config)))
            else:
                specs += [_spec(part.name, part.type_hint, slot.doc, part.config or slot.config) for part in parts]
        return specs

    def _own_config(self, config: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the configuration of a slot; of image processors with the family's factor."""
        if config is None or "vae_scale_factor" not in config or self.family is UNBOUND:
            return config
        return {**config, "vae_scale_factor": self.family.image_multiple}

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
                # A family may do without a role: one that works on pixels has no VAE.
                attributes[name] = (
                    tuple([components[n] for n in names]) if many else components[names[0]] if names else None
                )
        for name in declared.configs:
            attributes[name] = configs[name]
        # One look, since a block with neither is the usual case, and there may be hundreds in a run.
        if self._has_more:
            self._add_more(attributes, lambda part: part.bound_copy(components, configs, device, at))
        return copy

    def for_one_run(self) -> Self:
        """Return a copy that has nothing to remember yet."""
        copy = object.__new__(type(self))
        attributes = {**self.__dict__}
        _set_dict(copy, attributes)
        if self._has_more:
            held = iter(self.bound_parts)
            self._add_more(attributes, lambda _: next(held).for_one_run())
        return copy

    def _add_more(self, attributes: dict[str, Any], bound: Callable[[SignatureBlock], Any]) -> None:
        """Add what few blocks have: parts of their own, and something to remember."""
        if self.parts:
            attributes["bound_parts"] = tuple([bound(part()) for part in self.parts])
        if self.Memo is not None:
            attributes["memo"] = self.Memo()

    @classmethod
    def plus(cls, *parts: type[BlockPart]) -> type[Self]:
        """Return the class of this block with further parts: the same class for the same parts.

        Raises:
            DeclarationError: the block takes no parts, or they do not fit.
        """
        return extended_class(cls, parts)

    @classmethod
    def _parts_of(cls, name: str, slot: ComponentSlot) -> Sequence[RoleComponent] | None:
        """Return the components that play a role; None for a slot that is the name of a component itself."""
        # A slot for several is always a role: a family that does not know it has none of such components.
        none = () if slot.many and cls.family is not UNBOUND else None
        return cls.family.roles.get(name, none)

    @classmethod
    def _slot_names(cls) -> list[tuple[str, tuple[str, ...], bool]]:
        """Return per slot: its name, the component names that fill it, and whether it takes several."""
        # In the class's own dict, since a bound subclass has other names.
        known: list[tuple[str, tuple[str, ...], bool]] | None = cls.__dict__.get("__brickwork_slots__")
        if known is None:
            known = []
            for name, slot in cls.declaration.components.items():
                parts = cls._parts_of(name, slot)
                names = (name,) if parts is None else tuple(part.name for part in parts)
                known.append((name, names, slot.many))
            setattr(cls, "__brickwork_slots__", known)  # noqa: B010 - kept per class, see __dict__ above
        return known

    def identity(self, configs: Mapping[str, Any]) -> Any:
        """Return what says which code runs, with which settings."""
        own = attributes_of_block(self, self.declaration.options)
        parts = [part().identity(configs) for part in self.parts]
        return [code_key(self), self.options, {name: configs[name] for name in self.declaration.configs}, own, *parts]

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """Say what the parts find wrong among the components of a run."""
        for part in self.parts:
            yield from part().component_faults(components)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what does not fit between the caller's inputs and the components, a sentence each; asked before anything is computed.

        It is asked of a copy for the run, on which `self.<component>` is the component, if all of them are loaded.
        """
        for part in self.bound_parts:
            yield from part.misfits(given)

    def effective_defaults(self) -> Mapping[str, Any]:
        """Return what it takes for inputs that are left out, where that hangs on its components; asked of such a copy, too."""
        return {}

    def shape_advice(self, given: Mapping[str, Any]) -> Iterable[str]:  # noqa: ARG002 - overrides read it
        """Say what to do with inputs whose dimensions are others than the block declares, where these are a form that others use."""
        return ()

    def members_lacking(self, components: Mapping[str, Any]) -> Iterable[Lack]:
        """Say what components lack of the members that the block asks of them."""
        for role, names, _ in self._slot_names():
            asked = [each for each in asked_by(type(self), role) if each.of_flows or not self.family.flow]
            for name in names if asked else ():
                component = components.get(name)
                faults = [] if component is None else lacking(component, asked)
                if faults:
                    yield Lack(name, component, tuple(faults), self.family.advice.get(role, ""))

    def warn(self, text: str) -> None:
        """Say from within `run` that something went another way than asked for: to the log, listeners and the recipe."""
        at: tuple[Run, str] | None = self.__dict__.get("_at")
        if at is None:
            logging.getLogger("brickwork").warning("%s: %s", type(self).__name__, text)
        else:
            at[0].warn(at[1], text)

    def _tell(self, text: str) -> None:
        """Say to the listeners of a run what the log has already."""
        at: tuple[Run, str] | None = self.__dict__.get("_at")
        if at is not None:
            at[0].pass_on(at[1], text)

    def mutated_names(self) -> tuple[str, ...]:
        """Return the names of the components whose state the block changes."""
        slots = self.declaration.components
        return tuple(n for name, names, _ in self._slot_names() if slots[name].mutates for n in names)

    def trained_names(self) -> tuple[str, ...]:
        """Return the names of the components whose weights the block changes."""
        slots = self.declaration.components
        return tuple(n for name, names, _ in self._slot_names() if slots[name].trains for n in names)

    def optional_names(self) -> tuple[str, ...]:
        """Return the names of the components without which the block runs, where there are none."""
        parts = [
            part for name, slot in self.declaration.components.items() for part in self._parts_of(name, slot) or ()
        ]
        return tuple(part.name for part in parts if part.optional)

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
                    f"Use the family's class, as in {type(self).__name__}.bind(families.get({next(iter(families))!r})), with "
                    "brickwork.registry.families."
                )


_set_dict: Any = ModularPipelineBlocks.__dict__["__dict__"].__set__


def _spec(name: str, type_hint: object, doc: str, config: dict[str, Any] | None) -> ComponentSpec:
    method = "from_pretrained" if config is None else "from_config"
    return ComponentSpec(
        name=name, type_hint=type_hint, description=doc or None, config=config, default_creation_method=method
    )


def lacks_at(around: Around, block: object, components: Mapping[str, Any]) -> list[Lack]:
    """Return what components lack of the members that a block within scopes asks of them, by their names outside; one that declares by
    properties asks for none.
    """
    if not isinstance(block, SignatureBlock):
        return []
    if not around:
        return list(block.members_lacking(components))
    lacking = block.members_lacking(components_at(around, components))
    return [evolve(lack, name=component_outside(around, lack.name)) for lack in lacking]
