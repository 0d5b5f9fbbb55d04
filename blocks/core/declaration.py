"""Reads a signature-face block's class body into data, and says what is wrong with it at class creation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, Union

from attrs import evolve, field, frozen

from ...state import Conditioning, DeclarationError, Group, InputParam, OutputParam, Outputs, PipelineState
from ...state.object_content import UNCOUNTED
from ...state.type_relations import alternatives
from ...state.types import group_marker, resolve_hint, type_words
from ...state.user_warnings import user_warning
from ...state.vocabulary import value_of
from .binding import as_in_family, in_medium
from .declaration_checks import (
    REQUIRED,
    DeclaredValue,
    globals_of,
    inherited_values,
    is_made,
    late_faults,
    method_faults,
    name_faults,
    output_faults,
    own_values,
    type_faults,
)
from .slots import ComponentSlot, ConfigSlot, slot_faults

if TYPE_CHECKING:
    from ...families.contract import ConditioningField, FamilyContract

P = TypeVar("P", InputParam, OutputParam)
_OF_STATE = frozenset(name for name in (*vars(PipelineState), *vars(PipelineState())) if not name.startswith("_"))
"""Attributes of a state, which would hide a value of that name: `state.copy`."""
NAMES_OF_CALLS = {"state": "the state to continue from", "output": "the name of what is returned"}
"""Names that a call takes for itself, with what they are there."""


@frozen
class RunParameter:
    """One parameter of `run` (or `iterate`): its name, its annotation as written, its default.

    Attributes:
        home: the class in whose body the method stands, where the names of the annotation are known.
        by_name: it cannot be passed by position. of_family: the default is the family's, and not that of the signature.
        own: what the signature calls it, where the family calls it otherwise.
    """

    name: str
    annotation: Any
    default: Any
    home: type
    by_name: bool = False
    of_family: bool = False
    own: str = ""

    @cached_property
    def hint(self) -> Any:
        """The type that the annotation means."""
        return resolve_hint(self.annotation, self.home)

    @property
    def required(self) -> bool:
        """True if somebody must give it."""
        return self.default is REQUIRED


@frozen(eq=False)
class Declaration:
    """Holds what a class body says: parameters and outputs of its method, components, configs and options.

    Attributes:
        unsettled: what is to be looked at when types are resolved, because its type was not known when the class was made.
    """

    parameters: tuple[RunParameter, ...]
    out: type[Outputs] | None
    components: Mapping[str, ComponentSlot]
    configs: Mapping[str, ConfigSlot]
    options: Mapping[str, Any]
    unsettled: tuple[DeclaredValue, ...] = field(default=(), metadata=UNCOUNTED)
    _resolved: dict[str, tuple[FamilyContract, Sequence[Any]]] = field(factory=dict, init=False)

    @cached_property
    def groups(self) -> tuple[tuple[str, str, Group], ...]:
        """What stands for a group of values: whether it is an input or an output, its name, and the group."""
        found = [("the input", parameter.name, group_marker(parameter.hint)) for parameter in self.parameters]
        for cls in self.out.__mro__ if self.out is not None else ():
            for name, annotation in inspect.get_annotations(cls).items():
                if "Group" in str(annotation):
                    found.append(("the output", name, group_marker(resolve_hint(annotation, cls))))
        return tuple((where, name, group) for where, name, group in found if group is not None)

    @cached_property
    def bare_groups(self) -> tuple[str, ...]:
        """Names of inputs that are a `Conditioning` and must be given, without the group that it is made of."""
        required = [parameter for parameter in self.parameters if parameter.required]
        return tuple(
            p.name for p in required if alternatives(p.hint) == (Conditioning,) and group_marker(p.hint) is None
        )

    def inputs(self, family: FamilyContract) -> list[InputParam]:
        """Return the parameters as inputs of a family, their types resolved."""
        return self._once("inputs", family, lambda: input_params(self.parameters, family))

    def outputs(self, family: FamilyContract) -> list[OutputParam]:
        """Return the outputs for a family, their types resolved."""
        return self._once("outputs", family, lambda: output_params(self.out, family))

    def _once(self, what: str, family: FamilyContract, resolve: Callable[[], list[P]]) -> list[P]:
        # Plans and checks ask all the time, and evaluating annotations is most of what they would do. A class has one family. What
        # cannot be resolved yet raises, and is asked again.
        known = self._resolved.get(what)
        if known is None or known[0] is not family:
            if faults := [*late_faults(self.unsettled)]:
                raise DeclarationError.of("A block is declared wrongly", faults)
            known = self._resolved[what] = family, resolve()
        return list(known[1])


def read_method(owner: type, method: Callable[..., Any], faults: list[str]) -> tuple[RunParameter, ...]:
    """Read the parameters of `run` or `iterate`."""
    where = f"{owner.__qualname__}.{method.__name__}"
    parameters = []
    # A method that is inherited names types that its own module imports.
    home = next((cls for cls in owner.__mro__ if vars(cls).get(method.__name__) is method), owner)
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD and getattr(owner, "takes_parts", False):
            continue  # what the parts declare
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            faults.append(f"{where}: {parameter} hides what the block reads; name each input.")
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            faults.append(f"{where}: input {parameter.name!r} is positional-only; inputs are given by name.")
        # Without resolving it: a class must be creatable before the types that it names can be imported, and without
        # torch.
        elif parameter.annotation is REQUIRED:
            faults.append(f"{where}: input {parameter.name!r} has no type annotation.")
        else:
            by_name = parameter.kind is parameter.KEYWORD_ONLY
            parameters.append(RunParameter(parameter.name, parameter.annotation, parameter.default, home, by_name))
    return tuple(parameters)


def read_class(owner: type, base: type, method_name: str, out_name: str) -> Declaration:
    """Read a block class.

    Raises:
        DeclarationError: with everything that is wrong.
    """
    faults = method_faults(owner, method_name)
    method = getattr(owner, method_name)
    # What cannot be called has no parameters that could be read.
    parameters = () if faults else read_method(owner, method, faults)
    out, is_odd = getattr(owner, out_name, None), False
    if out is not None and not (isinstance(out, type) and issubclass(out, Outputs)):
        faults.append(
            f"{owner.__qualname__}.{out_name} must be a class that derives from Outputs: class {out_name}(Outputs)."
        )
        out, is_odd = None, True
    faults += [
        f"{owner.__qualname__}.{out_name}: an output named {name!r} could not be read as state.{name}, which is the state's own; "
        "choose another name."
        for name in sorted(out.__brickwork_fields__ & _OF_STATE if out is not None else ())
    ]
    faults += _return_faults(owner, method, out, out_name) if callable(method) and not is_odd else []
    _warn_of_names_of_calls(owner, method_name, parameters)
    components, configs, options = _attributes(owner, base)
    for name in components.keys() & {parameter.name for parameter in parameters}:
        faults.append(f"{owner.__qualname__}: {name!r} is both a component and an input; rename one.")
    faults += [
        f"{owner.__qualname__}: component {name!r} has no type annotation." for name in _untyped(owner, components)
    ]
    faults += slot_faults(owner, components)
    declared = Declaration(parameters, out, components, configs, options, inherited_values(owner, method_name))
    if not is_made(owner):
        odd, later = type_faults(
            own_values(owner, method_name, declared), globals_of(owner, vars(owner).get(method_name))
        )
        declared_names = [name for name in (*components, *configs, *options) if name in inspect.get_annotations(owner)]
        faults += [*(output_faults(out) if out is not None else []), *name_faults(owner, declared_names), *odd]
        declared = evolve(declared, unsettled=(*declared.unsettled, *later))
    if faults:
        raise DeclarationError.of(f"{owner.__qualname__} is declared wrongly", faults)
    return evolve(declared, parameters=tuple(as_in_family(owner, parameters)))


def _warn_of_names_of_calls(owner: type, method_name: str, parameters: Sequence[RunParameter]) -> None:
    """Warn of inputs that no call can give. Another block may, so it is no error before they are composed."""
    for name in [parameter.name for parameter in parameters if parameter.name in NAMES_OF_CALLS]:
        user_warning(
            f"{owner.__qualname__}.{method_name}: no call can give an input named {name!r}, which is {NAMES_OF_CALLS[name]}; only an "
            "earlier block could. Values are inputs by their own names, as in run(self, images: Images). Choose another name.",
        )


def with_parts(owner: type, declared: Declaration, parts: Sequence[type[Any]]) -> Declaration:
    """Add what the parts of a block declare: inputs, which are passed by name, components and configs.

    Raises:
        DeclarationError: an input means something else in a part, a part has an option without a default, or the block's
            `run` takes no parts.
    """
    parameters = {parameter.name: parameter for parameter in declared.parameters}
    components, configs, faults = dict(declared.components), dict(declared.configs), list[str]()
    unsettled = [*declared.unsettled, *(each for part in parts for each in part.declaration.unsettled)]
    if parts and not getattr(owner, "takes_parts", False):
        faults.append(
            f"{owner.__qualname__} takes no parts: its `run` has no `**of_parts`, or it does not say `takes_parts = True`."
        )
    for part in parts:
        own: Declaration = part.declaration
        for parameter in own.parameters:
            known = parameters.setdefault(parameter.name, evolve(parameter, by_name=True))
            if not _is_same(known, parameter):
                faults.append(
                    f"{part.__qualname__}.prepare: {parameter.name!r} is another input than that of the block."
                )
        components |= own.components
        configs |= own.configs
        faults += [
            f"{part.__qualname__}: the option {name!r} has no default, and nobody gives parts any."
            for name, value in own.options.items()
            if value is REQUIRED
        ]
    if faults:
        raise DeclarationError.of(f"The parts of {owner.__qualname__} do not fit", faults)
    return evolve(
        declared,
        parameters=tuple(parameters.values()),
        components=components,
        configs=configs,
        unsettled=tuple(dict.fromkeys(unsettled)),
    )


def _is_same(one: RunParameter, other: RunParameter) -> bool:
    if one.default is not other.default and one.default != other.default:
        return False
    # Names first: hints are resolved late, so that declaring a block imports neither torch nor diffusers.
    return bool(one.annotation == other.annotation or one.hint == other.hint)


def _how_to_return(out_name: str) -> str:
    return f"write a class {out_name}(Outputs) with a line `name: type` for each value, '-> {out_name}', and return self.{out_name}(name=...)."


def _return_faults(owner: type, method: Callable[..., Any], out: type[Outputs] | None, out_name: str) -> list[str]:
    if method.__name__ != "run":
        return []
    where = f"{owner.__qualname__}.run"
    returned = inspect.signature(method).return_annotation
    if returned is REQUIRED:
        nothing = f"{_how_to_return(out_name)} A block that returns nothing says so: '-> None'."
        advice = f"write '-> {out_name}'." if out else nothing
        return [f"{where} has no return annotation; {advice}"]
    if returned in (None, type(None), "None"):
        return [f"{where} returns None, but {out_name} declares outputs."] if out and out.__brickwork_fields__ else []
    named = (returned if isinstance(returned, str) else type_words(returned)).strip("'\"")
    if out is None:
        return [f"{where} returns {named!r}, but the class declares no {out_name}(Outputs): {_how_to_return(out_name)}"]
    if named.rpartition(".")[2] != out.__name__ or (isinstance(returned, type) and returned is not out):
        values = ", ".join(f"{name}=..." for name in sorted(out.__brickwork_fields__))
        how = f"write '-> {out_name}', and return self.{out_name}({values})."
        return [f"{where} returns {named}, but the block's outputs are {out.__qualname__}: {how}"]
    return []


def _attributes(owner: type, base: type) -> tuple[dict[str, ComponentSlot], dict[str, ConfigSlot], dict[str, Any]]:
    components: dict[str, ComponentSlot] = {}
    configs: dict[str, ConfigSlot] = {}
    options: dict[str, Any] = {}
    # From the base to the class, so that what a subclass declares anew replaces what it inherits, in its place.
    for cls in reversed(owner.__mro__):
        if not issubclass(cls, base) or cls is base:
            continue
        annotations = inspect.get_annotations(cls)
        for name, value in vars(cls).items():
            if isinstance(value, ComponentSlot):
                components[name] = value
            elif isinstance(value, ConfigSlot):
                configs[name] = value
        for name, annotation in annotations.items():
            if name in components or name in configs or "ClassVar" in str(annotation):
                continue
            options[name] = vars(cls).get(name, REQUIRED)
    return components, configs, options


def _untyped(owner: type, components: Mapping[str, ComponentSlot]) -> list[str]:
    annotated = {name for cls in owner.__mro__ for name in inspect.get_annotations(cls)}
    return sorted(components.keys() - annotated)


def attribute_hint(owner: type, name: str) -> Any:
    """Resolve the annotation of a class attribute, wherever in the class's ancestry it stands."""
    homes = [*owner.__mro__, *(cls for part in getattr(owner, "parts", ()) for cls in part.__mro__)]
    for cls in homes:
        annotations = inspect.get_annotations(cls)
        if name in annotations:
            return resolve_hint(annotations[name], cls)
    raise DeclarationError(f"{owner.__qualname__} has no annotation for {name!r}.")


