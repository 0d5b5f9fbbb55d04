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
    "DanceDiffusionPipeline", "KarrasVePipeline", "LDMPipeline", "ScoreSdeVePipeline", "StableDiffusionAttendAndExcitePipeline",
    "StableDiffusionPanoramaPipeline", "StableDiffusionPipelineSafe", "StableDiffusionSAGPipeline", "TextToVideoSDPipeline",
)  # fmt: skip
NOT_RUN = {
    "AltDiffusionPipeline": "waits for small parts",
    "AudioDiffusionPipeline": "librosa is not installed for tests",
    "ConsisIDPipeline": "waits for small parts; a released one needs packages and weights that find faces",
    "CycleDiffusionPipeline": "gives nothing but nan with tiny random networks",
    "PaintByExamplePipeline": "waits for small parts",
    "UnCLIPPipeline": "waits for small parts",
    "VQDiffusionPipeline": "waits for small parts",
    "VersatileDiffusionTextToImagePipeline": "waits for small parts",
    "WuerstchenCombinedPipeline": "waits for small parts",
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
