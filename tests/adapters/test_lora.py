"""LoRAs equal diffusers' own pipelines bit for bit, and leave models as they were."""

from __future__ import annotations

import copy
import logging
import pickle
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from hub_server import Hub
from safetensors.torch import save_file
from tiny_adapters import as_kohya, as_old_diffusers, lora

from brickwork import ComponentError, InputError, MemoryCache, ModularPipeline, RepoError, TrustError, replay
from brickwork.registry import fingerprint

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "guidance_scale": 5.0, "height": 64, "width": 64,
                          "output_type": "latent"}  # fmt: skip
MODELS = ("unet", "text_encoder", "text_encoder_2")


@pytest.fixture
def pipe(tiny_pipe: ModularPipeline) -> Iterator[ModularPipeline]:
    """A pipeline whose shared models must be as before in the end."""
    before = {name: {k: v.clone() for k, v in getattr(tiny_pipe, name).state_dict().items()} for name in MODELS}
    yield tiny_pipe
    tiny_pipe.unload_lora_weights()
    for name in MODELS:
        after = getattr(tiny_pipe, name).state_dict()
        assert after.keys() == before[name].keys()
        assert all(torch.equal(after[key], before[name][key]) for key in after)
        assert not getattr(getattr(tiny_pipe, name), "peft_config", None)
        # Of LoRAs that a test has put in by diffusers' own pipeline, which leaves the weights frozen.
        getattr(tiny_pipe, name).requires_grad_(True)


def drawn(pipe: ModularPipeline) -> torch.Tensor:
    found: torch.Tensor = pipe(**INPUTS, generator=torch.Generator().manual_seed(7), output="images")
    return found


def classic_of(pipe: ModularPipeline) -> Any:
    """The classic pipeline over the same models; ours has to have let go of them."""
    parts = {name: pipe.components[name] for name in pipe.pretrained_component_names}
    made = StableDiffusionXLPipeline(**parts, add_watermarker=False)
    made.set_progress_bar_config(disable=True)
    return made


def classically(classic: Any) -> torch.Tensor:
    found: torch.Tensor = classic(**INPUTS, generator=torch.Generator().manual_seed(7)).images
    return found


def test_weights_want_gradients_as_before_once_all_are_out(pipe: ModularPipeline) -> None:
    frozen = [name for name, _ in pipe.unet.named_parameters()][::3]
    before = {name: {key: True for key, _ in getattr(pipe, name).named_parameters()} for name in MODELS}
    try:
        for name in frozen:
            pipe.unet.get_parameter(name).requires_grad_(False)
            before["unet"][name] = False
        pipe.load_lora_weights(lora(pipe), adapter_name="one")
        pipe.load_lora_weights(lora(pipe, 4), adapter_name="two")
        own = copy.deepcopy(pipe)
        pipe.delete_adapters(["one", "two"])
        pipe.load_lora_weights(lora(pipe), adapter_name="three")
        pipe.fuse_lora()
        for each in (pipe, own):
            each.unload_lora_weights()
            found = {name: {k: v.requires_grad for k, v in getattr(each, name).named_parameters()} for name in MODELS}
            assert found == before
        broken = {key: value for key, value in lora(pipe).items() if "lora_A" in key}
        with pytest.raises(ComponentError):
            pipe.load_lora_weights(broken)
        assert {key: value.requires_grad for key, value in pipe.unet.named_parameters()} == before["unet"]
    finally:
        pipe.unet.requires_grad_(True)


@pytest.mark.parametrize("keys", ["PEFT", "diffusers", "Kohya"])
def test_keys_of_every_kind_are_read(keys: str, pipe: ModularPipeline) -> None:
    state = lora(pipe)
    state = {
        "PEFT": lambda: state,
        "diffusers": lambda: as_old_diffusers(state),
        "Kohya": lambda: as_kohya(state, 2.0),
    }[keys]()
    plain = drawn(pipe)
    assert pipe.load_lora_weights(state, adapter_name="one") == "one"
    found = drawn(pipe)
    pipe.unload_lora_weights()
    classic = classic_of(pipe)
    classic.load_lora_weights(dict(state), adapter_name="one")
    assert torch.equal(found, classically(classic))
    assert not torch.allclose(found, plain, atol=1e-2)


