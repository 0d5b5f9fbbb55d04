"""Random compositions give what plain Python gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork import (
    AutoPipelineBlocks,
    Block,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
)

MODULUS = 10_007


class Affine(Block):
    """Multiply and add."""

    factor: int = 1
    amount: int = 0

    class Out(Outputs):
        x: int

    def run(self, x: int, bonus: int = 0) -> Out:
        return self.Out(x=(self.factor * x + self.amount + bonus) % MODULUS)


class Repeat(LoopSequentialPipelineBlocks):
    """Repeat a fixed number of times."""

    times: int = 1

    class Vars(Outputs):
        iteration: int

    def iterate(self) -> Iterator[Vars]:
        yield from (self.Vars(iteration=iteration) for iteration in range(self.times))


class Either(AutoPipelineBlocks):
    """One thing if there is a bonus, another if not."""

    block_classes = [Affine, Affine]
    block_names = ["with_bonus", "without"]
    block_trigger_inputs = ["bonus", None]


Tree = tuple[str, Any]
LEAVES = st.tuples(st.just("affine"), st.tuples(st.integers(0, 5), st.integers(0, 5)))


def nodes(children: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    some = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        st.tuples(st.just("chain"), some),
        st.tuples(st.just("loop"), st.tuples(st.integers(0, 3), some)),
        st.tuples(st.just("either"), st.tuples(children, children)),
    )


TREES = st.recursive(LEAVES, nodes, max_leaves=8)


def build(tree: Tree) -> ModularPipelineBlocks:
    kind, content = tree
    if kind == "affine":
        return Affine(factor=content[0], amount=content[1])
    if kind == "chain":
        return SequentialPipelineBlocks.from_blocks_dict({f"b{i}": build(part) for i, part in enumerate(content)})
    if kind == "either":
        return Either.from_blocks_dict({"with_bonus": build(content[0]), "without": build(content[1])})
    loop = Repeat(times=content[0])
    for i, part in enumerate(content[1]):
        loop.sub_blocks[f"b{i}"] = build(part)
    return loop


def evaluate(tree: Tree, x: int, bonus: int | None) -> int:
    kind, content = tree
    if kind == "affine":
        return (content[0] * x + content[1] + (bonus or 0)) % MODULUS
    if kind == "either":
        return evaluate(content[0 if bonus is not None else 1], x, bonus)
    times, parts = content if kind == "loop" else (1, content)
    for _ in range(times):
        for part in parts:
            x = evaluate(part, x, bonus)
    return x


@settings(deadline=None, max_examples=150)
@given(TREES, st.integers(0, 50), st.one_of(st.none(), st.integers(1, 3)))
def test_a_composition_computes_what_its_tree_says(tree: Tree, x: int, bonus: int | None) -> None:
    pipe = build(tree).init_pipeline()
    pipe.configure(progress=False)
    inputs = {"x": x} if bonus is None else {"x": x, "bonus": bonus}
    expected = evaluate(tree, x, bonus)
    assert pipe(**inputs, output="x") == expected
    assert pipe(**inputs).x == expected
