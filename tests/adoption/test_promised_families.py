"""The pipeline classes that were asked for at the start are native or adopted, and run; those that do not run have a reason."""

from __future__ import annotations

import pytest
from adoption_classes import NEEDS, classes, load
from family_classics import ALL_ROWS

import brickwork
from brickwork.registry import catalog

NATIVE = (
    "CogVideoXPipeline", "DDIMPipeline", "DDPMPipeline", "DiTPipeline", "FluxKontextPipeline", "FluxPipeline", "HunyuanDiTPipeline",
    "HunyuanVideoPipeline", "IFPipeline", "IFSuperResolutionPipeline", "KandinskyV22CombinedPipeline", "KandinskyV22Pipeline",
    "KandinskyV22PriorPipeline", "LatentConsistencyModelPipeline", "PixArtAlphaPipeline", "QwenImageEditPipeline", "QwenImagePipeline",
    "StableDiffusion3Pipeline", "StableDiffusionDepth2ImgPipeline", "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionLatentUpscalePipeline", "StableDiffusionPipeline", "StableDiffusionUpscalePipeline", "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLInpaintPipeline", "StableDiffusionXLPipeline", "StableUnCLIPPipeline", "WanPipeline",
)  # fmt: skip
ADOPTED = (
    "AltDiffusionPipeline", "ConsisIDPipeline", "CycleDiffusionPipeline", "DanceDiffusionPipeline", "KarrasVePipeline", "LDMPipeline",
    "PaintByExamplePipeline", "ScoreSdeVePipeline", "StableDiffusionAttendAndExcitePipeline", "StableDiffusionPanoramaPipeline",
    "StableDiffusionPipelineSafe", "StableDiffusionSAGPipeline", "TextToVideoSDPipeline", "UnCLIPPipeline", "VQDiffusionPipeline",
    "VersatileDiffusionImageVariationPipeline", "VersatileDiffusionTextToImagePipeline", "WuerstchenCombinedPipeline",
)  # fmt: skip
NOT_RUN = {
    "AudioDiffusionPipeline": "librosa is not installed for tests",
    "VersatileDiffusionDualGuidedPipeline": "diffusers' own class fails: its transformers do not take an argument that its UNet gives",
}
"""Classes that are declared, checked and planned alone."""


def test_what_is_native_has_a_preset_and_is_compared_adopted_as_well() -> None:
    assert [name for name in NATIVE if name not in catalog or name not in ALL_ROWS] == []


def test_what_is_adopted_is_compared_with_its_class() -> None:
    assert [name for name in ADOPTED if name in catalog or name not in ALL_ROWS] == []
    assert [name for name in NOT_RUN if name in catalog or name in ALL_ROWS] == []


@pytest.mark.parametrize("name", sorted({*NOT_RUN} - {*NEEDS}))
def test_what_does_not_run_here_is_a_block_all_the_same(name: str) -> None:
    assert name in classes()
    assert brickwork.adopt(load(name)).check().faults == ()
