"""The embedded model draws what its prompts say. Thresholds are the measured shares (model card) less a margin."""

from __future__ import annotations

import random
import warnings

import diffusers
import pytest
import torch

import brickwork
from brickwork import ModularPipeline
from brickwork.presets.embedded import FOLDER, known_words, unknown_words
from brickwork.presets.embedded.words import words_remarks
from embedded_model.classifier import ThingClassifier
from embedded_model.evaluate import draw, judge_by_classifier, shares
from embedded_model.oracle import Oracle, judge_shapes, judge_things
from embedded_model.scenes import Scene, SceneSource

STEPS = 10


@pytest.fixture
def count(many: int) -> int:
    """How many images are judged: as many as the thresholds were measured with only with `--long`."""
    return 64 if many > 1 else 32


def scenes_of(source: SceneSource, kind: str, count: int, seed: int = 3) -> list[Scene]:
    rng = random.Random(seed)
    return [source.scene(rng, kind) for _ in range(count)]


def test_shapes_are_drawn_as_the_prompts_say(
    embedded_pipe: ModularPipeline, scene_source: SceneSource, count: int
) -> None:
    scenes = scenes_of(scene_source, "shapes", count)
    pictures = draw(embedded_pipe, [s.caption for s in scenes], STEPS, 5.0)
    found = shares([judge_shapes(s, p) for s, p in zip(scenes, pictures, strict=True)])
    assert found["background"] >= 0.95, found
    assert found["colour"] >= 0.9, found
    assert found["count"] >= 0.9, found
    assert found["shape"] >= 0.85, found
    assert found["all"] >= 0.85, found


def test_things_are_drawn_as_the_prompts_say_and_guidance_helps(
    embedded_pipe: ModularPipeline, scene_source: SceneSource, oracle: Oracle, count: int
) -> None:
    scenes = scenes_of(scene_source, "thing", count)
    prompts = [scene.caption for scene in scenes]
    classifier = ThingClassifier.load()
    guided = draw(embedded_pipe, prompts, STEPS, 5.0)
    found = shares(judge_by_classifier(classifier, scenes, guided))
    shuffled = shares(judge_by_classifier(classifier, scenes[1:] + scenes[:1], guided))
    assert found["thing"] >= 0.95, found
    assert found["style"] >= 0.6, found
    assert shuffled["thing"] <= 0.05, shuffled
    near = shares(judge_things(oracle.things, scenes, guided))
    plain = shares(judge_things(oracle.things, scenes, draw(embedded_pipe, prompts, STEPS, 1.0)))
    assert near["background"] >= 0.95, near
    assert near["thing"] >= 0.85, near
    assert near["thing"] >= plain["thing"] + 0.15, (near, plain)


def test_the_same_seed_gives_the_same_bytes(embedded_pipe: ModularPipeline) -> None:
    def picture() -> bytes:
        generator = torch.Generator().manual_seed(5)
        data: bytes = embedded_pipe(prompt="a cat", num_inference_steps=STEPS, generator=generator, output="images")[
            0
        ].tobytes()
        return data

    assert picture() == picture()


def test_two_red_circles_are_two_red_circles(embedded_pipe: ModularPipeline, oracle: Oracle) -> None:
    (picture,) = draw(embedded_pipe, ["two red circles on a yellow background"], 20, 5.0, seed=1)
    assert oracle.shapes(picture) == [("circle", "red")] * 2
    assert oracle.background(picture) == "yellow"


def test_diffusers_own_pipeline_draws_the_same_pictures(embedded_pipe: ModularPipeline) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classic = diffusers.StableDiffusionXLPipeline.from_pretrained(FOLDER, torch_dtype=torch.float32)
    classic.set_progress_bar_config(disable=True)
    inputs = {"prompt": "a red apple", "num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "pt"}
    ours = embedded_pipe(**inputs, generator=torch.Generator().manual_seed(0), output="images")
    theirs = classic(**inputs, height=64, width=64, generator=torch.Generator().manual_seed(0)).images
    assert torch.equal(ours, theirs)


def test_a_prompt_can_be_checked_for_words_that_the_model_never_saw(scene_source: SceneSource) -> None:
    assert unknown_words("A purple truck, 3d style, on a white background!") == {}
    assert unknown_words("a pinguin and a zxqv") == {"pinguin": "penguin", "zxqv": None}
    assert words_remarks("a penguin") == []
    assert words_remarks("a pinguin") == [
        "'a pinguin': the embedded model does not know 'pinguin'. Did you mean 'penguin'?"
    ]
    (remark,) = words_remarks(" ".join(f"zx{letter}qv" for letter in "abcdefghij"))
    assert remark.endswith(
        "does not know 'zxaqv', 'zxbqv', 'zxcqv', 'zxdqv', 'zxeqv', 'zxfqv', 'zxgqv', 'zxhqv' and 2 more."
    )
    rng = random.Random(5)
    assert not any(unknown_words(scene_source.scene(rng).caption) for _ in range(500))
    assert known_words()["things"] == sorted(noun for nouns in scene_source.pool.nouns for noun in nouns)


def test_the_repository_is_small_and_carries_its_licences() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12_000_000
    names = {path.name for path in files}
    assert {"README.md", "LICENSE-DATA.md", "Apache-2.0.txt", "Unicode-3.0.txt", "words.json"} <= names


def test_a_task_is_chosen_by_name_and_an_unknown_one_is_refused_with_the_nearest() -> None:
    assert {"image", "mask_image"} <= set(brickwork.embedded(task="inpainting").blocks.input_names)
    with pytest.raises(brickwork.CompositionError, match=r"no task 'inpaintng'\. Did you mean 'inpainting'\?"):
        brickwork.embedded(task="inpaintng")
