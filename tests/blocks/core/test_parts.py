"""Parts of blocks: inputs and components that several blocks have in common; and what a block remembers of one run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import define
from toy_parts import Changed, Factor, Offset, Scale, WithBoth

import brickwork
from brickwork import Block, CompositionError, DeclarationError, InputError, MemoryCache, ModularPipelineBlocks, Outputs
from brickwork import LoopSequentialPipelineBlocks as Loop
from brickwork import SequentialPipelineBlocks as Sequential
from brickwork.blocks import PredictNoise
from brickwork.blocks.core.block_catalog import block_names
from brickwork.blocks.core.part import BlockPart
from brickwork.blocks.steps.control import ControlNetResiduals
from brickwork.blocks.steps.t2i_adapter import AdapterFeatures
from brickwork.pipeline.recipes.recipe_diff import differences
from brickwork.presets.sdxl import SDXL
from brickwork.saving.composition import compose


def test_a_block_declares_what_its_parts_declare() -> None:
    block = WithBoth()
    assert block.input_names == ["x", "power", "offset"]
    assert [each.required for each in block.inputs] == [True, False, True]
    assert block.component_names == ["scale"]
    assert [each.name for each in block.expected_configs] == ["rounded"]
    assert Changed().input_names == ["x"]


def test_parts_get_their_inputs_components_and_defaults() -> None:
    pipe = Sequential.from_blocks_dict({"change": WithBoth}).init_pipeline()
    pipe.update_components(scale=Scale(3))
    assert pipe(x=1, offset=10, output="y") == 1 + 3 + 10
    assert pipe(x=1, offset=10, power=2, output="y") == 1 + 9 + 10
    with pytest.raises(InputError, match="offset"):
        pipe(x=1, output="y")


def test_a_block_with_parts_is_run_by_hand() -> None:
    assert WithBoth(scale=Scale(5)).run(x=2, offset=1).y == 2 + 5 + 1


def test_parts_are_added_to_a_class_and_the_same_class_comes_back() -> None:
    made = Changed.plus(Factor, Offset)
    assert made is Changed.plus(Factor).plus(Offset)
    assert made is not Changed.plus(Offset, Factor)
    assert Changed.plus() is Changed
    assert made().input_names == WithBoth().input_names
    assert WithBoth.plus(Offset).parts == (Factor, Offset, Offset)


def test_a_class_that_is_bound_stays_bound() -> None:
    bound = PredictNoise.bind(SDXL)
    assert bound.plus(ControlNetResiduals) is PredictNoise.plus(ControlNetResiduals).bind(SDXL)
    assert bound.plus(ControlNetResiduals).family is SDXL
    assert all(part.family is SDXL for part in bound.plus(ControlNetResiduals, AdapterFeatures).parts)


class Shared(BlockPart):
    """Ask for x as another block does not."""

    def prepare(self, x: str) -> str:
        return x


class SharedDefault(BlockPart):
    """Ask for x with a default."""

    def prepare(self, x: int = 4) -> int:
        return x


class Unset(BlockPart):
    """Have an option that nobody can give."""

    strength: float

    def prepare(self, x: int) -> int:
        return x


class TakesNone(Block):
    """Take no parts."""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)


@pytest.mark.parametrize(
    ("block", "part", "words"),
    [
        (Changed, Shared, r"Shared\.prepare: 'x' is another input than that of the block"),
        (Changed, SharedDefault, r"SharedDefault\.prepare: 'x' is another input"),
        (Changed, Unset, r"Unset: the option 'strength' has no default"),
        (TakesNone, Offset, r"TakesNone takes no parts: its `run` has no `\*\*of_parts`"),
    ],
    ids=["type", "default", "option", "takes none"],
)
def test_parts_that_do_not_fit_are_refused(block: Any, part: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        block.plus(part)


def test_a_part_without_prepare_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Empty defines no `prepare`"):
        type("Empty", (BlockPart,), {"__qualname__": "Empty"})


def test_variable_arguments_are_for_blocks_that_take_parts() -> None:
    with pytest.raises(DeclarationError, match=r"\*\*rest: 'Any' hides what the block reads"):

        class Hides(Block):
            def run(self, x: int, **rest: Any) -> None: ...


def test_a_part_is_no_step() -> None:
    with pytest.raises(
        CompositionError, match=r"Offset is a part of a block, and no block; write PredictNoise.plus\(Offset\)"
    ):
        Sequential.from_blocks_dict({"offset": Offset}).plan({"offset": 1})
    assert "ControlNetResiduals" not in block_names()


def test_only_parts_are_parts_of_what_is_opened() -> None:
    data = {"block": "PredictNoise", "family": SDXL.name, "parts": [{"block": "Decode"}]}
    with pytest.raises(CompositionError, match="Decode cannot be a part of PredictNoise"):
        compose(data)
    with pytest.raises(CompositionError, match="It cannot be a part of AutoBlocks"):
        compose({"block": "AutoBlocks", "parts": [{"block": "AdapterFeatures"}]})


def test_parts_of_ones_own_are_saved_with_their_code(tmp_path: Any) -> None:
    blocks = Sequential.from_blocks_dict({"change": Changed.plus(Offset)})
    blocks.save_pretrained(str(tmp_path / "blocks"))
    opened = ModularPipelineBlocks.from_pretrained(str(tmp_path / "blocks"), trust_remote_code=True)
    assert opened.init_pipeline()(x=1, offset=2, output="y") == 3


def test_a_recipe_tells_parts_apart() -> None:
    recipes = []
    for block in (Changed, Changed.plus(Offset), Changed.plus(Offset, Offset), Changed.plus(Unchanged)):
        pipe = Sequential.from_blocks_dict({"change": block}).init_pipeline()
        recipes.append(pipe(x=1, **({"offset": 2} if block is not Changed else {})).recipe)
    none, one, two, other = recipes
    assert ("blocks", "change: further parts are none, and Offset") in [
        (part, words.replace("toy_parts:", "")) for part, words in differences(none, one)
    ]
    assert any("Offset, " in words for _, words in differences(one, two))
    assert any(words.startswith("change.parts[0]: ") for _, words in differences(one, other))
    assert list(differences(one, one)) == []


class Unchanged(Offset):
    """Add nothing."""

    def prepare(self, offset: int) -> int:
        return 0 * offset


def test_a_workflow_file_keeps_parts(tmp_path: Path) -> None:
    pipe = Sequential.from_blocks_dict({"change": Changed.plus(Offset)}).init_pipeline()
    brickwork.save_workflow(pipe, tmp_path / "workflow.yaml")
    again = brickwork.load_workflow(tmp_path / "workflow.yaml", blocks=[Changed, Offset])
    assert again(x=1, offset=2, output="y") == 3


def test_the_cache_tells_parts_apart() -> None:
    results, store = [], MemoryCache()
    for block in (Changed.plus(Offset), Changed.plus(Unchanged)):
        pipe = Sequential.from_blocks_dict({"change": block}).init_pipeline()
        pipe.configure(cache=store)
        results.append(pipe(x=1, offset=2, output="y"))
    assert results == [3, 1]


class Repeat(Loop):
    """Repeat a number of times."""

    class Vars(Outputs):
        t: int

    def iterate(self, times: int) -> Iterator[Vars]:
        yield from (self.Vars(t=t) for t in range(times))


@define
class Count:
    calls: int = 0


class Counts(Block):
    """Count the calls of this run."""

    Memo: ClassVar[type[Any] | None] = Count

    class Out(Outputs):
        calls: int

    def run(self, t: int) -> Out:
        self.memo.calls += 1
        return self.Out(calls=self.memo.calls)


def test_a_memo_lasts_for_a_run_and_no_longer() -> None:
    pipe = Repeat.from_blocks_dict({"count": Counts}).init_pipeline()
    assert pipe(times=3, output="calls") == 3
    assert pipe(times=2, output="calls") == 2
    block = Counts()
    assert (block.run(t=0).calls, block.run(t=0).calls) == (1, 1)
    assert "memo" not in vars(block)


def test_no_block_of_the_library_writes_on_itself() -> None:
    steps = Path(brickwork.__file__).parent / "blocks" / "steps"
    found = [
        f"{path.name}:{node.lineno}"
        for path in steps.glob("*.py")
        if path.name not in ("public_net.py", "compiled_denoiser.py")  # hold no block
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr == "__dict__")
        or (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        )
    ]
    assert found == []


class ByName(Block):
    """Take an input that only a name can give."""

    class Out(Outputs):
        z: int

    def run(self, x: int, *, y: int = 2) -> Out:
        return self.Out(z=x * y)


def test_inputs_by_name_only_are_given_by_name() -> None:
    pipe = Sequential.from_blocks_dict({"by_name": ByName}).init_pipeline()
    assert pipe(x=2, output="z") == 4
    assert pipe(x=2, y=5, output="z") == 10
