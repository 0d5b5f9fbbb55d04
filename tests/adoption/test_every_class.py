"""Every classic pipeline of the installed diffusers is declared, checked and planned, without any weights."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from adoption_classes import UNTYPED, classes, load
from classic_page import PAGE, written
from classic_rows.not_compared import NOT_COMPARED
from family_classics import ALL_ROWS as ROWS

import brickwork
from brickwork.blocks.classic.steps_of_run import CALLBACK
from brickwork.blocks.core.block_catalog import BlockResolver, reference


def test_there_are_as_many_as_the_inventory_says() -> None:
    assert len(classes()) > 290
    assert UNTYPED.keys() <= classes().keys()


def test_the_page_has_the_table_of_classes_that_are_compared() -> None:
    """Run `.venv/bin/python tests/support/classic_page.py` after a change of the rows."""
    assert PAGE.read_text() == written()
    # Of every class the page says one or the other.
    assert ROWS.keys() | NOT_COMPARED.keys() == classes().keys()
    assert not ROWS.keys() & NOT_COMPARED.keys()


@pytest.mark.rotating(4)
@pytest.mark.parametrize("name", classes())
def test_a_class_is_declared_checked_and_planned(name: str, request: pytest.FixtureRequest) -> None:
    cls = load(name)
    block = brickwork.adopt(cls)
    # diffusers reads its constructors itself, for loading: it tells no components from settings.
    required, optional = cls._get_signature_keys(cls)
    assert {*block.component_names, *(spec.name for spec in block.expected_configs)} == {*required, *optional}
    _refuse_other_inputs(cls, block)
    declared = [*block.expected_components, *block.inputs]
    assert {each.name for each in declared if each.type_hint is None} == UNTYPED.get(name, set())
    assert block.intermediate_outputs
    assert block.description
    assert block.check().faults == ()
    plan = block.plan([str(param.name) for param in block.all_inputs if param.required])
    assert len(plan.paths) == 1
    assert BlockResolver().find(reference(cls)) is cls
    if request.config.getoption("--long"):
        pipe = block.init_pipeline()
        json.dumps(pipe.input_schema())
        assert name in str(pipe.explain(*plan.reads))


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
