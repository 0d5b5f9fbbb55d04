"""LoRA files of every family that has them: the images of the classic pipeline with the same file, and the old ones without it.

In diffusers' format, in PEFT's own, which the classic pipelines do not read, and in that of Kohya's scripts.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from family_table import families
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

from brickwork import ComponentError, ModularPipeline

FAMILIES = families()
LOADING = [
    name
    for name, each in FAMILIES.items()
    if not each.like and hasattr(next(iter(each.tasks.values())).classic, "load_lora_weights") and name != "kandinsky3"
]
"""Kandinsky 3's class has the method, which fails: its UNet takes no adapters."""


def saved(name: str, folder: Path) -> None:
    """Write a file of random layers, of another strength than 1, as the classic pipeline saves it; in a folder of it PEFT's own."""
    family = FAMILIES[name]
    cls: Any = next(iter(family.tasks.values())).classic
    network: Any = copy.deepcopy(family.parts("float32")[family.denoiser])
    torch.manual_seed(5)
    made = get_peft_model(
        network, LoraConfig(r=4, lora_alpha=8, target_modules=["to_q", "to_k"], init_lora_weights=False)
    )
    made.save_pretrained(folder / "peft")
    layers = {key.removeprefix("base_model.model."): tensor for key, tensor in get_peft_model_state_dict(made).items()}
    said = {f"{family.denoiser}_lora_adapter_metadata": made.peft_config["default"].to_dict()}
    cls.save_lora_weights(folder, **{f"{family.denoiser}_lora_layers": layers}, **said)


def drawn_by_both(name: str, mine: Any, theirs: Any) -> None:
    """See that a LoRA changes the images, that these are the classic's with it, and that they are as before once it is out."""
    family = FAMILIES[name]
    task, asked = next(iter(family.tasks.items()))
    plain = family.draw(task)
    pipe = family.pipe(task, "plain", asked.blocks, "batched")
    pipe.load_lora_weights(mine)
    try:
        drawn = family.draw(task)
    finally:
        pipe.unload_lora_weights()
    assert torch.equal(family.draw(task), plain)
    assert not torch.equal(drawn, plain)
    classic = family.classic(asked.classic, copy.deepcopy(family.parts("float32")))
    classic.load_lora_weights(theirs)
    seeds = [torch.Generator().manual_seed(7), torch.Generator().manual_seed(8)]
    given = {**copy.deepcopy(dict(asked.given)), **asked.classic_given, "output_type": "pt", "generator": seeds}
    expected = family.drawn_by(classic, given)
    if name == "deepfloyd":
        # As tensors, its classics return images in -1..1.
        expected = expected / 2 + 0.5
    # One branch after the other rounds otherwise than both at once.
    assert torch.allclose(drawn, expected, rtol=0, atol=1e-5 if family.batching == "sequential" else 0)


@pytest.mark.parametrize(
    ("name", "kind"),
    # PEFT's format is read alike for all.
    [*((name, ".") for name in LOADING), *((name, "peft") for name in ("flux", "sd3", "stable_diffusion"))],
)
def test_a_lora_is_the_classics(name: str, kind: str, tmp_path: Path) -> None:
    saved(name, tmp_path)
    drawn_by_both(name, str(tmp_path / kind), tmp_path)


def test_weights_of_peft_without_a_file_beside_them_have_the_strength_that_diffusers_gives_them(
    tmp_path: Path,
) -> None:
    saved("sd3", tmp_path)
    state = load_file(tmp_path / "peft/adapter_model.safetensors")
    drawn_by_both("sd3", state, {key.replace("base_model.model", "transformer"): each for key, each in state.items()})


def kohya(*layers: tuple[str, int, int]) -> dict[str, torch.Tensor]:
    """A LoRA as Kohya's scripts write it, of half the strength, for layers by name, with what they make and read."""
    generator = torch.Generator().manual_seed(4)
    found: dict[str, torch.Tensor] = {}
    for layer, rows, columns in layers:
        found[f"{layer}.lora_down.weight"] = 0.5 * torch.randn(4, columns, generator=generator)
        found[f"{layer}.lora_up.weight"] = 0.5 * torch.randn(rows, 4, generator=generator)
        found[f"{layer}.alpha"] = torch.tensor(2.0)
    return found


TOGETHER = ("lora_unet_double_blocks_0_img_attn_qkv", 96, 32)
IN_FLUX = (
    TOGETHER,
    ("lora_unet_double_blocks_0_txt_attn_proj", 32, 32),
    ("lora_te1_text_model_encoder_layers_0_self_attn_q_proj", 32, 32),
    ("lora_te1_text_model_encoder_layers_0_self_attn_out_proj", 32, 32),
)


def test_a_lora_of_kohya_is_the_classics() -> None:
    state = kohya(*IN_FLUX)
    # The classic scales the weights of text encoders in the tensors that it is given.
    drawn_by_both("flux", state, copy.deepcopy(state))
    assert all(torch.equal(each, state[key]) for key, each in kohya(*IN_FLUX).items())


@pytest.mark.parametrize(
    ("name", "layers", "words"),
    [
        ("sd3", [TOGETHER], "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight"),
        ("flux", [*IN_FLUX, ("lora_unet_nowhere", 32, 32)], "lora_unet_nowhere"),
        ("flux", [*IN_FLUX, ("lora_unet_double_blocks_7_img_attn_proj", 32, 32)], "has no layer 'transformer_blocks.7"),
        # Of another size than FLUX.1, which the conversion reckons with.
        ("flux", [("lora_unet_single_blocks_0_linear1", 224, 32)], "does not fit"),
    ],
)
def test_weights_of_kohya_that_would_be_left_out_are_refused(name: str, layers: Any, words: str) -> None:
    family = FAMILIES[name]
    task, asked = next(iter(family.tasks.items()))
    family.draw(task)
    with pytest.raises(ComponentError) as caught:
        family.pipe(task, "plain", asked.blocks, "batched").load_lora_weights(kohya(*layers))
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["flux", "sd3"])
def test_a_pipeline_is_saved_with_its_lora(name: str, tmp_path: Path) -> None:
    saved(name, tmp_path)
    family = FAMILIES[name]
    task, asked = next(iter(family.tasks.items()))
    family.draw(task)
    pipe = family.pipe(task, "plain", asked.blocks, "batched")
    pipe.update_components(scheduler=copy.deepcopy(family.parts("float32")["scheduler"]))
    pipe.load_lora_weights(str(tmp_path / "peft"), adapter_name="taught")
    given = {**asked.given, "num_inference_steps": 2, "output_type": "pt", "seed": 7}
    try:
        drawn = pipe(**given, output="images")
        pipe.save_pretrained(tmp_path / "saved")
    finally:
        pipe.unload_lora_weights()
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    again.configure(progress=False)
    assert again.get_list_adapters() == ["taught"]
    assert torch.equal(again(**given, output="images"), drawn)
