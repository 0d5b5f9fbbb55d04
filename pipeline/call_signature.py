"""What Python's own help shows of a pipeline: the inputs of its blocks, its components and settings, as signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from inspect import Parameter
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import fields

from ..engine import RunSettings
from ..guiders import Guider
from ..state import PipelineState
from ..state.types import plain_type
from .seed import signature_with_seed

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline

F = TypeVar("F", bound=Callable[..., Any])
_SELF = Parameter("self", Parameter.POSITIONAL_ONLY)
_EMPTY = Parameter.empty


def call_signature(pipe: ModularPipeline) -> inspect.Signature:
    """Return what a call takes, in any of its workflows: the first input also by position, the others by name."""
    known = pipe.kept_plans()
    params = {str(param.name): param for param in known.version.root.all_inputs}
    needed = set(known.version.root.required_inputs) - pipe.input_defaults.keys()
    found = [
        _by_name(
            name,
            _EMPTY if param.type_hint is None else plain_type(param.type_hint),
            _EMPTY if name in needed else pipe.input_defaults.get(name, param.default),
        )
        for name, param in params.items()
    ]
    found += [_by_name(name, Guider | str | None, None) for name in pipe.guider_names if name not in params]
    found += [_by_name("output", str | list[str] | None, None), _by_name("state", PipelineState | None, None)]
    first = [parameter for parameter in found if parameter.name == known.first_input]
    others = [parameter for parameter in found if parameter.name != known.first_input]
    both = [*(each.replace(kind=Parameter.POSITIONAL_OR_KEYWORD) for each in first), *others]
    return signature_with_seed(inspect.Signature(both), params)


def component_signature(pipe: ModularPipeline) -> inspect.Signature:
    """Return the components that a pipeline takes, with the classes that its blocks expect."""
    return inspect.Signature([_by_name(name, _hint(spec.type_hint), None) for name, spec in pipe.specs.items()])


def config_signature(pipe: ModularPipeline) -> inspect.Signature:
    """Return the configs that the blocks declare, with what they are now."""
    return inspect.Signature([_by_name(name, type(value), value) for name, value in pipe.config.items()])


def settings_signature(_: ModularPipeline) -> inspect.Signature:
    """Return the settings of runs, with their defaults."""
    hints = inspect.get_annotations(RunSettings, eval_str=True)
    return inspect.Signature(
        [_by_name(each.name, hints[each.name], _plain(each.default)) for each in fields(RunSettings)]
    )


def _by_name(name: str, hint: object, default: object) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _hint(hint: object) -> object:
    return _EMPTY if hint is None else hint


def _plain(default: Any) -> Any:
    # What is made anew each time is known to attrs by what makes it.
    return default.factory() if hasattr(default, "factory") else default


class _Signed:
    """A method of one pipeline, whose signature is made when somebody asks for it."""

    def __init__(self, function: Callable[..., Any], make: Callable[[Any], inspect.Signature], pipe: object) -> None:
        update_wrapper(self, function)
        self._function = function
        self._make = make
        self._pipe = pipe

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        made = self._make(self._pipe)
        written = inspect.signature(self._function)
        return made.replace(parameters=[_SELF, *made.parameters.values()], return_annotation=written.return_annotation)


class _SignedMethod:
    def __init__(self, function: Callable[..., Any], make: Callable[[Any], inspect.Signature]) -> None:
        self.function = function
        self.make = make

    def __get__(self, pipe: object, owner: type) -> Any:
        if pipe is None:
            return self.function
        return MethodType(_Signed(self.function, self.make, pipe), pipe)


def signed_by(make: Callable[[Any], inspect.Signature]) -> Callable[[F], F]:
    """Decorate a method that takes any keywords, so that help and completion show those that one pipeline takes.

    Args:
        make: makes the signature, without `self`, of a pipeline.
    """

    def decorated(function: F) -> F:
        return cast(F, _SignedMethod(function, make))

    return decorated


class OwnSignature:
    """`__signature__` of a pipeline, for `inspect.signature(pipe)` and all that is written with it; a class has none."""

    def __get__(self, pipe: ModularPipeline | None, owner: type) -> inspect.Signature:
        if pipe is None:
            raise AttributeError("__signature__")
        return call_signature(pipe)


class OwnDoc:
    """`__doc__` of a pipeline, for `help(pipe)`: of the class what is written there, of one pipeline what its blocks take."""

    def __init__(self, written: str | None) -> None:
        self.written = written

    def __get__(self, pipe: ModularPipeline | None, owner: type) -> str | None:
        return self.written if pipe is None else pipe.doc
