"""What is wrong with a class body beyond its names: methods that cannot be called, types that there are not, groups, and defaults that are
not of their type.

It is looked at when the class is made, and nothing is imported for it: what names a type that cannot be known yet is looked at when types
are resolved.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, ForwardRef, get_args, get_origin

from attrs import frozen

from ...state import Conditioning, Group, Outputs
from ...state.type_advice import no_type, unknown_name
from ...state.type_relations import alternatives
from ...state.types import is_type, resolve_hint, strip_metadata, type_words
from ...state.unfit_values import unfit
from ...state.vocabulary import value_of
from .interface import DECLARATIONS

REQUIRED = inspect.Parameter.empty
_SCALARS = (bool, int, float, complex, str, bytes)
_NO_NUMBERS = (str, bytes)
_SIDES = ("both", "positive", "negative")


@frozen(eq=False)
class DeclaredValue:
    """Something that a class body gives a type: `where` it stands, its name, the type as written, its default, and its home."""

    where: str
    name: str
    annotation: Any
    default: Any
    home: type


@frozen
class _Unknown:
    """Stands for a type that cannot be known yet; `name` is what is unknown."""

    name: str = ""


def method_faults(owner: type, name: str) -> list[str]:  # noqa: PLR0911 - one line per fault
    """Say why a method of a block cannot be called as the framework calls it."""
    where = f"{owner.__qualname__}.{name}"
    method = inspect.getattr_static(owner, name)
    if isinstance(method, (staticmethod, classmethod)):
        kind = "a static" if isinstance(method, staticmethod) else "a class"
        return [f"{where} is {kind} method; leave the decorator out, and write `self` as its first parameter."]
    if not callable(method):
        return [f"{where} is {method!r}; it must be the method that does the work. Give what it is now another name."]
    if name not in vars(owner) or not inspect.isfunction(method):
        return []
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        return [f"{where} is async; blocks are called one after the other, so write `def {name}`."]
    if name == "run" and inspect.isgeneratorfunction(method):
        return [f"{where} is a generator, because it has a `yield`; return Out, once."]
    first = next(iter(inspect.signature(method).parameters.values()), None)
    if first is None or (first.name != "self" and (first.annotation is not REQUIRED or first.default is not REQUIRED)):
        return [f"{where} has no `self`; write it as the first parameter: def {name}(self, ...)."]
    return []


def output_faults(out: type[Outputs]) -> list[str]:
    """Say which names of an `Out` have a value and no type, so that they would be no outputs."""
    faults = []
    for cls in out.__mro__[: out.__mro__.index(Outputs)]:
        annotated = inspect.get_annotations(cls)
        for name, value in vars(cls).items():
            # Constants and helpers are what they look like.
            helps = callable(value) or hasattr(value, "__get__")
            if not (name.startswith("_") or name.isupper() or name in annotated or helps):
                faults.append(
                    f"{cls.__qualname__}: {name} has no type annotation, so it is no output; write {name}: ... ."
                )
    return faults


def name_faults(owner: type, names: Iterable[str]) -> Iterator[str]:
    """Yield which options, components and configs of a class body have the name of a method that blocks have."""
    for name in names:
        for cls in owner.__mro__[1:]:
            hidden = vars(cls).get(name)
            if cls.__module__.rpartition(".")[0] != __package__ or name in DECLARATIONS or hidden is None:
                continue
            if isinstance(hidden, (types.FunctionType, property, classmethod, staticmethod)):
                yield f"{owner.__qualname__}: {name!r} is a method of every block ({cls.__qualname__}.{name}); choose another name."
                break


def type_faults(
    declared: Iterable[DeclaredValue], names: dict[str, Any]
) -> tuple[list[str], tuple[DeclaredValue, ...]]:
    """Return what is wrong with types and defaults, and what is to be looked at when all types are known.

    Args:
        names: the globals of the code that declares.
    """
    faults: list[str] = []
    later: list[DeclaredValue] = []
    for each in declared:
        hint = _hint_now(each, names)
        if isinstance(hint, _Unknown):
            if hint.name and _is_nowhere(hint.name, names):
                faults.append(
                    f"{each.where}: the type of {each.name} is written {each.annotation!r}, and nothing is named {hint.name!r} here. "
                    f"{unknown_name(hint.name, [*names, *vars(each.home)])}"
                )
            elif _may_misfit(each) or "Group" in str(each.annotation):
                later.append(each)
            continue
        faults += hint_faults(each, hint)
        # Of None a composition warns, which looks again when all types are known.
        if (_is_open(hint) and _may_misfit(each)) or (each.default is None and unfit(None, hint)):
            later.append(each)
    return faults, tuple(later)


def _may_misfit(declared: DeclaredValue) -> bool:
    """Return whether there is a default of which its type as written does not say that it is right."""
    if declared.default is None:
        return not any(word in str(declared.annotation) for word in ("None", "Optional", "Any"))
    return declared.default is not REQUIRED


def late_faults(declared: Iterable[DeclaredValue]) -> Iterator[str]:
    """Yield what is wrong with types that were not known when the class was made."""
    for each in declared:
        yield from hint_faults(each, resolve_hint(each.annotation, each.home))


def hint_faults(declared: DeclaredValue, hint: object) -> Iterator[str]:
    """Yield what is wrong with a type, and with a default of it."""
    odd = [part for part in alternatives(hint) if not is_type(part)]
    if odd:
        yield f"{declared.where}: {declared.name} {no_type(odd[0])}"
        return
    yield from _group_faults(declared, hint)
    yield from _value_faults(declared, hint)
    yield from default_faults(declared, hint)


def default_faults(declared: DeclaredValue, hint: object) -> Iterator[str]:
    """Yield that a default is not of its type, or out of its range."""
    name, default = declared.name, declared.default
    # None is a habit of many, and such code runs: see `none_defaults`.
    if default is REQUIRED or default is None or _is_group(hint):
        return
    problem = unfit(default, hint)
    if problem is not None and not _is_other_list(default, hint):
        yield f"{declared.where}: the default of {name} {problem}"


def none_defaults(declared: Iterable[DeclaredValue]) -> Iterator[str]:
    """Yield defaults that are None although their type does not say so: the code may mean it, and nobody who reads the type knows."""
    for each in declared:
        hint = resolve_hint(each.annotation, each.home) if each.default is None else None
        if each.default is None and not _is_group(hint) and (problem := unfit(None, hint)) is not None:
            words = type_words(hint)
            yield f"{each.where}: the default of {each.name} {problem} Write {each.name}: {words} | None, or another default."


def _is_other_list(default: object, hint: object) -> bool:
    """Return whether a list stands for a tuple, or the other way round: what is in it is right."""
    if isinstance(default, tuple):
        return unfit(list(default), hint) is None
    return isinstance(default, list) and unfit(tuple(default), hint) is None


def _is_group(hint: object) -> bool:
    return get_origin(hint) is Annotated and any(isinstance(part, Group) for part in get_args(hint)[1:])


def _group_faults(declared: DeclaredValue, hint: object) -> Iterator[str]:
    where, name = declared.where, declared.name
    metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    written = f'{name}: Annotated[Conditioning, Group("denoiser_input_fields")]'
    if Group in metadata:
        yield f"{where}: {name} is annotated with the class Group; write Group(...) with the name of a group, as in {written}."
    for group in (part for part in metadata if isinstance(part, Group)):
        if not isinstance(group.name, str) or not group.name:
            yield f"{where}: the group of {name} is named {group.name!r}; name one of the family's, as in {written}."
        if group.side not in _SIDES:
            yield f"{where}: {group} has the side {group.side!r}; it must be 'both', 'positive' or 'negative'."
        if Conditioning not in alternatives(hint):
            yield f"{where}: {name} stands for a group and is {type_words(hint)}; a group is read as one Conditioning: {written}."


def _value_faults(declared: DeclaredValue, hint: object) -> Iterator[str]:
    value = value_of(hint)
    kinds = [part for part in alternatives(hint) if part is not types.NoneType] if value is not None else []
    if value is None or not kinds:
        return
    said = []
    if all(kind in _SCALARS for kind in kinds) and (value.shape or value.dtype):
        held = f"the shape {value.shape!r}" if value.shape else f"the dtype {value.dtype!r}"
        said.append(f"{held}, which only tensors have. Leave it out, or annotate a Tensor.")
    if all(_without_lists(kind) in _NO_NUMBERS for kind in kinds) and (value.low is not None or value.high is not None):
        held = f"low={value.low}" if value.low is not None else f"high={value.high}"
        said.append(f"{held}, which only numbers have. Leave it out, or annotate a number.")
    for text in said:
        yield f"{declared.where}: {declared.name} is {type_words(strip_metadata(hint))}, and its Value has {text}"


def _without_lists(kind: object) -> object:
    parts = get_args(kind)
    return _without_lists(parts[0]) if get_origin(kind) in (list, tuple) and parts else kind


def _hint_now(declared: DeclaredValue, names: dict[str, Any]) -> Any:
    """Return the type that an annotation means, as far as it is known without importing anything."""
    if not isinstance(declared.annotation, str):
        return declared.annotation
    if not names:
        return _Unknown()
    try:
        return eval(declared.annotation, names, dict(vars(declared.home)))  # noqa: S307 - code of the class itself
    except NameError as error:
        return _Unknown(str(error.name))
    except (TypeError, AttributeError, SyntaxError, KeyError):
        return _Unknown()  # such as `|` between names that are not yet classes


def _is_open(hint: object) -> bool:
    """Return whether something in a type is only named."""
    return isinstance(hint, (str, ForwardRef)) or any(map(_is_open, get_args(hint)))


def _is_nowhere(name: str, names: dict[str, Any]) -> bool:
    """Return whether the module that is just being run can never have a name.

    The names that its own code writes are in the code, also those that it imports for type checkers only, or later. In a notebook the next
    cell may have it; and code that was run before may get names from anywhere.
    """
    if names.get("__name__") == "__main__" and "__file__" not in names:
        return False
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if frame.f_globals is names and code.co_name == "<module>":
            writes_by_other_ways = ("*",) in code.co_consts or {"globals", "exec", "vars"}.intersection(code.co_names)
            return name not in code.co_names and not writes_by_other_ways
        frame = frame.f_back
    return False


def globals_of(owner: type, method: Callable[..., Any] | None) -> dict[str, Any]:
    """Return the names that the code of a class knows."""
    own = inspect.unwrap(method) if method is not None else None
    if isinstance(own, types.FunctionType):
        return own.__globals__
    module = sys.modules.get(owner.__module__)
    return vars(module) if module is not None else {}


def is_made(owner: type) -> bool:
    """Return whether the framework made the class of another, which has been looked at."""
    return bool({"bound_from", "extended_from"} & vars(owner).keys())


def inherited_values(owner: type, method_name: str) -> tuple[DeclaredValue, ...]:
    """Return what the class that it derives from leaves to be looked at, without the method that it has anew."""
    base = next((vars(cls)["declaration"] for cls in owner.__mro__[1:] if "declaration" in vars(cls)), None)
    found: tuple[DeclaredValue, ...] = base.unsettled if base is not None else ()
    is_new = method_name in vars(owner)
    return tuple(each for each in found if not (is_new and each.where.rpartition(".")[2] == method_name))


def own_values(owner: type, method_name: str, declared: Any) -> Iterator[DeclaredValue]:
    """Yield what the body of a class gives a type itself; what it inherits was looked at where it stands."""
    where = f"{owner.__qualname__}.{method_name}"
    if method_name in vars(owner):
        for each in declared.parameters:
            yield DeclaredValue(where, each.name, each.annotation, each.default, each.home)
    out = declared.out
    if out is not None and any(value is out for value in vars(owner).values()):
        for name, annotation in inspect.get_annotations(out).items():
            if name in out.__brickwork_fields__:
                yield DeclaredValue(out.__qualname__, name, annotation, vars(out).get(name, REQUIRED), out)
    for name, annotation in inspect.get_annotations(owner).items():
        if name in declared.configs or name in declared.options:
            default = declared.configs[name].default if name in declared.configs else declared.options[name]
            # A config without a default has None, until somebody sets it.
            absent = name in declared.configs and default is None
            yield DeclaredValue(owner.__qualname__, name, annotation, REQUIRED if absent else default, owner)