def test_several_with_weights_of_their_own(pipe: ModularPipeline) -> None:
    states = {"one": lora(pipe, 3), "two": lora(pipe, 4)}
    choices: list[tuple[list[str], Any]] = [(["one", "two"], [0.3, 0.8]), (["two"], [0.5]), (["one"], 1.0)]
    for name, state in states.items():
        pipe.load_lora_weights(state, adapter_name=name)
    found = []
    for names, weights in choices:
        pipe.set_adapters(names, weights)
        assert pipe.get_active_adapters() == names
        found.append(drawn(pipe))
    assert pipe.get_list_adapters() == ["one", "two"]
    pipe.unload_lora_weights()
    classic = classic_of(pipe)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, state in states.items():
            classic.load_lora_weights(dict(state), adapter_name=name)
    for mine, (names, weights) in zip(found, choices, strict=True):
        classic.set_adapters(names, adapter_weights=weights)
        assert torch.equal(mine, classically(classic))


def test_one_is_taken_out_and_all_are_switched_off(pipe: ModularPipeline) -> None:
    plain = drawn(pipe)
    pipe.load_lora_weights(lora(pipe, 3), adapter_name="one")
    only_one = drawn(pipe)
    pipe.load_lora_weights(lora(pipe, 4), adapter_name="two")
    pipe.disable_lora()
    assert torch.equal(drawn(pipe), plain)
    pipe.enable_lora()
    pipe.delete_adapters("two")
    pipe.set_adapters("one")
    assert torch.equal(drawn(pipe), only_one)
    pipe.unload_lora_weights()
    assert torch.equal(drawn(pipe), plain)


def test_fused_weights_draw_the_same_and_are_taken_out_bit_for_bit(pipe: ModularPipeline) -> None:
    plain = drawn(pipe)
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    with_lora = drawn(pipe)
    pipe.fuse_lora(lora_scale=1.0)
    assert torch.allclose(drawn(pipe), with_lora, atol=1e-3)
    with pytest.raises(InputError, match=r"are fused into the weights: unfuse_lora\(\) first"):
        pipe.fuse_lora()
    with pytest.raises(InputError, match="are fused into the weights"):
        pipe.delete_adapters("one")
    pipe.unfuse_lora()
    assert torch.equal(drawn(pipe), with_lora)
    pipe.fuse_lora("one", lora_scale=0.5)
    pipe.unload_lora_weights()
    assert torch.equal(drawn(pipe), plain)


def test_the_cache_and_the_recipe_know_of_them(pipe: ModularPipeline) -> None:
    pipe.configure(cache=MemoryCache())
    plain = drawn(pipe)
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    first = drawn(pipe)
    pipe.set_adapters("one", 0.4)
    weaker = drawn(pipe)
    assert not torch.equal(first, plain)
    assert not torch.equal(first, weaker)
    pipe.set_adapters("one", 1.0)
    assert torch.equal(drawn(pipe), first)
    pipe.fuse_lora()
    assert torch.allclose(drawn(pipe), first, atol=1e-3)
    pipe.unload_lora_weights()
    assert torch.equal(drawn(pipe), plain)


def test_they_come_from_files_folders_and_the_hub(pipe: ModularPipeline, tmp_path: Path, hub: Hub) -> None:
    save_file(lora(pipe), tmp_path / "pytorch_lora_weights.safetensors")
    hub.add("you/lora", {"style.safetensors": (tmp_path / "pytorch_lora_weights.safetensors").read_bytes()})
    seen = []
    for source, options in (
        (tmp_path, {}), (tmp_path / "pytorch_lora_weights.safetensors", {}), ("you/lora", {}),
        ("you/lora", {"weight_name": "style.safetensors"}),
    ):  # fmt: skip
        pipe.load_lora_weights(str(source), **options)
        seen.append(drawn(pipe))
        pipe.unload_lora_weights()
    assert all(torch.equal(each, seen[0]) for each in seen)