def input_params(parameters: tuple[RunParameter, ...], family: FamilyContract) -> list[InputParam]:
    """Resolve parameters into `InputParam`s; a group parameter becomes one for each of the family's fields."""
    params: list[InputParam] = []
    for parameter in parameters:
        hint = in_medium(parameter.hint, family)
        group = group_marker(hint)
        if group is not None:
            params += [
                _field_input(field, positive, family, parameter.required and (positive or group.side == "negative"))
                for field, positive in group_fields(family, group)
            ]
            continue
        value = value_of(hint)
        params.append(
            InputParam(
                name=parameter.name,
                type_hint=hint,
                default=None if parameter.required else parameter.default,
                required=parameter.required,
                description=value.doc if value else "",
            )
        )
    return params


def output_params(out: type[Outputs] | None, family: FamilyContract) -> list[OutputParam]:
    """Resolve the fields of `Out` into `OutputParam`s, group fields expanded."""
    params: list[OutputParam] = []
    if out is None:
        return params
    for cls in reversed(out.__mro__):
        for name, annotation in inspect.get_annotations(cls).items():
            if name not in out.__brickwork_fields__:
                continue
            hint = in_medium(resolve_hint(annotation, cls), family)
            group = group_marker(hint)
            if group is not None:
                params += [
                    OutputParam(name, word, field.doc or _doc(word), group_of(family, name))
                    for field, positive in group_fields(family, group)
                    for name, word in [(name_of(field, positive), _word_of(field, positive, family))]
                ]
                continue
            value = value_of(hint)
            kind = group_of(family, name)
            params.append(OutputParam(name, hint, value.doc if value else "", kind))
    return params


