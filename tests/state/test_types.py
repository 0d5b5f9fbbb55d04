"""Annotations become types, and types become words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
import torch
from PIL import Image

from brickwork import DeclarationError, Value
from brickwork.state.types import resolve_hint, strip_metadata, type_words
from brickwork.state.vocabulary import Images, Latents, value_of

if TYPE_CHECKING:
    from decimal import Decimal


class Owner:
    a: Latents | None
    b: Decimal
    c: list[Images]


def test_names_for_type_checkers_are_imported_when_needed() -> None:
    from decimal import Decimal

    assert resolve_hint("Decimal", Owner) is Decimal
    assert resolve_hint("list[Decimal] | None", Owner) == list[Decimal] | None


def test_words_of_the_vocabulary_mean_the_real_classes() -> None:
    assert strip_metadata(resolve_hint("Latents | None", Owner)) is torch.Tensor
    images = resolve_hint(Images, Owner)
    assert list[Image.Image] in strip_metadata(images).__args__


def test_an_unknown_name_is_said_with_the_nearest() -> None:
    with pytest.raises(
        DeclarationError, match=r"Owner: the annotation 'Latent' names 'Latent'.*Did you mean 'Latents'"
    ):
        resolve_hint("Latent", Owner)


def test_a_name_for_type_checkers_is_among_the_nearest() -> None:
    with pytest.raises(DeclarationError) as caught:
        resolve_hint("Decimale", Owner)
    assert str(caught.value) == (
        "Owner: the annotation 'Decimale' names 'Decimale', which its module does not import. Did you mean 'Decimal'?"
    )


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (str | list[str], "str | list[str]"),
        (Literal["pil", "np"], "'pil' | 'np'"),
        (int | None, "int | None"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Annotated[torch.Tensor, Value("b c")], "Tensor[b c]"),
        (Any, "any"),
        (None, "any"),
        ("Tensor", "Tensor"),
    ],
)
def test_types_are_said_as_people_write_them(hint: Any, words: str) -> None:
    assert type_words(hint) == words


def test_metadata_is_found_inside_of_unions() -> None:
    found = value_of(Latents | None)
    assert found is not None
    assert found.shape == "b c h w"
    assert value_of(int) is None


def test_relative_imports_for_type_checkers_are_found_too(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "somebodys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tools.py").write_text("class Tool: ...\n")
    (package / "steps.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    import fractions\n"
        "    from .tools import Tool as Hammer\n"
        "class Step: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from somebodys import steps  # type: ignore[import-not-found]

    assert resolve_hint("Hammer | None", steps.Step).__args__[0].__name__ == "Tool"
    assert resolve_hint("fractions.Fraction", steps.Step).__name__ == "Fraction"


def test_the_types_of_a_functions_arguments_stay_as_they_are() -> None:
    hint = Callable[[int], str]
    assert resolve_hint(hint, Owner) is hint
