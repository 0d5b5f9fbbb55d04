"""Runs that train: components that learn, gradients where a loop says so, and snapshots from which a training goes on bit-equal."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import brickwork
from brickwork import (
    Block,
    DeclarationError,
    InputError,
    LoopSequentialPipelineBlocks,
    Outputs,
    RunError,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
    component,
)
from brickwork.engine.events import CacheHit, Event, StepFinished
from brickwork.registry.identity.component_identity import identity_of


class Net(nn.Module):
    """Two layers, of which one may be frozen, with dropout that draws from the process."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.dropout = nn.Linear(3, 3), nn.Linear(3, 1), nn.Dropout(0.25)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.dropout(self.first(x)))


class Draw(Block):
    """A batch of the step, noise of the run, of Python and of NumPy."""

    class Out(Outputs):
        x: Tensor
        scratch: Tensor

    def run(self, step: int, generator: torch.Generator) -> Out:
        noise = torch.randn(4, 3, generator=generator) + random.random() + np.random.rand()  # noqa: NPY002
        return self.Out(x=noise + step, scratch=torch.zeros(1000))


class Fit(Block):
    """Loss, and one step of the optimizer after every two."""

    finite: ClassVar[tuple[str, ...]] = ("loss",)
    net: Net = component(trains=True)

    class Out(Outputs):
        loss: Tensor
        step_loss: float
        count: int

    def run(self, step: int, x: Tensor, scratch: Tensor, optimizer: Any, rate: Any, count: int = 0) -> Out:
        loss = self.net(x + scratch.mean()).square().mean()
        (loss / 2).backward()
        if step % 2:
            optimizer.step()
            rate.step()
            optimizer.zero_grad()
        return self.Out(loss=loss, step_loss=loss.item(), count=count + 1)


class Train(LoopSequentialPipelineBlocks):
    """One iteration a step, with gradients."""

    gradients: ClassVar[bool | None] = True
    block_classes = [Draw, Fit]
    block_names = ["draw", "fit"]

    class Vars(Outputs):
        step: int

    def iterate(self, max_steps: int) -> Iterator[Vars]:
        yield from (self.Vars(step=step) for step in range(max_steps))


class Show(Block):
    """What the network says, for somebody who trains nothing."""

    net: Net = component()

    class Out(Outputs):
        shown: Tensor

    def run(self, x: Tensor) -> Out:
        return self.Out(shown=self.net(x))


