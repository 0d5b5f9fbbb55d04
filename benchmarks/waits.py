"""How often a step makes the host wait for the device, by scheduler and guider: ours, diffusers' classic pipeline, its modular one.

    .venv/bin/python benchmarks/waits.py            # schedulers, then guiders over Euler: four minutes
    .venv/bin/python benchmarks/waits.py --all      # every scheduler with every guider of ours, too: twelve minutes
    .venv/bin/python benchmarks/waits.py --with DDIM PNDM  # a part of that: every guider with these schedulers, and no more
    .venv/bin/python benchmarks/waits.py --where    # with the lines that wait

Counted on a simulated device, over tiny models; no GPU is needed, and none was asked. Schedulers alone by the slope between two numbers of steps,
with guiders between the first and the last of four steps. A number below 0 is of what waits once in a process. "does not run" is said of sides that raise.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from simulated_device import SimulatedDevice
from tiny_families import stable_diffusion_3
from wait_table import (
    FLOWS,
    SCHEDULERS,
    Side,
    between_steps,
    classic,
    guider_of,
    guiders,
    ours,
    peer,
    per_step,
    scheduler_of,
    sdxl_parts,
)

from brickwork.presets import sd3

WIDTH = 32


def counted(side: Side, device: SimulatedDevice, count: Callable[[Side, SimulatedDevice], Any] = per_step) -> Any:
    """How often a step of a side waits, and where; the fault where it does not run."""
    try:
        return count(side, device)
    except Exception as error:  # noqa: BLE001 - the cell says so
        return f"does not run ({type(error).__name__})"


def in_one_run(side: Side, device: SimulatedDevice) -> tuple[float, Counter[str]]:
    """As `per_step`, by one run."""
    found = Counter(between_steps(side, device))
    return found.total() / 3, found


def with_scheduler(side: Side, name: str, config: Mapping[str, Any]) -> Side:
    """The side with another scheduler."""
    made = scheduler_of(name, config)
    if side.name == "classic":
        side.pipe.scheduler = made
    else:
        side.pipe.update_components(scheduler=made)
    return side


def show(name: str, row: Mapping[str, Any], where: bool) -> None:
    """Print a row."""
    cells = [f"{side} {cell[0] if isinstance(cell, tuple) else cell}" for side, cell in row.items()]
    print(f"{name:{WIDTH}}", *cells, sep=" | ", flush=True)
    if where:
        for side, cell in row.items():
            for place, count in cell[1].items() if isinstance(cell, tuple) else ():
                print(f"{'':{WIDTH}} {side}: {count} {place}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true", help="every scheduler with every guider")
    parser.add_argument("--with", nargs="+", default=[], dest="chosen", help="every guider, with these schedulers only")
    parser.add_argument("--where", action="store_true", help="the lines that wait")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    diffusers.utils.logging.set_verbosity(diffusers.utils.logging.CRITICAL)
    parts = sdxl_parts()
    config = parts["scheduler"].config
    with SimulatedDevice() as device, torch.no_grad():
        own = ours(parts)
        if not asked.chosen:
            sides = [own, classic(parts), peer(parts)]
            for name in SCHEDULERS:
                row = {side.name: counted(with_scheduler(side, name, config), device) for side in sides}
                show(name, row, asked.where)
            of_flows = stable_diffusion_3()
            flow = ours(of_flows, sd3.TEXT2IMAGE_BLOCKS)
            for name in FLOWS:
                row = {"ours": counted(with_scheduler(flow, name, of_flows["scheduler"].config), device)}
                show(name, row, asked.where)
        for scheduler in asked.chosen or (SCHEDULERS if asked.all else ["Euler"]):
            own = with_scheduler(own, scheduler, config)
            for name in guiders():
                own.pipe.update_components(guider=guider_of(name))
                show(f"{name}, {scheduler}", {"ours": counted(own, device, in_one_run)}, asked.where)


if __name__ == "__main__":
    main()
