"""What a guider takes, and that it is not changed, is said in words by every guider."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import attrs
import pytest

from brickwork import GUIDERS, BrickworkError, ClassifierFreeGuidance, FrozenError, InputError


@attrs.frozen
class Plain(ClassifierFreeGuidance):
    """One of somebody's own, whose own setting may be given by its place."""

    factor: float = 0.5


@attrs.define
class Defined(ClassifierFreeGuidance):
    """One of somebody's own that says nothing of being frozen."""

    factor: float = attrs.field(default=0.5, converter=float)


NEEDED: dict[str, Any] = {"ClassifierGuidance": {"score": len}}


@pytest.mark.parametrize("name", GUIDERS)
def test_every_guider_names_the_nearest_argument_and_all_that_it_takes(name: str) -> None:
    cls: Any = GUIDERS[name]
    there = ", ".join(field.name for field in attrs.fields(cls))
    with pytest.raises(InputError, match=f"{name} has no 'stopp'. Did you mean 'stop'") as caught:
        cls(stopp=0.5)
    assert str(caught.value).endswith(f"It takes: {there}.")
    assert isinstance(caught.value, TypeError)
    with pytest.raises(InputError, match=rf"{name}\(0.5\): settings are given by name") as caught:
        cls(0.5)
    assert str(caught.value).endswith(f"It takes: {there}.")
    assert list(inspect.signature(cls).parameters) == [field.name for field in attrs.fields(cls)]


@pytest.mark.parametrize("cls", [*GUIDERS.values(), Plain, Defined])
def test_every_guider_is_frozen_in_words(cls: Any) -> None:
    guider = cls(**NEEDED.get(cls.__name__, {}))
    text = repr(guider)
    with pytest.raises(
        FrozenError, match=rf"{cls.__name__}.stop is frozen.*attrs.evolve\(guider, stop=0.5\)"
    ) as caught:
        guider.stop = 0.5
    assert isinstance(caught.value, (BrickworkError, AttributeError))
    with pytest.raises(FrozenError, match="has no 'stopp'. Did you mean 'stop'"):
        guider.stopp = 0.5
    assert repr(guider) == text
    assert attrs.evolve(guider, enabled=False).enabled is False
    assert copy.copy(guider) == copy.deepcopy(guider) == pickle.loads(pickle.dumps(guider)) == guider


def test_a_guider_of_ones_own_takes_what_its_class_says() -> None:
    assert Plain(0.25).factor == 0.25
    assert Defined("2").factor == 2.0  # type: ignore[arg-type]  # converted
    with pytest.raises(InputError, match="Plain has no 'facto'. Did you mean 'factor'"):
        Plain(facto=1.0)  # type: ignore[call-arg]
