"""Misspelt keywords of classes are answered in words; what the class takes still makes it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from brickwork import InputError, MemoryCache
from brickwork.pipeline.snapshots import Snapshots
from brickwork.registry import ComponentSpec


@pytest.mark.parametrize(
    ("cls", "odd", "near", "good"),
    [
        (MemoryCache, "max_byte", "max_bytes", {"max_bytes": 5}),
        (Snapshots, "evry", "every", {"to": print, "every": 2}),
        (ComponentSpec, "subfoldr", "subfolder", {"name": "unet", "subfolder": "a"}),
    ],
)
def test_the_nearest_and_all_that_there_are_are_named(cls: Any, odd: str, near: str, good: dict[str, Any]) -> None:
    with pytest.raises(
        TypeError, match=f"^{cls.__name__} has no '{odd}'. Did you mean '{near}'\\? It takes: .*{near}"
    ) as caught:
        cls(**{odd: 3})
    assert isinstance(caught.value, InputError)
    made = cls(**good)
    assert getattr(made, near) == good[near]


def test_copies_are_made_without_arguments() -> None:
    spec = ComponentSpec("unet", subfolder="a")
    for made in (copy.copy(spec), copy.deepcopy(spec), pickle.loads(pickle.dumps(spec))):
        assert (made.name, made.subfolder) == ("unet", "a")
