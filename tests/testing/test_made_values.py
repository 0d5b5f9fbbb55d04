"""Made inputs use what is declared: ranges with their bounds, choices, and sides of images that a family has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import find, settings
from torch import Tensor

from brickwork import Block, Outputs, SequentialPipelineBlocks, Value
from brickwork.families.sdxl import SDXL
from brickwork.families.unets.kandinsky22 import KANDINSKY22
from brickwork.state import InputParam
from brickwork.state.vocabulary import Height, Width
from brickwork.testing import check_block
from brickwork.testing.made_values import Maker

Fraction = Annotated[float, Value(low=0, high=1)]
Inside = Annotated[float, Value(low=0, high=1, open=True)]
Count = Annotated[int, Value(low=1, high=900)]
Between = Annotated[int, Value(low=0, high=3, open=True)]


def maker(hint: Any, multiple: int = 1) -> Maker:
    return Maker("Block", [InputParam("x", hint, required=True)], {}, multiple)


@pytest.mark.parametrize(
    ("hint", "bounds"),
    [
        (Fraction, [0.0, 1.0]),
        (Fraction | None, [0.0, 1.0]),
        (Annotated[float, Value(low=0)], [0.0]),
        (Annotated[float, Value(high=2.5)], [2.5]),
        (Inside, []),
        (float, []),
        (Count, [1, 900]),
        (Between, [1, 2]),
        (Annotated[int, Value(low=-0.5, high=1.5)], [0, 1]),
        (Annotated[int, Value(high=-7)], [-7]),
        (Annotated[float | list[float], Value(low=0)], [0.0]),
        (Annotated[list[float], Value(low=0)], []),
        (Annotated[Tensor, Value("b", low=0, high=1)], []),
        (Literal["a", "b"], []),
    ],
)
def test_each_bound_of_a_number_is_tried(hint: Any, bounds: list[float]) -> None:
    found = [values["x"] for values in maker(hint).at_bounds()]
    assert found == bounds
    assert [type(each) for each in found] == [type(each) for each in bounds]


@pytest.mark.parametrize("hint", [Fraction, Inside, Count, Between, Annotated[int, Value(low=-0.5, high=1.5)]])
def test_what_is_made_by_rule_is_within_the_range(hint: Any) -> None:
    value: Value = hint.__metadata__[0]
    made = [maker(hint).plain(seed=seed)["x"] for seed in range(12)]
    assert all(value.problem(each) is None for each in made)
    assert len({*made}) > 1


@pytest.mark.parametrize(("hint", "wanted"), [(Count, 900), (Count, 1), (Fraction, 1.0), (Fraction, 0.0), (Between, 2)])
def test_bounds_are_drawn_by_chance_too(hint: Any, wanted: float) -> None:
    found = find(maker(hint).strategy(), lambda values: values["x"] == wanted, settings=settings(database=None))
    assert found == {"x": wanted}


def test_bounds_of_a_tensor_are_in_it() -> None:
    made = maker(Annotated[Tensor, Value("b c", low=-1, high=1, dtype="float")]).plain()["x"]
    assert (made.min().item(), made.max().item()) == (-1, 1)
    made = maker(Annotated[Tensor, Value("b c", low=0, high=1, open=True)]).plain()["x"]
    assert made.min().item() > 0
    assert made.max().item() < 1


@pytest.mark.parametrize(("multiple", "sides"), [(1, {8, 9, 16}), (8, {8, 16}), (16, {16, 32}), (12, {12, 24})])
def test_sides_of_images_are_those_of_the_family(multiple: int, sides: set[int]) -> None:
    for hint in (Height, Width | None):
        assert {maker(hint, multiple).plain(form=form)["x"] for form in range(3)} == sides
    assert [*maker(Height, multiple).at_bounds()] == []


class OfChoices(Block):
    """Fails with one of its choices."""

    class Out(Outputs):
        found: int

    def run(self, mode: Literal["sum", "mean", "last"]) -> Out:
        return self.Out(found={"sum": 1, "mean": 2}[mode])


class DividesByZero(Block):
    """Fails at the least that it says it takes."""

    class Out(Outputs):
        inverse: float

    def run(self, fraction: Fraction) -> Out:
        return self.Out(inverse=1 / fraction)


class TooLong(Block):
    """Fails at the most that it says it takes."""

    class Out(Outputs):
        last: int

    def run(self, count: Count) -> Out:
        return self.Out(last=[*range(899)][count - 1])


class InHalves(Block):
    """Takes sides of images, and none that no image has."""

    class Out(Outputs):
        rows: int

    def run(self, height: Height) -> Out:
        if height % 8:
            raise ValueError(height)
        return self.Out(rows=height // 8)


@pytest.mark.parametrize(
    ("block", "words"), [(OfChoices, "mode='last'"), (DividesByZero, "fraction=0.0"), (TooLong, "count=900")]
)
def test_a_block_that_fails_at_a_bound_or_choice_is_found_out(block: type[Block], words: str) -> None:
    report = check_block(block, raise_faults=False, examples=1)
    assert f"fails with inputs that its declaration allows: {words}" in str(report)


def test_a_block_that_takes_sides_of_images_is_not_given_others() -> None:
    assert check_block(InHalves, examples=3)


class InWholeTiles(Block):
    """Takes sides of 64 pixels."""

    class Out(Outputs):
        tiles: int

    def run(self, height: Height) -> Out:
        if height % 64:
            raise ValueError(height)
        return self.Out(tiles=height // 64)


def test_a_composition_of_several_families_is_given_sides_that_all_of_them_take() -> None:
    parts = {"first": InHalves.bind(SDXL), "second": InWholeTiles.bind(KANDINSKY22)}
    assert check_block(SequentialPipelineBlocks.from_blocks_dict(parts), examples=1, skip=["save and open", "threads"])
