"""Networks that keep what they computed a step ago (diffusers' caches) are told whose step it is: by branch, as in the classic pipelines."""

from __future__ import annotations

import copy
from typing import Any

import diffusers
import pytest
import tiny_families
import torch
from diffusers.hooks import FirstBlockCacheConfig
from family_rows.flux import ASKED, FAMILY, NEGATIVE, true_guidance

from brickwork import SequentialPipelineBlocks
from brickwork.presets.flux import TEXT2IMAGE_BLOCKS

GIVEN = {**ASKED, "prompt": "a red circle", "num_inference_steps": 6, "output_type": "pt"}
TRUE = {**GIVEN, "negative_prompt": NEGATIVE["negative_prompt"][0]}


def transformer(threshold: float | None) -> Any:
    """One of several blocks, of which all but the first are left out where the first says nearly what it said a step ago."""
    torch.manual_seed(5)
    made = tiny_families.flux_transformer(num_layers=2, num_single_layers=2).eval()
    if threshold is not None:
        made.enable_cache(FirstBlockCacheConfig(threshold=threshold))
    return made


def parts(threshold: float | None) -> dict[str, Any]:
    own = FAMILY.parts("float32")
    return {**own, "scheduler": copy.deepcopy(own["scheduler"]), "transformer": transformer(threshold)}


def mine(threshold: float | None, guided: bool) -> torch.Tensor:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    predict: Any = blocks.sub_blocks["denoise"].sub_blocks["denoiser"]
    # As the classic, which asks for the two predictions one after the other.
    blocks.replace("denoise.denoiser", type(predict)(batching="sequential"))
    pipe = blocks.init_pipeline()
    pipe.update_components(**parts(threshold), **({"guider": true_guidance()} if guided else {}))
    pipe.configure(progress=False)
    drawn: torch.Tensor = pipe(**(TRUE if guided else GIVEN), seed=7, output="images")
    return drawn


@pytest.mark.parametrize("guided", [False, True])
def test_a_cached_network_draws_what_it_draws_in_the_classic_pipeline(guided: bool) -> None:
    classic = diffusers.FluxPipeline(**parts(0.3))
    classic.set_progress_bar_config(disable=True)
    given = {**TRUE, "true_cfg_scale": 2.5} if guided else GIVEN
    expected = classic(**given, generator=torch.Generator().manual_seed(7)).images
    assert torch.equal(mine(0.3, guided), expected)
    assert not torch.equal(mine(None, guided), expected)
