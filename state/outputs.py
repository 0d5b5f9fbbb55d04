"""What a block's `run` returns: named values, declared by annotations."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from .errors import RunError, did_you_mean


class _NamesOutputs:
    """The `__getattr__` of outputs: says which there are.

    No function, because blocks' own outputs are known by the functions in the bodies of their bases, also in recipes of before.
    """

    def __get__(self, outputs: Outputs | None, _: type) -> Any:
        return self if outputs is None else partial(_no_output, outputs)


def _no_output(outputs: Outputs, name: str) -> None:
    # copy, pickle and torch ask for such names, and need no list of what there is.
    if name.startswith("_"):
        raise AttributeError(name)
    cls = type(outputs)
    raise AttributeError(f"{cls.__qualname__} has no output {name!r}. {did_you_mean(name, cls.__brickwork_fields__)}")


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

    # Checkers are to see that a name is missing.
    if not TYPE_CHECKING:
        __getattr__ = _NamesOutputs()

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


_BY_POSITION = "__init__() takes 1 positional argument but "


def given_by_position(error: BaseException) -> RunError | None:
    """Return what is to be said where a block gives its outputs by position; None for any other error.

    The generated `__init__` refuses them in Python's words. Its code is a part of what blocks of one's own are, by which recipes know
    them, and a check beside it would be paid for by every block of every iteration.
    """
    if type(error) is not TypeError or not str(error).startswith(_BY_POSITION) or error.__traceback__ is None:
        return None
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    block = last.tb_frame.f_locals.get("self")
    out: type[Outputs] | None = getattr(getattr(block, "declaration", None), "out", None)
    if out is None:
        return None
    names = ", ".join(f"{name}=..." for name in sorted(out.__brickwork_fields__))
    return RunError(f"{out.__qualname__} takes each output by its name: write self.{out.__name__}({names}).")
