"""A map of how much each place may change: what it may be, and what becomes of it. What it does is among the invariants of families."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from coarse_images import band_map, picture
from family_rows.ddpm import make
from family_table import Family, Task

from brickwork import InputError
from brickwork.blocks.techniques.differential import KeepByMap, PrepareChangeMap
from brickwork.presets.ddpm import DIFFERENTIAL_BLOCKS

GIVEN = {"batch_size": 1, "num_inference_steps": 3, "image": picture(3, 16), "change_map": band_map(0, 1, size=16)}
FAMILY = Family("ddpm", "unet", make, {"differential": Task(DIFFERENTIAL_BLOCKS, None, GIVEN)})


def test_what_is_no_map_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match=r"change_map is 1 \(an int\); it must be Image"):
        FAMILY.draw("differential", change_map=1)
    assert list(PrepareChangeMap().input_faults({"change_map": 1}))[0].startswith("change_map is an int")
    with pytest.raises(InputError, match="2 images were given for 1 prompts"):
        FAMILY.draw("differential", change_map=[band_map(0), band_map(1)])


def test_a_map_may_be_a_file_an_array_or_a_tensor(tmp_path: Path) -> None:
    GIVEN["change_map"].save(tmp_path / "map.png")
    level = torch.tensor([[0.0, 1.0]]).repeat_interleave(8, dim=1).repeat(16, 1)
    expected = FAMILY.draw("differential")
    for given in (tmp_path / "map.png", str(tmp_path / "map.png"), level.numpy(), level[None, None]):
        assert torch.equal(FAMILY.draw("differential", change_map=given), expected)


def test_latents_of_the_callers_own_are_the_noise() -> None:
    noise = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(7))
    # The seed draws the same noise first, and then goes on with that of the solver.
    steps = {"num_inference_steps": 1, "change_map": band_map(1, size=16)}
    assert torch.equal(
        FAMILY.draw("differential", latents=noise, seed=3, **steps), FAMILY.draw("differential", **steps)
    )


class Plain:
    """A schedule whose noise is the share of the timestep."""

    def scale_noise(self, sample: Any, timestep: Any, noise: Any) -> Any:
        return sample + timestep * noise


@pytest.mark.parametrize(
    ("step", "expected"), [(0, [10.5, 10.5, 9.0]), (1, [10.0, 9.0, 9.0])], ids=["to the second step", "to the end"]
)
def test_a_place_is_put_back_up_to_its_own_step(step: int, expected: list[float]) -> None:
    """Places that may change not at all, in the second of two steps, and in both."""
    block: Any = KeepByMap(scheduler=Plain())
    row = torch.ones(1, 1, 1, 3)
    change = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 1, 1, 3)
    made = block.run(
        latents=9 * row, change=change, noise=row, image_latents=10 * row, timesteps=torch.tensor([1.0, 0.5]), i=step
    )
    assert made.latents.flatten().tolist() == expected
