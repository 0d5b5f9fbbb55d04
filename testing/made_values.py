"""Values made of declarations: sizes of named dimensions, numbers within their range, texts, images, generators.

hypothesis draws them, and looks for the smallest that shows a fault. Tensors are drawn as shape and seed: what is in
them does not get smaller, and hundreds of single numbers would take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import numpy as np
import torch
from attrs import frozen
from PIL import Image

from ..state import InputError, InputParam
from ..state.errors import NoDigestError
from ..state.type_relations import alternatives
from ..state.types import type_words
from ..state.vocabulary import Value, value_of
from .value_ranges import SIDES, bounds_of, range_of, whole_bounds, whole_range, with_sides

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SPATIAL = frozenset({"h", "w", "height", "width", "rows", "columns"})
_ROWS = frozenset({"b", "images", "given", "masks", "prompts"})
"""Dimensions along a batch, of which both one and two are always tried."""
_WORDS = ("", "a red circle", "ein Haus im Grünen, 木")


@frozen
class CannotMake:
    """Says that no value of a type can be made."""

    why: str


class Maker:
    """Makes inputs of a block; `given` ones stay as they are, and say the sizes of the dimensions that they have.

    Raises:
        InputError: a required input cannot be made of its declaration.
    """

    def __init__(self, block: str, params: Sequence[InputParam], given: Mapping[str, Any], multiple: int = 1) -> None:
        """Look at what a block declares.

        Args:
            multiple: of sides of images in pixels, as its family has it.
        """
        self.given = dict(given)
        self.params = [with_sides(param, multiple) for param in params if param.name]
        self._refuse_unknown(block)
        self.fixed = self._given_sizes()
        self.left_out: dict[str, str] = {}
        faults = []
        for param in self.params:
            lacking = None if param.name in self.given else why_not(param.type_hint)
            if lacking is None:
                continue
            self.left_out[str(param.name)] = lacking
            if param.required:
                words = type_words(param.type_hint)
                faults.append(
                    f"{block} needs {param.name} ({words}), which cannot be made of its type: {lacking}. "
                    f"Give it: check_block({block}, inputs={{{param.name!r}: ...}})."
                )
        if faults:
            raise InputError.of(f"Some inputs of {block} must be given", faults)

    def _refuse_unknown(self, block: str) -> None:
        known = [param.name for param in self.params]
        unknown = sorted(self.given.keys() - {*known})
        if unknown:
            raise InputError(
                f"{block} has no input {unknown[0]!r}; it reads {', '.join(map(str, known)) or 'nothing'}."
            )

    def _given_sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for param in self.params:
            value, given = value_of(param.type_hint), self.given.get(str(param.name))
            if value is not None and value.shape and isinstance(given, torch.Tensor):
                sizes.update(zip(value.shape.split(), given.shape, strict=False))
        return sizes

    @property
    def letters(self) -> list[str]:
        """Dimensions whose sizes are free."""
        shapes = [value.shape for param in self.made if (value := value_of(param.type_hint)) is not None]
        words = dict.fromkeys(part for shape in shapes for part in shape.split())
        return [part for part in words if not part.isdigit() and part != "..." and part not in self.fixed]

    @property
    def made(self) -> list[InputParam]:
        """Inputs that are made."""
        return [p for p in self.params if p.name not in self.given and p.name not in self.left_out]

    def strategy(self) -> SearchStrategy[dict[str, Any]]:
        """Return what draws all inputs: required ones always, others now and then."""
        from hypothesis import strategies as st

        sizes = {name: st.integers(4, 8) if name in _SPATIAL else st.integers(1, 4) for name in self.letters}
        given = self.given

        def values_of(drawn: dict[str, int]) -> SearchStrategy[dict[str, Any]]:
            known = {**self.fixed, **drawn}
            needed = {str(p.name): _strategy(p.type_hint, known) for p in self.made if is_always_given(p)}
            free = {str(p.name): _strategy(p.type_hint, known) for p in self.made if not is_always_given(p)}
            return st.fixed_dictionaries(needed, optional=free).map(lambda made: {**made, **given})

        return st.fixed_dictionaries(sizes).flatmap(values_of)

    def plain(self, rows: int = 2, seed: int = 0, whole: bool = True, form: int = 0) -> dict[str, Any]:
        """Return inputs by rule: all dimensions of other sizes, a batch of so many rows; `whole` gives optional ones, too.

        Args:
            form: which member of a union, counted round.
        """
        others = iter(range(3, 3 + len(self.letters)))
        sizes = {name: rows if name in _ROWS else next(others) + 2 * (name in _SPATIAL) for name in self.letters}
        known = {**self.fixed, **sizes}
        made = {
            str(p.name): plain_value(p.type_hint, known, seed + place, form)
            for place, p in enumerate(self.made)
            if is_always_given(p) or whole
        }
        return {**made, **self.given}

    def at_bounds(self) -> Iterator[dict[str, Any]]:
        """Yield inputs of which one is at a bound that it declares."""
        for param in self.made:
            for bound in bounds_of(param.type_hint):
                yield {**self.plain(), str(param.name): bound}

    @property
    def has_rows(self) -> bool:
        """Whether the size of the batch is free."""
        return any(name in _ROWS for name in self.letters)

    @property
    def forms(self) -> int:
        """The most members that the type of a made input has."""
        return max((len(_makeable(p.type_hint)) for p in self.made), default=1)


def is_always_given(param: InputParam) -> bool:
    """Return whether an input is never left out: a required one, and a generator, without which chance is declared."""
    return param.required or torch.Generator in alternatives(param.type_hint)


def why_not(hint: Any) -> str | None:
    """Say why no value of a type can be made; None if one can."""
    members = [_why_not_member(part, hint) for part in alternatives(hint) if part is not type(None)]
    return None if any(found is None for found in members) else next(iter(members), "it has no type")


def _makeable(hint: Any) -> list[Any]:
    parts = [part for part in alternatives(hint) if part is not type(None)]
    return [part for part in parts if _why_not_member(part, hint) is None]


def _why_not_member(part: Any, hint: Any) -> str | None:
    outer = get_origin(part) or part
    if outer is torch.Tensor:
        value = value_of(hint)
        said = value is not None and (value.shape or alternatives(hint) == (torch.Tensor,))
        return (
            None if said or _holds_images(hint) else "its shape is not said, as in Annotated[Tensor, Value('b c h w')]"
        )
    if outer is np.ndarray:
        return None if _holds_images(hint) else "its shape is not said"
    if outer in (list, tuple):
        inner = [each for each in get_args(part) if each is not Ellipsis]
        return (
            next(filter(None, map(why_not, inner)), None) if inner else f"what is in the {outer.__name__} is not said"
        )
    if outer is Literal or outer in (str, int, float, bool, torch.Generator, Image.Image, torch.dtype, torch.device):
        return None
    return "its type says nothing of what is in it"


def _holds_images(hint: Any) -> bool:
    return any(part is Image.Image or Image.Image in get_args(part) for part in alternatives(hint))


def _strategy(hint: Any, sizes: Mapping[str, int]) -> SearchStrategy[Any]:
    from hypothesis import strategies as st

    return st.one_of([_member_strategy(part, hint, sizes) for part in _makeable(hint)])


def _member_strategy(part: Any, hint: Any, sizes: Mapping[str, int]) -> SearchStrategy[Any]:  # noqa: PLR0911 - as below
    from hypothesis import strategies as st

    outer, value = get_origin(part) or part, value_of(hint) or Value()
    if outer is Literal:
        return st.sampled_from(get_args(part))
    if outer is bool:
        return st.booleans()
    if outer is str:
        return st.sampled_from(_WORDS)
    if outer is int:
        _, most = whole_bounds(value)
        near = st.integers(*whole_range(value))
        return near if most is None else st.one_of(near, st.just(most))
    if outer is float:
        low, high = range_of(value)
        ends = value.open
        return st.floats(low, high, exclude_min=ends, exclude_max=ends, allow_nan=False, width=64)
    if outer in (list, tuple) and not (outer is tuple and Ellipsis not in get_args(part)):
        return st.lists(_inner(get_args(part)[0], value, sizes), min_size=1, max_size=3).map(outer)
    if outer is tuple:
        return st.tuples(*(_inner(each, value, sizes) for each in get_args(part)))
    return st.integers(0, 2**16).map(lambda seed: plain_member(part, hint, sizes, seed))


def _inner(hint: Any, value: Value, sizes: Mapping[str, int]) -> SearchStrategy[Any]:
    """Return what draws a part of a list, to which the bounds of the list apply."""
    from hypothesis import strategies as st

    members = _makeable(hint)
    drawn = [_member_strategy(part, _with_value(hint, value), sizes) for part in members]
    return st.one_of(drawn)


def _with_value(hint: Any, value: Value) -> Any:
    return hint if value_of(hint) is not None else Annotated[hint, value]


def plain_value(hint: Any, sizes: Mapping[str, int], seed: int, form: int = 0) -> Any:
    """Return one value of a type, by rule."""
    members = _makeable(hint)
    return plain_member(members[form % len(members)], hint, sizes, seed)


def plain_member(part: Any, hint: Any, sizes: Mapping[str, int], seed: int) -> Any:  # noqa: PLR0911 - one line per kind
    """Return one value of one member of a union, by rule."""
    outer, value = get_origin(part) or part, value_of(hint) or Value()
    if outer is Literal:
        return get_args(part)[seed % len(get_args(part))]
    if outer is str:
        return _WORDS[1:][seed % 2]
    if outer is bool:
        return bool(seed % 2)
    if outer is int:
        least, most = whole_range(value)
        return least + (1 + seed) % (most - least + 1)
    if outer is float:
        low, high = range_of(value)
        return low + (high - low) * ((1 + seed) % 7) / 8 + (high - low) / 16
    if outer is torch.Generator:
        return torch.Generator().manual_seed(seed)
    if outer is torch.dtype:
        return torch.float32
    if outer is torch.device:
        return torch.device("cpu")
    if outer in (list, tuple):
        inner = [each for each in get_args(part) if each is not Ellipsis]
        many = inner if outer is tuple and Ellipsis not in get_args(part) else inner * 2
        return outer(plain_value(_with_value(each, value), sizes, seed + i) for i, each in enumerate(many))
    return _numbers(outer, hint, sizes, seed)


def _numbers(outer: Any, hint: Any, sizes: Mapping[str, int], seed: int) -> Any:
    chance, value = np.random.default_rng(seed), value_of(hint) or Value()
    if outer is Image.Image:
        return Image.fromarray(chance.integers(0, 256, (*SIDES, 3), dtype=np.uint8))
    if outer is np.ndarray:
        return chance.random((2, *SIDES, 3), dtype=np.float32)
    if _holds_images(hint):
        return torch.from_numpy(chance.random((2, 3, *SIDES), dtype=np.float32))
    parts = value.shape.split()
    shape = [n for part in parts for n in ([2, 3] if part == "..." else [int(part) if part.isdigit() else sizes[part]])]
    if value.dtype == "bool":
        return torch.from_numpy(chance.integers(0, 2, shape)).to(torch.bool)
    if value.dtype == "int":
        least, most = whole_range(value if value.low is not None else Value(low=0, high=value.high))
        return torch.from_numpy(np.asarray(chance.integers(least, most + 1, shape)))
    is_bounded = value.low is not None or value.high is not None
    low, high = range_of(value)
    made = chance.uniform(low, high, shape) if is_bounded else chance.standard_normal(shape)
    if is_bounded and not value.open and made.size > 1:
        made.flat[0], made.flat[-1] = low, high
    return torch.tensor(made, dtype=torch.float32)


def own_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with nothing in common: tensors, generators and images in lists, too."""
    return {name: own_value(value) for name, value in values.items()}


def own_value(value: Any) -> Any:
    """Return a copy of a value; what cannot be copied is itself."""
    from ..engine.copies import own_copy

    if type(value) in (list, tuple):
        return type(value)(own_value(part) for part in value)
    if type(value) is dict:
        return own_values(value)
    try:
        return own_copy(value)
    except NoDigestError:
        return value


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in a value, in lists and dicts, too."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors_in(part)
