"""How alike two sets of images are, by the features that a network sees: FID, KID; and the inception score of one set.

FID is computed by torchmetrics, and KID by its kernel, of features that were gathered (`GatherFeatures`): whose network that is, with
which weights, is the caller's choice, and part of the number. Two figures of different extractors, sizes or file formats cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ...state import ComponentError, Fault, InputError, Outputs
from ...state.vocabulary import MeasuredFeatures, SetScore
from ..core.block import Block

if TYPE_CHECKING:
    from torch import Tensor

LIBRARY = "torchmetrics"
_WHERE = f"FID and KID are computed by {LIBRARY}, which is not installed: pip install 'brickwork[measures]'."


class MeasureFID(Block):
    """Say how far images are from others, as sets: the Fréchet distance of two Gaussians over their features (Heusel et al. 2017, https://arxiv.org/abs/1706.08500).

    0 for equal sets. With no more images than features it says little; then the run is warned.
    """

    class Out(Outputs):
        fid: SetScore

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say, before anything is drawn, that the library is not there, and what cannot be compared."""
        yield from _faults(given)

    def run(self, features: MeasuredFeatures, reference_features: MeasuredFeatures) -> Out:
        import torch

        images, reference = _two_sets(features, reference_features)
        count, width = min(len(images), len(reference)), images.shape[1]
        if count <= width:
            self.warn(
                f"FID of {count} images and {width} features: there must be more images than features, some thousands, for the figure to say much."
            )
        # It only hands on what was gathered.
        passing = torch.nn.Identity()
        passing.num_features = width  # type: ignore[assignment]  # torchmetrics asks modules for this number
        metric = _library().image.fid.FrechetInceptionDistance(feature=passing)
        metric.update(reference.double(), real=True)
        metric.update(images.double(), real=False)
        return self.Out(fid=float(metric.compute()))


class MeasureKID(Block):
    """Say how far images are from others, as sets: the squared mean discrepancy of their features under a cubic kernel (Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401).

    It is unbiased, so fewer images do than for FID: the mean over random subsets, and their deviation.

    Attributes:
        subsets, subset_size: how many subsets, and of how many images each; of fewer images all are taken.
        draw: seed of the subsets.
    """

    subsets: int = 100
    subset_size: int = 1000
    draw: int = 0

    class Out(Outputs):
        kid: SetScore
        kid_deviation: SetScore

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say, before anything is drawn, that the library is not there, and what cannot be compared."""
        yield from _faults(given)

    def run(self, features: MeasuredFeatures, reference_features: MeasuredFeatures) -> Out:
        import torch

        images, reference = _two_sets(features, reference_features)
        size = min(self.subset_size, len(images), len(reference))
        # A generator of its own: torchmetrics' class draws from that of the process.
        random = torch.Generator().manual_seed(self.draw)
        mmd = _library().image.kid.poly_mmd

        def part(rows: Tensor) -> Tensor:
            return rows[torch.randperm(len(rows), generator=random)[:size]].double()

        found = torch.stack([mmd(part(reference), part(images)) for _ in range(self.subsets)])
        return self.Out(kid=float(found.mean()), kid_deviation=float(found.std(unbiased=False)))


class MeasureInceptionScore(Block):
    """Say how sure a classifier is of each image and how different images are: exp of the mean KL divergence (Salimans et al. 2016, https://arxiv.org/abs/1606.03498).

    The features are logits of classes.

    Attributes:
        splits: parts whose mean and deviation are returned. draw: seed of the order in which images are put into them.
    """

    splits: int = 10
    draw: int = 0

    class Out(Outputs):
        inception_score: SetScore
        inception_score_deviation: SetScore

    def run(self, features: MeasuredFeatures) -> Out:
        import torch

        logits = _one_set(features, "features")
        if len(logits) < self.splits:
            raise InputError(
                f"features are of {len(logits)} images, which cannot be split into {self.splits} parts; gather more, or give splits."
            )
        order = torch.randperm(len(logits), generator=torch.Generator().manual_seed(self.draw))
        # In float64: the divergence is a difference of logarithms that are nearly equal.
        parts = logits[order].double().log_softmax(1).chunk(self.splits)
        found = torch.stack([_surprise(part).exp() for part in parts])
        deviation = float(found.std()) if len(found) > 1 else 0.0
        return self.Out(inception_score=float(found.mean()), inception_score_deviation=deviation)


def _surprise(logs: Tensor) -> Tensor:
    """Return the mean divergence of rows, given by their logarithms, from the mean of all."""
    import torch

    mean: Tensor = logs.exp().mean(0, keepdim=True).log()
    return torch.sum(logs.exp() * (logs - mean), 1).mean()


def _is_there() -> bool:
    return find_spec(LIBRARY) is not None


def _library() -> Any:
    try:
        import torchmetrics.image.fid
        import torchmetrics.image.kid
    except ImportError:
        raise ComponentError(_WHERE) from None
    return torchmetrics


def _faults(given: Mapping[str, Any]) -> Iterable[str]:
    if not _is_there():
        yield _WHERE
    if given.get("reference_features") is not None:
        try:
            _one_set(given["reference_features"], "reference_features")
        except InputError as error:
            yield Fault(str(error), "reference_features")


def _one_set(features: Sequence[Tensor], name: str) -> Tensor:
    """Return gathered features as one tensor `[images features]`.

    Raises:
        InputError: there are fewer than two images, or batches of different features.
    """
    import torch

    widths = {tuple(each.shape[1:]) for each in features}
    count = sum(len(each) for each in features)
    if count < 2 or any(len(each) != 1 for each in widths) or len(widths) > 1:
        said = " and ".join(str(list(each)) for each in sorted(widths)) or "none"
        raise InputError(
            f"{name} are of {count} images with features {said}; gather two images or more, all by one extractor."
        )
    return torch.cat(list(features))


def _two_sets(features: Sequence[Tensor], reference: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    images, other = _one_set(features, "features"), _one_set(reference, "reference_features")
    if images.shape[1] != other.shape[1]:
        raise InputError(
            f"features have {images.shape[1]} numbers for each image, and reference_features {other.shape[1]}: they are of two extractors. Gather both with one."
        )
    return images, other
