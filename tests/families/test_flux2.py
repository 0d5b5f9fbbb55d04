"""FLUX.2's references, statistics and schedule are those of diffusers' pipelines, also where no row of the table is large enough."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from coarse_images import picture
from diffusers.pipelines.flux2.image_processor import Flux2ImageProcessor
from diffusers.pipelines.flux2.pipeline_flux2 import Flux2Pipeline, compute_empirical_mu
from family_rows import flux2 as rows

from brickwork.families.flux2 import FLUX2, FLUX2_KLEIN
from brickwork.registry import catalog
from brickwork.registry.index import PipelineIndex
from brickwork.saving.index_blocks import blocks_of_index


@pytest.mark.parametrize("size", [(96, 70), (1200, 1000), (17, 400)])
def test_a_reference_is_made_smaller_and_its_middle_is_cut_out(size: tuple[int, int]) -> None:
    image = picture(5).resize(size)
    processor = Flux2ImageProcessor(vae_scale_factor=16)
    shown = processor._resize_if_exceeds_area(image, 1024**2)
    width, height = (side // 16 * 16 for side in shown.size)
    theirs = processor.preprocess(shown, height=height, width=width, resize_mode="crop")
    found = FLUX2.reference_size(image.height, image.width)
    assert found == (height, width)
    assert torch.equal(processor.preprocess(FLUX2.as_reference(image, found), *found), theirs)


def test_a_reference_of_another_area_is_smaller() -> None:
    assert FLUX2.reference_size(1000, 1000, 64 * 64) == (64, 64)
    assert FLUX2.reference_size(3, 40) == (16, 32)


@pytest.mark.parametrize(("tokens", "steps"), [(24, 4), (4096, 28), (4400, 28)])
def test_the_shift_is_the_one_that_was_measured(tokens: int, steps: int) -> None:
    shifting: Any = SimpleNamespace(config={"use_dynamic_shifting": True})
    assert FLUX2.shift(shifting, steps, (1, 128, tokens // 8, 8)) == {"mu": compute_empirical_mu(tokens, steps)}
    assert FLUX2.shift(SimpleNamespace(config={}), steps, (1, 128, 4, 8)) == {}  # type: ignore[arg-type]  # its configuration is read


def test_latents_come_back_from_the_scale_of_the_denoiser() -> None:
    vae = rows.FAMILY.parts("float32")["vae"]
    latents = torch.randn(1, 32, 4, 6, generator=torch.Generator().manual_seed(1))
    scaled = FLUX2.scale_latents(vae, latents)
    assert scaled.shape == (1, 128, 2, 3)
    plain = scaled * (vae.bn.running_var.view(1, -1, 1, 1) + 1e-4).sqrt() + vae.bn.running_mean.view(1, -1, 1, 1)
    assert torch.allclose(plain, Flux2Pipeline._patchify_latents(latents), atol=1e-5)
    assert torch.allclose(FLUX2.unscale_latents(vae, scaled), latents, atol=1e-5)


@pytest.mark.parametrize(("setting", "preset"), [(False, "flux2.klein"), (True, "flux2.klein.distilled")])
def test_a_setting_of_the_index_chooses_the_distilled_model(setting: bool, preset: str) -> None:
    index = PipelineIndex("Flux2KleinPipeline", {}, {"is_distilled": setting})
    blocks: Any = blocks_of_index(index, SimpleNamespace(name="tiny"))  # type: ignore[arg-type]  # its name is read
    expected = catalog.get(preset)
    assert [type(each) for each in blocks.sub_blocks.values()] == list(expected.values())


def test_klein_has_no_guidance_built_in() -> None:
    networks = [SimpleNamespace(config=SimpleNamespace(guidance_embeds=told), device="cpu") for told in (True, False)]
    assert [FLUX2.is_distilled(each) for each in networks] == [True, False]  # type: ignore[arg-type]  # stand-ins
    assert FLUX2.embedded_guidance(networks[0], [3.5])["guidance"].tolist() == [3.5]  # type: ignore[arg-type]
    with pytest.raises(Exception, match="flux2-klein has no guidance built in"):
        FLUX2_KLEIN.embedded_guidance(networks[1], [3.5])  # type: ignore[arg-type]
