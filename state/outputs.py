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

    def __init__(self, **values: Any) -> None:
        if values.keys() != self.__brickwork_fields__:
            values = self._complete(values)
        _set_dict(self, values)

    @classmethod
    def _complete(cls, values: dict[str, Any]) -> dict[str, Any]:
        fields = cls.__brickwork_fields__
        faults = [
            f"{cls.__qualname__} declares no output {name!r}. {did_you_mean(name, fields)}"
            for name in sorted(values.keys() - fields)
        ]
        missing = sorted(fields - values.keys() - cls.__brickwork_defaults__.keys())
        faults += [f"{cls.__qualname__} declares {name!r}, and it was not given." for name in missing]
        if faults:
            raise RunError(" ".join(faults))
        return {**cls.__brickwork_defaults__, **values}

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__qualname__} is frozen: make a new one instead of setting {name!r}.")

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(self.__dict__)})"


_set_dict: Any = Outputs.__dict__["__dict__"].__set__
"""Gives a frozen instance its `__dict__`; an assignment would be refused, and `object.__setattr__` is slower."""
