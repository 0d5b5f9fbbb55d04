"""The signature face: a block's `run` is its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args

import pytest
import torch
from torch import Tensor

from brickwork import (
    Block,
    ComponentError,
    CompositionError,
    DeclarationError,
    Outputs,
    PipelineState,
    RunError,
    SequentialPipelineBlocks,
    component,
    config,
)
from brickwork.families.sdxl import SDXL
from brickwork.state import Conditioning, Group
from brickwork.state.vocabulary import Latents, NegativePrompt, Prompt

if TYPE_CHECKING:
    from fractions import Fraction


class Scale(Block):
    """Multiply latents."""

    factor: float = 2.0
    offset: Fraction = component(config={"numerator": 1, "denominator": 2}, doc="Added at the end.")
    clamp: bool = config(False, doc="Keep results below one.")

    class Out(Outputs):
        scaled: Latents
        count: int

    def run(self, latents: Latents, times: int = 1, name: str | None = None) -> Out:
        result = latents * self.factor**times + float(self.offset)
        return self.Out(scaled=result.clamp(max=1) if self.clamp else result, count=times)


def test_the_signature_declares_inputs_and_outputs() -> None:
    block = Scale()
    required = {param.name: param.required for param in block.inputs}
    assert required == {"latents": True, "times": False, "name": False}
    assert {param.name: param.default for param in block.inputs}["times"] == 1
    assert [output.name for output in block.intermediate_outputs] == ["scaled", "count"]
    assert block.inputs[0].description.startswith("Noisy latents")
    assert block.required_inputs == ["latents"]


def test_class_attributes_declare_components_configs_and_options() -> None:
    from fractions import Fraction

    block = Scale(factor=3.0)
    (spec,) = block.expected_components
    assert (spec.name, spec.type_hint, spec.description) == ("offset", Fraction, "Added at the end.")
    assert spec.default_creation_method == "from_config"
    (setting,) = block.expected_configs
    assert (setting.name, setting.default) == ("clamp", False)
    assert block.options == {"factor": 3.0}


ONE = torch.ones(1, 1, 1, 1)


def test_a_block_runs_without_a_pipeline() -> None:
    out = Scale(offset=1.0).run(ONE, times=2)
    assert out.scaled.item() == 5.0
    assert Scale(offset=1.0, clamp=True).run(ONE).scaled.item() == 1.0


def test_a_definition_says_that_it_holds_no_component() -> None:
    with pytest.raises(ComponentError, match=r"Scale is a definition and holds no 'offset'.*Scale\(offset=...\)"):
        Scale().run(ONE)


def test_components_and_options_are_frozen() -> None:
    with pytest.raises(AttributeError, match=r"Scale.factor is frozen"):
        Scale().factor = 1.0  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        Scale().offset = 1.0


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(DeclarationError, match="Scale takes no 'facto'. Did you mean 'factor'?"):
        Scale(facto=1)  # type: ignore[call-arg]


def test_a_required_option_is_asked_for() -> None:
    class Needs(Block):
        amount: int

        def run(self, x: int) -> None: ...

    with pytest.raises(DeclarationError, match="needs the option 'amount'"):
        Needs()  # type: ignore[call-arg]
    assert Needs(amount=1).options == {"amount": 1}


def test_all_faults_of_a_declaration_are_named_at_class_creation() -> None:
    with pytest.raises(DeclarationError) as caught:

        class Wrong(Block):
            vae = component()

            def run(self, latents, *more: int, **rest: int):  # type: ignore[no-untyped-def]
                return None

    text = str(caught.value)
    assert "4 faults" not in text
    for fault in ("'latents' has no type annotation", "*more", "**rest", "no return annotation", "'vae' has no type"):
        assert fault in text


def test_a_return_annotation_must_be_the_declared_outputs() -> None:
    with pytest.raises(DeclarationError, match="returns 'int', but the class declares no Out"):

        class NoOut(Block):
            def run(self, x: int) -> int:
                return x

    with pytest.raises(DeclarationError, match="returns None, but Out declares outputs"):

        class Forgot(Block):
            class Out(Outputs):
                y: int

            def run(self, x: int) -> None: ...


def test_a_block_without_run_is_refused() -> None:
    with pytest.raises(DeclarationError, match="defines no `run`"):

        class Nothing(Block): ...


def test_an_input_cannot_share_a_components_name() -> None:
    with pytest.raises(DeclarationError, match="'vae' is both a component and an input"):

        class Twice(Block):
            vae: int = component()

            def run(self, vae: int) -> None: ...


def test_run_must_return_its_own_outputs() -> None:
    class Lies(Block):
        class Out(Outputs):
            y: int

        def run(self, x: int) -> Out:
            return {"y": x}  # type: ignore[return-value]

    with pytest.raises(RunError, match=r"Lies.run must return .*Out, and returned {'y': 1}") as caught:
        SequentialPipelineBlocks.from_blocks_dict({"lies": Lies}).init_pipeline()(x=1)
    assert "In block lies" in caught.value.__notes__[0]


def test_a_bound_block_cannot_be_composed() -> None:
    with pytest.raises(CompositionError, match=r"'scale' holds components of its own.*Scale\(\)"):
        SequentialPipelineBlocks.from_blocks_dict({"scale": Scale(offset=1.0)})


def test_a_signature_block_runs_inside_of_foreign_code() -> None:
    class Components:
        offset = 1.0

        class config:
            clamp = False

    state = PipelineState({"latents": torch.ones(1)})
    components, same = Scale()(Components(), state)
    assert same is state
    assert state.scaled.item() == 3.0
    with pytest.raises(RunError, match="Scale needs 'latents'"):
        Scale()(Components(), PipelineState())


def test_a_block_without_outputs_returns_nothing() -> None:
    seen: list[Any] = []

    class Look(Block):
        def run(self, x: Tensor) -> None:
            seen.append(x)

    SequentialPipelineBlocks.from_blocks_dict({"look": Look}).init_pipeline()(x=torch.ones(1))
    assert len(seen) == 1


def test_of_very_many_unknown_options_the_first_are_named_and_the_rest_counted() -> None:
    few = {f"x{number:02}": 0 for number in range(20)}
    with pytest.raises(DeclarationError) as caught:
        Scale(**few)
    assert all(f"takes no {name!r}" in str(caught.value) for name in few)
    assert "others" not in str(caught.value)
    with pytest.raises(DeclarationError, match=r"takes no 'x19'.* And so with 1 others\.$") as caught:
        Scale(**few, x20=0)
    assert "'x20'" not in str(caught.value)


class WriteNegatives(Block):
    """Say what nobody wants to see."""

    class Out(Outputs):
        negatives: Annotated[Conditioning, Group("prompts")]

    def run(self, given: Annotated[Conditioning, Group("prompts")]) -> Out:
        return self.Out(negatives=given)


def test_a_negative_value_means_the_same_as_input_and_output() -> None:
    block = WriteNegatives.bind(SDXL)()
    read = {param.name: param for param in block.inputs}
    written = {param.name: param for param in block.intermediate_outputs}
    assert read.keys() == written.keys()
    assert written["negative_prompt"].type_hint == NegativePrompt
    assert written["prompt"].type_hint == Prompt
    for name, param in written.items():
        assert param.description == read[name].description
        assert param.type_hint in (read[name].type_hint, *get_args(read[name].type_hint))


class WriteNegativesAndMore(WriteNegatives):
    """Say that, and how many there are."""

    class Out(WriteNegatives.Out):
        count: int

    def run(self, given: Annotated[Conditioning, Group("prompts")]) -> Out:
        return self.Out(negatives=given, count=len(given))


def test_a_group_that_an_out_has_from_the_one_it_derives_from_is_written_by_its_names() -> None:
    pipe = WriteNegativesAndMore.bind(SDXL)().init_pipeline()
    state = pipe(prompt="a red apple", negative_prompt="blue")
    assert "negatives" not in state.values
    assert (state.prompt, state.negative_prompt, state.count) == ("a red apple", "blue", len(SDXL.fields("prompts")))


def test_a_class_that_is_only_there_to_derive_from_says_so() -> None:
    with pytest.raises(DeclarationError, match="^Block declares nothing itself; derive from it: class Mine"):
        Block()