def test_what_is_wrong_is_said_and_leaves_nothing(pipe: ModularPipeline, tmp_path: Path) -> None:
    plain = drawn(pipe)
    (tmp_path / "a.bin").write_bytes(pickle.dumps({}))
    (tmp_path / "b.safetensors").write_bytes(pickle.dumps({}))
    save_file({"x.y": torch.ones(1)}, tmp_path / "c.safetensors")
    large = {name: torch.cat([tensor, tensor], dim=1) for name, tensor in lora(pipe).items()}
    save_file(large, tmp_path / "d.safetensors")
    cases: list[tuple[Any, type[Exception], str]] = [
        ({"weight_name": "a.bin"}, TrustError, "no .safetensors file"), ({"weight_name": "b.safetensors"}, ComponentError, "safetensors"),
        ({"weight_name": "c.safetensors"}, ComponentError, "does not fit|holds nothing"),
        ({"weight_name": "d.safetensors"}, ComponentError, "does not fit the pipeline's models"),
        ({"weight_name": "e.safetensors"}, RepoError, "has no file e.safetensors"), ({}, RepoError, "say which one with weight_name"),
    ]  # fmt: skip
    for options, error, message in cases:
        with pytest.raises(error, match=message):
            pipe.load_lora_weights(str(tmp_path), **options)
    assert pipe.get_list_adapters() == []
    assert torch.equal(drawn(pipe), plain)
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    with pytest.raises(InputError, match="There is a LoRA 'one' already"):
        pipe.load_lora_weights(lora(pipe), adapter_name="one")
    with pytest.raises(InputError, match="There is no LoRA 'on'. Did you mean 'one'"):
        pipe.set_adapters("on")
    with pytest.raises(InputError, match="2 weights were given for 1 LoRAs"):
        pipe.set_adapters("one", [1.0, 2.0])


def unet_lora(pipe: ModularPipeline, seed: int, rank: int = 4) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in lora(pipe, seed, rank).items() if name.startswith("unet.")}


def scales_of(pipe: ModularPipeline) -> list[dict[str, float]]:
    return [dict(module.scaling) for module in pipe.unet.modules() if hasattr(module, "lora_A")]


@pytest.mark.parametrize("weight", [0.4, 0.0, 1.7])
def test_the_call_weighs_them_for_itself_alone(weight: float, pipe: ModularPipeline) -> None:
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    pipe.set_adapters("one", 0.7)
    whole, scales = drawn(pipe), scales_of(pipe)
    weighed = pipe(
        **INPUTS,
        cross_attention_kwargs={"scale": weight},
        generator=torch.Generator().manual_seed(7),
        output="images",
    )
    assert scales_of(pipe) == scales  # diffusers gives 1.0 back after a weight of 0
    assert all(type(each.scaling) is dict for each in pipe.unet.modules() if hasattr(each, "lora_A"))
    assert torch.equal(drawn(pipe), whole)
    pipe.unload_lora_weights()
    classic = classic_of(pipe)
    classic.load_lora_weights(lora(pipe), adapter_name="one")
    classic.set_adapters("one", 0.7)
    given = {**INPUTS, "cross_attention_kwargs": {"scale": weight}}
    assert torch.equal(weighed, classic(**given, generator=torch.Generator().manual_seed(7)).images)
    if weight == 0:
        assert all(each == {"one": 1.0} for each in scales_of(pipe))
        assert scales_of(pipe) != scales


def test_a_weight_of_one_call_is_not_seen_by_another_thread(pipe: ModularPipeline) -> None:
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    weights = [1.0, 0.3, 1.0, 0.0] * 3

    def draw(weight: float) -> torch.Tensor:
        found: torch.Tensor = pipe(
            **INPUTS,
            cross_attention_kwargs={"scale": weight},
            generator=torch.Generator().manual_seed(7),
            output="images",
        )
        return found

    alone = {weight: draw(weight) for weight in set(weights)}
    with ThreadPoolExecutor(4) as pool:
        for weight, found in zip(weights, pool.map(draw, weights), strict=True):
            assert torch.equal(found, alone[weight])


