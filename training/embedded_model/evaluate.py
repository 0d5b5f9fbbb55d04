"""Measure a model on compositions that were kept from its training: shapes by the oracle, things by a classifier.

cd training && ../.venv/bin/python -m embedded_model.evaluate --model ../presets/embedded/model
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from pathlib import Path

import torch

from brickwork import ModularPipeline

from .classifier import ThingClassifier
from .oracle import Picture, ThingOracle, as_picture, judge_shapes, judge_things
from .scenes import Scene, SceneSource

BATCH = 32


def held_out_scenes(source: SceneSource, kind: str, count: int, seed: int) -> list[Scene]:
    """Scenes of shapes that training never saw; of things, those with a named colour never seen on that background."""
    rng = random.Random(seed)
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = source.scene(rng, kind)
        if scene.held_out or (kind == "thing" and not scene.key):
            scenes.append(scene)
    return scenes


def draw(pipe: ModularPipeline, prompts: list[str], steps: int, guidance_scale: float, seed: int = 0) -> list[Picture]:
    """Pictures for prompts, each from a seed of its own."""
    pictures: list[Picture] = []
    for start in range(0, len(prompts), BATCH):
        part = prompts[start : start + BATCH]
        generators = [torch.Generator().manual_seed(seed + start + i) for i in range(len(part))]
        images = pipe(
            prompt=part,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            generator=generators,
            output="images",
        )
        pictures += [as_picture(image) for image in images]
    return pictures


def shares(verdicts: list[dict[str, bool]]) -> dict[str, float]:
    """Share of pictures that are right, per attribute."""
    by_name: dict[str, list[bool]] = defaultdict(list)
    for verdict in verdicts:
        for name, right in verdict.items():
            by_name[name].append(right)
    return {name: sum(right) / len(right) for name, right in by_name.items()}


def judge_by_classifier(
    classifier: ThingClassifier, scenes: list[Scene], pictures: list[Picture]
) -> list[dict[str, bool]]:
    """Whether each picture shows the thing of its scene, and the style where it was named."""
    verdicts = []
    for scene, (ranking, style) in zip(scenes, classifier.judge(pictures), strict=True):
        verdict = {"thing": ranking[0] == scene.thing, "thing among five": scene.thing in ranking[:5]}
        if scene.style_named:
            verdict["style"] = style == scene.style
        verdicts.append(verdict)
    return verdicts


def measure(pipe: ModularPipeline, count: int, steps: int, guidance_scale: float) -> dict[str, dict[str, float]]:
    """Shares of right pictures of shapes, of things, and of things whose prompts were shuffled."""
    source = SceneSource()
    shapes, things = (held_out_scenes(source, kind, count, 7) for kind in ("shapes", "thing"))
    oracle, classifier = ThingOracle(source.pool), ThingClassifier.load()
    drawn = draw(pipe, [scene.caption for scene in shapes], steps, guidance_scale)
    result = {"shapes": shares([judge_shapes(s, p) for s, p in zip(shapes, drawn, strict=True)])}
    drawn = draw(pipe, [scene.caption for scene in things], steps, guidance_scale)
    result["things, by the classifier"] = shares(judge_by_classifier(classifier, things, drawn))
    result["things, by the nearest drawing"] = shares(judge_things(oracle, things, drawn))
    shuffled = things[1:] + things[:1]
    result["things, prompts shuffled"] = shares(judge_by_classifier(classifier, shuffled, drawn))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--count", type=int, default=384, help="pictures of each kind")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 3.0, 5.0])
    options = parser.parse_args()
    pipe = ModularPipeline.from_pretrained(str(options.model)).load_components()
    pipe.configure(progress=False)
    for scale in options.guidance:
        for kind, found in measure(pipe, options.count, options.steps, scale).items():
            line = "  ".join(f"{name} {share:.3f}" for name, share in found.items())
            print(f"guidance {scale:g}, {kind}: {line}", flush=True)


if __name__ == "__main__":
    main()
