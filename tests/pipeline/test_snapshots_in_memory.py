"""Snapshots that stay in memory: what is shared with the run is proven unchanged, or the snapshot is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from toy_blocks import Repeat

from brickwork import (
    Block,
    InputError,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
    component,
)


class Start(Block):
    class Out(Outputs):
        total: torch.Tensor
        counts: np.ndarray

    def run(self) -> Out:
        return self.Out(total=torch.zeros(2), counts=np.zeros(2))


class AddInPlace(Block):
    class Out(Outputs):
        seen: int

    def run(self, total: torch.Tensor, i: int) -> Out:
        total.add_(i + 1)
        return self.Out(seen=i)


class CountInPlace(Block):
    class Out(Outputs):
        seen: int

    def run(self, counts: np.ndarray, i: int) -> Out:
        counts += i + 1
        return self.Out(seen=i)


def pipeline(body: Any) -> ModularPipeline:
    loop = Repeat.from_blocks_dict({"add": body})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"start": Start, "loop": loop}).init_pipeline()
    pipe.configure(progress=False)
    return pipe


def taken(pipe: ModularPipeline, output: str) -> tuple[list[Snapshot], Any]:
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append))
    result = pipe(output=output)
    pipe.configure(snapshots=None)
    return found, result


def test_a_tensor_that_was_written_into_since_is_refused_by_name(tmp_path: Path) -> None:
    pipe = pipeline(AddInPlace)
    found, _ = taken(pipe, "total")
    with pytest.raises(InputError, match="'total' was written into after the snapshot was taken"):
        pipe.resume(found[1])
    with pytest.raises(InputError, match="'total' was written into after the snapshot was taken"):
        found[1].save(tmp_path / "late.safetensors")


def test_in_a_file_it_is_what_it_was(tmp_path: Path) -> None:
    pipe = pipeline(AddInPlace)
    path = tmp_path / "run.safetensors"
    number = iter(range(10))
    pipe.configure(snapshots=Snapshots(lambda snapshot: snapshot.save(path) if next(number) == 1 else None))
    result = pipe(output="total")
    pipe.configure(snapshots=None)
    assert torch.equal(pipe.resume(path), result)


def test_the_last_snapshot_goes_on_again_and_again(tmp_path: Path) -> None:
    pipe = pipeline(AddInPlace)
    found, result = taken(pipe, "total")
    assert torch.equal(pipe.resume(found[-1]), result)
    assert torch.equal(pipe.resume(found[-1]), result)


def test_arrays_are_copied() -> None:
    pipe = pipeline(CountInPlace)
    found, result = taken(pipe, "counts")
    for snapshot in [*found, *found]:
        assert np.array_equal(pipe.resume(snapshot), result), snapshot.where


@pytest.mark.parametrize("name", ["PNDMScheduler", "SASolverScheduler"])
def test_solvers_that_write_into_their_own_state_go_on_bit_equal(name: str, tiny_pipe: ModularPipeline) -> None:
    """PNDM adds up into one tensor; SA-Solver holds a function that is made anew with it."""
    tiny_pipe.update_components(scheduler=getattr(diffusers, name).from_config(tiny_pipe.scheduler.config))
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 5, "output": "latents"}
    expected = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(1))
    found: list[Snapshot] = []
    tiny_pipe.configure(snapshots=Snapshots(found.append))
    tiny_pipe(**inputs, generator=torch.Generator().manual_seed(1))
    tiny_pipe.configure(snapshots=None)
    for snapshot in [*found, *found]:
        assert torch.equal(tiny_pipe.resume(snapshot), expected), snapshot.where


class Sampler:
    """As schedulers of diffusers that draw along a Brownian path, which need a package that is not here."""

    def __init__(self) -> None:
        self.noise_sampler: Any = None

    def set_timesteps(self, steps: int) -> None: ...


class Use(Block):
    sampler: Sampler = component(mutates=True)

    class Out(Outputs):
        x: int

    def run(self) -> Out:
        raise AssertionError("refused before anything runs")


def test_a_solver_that_keeps_what_no_snapshot_holds_is_refused_before_the_run() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"use": Use}).init_pipeline()
    pipe.update_components(sampler=Sampler())
    pipe.configure(snapshots=Snapshots(print), progress=False)
    with pytest.raises(
        InputError, match=r"The component 'sampler' \(Sampler\) keeps 'noise_sampler', which draws noise"
    ):
        pipe()


def test_a_solver_within_a_solver_is_refused_by_name(tiny_pipe: ModularPipeline) -> None:
    inner = diffusers.DDIMScheduler.from_config(tiny_pipe.scheduler.config)
    solver = diffusers.UniPCMultistepScheduler.from_config(tiny_pipe.scheduler.config, solver_p=inner)
    tiny_pipe.update_components(scheduler=solver)
    tiny_pipe.configure(snapshots=Snapshots(print))
    with pytest.raises(InputError, match="keeps 'solver_p', a DDIMScheduler with a state of its own"):
        tiny_pipe(prompt="a cat", num_inference_steps=2, output="latents")
