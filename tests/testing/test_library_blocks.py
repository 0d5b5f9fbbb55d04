"""The blocks of this package do what pipelines rely on: `check_block` over each, with what presets over tiny models give it."""

from __future__ import annotations

from typing import Any

import pytest
from family_table import families
from seen_inputs import Seen, seen_inputs

from brickwork import InputError
from brickwork.blocks.core.block_catalog import is_base, own_blocks
from brickwork.blocks.core.part import BlockPart
from brickwork.testing import check_block

SHORT = {
    "ddpm": None,
    "dit": None,
    "stable_diffusion": ("text2image", "inpainting", "differential"),
    "flux": ("text2image",),
    "sd3": ("text2image",),
}
"""Families, and their tasks, whose blocks are checked in every run; None is all of them."""
LISTED: dict[str, tuple[str, ...]] = {}
"""Checks that are not asked of a block, by its name, with the reason beside them: none."""


def seen(family: str, tasks: Any = None) -> dict[str, Seen]:
    """What the blocks of a family's presets are given."""
    made = families()[family]
    with seen_inputs() as found:
        for task in tasks or made.tasks:
            pipe = made.pipe(task, "plain", made.tasks[task].blocks, "batched")
            # The pipeline is made once for all tests, and its plans hold the calls as they were bound then.
            pipe._kept = None
            made.draw(task)
            pipe._kept = None
    return found


@pytest.mark.parametrize("family", SHORT)
def test_no_fault_is_found_in_blocks_of_presets(family: str, request: pytest.FixtureRequest) -> None:
    found = seen(family, SHORT[family])
    assert len(found) >= 10
    others = {name for each in [*SHORT][: [*SHORT].index(family)] for name in NAMES.get(each, ())}
    NAMES[family] = {*found}
    # torch imports 800 modules for the first operation on the meta device.
    skip = [] if request.config.getoption("--long") else ["device"]
    for name in sorted(found.keys() - others):
        each = found[name]
        report = check_block(
            each.block, components=each.components, inputs=each.inputs, examples=1, skip=[*skip, *LISTED.get(name, ())]
        )
        assert "runs" in report.checked


NAMES: dict[str, set[str]] = {}
"""Blocks that were seen in earlier families, and are checked there."""


def test_what_is_seen_are_blocks_that_do_something() -> None:
    own = {name for name, cls in own_blocks().items() if not is_base(cls) and not issubclass(cls, BlockPart)}
    assert seen("ddpm").keys() <= own


def test_an_end_before_the_first_timestep_is_refused() -> None:
    """Found by the check: the images were the noise that they began from."""
    with pytest.raises(
        InputError, match=r"No timestep is left before denoising_end=0.5; use more steps, or a later end."
    ):
        families()["ddpm"].draw(
            next(iter(families()["ddpm"].tasks)), timesteps=[0], denoising_end=0.5, without=("num_inference_steps",)
        )
