"""Videos that are drawn anew where masks are white: the rest is bit-equal, and a mask of ones is video to video."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from family_table import families

from brickwork import InputError, SequentialPipelineBlocks
from brickwork.presets import animatediff, hunyuan_video, hunyuan_video_15, wan

FAMILIES = families()
PRESETS = {"animatediff": animatediff, "hunyuan_video": hunyuan_video, "hunyuan_video_15": hunyuan_video_15, "wan": wan}


def run(name: str, blocks: Any, **inputs: Any) -> Any:
    family = FAMILIES[name]
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    parts = family.parts("float32")
    pipe.update_components(**{key: part for key, part in parts.items() if key in pipe.component_names})
    pipe.configure(progress=False)
    given = {**family.tasks["video2video"].given, "num_inference_steps": 3, "strength": 0.7, "output_type": "latent"}
    return pipe(**{**given, "seed": 7, **inputs})


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_black_stays_bit_for_bit_and_ones_are_video_to_video(name: str) -> None:
    preset = PRESETS[name]
    plain = run(name, preset.VIDEO2VIDEO_BLOCKS)
    frames, (height, width) = plain.num_frames, (16 * plain.latents.shape[-2], 16 * plain.latents.shape[-1])
    ones = run(name, preset.INPAINT_BLOCKS, mask=torch.ones(frames, 1, height, width))
    assert torch.equal(ones.latents, plain.latents)
    mask = torch.zeros(frames, 1, height, width)
    mask[-1, :, :, : width // 2] = 1
    state = run(name, preset.INPAINT_BLOCKS, mask=mask)
    stays = (state.mask == 0).expand_as(state.latents)
    assert torch.equal(state.latents[stays], state.image_latents[stays])
    assert not torch.equal(state.latents[~stays], state.image_latents[~stays])
    assert state.mask[:, :, 0].max() == 0
    assert 0 < state.mask[:, :, -1].mean() < 1


def test_masks_of_other_numbers_of_frames_are_refused() -> None:
    with pytest.raises(InputError, match="mask has 2 frames, and video 3; give a mask for each frame, or one for all"):
        run("animatediff", animatediff.INPAINT_BLOCKS, mask=torch.ones(2, 1, 32, 32))
