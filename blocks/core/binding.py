"""Classes of blocks for a model family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from attrs import evolve

from ...families.contract import UNBOUND, FamilyContract
from ...registry import families
from ...state import InputError
from ...state.errors import named_thing, nearest
from ...state.values.value import Value

if TYPE_CHECKING:
    from .declaration import RunParameter


def bound_class(cls: type[Any], family: FamilyContract) -> type[Any]:
    """Subclass a block for a family, once per pair: the same class comes back for the same arguments.

    Raises:
        InputError: it is no family's contract.
    """
    if not isinstance(family, FamilyContract) or family is UNBOUND:
        raise InputError(_no_family(cls, family))
    # In the class's own dict: a subclass that inherited the table would get its parent's bound classes.
    cache: dict[Any, type[Any]] = cls.__dict__.get("__brickwork_bound__") or {}
    # By identity, which is safe because the bound class holds the family.
    if id(family) not in cache:
        namespace = {
            "bound_from": cls,
            "family": family,
            "model_name": family.name,
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
        }
        inner = getattr(cls, "block_classes", None)
        if inner:
            namespace["block_classes"] = [part.bind(family) for part in inner]
        if getattr(cls, "parts", ()):
            namespace["parts"] = tuple(part.bind(family) for part in cls.parts)
        if triggers := _other_triggers(cls, family):
            namespace["block_trigger_inputs"] = triggers
        cache[id(family)] = type(f"{family.prefix}{cls.__name__}", (cls,), namespace)
        cls.__brickwork_bound__ = cache
    return cache[id(family)]


def _other_triggers(cls: type[Any], family: FamilyContract) -> list[str | None]:
    """Return the triggers of a choice where the family has embeddings of prompts by other names than "prompt_embeds"; none elsewhere."""
    triggers = getattr(cls, "block_trigger_inputs", ())
    first = next(iter(family.fields("prompt_embeds")), None)
    if first is None or first.positive == "prompt_embeds" or isinstance(triggers, property):
        return []
    own = {"prompt_embeds": first.positive, "negative_prompt_embeds": first.negative}
    return [own.get(each, each) for each in triggers]


def as_in_family(cls: type[Any], parameters: Sequence[RunParameter]) -> Iterator[RunParameter]:
    """Yield the inputs of a block by the names of its family; those that may be left out with its default, where it has one."""
    family: FamilyContract = getattr(cls, "family", UNBOUND)
    defaults = family.defaults
    names = [each.__name__ for each in cls.__mro__]
    for written in parameters:
        called = family.input_name(written.name)
        parameter = written if called == written.name else evolve(written, name=called, own=written.name)
        keys = [*(f"{name}.{parameter.name}" for name in names), parameter.name]
        key = next((key for key in keys if key in defaults), None)
        if key is None or parameter.required:
            yield parameter
        else:
            yield evolve(parameter, default=defaults[key], of_family=True)


def in_medium(hint: Any, family: FamilyContract) -> Any:
    """Return the type of a value as a family has it: latents of videos have frames before their rows, `[b c f h w]`, those of sounds are `[b c t]`."""
    if family.medium == "image":
        return hint
    if get_origin(hint) is Annotated:
        plain, *notes = get_args(hint)
        return Annotated[(plain, *(_with_axes(note, _AXES[family.medium]) for note in notes))]
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(in_medium(part, family) for part in get_args(hint))]  # noqa: UP007 - words may be forward references
    return hint


def _with_axes(note: object, axes: str) -> object:
    if not isinstance(note, Value) or not note.shape.endswith(_ROWS):
        return note
    return evolve(note, shape=f"{note.shape.removesuffix(_ROWS)}{axes}")


_ROWS = " h w"
"""With which the dimensions of latents end."""
_AXES = {"video": " f h w", "audio": " t"}
"""With which they end in other media."""


def _no_family(cls: type[Any], given: object) -> str:
    known = list(families)
    name = (nearest(given, known) if isinstance(given, str) else None) or next(iter(known), "name")
    said = "nothing" if given is UNBOUND else named_thing(given)
    return (
        f"{cls.__name__}.bind() takes the contract of a model family, and was given {said}. Write "
        f"{cls.__name__}.bind(families.get({name!r})), with `from brickwork.registry import families`. Families: {', '.join(known)}."
    )


def extended_class(cls: type[Any], parts: Sequence[type[Any]]) -> type[Any]:
    """Subclass a block so that it has further parts, once per list of parts; a bound class stays bound to its family."""
    if "bound_from" in vars(cls):
        return bound_class(extended_class(cls.bound_from, parts), cls.family)
    own = tuple(written_class(part) for part in parts)
    if not own:
        return cls
    if "extended_from" in vars(cls):
        return extended_class(cls.extended_from, (*cls.further_parts, *own))
    cache: dict[Any, type[Any]] = cls.__dict__.get("__brickwork_extended__") or {}
    if own not in cache:
        namespace = {
            "extended_from": cls,
            "further_parts": own,
            "parts": (*cls.parts, *own),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
        }
        cache[own] = type(cls.__name__, (cls,), namespace)
        cls.__brickwork_extended__ = cache
    return cache[own]


def written_class(cls: type[Any]) -> type[Any]:
    """Return the class that somebody has written: before it was bound to a family, and given further parts.

    A class that derives from a bound one is written itself.
    """
    unbound = _unbound(cls)
    written: type[Any] = vars(unbound).get("extended_from") or unbound
    return written


def further_parts(cls: type[Any]) -> tuple[type[Any], ...]:
    """Return the parts that a class was given by `plus`, besides those that its own body lists."""
    found: tuple[type[Any], ...] = vars(_unbound(cls)).get("further_parts", ())
    return found


def _unbound(cls: type[Any]) -> type[Any]:
    found: type[Any] = vars(cls).get("bound_from") or cls
    return found
