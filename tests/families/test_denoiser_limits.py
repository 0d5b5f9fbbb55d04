"""What a contract says of its networks where it says nothing of its own, and which contracts do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from guided_families import distilled

from brickwork.families.contract import FamilyContract
from brickwork.families.spatial.pixart import PixArtContract
from brickwork.families.stable_diffusion import StableDiffusionContract
from brickwork.guiders import EmbeddedGuidance
from brickwork.registry import families


def network(**config: Any) -> Any:
    return SimpleNamespace(config=SimpleNamespace(**config))


@pytest.mark.parametrize("contract", [StableDiffusionContract, PixArtContract])
def test_networks_of_channels_read_those_of_their_configuration(contract: type[FamilyContract]) -> None:
    asked: Any = contract.__new__(contract)
    assert asked.read_channels(network(in_channels=9)) == 9
    assert asked.read_channels(network(in_channels=(4, 5))) is None


def test_what_a_network_of_another_kind_reads_is_not_guessed() -> None:
    """It may pack latents inside of its `predict`, as this one does."""
    family = distilled()
    assert family.denoiser.config.in_channels != family.inputs["scaled_latents"].shape[1]
    assert family.predict(EmbeddedGuidance()).noise_pred.shape == (2, 4, 8, 12)


@pytest.mark.parametrize(
    ("config", "count"), [({"in_channels": 4}, 4), ({"in_channels": 4, "out_channels": 8}, 8), ({}, None)]
)
def test_predicted_channels_are_those_that_the_configuration_says(config: dict[str, int], count: int | None) -> None:
    assert FamilyContract.predicted_channels(families.get("flux"), network(**config)) == count


def test_a_variance_stands_in_as_many_channels_again() -> None:
    contract: Any = families.get("dit")
    assert contract.predicted_channels(network(in_channels=4, out_channels=8)) == 4
    assert contract.predicted_channels(network(in_channels=4, out_channels=4)) == 4


@pytest.mark.parametrize(("widths", "width"), [((8, 16), 24), ((8, None), None), ((), None)])
def test_joined_texts_are_as_wide_as_all_together(widths: tuple[int | None, ...], width: int | None) -> None:
    assert FamilyContract.text_width(families.get("flux"), widths) == width


def test_nothing_else_is_said_where_a_contract_says_nothing() -> None:
    contract: Any = families.get("ddpm")
    latents = torch.zeros(1, 3, 7, 5)
    assert FamilyContract.trained_size(contract, network(), 40, 72) == (40, 72)
    assert FamilyContract.latents_dtype(contract, torch.bfloat16) == torch.bfloat16
    for said in (contract.denoiser_fault(network()), FamilyContract.latents_fault(contract, network(), latents)):
        assert said is None
    assert FamilyContract.tokens_fault(contract, latents) is None
