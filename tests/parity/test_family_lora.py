"""LoRA files of every family that has them: the images of the classic pipeline with the same file, and the old ones without it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from family_table import families
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

FAMILIES = families()
LOADING = [
    name for name, each in FAMILIES.items() if hasattr(next(iter(each.tasks.values())).classic, "load_lora_weights")
]


def saved(name: str, folder: Path) -> None:
    """Write a file of random layers, of another strength than 1, as the classic pipeline saves it."""
    family = FAMILIES[name]
    cls: Any = next(iter(family.tasks.values())).classic
    network: Any = copy.deepcopy(family.parts("float32")[family.denoiser])
    torch.manual_seed(5)
    network.add_adapter(LoraConfig(r=4, lora_alpha=8, target_modules=["to_q", "to_k"], init_lora_weights=False))
    layers = get_peft_model_state_dict(network)
    cls.save_lora_weights(folder, **{f"{family.denoiser}_lora_layers": layers})


@pytest.mark.parametrize("name", LOADING)
def test_a_lora_is_the_classics(name: str, tmp_path: Path) -> None:
    saved(name, tmp_path)
    family = FAMILIES[name]
    task, asked = next(iter(family.tasks.items()))
    plain = family.draw(task)
    pipe = family.pipe(task, "plain", asked.blocks, "batched")
    pipe.load_lora_weights(str(tmp_path))
    try:
        drawn = family.draw(task)
    finally:
        pipe.unload_lora_weights()
    assert torch.equal(family.draw(task), plain)
    assert not torch.equal(drawn, plain)
    cls: Any = asked.classic
    parts = copy.deepcopy(family.parts("float32"))
    taken = cls.__init__.__code__.co_varnames
    classic = cls(**{each: part for each, part in parts.items() if each in taken}, **family.classic_options)
    classic.set_progress_bar_config(disable=True)
    classic.load_lora_weights(tmp_path)
    seeds = [torch.Generator().manual_seed(7), torch.Generator().manual_seed(8)]
    assert torch.equal(drawn, classic(**asked.given, output_type="pt", generator=seeds).images)
