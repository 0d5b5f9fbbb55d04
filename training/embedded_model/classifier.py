"""A small classifier of everyday things that judges the generator. It never sees a generated picture in training.

python -m embedded_model.classifier --steps 4000
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from .networks import default_device
from .scenes import Scene, SceneSource
from .sprites import DATA, STYLES

WEIGHTS = DATA / "classifier.safetensors"
WIDTHS = (32, 64, 128, 192)


class ThingClassifier(nn.Module):
    """Convolutions over pictures `[b, 3, 64, 64]` in -1..1, at half their size; scores of things and of styles."""

    def __init__(self, things: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for narrow, wide in zip((3, *WIDTHS[:-1]), WIDTHS, strict=True):
            layers += [nn.Conv2d(narrow, wide, 3, padding=1), nn.BatchNorm2d(wide), nn.GELU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.thing = nn.Linear(WIDTHS[-1] * 4, things)
        self.style = nn.Linear(WIDTHS[-1] * 4, len(STYLES))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Scores `[b, things]` and `[b, styles]`."""
        pooled = self.features(F.avg_pool2d(pictures, 2)).flatten(1)
        return self.thing(pooled), self.style(pooled)

    @classmethod
    def load(cls) -> ThingClassifier:
        """The trained classifier that lies beside the data."""
        weights = {name: value.float() for name, value in load_file(WEIGHTS).items()}
        classifier = cls(len(weights["thing.bias"]))
        # Counters of batches are not kept: they matter to training alone.
        classifier.load_state_dict(weights, strict=False)
        return classifier.eval()

    @torch.no_grad()
    def judge(self, pictures: Sequence[NDArray[np.float32]]) -> list[tuple[list[int], str]]:
        """Things, likeliest first, and the likeliest style of pictures `[64, 64, 3]` in 0..1."""
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) * 2 - 1
        things, styles = self(batch)
        ranked = things.argsort(1, descending=True).tolist()
        return [(order, STYLES[style]) for order, style in zip(ranked, styles.argmax(1).tolist(), strict=True)]


def degrade(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Blur, shift in colour, noise and holes: what must not decide which thing a picture shows."""
    count = len(pictures)

    def amount(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    pictures = torch.lerp(pictures, blurred, amount(0, 1, 1, 1, 1))
    pictures = pictures * amount(0.8, 1.2, 3, 1, 1) + amount(-0.15, 0.15, 3, 1, 1)
    pictures = pictures + torch.randn(pictures.shape, generator=generator) * amount(0, 0.15, 1, 1, 1)
    rows = torch.arange(64)
    top, left, side = amount(0, 64, 1), amount(0, 64, 1), amount(0, 20, 1)
    inside_y, inside_x = ((rows >= start) & (rows < start + side) for start in (top, left))
    hole = (inside_y[:, :, None] & inside_x[:, None, :])[:, None]
    return torch.where(hole, amount(-1, 1, 3, 1, 1), pictures)


def labels(scenes: list[Scene]) -> tuple[Tensor, Tensor]:
    """Indices of things and styles."""
    return torch.tensor([s.thing for s in scenes]), torch.tensor([STYLES.index(str(s.style)) for s in scenes])


@torch.no_grad()
def accuracy(classifier: ThingClassifier, scenes: list[Scene], pictures: Tensor) -> tuple[float, float]:
    """Shares of things and of styles that are right."""
    training = classifier.training
    found = classifier.eval()(pictures)
    classifier.train(training)
    thing, style = (float((s.argmax(1).cpu() == t).float().mean()) for s, t in zip(found, labels(scenes), strict=True))
    return thing, style


def train(steps: int, batch: int, device: str, target: Path) -> None:
    """Train on degraded drawings, test on drawings of compositions that were held out, and write the weights."""
    torch.manual_seed(2)
    source, rng, generator = SceneSource(), random.Random(23), torch.Generator().manual_seed(3)
    classifier = ThingClassifier(len(source.pool.labels)).to(device)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    test_rng = random.Random(77)
    test = [source.scene(test_rng, "thing") for _ in range(4000)]
    test = [scene for scene in test if scene.held_out]
    test_pictures = source.draw(test).to(device)
    started = time.monotonic()
    for step in range(1, steps + 1):
        scenes = [source.training_scene(rng, "thing") for _ in range(batch)]
        pictures = degrade(source.draw(scenes), generator).to(device)
        things, styles = (wanted.to(device) for wanted in labels(scenes))
        thing_scores, style_scores = classifier(pictures)
        loss = F.cross_entropy(thing_scores, things, label_smoothing=0.05) + 0.3 * F.cross_entropy(style_scores, styles)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0 or step == steps:
            thing, style = accuracy(classifier, test, test_pictures)
            passed = time.monotonic() - started
            print(
                f"step {step} {passed:.0f}s loss {loss:.3f} held out: thing {thing:.3f} style {style:.3f}", flush=True
            )
    kept = {name: value.half() for name, value in classifier.state_dict().items() if value.is_floating_point()}
    save_file(kept, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--device", default=default_device())
    parser.add_argument("--target", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    train(options.steps, options.batch, options.device, options.target)


if __name__ == "__main__":
    main()
