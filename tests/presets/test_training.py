"""The training script of the embedded model goes on after a kill as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import torch

from embedded_model.networks import make_vae, train_tokenizers
from embedded_model.scenes import SceneSource, time_ids
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


def test_held_out_compositions_are_never_trained_on() -> None:
    import random

    source, rng = SceneSource(), random.Random(0)
    scenes = [source.training_scene(rng) for _ in range(500)]
    assert not any(scene.held_out for scene in scenes)
    assert any(source.scene(rng).held_out for _ in range(200))
    assert len({tuple(time_ids(scene)) for scene in scenes}) > 10
