"""Networks are called through one door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from tiny_adapters import controlnet

import brickwork
from brickwork import ModularPipeline, ReplayError, SequentialPipelineBlocks
from brickwork.adapters.forward_override import override_forward
from brickwork.engine.network_calls import call_network, network_calls
from brickwork.presets.sdxl import AutoBlocks


def test_a_network_is_called_as_it_is() -> None:
    assert call_network(lambda *args, **kwargs: (args, kwargs), 1, 2, a=3) == ((1, 2), {"a": 3})


def test_the_inner_caller_is_asked_first_and_the_outer_by_it() -> None:
    asked: list[str] = []

    def caller(name: str) -> Callable[..., Any]:
        def call(proceed: Any, network: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(name)
            return proceed(network, *args, **kwargs) + name

        return call

    with network_calls(caller("outer")), network_calls(caller("inner")):
        assert call_network(str.upper, "x") == "Xouterinner"
    assert asked == ["inner", "outer"]
    assert call_network(str.upper, "x") == "X"


def test_after_an_error_calls_are_plain_again() -> None:
    with pytest.raises(ZeroDivisionError), network_calls(lambda *_: 1 / 0):  # type: ignore[arg-type,return-value]
        call_network(len, "")
    assert call_network(len, "four") == 4


@contextmanager
def calls_past_the_door() -> Iterator[list[str]]:
    """Names of modules whose forward begins outside of `call_network`."""
    inside = [0]
    past: list[str] = []

    def through(proceed: Any, network: Any, *args: Any, **kwargs: Any) -> Any:
        inside[0] += 1
        try:
            return proceed(network, *args, **kwargs)
        finally:
            inside[0] -= 1

    def seen(module: torch.nn.Module, _: Any) -> None:
        if not inside[0]:
            past.append(type(module).__name__)

    hook = torch.nn.modules.module.register_module_forward_pre_hook(seen)
    try:
        with network_calls(through):
            yield past
    finally:
        hook.remove()


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"image": True, "strength": 0.5},
        {"image": True, "mask_image": True, "strength": 0.7},
        {"control_image": True},
        {"negative_prompt": "dark", "guidance_scale": 4.0},
    ],
    ids=lambda inputs: "+".join(inputs) or "text",
)
def test_every_task_calls_its_networks_through_the_door(inputs: dict[str, Any], tiny_auto: ModularPipeline) -> None:
    image = Image.new("RGB", (64, 64), (190, 160, 200))
    given = {name: image if value is True else value for name, value in inputs.items()}
    with calls_past_the_door() as past:
        tiny_auto(prompt="a cat", num_inference_steps=2, height=64, width=64, output="images", **given)
    assert past == []


def test_the_check_notices_a_call_past_the_door() -> None:
    with calls_past_the_door() as past:
        torch.nn.Linear(1, 1)(torch.zeros(1))
        call_network(torch.nn.Linear(1, 1), torch.zeros(1))
    assert past == ["Linear"]


def test_a_caller_counts_the_calls_of_a_run() -> None:
    counts: dict[str, int] = {}

    def counted(proceed: Any, network: Any, *args: Any, **kwargs: Any) -> Any:
        name = type(getattr(network, "__self__", network)).__name__
        counts[name] = counts.get(name, 0) + 1
        return proceed(network, *args, **kwargs)

    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    with network_calls(counted):
        pipe(prompt="a red circle", num_inference_steps=3, output="images")
    assert counts["UNet2DConditionModel"] == 3
    assert counts["AutoencoderKL"] == 1


@pytest.fixture
def tiny_auto(tiny_folder: Any, tiny_pipe: ModularPipeline) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(dict(AutoBlocks().sub_blocks)).init_pipeline(str(tiny_folder))
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    pipe.update_components(**parts, controlnet=controlnet(tiny_pipe.unet))
    pipe.configure(progress=False)
    return pipe


def darker(proceed: Any, network: Any, *args: Any, **kwargs: Any) -> Any:
    found = proceed(network, *args, **kwargs)
    return (found[0] * 0.5, *found[1:]) if isinstance(network, UNet2DConditionModel) else found


def looking_on(proceed: Any, network: Any, *args: Any, **kwargs: Any) -> Any:
    return proceed(network, *args, **kwargs)


def zeros(forward: Any, *args: Any, **kwargs: Any) -> Any:
    return torch.zeros_like(forward(*args, **kwargs))


def cached_pipe() -> tuple[ModularPipeline, Callable[[], bytes]]:
    pipe = brickwork.embedded()
    pipe.configure(progress=False, cache="memory")

    def drawn() -> bytes:
        image = pipe(
            prompt="a red circle", num_inference_steps=2, generator=torch.Generator().manual_seed(1), output="images"
        )[0]
        return bytes(image.tobytes())

    return pipe, drawn


@pytest.mark.parametrize("is_plain_first", [True, False])
@pytest.mark.parametrize("how", ["a caller", "a caller with a name", "a forward"])
def test_the_cache_does_not_take_a_run_with_changed_calls_for_another(how: str, is_plain_first: bool) -> None:
    pipe, drawn = cached_pipe()
    changes = {
        "a caller": lambda: network_calls(darker),
        "a caller with a name": lambda: network_calls(darker, changes="darker"),
        "a forward": lambda: override_forward([(pipe.unet.mid_block, zeros)]),
    }[how]
    plain = drawn() if is_plain_first else None
    with changes():
        changed = drawn()
        assert drawn() == changed
    assert drawn() != changed
    assert plain is None or drawn() == plain


def test_runs_that_are_only_looked_at_are_kept() -> None:
    _, drawn = cached_pipe()
    plain = drawn()
    calls: list[Any] = []

    def noted(proceed: Any, network: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(network)
        return proceed(network, *args, **kwargs)

    with network_calls(noted, changes=""):
        assert drawn() == plain
    assert calls == [], "the results were known"
    with network_calls(noted):
        assert drawn() == plain
    assert calls, "nothing tells what such a caller does"


def test_a_recipe_says_that_calls_were_changed(tmp_path: Any) -> None:
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    inputs = {"prompt": "a red circle", "num_inference_steps": 2, "output": "images"}

    def drawn() -> Any:
        return pipe(**inputs, generator=torch.Generator().manual_seed(1))[0]

    plain = drawn()
    with network_calls(darker, changes="darker"):
        named = drawn()
    with override_forward([(pipe.unet.mid_block, zeros)]):
        unknown = drawn()
    assert any("network_calls(...): darker" in words for words in brickwork.diff(plain, named))
    with pytest.raises(ReplayError, match=r"network_calls\(\.\.\.\): darker"):
        brickwork.replay(named, components=pipe)
    with pytest.raises(ReplayError, match=r"override_forward\(\.\.\.\) is active, and nothing tells what it does"):
        brickwork.replay(unknown, components=pipe)
    with network_calls(darker, changes="darker"):
        assert brickwork.replay(named, components=pipe).tobytes() == named.tobytes()
