"""Numbers of NumPy become Python's; nothing else is touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from brickwork import ModularPipeline
from brickwork.state.plain_numbers import plain_number


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float32(4), 4.0),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array(0.5), 0.5),
        ((np.int64(8), 16), (8, 16)),
        ([np.float64(0.25)], [0.25]),
    ],
)
def test_a_number_of_numpy_is_pythons(given: Any, expected: Any) -> None:
    made = plain_number(given)
    assert made == expected
    assert type(made) is type(expected)
    if isinstance(made, (list, tuple)):
        assert {type(each) for each in made} == {type(each) for each in expected}


@pytest.mark.parametrize("given", [np.zeros(1), torch.tensor(1.0), "a", [1, "b"], None, {"a": np.int64(1)}])
def test_what_is_no_such_number_is_the_same_object(given: Any) -> None:
    assert plain_number(given) is given


def test_a_call_and_a_sweep_take_numbers_of_numpy(tiny_pipe: ModularPipeline) -> None:
    call: dict[str, Any] = {"prompt": "a cat", "output_type": "pt", "num_inference_steps": 2}
    right = tiny_pipe(
        **call, height=64, width=64, guidance_scale=4.0, generator=torch.Generator().manual_seed(1), output="images"
    )
    sizes = {"height": np.int64(64), "width": np.int32(64)}
    made = tiny_pipe(
        **call, **sizes, guidance_scale=np.float32(4), generator=torch.Generator().manual_seed(1), output="images"
    )
    assert torch.equal(made, right)
    recipe = tiny_pipe.last_recipe
    assert recipe is not None
    assert (recipe.inputs["height"], recipe.inputs["guidance_scale"]) == (64, 4.0)
    assert not recipe.missing_inputs
    swept = tiny_pipe.sweep(**call, **sizes, guidance_scale=[np.float32(4)], seed=[np.int64(1)])
    assert torch.equal(swept.results[0], right)
