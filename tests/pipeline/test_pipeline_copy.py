"""Copies of pipelines: deep ones are independent and draw the same, shallow ones share the models, pickles are refused."""

from __future__ import annotations

import copy
import functools
import pickle
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_adapters
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0

from brickwork import (
    Block,
    ComponentError,
    ComponentsManager,
    InputError,
    MemoryCache,
    ModularPipeline,
    Outputs,
    PerturbedAttentionGuidance,
)
from brickwork.adapters.forward_override import override_forward
from brickwork.registry import fingerprint
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.state.vocabulary import Latents

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 1, "output": "latents"}


class Dim(Block):
    """Take light from latents, before they are decoded."""

    by: float = 0.0

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents * (1.0 - self.by))


def drawn(pipe: Any, **inputs: Any) -> torch.Tensor:
    latents: torch.Tensor = pipe(**{**INPUTS, **inputs}, generator=torch.Generator().manual_seed(1))
    return latents


@pytest.fixture
def pipe(tiny_folder: Path) -> ModularPipeline:
    """A pipeline with models of its own, to change."""
    made = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    made.configure(progress=False)
    return made


def test_a_deep_copy_draws_the_same_with_models_of_its_own(pipe: ModularPipeline) -> None:
    pipe.blocks.insert_before("decode", "dim", Dim(by=0.25))
    pipe.update_components(guider=PerturbedAttentionGuidance(guidance_scale=3.0))
    pipe.update_config(force_zeros_for_empty_prompt=False)
    pipe.input_defaults = {"num_inference_steps": 3}
    expected = drawn(pipe)
    other = copy.deepcopy(pipe)
    assert torch.equal(drawn(other), expected)
    assert other.unet is not pipe.unet
    assert (other.guider, dict(other.config)) == (pipe.guider, dict(pipe.config))
    assert other.input_defaults == pipe.input_defaults
    with torch.no_grad():
        other.unet.conv_in.weight.zero_()
    other.blocks.replace("dim", Dim(by=1.0))
    other.update_config(force_zeros_for_empty_prompt=True)
    other.input_defaults["num_inference_steps"] = 9
    assert torch.equal(drawn(pipe), expected)
    assert pipe.input_defaults == {"num_inference_steps": 3}


def adapted(pipe: ModularPipeline) -> None:
    pipe.load_lora_weights(tiny_adapters.lora(pipe), adapter_name="style")


def fused(pipe: ModularPipeline) -> None:
    adapted(pipe)
    pipe.fuse_lora()


def taught(pipe: ModularPipeline) -> None:
    pipe.load_textual_inversion(torch.full((2, 16), 0.5), token="cat2")


def seeing(pipe: ModularPipeline) -> None:
    pipe.load_ip_adapter(tiny_adapters.ip_adapter(pipe.unet), image_encoder_folder=None)
    pipe.unload_ip_adapter()


@pytest.mark.parametrize("change", [adapted, fused, taught, seeing])
def test_a_deep_copy_has_what_was_put_in_and_can_take_it_out(
    change: Callable[[ModularPipeline], None], pipe: ModularPipeline
) -> None:
    before = drawn(pipe, prompt="a cat2")
    change(pipe)
    changed = drawn(pipe, prompt="a cat2")
    other = copy.deepcopy(pipe)
    assert torch.equal(drawn(other, prompt="a cat2"), changed)
    assert other.get_list_adapters() == pipe.get_list_adapters()
    other.unload_lora_weights()
    if change is taught:
        other.unload_textual_inversion()
    assert torch.equal(drawn(other, prompt="a cat2"), before)
    assert torch.equal(drawn(pipe, prompt="a cat2"), changed)


def test_fusing_in_the_copy_does_not_change_the_original(pipe: ModularPipeline) -> None:
    adapted(pipe)
    pipe.set_adapters("style", 0.0)
    plain = drawn(pipe)
    other = copy.deepcopy(pipe)
    other.set_adapters("style", 1.0)
    other.fuse_lora()
    assert not torch.equal(drawn(other), plain)
    assert torch.equal(drawn(pipe), plain)


