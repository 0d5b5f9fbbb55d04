"""Guidance by more than one conditioning, and guidance that the network has built in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from guided_families import Family, distilled, edit, sdxl

from brickwork import ClassifierFreeGuidance, DeclarationError, InputError
from brickwork.guiders import EmbeddedGuidance, GuidanceStep, Guider, ImageTextGuidance
from brickwork.guiders.guider import CONDITIONAL, GuidanceBranch


def alone(family: Family, branch: GuidanceBranch) -> torch.Tensor:
    """One prediction, by the network alone."""
    kwargs = family.contract.denoiser_kwargs(family.inputs["conditioning"], [branch])
    if branch.embedded_scale is not None:
        kwargs |= family.contract.embedded_guidance(family.denoiser, [branch.embedded_scale])
    with torch.no_grad():
        return family.contract.predict(family.denoiser, family.inputs["scaled_latents"], torch.tensor(500.0), kwargs)


@pytest.mark.parametrize("batching", ["batched", "sequential"])
def test_picture_and_text_have_a_strength_of_their_own(batching: str) -> None:
    family = edit()
    nothing = alone(family, GuidanceBranch("u", negative=True, without=frozenset({"image"})))
    image, text = alone(family, GuidanceBranch("i", negative=True)), alone(family, CONDITIONAL)
    assert not torch.allclose(nothing, image)
    assert not torch.allclose(image, text)
    guider = ImageTextGuidance(guidance_scale=7.0, image_guidance_scale=1.5)
    found = family.predict(guider, batching=batching).noise_pred
    assert torch.allclose(found, nothing + 1.5 * (image - nothing) + 7.0 * (text - image), atol=1e-4)


def test_another_way_of_batching_is_refused() -> None:
    with pytest.raises(DeclarationError, match="batching is 'batch'; it must be 'auto' | 'batched' | 'sequential'"):
        edit().predict(ClassifierFreeGuidance(), batching="batch")


def test_predictions_that_change_nothing_are_not_made() -> None:
    step = GuidanceStep(3, 10)

    def names(guider: Guider) -> list[str]:
        return [branch.name for branch in guider.branches(step)]

    assert names(ImageTextGuidance()) == ["unconditional", "image", "conditional"]
    assert names(ImageTextGuidance(image_guidance_scale=1.0)) == ["image", "conditional"]
    assert names(ImageTextGuidance(guidance_scale=1.0)) == ["unconditional", "image", "conditional"]
    assert names(ImageTextGuidance(guidance_scale=1.0, image_guidance_scale=1.0)) == ["conditional"]
    assert names(ImageTextGuidance(stop=0.2)) == ["conditional"]
    family = edit()
    one = family.predict(ImageTextGuidance(guidance_scale=3.0, image_guidance_scale=1.0)).noise_pred
    image, text = alone(family, GuidanceBranch("i", negative=True)), alone(family, CONDITIONAL)
    assert torch.allclose(one, image + 3.0 * (text - image), atol=1e-5)


def test_a_strength_that_is_built_in_is_told_and_one_call_is_made() -> None:
    family = distilled()
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    handle = family.denoiser.register_forward_hook(count)
    weak, strong = (family.predict(EmbeddedGuidance(guidance_scale=scale)).noise_pred for scale in (1.0, 9.0))
    assert calls == 2
    handle.remove()
    assert not torch.equal(weak, strong)
    assert torch.equal(strong, alone(family, GuidanceBranch("conditional", embedded_scale=9.0)))
    falling = EmbeddedGuidance(guidance_scale=[9.0, 1.0])
    assert torch.equal(family.predict(falling, index=0).noise_pred, strong)
    assert torch.equal(family.predict(falling, index=1).noise_pred, weak)


def test_a_family_without_it_says_so() -> None:
    with pytest.raises(InputError, match="stable-diffusion-xl has no guidance built in; use ClassifierFreeGuidance"):
        sdxl().predict(EmbeddedGuidance())
    assert sdxl().predict(ClassifierFreeGuidance()).noise_pred.isfinite().all()
