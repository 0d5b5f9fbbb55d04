"""Names that a call or a state has for itself are refused before anybody runs into them."""

from __future__ import annotations

import pytest

from brickwork import (
    Block,
    CompositionError,
    DeclarationError,
    InputParam,
    ModularPipeline,
    ModularPipelineBlocks,
    Outputs,
    PipelineState,
    SequentialPipelineBlocks,
)


class Word(Outputs):
    """One text."""

    word: str


def pipeline_of(block: type[ModularPipelineBlocks]) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict({"takes": block}).init_pipeline()


@pytest.mark.parametrize("name", ["state", "output"])
def test_an_input_named_as_the_calls_own_is_refused(name: str) -> None:
    space: dict[str, object] = {"Word": Word}
    exec(f"def run(self, {name}: int) -> Word: ...", space)
    block = type("Takes", (Block,), {"Out": Word, "run": space["run"]})
    with pytest.raises(CompositionError, match=f"takes has an input named '{name}', which could not be given"):
        pipeline_of(block)


@pytest.mark.parametrize("name", ["state", "output"])
def test_so_is_one_in_the_style_of_diffusers(name: str) -> None:
    class Takes(ModularPipelineBlocks):
        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam(name, required=True)]

        def __call__(self, components: object, state: PipelineState) -> tuple[object, PipelineState]:
            return components, state

    with pytest.raises(CompositionError, match=f"takes has an input named '{name}'"):
        pipeline_of(Takes)


@pytest.mark.parametrize("name", ["values", "recipe", "start", "copy", "get", "to_dict", "provenance"])
def test_an_output_named_as_the_states_own_is_refused(name: str) -> None:
    assert hasattr(PipelineState(), name)
    out = type("Out", (Outputs,), {"__annotations__": {name: int}})
    space: dict[str, object] = {"Out": out}
    exec("def run(self) -> Out: ...", space)
    with pytest.raises(DeclarationError, match=f"an output named '{name}' could not be read as state.{name}"):
        type("Gives", (Block,), {"Out": out, "run": space["run"]})


def test_other_names_are_free() -> None:
    class Takes(Block):
        class Out(Outputs):
            first: int
            seed: int

        def run(self, first: int, seed: int) -> Out:
            return self.Out(first=first, seed=seed)

    assert pipeline_of(Takes)(first=1, seed=2, output="seed") == 2
