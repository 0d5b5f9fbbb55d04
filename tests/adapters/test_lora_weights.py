"""Weights of LoRAs are read as they are said, for each LoRA and model, or refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from tiny_adapters import lora

from brickwork import InputError, ModularPipeline
from brickwork.registry.loading.base_modules import adapted_layers

NAMES = ["one", "two"]


@pytest.fixture
def pipe(tiny_pipe: ModularPipeline) -> Iterator[ModularPipeline]:
    """A pipeline with two LoRAs."""
    for seed, name in enumerate(NAMES):
        tiny_pipe.load_lora_weights(lora(tiny_pipe, seed), adapter_name=name)
    yield tiny_pipe
    tiny_pipe.unload_lora_weights()


def scales(pipe: ModularPipeline, model: str) -> dict[str, set[float]]:
    layers = [layer for _, layer in adapted_layers(pipe.components[model])]
    return {name: {layer.scaling[name] for layer in layers} for name in NAMES}


@pytest.mark.parametrize("weights", [{"unet": 0.5}, [{"unet": 0.5}, {"unet": 0.5}]])
def test_a_dict_by_model_is_for_each_lora_and_stays_as_it_was(weights: Any, pipe: ModularPipeline) -> None:
    # diffusers takes names out of it, so that the second LoRA counts in full.
    pipe.set_adapters(NAMES, weights)
    assert scales(pipe, "unet") == {name: {0.5} for name in NAMES}
    assert scales(pipe, "text_encoder") == {name: {1.0} for name in NAMES}
    assert weights in ({"unet": 0.5}, [{"unet": 0.5}, {"unet": 0.5}])
    pipe.set_adapters(NAMES, [None, 2])
    assert scales(pipe, "unet") == {"one": {1.0}, "two": {2.0}}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("0.5", r"The weight of a LoRA is '0.5' (str); it is a finite number."),
        (math.nan, "The weight of a LoRA is nan (float); it is a finite number."),
        ([1.0, math.inf], "The weight of a LoRA is inf (float); it is a finite number."),
        ({"unett": 0.5}, "A weight is for 'unett', which takes no LoRA here; there are "),
        ({"unet": {"up": math.nan}}, "The weight for unet.up is nan (float); it is a finite number."),
        (
            {"unet": {"up": {"block_0": [0.1, "x"]}}},
            "The weight for unet.up.block_0 is 'x' (str); it is a finite number.",
        ),
        ({"unet": {"upp": 0.5}}, "The weights name parts that the denoiser has not (ValueError: "),
    ],
)
def test_what_is_no_weight_is_refused_and_changes_nothing(weights: Any, message: str, pipe: ModularPipeline) -> None:
    pipe.set_adapters(NAMES, [0.3, 0.7])
    before = scales(pipe, "unet")
    with pytest.raises(InputError) as error:
        pipe.set_adapters(NAMES, weights)
    assert str(error.value).startswith(message)
    assert scales(pipe, "unet") == before


@pytest.mark.parametrize("scale", [None, "0.5", math.nan, [0.5]])
def test_a_call_that_weighs_by_no_number_is_refused_before_it_runs(scale: Any, pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match=r"scale, by which the call weighs LoRAs, is .+; it is a finite number"):
        pipe(prompt="a cat", num_inference_steps=1, cross_attention_kwargs={"scale": scale})
