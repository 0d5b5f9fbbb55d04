"""The x2 latent upscaler beyond what its classic pipeline does: what cannot be preconditioned is refused."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from family_rows.stable_diffusion import FAMILY
from sd_variants import LATENT_UPSCALER
from tiny_sd import BETAS, unet

from brickwork import BrickworkError, ModularPipeline, PerturbedAttentionGuidance, SequentialPipelineBlocks
from brickwork.blocks.core.insertable_dict import InsertableDict
from brickwork.blocks.steps.denoise import Denoise
from brickwork.blocks.techniques.precondition import Preconditioned, Preconditioning
from brickwork.families.latent_upscaler import SD_LATENT_UPSCALE
from brickwork.families.unet import PRECONDITIONING
from brickwork.presets.sd import LATENT_UPSCALE_BLOCKS

ASKED = {"prompt": "a cat", "image": picture(3, 32), "num_inference_steps": 2, "output_type": "latent"}


def pipe_with(blocks: Any = LATENT_UPSCALE_BLOCKS, **changes: Any) -> ModularPipeline:
    torch.manual_seed(0)
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.configure(progress=False)
    made = {**FAMILY.parts("float32"), **{name: make() for name, make in LATENT_UPSCALER.items()}, **changes}
    pipe.update_components(**{name: part for name, part in made.items() if name in pipe.component_names})
    return pipe


def test_it_is_twice_as_large_and_says_so() -> None:
    assert pipe_with()(**ASKED, seed=1, output="images").shape == (1, 4, 8, 8)
    found = pipe_with()(**{**ASKED, "output_type": "pil"}, num_images_per_prompt=2, seed=1)
    assert [image.size for image in found.images] == [(64, 64)] * 2


def test_an_empty_prompt_alone_is_the_scale_of_zero_of_the_classic() -> None:
    pipe = pipe_with()
    classic = FAMILY.classic(diffusers.StableDiffusionLatentUpscalePipeline, pipe.components)
    expected = classic(**ASKED, guidance_scale=0.0, generator=torch.Generator().manual_seed(1)).images
    found = pipe(**{**ASKED, "prompt": "", "guidance_scale": 1.0}, seed=1, output="images")
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"scheduler": diffusers.EulerDiscreteScheduler(**BETAS)},
            "prediction_type='epsilon', and a preconditioned network predicts the sample",
        ),
        ({"scheduler": diffusers.DDIMScheduler(prediction_type="sample")}, "it has no sigmas"),
        (
            {"scheduler": diffusers.DPMSolverMultistepScheduler(**BETAS, prediction_type="sample")},
            "DPMSolverMultistepScheduler does not divide latents by the deviation that they have",
        ),
        (
            {"unet": unet(in_channels=8)},
            "unet.config.time_cond_proj_dim is None, and the text encoder's vector makes 144",
        ),
        (
            {"unet": unet(in_channels=9, time_cond_proj_dim=144)},
            "The UNet reads 9 channels, and latents with small ones beside are 8",
        ),
        ({"guider": PerturbedAttentionGuidance()}, "does not say which layers unet has"),
        ({"guider": "EmbeddedGuidance"}, "has no guidance built in"),
    ],
)
def test_what_cannot_be_preconditioned_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises((BrickworkError, NotImplementedError)) as refused:
        pipe_with(**changes)(**ASKED, seed=1)
    assert words in str(refused.value)


def test_a_solver_of_its_kind_is_taken() -> None:
    old = diffusers.EulerAncestralDiscreteScheduler(**BETAS, prediction_type="sample")
    old.register_to_config(prediction_type="original_sample")
    with pytest.raises(ValueError, match="original_sample|prediction_type"):
        # Another of diffusers that knows the old name by `EulerDiscreteScheduler` alone.
        pipe_with(scheduler=old)(**ASKED, seed=1)
    known = diffusers.EulerDiscreteScheduler(**BETAS, prediction_type="original_sample")
    assert torch.equal(
        pipe_with(scheduler=known)(**ASKED, seed=1, output="images"), pipe_with()(**ASKED, seed=1, output="images")
    )


def test_a_loop_that_does_not_precondition_is_refused() -> None:
    blocks = InsertableDict(LATENT_UPSCALE_BLOCKS, denoise=Denoise.bind(SD_LATENT_UPSCALE))
    with pytest.raises(BrickworkError, match="the loop does not say how: use PreconditionedDenoise"):
        pipe_with(blocks)(**ASKED, seed=1)


def test_a_gradient_goes_through_the_part_of_the_latents_that_is_in_the_prediction() -> None:
    sigma = torch.tensor(3.0)
    plain = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    prepared = Preconditioned(sigma, sigma / 10**0.5, plain)
    part: Any = Preconditioning.__new__(Preconditioning)
    given = (plain / 10**0.5).requires_grad_()
    *_, told = part.extra_inputs(prepared, None, [None], given, {})[PRECONDITIONING]
    assert torch.allclose(told, plain)
    assert torch.allclose(torch.autograd.grad(told.sum(), given)[0], torch.full_like(plain, 10**0.5))
    *_, same = part.extra_inputs(prepared, None, [None, None], given.detach(), {})[PRECONDITIONING]
    assert torch.equal(same, torch.cat([plain, plain]))
