"""Levels of noise: what predictions mean, by what every kind of scheduler itself makes of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from brickwork import InputError
from brickwork.families.contract import FamilyContract
from brickwork.guiders import NoiseLevel

PREDICTIONS = ("epsilon", "v_prediction", "sample")
FAMILY = FamilyContract(name="any", prefix="Any")


def at(scheduler: Any, index: int, steps: int = 10) -> tuple[NoiseLevel, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The level of a step, its latents before and after scaling, and a prediction."""
    generator = torch.Generator().manual_seed(index)
    scheduler.set_timesteps(steps)
    t = scheduler.timesteps[index]
    latents = 3.0 * torch.randn(2, 4, 8, 8, generator=generator)
    scaled = scheduler.scale_model_input(latents, t) if hasattr(scheduler, "scale_model_input") else latents
    prediction = torch.randn(2, 4, 8, 8, generator=generator)
    return FAMILY.noise_level(scheduler, scaled, t), latents, t, prediction


@pytest.mark.parametrize("prediction_type", PREDICTIONS)
@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (DDIMScheduler, {"clip_sample": False}),
        (DDPMScheduler, {"clip_sample": False}),
        (EulerDiscreteScheduler, {}),
        (EulerDiscreteScheduler, {"use_karras_sigmas": True, "timestep_spacing": "trailing"}),
    ],
)
@pytest.mark.parametrize("index", [0, 4, 9])
def test_a_prediction_means_the_sample_that_the_scheduler_says(
    cls: Any, options: dict[str, Any], prediction_type: str, index: int
) -> None:
    if cls is EulerDiscreteScheduler and prediction_type == "sample":
        pytest.skip("diffusers' Euler scheduler does not know it")
    scheduler = cls(prediction_type=prediction_type, **options)
    level, latents, t, prediction = at(scheduler, index)
    expected = scheduler.step(prediction, t, latents).pred_original_sample
    torch.testing.assert_close(level.sample_of(prediction), expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("prediction_type", PREDICTIONS)
def test_solvers_of_higher_order_have_the_same_levels(prediction_type: str) -> None:
    scheduler = DPMSolverMultistepScheduler(prediction_type=prediction_type)
    level, latents, t, prediction = at(scheduler, 3)
    scheduler.step(prediction, t, latents)
    converted = scheduler.model_outputs[-1]
    torch.testing.assert_close(level.sample_of(prediction), converted, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_flows(shift: float, is_inverted: bool) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift, invert_sigmas=is_inverted)
    level, latents, t, velocity = at(scheduler, 6)
    end = latents
    for index in range(6, 10):  # a flow that keeps its velocity ends at the sample
        end = scheduler.step(velocity, scheduler.timesteps[index], end).prev_sample
    assert (level.predicts, level.timestep) == ("flow_to_sample" if is_inverted else "flow", float(t))
    assert level.signal + level.noise == pytest.approx(1.0)
    torch.testing.assert_close(level.sample_of(velocity), end, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("predicts", [*PREDICTIONS, "flow", "flow_to_sample"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_there_and_back(predicts: Any, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    latents, prediction = torch.randn(2, 1, 4, 8, 8).to(dtype)
    level = NoiseLevel(latents, 0.6, 0.4 if "flow" in predicts else 0.8, predicts, 500.0)
    again = level.prediction_of(level.sample_of(prediction))
    assert again.dtype == dtype
    torch.testing.assert_close(again, prediction, rtol=1e-3, atol=1e-3 if dtype is torch.float16 else 1e-5)


def test_where_nothing_can_be_told() -> None:
    dark = DDIMScheduler(rescale_betas_zero_snr=True, timestep_spacing="trailing")
    level, _, _, prediction = at(dark, 0)
    assert level.signal == 0.0
    with pytest.raises(InputError, match="needs a network with prediction_type='v_prediction'"):
        level.sample_of(prediction)
    velocity = DDIMScheduler(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction")
    level, _, _, prediction = at(velocity, 0)
    assert torch.equal(level.sample_of(prediction), -prediction)
    with pytest.raises(InputError, match="EDMEulerScheduler has no alphas_cumprod"):
        at(EDMEulerScheduler(), 3)
    with pytest.raises(InputError, match="prediction_type='noise'; known are epsilon"):
        at(DDIMScheduler(prediction_type="noise"), 3)
