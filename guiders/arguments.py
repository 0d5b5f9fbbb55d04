"""What a guider is asked for and has not, in words: arguments of its class, and settings that somebody wants to change."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

import attrs

from ..state import FrozenError, InputError, html_view
from ..state.classes.class_arguments import parameters_of, unknown_argument
from ..state.classes.class_bodies import InWords
from ..state.errors import with_article
from ..state.structure import Check
from .by_name import AnyGuider

if TYPE_CHECKING:
    from typing import Self


class WordedSettings:
    """Base of frozen classes of settings that says which arguments there are, and how one is changed."""

    _kind: ClassVar[str] = "guider"
    """What people call an object of it."""

    # Not in `__init__`, which attrs writes for each class; Python hands all arguments to this one before.
    def __new__(cls, *args: object, **given: object) -> Self:
        # A run makes guiders with other scales, and needs no words: attrs' keywords with defaults are a dict of the function.
        if args or not given.keys() <= (getattr(cls.__init__, "__kwdefaults__", None) or {}).keys():
            faults = list(_argument_faults(cls, args, given))
            if faults:
                raise InputError(f"{' '.join(faults)} It takes: {', '.join(parameters_of(cls))}.")
        return super().__new__(cls)

    def _repr_html_(self) -> str:
        said = {each.name: repr(getattr(self, each.name)) for each in attrs.fields(type(self)) if each.repr}  # type: ignore[arg-type]  # attrs makes each subclass
        return html_view.titled(type(self).__name__, html_view.fields(said))

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Say in words what attrs, which has just made the class, refuses with "can't set attribute"."""
        if vars(cls).get("__setattr__") is _BY_ATTRS:
            cls.__setattr__ = _FrozenSetattr(_BY_ATTRS)  # type: ignore[assignment, method-assign]  # a method in two faces
        if "__init__" in vars(cls) and any(each.default is attrs.NOTHING and each.init for each in attrs.fields(cls)):  # type: ignore[arg-type]  # attrs has just made it one of its own
            cls.__init__ = _CompleteInit(cls.__init__)  # type: ignore[method-assign, assignment]  # as above


class WordedGuider(WordedSettings, AnyGuider):
    """Base of guiders."""


@attrs.frozen
class _Frozen:
    """What attrs makes of a class that is frozen."""


_BY_ATTRS = vars(_Frozen)["__setattr__"]


class _FrozenSetattr(InWords):
    """The `__setattr__` of a frozen class: to its objects a refusal in words, to attrs its own function.

    By that function attrs knows that what derives from the class is frozen, too.
    """

    def __get__(self, guider: object | None, _: type) -> Any:
        return self.written if guider is None else partial(_refuse_change, guider)


class _CompleteInit(InWords):
    """The `__init__` of a guider with settings that must be given: it refuses in words to be called without them.

    Not in `__new__`, which a copy is made by, without any arguments.
    """

    def __get__(self, guider: object | None, _: type) -> Any:
        return self.written if guider is None else partial(_init_complete, guider, self.written)


def two_scales(guiders: Mapping[str, Any], asked: object) -> Iterator[str]:
    """Say of guiders that a call gives which scale counts, where it says another one, and not that of its class, beside them."""
    for name, guider in guiders.items():
        scale = getattr(guider, "guidance_scale", None)
        usual = (
            getattr(attrs.fields_dict(type(guider)).get("guidance_scale"), "default", None)
            if attrs.has(type(guider))
            else None
        )
        if asked is not None and scale not in (None, usual, asked):
            yield (
                f"{name}={type(guider).__name__}(guidance_scale={scale}) and guidance_scale={asked} are both given: guidance_scale={asked} counts, "
                f"and of the guider its other settings. Leave guidance_scale= out for that of the guider."
            )


def _init_complete(guider: object, written: Any, /, *args: object, **given: object) -> None:
    cls = type(guider)
    needed = [
        each.name
        for each in parameters_of(cls).values()
        if each.default is each.empty and each.kind is each.KEYWORD_ONLY
    ]
    missing = [name for name in needed if name not in given]
    if missing:
        hints: dict[str, Any] = {}
        with suppress(NameError):  # of somebody's own class, whose annotations need mean nothing
            hints = get_type_hints(cls, include_extras=True)
        told = [f"{name}=...{_kind_words(hints.get(name))}" for name in missing]
        raise InputError(f"{cls.__name__} needs {', '.join(told)}. It takes: {', '.join(parameters_of(cls))}.")
    written(guider, *args, **given)


def _kind_words(hint: object) -> str:
    """Return what a setting must be, in brackets, where its type says so in words."""
    checks = [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Check)]
    return f" ({checks[0].words})" if checks else ""


def _refuse_change(guider: object, name: str, value: object) -> None:
    cls: Any = type(guider)
    known = [field.name for field in attrs.fields(cls)]
    if name not in known:
        raise FrozenError(
            f"{unknown_argument(cls, name, known)} It has: {', '.join(known)}; and {with_article(cls._kind)} is frozen."
        )
    raise FrozenError(
        f"{cls.__name__}.{name} is frozen, as all of {with_article(cls._kind)} is. Make a new one, and give it to the pipeline: "
        f"attrs.evolve({cls._kind}, {name}={repr(value)[:60]})."
    )


def _argument_faults(cls: type, args: tuple[object, ...], given: Mapping[str, object]) -> Iterator[str]:
    parameters = parameters_of(cls)
    kinds = [each.kind for each in parameters.values()]
    by_place = sum(kind is not inspect.Parameter.KEYWORD_ONLY for kind in kinds)
    if len(args) > by_place and inspect.Parameter.VAR_POSITIONAL not in kinds:
        told = ", ".join(repr(each)[:40] for each in args)
        yield f"{cls.__name__}({told}): settings are given by name, as in {cls.__name__}({_first_own(parameters)}=...)."
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        yield from (unknown_argument(cls, name, parameters) for name in given if name not in parameters)


def _first_own(parameters: Iterable[str]) -> str:
    """Return the setting that people mean first: no part of the window, which every guider has."""
    return next((name for name in parameters if name not in ("start", "stop", "enabled")), "start")
