"""Kandinsky 3: repositories of both layouts open, texts are cut behind the longest, and what the classic mixes up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
from family_rows.kandinsky3 import FAMILY, TEXTS, AsTheClassic

from brickwork import ClassifierFreeGuidance, ModularPipeline
from brickwork.blocks.techniques.cut_texts import CutTexts
from brickwork.guiders import GuidanceStep
from brickwork.presets.kandinsky3 import KANDINSKY3
from brickwork.state import Conditioning

SHORT = {"num_inference_steps": 1}


def test_a_repository_of_either_layout_opens(tmp_path: Path) -> None:
    task, cls = "text2image", diffusers.Kandinsky3Pipeline
    FAMILY.classic(cls, FAMILY.parts("float32")).save_pretrained(tmp_path / "classic")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    given = {**FAMILY.tasks[task].given, "num_inference_steps": 2, "output_type": "pt"}
    expected = FAMILY.draw(task, num_inference_steps=2)
    for pipe in (opened, again):
        pipe.configure(progress=False)
        assert torch.equal(pipe(**given, seed=7, output="images"), expected)


def test_the_formula_of_guidance_is_the_classics_to_rounding() -> None:
    told = {name: torch.randn(2, 4, 8, 8) for name in ("conditional", "unconditional")}
    mine, theirs = (
        cls(guidance_scale=3.0, use_original_formulation=True).combine(told, GuidanceStep(0, 4))[0]
        for cls in (ClassifierFreeGuidance, AsTheClassic)
    )
    assert torch.allclose(mine, theirs, atol=1e-5)


def test_texts_are_cut_behind_the_longest() -> None:
    mask = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
    given = {
        "prompt_embeds": torch.ones(2, 5, 3),
        "negative_prompt_embeds": torch.ones(2, 5, 3),
        "prompt_attention_mask": mask,
        "negative_prompt_attention_mask": mask.flip(1),
    }
    block: Any = CutTexts.bind(KANDINSKY3)()
    cut = block.run(Conditioning(given)).embeds
    assert {name: tuple(value.shape[:2]) for name, value in cut.items()} == dict.fromkeys(given, (2, 4))
    assert cut["negative_prompt_attention_mask"].tolist() == mask.flip(1)[:, :4].tolist()


def test_each_of_several_images_is_told_which_of_its_own_tokens_count_which_the_classic_mixes_up() -> None:
    four = FAMILY.draw("text2image", **SHORT, num_images_per_prompt=2, seed=[1, 1, 1, 1])
    two = FAMILY.draw("text2image", **SHORT, seed=[1, 1])
    for row in range(4):
        assert float((four[row] - two[row // 2]).abs().max()) < 1e-4
    classic = FAMILY.classic(diffusers.Kandinsky3Pipeline, FAMILY.parts("float32"))
    _, _, mask, _ = classic.encode_prompt(TEXTS["prompt"], True, 2, "cpu", TEXTS["negative_prompt"], _cut_context=True)
    assert mask.sum(dim=1).tolist()[0] != mask.sum(dim=1).tolist()[1]
