"""Videos of Wan: repositories open as their task, frames are counted, shown and said, and what does not fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from coarse_images import half_mask, picture
from family_table import cast, families
from in_threads import in_threads

import brickwork
from brickwork import InputError, ModularPipeline
from brickwork.blocks.steps.decode import decoded_by
from brickwork.families.video.wan import WAN
from brickwork.pipeline.images.previews import Previews

FAMILY = families()["wan"]
GIVEN = FAMILY.tasks["text2video"].given
VIDEO = FAMILY.tasks["video2video"].given


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Wan as diffusers saves it, with one network and with two."""
    folder = tmp_path_factory.mktemp("wan")
    for name, task in {"one": "text2video", "two": "two networks", "tokens": "timesteps of tokens"}.items():
        asked = FAMILY.tasks[task]
        torch.manual_seed(1)
        parts = {**FAMILY.parts("float32"), **{key: make().eval() for key, make in asked.parts.items()}}
        FAMILY.classic(asked.classic, parts, **asked.classic_options).save_pretrained(folder / name)
    return folder


@pytest.mark.parametrize("name", ["one", "two", "tokens"])
def test_a_repository_of_either_layout_draws_what_the_classic_draws(
    repositories: Path, name: str, tmp_path: Path
) -> None:
    import diffusers

    classic = diffusers.WanPipeline.from_pretrained(repositories / name)
    classic.set_progress_bar_config(disable=True)
    given = {**FAMILY.tasks["timesteps of tokens"].given, "output_type": "pt"}
    expected = classic(**given, generator=torch.Generator().manual_seed(7)).frames
    opened = ModularPipeline.from_pretrained(str(repositories / name)).load_components()
    opened.configure(progress=False)
    assert (
        opened.blocks.sub_blocks["denoise"].family.name
        == {"one": "wan", "two": "wan-2.2", "tokens": "wan-2.2-tokens"}[name]
    )
    assert ("transformer_2" in opened.component_names) == (name == "two")
    # The classic makes one prediction after another, which rounds otherwise.
    drawn = opened(**given, generator=torch.Generator().manual_seed(7), output="videos")
    assert torch.allclose(drawn, expected, rtol=0, atol=1e-5)
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    again.configure(progress=False)
    assert torch.equal(again(**given, generator=torch.Generator().manual_seed(7), output="videos"), drawn)


def test_a_repository_of_timesteps_of_tokens_begins_with_an_image(tmp_path: Path) -> None:
    asked = FAMILY.tasks["image2video by timesteps of tokens"]
    theirs = FAMILY.classic(asked.classic, FAMILY.parts("float32"), **asked.classic_options)
    theirs.save_pretrained(tmp_path)
    # As the released index has it: the classic class of this test is one of its own.
    index = tmp_path / "model_index.json"
    index.write_text(index.read_text().replace(type(theirs).__name__, "WanImageToVideoPipeline"))
    opened = ModularPipeline.from_pretrained(str(tmp_path)).load_components()
    opened.configure(progress=False)
    state = opened(**{**asked.given, "seed": 7, "output_type": "latent"})
    assert torch.equal(state.latents[:, :, :1], state.kept_latents)


@pytest.mark.parametrize("task", ["video2video by timesteps of tokens", "video2video by two networks"])
def test_little_strength_is_much_of_the_video(task: str) -> None:
    """Of two networks, the first may have no step left."""
    asked = FAMILY.tasks[task]
    pipe = FAMILY.pipe(task, "strength", asked.blocks, "batched")
    torch.manual_seed(1)
    parts = {**FAMILY.parts("float32"), **{key: cast(make(), "float32") for key, make in asked.parts.items()}}
    pipe.update_components(**{key: part for key, part in parts.items() if key in pipe.component_names})
    given = {**asked.given, "seed": 7, "output_type": "latent", "height": 32, "width": 32}
    drawn = [pipe(**{**given, "strength": strength}) for strength in (0.21, 1.0)]
    assert [len(each.timesteps) for each in drawn] == [1, 5]
    far = [float((each.latents - each.image_latents).abs().mean()) for each in drawn]
    assert far[0] < far[1]


