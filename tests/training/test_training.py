"""The scripts of the embedded model: data, training that goes on after a kill as if nothing had happened, watching."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedded_model.classifier import ThingClassifier, train
from embedded_model.networks import make_vae, train_tokenizers
from embedded_model.prepare import NAMES, fetch, fit
from embedded_model.scenes import SceneSource, time_ids
from embedded_model.sprites import DATA, STYLES
from embedded_model.train import Trainer, learning_rate, make_pool


def test_a_resumed_run_equals_one_that_was_never_stopped(tmp_path: Path) -> None:
    torch.manual_seed(0)
    train_tokenizers(tmp_path, SceneSource())
    make_vae().save_pretrained(tmp_path / "vae")
    pool = make_pool(tmp_path, 125, "cpu")

    whole = Trainer(tmp_path, pool, 4, "cpu")
    losses = [whole.advance(learning_rate(step, 4)) for step in range(4)]

    first = Trainer(tmp_path, pool, 4, "cpu")
    resumed = [first.advance(learning_rate(step, 4)) for step in range(2)]
    first.save()
    second = Trainer(tmp_path, make_pool(tmp_path, 125, "cpu"), 4, "cpu")
    second.resume()
    assert second.step == 2
    resumed += [second.advance(learning_rate(step, 4)) for step in range(2, 4)]

    assert resumed == losses
    for one, other in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole.digest() == second.digest() != first.digest()


def test_a_kept_step_leaves_samples_to_look_at_and_changes_nothing(tmp_path: Path) -> None:
    train_tokenizers(tmp_path, SceneSource())
    make_vae().save_pretrained(tmp_path / "vae")
    pool = make_pool(tmp_path, 125, "cpu")
    plain, watched = Trainer(tmp_path, pool, 4, "cpu"), Trainer(tmp_path, pool, 4, "cpu")
    plain.advance(1e-3)
    watched.advance(1e-3)
    watched.keep()
    with Image.open(tmp_path / "samples" / "step_000001.png") as grid:
        assert grid.size[0] == 8 * 96
    assert plain.advance(1e-3) == watched.advance(1e-3)
    assert plain.digest() == watched.digest()


def test_the_prepared_drawings_are_those_that_the_captions_name() -> None:
    sprites = np.load(DATA / "sprites.npz")["rgba"]
    things = json.loads((DATA / "things.json").read_text())
    assert sprites.shape == (len(things), len(STYLES), 64, 64, 4)
    assert len(things) >= 200
    nouns = [noun for words in things.values() for noun in words]
    assert len(nouns) == len(set(nouns))
    assert (sprites[..., 3] > 128).mean((2, 3)).min() > 0.05


def test_a_package_under_another_licence_is_refused(tmp_path: Path) -> None:
    root = tmp_path / NAMES.name / "package"
    root.mkdir(parents=True)
    stated = {"version": NAMES.version, "license": "MIT"}
    (root / "package.json").write_text(json.dumps(stated))
    assert fetch(NAMES, tmp_path) == root
    for change in ({"license": "CC-BY-NC-4.0"}, {"version": "18.0.0"}):
        (root / "package.json").write_text(json.dumps({**stated, **change}))
        with pytest.raises(SystemExit, match=next(iter(change.values()))):
            fetch(NAMES, tmp_path)


def test_a_drawing_is_cropped_centred_and_its_edges_keep_their_colour() -> None:
    image = Image.new("RGBA", (200, 200), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (20, 60, 120, 110))
    drawing = fit(image)
    rows, columns = np.where(drawing[..., 3] > 128)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (3, 60, 17, 45)
    assert (drawing[drawing[..., 3] > 0][:, 1] <= 2).all()


def test_the_classifier_learns_and_its_file_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "classifier.safetensors"
    train(3, 8, "cpu", target)
    monkeypatch.setattr("embedded_model.classifier.WEIGHTS", target)
    (ranking, style), *_ = ThingClassifier.load().judge([np.zeros((64, 64, 3), np.float32)])
    assert sorted(ranking) == list(range(len(SceneSource().pool.labels)))
    assert style in STYLES


def test_held_out_compositions_are_never_trained_on() -> None:
    source, rng = SceneSource(), random.Random(0)
    scenes = [source.training_scene(rng) for _ in range(500)]
    assert not any(scene.held_out for scene in scenes)
    assert any(source.scene(rng).held_out for _ in range(200))
    assert len({tuple(time_ids(scene)) for scene in scenes}) > 10
