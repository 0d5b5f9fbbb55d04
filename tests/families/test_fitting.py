"""What serves as a component: the family's contract says it, and where none does, classes that do the same work serve."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import diffusers
import pytest
from attrs import evolve
from diffusers import (
    AutoencoderKL,
    AutoencoderKLWan,
    AutoencoderTiny,
    ControlNetModel,
    ControlNetUnionModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FluxControlNetModel,
    ModelMixin,
    UNet2DConditionModel,
)

from brickwork import SequentialPipelineBlocks
from brickwork.blocks.core.components_view import known_families
from brickwork.families.fitting import ALIKE, serves
from brickwork.families.sdxl import SDXL, SDXL_REFINER
from brickwork.presets.sdxl import with_refiner


def made(cls: Any) -> Any:
    """An object of a class; what it is made of is not looked at."""
    return cls.__new__(cls)


class OwnVAE(AutoencoderTiny):
    pass


class OwnSolver:
    def set_timesteps(self, number: int) -> None: ...


class OwnAutoencoder:
    pass


@pytest.mark.parametrize("given", [AutoencoderKL, AutoencoderTiny, OwnVAE])
def test_what_the_family_accepts_for_a_role_serves(given: Any) -> None:
    assert serves(made(given), AutoencoderKL, "vae", [SDXL])


@pytest.mark.parametrize("given", [AutoencoderKLWan, OwnAutoencoder, UNet2DConditionModel, OwnSolver])
def test_what_it_does_not_accept_does_not(given: Any) -> None:
    assert not serves(made(given), AutoencoderKL, "vae", [SDXL])


def test_the_contract_is_for_the_components_of_its_roles() -> None:
    assert serves(made(AutoencoderKLWan), AutoencoderKL, "vae_of_mine", [SDXL])
    assert not serves(made(AutoencoderTiny), AutoencoderKL, "vae", [evolve(SDXL, accepts={"vae": ("AutoencoderKL",)})])
    assert serves(made(AutoencoderKLWan), AutoencoderKL, "vae", [evolve(SDXL, accepts={})])


def test_every_family_of_a_pipeline_is_asked() -> None:
    wider = evolve(SDXL_REFINER, accepts={"vae": ("AutoencoderKL", "AutoencoderKLWan")})
    assert serves(made(AutoencoderKLWan), AutoencoderKL, "vae", [SDXL, wider])


@pytest.mark.parametrize("families", [[], [SDXL]])
def test_schedulers_serve_for_each_other(families: list[Any]) -> None:
    for given in (DDIMScheduler, OwnSolver):
        assert serves(made(given), EulerDiscreteScheduler, "scheduler", families)
        assert not serves(made(given), AutoencoderKL, "vae", families)
    assert not serves(3, EulerDiscreteScheduler, "scheduler", families)


def test_several_models_in_one_serve_if_each_does() -> None:
    nets = diffusers.MultiControlNetModel([tiny_net(), tiny_net()])
    assert serves(nets, ControlNetModel, "controlnet", [SDXL])
    assert serves(nets, diffusers.MultiControlNetModel, "controlnet", [])
    assert not serves(nets, AutoencoderKL, "vae", [])
    nets.nets[1] = torch_module()
    assert not serves(nets, ControlNetModel, "controlnet", [SDXL])


def tiny_net() -> Any:
    return ControlNetModel(
        block_out_channels=(4,), down_block_types=("DownBlock2D",), layers_per_block=1, norm_num_groups=1, cross_attention_dim=4,
        conditioning_embedding_out_channels=(4,), attention_head_dim=1,
    )  # fmt: skip


def torch_module() -> Any:
    import torch

    return torch.nn.Identity()


def test_a_family_says_which_controlnets_fit() -> None:
    assert serves(made(ControlNetUnionModel), ControlNetModel, "controlnet", [SDXL])
    assert not serves(made(FluxControlNetModel), ControlNetModel, "controlnet", [SDXL])
    assert serves(made(FluxControlNetModel), ControlNetModel, "controlnet", [])


def models() -> Iterator[Any]:
    """All classes of models of diffusers."""
    for found in pkgutil.walk_packages(diffusers.models.__path__, "diffusers.models."):
        importlib.import_module(found.name)
    pending = list(ModelMixin.__subclasses__())
    while pending:
        cls = pending.pop()
        pending += cls.__subclasses__()
        if cls.__module__.startswith("diffusers."):
            yield cls


@pytest.mark.parametrize(("group", "word"), list(zip(ALIKE, ("ControlNet", "Autoencoder"), strict=True)))
def test_where_no_family_says_it_all_of_diffusers_that_do_the_same_serve(group: frozenset[str], word: str) -> None:
    missing = [
        cls.__name__
        for cls in models()
        if word in cls.__name__ and group.isdisjoint(base.__name__ for base in cls.__mro__)
    ]
    assert missing == []


def test_the_families_of_blocks_are_those_that_they_are_bound_to_or_that_their_model_name_tells() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(with_refiner())
    assert [family.name for family in known_families(blocks)] == [SDXL.name, SDXL_REFINER.name]
    named = SequentialPipelineBlocks()
    assert list(known_families(named)) == []
    named.model_name = SDXL.name
    assert list(known_families(named)) == [SDXL]
