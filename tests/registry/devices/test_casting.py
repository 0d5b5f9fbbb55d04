"""Where a model is, said of every parameter and buffer."""

from __future__ import annotations

import logging

import pytest
import torch

from brickwork.registry.devices.casting import is_on, without_empty_remark

CPU, META = torch.device("cpu"), torch.device("meta")


def nested() -> torch.nn.Sequential:
    inner = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    return torch.nn.Sequential(torch.nn.Linear(2, 2), inner)


def test_a_model_is_where_all_of_it_is() -> None:
    model = nested()
    model[1].register_module("nothing", None)
    model[1].register_buffer("none", None)
    assert is_on(model, CPU)
    assert not is_on(model, META)
    assert is_on(model.to("meta"), META)
    assert is_on(torch.nn.Identity(), META)


@pytest.mark.parametrize("name", ["0.weight", "1.0.bias", "1.1.running_mean"])
def test_one_tensor_elsewhere_is_found_however_deep_it_lies(name: str) -> None:
    model = nested()
    path, _, leaf = name.rpartition(".")
    module = model.get_submodule(path)
    held = module._buffers if leaf in module._buffers else module._parameters
    found = getattr(module, leaf)
    held[leaf] = torch.nn.Parameter(found.to("meta")) if held is module._parameters else found.to("meta")
    assert not is_on(model, CPU)


def test_a_module_that_lies_in_itself_is_walked_once() -> None:
    model = nested()
    model[1].add_module("outer", model)
    assert is_on(model, CPU)


def test_that_no_part_stays_in_float32_is_not_remarked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("diffusers.models.modeling_utils")
    heard: list[str] = []
    monkeypatch.setattr(logger, "isEnabledFor", lambda _: True)
    monkeypatch.setattr(logger, "callHandlers", lambda record: heard.append(record.getMessage()[-8:]))
    with without_empty_remark():
        logger.warning("There are modules in UNet that should be kept in float32: [].")
        logger.warning("There are modules in UNet that should be kept in float32: ['norm'].")
    logger.warning("There are modules in UNet that should be kept in float32: [].")
    assert heard == ["'norm'].", "t32: []."]
