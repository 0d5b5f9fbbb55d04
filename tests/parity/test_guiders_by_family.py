"""Every guider on every family: a run through, which it changes, or a refusal that names it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from family_table import families
from guider_table import FULL

from brickwork import BrickworkError, ClassifierFreeGuidance, EmbeddedGuidance
from brickwork.guiders import GUIDERS

FAMILIES = families()
GUIDED = [name for name in FAMILIES if name != "ddpm"]
"""DDPM is told nothing that could be left out for a second prediction."""
LATENTS = "NormKeptGuidance works on the tokens of a transformer, and the denoiser of {} reads latents"
REFUSED = {
    ("NormKeptGuidance", "dit"): LATENTS.format("dit"),
    ("NormKeptGuidance", "sd3"): LATENTS.format("stable-diffusion-3"),
    ("NormKeptGuidance", "stable_diffusion"): LATENTS.format("stable-diffusion"),
    **{("EmbeddedGuidance", name): "has no guidance built in" for name in GUIDED if name != "flux"},
    **{("ImageTextGuidance", name): "compares with a prediction without image, and" for name in GUIDED},
}
"""What is for networks that were trained for it."""
DISTILLED = ("flux",)
"""Families whose network is told a strength in every prediction."""


@cache
def plain(family: str) -> torch.Tensor:
    task = next(iter(FAMILIES[family].tasks))
    guider = EmbeddedGuidance(guidance_scale=1.0) if family in DISTILLED else ClassifierFreeGuidance(enabled=False)
    drawn: torch.Tensor = drawn_by(family, task, guider)
    return drawn


def drawn_by(family: str, task: str, guider: Any) -> Any:
    more = {"negative_prompt": "blue"} if family in DISTILLED else {}
    return FAMILIES[family].draw(task, guider=guider, num_inference_steps=4, without=("guidance_scale",), **more)


@pytest.mark.parametrize("guider", sorted(GUIDERS))
@pytest.mark.parametrize("family", GUIDED)
def test_a_guider_changes_what_a_family_draws_or_is_refused(family: str, guider: str) -> None:
    task = next(iter(FAMILIES[family].tasks))
    made = GUIDERS[guider](**FULL.get(guider, {}))
    if family in DISTILLED and guider != "EmbeddedGuidance":
        made = EmbeddedGuidance(guidance_scale=1.0, guider=made)
    words = REFUSED.get((guider, family))
    if words is not None:
        with pytest.raises(BrickworkError) as refused:
            drawn_by(family, task, made)
        assert words in str(refused.value)
        return
    drawn = drawn_by(family, task, made)
    assert torch.isfinite(drawn).all()
    assert float((drawn - plain(family)).abs().max()) > 1e-4