def group_fields(family: FamilyContract, group: Group) -> list[tuple[ConditioningField, bool]]:
    """Return every field of a group, for its positive value, its negative one, or each in turn."""
    fields = family.fields(group.name)
    sides = {"both": (True, False), "positive": (True,), "negative": (False,)}[group.side]
    return [(field, positive) for field in fields for positive in sides]


def name_of(field: ConditioningField, positive: bool) -> str:
    """Name of a field's positive or negative value."""
    return field.positive if positive else field.negative


def group_of(family: FamilyContract, name: str) -> str | None:
    """Return the group that the family counts a value to."""
    for group in family.groups:
        if any(name_of(field, positive) == name for field, positive in group_fields(family, Group(group))):
            return group
    return None


def _field_input(field: ConditioningField, positive: bool, family: FamilyContract, required: bool) -> InputParam:
    name = name_of(field, positive)
    required = required and field.required
    word = _word_of(field, positive, family)
    hint = word if required else Union[word, None]  # noqa: UP007 - words may be forward references
    return InputParam(name, hint, None, required, field.doc or _doc(word), group_of(family, name))


def _word_of(field: ConditioningField, positive: bool, family: FamilyContract) -> Any:
    """Return the type and meaning of a field's positive or negative value."""
    word = field.word if positive or field.negative_word is None else field.negative_word
    return in_medium(resolve_hint(word, type(family)), family)


def _doc(hint: object) -> str:
    value = value_of(hint)
    return value.doc if value else ""
