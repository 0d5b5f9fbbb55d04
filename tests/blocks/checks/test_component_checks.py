"""What blocks say of components beside each other, and classes where objects are meant."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from toy_blocks import AddOne, chain

from brickwork import (
    Block,
    BrickworkError,
    ClassifierFreeGuidance,
    ComponentError,
    ComponentSpec,
    DeclarationError,
    Outputs,
    component,
    config,
)
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS, with_adapter, with_control, with_refiner
from brickwork.state.errors import is_slip


class Net:
    """A component of one's own."""


class Wide(Net):
    """Another that serves for it."""


class Clock:
    """One that does not."""


class _Reads(Block):
    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=x)


class Scaler(_Reads):
    net: Net = component()


class Slipped(_Reads):
    nett: Net = component()


class Made(_Reads):
    net: Net = component(config={"width": 1})


class Guided(_Reads):
    guider: ClassifierFreeGuidance = component()


class GuidedBy(_Reads):
    guider: ClassifierFreeGuidance = component(config={"guidance_scale": 3.0})


class Configured(_Reads):
    net: bool = config(True)


def test_a_component_with_and_without_weights_is_warned_of() -> None:
    for parts in ({"one": Made, "two": Scaler}, {"two": Scaler, "one": Made}):
        report = chain(**parts).check()
        assert report.faults == ()
        (said,) = report.warnings
        assert said.startswith("one makes 'net' from {'width': 1}, without weights, and two asks for it without")
        assert "component(config={'width': 1})" in said


@pytest.mark.parametrize("parts", [{"a": GuidedBy, "b": Guided}, {"a": Made, "b": Made}, {"a": Scaler, "b": Scaler}])
def test_components_that_say_the_same_or_have_no_weights_are_no_alarm(parts: Any) -> None:
    report = chain(**parts).check()
    assert (report.faults, report.warnings) == ((), ())


def test_a_name_for_a_component_and_a_config_is_a_fault() -> None:
    (said,) = chain(one=Scaler, two=Configured).check().faults
    assert "one has a component 'net', and two a config of that name" in said


def test_a_slot_that_is_nearly_another_is_warned_of_and_named_where_it_lacks() -> None:
    blocks = chain(one=Scaler, inner=chain(two=Slipped))
    (said,) = blocks.check().warnings
    assert said.startswith("inner.two asks for the component 'nett', and one for 'net'. Is one of them misspelt?")
    pipe = blocks.init_pipeline()
    pipe.update_components(net=Net())
    with pytest.raises(ComponentError, match="Not loaded: nett.*inner.two asks for 'nett'. Did you mean 'net'?"):
        pipe(x=1)


SLIPS = [("net", "nett"), ("unet", "unett"), ("unet", "uent"), ("scheduler", "schedular"), ("scheduler", "shceduler"), ("text_encoder", "text_encodr"), ("text_encoder", "text_encooder"), ("tokenizer_2", "tokeniser_2")]  # fmt: skip
MEANT = [("net", "unet"), ("net", "net"), ("net", "next"), ("text_encoder", "text_encoder_2"), ("text_encoder_2", "text_encoder_3"), ("vae", "vaes"), ("adapter_a", "adapters_a"), ("net_a", "net_b"), ("encoder", "decoder"), ("vae", "vqvae"), ("a", "aa"), ("ab", "ba"), ("cat", "car"), ("prior", "prior_"), ("x1", "x2"), ("net", "netting"), ("step_1", "step1_"), ("model1x", "modelx1")]  # fmt: skip


@pytest.mark.parametrize(("pair", "slip"), [*((pair, True) for pair in SLIPS), *((pair, False) for pair in MEANT)])
def test_a_slip_is_told_from_names_that_are_meant(pair: tuple[str, str], slip: bool) -> None:
    assert is_slip(*pair) is slip
    assert is_slip(*reversed(pair)) is slip


