"""A sweep's measures are a table, in pairs of the same seed and prompt."""

from __future__ import annotations

from typing import Any

import pytest

from brickwork import Block, InputError, ModularPipeline, Outputs, SequentialPipelineBlocks
from brickwork.state.vocabulary import ImageScores


class Marks(Block):
    """Marks for two images, by the seed and by how hard was tried."""

    class Out(Outputs):
        images: list[int]
        mark: ImageScores
        note: str

    def run(self, prompt: str, strength: float, seed: int) -> Out:
        base = [10.0 * seed + len(prompt), 10.0 * seed + 3]
        return self.Out(images=[1, 2], mark=[value + strength + 0.01 * seed for value in base], note="x")


@pytest.fixture
def pipe() -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict({"marks": Marks}).init_pipeline()
    made.configure(progress=False)
    return made


ASKED: dict[str, Any] = {"axes": {"strength": [0.0, 0.5], "seed": [1, 2, 3, 4]}, "measures": ["mark"]}


def test_a_row_for_each_candidate_and_pairs_of_the_same_seed(pipe: ModularPipeline) -> None:
    swept = pipe.sweep(prompt="a cat", **ASKED)
    assert swept.results[0] == [1, 2]
    table = swept.table()
    assert [(each.name, len(each.units)) for each in table.scores] == [("strength=0", 8), ("strength=0.5", 8)]
    cell = table.cell("strength=0.5", "mark")
    assert cell.difference is not None
    assert (cell.difference.mean, cell.difference.count, cell.verdict) == (pytest.approx(0.5), 8, "higher")
    assert swept.table(confidence=0.9).confidence == 0.9


def test_prompts_are_averaged_over_too_and_other_axes_where_asked(pipe: ModularPipeline) -> None:
    axes = {"prompt": ["a cat", "a dog!"], "strength": [0.0, 0.5], "seed": [1, 2]}
    swept = pipe.sweep(axes=axes, measures=["mark"])
    assert [len(each.units) for each in swept.table().scores] == [8, 8]
    assert [each.name for each in swept.table(over=["seed"]).scores][0] == "prompt=a cat, strength=0"
    assert [each.name for each in swept.table(over=["seed", "prompt", "strength"]).scores] == ["all"]


def test_what_is_no_measure_is_refused(pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match="Nothing was measured"):
        pipe.sweep(prompt="a cat", axes=ASKED["axes"]).table()
    with pytest.raises(InputError, match="over= names 'sed', which is no axis. Did you mean 'seed'"):
        pipe.sweep(prompt="a cat", **ASKED).table(over=["sed"])
    with pytest.raises(InputError, match="'note' is no measure: it is to be a number"):
        pipe.sweep(prompt="a cat", axes={"strength": [0.0]}, seed=1, measures=["note"])
    with pytest.raises(InputError, match=r"measures is 'mark'; give a list of names: measures=\['mark'\]"):
        pipe.sweep(prompt="a cat", axes=ASKED["axes"], measures="mark")
    with pytest.raises(InputError, match="mark.*Did you mean"):
        pipe.sweep(prompt="a cat", axes=ASKED["axes"], measures=["markk"])
