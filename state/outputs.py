"""What a block's `run` returns: named values, declared by annotations."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, dataclass_transform

from .errors import RunError, did_you_mean


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Outputs:
    """Base of a block's `Out` (and a loop's `Vars`): one annotated name per value.

    An instance holds exactly the declared names; a name with a default may be left out. Values lie in the
    instance's `__dict__`, so that the engine takes them over in one step.
    """

    __brickwork_fields__: ClassVar[frozenset[str]] = frozenset()
    __brickwork_defaults__: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        fields = dict.fromkeys(cls.__brickwork_fields__)
        defaults = dict(cls.__brickwork_defaults__)
        for name, annotation in inspect.get_annotations(cls).items():
            if "ClassVar" in str(annotation):
                continue
            fields[name] = None
            if name in cls.__dict__:
                defaults[name] = cls.__dict__[name]
        cls.__brickwork_fields__ = frozenset(fields)
        cls.__brickwork_defaults__ = defaults
        if fields:
            # Generated once per class, as `dataclasses` and attrs do: every block of every iteration makes one.
            cls.__init__ = _generated_init(tuple(fields), defaults)  # type: ignore[method-assign]  # as dataclasses do

    def __init__(self, **values: object) -> None:
        if values:
            raise self._fault(values)

    @classmethod
    def _fault(cls, values: dict[str, Any]) -> RunError:
        fields = cls.__brickwork_fields__
        faults = [
            f"{cls.__qualname__} declares no output {name!r}. {did_you_mean(name, fields)}"
            for name in sorted(values.keys() - fields)
        ]
        missing = sorted(fields - values.keys() - cls.__brickwork_defaults__.keys())
        faults += [f"{cls.__qualname__} declares {name!r}, and it was not given." for name in missing]
        return RunError(" ".join(faults))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__qualname__} is frozen: make a new one instead of setting {name!r}.")

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(self.__dict__)})"


_set_dict: Any = Outputs.__dict__["__dict__"].__set__
"""Gives a frozen instance its `__dict__`; an assignment would be refused, and `object.__setattr__` is slower."""


class _Missing:
    """Stands for a name that was not given."""


def _generated_init(fields: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """Write the `__init__` of these names: checking `**values` against them costs a third of a block's call."""
    parameters = ", ".join(f"{name}=_default_{name}" if name in defaults else f"{name}=_missing" for name in fields)
    absent = " or ".join(["_unknown", *(f"{name} is _missing" for name in fields if name not in defaults)])
    values = ", ".join(f"{name!r}: {name}" for name in fields)
    source = (
        f"def __init__(_self, *, {parameters}, **_unknown):\n"
        f"    if {absent}:\n"
        f"        given = {{name: value for name, value in {{{values}}}.items() if value is not _missing}}\n"
        f"        raise _self._fault({{**given, **_unknown}})\n"
        f"    _set_dict(_self, {{{values}}})\n"
    )
    names = {"_missing": _Missing, "_set_dict": _set_dict, **{f"_default_{n}": value for n, value in defaults.items()}}
    exec(source, names)  # noqa: S102 - the names are identifiers of a class body
    return names["__init__"]
