"""What a choice declares: its triggers, what its branches require beside them, and what `select_block` takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from ...state import DeclarationError, InputParam
from ...state.type_relations import accepts
from .declaration import RunParameter


def check_triggers(cls: Any) -> None:
    """Look at what a class of choices declares.

    Raises:
        DeclarationError: the triggers, or the names that a branch requires, are no list of names; the default is no name.
    """
    faults = [*_trigger_faults(cls), *_requirement_faults(cls), *_default_faults(cls)]
    if faults:
        raise DeclarationError.of(f"{cls.__qualname__} is declared wrongly", faults)


def _trigger_faults(cls: Any) -> list[str]:
    triggers, where = cls.block_trigger_inputs, f"{cls.__qualname__}.block_trigger_inputs"
    if isinstance(triggers, property):
        return []  # of foreign code, which only an instance can ask
    if not _is_list(triggers):
        return [f"{where} is {triggers!r}; write a list of names of inputs, such as ['image', None]."]
    return [
        f"{where} holds {each!r} ({type(each).__name__}); a trigger is the name of one input, in quotes, or None for the default."
        for each in triggers
        if not isinstance(each, (str, type(None)))
    ]


def _requirement_faults(cls: Any) -> list[str]:
    requires, where = getattr(cls, "block_requires", {}), f"{cls.__qualname__}.block_requires"
    if isinstance(requires, property):
        return []
    if not isinstance(requires, Mapping):
        return [f"{where} is {requires!r}; write a dict from the name of a branch to a list of names of inputs."]
    faults: list[str] = []
    for branch, names in requires.items():
        wrong = [names] if not _is_list(names) else [each for each in names if not isinstance(each, str)]
        hint = f"write the list [{names!r}]" if isinstance(names, str) else "write a list of names of inputs"
        faults += [f"{where} has {each!r} ({type(each).__name__}) for {branch!r}; {hint}." for each in wrong]
    return faults


def _default_faults(cls: Any) -> list[str]:
    default = cls.default_block_name
    if isinstance(default, (str, type(None), property)):
        return []
    known = f": {', '.join(map(repr, cls.block_names))}" if cls.block_names else ""
    return [f"{cls.__qualname__}.default_block_name is {default!r}; write the name of one of its blocks{known}."]


def _is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, (str, bytes))


def takes_anything(cls: Any) -> bool:
    """Return whether `select_block` of a class takes values of any name."""
    return any(each.kind is each.VAR_KEYWORD for each in parameters_of(cls))


def parameters_of(cls: Any) -> list[inspect.Parameter]:
    """Return what `select_block` of a class takes, without `self`."""
    written = inspect.getattr_static(cls, "select_block")
    return [*inspect.signature(cls.select_block).parameters.values()][
        0 if isinstance(written, (staticmethod, classmethod)) else 1 :
    ]


def trigger_params(cls: Any, triggers: Sequence[str]) -> list[InputParam]:
    """Return the triggers as inputs, with the types that `select_block` says.

    It gets None for what is absent. So one is required where its type says that it cannot be None, and it has no default.
    """
    # Plans and checks ask all the time; what a class says changes only where somebody puts another function there.
    key = cls.select_block, tuple(triggers)
    known = _KNOWN.get(cls)
    if known is None or known[0] != key:
        by_name = {param.name: param for param in parameters_of(cls)}
        known = _KNOWN[cls] = key, [_trigger_param(cls, name, by_name.get(name)) for name in triggers]
    return list(known[1])


_KNOWN: WeakKeyDictionary[type, tuple[Any, list[InputParam]]] = WeakKeyDictionary()


def _trigger_param(cls: Any, name: str, parameter: inspect.Parameter | None) -> InputParam:
    if parameter is None or parameter.annotation is parameter.empty or parameter.kind is parameter.VAR_KEYWORD:
        return InputParam(name)
    home = next((base for base in cls.__mro__ if "select_block" in vars(base)), cls)
    hint = RunParameter(name, parameter.annotation, parameter.default, home).hint
    return InputParam(name, hint, required=parameter.default is parameter.empty and not accepts(None, hint))