def test_another_lora_of_the_same_name_is_another_one_to_the_cache(pipe: ModularPipeline) -> None:
    pipe.configure(cache=MemoryCache())
    pipe.load_lora_weights(lora(pipe, 3), adapter_name="one")
    first = drawn(pipe)
    pipe.unload_lora_weights()
    pipe.load_lora_weights(lora(pipe, 4), adapter_name="one")
    second = drawn(pipe)
    assert not torch.equal(first, second)
    with torch.no_grad():
        for name, parameter in pipe.unet.named_parameters():
            if ".lora_B.one." in name:
                parameter.mul_(2.0)
    assert not torch.equal(drawn(pipe), second)


def test_one_is_swapped_for_another_in_the_same_layers(pipe: ModularPipeline) -> None:
    pipe.configure(cache=MemoryCache())
    states = {seed: unet_lora(pipe, seed) for seed in (3, 4)}
    pipe.load_lora_weights(states[4], adapter_name="one")
    second = drawn(pipe)
    pipe.unload_lora_weights()
    pipe.load_lora_weights(states[3], adapter_name="one")
    first, parameters = drawn(pipe), [id(each) for each in pipe.unet.parameters()]
    assert pipe.load_lora_weights(states[4], adapter_name="one", hotswap=True) == "one"
    assert torch.equal(drawn(pipe), second)
    assert [id(each) for each in pipe.unet.parameters()] == parameters
    assert not torch.equal(first, second)


def test_a_swap_for_one_with_more_layers_fails_and_changes_nothing(pipe: ModularPipeline) -> None:
    pipe.configure(cache=MemoryCache())
    few = {name: tensor for name, tensor in unet_lora(pipe, 3).items() if ".to_q." in name}
    pipe.load_lora_weights(few, adapter_name="one")
    before = drawn(pipe)
    with pytest.raises(ComponentError, match="does not fit into the layers of 'one'"):
        pipe.load_lora_weights(unet_lora(pipe, 4), adapter_name="one", hotswap=True)
    assert fingerprint(pipe.unet) is not None
    pipe.configure(cache=None)
    assert torch.equal(drawn(pipe), before)


def test_a_swap_that_cannot_be_says_so(pipe: ModularPipeline) -> None:
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    with pytest.raises(InputError, match="is in text encoders, too, whose layers cannot be swapped"):
        pipe.load_lora_weights(lora(pipe, 4), adapter_name="one", hotswap=True)
    with pytest.raises(InputError, match="There is no LoRA 'on'. Did you mean 'one'"):
        pipe.load_lora_weights(lora(pipe, 4), adapter_name="on", hotswap=True)
    with pytest.raises(InputError, match="needs the adapter_name"):
        pipe.load_lora_weights(lora(pipe, 4), hotswap=True)


