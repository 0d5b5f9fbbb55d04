"""Types that classes of diffusers write on their functions, as far as they mean something, in the words that values have here."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ...state import DeclarationError, vocabulary
from ...state.type_relations import accepts
from ...state.types import resolve_hint

_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, type, type(None))
"""Classes of settings; what is of any other class is a component."""


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a method, without `self`, with the types that their annotations mean; None for those that cannot
    be read.
    """
    function = inspect.unwrap(function)
    named = list(inspect.signature(function).parameters.values())[1:]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        each.name: each.replace(annotation=read_hint(each.annotation, function))
        for each in named
        if each.kind not in kinds
    }


def read_hint(hint: object, function: Callable[..., Any]) -> Any:
    """Return what an annotation means; None where there is none, or it cannot be read."""
    if hint is inspect.Parameter.empty:
        return None
    try:
        return _plain_tensors(resolve_hint(hint, function))
    # Some name what their module does not import, or what is not installed; diffusers itself never evaluates them.
    except (DeclarationError, ImportError, RuntimeError):
        return None


def _plain_tensors(hint: object) -> Any:
    """Return a type with torch's old classes of tensors by dtype (`FloatTensor`) as tensors: none in half precision is an instance."""
    import torch

    if isinstance(hint, type(torch.FloatTensor)):
        return torch.Tensor
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (None, Literal, Annotated) or not parts or any(isinstance(part, list) for part in parts):
        return hint
    made = tuple(part if part is Ellipsis else _plain_tensors(part) for part in parts)
    if origin in (Union, types.UnionType):
        return Union[made]  # noqa: UP007 - built at run time
    return hint if made == parts else origin[made]


def classes_in(hint: object) -> Iterator[type]:
    """Yield the classes that a type is made of, those within lists and unions too; `object` for Any."""
    origin = get_origin(hint)
    if origin is None:
        yield object if hint is Any else hint if isinstance(hint, type) else type(hint)
    elif origin in (Union, types.UnionType, list, tuple, collections.abc.Sequence):
        for part in get_args(hint):
            yield from () if part is Ellipsis else classes_in(part)
    else:
        yield str if origin is Literal else origin


def component_class(hint: object) -> type | None:
    """Return the class of which a component is, by the type of a constructor's parameter; None for a setting.

    Of several classes it is the first that all derive from; `object` where the parameter takes anything.
    """
    found = [cls for cls in classes_in(hint) if not (issubclass(cls, _PLAIN) or cls in _settings())]
    found = [_scheduler_of(cls) if issubclass(cls, enum.Enum) else cls for cls in found]
    if not found:
        return None
    # Any scheduler serves where one is named that has the methods of a scheduler; their mixin has none.
    if all(hasattr(cls, "set_timesteps") for cls in found):
        return found[0]
    # As diffusers, which loads them by `AutoTokenizer`: that gives a general class where a repository has no special one.
    if all(base.__name__ == _TOKENIZERS for base in (_base_named(cls, _TOKENIZERS) for cls in found)):
        return _base_named(found[0], _TOKENIZERS)
    return next(base for base in found[0].__mro__ if all(issubclass(cls, base) for cls in found))


_TOKENIZERS = "PreTrainedTokenizerBase"


def _base_named(cls: type, name: str) -> type:
    """Return the class of a name from which a class derives; the class itself where there is none."""
    return next((base for base in cls.__mro__ if base.__name__ == name), cls)


@cache
def _settings() -> tuple[type, ...]:
    import torch

    return torch.dtype, torch.device


def _scheduler_of(names: Any) -> type:
    """Return the first class of an enumeration of schedulers, which diffusers writes for any with noise levels of its own."""
    import diffusers

    first: type = getattr(diffusers, next(iter(names)).name)
    return first


def in_our_words(name: str, hint: Any, default: Any) -> Any:
    """Return the type of an input: with shape, range and form where it is a word of the vocabulary; None is allowed where it is the default.

    Args:
        hint: as it was read; None where nothing is known.
    """
    if hint is None:
        return None
    # Annotations of diffusers leave None out, and some are of another type than the default.
    is_optional = default is None or type(None) in get_args(hint)
    bare = Union[tuple(part for part in get_args(hint) if part is not type(None))] if _is_union(hint) else hint  # noqa: UP007
    word = _WORDS.get(name)
    if word is not None and _meaning(get_args(word)[0]) == _meaning(bare):
        bare = word
    if default not in (None, inspect.Parameter.empty) and not accepts(default, bare):
        bare = bare | type(default)
    return bare | None if is_optional else bare


def _is_union(hint: object) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _meaning(hint: object) -> Any:
    return frozenset(get_args(hint)) if _is_union(hint) else hint


_WORDS: dict[str, Any] = {
    "prompt": vocabulary.Prompt,
    "prompt_2": vocabulary.SecondPrompt,
    "prompt_3": vocabulary.ThirdPrompt,
    "negative_prompt": vocabulary.NegativePrompt,
    "negative_prompt_2": vocabulary.SecondNegativePrompt,
    "negative_prompt_3": vocabulary.ThirdNegativePrompt,
    "num_inference_steps": vocabulary.StepCount,
    "num_images_per_prompt": vocabulary.ImagesPerPrompt,
    "guidance_scale": vocabulary.GuidanceScale,
    "height": vocabulary.Height,
    "width": vocabulary.Width,
    "strength": vocabulary.Strength,
    "clip_skip": vocabulary.ClipSkip,
}
"""Inputs of diffusers that mean what a word of the vocabulary means."""
