"""The dtype in which a network computes, equal to what diffusers says in every case, and without its walk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DModel
from diffusers.models.modeling_utils import ModelMixin

from brickwork.registry.model_dtype import compute_dtype


def unet() -> UNet2DModel:
    return UNet2DModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def cast_by_layers(model: Any) -> Any:
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16)
    return model


def cast_deep_inside(model: Any) -> Any:
    """Only one module far down says in which dtype it computes, and the first parameter is in another."""
    from diffusers.hooks import apply_layerwise_casting

    apply_layerwise_casting(model.mid_block.resnets[0], torch.float16, torch.bfloat16)
    return model


def first_stays_in_float32(model: Any) -> Any:
    model._keep_in_fp32_modules = ["conv_in"]
    model.to(torch.float16)
    model.conv_in.to(torch.float32)
    return model


def starts_with_integers(model: Any) -> Any:
    model.conv_in.weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.int8), requires_grad=False)
    return model.to(torch.bfloat16)


@pytest.mark.parametrize(
    "changed",
    [
        lambda model: model,
        lambda model: model.to(torch.bfloat16),
        cast_by_layers,
        cast_deep_inside,
        first_stays_in_float32,
        starts_with_integers,
    ],
    ids=["float32", "bfloat16", "layerwise", "one_layer", "kept_in_float32", "integers_first"],
)
def test_it_is_what_diffusers_says(changed: Callable[[Any], Any]) -> None:
    model = changed(unet())
    assert compute_dtype(model) == ModelMixin.dtype.fget(model)


def test_the_walk_of_diffusers_is_not_made_for_a_plain_model(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = "diffusers.models.modeling_utils.get_parameter_dtype"
    monkeypatch.setattr(walk, lambda _: pytest.fail("all modules were named"))
    model = unet()
    assert compute_dtype(model) is torch.float32


def test_models_of_ones_own_say_it_themselves() -> None:
    class Own(torch.nn.Module):
        dtype = torch.float64

    class OfDiffusers(AutoencoderKL):
        dtype = torch.float64

    assert compute_dtype(Own()) is torch.float64
    small = {"block_out_channels": (4,), "norm_num_groups": 1, "layers_per_block": 1}
    assert compute_dtype(OfDiffusers(**small)) is torch.float64


def test_a_model_without_floating_parameters_is_asked() -> None:
    class Empty(ModelMixin):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("table", torch.zeros(2, dtype=torch.bfloat16))

    assert compute_dtype(Empty()) is torch.bfloat16
