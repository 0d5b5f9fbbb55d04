"""Numbers of steps that a scheduler is not asked for, since it would make tables of as many entries."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

from brickwork import InputError
from brickwork.blocks.steps.schedule_limits import step_count_faults
from brickwork.blocks.steps.set_timesteps import Asked, set_schedule
from brickwork.registry import families


class Counted:
    """A scheduler of somebody's own, which says nothing of its training, and refuses to be set."""

    def set_timesteps(self, steps: int, device: object = None) -> None:
        raise ValueError(f"asked for {steps} on {device}")


@pytest.mark.parametrize("cls", [EulerDiscreteScheduler, DPMSolverMultistepScheduler])
def test_more_steps_than_trained_noise_levels_are_a_fault_of_their_number(cls: Any) -> None:
    scheduler = cls(num_train_timesteps=20)
    assert list(step_count_faults(scheduler, 20)) == []
    (fault,) = step_count_faults(scheduler, 21)
    assert fault == f"num_inference_steps is 21, and {cls.__name__} has num_train_timesteps=20. Take at most 20 steps."
    assert fault.input == "num_inference_steps"


def test_of_what_does_not_say_how_it_was_trained_or_is_no_number_nothing_is_known() -> None:
    assert list(step_count_faults(Counted(), 10**9)) == []
    assert list(step_count_faults(EulerDiscreteScheduler(), None)) == []


def test_no_table_is_made_of_too_many_steps() -> None:
    """Of 10**9 steps, the timesteps alone are 8 GB."""
    scheduler = EulerDiscreteScheduler()
    with pytest.raises(InputError, match="num_inference_steps is 1000000000"):
        set_schedule(scheduler, 10**9, None, None, "cpu")
    assert len(scheduler.timesteps) == 1000


def test_a_family_is_not_asked_for_the_levels_of_too_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    family = families.get("stable-diffusion-xl")
    monkeypatch.setattr(type(family), "schedule", lambda *_: pytest.fail("the family was asked"))
    with pytest.raises(InputError, match="Take at most 1000 steps"):
        Asked(10**9, None, None).of_family(family, EulerDiscreteScheduler(), None)


def test_with_levels_of_the_callers_own_their_number_counts() -> None:
    scheduler = EulerDiscreteScheduler()
    set_schedule(scheduler, 10**9, None, [3.0, 1.0, 0.0], "cpu")
    assert len(scheduler.timesteps) == 2


@pytest.mark.parametrize("levels", [[3.0, 9.0, 1.0], [9.0, 9.0, 1.0], [9, 1, 1]])
def test_sigmas_descend(levels: list[float]) -> None:
    with pytest.raises(InputError, match=r"sigmas go from (3.0 to 9.0|9.0 to 9.0|1 to 1); .* give the highest first"):
        set_schedule(EulerDiscreteScheduler(), 50, None, levels, "cpu")


@pytest.mark.parametrize(
    "flow",
    [
        FlowMatchEulerDiscreteScheduler(),
        UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True),
    ],
)
def test_sigmas_of_a_flow_are_at_most_one(flow: Any) -> None:
    with pytest.raises(InputError, match="Scheduler: sigmas hold 1.2; of a flow they are in 0..1, where 1 is noise"):
        set_schedule(flow, 50, None, [1.2, 0.5], "cpu")
    set_schedule(flow, 50, None, [1.0, 0.5], "cpu")
    assert len(flow.timesteps) == 2


def test_a_last_sigma_of_zero_is_refused_where_it_gives_no_number() -> None:
    flow = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
    with pytest.raises(InputError, match=r"UniPC\w+: sigmas end with 0\.0, which it puts .* Leave the last one out\."):
        set_schedule(flow, 50, None, [1.0, 0.5, 0.0], "cpu")
    set_schedule(flow, 50, None, [1.0, 0.5], "cpu")
    assert flow.sigmas.tolist()[1:] == [0.5, 0.0]
    for other in (FlowMatchEulerDiscreteScheduler(), EulerDiscreteScheduler()):
        set_schedule(other, 50, None, [1.0, 0.5, 0.0], "cpu")
        assert other.sigmas.tolist()[:3] == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    "scheduler",
    [
        FlowMatchEulerDiscreteScheduler(),
        UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True),
        EulerDiscreteScheduler(),
    ],
)
def test_sigmas_of_no_noise_are_refused(scheduler: Any) -> None:
    """Found by `check_block`: latents were nan with UniPC, and the noise that they began from with others."""
    with pytest.raises(InputError, match=r"Scheduler: sigmas begin at 0\.0, which is no noise"):
        set_schedule(scheduler, 50, None, [0.0], "cpu")


def test_the_level_of_the_image_alone_is_no_step() -> None:
    with pytest.raises(
        InputError, match=r"sigmas=\[1.5\] are no step, as the last sigma is that of the image; give two"
    ):
        set_schedule(EulerDiscreteScheduler(), 50, None, [1.5], "cpu")
    flow = FlowMatchEulerDiscreteScheduler()
    set_schedule(flow, 50, None, [1.0], "cpu")
    assert len(flow.timesteps) == 1


class OwnLevels(Counted):
    """One of somebody's own that takes sigmas."""

    def set_timesteps(self, steps: int = 0, device: object = None, sigmas: Any = None) -> None:
        self.timesteps = torch.tensor(sigmas)


def test_sigmas_of_a_scheduler_without_a_configuration_may_be_any() -> None:
    own = OwnLevels()
    set_schedule(own, 2, None, [9.0, 1.0], "cpu")
    assert own.timesteps.tolist() == [9.0, 1.0]


@pytest.mark.parametrize("cls", [EDMEulerScheduler, UniPCMultistepScheduler])
def test_sigmas_go_to_schedulers_that_take_no_list(cls: Any) -> None:
    own = type("Own", (cls,), {})
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True} if cls is UniPCMultistepScheduler else {}
    for scheduler in (cls(**flow), own(**flow)):
        set_schedule(scheduler, 50, None, [0.8, 0.5], "cpu")
        assert len(scheduler.timesteps) == 2


def test_a_timestep_of_0_is_a_noise_level_of_0_and_no_warning_of_numpy() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    set_schedule(scheduler, 2, [500, 0], None, "cpu", {"mu": 1.0})  # type: ignore[arg-type]  # diffusers' own
    assert scheduler.sigmas[1:].tolist() == [0, 0]


def test_timesteps_that_a_solver_cannot_be_set_to_are_refused_in_words() -> None:
    """Of sigmas of a flow it computes with the number of steps, which beside timesteps it is not given."""
    solver = DPMSolverMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction")
    with pytest.raises(TypeError):
        solver.set_timesteps(timesteps=[0])
    with pytest.raises(
        InputError, match="DPMSolverMultistepScheduler with num_train_timesteps=1000 cannot be set to timesteps"
    ):
        set_schedule(solver, 3, [500, 0], None, "cpu")
