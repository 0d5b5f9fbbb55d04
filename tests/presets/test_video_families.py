"""Families of videos beside their classic pipelines: sizes and frames that they take by themselves, rates, and what does not fit."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from family_rows import cogvideox, hunyuan_video, ltx, mochi
from family_table import cast, families

from brickwork import ClassifierFreeGuidance, InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks.video.start_image import BeginWithImage
from brickwork.families.video.cogvideox import COGVIDEOX
from brickwork.families.video.ltx import LTX
from brickwork.presets import ltx as ltx_presets
from brickwork.presets.cogvideox import AUTO_BLOCKS

FAMILIES = families()
SIZE = {"height": 16, "width": 32}


def of_parts(name: str, blocks: Any, **made: Any) -> ModularPipeline:
    """A pipeline of blocks over the parts of a family, but for some."""
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    parts = {**FAMILIES[name].parts("float32"), **{key: cast(part, "float32") for key, part in made.items()}}
    pipe.update_components(**{key: part for key, part in parts.items() if key in pipe.component_names})
    pipe.configure(progress=False)
    return pipe


def run(pipe: ModularPipeline, **inputs: Any) -> Any:
    return pipe(
        prompt="a red circle", num_inference_steps=2, max_sequence_length=40, seed=7, output_type="pt", **inputs
    )


def test_a_video_has_the_size_and_frames_of_its_transformer_and_the_rate_that_is_asked_for() -> None:
    pipe = of_parts("cogvideox", cogvideox.TEXT2VIDEO_BLOCKS)
    state = run(pipe)
    assert list(state.videos.shape) == [1, 9, 3, 16, 32]
    assert state.frame_rate == 8
    assert run(pipe, frame_rate=16.0, num_frames=1).frame_rate == 16


def test_a_video_asks_for_video_to_video() -> None:
    pipe = of_parts("cogvideox", AUTO_BLOCKS)
    given = {"video": cogvideox.VIDEO, "strength": 0.6, **SIZE}
    for task, inputs in {"text2video": SIZE, "video2video": given}.items():
        alone = of_parts("cogvideox", FAMILIES["cogvideox"].tasks[task].blocks)
        assert torch.equal(run(pipe, **inputs).videos, run(alone, **inputs).videos)


def test_frames_that_are_there_for_the_transformer_alone_are_not_given_back() -> None:
    pipe = of_parts("cogvideox", cogvideox.TEXT2VIDEO_BLOCKS, transformer=cogvideox.patched())
    assert list(run(pipe, **SIZE, num_frames=9).latents.shape) == [1, 4, 3, 2, 4]


def test_a_video_of_half_patches_is_refused() -> None:
    pipe = of_parts("cogvideox", cogvideox.VIDEO2VIDEO_BLOCKS, transformer=cogvideox.patched())
    with pytest.raises(
        InputError, match="has 3 latents along time, and the transformer reads 2 as one: give a video of 5 or 13 frames"
    ):
        run(pipe, video=cogvideox.VIDEO, strength=0.6, **SIZE)
    with pytest.raises(InputError, match="has 1 latents along time, .* give a video of 5 frames"):
        run(pipe, video=cogvideox.VIDEO[:1], strength=0.6, **SIZE)


def test_places_that_were_learned_are_of_one_size() -> None:
    learned = cogvideox.transformer(use_rotary_positional_embeddings=True, use_learned_positional_embeddings=True)
    pipe = of_parts("cogvideox", cogvideox.TEXT2VIDEO_BLOCKS, transformer=learned)
    with pytest.raises(
        InputError, match="The latents are 4x4 .* learned places for 2x4 alone: leave height and width out"
    ):
        run(pipe, height=32, width=32)
    assert torch.isfinite(run(pipe).videos).all()
    assert COGVIDEOX.latents_fault(cogvideox.transformer(), torch.zeros(1, 4, 3, 4, 4)) is None


def test_each_video_has_its_own_draw_of_the_image() -> None:
    """Within 1e-4 of each alone, as kernels round batches of other sizes otherwise."""
    pipe = of_parts("cogvideox", cogvideox.IMAGE2VIDEO_BLOCKS, transformer=cogvideox.beside()())
    given = {"prompt": "a red circle", "image": picture(3, 32), **SIZE, "num_frames": 5, "output_type": "pt"}
    asked = {**given, "num_inference_steps": 2, "max_sequence_length": 40}
    both = pipe(**asked, num_images_per_prompt=2, seed=[7, 8], output="videos")
    for row, seed in zip(both, (7, 8), strict=True):
        assert float((pipe(**asked, seed=seed, output="videos")[0] - row).abs().max()) < 1e-4
    assert float((both[0] - both[1]).abs().max()) > 1e-3


def test_nothing_said_is_told_as_no_token_where_the_repository_says_so() -> None:
    """The classic also blanks every row of a batch whose last text is empty."""
    family = FAMILIES["mochi"]
    given = {name: each for name, each in mochi.ASKED.items() if name != "negative_prompt"} | {
        "prompt": "a red circle",
        "output_type": "pt",
    }
    classic = family.classic(diffusers.MochiPipeline, family.parts("float32"), force_zeros_for_empty_prompt=True)
    expected = classic(**given, generator=torch.Generator().manual_seed(7)).frames
    assert torch.equal(family.ready("text2video")(**given, seed=7, output="videos"), expected)


def test_a_transformer_that_is_told_no_strength_is_guided_by_what_is_said() -> None:
    plain = hunyuan_video.transformer(guidance_embeds=False)
    pipe = of_parts("hunyuan_video", hunyuan_video.TEXT2VIDEO_BLOCKS, transformer=plain)
    pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=2.0))
    given = {
        "prompt": "a red circle",
        **SIZE,
        "num_frames": 5,
        "num_inference_steps": 2,
        "output_type": "pt",
        "seed": 7,
    }
    drawn = [pipe(**given, negative_prompt=said, max_sequence_length=90, output="videos") for said in ("blue", "green")]
    assert not torch.equal(*drawn)


def test_the_second_text_is_read_which_the_classic_ignores() -> None:
    family = FAMILIES["hunyuan_video"]
    classic = family.classic(diffusers.HunyuanVideoPipeline, family.parts("float32"))
    asked = {**hunyuan_video.ASKED, "num_frames": 5, "output_type": "pt", "num_inference_steps": 1}
    theirs = [
        classic(**asked, prompt_2=said, generator=torch.Generator().manual_seed(7)).frames for said in ("red", "a dog")
    ]
    assert torch.equal(*theirs)
    ours = [family.draw("text2video", prompt_2=said, num_inference_steps=1) for said in ("red", "a dog")]
    assert not torch.equal(*ours)


def test_a_little_strength_is_much_of_the_video() -> None:
    family = FAMILIES["hunyuan_video"]
    state = family.ready("video2video")(
        **{**hunyuan_video.ASKED, "video": hunyuan_video.VIDEO, "strength": 0.3, "seed": 7}
    )
    assert len(state.timesteps) == 1
    assert list(state.latents.shape) == [2, 4, 2, 2, 4]


def test_an_image_asks_for_a_video_that_begins_with_it() -> None:
    pipe = of_parts("ltx", ltx_presets.AUTO_BLOCKS)
    size = {"height": 32, "width": 64, "num_frames": 9}
    for task, inputs in {"text2video": {}, "image2video": {"image": picture(3, 64)}}.items():
        alone = of_parts("ltx", FAMILIES["ltx"].tasks[task].blocks)
        assert torch.equal(run(pipe, **size, **inputs).videos, run(alone, **size, **inputs).videos)


def test_the_first_frame_stays_as_it_is() -> None:
    pipe = of_parts("ltx", ltx.IMAGE2VIDEO_BLOCKS)
    state = run(pipe, image=picture(3, 64), height=32, width=64, num_frames=9)
    assert torch.equal(state.latents[:, :, :1], state.kept_latents)
    given = torch.zeros_like(state.latents)
    again = run(pipe, image=picture(3, 64), height=32, width=64, num_frames=9, latents=given)
    assert torch.equal(again.kept_latents, state.kept_latents)


def test_the_rate_is_told_and_another_number_of_noise_levels_is_refused() -> None:
    family = FAMILIES["ltx"]
    drawn = [family.draw("text2video", frame_rate=rate) for rate in (None, 25.0, 12.5)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[2])
    pipe = of_parts("ltx", ltx.TEXT2VIDEO_BLOCKS, vae=ltx.told_vae())
    for name in ("decode_timestep", "decode_noise_scale"):
        with pytest.raises(
            InputError, match=f"{name} holds 3 numbers, and there are 1 videos; give one number, or one for each"
        ):
            run(pipe, height=32, width=64, num_frames=9, **{name: [0.1, 0.2, 0.3]})


def test_one_step_goes_from_noise_to_the_video() -> None:
    drawn = FAMILIES["mochi"].draw("text2video", num_inference_steps=1)
    assert torch.isfinite(drawn).all()
    family = FAMILIES["mochi"]
    classic = family.classic(diffusers.MochiPipeline, family.parts("float32"))
    with pytest.raises(ZeroDivisionError):
        classic(**{**mochi.ASKED, "num_inference_steps": 1})


def test_a_block_alone_refuses_latents_of_another_number_of_videos() -> None:
    """The image says how many there are, with the prompts."""
    block = BeginWithImage.bind(LTX)()
    with pytest.raises(InputError, match="latents have 2 rows .*, and there are 4 videos; give one row for each"):
        block.run(torch.zeros(2, 4, 1, 1, 2), torch.zeros(2, 4, 2, 1, 2), 2, torch.float32, 2)