def test_one_object_under_two_names_stays_one(pipe: ModularPipeline) -> None:
    pipe.update_components(tokenizer_2=pipe.tokenizer)
    other = copy.deepcopy(pipe)
    assert other.tokenizer_2 is other.tokenizer
    assert other.tokenizer is not pipe.tokenizer
    both = copy.deepcopy([pipe, pipe, pipe.unet])
    assert both[0] is both[1]
    assert both[2] is both[0].unet


def test_a_copy_is_known_to_be_the_same_as_long_as_it_is(pipe: ModularPipeline) -> None:
    pipe.configure(cache=MemoryCache())
    drawn(pipe)
    other = copy.deepcopy(pipe)
    assert fingerprint(other.unet) == fingerprint(pipe.unet)
    cache = other.settings.cache
    assert cache is pipe.settings.cache
    assert cache is not None
    before = cache.misses
    drawn(other)
    assert cache.misses == before
    kept = fingerprint(pipe.unet)
    with torch.no_grad():
        other.unet.conv_in.weight.add_(1.0)
    assert fingerprint(other.unet) not in (None, kept)
    assert fingerprint(pipe.unet) == kept


def test_weights_that_were_changed_are_as_changed_in_the_copy(pipe: ModularPipeline) -> None:
    with torch.no_grad():
        pipe.unet.conv_in.weight.add_(1.0)
    assert fingerprint(copy.deepcopy(pipe).unet) == fingerprint(pipe.unet)


def test_a_deep_copy_belongs_to_no_manager(tiny_folder: Path) -> None:
    manager = ComponentsManager()
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager, collection="one")
    pipe.load_components()
    other = copy.deepcopy(pipe)
    assert (other.manager, other.collection) == (None, None)
    assert all(each is not other.unet for each in manager.components.values())


def test_a_pipeline_whose_components_are_placed_is_not_copied(tiny_folder: Path) -> None:
    manager = ComponentsManager()
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager).load_components()
    manager.enable_auto_cpu_offload("cpu", budget="1GB", memory=DeviceMemory())
    with pytest.raises(ComponentError, match=r"nothing to copy. Call manager.disable_auto_cpu_offload\(\) first"):
        copy.deepcopy(pipe)


def test_a_model_that_is_changed_for_a_while_is_not_copied(pipe: ModularPipeline) -> None:
    """A copied layer would ask the original, because a function is not copied with what it holds."""
    changed = override_forward([(pipe.unet.conv_in, lambda forward, *args: forward(*args))])
    with changed, pytest.raises(ComponentError, match="unet is changed for a while by a run or a `with` .unet.conv_in"):
        copy.deepcopy(pipe)
    copy.deepcopy(pipe)


def test_a_model_whose_forward_is_a_function_of_somebody_is_not_copied(pipe: ModularPipeline) -> None:
    before = pipe.unet.forward
    pipe.unet.forward = lambda *args, **kwargs: before(*args, **kwargs)
    with pytest.raises(
        ComponentError, match="the forward of unet was replaced by a function, which a copy would share"
    ):
        copy.deepcopy(pipe)


def by_closure(unet: Any) -> Any:
    return lambda module, given, result: result * (1 + unet.conv_out.bias.abs().mean())


class Reading:
    """A hook that holds a model, and is copied with it."""

    def __init__(self, unet: Any) -> None:
        self.unet = unet

    def __call__(self, module: Any, given: Any, result: Any) -> Any:
        return result * (1 + self.unet.conv_out.bias.abs().mean())


HELD: dict[str, Any] = {}


def by_global(module: Any, given: Any, result: Any) -> Any:
    return result * (1 + HELD["unet"].conv_out.bias.abs().mean())


def by_default(unet: Any) -> Any:
    def hook(module: Any, given: Any, result: Any, bias: Any = unet.conv_out.bias) -> Any:
        return result * (1 + bias.abs().mean())

    return hook


