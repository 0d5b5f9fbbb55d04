"""The embedded model draws what its prompts say. Thresholds are the measured shares (model card) less a margin."""

from __future__ import annotations

import random
import warnings

import diffusers
import pytest
import torch

from brickwork import ModularPipeline, embedded
from brickwork.presets.embedded import FOLDER
from embedded_model.evaluate import draw, shares
from embedded_model.oracle import (
    Picture,
    ThingOracle,
    background_colour,
    find_shapes,
    judge_shapes,
    judge_things,
)
from embedded_model.scenes import Scene, SceneSource

STEPS = 10
COUNT = 64


@pytest.fixture(scope="session")
def embedded_pipe() -> ModularPipeline:
    pipe = embedded()
    pipe.configure(progress=False)
    return pipe


@pytest.fixture(scope="session")
def source() -> SceneSource:
    return SceneSource()


@pytest.fixture(scope="session")
def oracle(source: SceneSource) -> ThingOracle:
    return ThingOracle(source.pool)


def scenes_of(source: SceneSource, kind: str, count: int, seed: int = 3) -> list[Scene]:
    rng = random.Random(seed)
    return [source.scene(rng, kind) for _ in range(count)]


def real_pictures(source: SceneSource, scenes: list[Scene]) -> list[Picture]:
    return list(((source.draw(scenes) + 1) / 2).permute(0, 2, 3, 1).numpy())


def test_the_oracle_reads_drawn_pictures(source: SceneSource, oracle: ThingOracle) -> None:
    scenes = scenes_of(source, "shapes", 100)
    judged = shares([judge_shapes(s, p) for s, p in zip(scenes, real_pictures(source, scenes), strict=True)])
    assert judged["all"] >= 0.97
    things = scenes_of(source, "thing", 100)
    judged = shares(judge_things(oracle, things, real_pictures(source, things)))
    assert judged["thing"] >= 0.95
    assert judged["background"] == 1.0


def test_the_oracle_sees_what_is_wrong(source: SceneSource, oracle: ThingOracle) -> None:
    scenes = scenes_of(source, "shapes", 60)
    pictures = real_pictures(source, scenes)
    shuffled = shares([judge_shapes(s, p) for s, p in zip(scenes[1:], pictures[:-1], strict=True)])
    assert shuffled["all"] <= 0.05
    things = scenes_of(source, "thing", 60)
    wrong = shares(judge_things(oracle, things[1:], real_pictures(source, things)[:-1]))
    assert wrong["thing"] <= 0.1


def test_shapes_are_drawn_as_the_prompts_say(embedded_pipe: ModularPipeline, source: SceneSource) -> None:
    scenes = scenes_of(source, "shapes", COUNT)
    pictures = draw(embedded_pipe, [s.caption for s in scenes], STEPS, 5.0)
    found = shares([judge_shapes(s, p) for s, p in zip(scenes, pictures, strict=True)])
    assert found["background"] >= 0.95, found
    assert found["colour"] >= 0.9, found
    assert found["count"] >= 0.9, found
    assert found["shape"] >= 0.85, found
    assert found["all"] >= 0.85, found


def test_things_are_drawn_as_the_prompts_say_and_guidance_helps(
    embedded_pipe: ModularPipeline, source: SceneSource, oracle: ThingOracle
) -> None:
    scenes = scenes_of(source, "thing", COUNT)
    prompts = [scene.caption for scene in scenes]
    guided = draw(embedded_pipe, prompts, STEPS, 5.0)
    found = shares(judge_things(oracle, scenes, guided))
    plain = shares(judge_things(oracle, scenes, draw(embedded_pipe, prompts, STEPS, 1.0)))
    shuffled = shares(judge_things(oracle, scenes[1:] + scenes[:1], guided))
    assert found["thing"] >= 0.92, found
    assert found["background"] >= 0.95, found
    assert found["thing"] >= plain["thing"] + 0.1, (found, plain)
    assert shuffled["thing"] <= 0.1, shuffled


def test_the_same_seed_gives_the_same_bytes(embedded_pipe: ModularPipeline) -> None:
    def picture() -> bytes:
        generator = torch.Generator().manual_seed(5)
        data: bytes = embedded_pipe(prompt="a cat", num_inference_steps=STEPS, generator=generator, output="images")[
            0
        ].tobytes()
        return data

    assert picture() == picture()


def test_two_red_circles_are_two_red_circles(embedded_pipe: ModularPipeline) -> None:
    (picture,) = draw(embedded_pipe, ["two red circles on a yellow background"], 20, 5.0, seed=1)
    found = find_shapes(picture)
    assert [(f.shape, f.colour) for f in found] == [("circle", "red")] * 2
    assert background_colour(picture) == "yellow"


def test_diffusers_own_pipeline_draws_the_same_pictures(embedded_pipe: ModularPipeline) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classic = diffusers.StableDiffusionXLPipeline.from_pretrained(FOLDER, torch_dtype=torch.float32)
    classic.set_progress_bar_config(disable=True)
    inputs = {"prompt": "a red apple", "num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "pt"}
    ours = embedded_pipe(**inputs, generator=torch.Generator().manual_seed(0), output="images")
    theirs = classic(**inputs, height=64, width=64, generator=torch.Generator().manual_seed(0)).images
    assert torch.equal(ours, theirs)


def test_the_latents_have_unit_variance(embedded_pipe: ModularPipeline, source: SceneSource) -> None:
    pictures = source.draw(scenes_of(source, "thing", 128))
    with torch.no_grad():
        latents = embedded_pipe.vae.encode(pictures).latent_dist.mean * embedded_pipe.vae.config.scaling_factor
    assert latents.mean((0, 2, 3)).abs().max() < 0.3
    assert (latents.std((0, 2, 3)) - 1).abs().max() < 0.3


def test_the_repository_is_small_and_carries_its_licences() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12_000_000
    names = {path.name for path in files}
    assert {"README.md", "LICENSE-DATA.md", "Apache-2.0.txt", "Unicode-3.0.txt", "things.json"} <= names
