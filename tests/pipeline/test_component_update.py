"""Components that are replaced: as attributes, and in wrappers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from brickwork import Block, ComponentError, ModularPipeline, Outputs, component
from brickwork.pipeline import names_of_diffusers

CALL: dict[str, Any] = {"num_inference_steps": 2, "height": 64, "width": 64, "seed": 1, "output": "images"}


def test_an_attribute_is_the_component_of_the_run(tiny_pipe: ModularPipeline) -> None:
    before = tiny_pipe("a cat", **CALL)[0].tobytes()
    other = copy.deepcopy(tiny_pipe.unet)
    with torch.no_grad():
        other.conv_out.weight.mul_(-1)
    tiny_pipe.unet = other
    assert tiny_pipe.components["unet"] is other
    assert "unet" not in vars(tiny_pipe)
    assert tiny_pipe("a cat", **CALL)[0].tobytes() != before
    tiny_pipe.unet = None
    with pytest.raises(ComponentError, match="Not loaded: unet"):
        tiny_pipe("a cat", **CALL)


def test_other_attributes_stay_plain(tiny_pipe: ModularPipeline) -> None:
    made: Any = tiny_pipe
    made.remark = "mine"
    assert vars(tiny_pipe)["remark"] == "mine"


def test_a_model_is_moved_only_where_it_is_not_there(
    tiny_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[object] = []
    model, to = copy.deepcopy(tiny_pipe.unet), type(tiny_pipe.unet).to
    monkeypatch.setattr(type(model), "to", lambda self, *given: (moved.append(given), to(self, *given))[1])
    tiny_pipe.update_components(unet=model)
    assert not moved
    # One buffer elsewhere is enough.
    model.register_buffer("table", torch.zeros(2, device="meta"))
    with pytest.raises(NotImplementedError, match="meta"):
        tiny_pipe.update_components(unet=model)
    assert moved == [(torch.device("cpu"),)]


def test_an_assignment_asks_no_class_for_near_names(
    tiny_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a pipeline assigns some fifty attributes."""
    monkeypatch.setattr(names_of_diffusers, "nearest", lambda *_: pytest.fail("near names were looked for"))
    made: Any = tiny_pipe
    made.remark, tiny_pipe.unet = "mine", tiny_pipe.unet
    assert made.remark == "mine"


def test_a_compiled_network_counts_as_what_it_wraps(tiny_pipe: ModularPipeline) -> None:
    before, whole = tiny_pipe("a cat", **CALL)[0].tobytes(), tiny_pipe.unet
    origin = tiny_pipe.index["unet"]
    compiled = torch.compile(whole, backend="eager")
    for _ in range(2):  # the second time, a compiled one is there already
        tiny_pipe.unet = compiled
        assert tiny_pipe.unet is compiled
        assert tiny_pipe.index["unet"] == origin
    # Runs of compiled networks are compared in adapters/test_as_written.py.
    with torch._dynamo.config.patch(disable=True):
        assert tiny_pipe("a cat", **CALL)[0].tobytes() == before
    tiny_pipe.unet = whole
    with pytest.raises(ComponentError, match="'vae' expects an AutoencoderKL"):
        tiny_pipe.vae = compiled


def test_the_model_in_a_wrapper_of_several_devices_is_taken(tiny_pipe: ModularPipeline) -> None:
    before, whole = tiny_pipe("a cat", **CALL)[0].tobytes(), tiny_pipe.unet
    with pytest.warns(UserWarning, match="'unet' is a DataParallel.*That model is taken"):
        tiny_pipe.unet = torch.nn.DataParallel(whole)
    assert tiny_pipe.unet is whole
    assert tiny_pipe("a cat", **CALL)[0].tobytes() == before


def test_a_component_of_a_block_that_was_put_in_is_known_at_once(tiny_pipe: ModularPipeline) -> None:
    class Judge(Block):
        judge: torch.nn.Module = component()

        class Out(Outputs):
            score: float

        def run(self, images: Any) -> Out:
            return self.Out(score=1.0)

    tiny_pipe.blocks.insert_after("decode", "judge", Judge)
    with pytest.raises(ComponentError, match=r"no component 'jugde'.*'judge'"):
        tiny_pipe.update_components(jugde=torch.nn.Identity())
    tiny_pipe.update_components(judge=torch.nn.Identity())
    assert tiny_pipe("a cat", num_inference_steps=1, output="score") == 1.0