class Nested(AttnProcessor2_0):  # type: ignore[misc]  # of diffusers, untyped
    """A processor with a function of somebody."""

    def __init__(self, scale: Any) -> None:
        super().__init__()
        self.scale = scale

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs) * self.scale()


HOOKS: dict[str, Callable[[Any], Any]] = {
    "a closure": by_closure,
    "a global": lambda unet: by_global,
    "a default": by_default,
    "a function in a partial": lambda unet: functools.partial(by_closure(unet)),
    "a function in an object": lambda unet: SimpleHook(by_closure(unet)),
    "a weak reference": lambda unet: SimpleHook(weakref.ref(unet)),
}


class SimpleHook:
    """A hook that holds something."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __call__(self, module: Any, given: Any, result: Any) -> Any:
        return result


@pytest.mark.parametrize("make", HOOKS.values(), ids=HOOKS)
def test_a_model_with_a_hook_that_holds_the_original_is_not_copied(
    make: Callable[[Any], Any], pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HELD, "unet", pipe.unet)
    handle = pipe.unet.conv_in.register_forward_hook(make(pipe.unet))
    with pytest.raises(ComponentError, match=r"unet.conv_in: a hook refers to unet(.conv_out.bias)? of the original"):
        copy.deepcopy(pipe)
    handle.remove()
    copy.deepcopy(pipe)


def test_a_model_with_a_processor_whose_function_holds_the_original_is_not_copied(pipe: ModularPipeline) -> None:
    unet = pipe.unet
    unet.set_attn_processor(Nested(lambda: 1 + unet.conv_out.bias.abs().mean()))
    with pytest.raises(ComponentError, match=r"its processor refers to unet of the original"):
        copy.deepcopy(pipe)


def test_hooks_that_hold_nothing_of_the_original_or_are_copied_with_it_do_not_hinder(pipe: ModularPipeline) -> None:
    pipe.unet.conv_in.register_forward_hook(lambda module, given, result: result * 0.9)
    pipe.unet.conv_in.register_forward_hook(Reading(pipe.unet))
    before = drawn(pipe)
    again = copy.deepcopy(pipe)
    with torch.no_grad():
        pipe.unet.conv_out.bias.mul_(30.0)
    assert torch.equal(drawn(again), before)


def test_a_block_whose_function_holds_the_original_is_not_copied(pipe: ModularPipeline) -> None:
    unet = pipe.unet
    block = Dim(by=0.0)
    vars(block)["measure"] = lambda: unet.conv_out.bias
    pipe.blocks.insert_before("decode", "dim", block)
    with pytest.raises(ComponentError, match=r"dim: its measure refers to unet of the original"):
        copy.deepcopy(pipe)


def test_a_copy_is_made_while_another_thread_has_run(pipe: ModularPipeline) -> None:
    expected = drawn(pipe)
    found: list[torch.Tensor] = []
    other = copy.deepcopy(pipe)
    threads = [threading.Thread(target=lambda each=each: found.append(drawn(each))) for each in (pipe, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(each, expected) for each in found)
    assert len(found) == 2


def test_a_shallow_copy_shares_models_and_has_blocks_of_its_own(pipe: ModularPipeline) -> None:
    expected = drawn(pipe)
    other = copy.copy(pipe)
    assert other.unet is pipe.unet
    other.blocks.insert_before("decode", "dim", Dim(by=1.0))
    other.update_components(
        guider=PerturbedAttentionGuidance(), unet=UNet2DConditionModel.from_config(pipe.unet.config)
    )
    assert not drawn(other).any()
    assert torch.equal(drawn(pipe), expected)


def test_pickling_is_refused_with_what_to_do() -> None:
    pipe = ModularPipeline(Dim())
    with pytest.raises(InputError, match=r"A pipeline is not pickled: .*save_pretrained"):
        pickle.dumps(pipe)
    with pytest.raises(InputError, match="A pipeline is not pickled"):
        pickle.dumps({"pipe": pipe}, protocol=2)
