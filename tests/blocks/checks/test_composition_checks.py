"""Faults of compositions are found before anything runs, all at once, each with where, what, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from torch import Tensor
from toy_blocks import chain

from brickwork import (
    Block,
    CompositionError,
    ConditionalPipelineBlocks,
    InputError,
    InputParam,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    SequentialPipelineBlocks,
)
from brickwork.blocks import LoopSequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import Latents, PromptEmbeds, Value


class MakeText(Block):
    class Out(Outputs):
        picture: str

    def run(self, seed: int) -> Out:
        return self.Out(picture=str(seed))


class MakePicture(Block):
    class Out(Outputs):
        picture: Annotated[Tensor, Value("b 3 h w")]

    def run(self, seed: int = 0) -> Out: ...


class ReadPicture(Block):
    class Out(Outputs):
        mean: float

    def run(self, picture: Annotated[Tensor, Value("b c h w")]) -> Out: ...


class ReadFour(Block):
    def run(self, picture: Annotated[Tensor, Value("b 4 h w")]) -> None: ...


class ReadRows(Block):
    def run(self, picture: Annotated[Tensor, Value("b width")]) -> None: ...


def faults_of(blocks: ModularPipelineBlocks, *given: str) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as caught:
        blocks.plan(given)
    return caught.value.faults


def test_a_producer_of_another_type_is_named_with_both_paths_and_types() -> None:
    (fault,) = faults_of(chain(make=MakeText, read=ReadPicture), "seed")
    assert "read needs 'picture' as Tensor[b c h w]" in fault
    assert "make gives str" in fault
    assert "Convert it" in fault


@pytest.mark.parametrize(("reader", "words"), [(ReadFour, "size 3, not 4"), (ReadRows, "4 of them; [b width] are 2")])
def test_dimensions_that_cannot_agree(reader: type[Block], words: str) -> None:
    (fault,) = faults_of(chain(make=MakePicture, read=reader), "seed")
    assert words in fault


def test_all_faults_come_together_with_the_missing_inputs() -> None:
    blocks = chain(make=MakeText, read=ReadPicture, rows=ReadRows)
    faults = faults_of(blocks)
    assert len(faults) == 3
    assert "make needs 'seed' (int)" in faults[-1]


def test_a_value_that_is_written_only_later_says_so() -> None:
    with pytest.raises(InputError, match="make writes it, but only later: move that before read") as caught:
        chain(read=ReadPicture, make=MakePicture).plan()
    assert "read needs 'picture'" in str(caught.value)


def test_types_that_overlap_are_no_fault_and_what_may_not_fit_is_warned_of() -> None:
    class Wide(Block):
        class Out(Outputs):
            x: int | str | None

        def run(self) -> Out: ...

    class Narrow(Block):
        def run(self, x: int) -> None: ...

    assert chain(wide=Wide, narrow=Narrow).plan().warnings == (
        (
            "narrow needs 'x' as int, and wide may give str or None: it declares int | str | None. Declare 'x' so in narrow, too, change "
            "what wide declares, or convert it in a block between the two."
        ),
    )


class ForeignText(ModularPipelineBlocks):
    """Written as properties: its types are hints."""

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("picture", str)]

    def __call__(self, components: Any, state: Any) -> Any: ...


class ForeignReader(ModularPipelineBlocks):
    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("picture", int, required=True)]

    def __call__(self, components: Any, state: Any) -> Any: ...


def test_hints_of_foreign_blocks_only_warn() -> None:
    for blocks in (chain(make=ForeignText, read=ReadPicture), chain(make=MakeText, read=ForeignReader)):
        (warning,) = blocks.plan(["seed"]).warnings
        assert "read needs 'picture'" in warning


def test_every_producer_that_can_reach_a_read_is_checked() -> None:
    class Either(ConditionalPipelineBlocks):
        block_classes = [MakePicture, MakeText]
        block_names = ["picture", "text"]
        block_trigger_inputs = ["seed"]
        default_block_name = "picture"

        def select_block(self, seed: int | None) -> str | None:
            return "text" if seed else None

    (fault,) = faults_of(chain(make=Either, read=ReadPicture), "seed")
    assert "make.text gives str" in fault


def test_what_a_loop_carries_is_checked() -> None:
    class Turn(Block):
        class Out(Outputs):
            x: str

        def run(self, x: int) -> Out: ...

    class Repeat(LoopSequentialPipelineBlocks):
        block_classes = [Turn]
        block_names = ["iteration"]

        class Vars(Outputs):
            i: int

        def iterate(self) -> Iterator[Vars]: ...

    (fault,) = faults_of(chain(repeat=Repeat), "x")
    assert "repeat.iteration needs 'x' as int, and repeat.iteration gives str" in fault


def test_defaults_that_contradict_each_other() -> None:
    class One(Block):
        def run(self, steps: int = 1) -> None: ...

    class Two(Block):
        def run(self, steps: int = 2) -> None: ...

    (fault,) = faults_of(chain(one=One, two=Two))
    assert "'steps' is 1 for one and 2 for two" in fault
    assert chain(one=One, two=Two).plan(["steps"]).warnings == ()
    assert chain(one=One, again=One).plan().warnings == ()


def test_work_that_nobody_can_read_is_a_warning() -> None:
    (warning,) = chain(make=MakePicture, again=MakePicture, read=ReadPicture).plan().warnings
    assert "make writes 'picture', which nobody reads before it is written again" in warning


def test_a_block_after_its_only_reader_is_a_warning() -> None:
    class Hint(Block):
        def run(self, picture: Annotated[Tensor, Value("b c h w")] | None = None) -> None: ...

    (warning,) = chain(hint=Hint, make=MakePicture).plan().warnings
    assert "make writes 'picture' after hint read it" in warning
    assert chain(make=MakePicture, hint=Hint).plan().warnings == ()


def test_decoding_before_denoising_is_a_warning() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.insert_before("denoise", "early", blocks.pop("decode"))
    (warning,) = blocks.plan(["prompt"]).warnings
    assert "denoise.after_denoiser writes 'latents' after early read it" in warning


def test_a_preset_that_ends_early_is_fine() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.pop("decode")
    assert blocks.plan(["prompt"]).warnings == ()


def test_embeddings_are_no_latents() -> None:
    class Confuse(Block):
        class Out(Outputs):
            latents: PromptEmbeds

        def run(self, latents: Latents) -> Out: ...

    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.insert_before("decode", "confuse", Confuse)
    (fault,) = faults_of(blocks, "prompt")
    assert "decode needs 'latents'" in fault
    assert "confuse gives Tensor[b tokens width]" in fault


class HintsNumbers(ModularPipelineBlocks):
    """A block whose types are hints, as those of diffusers' blocks."""

    inputs = [InputParam("seed", type_hint=int, required=True)]
    intermediate_outputs = [OutputParam("number", type_hint=int), OutputParam("other", type_hint=int)]

    def __call__(self, components: Any, state: Any) -> Any:
        return components, state


class HintsTexts(ModularPipelineBlocks):
    inputs = [InputParam("number", type_hint=str, required=True)]

    def __call__(self, components: Any, state: Any) -> Any:
        return components, state


class HintsOtherTexts(HintsTexts):
    inputs = [InputParam("other", type_hint=str, required=True)]


def test_opening_says_a_warning_once_for_all_blocks_that_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    blocks = chain(make=HintsNumbers, one=HintsTexts, two=HintsTexts, other=HintsOtherTexts, three=HintsTexts)
    report = blocks.check()
    assert [text.partition(" as ")[0] for text in report.warnings] == [
        "one needs 'number'",
        "two needs 'number'",
        "other needs 'other'",
        "three needs 'number'",
    ]
    with caplog.at_level(logging.WARNING, logger="brickwork"):
        blocks.init_pipeline()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"{report.warnings[0]} (And 2 more like it, of other blocks: blocks.check() lists them.)",
        report.warnings[2],
    ]
