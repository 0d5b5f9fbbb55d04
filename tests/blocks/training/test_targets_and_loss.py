"""Targets and weights of the loss are those of diffusers' own training scripts."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler
from diffusers.training_utils import compute_snr

from brickwork import InputError
from brickwork.blocks.training import ComputeLoss, NoiseBatch

CLEAN = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_the_target_is_what_the_scheduler_says_that_its_network_predicts(kind: str) -> None:
    scheduler, generator = DDPMScheduler(prediction_type=kind), seeded()
    out = NoiseBatch(noise_scheduler=scheduler).run(clean=CLEAN, generator=seeded())
    noise = torch.randn(CLEAN.shape, generator=generator)
    t = torch.randint(0, 1000, (4,), generator=generator)
    wanted = {"epsilon": noise, "sample": CLEAN, "v_prediction": scheduler.get_velocity(CLEAN, noise, t)}[kind]
    assert torch.equal(out.target, wanted)
    assert torch.equal(out.noisy, scheduler.add_noise(CLEAN, noise, t))
    assert torch.equal(out.timesteps, t)


def test_a_flow_goes_from_the_noise_to_the_image_at_timesteps_of_a_density() -> None:
    scheduler, generator = FlowMatchEulerDiscreteScheduler(shift=3.0), seeded()
    block = NoiseBatch(density="logit_normal", noise_scheduler=scheduler)
    out = block.run(clean=CLEAN, generator=seeded())
    noise = torch.randn(CLEAN.shape, generator=generator)
    places = (torch.randn(4, generator=generator).sigmoid() * 1000).long()
    sigmas = scheduler.sigmas[places].view(-1, 1, 1, 1)
    assert torch.equal(out.target, noise - CLEAN)
    assert torch.equal(out.noisy, (1.0 - sigmas) * CLEAN + sigmas * noise)
    assert torch.equal(out.timesteps, scheduler.timesteps[places])


def test_a_noise_offset_is_one_number_for_a_row_and_channel() -> None:
    plain = NoiseBatch(noise_scheduler=DDPMScheduler()).run(clean=CLEAN, generator=seeded())
    moved = NoiseBatch(noise_offset=0.5, noise_scheduler=DDPMScheduler()).run(clean=CLEAN, generator=seeded())
    offset = moved.target - plain.target
    assert torch.allclose(offset, offset[:, :, :1, :1].expand_as(offset), atol=1e-6)
    assert offset.abs().max() > 0


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_min_snr_weighs_as_the_scripts_of_diffusers_do(kind: str) -> None:
    scheduler, t = DDPMScheduler(prediction_type=kind), torch.tensor([10, 300, 700, 990])
    said, target = CLEAN, CLEAN.flip(0)
    found = ComputeLoss(min_snr=5.0, noise_scheduler=scheduler).run(prediction=said, target=target, timesteps=t).loss
    snr = compute_snr(scheduler, t)
    weights = torch.stack([snr, 5.0 * torch.ones_like(t)], dim=1).min(dim=1)[0]
    weights = weights / (snr + 1 if kind == "v_prediction" else snr)
    loss = F.mse_loss(said, target, reduction="none").mean(dim=(1, 2, 3)) * weights
    assert torch.allclose(found, loss.mean(), rtol=1e-5)  # the ratio is the square of a quotient there


def test_min_snr_of_a_flow_is_refused() -> None:
    block = ComputeLoss(min_snr=5.0, noise_scheduler=FlowMatchEulerDiscreteScheduler())
    with pytest.raises(
        InputError, match="min_snr weighs by alphas, which FlowMatchEulerDiscreteScheduler does not have"
    ):
        block.run(prediction=CLEAN, target=CLEAN, timesteps=torch.tensor([1.0] * 4))
