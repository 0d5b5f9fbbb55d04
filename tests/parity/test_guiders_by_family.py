"""Every guider on every family: a run through, which it changes, or a refusal that names it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from family_table import families
from guider_table import FULL

from brickwork import BrickworkError, ClassifierFreeGuidance
from brickwork.guiders import GUIDERS

FAMILIES = families()
GUIDED = [name for name in FAMILIES if name != "ddpm"]
"""DDPM is told nothing that could be left out for a second prediction."""
REFUSED = {
    ("NormKeptGuidance", "dit"): "works on the tokens of a transformer, and the denoiser of dit reads latents",
    (
        "NormKeptGuidance",
        "sd3",
    ): "works on the tokens of a transformer, and the denoiser of stable-diffusion-3 reads latents",
}
NOWHERE = {
    "EmbeddedGuidance": "has no guidance built in",
    "ImageTextGuidance": "compares with a prediction without image, and transformer is told none",
}
"""What is for networks that were trained for it, unless a row of a family says otherwise."""


@cache
def plain(family: str) -> torch.Tensor:
    task = next(iter(FAMILIES[family].tasks))
    drawn: torch.Tensor = drawn_by(family, task, ClassifierFreeGuidance(enabled=False))
    return drawn


def drawn_by(family: str, task: str, guider: Any) -> Any:
    return FAMILIES[family].draw(task, guider=guider, num_inference_steps=4, without=("guidance_scale",))


@pytest.mark.parametrize("guider", sorted(GUIDERS))
@pytest.mark.parametrize("family", GUIDED)
def test_a_guider_changes_what_a_family_draws_or_is_refused(family: str, guider: str) -> None:
    task = next(iter(FAMILIES[family].tasks))
    made = GUIDERS[guider](**FULL.get(guider, {}))
    words = REFUSED.get((guider, family), NOWHERE.get(guider))
    if words is not None:
        with pytest.raises(BrickworkError) as refused:
            drawn_by(family, task, made)
        assert words in str(refused.value)
        return
    drawn = drawn_by(family, task, made)
    assert torch.isfinite(drawn).all()
    assert float((drawn - plain(family)).abs().max()) > 1e-4
