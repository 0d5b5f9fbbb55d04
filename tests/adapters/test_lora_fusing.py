"""Fused LoRAs: what they would not follow is refused, and what is taken out again is as it was before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tiny_adapters import lora

from brickwork import ComponentError, InputError, ModularPipeline
from brickwork.registry.loading.base_modules import adapted_layers

INPUTS: dict[str, Any] = {
    "prompt": "a cat",
    "num_inference_steps": 1,
    "height": 32,
    "width": 32,
    "output_type": "latent",
}


@pytest.fixture
def pipe(tiny_pipe: ModularPipeline) -> Iterator[ModularPipeline]:
    """A pipeline with two LoRAs, of which the first counts."""
    tiny_pipe.load_lora_weights(lora(tiny_pipe), adapter_name="one")
    tiny_pipe.load_lora_weights(lora(tiny_pipe, 4), adapter_name="two")
    tiny_pipe.set_adapters("one")
    yield tiny_pipe
    tiny_pipe.unload_lora_weights()


def weights(pipe: ModularPipeline) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in pipe.unet.named_parameters() if ".base_layer." in name}


def scales(pipe: ModularPipeline) -> list[dict[str, float]]:
    return [dict(layer.scaling) for _, layer in adapted_layers(pipe.unet)]


@pytest.mark.parametrize(
    "change",
    [
        lambda pipe: pipe.set_adapters("one", 0.3),
        lambda pipe: pipe.disable_lora(),
        lambda pipe: pipe.load_lora_weights(lora(pipe, 5), adapter_name="three"),
    ],
    ids=["weighed", "switched off", "loaded beside"],
)
def test_what_fused_loras_would_not_follow_is_refused(change: Any, pipe: ModularPipeline) -> None:
    pipe.fuse_lora()
    fused = weights(pipe)
    with pytest.raises(InputError, match=r"^LoRAs are fused into the weights: unfuse_lora\(\) first\.$"):
        change(pipe)
    assert pipe.get_list_adapters() == ["one", "two"]
    assert all(torch.equal(tensor, fused[name]) for name, tensor in weights(pipe).items())
    pipe.enable_lora()  # they count already


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_a_call_weighs_no_fused_loras(part: str, pipe: ModularPipeline) -> None:
    only = {name: tensor for name, tensor in lora(pipe).items() if name.startswith(f"{part}.")}
    pipe.unload_lora_weights()
    pipe.load_lora_weights(only)
    pipe.fuse_lora()
    given = {**INPUTS, "cross_attention_kwargs": {"scale": 0.5}}
    name = type(pipe.components[part]).__name__
    with pytest.raises(
        InputError, match=rf"weighs LoRAs by 0.5 \(scale\), and they are fused into the weights of {name}: unfuse_lora"
    ):
        pipe(**given)
    pipe(**{**given, "cross_attention_kwargs": {"scale": 1.0}})


def test_loras_that_count_beside_those_that_are_fused_are_not_left_out(pipe: ModularPipeline) -> None:
    before = weights(pipe)
    pipe.set_adapters(["one", "two"], [1.0, 0.5])
    with pytest.raises(
        InputError,
        match=r"^'two' would count no more in layers into which 'one' would be fused\. Fuse all that count, \['one', 'two'\]",
    ):
        pipe.fuse_lora("one")
    pipe.disable_lora()
    with pytest.raises(InputError, match=r"^LoRAs are switched off, and fused ones would count: enable_lora\(\) first"):
        pipe.fuse_lora()
    pipe.enable_lora()
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(pipe).items())
    # One that counts nothing is no loss.
    pipe.set_adapters(["one", "two"], [1.0, 0.0])
    pipe.fuse_lora("one")


def test_the_scale_of_fusing_is_for_those_that_are_fused_and_gone_with_it(pipe: ModularPipeline) -> None:
    before, weighed = weights(pipe), scales(pipe)
    pipe.set_adapters("one", 0.5)
    pipe.fuse_lora()
    half = weights(pipe)
    pipe.unfuse_lora()
    pipe.set_adapters("one")
    # Also of one that does not count: "two" has no weight to be fused beside it.
    pipe.set_adapters("two", 0.0)
    pipe.fuse_lora("one", lora_scale=0.5)
    assert all(torch.equal(tensor, half[name]) for name, tensor in weights(pipe).items())
    pipe.unfuse_lora()
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(pipe).items())
    pipe.set_adapters(["one", "two"])
    assert scales(pipe) == weighed
    for scale in (float("nan"), "half"):
        with pytest.raises(InputError, match=r"^lora_scale is .+; it is a finite number\.$"):
            pipe.fuse_lora(lora_scale=scale)  # type: ignore[arg-type]  # what a caller may give


def test_what_cannot_be_fused_is_taken_out_again(pipe: ModularPipeline) -> None:
    before = weights(pipe)
    pipe.load_lora_weights(lora(pipe, 6), adapter_name="broken")
    pipe.set_adapters("broken")
    # As training that diverges leaves it: a file like that is not loaded.
    last = [module for module in pipe.unet.modules() if "broken" in getattr(module, "lora_B", ())][-1]
    last.lora_B["broken"].weight.data[0, 0] = torch.nan
    with pytest.raises(ComponentError, match=r"^The LoRAs cannot be fused: NaNs detected"):
        pipe.fuse_lora()
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(pipe).items())
    pipe.set_adapters("one")
    pipe.fuse_lora()
