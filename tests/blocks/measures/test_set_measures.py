"""FID, KID and the inception score equal torchmetrics with an injected extractor; features are gathered over a loop and come from snapshots."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from measured_images import as_tensor, noise_images
from scipy.linalg import sqrtm

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.blocks.measures import (
    GatherFeatures,
    MeasureFID,
    MeasureInceptionScore,
    MeasureKID,
    OverImages,
    set_measures,
)
from brickwork.state import ComponentError, InputError

WIDTH = 5


class Extractor(torch.nn.Module):
    """Rows of a few numbers of images in bytes."""

    num_features = WIDTH

    def __init__(self, wrapped: bool = False) -> None:
        super().__init__()
        self.wrapped = wrapped
        random = torch.Generator().manual_seed(0)
        self.weight = torch.randn(3 * 4 * 4, WIDTH, generator=random) / 7

    def forward(self, pixels: torch.Tensor) -> Any:
        assert pixels.dtype == torch.uint8
        small = torch.nn.functional.adaptive_avg_pool2d(pixels.float(), 4)
        rows = small.flatten(1) / 60 @ self.weight
        return (rows,) if self.wrapped else rows


def as_bytes(images: list[Any]) -> torch.Tensor:
    return (as_tensor(images) * 255).round().byte()


@pytest.fixture(scope="module")
def sets() -> tuple[list[Any], list[Any]]:
    one = noise_images(24, 1, 16)
    return one, [image.point(lambda value: value // 2) for image in noise_images(20, 2, 16)]


def gathered(images: list[Any], extractor: Any = None, at_once: int = 7) -> list[torch.Tensor]:
    features: list[torch.Tensor] | None = None
    block = GatherFeatures(extractor=extractor or Extractor())
    for start in range(0, len(images), at_once):
        features = block.run(images=images[start : start + at_once], features=features).features
    assert features is not None
    return features


def test_fid_is_torchmetrics_and_the_formula_in_float64(sets: Any) -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance

    images, reference = sets
    found = MeasureFID().run(gathered(images), gathered(reference)).fid
    metric = FrechetInceptionDistance(feature=Extractor())
    metric.update(as_bytes(reference), real=True)
    metric.update(as_bytes(images), real=False)
    assert found == pytest.approx(metric.compute().item(), rel=1e-5)
    one, other = (torch.cat(gathered(each)).double().numpy() for each in sets)
    root = sqrtm(np.cov(one.T) @ np.cov(other.T)).real
    wanted = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(np.cov(one.T) + np.cov(other.T) - 2 * root)
    assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all extracted features:UserWarning")
def test_kid_is_torchmetrics_where_its_subsets_are_all_images(sets: Any) -> None:
    from torchmetrics.image.kid import KernelInceptionDistance

    images, reference = sets[0][:20], sets[1]
    found = MeasureKID(subsets=2).run(gathered(images), gathered(reference))
    metric = KernelInceptionDistance(feature=Extractor(), subsets=2, subset_size=20)
    metric.update(as_bytes(reference), real=True)
    metric.update(as_bytes(images), real=False)
    assert found.kid == pytest.approx(metric.compute()[0].item(), rel=1e-4)
    assert found.kid_deviation == pytest.approx(0, abs=1e-9)
    # Smaller subsets are drawn by a seed of their own, and leave the process's generator as it was.
    before = torch.get_rng_state()
    some = [
        MeasureKID(subsets=5, subset_size=8, draw=seed).run(gathered(images), gathered(reference)) for seed in (1, 1, 2)
    ]
    assert some[0].kid == some[1].kid != some[2].kid
    assert some[0].kid_deviation > 0
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save all extracted features:UserWarning")
@pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0:UserWarning")
@pytest.mark.parametrize("splits", [1, 4])
def test_the_inception_score_is_torchmetrics(splits: int, sets: Any) -> None:
    from torchmetrics.image.inception import InceptionScore

    features = gathered(sets[0])
    found = MeasureInceptionScore(splits=splits, draw=3).run(features)
    metric = InceptionScore(feature=torch.nn.Identity(), splits=splits)
    metric.update(torch.cat(features).double())
    with torch.random.fork_rng():
        torch.manual_seed(3)
        mean, deviation = metric.compute()
    assert found.inception_score == pytest.approx(mean.item(), rel=1e-9)
    wanted = 0.0 if math.isnan(deviation) else deviation.item()
    assert found.inception_score_deviation == pytest.approx(wanted, abs=1e-9)


def test_features_are_gathered_over_a_loop_and_a_snapshot_goes_on(sets: Any, tmp_path: Path) -> None:
    files = []
    for number, image in enumerate(sets[0]):
        files.append(str(tmp_path / f"{number}.png"))
        image.save(files[-1])
    over = OverImages.from_blocks_dict({"gather": GatherFeatures})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"over": over, "fid": MeasureFID}).init_pipeline()
    pipe.configure(progress=False)
    pipe.update_components(extractor=Extractor())
    reference = gathered(sets[1])
    kept: dict[str, Any] = {}
    pipe.configure(snapshots=brickwork.Snapshots(lambda snapshot: kept.update({snapshot.where: snapshot})))
    asked = {"image_files": files, "reference_features": reference, "measured_at_once": 7}
    whole = pipe(**asked, output="fid")
    assert whole == MeasureFID().run(gathered(sets[0]), reference).fid
    kept["over.step[1]"].save(tmp_path / "middle.snapshot")
    pipe.configure(snapshots=None)
    assert pipe.resume(tmp_path / "middle.snapshot") == whole
    # One batch or many is the same, but for the rounding of the extractor in float32.
    assert pipe(**{**asked, "measured_at_once": 24}, output="fid") == pytest.approx(whole, rel=1e-6)
    with pytest.raises(InputError, match="image_files is empty"):
        pipe(**{**asked, "image_files": []})


def test_an_extractor_may_read_numbers_and_give_a_tuple(sets: Any) -> None:
    assert torch.equal(gathered(sets[0][:2], Extractor(wrapped=True))[0], gathered(sets[0][:2])[0])

    class Mean(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.mean((2, 3))

    found = [
        GatherFeatures(extractor=Mean(), reads=form).run(images=sets[0][:2]).features[0] for form in ("0..1", "-1..1")
    ]
    assert torch.allclose(found[0] * 2 - 1, found[1], atol=1e-6)


def test_what_is_no_set_of_features_is_refused(sets: Any) -> None:
    with pytest.raises(
        InputError, match=r"The extractor gave a tensor \[2, 3, 16, 16\] for 2 images; it is to give \[2, features\]"
    ):
        GatherFeatures(extractor=torch.nn.Identity()).run(images=sets[0][:2])
    one = gathered(sets[0])
    with pytest.raises(InputError, match="features have 5 numbers for each image, and reference_features 6"):
        MeasureFID().run(one, [torch.zeros(4, 6)])
    with pytest.raises(InputError, match="features are of 1 images"):
        MeasureKID().run([one[0][:1]], one)
    with pytest.raises(InputError, match=r"with features \[5\] and \[6\]"):
        MeasureInceptionScore().run([one[0], torch.zeros(4, 6)])
    with pytest.raises(InputError, match="cannot be split into 30 parts"):
        MeasureInceptionScore(splits=30).run(one)


def test_few_images_are_warned_of(sets: Any, caplog: pytest.LogCaptureFixture) -> None:
    few = gathered(sets[0][:4])
    pipe = SequentialPipelineBlocks.from_blocks_dict({"fid": MeasureFID}).init_pipeline()
    pipe(features=few, reference_features=few)
    assert "FID of 4 images and 5 features: there must be more images than features" in caplog.text


def test_without_the_library_they_are_refused_before_anything_runs(sets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = gathered(sets[0][:4])
    monkeypatch.setattr(
        set_measures, "find_spec", lambda name: None if name == "torchmetrics" else importlib.util.find_spec(name)
    )
    pipe = SequentialPipelineBlocks.from_blocks_dict({"fid": MeasureFID}).init_pipeline()
    with pytest.raises(InputError, match=r"torchmetrics, which is not installed: pip install 'brickwork\[measures\]'"):
        pipe(features=few, reference_features=few)
    # Where it is there and broken, the run itself says it.
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    with pytest.raises(ComponentError, match="is not installed"):
        MeasureFID().run(few, few)