class Training:
    """A pipeline with its objects, made anew as another process would."""

    def __init__(self, **settings: Any) -> None:
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        self.net = Net()
        self.net.first.bias.requires_grad_(False)
        parameters = [each for each in self.net.parameters() if each.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=0.05)
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
        self.live = {"optimizer": optimizer, "rate": rate}
        self.losses: list[float] = []
        self.pipe = Train().init_pipeline()
        self.pipe.update_components(net=self.net)
        self.pipe.configure(progress=False, listeners=[self.note], **settings)

    def note(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            self.losses.append(event.values["step_loss"])

    def run(self, steps: int = 7) -> Any:
        return self.pipe(max_steps=steps, generator=torch.Generator().manual_seed(1), output="count", **self.live)

    @property
    def weights(self) -> list[Tensor]:
        return list(self.net.state_dict().values())


@pytest.fixture(scope="module")
def unbroken() -> tuple[Training, list[bytes]]:
    files: list[bytes] = []
    made = Training(snapshots=Snapshots(lambda snapshot: files.append(snapshot.to_bytes())))
    assert made.run() == 7
    return made, files


@pytest.mark.parametrize("done", range(1, 8))
def test_a_training_goes_on_bit_equal_also_between_two_steps_of_an_accumulation(
    done: int, unbroken: tuple[Training, list[bytes]]
) -> None:
    whole, files = unbroken
    # As another process would: everything is made anew, and the process's generators stand elsewhere.
    again = Training()
    random.random(), torch.rand(1), np.random.rand()  # noqa: NPY002
    assert again.pipe.resume(Snapshot.from_bytes(files[done - 1]), live=again.live) == 7
    assert again.losses == whole.losses[done:]
    assert all(map(torch.equal, again.weights, whole.weights))


def test_what_no_later_step_needs_is_in_no_snapshot(unbroken: tuple[Training, list[bytes]]) -> None:
    standing = Snapshot.from_bytes(unbroken[1][2]).standing
    assert standing.values.keys() == {"max_steps", "generator", "count", "step"}
    assert standing.live.keys() == {"optimizer", "rate"}
    assert "parameter first.bias" not in standing.trained["net"]


def test_a_training_does_not_go_on_without_its_objects_or_on_another_network(
    unbroken: tuple[Training, list[bytes]],
) -> None:
    snapshot = Snapshot.from_bytes(unbroken[1][2])
    again = Training()
    with pytest.raises(
        InputError, match=r"'optimizer' was an AdamW.*, and fit reads it.*live=\{'optimizer': optimizer\}"
    ):
        again.pipe.resume(snapshot)
    with pytest.raises(InputError, match=r"'optimiser' is given as live, .* Did you mean 'optimizer'\?"):
        again.pipe.resume(snapshot, live={**again.live, "optimiser": 1})
    with pytest.raises(InputError, match="'rate' is an int, which has no state_dict"):
        again.pipe.resume(snapshot, live={**again.live, "rate": 3})
    with torch.no_grad():
        again.net.first.bias.add_(1.0)
    with pytest.raises(InputError, match="net: its parameters that do not learn are others"):
        again.pipe.resume(snapshot, live=again.live)
    again.net.second.bias.requires_grad_(False)
    with pytest.raises(InputError, match="net: the snapshot holds the 'parameter second.bias' that learned, and now"):
        again.pipe.resume(snapshot, live=again.live)


def test_an_object_that_does_not_take_its_state_is_named(unbroken: tuple[Training, list[bytes]]) -> None:
    again = Training()
    other = torch.optim.AdamW([again.net.second.bias])
    with pytest.raises(RunError, match=r"'optimizer' \(AdamW\) does not take the state that the snapshot holds of it"):
        again.pipe.resume(Snapshot.from_bytes(unbroken[1][2]), live={**again.live, "optimizer": other})


def test_gradients_are_recorded_in_the_loop_that_says_so_and_nowhere_else() -> None:
    made = Training()
    blocks = SequentialPipelineBlocks.from_blocks_dict({"train": Train, "show": Show})
    pipe = blocks.init_pipeline()
    pipe.update_components(net=made.net)
    pipe.configure(progress=False)
    inputs = {"max_steps": 2, "generator": torch.Generator().manual_seed(1), "x": torch.ones(1, 3), **made.live}
    assert not pipe(output="shown", **inputs).requires_grad
    pipe.configure(grad="inference")
    with pytest.raises(InputError, match=r"train records gradients, which torch's inference mode cannot"):
        pipe(output="shown", **inputs)


def test_nothing_that_a_trained_component_computes_is_kept_and_others_see_the_trained_one() -> None:
    made, hits = Training(), list[Event]()
    pipe = SequentialPipelineBlocks.from_blocks_dict({"before": Show, "train": Train, "after": Show}).init_pipeline()
    pipe.update_components(net=made.net.eval())
    pipe.configure(progress=False, cache="memory", listeners=[hits.append])
    for _ in range(2):
        pipe(max_steps=2, generator=torch.Generator().manual_seed(1), x=torch.ones(1, 3), output="shown", **made.live)
    assert not [each for each in hits if isinstance(each, CacheHit)]


def test_a_trained_component_is_called_by_the_recipe_of_its_training() -> None:
    made = Training()
    made.run(2)
    digest = made.pipe.last_recipe.digest
    assert identity_of(made.net).words["trained"] == f"by the recipe {digest}"
    show = Show().init_pipeline()
    show.update_components(net=made.net)
    show(x=torch.ones(1, 3), output="shown")
    assert show.last_recipe["components"]["net"]["is"]["trained"] == f"by the recipe {digest}"
    with torch.no_grad():
        made.net.second.bias.add_(1.0)
    assert "trained" not in identity_of(made.net).words


def test_the_recipe_of_a_training_names_the_weights_that_it_began_with() -> None:
    made = Training()
    before = identity_of(made.net).weights
    made.run(2)
    assert made.pipe.last_recipe["weights"]["net"] == before != identity_of(made.net).weights


def test_a_loss_that_is_not_finite_is_said_with_its_iteration() -> None:
    made = Training()
    made.live["optimizer"].param_groups[0]["lr"] = float("inf")
    with pytest.warns(RuntimeWarning, match=r"loss is not finite since .*step\[2\]"):
        made.run(3)


def test_a_network_in_the_wrapper_of_several_processes_fits_its_slot() -> None:
    made = Training()
    made.pipe.update_components(net=nn.DataParallel(made.net))
    made.run(2)
    assert made.losses
    with pytest.raises(brickwork.ComponentError, match="'net' expects"):
        made.pipe.update_components(net=nn.DataParallel(nn.Linear(1, 1)))


def test_a_component_that_trains_is_no_clone() -> None:
    with pytest.raises(DeclarationError, match=r"net trains, so each run changes the component itself"):

        class Wrong(Block):
            net: Net = component(trains=True, mutates=True)

            class Out(Outputs):
                x: Tensor

            def run(self, x: Tensor) -> Out:
                return self.Out(x=x)