def test_a_slot_that_was_not_called_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Bare: net is the function `component`.*net: ... = component\(\)"):

        class Bare(_Reads):
            net: Net = component

    with pytest.raises(
        DeclarationError, match=r"Plain: strong is the function `config`.*strong: ... = config\(default\)"
    ):

        class Plain(_Reads):
            strong: bool = config  # type: ignore[assignment]  # that is the test


def test_an_object_for_a_type_is_refused_also_where_annotations_are_text() -> None:
    class Odd(_Reads):
        net: Net() = component()  # type: ignore[valid-type]  # that is the test

    with pytest.raises(DeclarationError, match="Odd: the annotation of the component 'net' is a Net, and no type"):
        chain(odd=Odd).check()


@pytest.mark.parametrize("given", [Net, Wide, [Net()] and [Net], ClassifierFreeGuidance])
def test_a_class_for_a_component_of_a_block_is_refused(given: Any) -> None:
    with pytest.raises(
        DeclarationError, match=r"Scaler: net is the class \w+; give an object of it, Scaler\(net=\w+\("
    ):
        Scaler(net=given)


def test_a_class_that_stands_for_a_component_as_it_is_is_taken() -> None:
    assert Scaler(net=Clock).run(x=1).x == 1


@pytest.mark.parametrize("given", [Net(), ComponentSpec("net", Net), 3, [Net]])
def test_a_spec_of_an_object_is_refused(given: Any) -> None:
    with pytest.raises(ComponentError, match=r"ComponentSpec\('net'\): type_hint is .*, and no class"):
        ComponentSpec("net", given)


@pytest.mark.parametrize("hint", [None, Net, "diffusers:UNet2DConditionModel", Net | None, Any, list[Net]])
def test_a_spec_takes_what_stands_for_a_type(hint: Any) -> None:
    assert ComponentSpec("net", hint)._type_hint is hint


class AutoModel:
    """Loads any class."""


def test_a_spec_of_another_class_does_not_take_the_place_of_a_component() -> None:
    pipe = chain(one=Scaler).init_pipeline()
    with pytest.raises(ComponentError, match="'net' expects a Net, and got a spec of a Clock"):
        pipe.update_components(net=ComponentSpec("net", Clock))
    for fitting in (Net, Wide, AutoModel, None, "nowhere:Other"):
        pipe.update_components(net=ComponentSpec("net", fitting))
        assert pipe.get_component_spec("net")._type_hint is fitting


