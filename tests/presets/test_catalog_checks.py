"""What opens by a name is in order: nothing that a person could mend, and nothing to be warned of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from brickwork import ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.registry import catalog


def composition(name: str) -> ModularPipelineBlocks:
    made: Any = catalog.get(name)
    return SequentialPipelineBlocks.from_blocks_dict(made) if isinstance(made, Mapping) else made()


@pytest.mark.parametrize("name", list(catalog))
def test_no_preset_has_a_fault_or_a_warning(name: str) -> None:
    report = composition(name).check()
    assert (report.faults, report.warnings) == ((), ())
