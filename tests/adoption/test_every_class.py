"""Every classic pipeline of the installed diffusers is declared, checked and planned, without any weights."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from adoption_classes import NEEDS, classes, load

import brickwork
from brickwork.blocks.classic.steps_of_run import CALLBACK
from brickwork.blocks.core.block_catalog import BlockResolver, reference


def test_there_are_as_many_as_the_inventory_says() -> None:
    assert len(classes()) > 290


@pytest.mark.parametrize("name", [name for name in classes() if name not in NEEDS])
def test_a_class_is_declared_checked_and_planned(name: str) -> None:
    cls = load(name)
    block = brickwork.adopt(cls)
    # diffusers reads its constructors itself, for loading: it tells no components from settings.
    required, optional = cls._get_signature_keys(cls)
    assert {*block.component_names, *(spec.name for spec in block.expected_configs)} == {*required, *optional}
    _refuse_other_inputs(cls, block)
    assert block.intermediate_outputs
    assert block.description
    assert block.check().faults == ()
    plan = block.plan([str(param.name) for param in block.all_inputs if param.required])
    assert len(plan.paths) == 1
    assert BlockResolver().find(reference(cls)) is cls


def _refuse_other_inputs(cls: Any, block: Any) -> None:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    called = inspect.signature(cls.__call__).parameters.values()
    wanted = {each.name: each for each in called if each.kind not in kinds and not CALLBACK.fullmatch(each.name)}
    for name in ("self", "return_dict"):
        wanted.pop(name, None)
    inputs = {param.name: param for param in block.inputs}
    assert list(inputs) == list(wanted)
    for name, parameter in wanted.items():
        assert inputs[name].required == (parameter.default is parameter.empty), name
        if parameter.default is not parameter.empty:
            assert inputs[name].default is parameter.default, name
