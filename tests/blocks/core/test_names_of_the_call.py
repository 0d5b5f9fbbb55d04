"""Names that a call or a state has for itself are refused before anybody runs into them."""

from __future__ import annotations

import inspect

import pytest

from brickwork import (
    Block,
    CompositionError,
    DeclarationError,
    Guider,
    InputParam,
    ModularPipeline,
    ModularPipelineBlocks,
    Outputs,
    PipelineState,
    SequentialPipelineBlocks,
    component,
)

OF_CALL = sorted(
    {
        name
        for method in (ModularPipeline.__call__, ModularPipeline.stream)
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
)
"""Names that a call has for itself, as its signature says."""
OF_STATE = [name for name in dir(PipelineState()) if not name.startswith("_")]
"""Attributes of a state."""


class Word(Outputs):
    """One text."""

    word: str


def pipeline_of(block: type[ModularPipelineBlocks]) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict({"takes": block}).init_pipeline()


@pytest.mark.parametrize("name", OF_CALL)
def test_an_input_named_as_the_calls_own_is_refused(name: str) -> None:
    space: dict[str, object] = {"Word": Word}
    exec(f"def run(self, {name}: int) -> Word: ...", space)
    with pytest.warns(UserWarning, match=rf"Takes\.run: no call can give an input named '{name}'.*earlier block"):
        block = type("Takes", (Block,), {"Out": Word, "run": space["run"]})
    with pytest.raises(CompositionError, match=f"takes has an input named '{name}', which could not be given"):
        pipeline_of(block)


@pytest.mark.parametrize("name", OF_CALL)
def test_so_is_one_in_the_style_of_diffusers(name: str) -> None:
    class Takes(ModularPipelineBlocks):
        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam(name, required=True)]

        def __call__(self, components: object, state: PipelineState) -> tuple[object, PipelineState]:
            return components, state

    with pytest.raises(CompositionError, match=f"takes has an input named '{name}'"):
        pipeline_of(Takes)


def test_the_warning_names_the_line_of_the_class() -> None:
    with pytest.warns(
        UserWarning, match="no call can give an input named 'state', which is the state to continue from"
    ) as told:

        class Takes(Block):
            Out = Word

            def run(self, state: str) -> Word:
                return Word(word=state)

    assert told[0].filename == __file__


def test_one_that_an_earlier_block_gives_runs() -> None:
    class Gives(Block):
        class Out(Outputs):
            output: str

        def run(self, word: str) -> Out:
            return self.Out(output=word)

    with pytest.warns(UserWarning, match="'output', which is the name of what is returned"):

        class Takes(Block):
            Out = Word

            def run(self, output: str) -> Word:
                return Word(word=output * 2)

    pipe = SequentialPipelineBlocks.from_blocks_dict({"gives": Gives, "takes": Takes}).init_pipeline()
    assert pipe(word="a", output="word") == "aa"


@pytest.mark.parametrize("name", OF_STATE)
def test_an_output_named_as_the_states_own_is_refused(name: str) -> None:
    assert hasattr(PipelineState(), name)
    out = type("Out", (Outputs,), {"__annotations__": {name: int}})
    space: dict[str, object] = {"Out": out}
    exec("def run(self) -> Out: ...", space)
    with pytest.raises(DeclarationError, match=f"an output named '{name}' could not be read as state.{name}"):
        type("Gives", (Block,), {"Out": out, "run": space["run"]})


def test_the_names_are_those_that_a_call_and_a_state_have() -> None:
    assert OF_CALL == ["output", "state"]
    assert {"values", "recipe", "start", "set", "copy", "get", "to_dict", "provenance"} <= set(OF_STATE)


def test_an_input_named_as_a_guider_is_refused_since_a_call_takes_it_for_the_guider() -> None:
    class Guides(Block):
        guider: Guider = component()
        Out = Word

        def run(self) -> Word:
            return Word(word="")

    class Takes(Block):
        class Out(Outputs):
            said: str

        def run(self, word: str, guider: str) -> Out:
            return self.Out(said=guider)

    blocks = SequentialPipelineBlocks.from_blocks_dict({"guides": Guides, "takes": Takes})
    with pytest.raises(CompositionError, match="takes has an input named 'guider', which could not be given"):
        blocks.init_pipeline()


def test_other_names_are_free() -> None:
    class Takes(Block):
        class Out(Outputs):
            first: int
            seed: int

        def run(self, first: int, seed: int) -> Out:
            return self.Out(first=first, seed=seed)

    assert pipeline_of(Takes)(first=1, seed=2, output="seed") == 2
