"""What a `Value` may not say."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from brickwork import DeclarationError
from brickwork.state import Value


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"low": 2, "high": 1}, "low is 2 and high is 1, so no number is between them. Exchange the two."),
        ({"low": math.inf}, "low is inf and high is inf, so no number is between them. Exchange the two."),
        ({"high": -math.inf}, "low is -inf and high is -inf, so no number is between them. Exchange the two."),
        ({"low": 1, "high": 1, "open": True}, "low and high are both 1 and open, which leaves no number."),
        ({"low": "0"}, "low is '0'; it must be a number."),
        ({"high": math.nan}, "high is nan; it must be a number."),
        ({"dtype": "half"}, "dtype is 'half'; it must be 'float', 'int' or 'bool', the kind of the numbers."),
        ({"dtype": torch.float32}, "dtype is torch.float32; it must be 'float', 'int' or 'bool'"),
        ({"doc": 3}, "doc is 3; it must be text."),
        ({"shape": 3}, "the shape is 3; it must be text with a name or a size for each dimension, as in '3'."),
        (
            {"shape": ("b", "c")},
            "the shape is ('b', 'c'); it must be text with a name or a size for each dimension, as in 'b c'.",
        ),
        ({"shape": "b -3 h"}, "the shape 'b -3 h' has the size -3; sizes are whole numbers from 0"),
        ({"shape": "b ? h"}, "the shape 'b ? h' has a dimension '?', which is no name and no size."),
        ({"shape": "Size of the image"}, "has a dimension 'of', which is no name and no size. Is it the meaning?"),
        (
            {"shape": "Its width."},
            "has a dimension 'width.', which is no name and no size. Is it the meaning? That is written doc=...",
        ),
    ],
)
def test_what_no_value_can_be_is_refused_with_what_was_written(written: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        Value(**written)
    assert said in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(DeclarationError) as caught:
        Value("b ?", low=2, high=1, dtype="half")  # type: ignore[arg-type]  # what is tested
    assert [fault.partition(" ")[2][:9] for fault in caught.value.faults] == ["the shape", "low is 2 ", "dtype is "]


@pytest.mark.parametrize(
    "written",
    [
        {"shape": "b 3 h w"}, {"shape": "b ... w"}, {"shape": "b 0"}, {"shape": "n n"}, {"shape": "b h/8 2*w"},
        {"shape": "b _"}, {"low": 1, "high": 1}, {"low": -math.inf, "high": math.inf}, {"low": 0, "open": True},
        {"dtype": "bool"}, {"doc": "Size of the image."}, {"low": torch.tensor(1.0).item()},
    ],
)  # fmt: skip
def test_what_some_value_can_be_is_taken(written: dict[str, Any]) -> None:
    assert Value(**written) == Value(**written)
