"""Which types can meet, and which values are of a type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol, TypeVar

import pytest
import torch
from PIL import Image

from brickwork.state.type_relations import accepts, can_meet, conflict
from brickwork.state.types import resolve_hint
from brickwork.state.vocabulary import Images, Latents, PooledPromptEmbeds, Prompt, PromptEmbeds, Value

T = TypeVar("T")


class Animal: ...


class Dog(Animal): ...


class Stone: ...


class Barks(Protocol):
    def bark(self) -> str: ...


MEET = [
    (int, int),
    (int, float),
    (bool, int),
    (Dog, Animal),
    (Animal, Dog),  # the value decides
    (int, Any),
    (Any, int),
    (T, int),
    ("unknown name", int),
    (int | None, int),
    (int, str | int),
    (list[int], list[float]),
    (list[int | str], list[int | bytes]),
    (list[int], Sequence[int]),
    (list, list[int]),
    (dict[str, int], Mapping[str, int]),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, ...], tuple[int, int]),
    (Literal["a", "b"], Literal["b", "c"]),
    (Literal["a"], str),
    (str, Literal["a"]),
    (Stone, Barks),
    (Callable[[int], str], Callable[..., Any]),
    (Annotated[int, "note"], int),
    (list[Image.Image], Iterable[Image.Image]),
    (type(None), int | None),
]
APART = [
    (int, str),
    (str, int),
    (float, int),
    (Dog, Stone),
    (list[int], list[str]),
    (list[Dog], Sequence[Stone]),
    (dict[str, int], dict[str, str]),
    (dict[str, int], list[str]),
    (tuple[int, int], tuple[int, int, int]),
    (tuple[int, ...], tuple[str, ...]),
    (Literal["a"], Literal["b"]),
    (Literal["a"], int),
    (int | None, str),
    (int | bytes, str | None),
    (int | None, str | None),  # None alone is nothing to work with
    (type(None), int),
    (torch.Tensor, list[Image.Image]),
    (Annotated[str, "note"], Annotated[int, "note"]),
]


@pytest.mark.parametrize(("given", "wanted"), MEET, ids=str)
def test_types_that_can_meet(given: Any, wanted: Any) -> None:
    assert can_meet(given, wanted)


@pytest.mark.parametrize(("given", "wanted"), APART, ids=str)
def test_types_that_cannot(given: Any, wanted: Any) -> None:
    assert not can_meet(given, wanted)
    assert conflict(given, wanted)


def test_dimensions_must_agree_in_number_and_size() -> None:
    latents, embeds, pooled = (
        resolve_hint(word, test_types_that_can_meet) for word in (Latents, PromptEmbeds, PooledPromptEmbeds)
    )
    assert conflict(latents, latents) is None
    assert conflict(latents, torch.Tensor) is None
    assert "[b c h w]" in str(conflict(latents, embeds))
    assert "3 of them" in str(conflict(embeds, pooled))
    rgb, rgba = (Annotated[torch.Tensor, Value(f"b {count} h w")] for count in (3, 4))
    assert "size 3, not 4" in str(conflict(rgb, rgba))
    assert conflict(rgb, Annotated[torch.Tensor, Value("b ... w")]) is None
    images = resolve_hint(Images, test_types_that_cannot)
    assert conflict(latents, images) is None


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (5, float, True),
        (5, int, True),
        (5.0, int, False),
        (True, int, False),
        (True, bool, True),
        ("a", Prompt, True),
        (["a", "b"], Prompt, True),
        (["a", 3], Prompt, False),
        (3, Prompt, False),
        (None, Prompt | None, True),
        (None, Prompt, False),
        ("pil", Literal["pil", "np"], True),
        ("png", Literal["pil", "np"], False),
        ((1, 2), tuple[int, int], True),
        ((1, 2, 3), tuple[int, int], False),
        ([1, 2], tuple[int, int], False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        (Stone(), Barks, True),
        (object(), "unknown name", True),
        (torch.zeros(1), torch.Tensor | list[Image.Image], True),
    ],
)
def test_values_are_of_a_type(value: Any, hint: Any, expected: bool) -> None:
    assert accepts(value, hint) is expected
