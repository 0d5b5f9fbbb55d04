"""Every composition of the installed diffusers by which one of its modular pipelines runs is adopted, checked and made a pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
from diffusers import modular_pipelines

from brickwork.blocks import adopt


def compositions() -> dict[str, Any]:
    """Return the blocks that modular pipelines name as theirs, by name."""
    pipelines = [getattr(modular_pipelines, name, None) for name in dir(modular_pipelines)]
    names = {getattr(each, "default_blocks_name", None) for each in pipelines if isinstance(each, type)}
    return {name: getattr(diffusers, name) for name in sorted(each for each in names if each)}


def test_there_are_as_many_as_the_inventory_says() -> None:
    assert len(compositions()) >= 40


@pytest.mark.rotating(4)
@pytest.mark.parametrize("name", compositions())
def test_a_composition_is_checked_and_made_a_pipeline(name: str) -> None:
    blocks = adopt(compositions()[name])
    assert blocks.check().faults == ()
    pipe = blocks.init_pipeline()
    assert {*pipe.component_names} >= {spec.name for spec in blocks.expected_components}
    assert pipe.blocks.input_names