def test_a_run_gives_frames_as_images_with_their_rate_and_a_preview_for_each_step() -> None:
    pipe = FAMILY.ready("text2video")
    previews = Previews(FAMILY.parts("float32")["vae"], WAN)
    pipe.configure(listeners=[previews])
    try:
        state = pipe(**{**GIVEN, "seed": 7, "output_type": "pil"})
    finally:
        pipe.configure(listeners=())
    assert [[frame.size for frame in video] for video in state.videos] == [[(32, 16)] * 5] * 2
    assert state.frame_rate == 16
    assert [each.size for each in previews.images] == [(16, 8)] * 3


def test_a_recipe_of_a_video_makes_it_again() -> None:
    pipe = FAMILY.ready("text2video")
    # One that has decoded nothing yet: at its first call it makes what it keeps of frames.
    vae = type(pipe.vae).from_config(pipe.vae.config).eval()
    vae.load_state_dict(pipe.vae.state_dict())
    pipe.update_components(vae=vae)
    first = pipe(**{**GIVEN, "seed": 7, "output_type": "pt"})
    again = brickwork.replay(first, components=pipe)
    assert torch.equal(again.videos, first.videos)


@pytest.mark.parametrize(
    ("task", "inputs", "words"),
    [
        ("text2video", {"num_frames": 6}, "num_frames is 6; the VAE makes one frame, and 4 more for each further latent. The nearest are 5 and 9"),
        ("text2video", {"height": 24}, "height"),
        ("text2video", {"latents": torch.zeros(2, 4, 1, 2, 4)}, r"latents have the shape \[2, 4, 1, 2, 4\]; 2 videos of 5 frames of 16x32 need \[2, 4, 2, 2, 4\]"),
        ("text2video", {"latents": torch.zeros(2, 4, 2, 4)}, "latents"),
        ("video2video", {"video": VIDEO["video"][:4]}, "video: num_frames is 4; .* The nearest are 1 and 5"),
        ("video2video", {"video": []}, "video has no frames; give its frames as images, or what load_video"),
        ("video2video", {"video": [VIDEO["video"], []]}, "video has no frames"),
        ("video2video", {"video": [VIDEO["video"], VIDEO["video"][:1]]}, "video holds videos of 1, 5 frames; give videos of one length"),
        ("video2video", {"video": "cat"}, "video"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(task: str, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FAMILY.draw(task, **inputs)


def test_one_video_may_be_a_list_an_array_or_a_tensor_and_several_one_for_each_prompt() -> None:
    import numpy as np

    array = np.stack([np.asarray(each, dtype="float32") / 255 for each in VIDEO["video"]])
    tensor = torch.from_numpy(array).movedim(-1, 1)
    size = {"height": 32, "width": 32}
    drawn = FAMILY.draw("video2video", **size)
    for given in (array, tensor, tensor[None], [tensor], [VIDEO["video"]]):
        assert torch.equal(FAMILY.draw("video2video", video=given, **size), drawn)
    other = [picture(9, 32)] * 5
    both = FAMILY.draw("video2video", video=[VIDEO["video"], other], prompt=[VIDEO["prompt"]] * 2, seed=[7, 8], **size)
    assert float((both[0] - drawn[0]).abs().max()) < 1e-4
    assert float((both[1] - drawn[0]).abs().max()) > 1e-3


@pytest.fixture(scope="module")
def of_image() -> ModularPipeline:
    """The tiny Wan that begins with an image and ends with another one."""
    asked = FAMILY.tasks["image2video"]
    pipe = FAMILY.pipe("image2video", "ends", asked.blocks, "batched")
    torch.manual_seed(1)
    parts = {**asked.parts, **FAMILY.features["last image"].parts}
    pipe.update_components(
        **{**FAMILY.parts("float32"), **{key: cast(make(), "float32") for key, make in parts.items()}}
    )
    return pipe


def test_the_last_image_needs_a_frame_of_its_own(of_image: ModularPipeline) -> None:
    given = {**FAMILY.tasks["image2video"].given, "last_image": picture(5, 32), "seed": 7}
    with pytest.raises(InputError, match="last_image is given, and num_frames is 1; give 2 or more"):
        of_image(**{**given, "num_frames": 1})


def test_each_prompt_may_have_its_own_first_and_last_image(of_image: ModularPipeline) -> None:
    """Within 1e-4, as kernels round batches of other sizes otherwise."""
    given = {**FAMILY.tasks["image2video"].given, "output_type": "pt"}
    images, last = [picture(3, 32), picture(4, 32)], picture(5, 32)
    both = of_image(**{**given, "image": images, "last_image": last, "seed": [7, 8]}, output="videos")
    assert float((both[0] - both[1]).abs().max()) > 1e-3
    for place, seed in enumerate((7, 8)):
        own = {name: given[name][place] for name in ("prompt", "negative_prompt")}
        alone = of_image(**{**given, **own, "image": images[place], "last_image": last, "seed": seed}, output="videos")
        assert float((alone[0] - both[place]).abs().max()) < 1e-4


@pytest.fixture(scope="module")
def steered() -> ModularPipeline:
    """The tiny VACE."""
    asked = FAMILY.tasks["steered"]
    pipe = FAMILY.pipe("steered", "steered", asked.blocks, "batched")
    torch.manual_seed(1)
    made = {key: cast(make(), "float32") for key, make in asked.parts.items()}
    parts = {**FAMILY.parts("float32"), **made}
    pipe.update_components(**{key: part for key, part in parts.items() if key in pipe.component_names})
    return pipe


def steered_by(pipe: ModularPipeline, **inputs: Any) -> Any:
    given = {**FAMILY.tasks["steered"].given, "num_inference_steps": 2, "output_type": "pt", "seed": 7}
    return pipe(**{**given, **inputs}, output="videos")


FILM = [picture(seed, 16) for seed in range(5)]


def test_each_video_is_steered_by_its_own_and_reference_images_are_for_all(steered: ModularPipeline) -> None:
    """Within 1e-4, as kernels round batches of other sizes otherwise; the classic takes one video and no generators."""
    films, masks = [FILM, FILM[::-1]], [[half_mask(16)] * 5, [picture(9, 16)] * 5]
    given = {"mask": masks, "reference_images": picture(7, 32), "conditioning_scale": 0.7}
    both = steered_by(steered, prompt=["a red circle", "blue"], video=films, **{**given, "seed": [7, 8]})
    assert both.shape[1] == 5
    for place, (prompt, seed) in enumerate((("a red circle", 7), ("blue", 8))):
        own = {**given, "mask": masks[place], "seed": seed}
        alone = steered_by(steered, prompt=prompt, video=films[place], **own)
        assert float((alone[0] - both[place]).abs().max()) < 1e-4
    assert not torch.equal(steered_by(steered, video=FILM, conditioning_scale=0.0), steered_by(steered, video=FILM))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"mask": [half_mask(16)] * 5}, "mask is given, and says which places of a video are drawn anew: give video=..., too"),
        ({"video": FILM, "mask": [half_mask(16)] * 3}, "mask has 1 videos of 3 frames, and video 1 of 5"),
        ({"video": FILM, "mask": [[half_mask(16)] * 5] * 2}, "mask has 2 videos of 5 frames, and video 1 of 5"),
        ({"video": FILM[:4]}, "video: num_frames is 4"),
        ({"num_frames": 6}, "num_frames is 6; the VAE makes one frame"),
        ({"video": []}, "video has no frames"),
        ({"video": FILM, "mask": []}, "mask has no frames"),
        ({"reference_images": torch.full((1, 3, 16, 16), 7.0)}, "reference_images"),
        ({"conditioning_scale": [0.1, 0.2, 0.3]}, "conditioning_scale holds 3 weights, and the denoiser is steered in 2 layers; give one weight, or one for each"),
    ],
)  # fmt: skip
def test_what_steers_nothing_is_refused(steered: ModularPipeline, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        steered_by(steered, **inputs)


def test_videos_of_several_threads_are_those_of_one() -> None:
    """A VAE of Wan keeps frames on itself while it is called."""
    pipe = FAMILY.ready("video2video")
    asked = {**FAMILY.tasks["video2video"].given, "num_inference_steps": 2, "output_type": "pt", "output": "videos"}
    alone = [pipe(**asked, seed=seed) for seed in range(4)]
    for each, expected in zip(in_threads(lambda seed: pipe(**asked, seed=seed), 4), alone, strict=True):
        assert torch.equal(each, expected)
    vae, latents = pipe.vae, [torch.randn(1, pipe.vae.config.z_dim, 3, 4, 8) for _ in range(8)]
    with torch.inference_mode():
        one_by_one = [decoded_by(WAN, vae, each) for each in latents]

        def decode(number: int) -> torch.Tensor:
            with torch.inference_mode():
                return decoded_by(WAN, vae, latents[number])

        assert all(map(torch.equal, in_threads(decode, 8), one_by_one))