@pytest.mark.parametrize("of", ["unet", "unet and text encoders"])
def test_models_and_weights_that_a_lora_does_not_touch_are_not_remarked_on(
    of: str, pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(caplog.handler)
        each.setLevel(logging.WARNING)
    try:
        pipe.load_lora_weights(unet_lora(pipe, 3) if of == "unet" else lora(pipe), adapter_name="one")
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.removeHandler(caplog.handler)
            each.setLevel(level)
    # Such as "No LoRA keys", and "those params were newly initialized because missing".
    assert caplog.text == ""


def layer_of(state: dict[str, torch.Tensor], model: str) -> str:
    return next(key for key in state if key.startswith(f"{model}.") and "lora_A" in key).partition(".lora_A")[0]


def spoiled(pipe: ModularPipeline, how: str) -> tuple[dict[str, torch.Tensor], str]:
    """Weights of which some would be dropped or stay at random, and what is said of them."""
    state = lora(pipe)
    layer, words = layer_of(state, "unet"), layer_of(state, "text_encoder_2")
    pair = {"lora_A.weight": torch.ones(4, 4), "lora_B.weight": torch.ones(4, 4)}

    def extra(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.{part}": tensor for part, tensor in pair.items()}

    def without(part: str) -> dict[str, torch.Tensor]:
        return {key: tensor for key, tensor in state.items() if key != part}

    kohya = as_kohya(state, 2.0)
    down = next(key for key in kohya if key.startswith("lora_unet") and "lora_down" in key)
    cases: dict[str, tuple[dict[str, torch.Tensor], str]] = {
        "no A": (without(f"{layer}.lora_A.weight"), f"{layer} has no lora_A.weight, which would start at random"),
        "no B": (without(f"{layer}.lora_B.weight"), f"{layer} has no lora_B.weight, which would start at random"),
        "no A of an encoder": (without(f"{words}.lora_A.weight"), f"{words} has no lora_A.weight"),
        "a bias of one layer": ({**state, f"{layer}.lora_B.bias": torch.ones(4)}, "has no lora_B.bias"),
        "an unknown layer": ({**state, **extra("unet.nothing_here")}, "unet has no layer 'nothing_here'"),
        "an unknown layer of an encoder": (
            {**state, **extra("text_encoder.encoder.nothing")},
            "text_encoder has no layer",
        ),
        "of the VAE": ({**state, **extra("vae.decoder.conv_in")}, "'vae.decoder.conv_in.lora_A.weight', 'vae.dec"),
        "an odd weight": ({**state, f"{layer}.lora_C.weight": torch.ones(4)}, "is nothing that is read of LoRAs"),
        "Kohya's without a matrix": ({key: each for key, each in kohya.items() if key != down}, "does not fit"),
        "Kohya's with a scale that is not read": (
            {**kohya, down.replace("lora_down.weight", "dora_scale"): torch.ones(4, 1)},
            "dora_scale' would be left out",
        ),
    }
    return cases[how]


@pytest.mark.parametrize(
    "how",
    ["no A", "no B", "no A of an encoder", "a bias of one layer", "an unknown layer", "an unknown layer of an encoder", "of the VAE",
     "an odd weight", "Kohya's without a matrix", "Kohya's with a scale that is not read"],
)  # fmt: skip
def test_weights_that_would_be_dropped_or_stay_at_random_are_refused_by_name(how: str, pipe: ModularPipeline) -> None:
    state, words = spoiled(pipe, how)
    modules = {name: [type(each) for each in pipe.components[name].modules()] for name in MODELS}
    with pytest.raises(ComponentError, match="does not fit the pipeline's models") as caught:
        pipe.load_lora_weights(state, adapter_name="one")
    assert words in str(caught.value)
    assert modules == {name: [type(each) for each in pipe.components[name].modules()] for name in MODELS}


def test_a_swap_for_half_a_layer_is_refused_and_changes_nothing(pipe: ModularPipeline) -> None:
    whole = unet_lora(pipe, 3)
    pipe.load_lora_weights(whole, adapter_name="one")
    before = drawn(pipe)
    half = {key: tensor for key, tensor in whole.items() if key != f"{layer_of(whole, 'unet')}.lora_B.weight"}
    with pytest.raises(ComponentError, match=r"has no lora_B.weight, which would start at random"):
        pipe.load_lora_weights(half, adapter_name="one", hotswap=True)
    assert torch.equal(drawn(pipe), before)


def test_weights_for_an_encoder_that_is_not_there_are_refused(tiny_pipe: ModularPipeline) -> None:
    state = lora(tiny_pipe)
    tiny_pipe.update_components(text_encoder=None)
    with pytest.raises(ComponentError, match=r"are for text_encoder, which is not loaded: load_components\('text_enc"):
        tiny_pipe.load_lora_weights(state, adapter_name="one")


def test_its_layers_have_the_mode_of_those_that_they_are_in(pipe: ModularPipeline) -> None:
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    assert not any(module.training for name in MODELS for module in pipe.components[name].modules())
    pipe.unload_lora_weights()
    pipe.unet.train()
    try:
        pipe.load_lora_weights(lora(pipe), adapter_name="one")
        assert all(module.training for module in pipe.unet.modules())
    finally:
        pipe.unet.eval()


def test_a_picture_repeats_from_the_folder_that_the_pipeline_with_its_lora_was_saved_to(
    pipe: ModularPipeline, tmp_path: Path
) -> None:
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    pipe.update_components(scheduler=type(pipe.scheduler).from_config(pipe.scheduler.config))
    state = pipe(**INPUTS, generator=torch.Generator().manual_seed(7))
    pipe.save_pretrained(tmp_path / "repo")
    pipe.unload_lora_weights()
    again = replay(state, components=tmp_path / "repo", exact=True)
    assert torch.equal(again.images, state.images)
