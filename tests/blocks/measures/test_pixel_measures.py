"""PSNR and SSIM equal torchmetrics, and the formulas written out in NumPy and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from measured_images import as_tensor, noise_images
from scipy.ndimage import gaussian_filter
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from brickwork.blocks.measures import MeasurePSNR, MeasureSSIM
from brickwork.state import InputError

ONE, OTHER = noise_images(3, 1), noise_images(3, 2)
NEAR = (as_tensor(ONE) * 0.8 + as_tensor(OTHER) * 0.2).float()


def test_psnr_is_torchmetrics_for_each_image() -> None:
    found = MeasurePSNR().run(images=NEAR, reference_images=ONE).psnr
    wanted = [
        peak_signal_noise_ratio(near[None], one[None], data_range=1.0).item()
        for near, one in zip(NEAR.double(), as_tensor(ONE), strict=True)
    ]
    # torchmetrics takes the logarithm of ten in float32.
    assert found == pytest.approx(wanted, rel=1e-6)
    errors = ((NEAR.double() - as_tensor(ONE)).numpy() ** 2).mean((1, 2, 3))
    assert found == pytest.approx((-10 * np.log10(errors)).tolist(), abs=1e-12)
    assert MeasurePSNR().run(images=ONE, reference_images=ONE).psnr == [math.inf] * 3


def test_ssim_is_torchmetrics_and_the_formula_of_the_paper() -> None:
    found = MeasureSSIM().run(images=NEAR, reference_images=ONE).ssim
    wanted = structural_similarity_index_measure(NEAR.double(), as_tensor(ONE), data_range=1.0, reduction="none")
    # Both in float64; only the order of sums differs.
    assert found == pytest.approx(wanted.tolist(), abs=1e-12)
    assert found == pytest.approx(
        [ssim_by_scipy(a, b) for a, b in zip(NEAR.double(), as_tensor(ONE), strict=True)], abs=1e-12
    )
    assert MeasureSSIM().run(images=ONE, reference_images=ONE).ssim == pytest.approx([1.0] * 3)


def ssim_by_scipy(one: torch.Tensor, other: torch.Tensor) -> float:
    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, radius=5, mode="mirror")

    found = []
    for a, b in zip(one.numpy(), other.numpy(), strict=True):
        spread_a, spread_b = mean(a * a) - mean(a) ** 2, mean(b * b) - mean(b) ** 2
        both = mean(a * b) - mean(a) * mean(b)
        light = (2 * mean(a) * mean(b) + 1e-4) / (mean(a) ** 2 + mean(b) ** 2 + 1e-4)
        found.append((light * (2 * both + 9e-4) / (spread_a + spread_b + 9e-4)).mean())
    return float(np.mean(found))


def test_an_image_is_the_same_in_each_form_and_one_is_compared_with_all() -> None:
    array = as_tensor(ONE).movedim(1, -1).numpy()
    forms = [ONE, array, as_tensor(ONE)]
    found = [MeasurePSNR().run(images=each, reference_images=OTHER).psnr for each in forms]
    assert found[0] == found[1] == found[2]
    assert MeasurePSNR().run(images=ONE, reference_images=OTHER[0]).psnr[0] == found[0][0]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="images are 64x64 pixels, and reference_images 32x32"):
        MeasurePSNR().run(images=ONE, reference_images=noise_images(3, 1, 32))
    with pytest.raises(InputError, match="reference_images has 2 for 3 images"):
        MeasurePSNR().run(images=ONE, reference_images=OTHER[:2])
    with pytest.raises(InputError, match="images has images of 64x64 and 32x32 pixels"):
        MeasurePSNR().run(images=[*ONE, *noise_images(1, 1, 32)], reference_images=OTHER)
    with pytest.raises(InputError, match="through a window of 11x11"):
        MeasureSSIM().run(images=noise_images(1, 1, 8), reference_images=noise_images(1, 1, 8))
