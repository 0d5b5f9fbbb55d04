"""The blocks of this package do what pipelines rely on: `check_block` over each, with what tiny models of a family give it.

Blocks are those of the catalog (`own_blocks`), and what they are given is seen where they run: a new block that stands in one of the
compositions of `block_sources` is checked without being named here, and one that stands in none makes a test fail.
"""

from __future__ import annotations

from typing import Any

import pytest
from block_sources import catalog, plan
from family_table import families

from brickwork import InputError
from brickwork.testing import check_block

NOT_CHECKED: dict[str, str] = {
    "PredictParts": "to derive from: it makes the prediction of PredictNoise",
    "DecodeDrawn": "runs between two families, which presets/test_families_in_turn.py gives",
    "HandOnPromptEmbeds": "runs where embeddings stand beside images, which presets/test_flux.py gives",
    "HandOnPixels": "runs between stages of pixels, which presets/test_deepfloyd.py gives",
    "DecodeDepthControl": "runs between two families, which presets/test_marigold.py gives",
    "WanImage2VideoAutoBlocks": "has the blocks of wan.image2video under other names of tasks, which saving/test_index_blocks.py opens",
    **dict.fromkeys(
        (
            "GatherClipFeatures",
            "GatherFeatures",
            "JudgeImages",
            "MeasureClipScore",
            "MeasureDirection",
            "MeasureFID",
            "MeasureImageSimilarity",
            "MeasureInceptionScore",
            "MeasureKID",
            "MeasureLPIPS",
            "MeasurePSNR",
            "MeasureSSIM",
            "OverImages",
            "Reconstruct",
        ),
        "says numbers of many images, which blocks/measures/ compares with reference libraries",
    ),
    **dict.fromkeys(
        ("ComputeLoss", "EncodePixels", "LoadBatch", "NoiseBatch", "Optimise", "PredictTarget", "TrainDenoiser"),
        "changes networks in a loop of training, which presets/training/ compares with one by hand",
    ),
}
"""Blocks that no composition can show alone, each with the reason."""
NOT_ASKED: dict[str, tuple[tuple[str, ...], str]] = {}
"""Checks that are not asked of a block, by its name, each with the reason."""
NOT_MADE: dict[str, tuple[tuple[str, ...], str]] = {
    "FluxAutoBlocks": (("extra_channels",), "have the size of the latents; others are refused, at the denoiser"),
}
"""Inputs that containers are not given, each with the reason."""
PLAN, LEFT = plan()
SLOW = {"device", "save and open", "threads"}
"""Checks that only `--long` makes. torch imports 800 modules for the first operation on the meta device."""
EVERY_TIME = ("embeddings", "ddpm", "dit", "flux text2image", "flux image2image", "flux inpainting", "regions")
"""Beginnings of the names of compositions whose blocks are checked in every run; those of others, and containers, with `--long`."""


@pytest.mark.rotating(2)
@pytest.mark.parametrize("source", PLAN)
def test_no_fault_is_found_in_a_block(source: str, request: pytest.FixtureRequest) -> None:
    made, names = PLAN[source]
    is_long = request.config.getoption("--long")
    if not is_long and not source.startswith(EVERY_TIME):
        pytest.skip("only with --long")
    seen = made.seen()
    assert names - seen.keys() <= NOT_CHECKED.keys()
    for name in sorted(names & seen.keys()):
        each: Any = seen[name]
        if not is_long and hasattr(each.block, "sub_blocks"):
            continue
        left_out = {*NOT_ASKED.get(name, ((), ""))[0], *(() if is_long else SLOW)}
        report = check_block(
            each.block,
            components=each.components,
            inputs={**each.inputs, **dict.fromkeys(NOT_MADE.get(name, ((), ""))[0])},
            examples=20 if is_long else 1,
            skip=left_out,
        )
        assert "runs" in report.checked


def test_every_block_of_the_catalog_is_checked_or_listed() -> None:
    assert not LEFT - NOT_CHECKED.keys()
    assert NOT_CHECKED.keys() | NOT_ASKED.keys() | NOT_MADE.keys() <= catalog(), "what is listed exists"


def test_an_end_before_the_first_timestep_is_refused() -> None:
    """Found by the check: the images were the noise that they began from."""
    with pytest.raises(
        InputError, match=r"No timestep is left before denoising_end=0.5; use more steps, or a later end."
    ):
        families()["ddpm"].draw(
            next(iter(families()["ddpm"].tasks)), timesteps=[0], denoising_end=0.5, without=("num_inference_steps",)
        )
