"""Mistakes that people make, each with the error that they get: its class, and words that say what to do.

The tables stand in the files beside this one, one for each place where people make them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from mistake import Mistake

from brickwork import BrickworkError

TABLES = sorted(path.stem for path in Path(__file__).parent.glob("*_mistakes.py") if path.stem != "test_mistakes")
MISTAKES: list[Any] = [
    pytest.param(each, id=f"{table.removesuffix('_mistakes')}: {each.name}")
    for table in TABLES
    for each in import_module(table).MISTAKES
]


@pytest.mark.rotating(3)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_in_words(mistake: Mistake, place: Callable[[str], Any]) -> None:
    # Python asks for an AttributeError where an attribute is not there; it has words, too.
    with pytest.raises((BrickworkError, AttributeError)) as caught:
        mistake.make(place(mistake.at))
    said = str(caught.value)
    assert type(caught.value) is mistake.error, said
    missing = [words for words in mistake.says if words not in said]
    assert not missing, f"{missing} is not said in: {said}"
