"""Every guider on every family: a run that it changes as its formula says, or a refusal that names it.

Of one step of a run, what the solver is given is computed anew from the predictions that the family made, without a guider (`guided_steps.py`).

On the families of `SOME` those that ask something of the network, and every fourth of the others, which read predictions alone: all with `--long`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import pytest
import torch
from family_table import families
from guided_steps import guided_step
from guider_table import FULL

from brickwork import BrickworkError, ClassifierFreeGuidance, EmbeddedGuidance, SequentialPipelineBlocks
from brickwork.guiders import GUIDERS
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from tiny_sdxl import make_pipeline


class StableDiffusionXL:
    """The family that has tests of its own, drawn as the rows of the table are."""

    tasks: ClassVar = {"text2image": None}

    @cache  # noqa: B019 - one object
    def pipe(self) -> Any:
        made = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
        made.update_components(
            **{
                name: each
                for name, each in make_pipeline().components.items()
                if name in made.specs and each is not None
            }
        )
        made.configure(progress=False)
        return made

    def draw(self, task: str, guider: Any, without: Any, **inputs: Any) -> Any:
        self.pipe().update_components(guider=guider)
        return self.pipe()(
            prompt="a cat",
            negative_prompt="blue",
            height=32,
            width=32,
            output_type="pt",
            seed=7,
            output="images",
            **inputs,
        )


FAMILIES: dict[str, Any] = {name: each for name, each in families().items() if not each.like}
FAMILIES["sdxl"] = StableDiffusionXL()
UNGUIDED = ("ddpm", "consistency", "marigold")
"""Families whose network is told nothing that could be left out."""
GUIDED = [name for name in FAMILIES if name not in UNGUIDED]
SAME = "compares with a prediction that is told less, and unet is told nothing, so both would be the same"
NO_OTHER = "is told nothing that can be left out, so both would be the same"
LAYERS = "perturbs layers, and {} does not say which layers unet has"
LATENTS = "NormKeptGuidance works on the tokens of a transformer, and the denoiser of {} reads latents"
VIDEOS = [name for name, each in families().items() if each.output == "videos"]
"""Families that draw videos."""
DISTILLED = ("flux", "flux2", "hunyuan_video", "sana_sprint")
"""Families whose network is told a strength in every prediction."""
LAYERLESS = {
    "ddpm": "ddpm",
    "consistency": "consistency",
    "deepfloyd": "deepfloyd-if",
    "kandinsky22": "kandinsky-2.2",
    "kandinsky3": "kandinsky-3",
}
"""Families that do not say which layers their network has."""
REFUSED = {
    **{
        ("NormKeptGuidance", name): LATENTS.format(called)
        for name, called in {
            "ace_step": "ace-step",
            "animatediff": "animatediff",
            "animatediff_xl": "animatediff-xl",
            "auraflow": "auraflow",
            "cogvideox": "cogvideox",
            "cogview4": "cogview4",
            "deepfloyd": "deepfloyd-if",
            "dit": "dit",
            "hidream": "hidream",
            "hunyuan_dit": "hunyuan-dit",
            "hunyuan_video_15": "hunyuan-video-1.5",
            "kandinsky22": "kandinsky-2.2",
            "kandinsky3": "kandinsky-3",
            "kolors": "kolors",
            "mochi": "mochi",
            "pixart": "pixart-sigma",
            "sana": "sana",
            "sd3": "stable-diffusion-3",
            "stable_audio": "stable-audio",
            "stable_diffusion": "stable-diffusion",
            "svd": "stable-video-diffusion",
            "unclip": "stable-unclip",
            "wan": "wan",
            "z_image": "z-image",
        }.items()
    },
    **{("EmbeddedGuidance", name): "has no guidance built in" for name in GUIDED if name not in DISTILLED},
    **{("ImageTextGuidance", name): "compares with a prediction without image, and" for name in GUIDED},
    (
        "NormKeptGuidance",
        "sana_sprint",
    ): "works on the tokens of a transformer, and the denoiser of sana-sprint reads latents",
    (
        "NormKeptGuidance",
        "hunyuan_video",
    ): "works on the tokens of a transformer, and the denoiser of hunyuan-video reads latents",
    ("NormKeptGuidance", "sdxl"): LATENTS.format("stable-diffusion-xl"),
    **{
        ("PerturbedAttentionGuidance", name): "perturbs the scores of attention, and that of transformer is linear"
        for name in ("sana", "sana_sprint")
    },
    **{
        ("FrameScaledGuidance", name): "guides each frame of a video by itself, and"
        for name in FAMILIES
        if name not in VIDEOS
    },
    # DDPM is told nothing that could be left out for a second prediction.
    **{(name, "ddpm"): SAME for name in GUIDERS if name not in ("ClassifierGuidance", "EmbeddedGuidance")},
    **{(name, "consistency"): NO_OTHER for name in GUIDERS},
    **{(name, "marigold"): NO_OTHER for name in GUIDERS if name != "ClassifierGuidance"},
    ("ClassifierGuidance", "consistency"): "CMStochasticIterativeScheduler has no alphas_cumprod",
    **{("EmbeddedGuidance", name): "has no guidance built in" for name in UNGUIDED},
    **{
        (name, family): LAYERS.format(LAYERLESS[family])
        for name in ("AutoGuidance", "PerturbedAttentionGuidance", "SkipLayerGuidance", "SmoothedEnergyGuidance")
        for family in LAYERLESS
    },
}
"""What is for networks that were trained for it."""
SOME = [
    "animatediff",
    "animatediff_xl",
    "auraflow",
    "cogvideox",
    "cogview4",
    "deepfloyd",
    "hidream",
    "hunyuan_dit",
    "hunyuan_video",
    "hunyuan_video_15",
    "kandinsky3",
    "kolors",
    "ltx",
    "lumina2",
    "mochi",
    "pixart",
    "sana",
    "sana_sprint",
    "stable_audio",
    "ace_step",
    "svd",
    "unclip",
    "wan",
    "z_image",
]
OF_PREDICTIONS = [
    "AdaptiveProjectedGuidance",
    "AdaptiveProjectedMixGuidance",
    "ClassifierFreeGuidance",
    "ClassifierFreeZeroStarGuidance",
    "DynamicThresholding",
    "FrameScaledGuidance",
    "FrequencyDecoupledGuidance",
    "MagnitudeAwareGuidance",
    "TangentialClassifierFreeGuidance",
]
CELLS = len(FAMILIES) * len(GUIDERS)


def test_at_least_seventy_cells_run() -> None:
    assert CELLS - len(REFUSED) >= 70


@cache
def plain(family: str) -> torch.Tensor:
    task = next(iter(FAMILIES[family].tasks))
    guider = EmbeddedGuidance(guidance_scale=1.0) if family in DISTILLED else ClassifierFreeGuidance(enabled=False)
    drawn: torch.Tensor = drawn_by(family, task, guider)
    return drawn


def ready(family: str, task: str) -> Any:
    each = FAMILIES[family]
    return each.pipe() if family == "sdxl" else each.ready(task)


def drawn_by(family: str, task: str, guider: Any) -> Any:
    more = {"negative_prompt": "blue"} if family in DISTILLED else {}
    return FAMILIES[family].draw(task, guider=guider, num_inference_steps=4, without=("guidance_scale",), **more)


@pytest.mark.rotating(6)
@pytest.mark.parametrize("guider", sorted(GUIDERS))
@pytest.mark.parametrize("family", FAMILIES)
def test_a_guider_changes_what_a_family_draws_or_is_refused(
    family: str, guider: str, request: pytest.FixtureRequest
) -> None:
    is_alike = family in SOME and guider in OF_PREDICTIONS
    if is_alike and (OF_PREDICTIONS.index(guider) + SOME.index(family)) % 4 and not request.config.getoption("--long"):
        pytest.skip("reads predictions alone; --long")
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
    with guided_step(ready(family, task)) as seen:
        drawn = drawn_by(family, task, made)
    assert torch.isfinite(drawn).all()
    assert float((drawn - plain(family)).abs().max()) > 1e-4
    # Both are in single precision, of which the formula makes double: rounding, and that of sums over an image.
    assert seen.away() < 1e-4
