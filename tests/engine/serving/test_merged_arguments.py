"""Arguments of several calls as those of one, and back."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput

from brickwork.engine.network_calls import RowArguments
from brickwork.engine.serving.merged_arguments import (
    NotMergeableError,
    divided,
    form_of,
    merged_arguments,
    named_arguments,
    rows_of,
)

DECLARED = RowArguments(rows=["embeds", "added.sizes", "residuals"])


def call(rows: int, fill: float, time: object = None, **others: Any) -> dict[str, Any]:
    made = {
        "": torch.full((rows, 3), fill),
        "timestep": torch.tensor(fill) if time is None else time,
        "embeds": torch.full((rows, 2), fill),
        "added": {"sizes": torch.full((rows, 6), fill)},
        "residuals": [torch.full((rows, 4), fill), torch.full((rows, 5), fill)],
        "places": torch.arange(7),
        "return_dict": False,
    }
    return {**made, **others}


def form(rows: int = 2, **others: Any) -> Any:
    return form_of(call(rows, 1.0, **others), DECLARED, rows)


def test_rows_are_joined_numbers_are_one_for_each_row_and_the_rest_is_as_it_was() -> None:
    one, two = call(2, 1.0), call(1, 2.0)
    told = merged_arguments([one, two], DECLARED, [2, 1], 1)
    assert told[""].tolist() == [[1.0] * 3, [1.0] * 3, [2.0] * 3, [1.0] * 3]
    assert told["timestep"].tolist() == [1.0, 1.0, 2.0, 1.0]
    assert told["embeds"].shape == (4, 2)
    assert told["added"]["sizes"].shape == (4, 6)
    assert [each.shape for each in told["residuals"]] == [(4, 4), (4, 5)]
    assert told["places"] is one["places"]
    assert told["return_dict"] is False
    assert one["added"]["sizes"].shape == (2, 6)


def test_a_timestep_of_one_number_a_row_is_rows() -> None:
    told = merged_arguments(
        [call(2, 1.0, torch.tensor([5.0, 6.0])), call(1, 1.0, torch.tensor([7.0]))], DECLARED, [2, 1], 0
    )
    assert told["timestep"].tolist() == [5.0, 6.0, 7.0]


@pytest.mark.parametrize(
    "others",
    [
        {"": torch.ones(2, 4)},
        {"": torch.ones(2, 3, dtype=torch.float64)},
        {"timestep": torch.tensor(1)},
        {"embeds": torch.ones(2, 9)},
        {"added": {"sizes": torch.ones(2, 7)}},
        {"added": {"sizes": torch.ones(2, 6), "more": None}},
        {"residuals": [torch.ones(2, 4)]},
        {"residuals": (torch.ones(2, 4), torch.ones(2, 5))},
        {"places": torch.arange(7) + 1},
        {"places": torch.arange(7).float()},
        {"return_dict": 0},
        {"weight": 0.5},
    ],
)
def test_calls_of_another_form_are_not_merged(others: dict[str, Any]) -> None:
    assert form(**others) != form()
    assert form(3) == form(2)
    assert form(places=torch.arange(7)) == form()


def test_a_tensor_that_was_written_into_is_looked_at_again() -> None:
    places = torch.arange(7)
    before = form(places=places)
    places[0] = 9
    assert form(places=places) != before
    places[0] = 0
    assert form(places=places) == before
    with torch.inference_mode():
        inferred = torch.arange(7)
        assert form(places=inferred) == form()
        inferred[0] = 9
        assert form(places=inferred) != form()


def test_what_nothing_compares_is_not_merged() -> None:
    with pytest.raises(NotMergeableError, match="nothing tells whether two weight are alike"):
        form(weight=threading_lock())


def threading_lock() -> Any:
    import threading

    return threading.Lock()


@pytest.mark.parametrize("first", [None, 3, torch.tensor(1.0), torch.ones(0, 3)])
def test_without_rows_nothing_is_merged(first: object) -> None:
    with pytest.raises(NotMergeableError, match="its first argument is no tensor with rows"):
        rows_of({"": first} if first is not None else {})


def test_arguments_by_position_have_the_names_of_the_signature() -> None:
    class Net(torch.nn.Module):
        def forward(self, x: Any, timestep: Any, embeds: Any = None) -> None: ...

    assert named_arguments(Net(), (1, 2), {"embeds": 3}) == {"": 1, "timestep": 2, "embeds": 3}
    assert named_arguments(Net(), (1,), {"embeds": 3}) == {"": 1, "embeds": 3}
    assert named_arguments(Net(), (), {"x": 1}) == {"x": 1}
    with pytest.raises(NotMergeableError, match="its arguments have no names"):
        named_arguments(Net(), (1, 2, 3, 4), {})


def test_what_a_network_returns_is_divided_into_copies() -> None:
    whole = torch.arange(8.0).reshape(4, 2)
    one, two = divided((whole, [whole], None, "text"), [2, 1], 4)
    assert one[0].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert two[1][0].tolist() == [[4.0, 5.0]]
    assert one[2:] == (None, "text")
    one[0].zero_()
    assert whole[0].tolist() == [0.0, 1.0]
    first, second = divided(UNet2DConditionOutput(sample=whole), [3, 1], 4)
    assert isinstance(first, UNet2DConditionOutput)
    assert second.sample.tolist() == [[6.0, 7.0]]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (torch.ones(3), "does not return a row for each row"),
        (torch.tensor(1.0), "does not return a row for each row"),
        (object(), "returns an object, which nothing divides"),
    ],
)
def test_what_has_no_rows_is_not_divided(result: object, said: str) -> None:
    with pytest.raises(NotMergeableError, match=said):
        divided(result, [2, 2], 4)
