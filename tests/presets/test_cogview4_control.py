"""CogView4 with a control image in further channels: repositories open, and the tasks that diffusers lacks."""

from __future__ import annotations

from pathlib import Path

import diffusers
import pytest
import torch
from coarse_images import picture
from family_rows import cogview4 as rows
from family_table import cast, families

from brickwork import InputError, ModularPipeline

FAMILY = families()["cogview4"]
PARTS = {**FAMILY.parts("float32"), "transformer": cast(rows.transformer(8), "float32")}


def run(task: str, **inputs: object) -> dict[str, torch.Tensor]:
    pipe = FAMILY.ready(task, "sequential")
    pipe.update_components(transformer=PARTS["transformer"])
    given = {**FAMILY.tasks[task].given, "seed": 7, "output_type": "latent", **inputs}
    values: dict[str, torch.Tensor] = pipe(**given).values
    return values


def test_a_repository_of_either_layout_draws_what_the_classic_draws(tmp_path: Path) -> None:
    classic = FAMILY.classic(diffusers.CogView4ControlPipeline, PARTS)
    classic.save_pretrained(tmp_path / "classic")
    given = {**FAMILY.tasks["control"].given, "output_type": "pt", "num_inference_steps": 2}
    with rows.without_drawing(classic):
        seeds = [torch.Generator().manual_seed(seed) for seed in (7, 8)]
        expected = FAMILY.drawn_by(classic, {**given, "generator": seeds})
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    for pipe in (opened, again):
        pipe.configure(progress=False)
        # Both branches at once round otherwise than one after the other.
        assert float((pipe(**given, seed=7, output="images") - expected).abs().max()) < 1e-5


def test_a_seed_makes_an_image_again_where_the_classic_makes_another() -> None:
    classic = FAMILY.classic(diffusers.CogView4ControlPipeline, PARTS)
    given = {**FAMILY.tasks["control"].given, "output_type": "pt", "num_inference_steps": 1}
    drawn = [FAMILY.drawn_by(classic, {**given, "generator": torch.Generator().manual_seed(7)}) for _ in range(2)]
    assert not torch.equal(*drawn)
    ours = [run("control", num_inference_steps=1)["latents"] for _ in range(2)]
    assert torch.equal(*ours)


def test_what_is_not_drawn_anew_stays_bit_for_bit_beside_a_control_image() -> None:
    state = run("controlled inpainting")
    known = (state["mask"] == 0).expand_as(state["latents"])
    assert known.any()
    assert torch.equal(state["latents"][known], state["image_latents"].expand_as(state["latents"])[known])
    other = run("controlled inpainting", control_image=picture(9, rows.SIDE))
    assert not torch.equal(state["latents"], other["latents"])
    assert torch.equal(state["latents"][known], other["latents"][known])


def test_a_control_image_steers_image_to_image() -> None:
    one, other = (run("controlled image2image", control_image=picture(seed, rows.SIDE)) for seed in (8, 9))
    assert torch.equal(one["image_latents"], other["image_latents"])
    assert not torch.equal(one["latents"], other["latents"])


def test_a_transformer_without_the_channels_is_refused() -> None:
    pipe = FAMILY.ready("control", "sequential")
    with pytest.raises(
        InputError, match=r"reads 4 channels \(in_channels\), and is given 4 of latents, 4 of extra_channels"
    ):
        pipe(**FAMILY.tasks["control"].given)
