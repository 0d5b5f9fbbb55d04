"""A dict that names the nearest of its names, and is a dict in all else."""

from __future__ import annotations

import copy
import pickle

import pytest

from brickwork import InputError
from brickwork.state.errors import UnknownNameError
from brickwork.state.named_values import NamedComponents


def test_an_unknown_name_is_answered_in_words() -> None:
    values = NamedComponents(unet=1, vae=2)
    with pytest.raises(KeyError) as caught:
        values["unett"]
    assert str(caught.value) == "There is no component 'unett'. Did you mean 'unet'?"
    assert isinstance(caught.value, (UnknownNameError, InputError))
    with pytest.raises(UnknownNameError, match=r"^3 \(int\) is no name of a component. There are: unet, vae.$"):
        values[3]  # type: ignore[index]  # what a person may write


def test_it_is_a_dict_in_all_else() -> None:
    values = NamedComponents(unet=1)
    assert values == {"unet": 1}
    assert values["unet"] == 1
    assert values.get("unett") is None
    assert "unett" not in values
    for made in (copy.copy(values), copy.deepcopy(values), pickle.loads(pickle.dumps(values))):
        assert made == values
        assert type(made) is NamedComponents
