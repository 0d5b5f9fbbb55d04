"""What is written in place of an annotation that names nothing, or is no type."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from brickwork.state.type_advice import instead_of, no_type, unknown_name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Optional", "Write `X | None`, as in `int | None`."),
        ("Optinal", "Did you mean 'Optional'? Write `X | None`, as in `int | None`."),
        ("List", "Write `list[X]`."),
        ("Tensor", "Write `torch.Tensor` (import torch), or a word of brickwork.state.vocabulary such as Latents."),
        ("Latents", "Write `from brickwork.state.vocabulary import Latents` at the top of the module."),
        ("Latent", "Did you mean 'Latents'?"),
        ("itn", "Did you mean 'int'?"),
        ("Nonee", "Did you mean 'None'?"),
        ("Mymodel", "Did you mean 'MyModel'?"),
        ("Xyzzy", "Import it, or correct it."),
    ],
)
def test_a_name_that_is_not_there(name: str, said: str) -> None:
    assert unknown_name(name, ["MyModel", "Decode"]) == said


@pytest.mark.parametrize(
    ("thing", "type_", "words"),
    [
        ([int], "list[int]", "a list"),
        ([3], "list[int]", "a list"),
        ((int, str), "int | str", "a tuple"),
        ((3, 4), "tuple[int, str]", "a tuple"),
        ({}, "dict[str, int]", "a dict"),
        (3, "int", "3 (int)"),
        (any, "Any, of typing", "the function any"),
        (callable, "Callable, of collections.abc", "the function callable"),
        (torch.tensor, "torch.Tensor", "the function tensor"),
        (instead_of, "Callable, of collections.abc", "the function instead_of"),
        (torch.float16, "torch.Tensor", "a dtype"),
        (math, "a class of it, math.X", "a module"),
    ],
)
def test_what_is_no_type(thing: Any, type_: str, words: str) -> None:
    assert instead_of(thing) == type_
    assert no_type(thing) == f"is annotated with {words}, which is no type; write {type_}."
