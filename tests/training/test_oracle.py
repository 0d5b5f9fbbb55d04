"""The oracle reads drawn images right, and sees what is wrong with them."""

from __future__ import annotations

import random

import pytest
import torch
from attrs import evolve

from embedded_model.classifier import ThingClassifier
from embedded_model.evaluate import shares
from embedded_model.oracle import Oracle, Picture, judge_shapes, judge_things
from embedded_model.palette import COLOURS
from embedded_model.scenes import Layer, Scene, SceneSource
from embedded_model.shapes import SHAPES


def scenes_of(source: SceneSource, kind: str, count: int) -> list[Scene]:
    rng = random.Random(3)
    return [source.scene(rng, kind) for _ in range(count)]


def pictures_of(source: SceneSource, scenes: list[Scene]) -> list[Picture]:
    return list(((source.draw(scenes) + 1) / 2).permute(0, 2, 3, 1).numpy())


def drawn(source: SceneSource, background: str, *shapes: tuple[str, str, float, float, float]) -> torch.Tensor:
    """One image of shapes, each a kind, colour, scale and centre in -1..1."""
    layers = tuple(
        Layer(source.pool.first_shape + SHAPES.index(kind), colour, scale, x, y) for kind, colour, scale, x, y in shapes
    )
    return (source.draw([Scene("", background, layers)])[0] + 1) / 2


def test_shapes_are_read_with_every_attribute(scene_source: SceneSource) -> None:
    scenes = scenes_of(scene_source, "shapes", 200)
    pictures = pictures_of(scene_source, scenes)
    judged = shares([judge_shapes(s, p) for s, p in zip(scenes, pictures, strict=True)])
    assert judged["all"] >= 0.97, judged
    shuffled = shares([judge_shapes(s, p) for s, p in zip(scenes[1:], pictures[:-1], strict=True)])
    assert shuffled["all"] <= 0.05, shuffled


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("colour", COLOURS)
def test_each_shape_in_each_colour(shape: str, colour: str, scene_source: SceneSource, oracle: Oracle) -> None:
    background = "white" if colour != "white" else "black"
    picture = drawn(scene_source, background, (shape, colour, 0.7, 0.0, 0.0))
    assert oracle.shapes(picture) == [(shape, colour)]
    assert oracle.background(picture) == background


def test_counts_and_places_are_read_from_left_to_right(scene_source: SceneSource, oracle: Oracle) -> None:
    picture = drawn(scene_source, "yellow", ("star", "blue", 0.3, 0.6, -0.6), ("ring", "red", 0.4, -0.5, 0.5))
    assert oracle.shapes(picture) == [("ring", "red"), ("star", "blue")]
    (left_x, left_y), (right_x, right_y) = oracle.places(picture)
    assert left_x == pytest.approx(0.25, abs=0.03)
    assert left_y == pytest.approx(0.75, abs=0.03)
    assert right_x == pytest.approx(0.8, abs=0.03)
    assert right_y == pytest.approx(0.2, abs=0.03)


def test_an_empty_picture_holds_nothing(scene_source: SceneSource, oracle: Oracle) -> None:
    picture = drawn(scene_source, "green", ("circle", "green", 0.5, 0.0, 0.0))
    assert oracle.shapes(picture) == []
    assert oracle.colour(picture) is None


@pytest.mark.parametrize("attribute", ["background", "colour", "count", "position", "size"])
def test_one_wrong_attribute_is_the_one_that_is_named(attribute: str, scene_source: SceneSource) -> None:
    right = Scene(
        "", "white", (Layer(scene_source.pool.first_shape, "red", 0.36, -0.5, 0.0),), shapes=(("circle", "red"),)
    )
    told = evolve(right, position="left", size="small")
    wrong = {
        "background": evolve(right, background="pink"),
        "colour": evolve(right, layers=(evolve(right.layers[0], tint="blue"),)),
        "count": evolve(right, layers=(*right.layers, evolve(right.layers[0], x=0.5))),
        "position": evolve(right, layers=(evolve(right.layers[0], x=0.5),)),
        "size": evolve(right, layers=(evolve(right.layers[0], scale=0.95, x=-0.4),)),
    }[attribute]
    (fine, bad) = pictures_of(scene_source, [right, wrong])
    assert judge_shapes(told, fine)["all"]
    verdict = judge_shapes(told, bad)
    assert not verdict[attribute]
    assert [name for name, true in verdict.items() if not true and name not in {"all", attribute}] in (
        [],
        ["colour", "shape"],  # another count is another list of colours and shapes
    )


def test_things_are_read_and_shuffled_ones_are_not(scene_source: SceneSource, oracle: Oracle) -> None:
    scenes = scenes_of(scene_source, "thing", 100)
    pictures = pictures_of(scene_source, scenes)
    judged = shares(judge_things(oracle.things, scenes, pictures))
    assert judged["thing"] >= 0.95, judged
    assert judged["background"] == 1.0
    wrong = shares(judge_things(oracle.things, scenes[1:], pictures[:-1]))
    assert wrong["thing"] <= 0.05


def test_the_classifier_names_things_that_it_was_not_trained_on(scene_source: SceneSource) -> None:
    scenes = [scene for scene in scenes_of(scene_source, "thing", 2000) if scene.held_out]
    judged = ThingClassifier.load().judge(pictures_of(scene_source, scenes))
    right = [order[0] == scene.thing for (order, _), scene in zip(judged, scenes, strict=True)]
    assert sum(right) / len(right) >= 0.97
