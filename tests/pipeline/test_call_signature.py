"""Python's own help, completion and Shift-Tab know what one pipeline takes."""

from __future__ import annotations

import inspect
import pydoc
import rlcompleter
from inspect import Parameter
from typing import Any

import pytest
import torch
from attrs import fields
from toy_blocks import AddOne, Repeat, Start, pipeline

from brickwork import Block, Guider, InputError, ModularPipeline, Outputs, PipelineState
from brickwork.engine import RunSettings
from brickwork.pipeline.event_stream import EventStream


class Noise(Block):
    """Makes noise."""

    class Out(Outputs):
        noise: torch.Tensor

    def run(self, generator: torch.Generator, size: int, scale: float = 2.0) -> Out: ...


def shown(signature: inspect.Signature) -> list[str]:
    return [str(parameter) for parameter in signature.parameters.values()]


def test_a_pipeline_has_the_signature_of_its_call() -> None:
    signature = inspect.signature(pipeline(noise=Noise))
    assert shown(signature) == [
        "generator: torch._C.Generator = None",
        "seed: int | list[int] | None = None",
        "size: int",
        "scale: float = 2.0",
        "output: str | list[str] | None = None",
        "state: brickwork.state.pipeline_state.PipelineState | None = None",
    ]
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    assert kinds == [Parameter.POSITIONAL_OR_KEYWORD] + [Parameter.KEYWORD_ONLY] * 5


def test_what_a_signature_says_is_what_a_call_takes() -> None:
    pipe = pipeline(first=AddOne, loop=Repeat.from_blocks_dict({"add": AddOne}))
    bound = inspect.signature(pipe).bind(1, times=2, output="x")
    assert pipe(*bound.args, **bound.kwargs) == 4
    with pytest.raises(TypeError):
        inspect.signature(pipe).bind(1, time=2)
    with pytest.raises(TypeError):
        inspect.signature(pipe).bind(times=2)


def test_the_prompt_comes_first_and_guiders_are_there(tiny_pipe: ModularPipeline) -> None:
    parameters = inspect.signature(tiny_pipe).parameters
    assert next(iter(parameters)) == "prompt"
    assert parameters["guider"].annotation == Guider | str | None
    assert parameters["state"].annotation == PipelineState | None
    # All workflows at once: prompts or embeddings.
    assert {"prompt", "prompt_embeds", "num_inference_steps", "seed"} <= parameters.keys()
    assert parameters["num_inference_steps"].default == 50


def test_a_seed_of_a_blocks_own_is_said_once() -> None:
    assert shown(inspect.signature(pipeline(start=Start)))[0] == "seed: int"
    assert len([name for name in inspect.signature(pipeline(start=Start)).parameters if name == "seed"]) == 1


def test_values_that_the_pipeline_gives_itself_are_its_defaults() -> None:
    pipe = pipeline(noise=Noise)
    pipe.input_defaults = {"size": 7, "scale": 0.5}
    parameters = inspect.signature(pipe).parameters
    assert (parameters["size"].default, parameters["scale"].default) == (7, 0.5)


def test_an_edit_of_the_blocks_is_seen_at_once() -> None:
    pipe = pipeline(noise=Noise)
    pipe.blocks.sub_blocks["add"] = AddOne()
    assert "x" in inspect.signature(pipe).parameters


@pytest.mark.parametrize("name", ["stream", "start"])
def test_what_runs_the_blocks_shows_what_a_call_takes(name: str) -> None:
    pipe = pipeline(noise=Noise)
    signature = inspect.signature(getattr(pipe, name))
    assert shown(signature) == shown(inspect.signature(pipe))
    assert inspect.ismethod(getattr(pipe, name))
    assert getattr(pipe, name).__self__ is pipe
    assert getattr(pipe, name).__doc__ == getattr(ModularPipeline, name).__doc__
    assert name in pydoc.render_doc(getattr(pipe, name), renderer=pydoc.plaintext)


def test_return_types_stay() -> None:
    assert inspect.signature(pipeline(noise=Noise).stream).return_annotation == EventStream.__name__


def test_configure_shows_all_settings_with_their_defaults() -> None:
    parameters = inspect.signature(pipeline(noise=Noise).configure).parameters
    assert list(parameters) == [each.name for each in fields(RunSettings)]
    usual = RunSettings()
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        name: getattr(usual, name) for name in parameters
    }
    assert parameters["check_values"].annotation is bool


def test_update_components_and_configs_show_those_that_there_are(tiny_pipe: ModularPipeline) -> None:
    parameters = inspect.signature(tiny_pipe.update_components).parameters
    assert list(parameters) == tiny_pipe.component_names
    assert parameters["unet"].annotation is type(tiny_pipe.unet)
    assert shown(inspect.signature(tiny_pipe.update_config)) == ["force_zeros_for_empty_prompt: bool = True"]


def test_a_class_is_as_it_is_written() -> None:
    assert list(inspect.signature(ModularPipeline).parameters)[:2] == ["blocks", "pretrained_model_name_or_path"]
    assert list(inspect.signature(ModularPipeline.stream).parameters) == ["self", "first", "output", "state", "inputs"]
    assert (ModularPipeline.__doc__ or "").startswith("Runs blocks.")
    assert "stream(self, first" in pydoc.render_doc(ModularPipeline, renderer=pydoc.plaintext)


def test_help_of_a_pipeline_lists_its_inputs() -> None:
    pipe = pipeline(noise=Noise)
    text = pydoc.render_doc(pipe, renderer=pydoc.plaintext)
    assert "Makes noise" in text
    assert "scale (float, default 2.0)" in text
    assert pipe.__doc__ == pipe.doc


def test_completion_knows_components(tiny_pipe: ModularPipeline) -> None:
    found = rlcompleter.Completer({"pipe": tiny_pipe}).attr_matches("pipe.une")  # type: ignore[no-untyped-call]
    assert found == ["pipe.unet("]
    assert {"vae", "scheduler", "configure"} <= set(dir(tiny_pipe))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("device", "In place of device: pipe.to(device)."),
        ("devices", "In place of devices: ModularPipeline.from_pretrained(..., components_manager=manager), and manager.enable_auto_cpu_offload(devices=[...])."),
        ("dtype", "In place of dtype: pipe.to('fp16'), or from_pretrained(..., torch_dtype=...)."),
        ("unet", "It is a component: update_components(unet=...), before the call."),
        ("num_inference_steps", "It is an input of a call: pipe(num_inference_steps=...)."),
        ("progres", "Did you mean 'progress'?"),
    ],
)  # fmt: skip
def test_what_is_no_setting_is_answered_with_where_it_is_said(tiny_pipe: ModularPipeline, name: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        tiny_pipe.configure(**{name: ["cpu"]})
    assert str(caught.value) == f"There is no setting {name!r}. {said}"


def test_decorated_methods_do_what_they_did() -> None:
    pipe: Any = pipeline(noise=Noise)
    with pytest.raises(InputError, match="There is no setting 'progres'"):
        pipe.configure(progres=False)
    pipe.configure(progress=False)
    assert pipe.settings.progress is False

    class Mine(ModularPipeline):
        def configure(self, **changes: Any) -> None:
            super().configure(**changes, check_values=False)

    mine = Mine(pipe.blocks)
    mine.configure(progress=True)
    assert (mine.settings.progress, mine.settings.check_values) == (True, False)
