"""The pipeline classes that were asked for at the start are native or adopted, and run; what is no class has an example or a reason."""

from __future__ import annotations

import pytest
from adoption_classes import classes, load
from classic_page import PAGE
from classic_rows.not_compared import NOT_COMPARED
from family_classics import ALL_ROWS
from rooms import ROOT

import brickwork
from brickwork.registry import catalog

NATIVE = {
    "DDPM, DDIM": ("DDPMPipeline", "DDIMPipeline"),
    "Stable Diffusion 1 and 2": ("StableDiffusionPipeline",),
    "upscalers, depth": ("StableDiffusionUpscalePipeline", "StableDiffusionLatentUpscalePipeline", "StableDiffusionDepth2ImgPipeline"),
    "Stable Diffusion XL, and its refiner": (
        "StableDiffusionXLPipeline", "StableDiffusionXLInpaintPipeline", "StableDiffusionXLImg2ImgPipeline",
    ),
    "Stable Diffusion 3": ("StableDiffusion3Pipeline",),
    "FLUX": ("FluxPipeline", "FluxKontextPipeline", "Flux2Pipeline"),
    "DiT": ("DiTPipeline",),
    "Hunyuan-DiT": ("HunyuanDiTPipeline",),
    "PixArt-alpha": ("PixArtAlphaPipeline",),
    "Qwen-Image": ("QwenImagePipeline", "QwenImageEditPipeline"),
    "DeepFloyd IF": ("IFPipeline", "IFSuperResolutionPipeline"),
    "Kandinsky 2.2": ("KandinskyV22PriorPipeline", "KandinskyV22Pipeline", "KandinskyV22CombinedPipeline"),
    "InstructPix2Pix": ("StableDiffusionInstructPix2PixPipeline",),
    "videos": ("HunyuanVideoPipeline", "HunyuanVideo15Pipeline", "CogVideoXPipeline", "WanPipeline"),
    "latent consistency": ("LatentConsistencyModelPipeline",),
    "unCLIP over Stable Diffusion": ("StableUnCLIPPipeline",),
}  # fmt: skip
ADOPTED = {
    "Würstchen": ("WuerstchenPriorPipeline", "WuerstchenDecoderPipeline", "WuerstchenCombinedPipeline"),
    "ConsisID": ("ConsisIDPipeline",),
    "sounds": ("AudioDiffusionPipeline", "DanceDiffusionPipeline"),
    "shapes": ("ShapEPipeline", "ShapEImg2ImgPipeline"),
    "unCLIP": ("UnCLIPPipeline", "UnCLIPImageVariationPipeline"),
    "VQ-Diffusion": ("VQDiffusionPipeline",),
    "Versatile Diffusion": ("VersatileDiffusionTextToImagePipeline", "VersatileDiffusionImageVariationPipeline"),
    "AltDiffusion": ("AltDiffusionPipeline", "AltDiffusionImg2ImgPipeline"),
    "CycleDiffusion": ("CycleDiffusionPipeline",),
    "of Stable Diffusion": (
        "StableDiffusionSAGPipeline", "StableDiffusionAttendAndExcitePipeline", "StableDiffusionPanoramaPipeline", "PaintByExamplePipeline",
        "StableDiffusionPipelineSafe", "TextToVideoSDPipeline",
    ),
    "scores": ("KarrasVePipeline", "ScoreSdeVePipeline"),
    "latent diffusion": ("LDMPipeline", "LDMTextToImagePipeline", "LDMSuperResolutionPipeline"),
}  # fmt: skip
NOT_RUN = ("VersatileDiffusionDualGuidedPipeline",)
"""Classes that are declared, checked and planned alone, as diffusers' own do not run; the page has the reason."""
OTHERWISE = {
    "Imagen": "`DynamicThresholding`",
    "ObjectClear": "between_prompt_and_input.py",
    "LaMa": "plain_model.py",
    "AutoPipeline": "auto.py",
    "VAE": "`update_components(vae=...)`",
    "faces": "`id_cond`",
}
"""What is no pipeline class of diffusers, and what stands beside it on the page."""


def names(asked: dict[str, tuple[str, ...]]) -> list[str]:
    return [name for each in asked.values() for name in each]


def test_what_is_native_has_a_preset_and_is_compared_adopted_as_well() -> None:
    assert [name for name in names(NATIVE) if name not in catalog or name not in ALL_ROWS] == []


def test_what_is_adopted_is_compared_with_its_class() -> None:
    assert [name for name in names(ADOPTED) if name in catalog or name not in ALL_ROWS] == []
    assert [name for name in NOT_RUN if name in catalog or name not in NOT_COMPARED] == []


@pytest.mark.parametrize("name", NOT_RUN)
def test_what_does_not_run_here_is_a_block_all_the_same(name: str) -> None:
    assert name in classes()
    assert brickwork.adopt(load(name)).check().faults == ()


@pytest.mark.parametrize("name", OTHERWISE)
def test_the_page_says_what_there_is_in_place_of_what_is_no_class(name: str) -> None:
    rows = PAGE.read_text().partition("## What is no pipeline class")[2].splitlines()
    (row,) = (each for each in rows if each.startswith("|") and name in each.split("|")[1])
    said = OTHERWISE[name]
    assert said in row
    assert not said.endswith(".py") or (ROOT / "examples" / said).is_file()