SAID: dict[str, tuple[Callable[[], Any], str]] = {
    "bind of a name": (lambda: AddOne.bind("stable-difusion-xl"), r"AddOne.bind\(\) takes the contract.*'stable-difusion-xl' \(str\).*get\('stable-diffusion-xl'\)"),  # type: ignore[arg-type]
    "bind of None": (lambda: AddOne.bind(None), r"was given None \(NoneType\)"),  # type: ignore[arg-type]
    "bind of a class": (lambda: AddOne.bind(Net), "was given the class Net"),  # type: ignore[arg-type]
    "bind of nothing": (lambda: AddOne.bind(), "was given nothing"),
    "run of nothing": (lambda: AddOne().run(), "AddOne.run needs 'x', which was not given: pass x=..."),
    "run of another": (lambda: AddOne().run(x=1, z=2), "AddOne.run has no input 'z'. There are: x."),
    "run of too many": (lambda: AddOne().run(1, 2), r"AddOne.run takes 1 by position \(x\), and got 2"),
    "run of one twice": (lambda: AddOne().run(1, x=2), "AddOne.run got 'x' twice: by position, and by name"),
    "a device": (lambda: AddOne().init_pipeline(device="cuda"), r"init_pipeline\(\) takes no 'device'. In place of device: pipe.to"),
    "an input": (lambda: AddOne().init_pipeline(x=1), r"takes no 'x'. It is an input of a call: pipe\(x=...\)"),
    "a component": (lambda: Scaler().init_pipeline(net=1), r"takes no 'net'. It is a component: pipe.update_components\(net=...\)"),
    "a near argument": (lambda: AddOne().init_pipeline(dtyp=1), r"takes no 'dtyp'. Did you mean 'dtype'"),
    "a component at the call": (lambda: chain(a=Scaler).init_pipeline()(x=1, net=Net()), r"'net' is no input.*update_components\(net=...\)"),
    "a component for a config": (lambda: chain(a=Scaler).init_pipeline().update_config(net=1), r"no config 'net'.*update_components\(net=...\)"),
    "a number for an output": (lambda: chain(a=AddOne).init_pipeline()(x=1, output=3), "output is 3; it is the name of a value.*There are: x"),
    "numbers for outputs": (lambda: chain(a=AddOne).init_pipeline()(x=1, output=[1]), r"output is list of 1: 1; it is the name of a value"),
    "control of a list": (lambda: with_control(list(TEXT2IMAGE_BLOCKS)), r"with_control\(blocks\) takes a dict.*a list"),  # type: ignore[arg-type]
    "an adapter of a block": (lambda: with_adapter(TEXT2IMAGE_BLOCKS["denoise"]), r"with_adapter\(blocks\).*SDXLDenoise"),  # type: ignore[arg-type]
    "a refiner of a family": (lambda: with_refiner(refiner=3), r"with_refiner\(refiner=...\) takes a dict.*REFINER_BLOCKS.*3 \(int\)"),  # type: ignore[arg-type]
    "a refiner of blocks": (lambda: with_refiner([]), r"with_refiner\(blocks\) takes a dict.*a list"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_is_given_in_the_wrong_place_is_answered_with_what_to_type(name: str) -> None:
    call, said = SAID[name]
    with pytest.raises(BrickworkError, match=f"(?s){said}"):
        call()


def test_an_output_that_a_block_does_not_have_names_those_that_it_has() -> None:
    made = AddOne().run(x=1)
    with pytest.raises(AttributeError, match="AddOne.Out has no output 'y'. There are: x."):
        made.y
    assert not hasattr(made, "__wrapped__")


def test_a_method_of_the_base_is_called_with_what_it_takes() -> None:
    class More(AddOne):
        def run(self, x: int, more: int) -> AddOne.Out:  # type: ignore[override]  # as authors do
            return self.Out(x=super().run(x).x + more)

    assert More().run(x=1, more=2).x == 4


def test_warnings_of_the_check_are_logged_when_a_pipeline_is_made(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "brickwork"):
        chain(one=Scaler).init_pipeline()
        assert caplog.messages == []
        blocks = chain(one=Scaler, two=Slipped)
        blocks.init_pipeline()
    assert caplog.messages == list(blocks.check().warnings)
    assert len(caplog.messages) == 1


class Batch(Block):
    class Out(Outputs):
        size: int
        kind: str

    def run(self) -> Out:
        return self.Out(size=1, kind="a")


class First(Block):
    class Out(Outputs):
        kind: str

    def run(self) -> Out:
        return self.Out(kind="a")


class Kind(Block):
    class Out(Outputs):
        first: str

    def run(self, kind: str = "b") -> Out:
        return self.Out(first=kind)


class Size(Block):
    class Out(Outputs):
        second: int

    def run(self, size: int) -> Out:
        return self.Out(second=size)


def test_a_value_that_comes_with_one_that_is_needed_is_no_late_one() -> None:
    assert chain(a=First, b=Kind, c=Batch, d=Size).check().warnings == ()
    # Nothing of it is needed behind, or nobody gives the earlier reader one: it stands in the wrong place.
    assert "c writes 'kind' after b read it" in chain(a=First, b=Kind, c=Batch).check().warnings[-1]
    assert "c writes 'kind' after b read it" in chain(b=Kind, c=Batch, d=Size).check().warnings[-1]
