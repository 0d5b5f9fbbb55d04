"""Adapters with NaN or infinity, in their files or once they are in the format of the model, are refused by names, and leave nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny_adapters import as_kohya, as_old_diffusers, ip_adapter, lora

import brickwork
from brickwork import ComponentError, ModularPipeline
from brickwork.adapters.finite_weights import not_finite

INPUTS: dict[str, Any] = {
    "prompt": "a cat",
    "num_inference_steps": 1,
    "height": 64,
    "width": 64,
    "output_type": "latent",
}
SPOILED = {"NaN": float("nan"), "infinity": float("inf"), "-infinity": float("-inf")}
LARGE = 1e5  # float16 ends at 65,504


@pytest.fixture
def pipe(tiny_pipe: ModularPipeline) -> Iterator[ModularPipeline]:
    yield tiny_pipe
    for each in (tiny_pipe.unload_lora_weights, tiny_pipe.unload_textual_inversion, tiny_pipe.unload_ip_adapter):
        each()


@pytest.fixture
def half() -> ModularPipeline:
    return brickwork.embedded(dtype=torch.float16)


def drawn(pipe: ModularPipeline) -> torch.Tensor:
    found: torch.Tensor = pipe(**INPUTS, generator=torch.Generator().manual_seed(7), output="images")
    return found


def spoiled(state: dict[str, Any], number: float, part: str = "") -> tuple[dict[str, Any], str]:
    """The same with one wrong number in the last tensor whose name has a part, and its name."""
    name = [each for each in state if part in each][-1]
    made = {key: tensor.clone() for key, tensor in state.items()}
    made[name].view(-1)[-1] = number
    return made, name


@pytest.mark.parametrize("number", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("keys", ["PEFT", "diffusers", "Kohya"])
def test_loras_of_every_kind_of_keys(keys: str, number: float, pipe: ModularPipeline, tmp_path: Path) -> None:
    state = lora(pipe)
    made = {"PEFT": state, "diffusers": as_old_diffusers(state), "Kohya": as_kohya(state, 2.0)}[keys]
    broken, name = spoiled(made, number)
    with pytest.raises(ComponentError) as caught:
        pipe.load_lora_weights(broken, adapter_name="one")
    assert "'one'" in str(caught.value)
    assert repr(name) in str(caught.value)
    assert "NaN or infinity" in str(caught.value)
    save_file(broken, tmp_path / "style.safetensors")
    with pytest.raises(ComponentError, match=r"style\.safetensors"):
        pipe.load_lora_weights(tmp_path / "style.safetensors", adapter_name="one")
    assert pipe.get_list_adapters() == []
    assert not list(_adapted(pipe))


def _adapted(pipe: ModularPipeline) -> Iterator[str]:
    return (path for path, module in pipe.unet.named_modules() if hasattr(module, "lora_A"))


def test_the_strength_of_a_layer_in_files_of_kohya_counts(pipe: ModularPipeline) -> None:
    broken, name = spoiled(as_kohya(lora(pipe), 2.0), float("nan"), ".alpha")
    with pytest.raises(ComponentError, match=name):
        pipe.load_lora_weights(broken, adapter_name="one")


def test_a_hot_swap_leaves_the_lora_that_is_there(pipe: ModularPipeline) -> None:
    state = {name: tensor for name, tensor in lora(pipe).items() if name.startswith("unet")}
    pipe.load_lora_weights(state, adapter_name="one")
    before = drawn(pipe)
    broken, name = spoiled(state, float("nan"))
    with pytest.raises(ComponentError, match=name):
        pipe.load_lora_weights(broken, adapter_name="one", hotswap=True)
    assert torch.equal(drawn(pipe), before)


def test_numbers_that_half_precision_does_not_hold(half: ModularPipeline) -> None:
    state = {name: tensor for name, tensor in lora(half).items() if name.startswith("unet")}
    broken, name = spoiled(state, LARGE)
    before = {key: value.clone() for key, value in half.unet.state_dict().items()}
    with pytest.raises(ComponentError, match="float16") as caught:
        half.load_lora_weights(broken, adapter_name="one")
    assert name in str(caught.value)
    assert half.get_list_adapters() == []
    after = half.unet.state_dict()
    assert before.keys() == after.keys()
    word = torch.zeros(half.text_encoder.config.hidden_size)
    word[3] = LARGE
    with pytest.raises(ComponentError, match=r"'<red>'.*float16"):
        half.load_textual_inversion({"<red>": word})
    assert "<red>" not in half.tokenizer.get_vocab()


@pytest.mark.parametrize("strength", ["NaN", "Infinity", "-Infinity"])
def test_strengths_that_a_file_says_of_itself(strength: str, pipe: ModularPipeline, tmp_path: Path) -> None:
    for said in (f'{{"unet.lora_alpha": {strength}}}', f'{{"unet.alpha_pattern": {{"a.b": {strength}}}}}'):
        state = {name: tensor for name, tensor in lora(pipe).items() if name.startswith("unet")}
        save_file(state, tmp_path / "style.safetensors", {"format": "pt", "lora_adapter_metadata": said})
        with pytest.raises(ComponentError, match="something odd of unet"):
            pipe.load_lora_weights(tmp_path / "style.safetensors", adapter_name="one")
    assert pipe.get_list_adapters() == []


@pytest.mark.parametrize("number", SPOILED.values(), ids=SPOILED)
def test_taught_words(number: float, pipe: ModularPipeline, tmp_path: Path) -> None:
    rows = torch.zeros(2, 16)
    rows[1, 5] = number
    for source in (
        {"<red>": rows},
        {"clip_l": rows, "clip_g": torch.zeros(2, 24)},
        rows,
        {"string_to_param": {"*": rows}},
    ):
        with pytest.raises(ComponentError, match="NaN or infinity"):
            pipe.load_textual_inversion(source, token="<red>")
    save_file({"<red>": rows}, tmp_path / "learned_embeds.safetensors")
    with pytest.raises(ComponentError, match=r"learned_embeds\.safetensors.*'<red>'"):
        pipe.load_textual_inversion(tmp_path / "learned_embeds.safetensors")
    assert "<red>" not in pipe.tokenizer.get_vocab()


@pytest.mark.parametrize("part", ["image_proj", "ip_adapter"])
def test_images_as_prompts(part: str, pipe: ModularPipeline, tmp_path: Path) -> None:
    state = ip_adapter(pipe.unet)
    broken, name = spoiled(state[part], float("nan"))
    given = {**state, part: broken}
    before = dict(pipe.unet.attn_processors)
    with pytest.raises(ComponentError, match=f"IP-Adapter 1 has NaN or infinity in '{part}.{name}'"):
        pipe.load_ip_adapter(given, weight_name="x")
    flat = {f"{outer}.{inner}": tensor for outer, held in given.items() for inner, tensor in held.items()}
    save_file(flat, tmp_path / "ip.safetensors")
    with pytest.raises(ComponentError, match=rf"ip\.safetensors.*{part}.{name}"):
        pipe.load_ip_adapter(str(tmp_path), weight_name="ip.safetensors")
    with pytest.raises(ComponentError, match="IP-Adapter 2 has NaN"):
        pipe.load_ip_adapter([state, given], weight_name=["x", "y"], subfolder=["", ""])
    assert dict(pipe.unet.attn_processors) == before


def test_what_is_saved_with_adapters_is_looked_at_when_it_is_opened(tmp_path: Path) -> None:
    pipe = brickwork.embedded()
    state = {name: tensor for name, tensor in lora(pipe).items() if name.startswith("unet")}
    pipe.load_lora_weights(state, adapter_name="one")
    pipe.load_textual_inversion({"<red>": torch.zeros(pipe.text_encoder.config.hidden_size)})
    pipe.save_pretrained(tmp_path)
    from safetensors.torch import load_file

    for file in sorted((tmp_path / "adapters").glob("*.safetensors")):
        whole = load_file(file)
        broken, name = spoiled(whole, float("nan"))
        save_file(broken, file, {"format": "pt"})
        opened = ModularPipeline.from_pretrained(tmp_path)
        with pytest.raises(ComponentError, match="NaN or infinity") as caught:
            opened.load_components()
        assert file.name in str(caught.value)
        assert name.removeprefix("unet.") in str(caught.value)
        save_file(whole, file, {"format": "pt"})


def test_the_largest_number_that_fits_is_taken_and_every_format_is_read() -> None:
    largest = torch.tensor([65504.0, -65504.0])
    assert not_finite({"a": largest}, {torch.float16}) is None
    assert not_finite({"a": largest * 1.001}, {torch.float16, torch.float32}) is not None
    sound = {"int": torch.ones(2, dtype=torch.int64), "empty": torch.ones(0), "text": "x", "scalar": torch.tensor(1.0)}
    assert not_finite(sound, {torch.float16}) is None
    for dtype in (torch.float64, torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2):
        tensor = torch.tensor([0.5, -0.25]).to(dtype)
        assert not_finite({"a": tensor}) is None
        broken = torch.tensor([0.5, float("nan")]).to(dtype)
        found = not_finite({"b": tensor, "a": broken})
        assert found is not None
        assert "'a'" in found
