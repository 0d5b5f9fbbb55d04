"""LPIPS equals its formula in NumPy, on random weights; its weights come from a folder or from the two published files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from measured_images import as_tensor, noise_images

from brickwork import ComponentSpec, SequentialPipelineBlocks
from brickwork.blocks.measures import MeasureLPIPS
from brickwork.blocks.measures.lpips_network import BACKBONES, LpipsNetwork
from brickwork.state import ComponentError, InputError

ONE, OTHER = noise_images(2, 1), noise_images(2, 2)
# From lpips 0.1.4: torchvision's layers up to which each of the five slices goes.
SLICES = {"alex": (2, 5, 8, 10, 12), "vgg": (4, 9, 16, 23, 30)}


def published(backbone: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Random weights under the names of torchvision's file, with its classifier, and of LPIPS's own."""
    random = torch.Generator().manual_seed(3)
    own = LpipsNetwork(backbone).state_dict()

    def drawn(like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, generator=random) / max(1, like[0].numel()) ** 0.5

    network = {name: drawn(value) for name, value in own.items() if name.startswith("features.")}
    linear = {
        f"lin{at}.model.1.weight": torch.rand(1, len(own[f"weights.{at}"]), 1, 1, generator=random) for at in range(5)
    }
    return {**network, "classifier.6.bias": torch.zeros(1000)}, linear


@pytest.fixture(scope="module")
def network() -> LpipsNetwork:
    return LpipsNetwork.from_parts("alex", *published("alex"))


def lpips_by_hand(backbone: str, one: torch.Tensor, other: torch.Tensor) -> list[float]:
    """The formula of the paper (eq. 1), layer by layer."""
    weights, linear = published(backbone)
    shift, scale = (np.array(each).reshape(3, 1, 1) for each in ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]))
    total = np.zeros(len(one))
    layers = LpipsNetwork(backbone).features
    a, b = ((torch.as_tensor((each.numpy() * 2 - 1 - shift) / scale)) for each in (one, other))
    at = 0
    for number, end in enumerate(SLICES[backbone]):
        while at < end:
            layer = layers[at]
            if isinstance(layer, torch.nn.Conv2d):
                kernel, bias = (weights[f"features.{at}.{name}"].double() for name in ("weight", "bias"))
                a, b = (torch.nn.functional.conv2d(each, kernel, bias, layer.stride, layer.padding) for each in (a, b))
            else:
                a, b = layer(a), layer(b)
            at += 1
        unit = [each.numpy() / (np.linalg.norm(each.numpy(), axis=1, keepdims=True) + 1e-10) for each in (a, b)]
        importance = linear[f"lin{number}.model.1.weight"].double().numpy()
        total += ((unit[0] - unit[1]) ** 2 * importance).sum(1).mean((1, 2))
    return total.tolist()


@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_lpips_is_the_formula_of_the_paper(backbone: str, many: int) -> None:
    if backbone == "vgg" and many == 1:
        pytest.skip("15 million random weights take seconds; with --long")
    made = LpipsNetwork.from_parts(backbone, *published(backbone))
    found = MeasureLPIPS(lpips=made).run(images=ONE, reference_images=OTHER).lpips_distance
    # float32 layers beside float64 ones.
    assert found == pytest.approx(lpips_by_hand(backbone, as_tensor(ONE), as_tensor(OTHER)), rel=1e-4)
    assert MeasureLPIPS(lpips=made).run(images=ONE, reference_images=ONE).lpips_distance == [0.0, 0.0]


def test_a_folder_of_it_is_a_component_by_its_path(network: LpipsNetwork, tmp_path: Path) -> None:
    network.save_pretrained(tmp_path)
    pipe = SequentialPipelineBlocks.from_blocks_dict({"lpips": MeasureLPIPS}).init_pipeline()
    pipe.update_components(lpips=ComponentSpec("lpips", LpipsNetwork, repo=str(tmp_path)).load())
    found = pipe(images=ONE, reference_images=OTHER, output="lpips_distance")
    assert found == MeasureLPIPS(lpips=network).run(images=ONE, reference_images=OTHER).lpips_distance


def test_other_weights_and_small_images_are_refused(network: LpipsNetwork, tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="LPIPS has no backbone 'alexnet'. Did you mean 'alex'"):
        LpipsNetwork("alexnet")
    with pytest.raises(ComponentError, match="The given weights are none of LPIPS with vgg") as caught:
        LpipsNetwork.from_parts("vgg", *published("alex"))
    assert any("features.28.weight is missing" in each for each in caught.value.faults)
    with pytest.raises(InputError, match="LPIPS sees 32x32 and larger ones"):
        MeasureLPIPS(lpips=network).run(images=noise_images(1, 1, 16), reference_images=noise_images(1, 2, 16))
