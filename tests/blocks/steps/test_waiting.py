"""No step makes the host wait for the device, whatever the scheduler and the guider: counted on a simulated device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from coarse_images import half_mask, picture
from simulated_device import DEVICE, SimulatedDevice, held, unseen
from tiny_adapters import union
from tiny_families import flux, stable_diffusion_3
from wait_table import FLOWS, SCHEDULERS, Side, classic, guider_of, guiders, ours, per_step, scheduler_of, sdxl_parts
from wait_table import between_steps as waits

from brickwork.guiders import AutoGuidance, EmbeddedGuidance
from brickwork.presets import flux as flux_presets
from brickwork.presets import sd3, sdxl
from brickwork.registry.identity.run_state import run_state_names


@pytest.fixture(scope="module")
def device() -> Iterator[SimulatedDevice]:
    with SimulatedDevice() as made:
        yield made


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    return sdxl_parts()


@pytest.fixture(scope="module")
def text2image(device: SimulatedDevice, parts: dict[str, Any]) -> Side:
    return ours(parts)


def with_(side: Side, parts: dict[str, Any], scheduler: str = "Euler", guider: Any = None) -> Side:
    with unseen():
        made = scheduler_of(scheduler, parts["scheduler"].config)
        # Known from then on; it makes the scheduler several times, and those of second order take long.
        run_state_names(made)
    side.pipe.update_components(scheduler=made, guider=guider or guider_of("ClassifierFreeGuidance"))
    return side


@pytest.mark.rotating(5)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_no_scheduler_waits(scheduler: str, text2image: Side, parts: dict[str, Any], device: SimulatedDevice) -> None:
    assert waits(with_(text2image, parts, scheduler), device) == []


@pytest.mark.rotating(5)
@pytest.mark.parametrize("guider", guiders())
def test_no_guider_waits(guider: str, text2image: Side, parts: dict[str, Any], device: SimulatedDevice) -> None:
    # DDIM, as its tables may have been moved to the device.
    assert waits(with_(text2image, parts, "DDIM", guider_of(guider)), device) == []


def test_dropping_a_share_does_not_wait(text2image: Side, parts: dict[str, Any], device: SimulatedDevice) -> None:
    assert waits(with_(text2image, parts, guider=AutoGuidance(dropout=0.5)), device) == []


@pytest.mark.parametrize("scheduler", FLOWS)
def test_no_scheduler_of_flows_waits(scheduler: str, device: SimulatedDevice) -> None:
    parts = stable_diffusion_3()
    assert waits(with_(ours(parts, sd3.TEXT2IMAGE_BLOCKS), parts, scheduler), device) == []


def test_a_schedule_of_embedded_strengths_does_not_wait(device: SimulatedDevice) -> None:
    side = ours(flux(), flux_presets.TEXT2IMAGE_BLOCKS)
    side.pipe.update_components(guider=EmbeddedGuidance(guidance_scale=[1.5, 2.0, 2.5, 3.0]))
    assert waits(side, device) == []


IMAGE = {"image": picture(3), "strength": 1.0}
TASKS = {"IMAGE2IMAGE_BLOCKS": IMAGE, "INPAINT_BLOCKS": {**IMAGE, "mask_image": half_mask()}}


@pytest.mark.rotating(3)
@pytest.mark.parametrize("guider", ["ClassifierFreeGuidance", "DynamicThresholding"])
@pytest.mark.parametrize("scheduler", ["Euler", "DDIM"])
@pytest.mark.parametrize("task", TASKS)
def test_no_step_from_an_image_waits(
    task: str, scheduler: str, guider: str, parts: dict[str, Any], device: SimulatedDevice
) -> None:
    side = with_(ours(parts, getattr(sdxl, task)), parts, scheduler, guider_of(guider))
    found = waits(side, device, **TASKS[task])
    # The copy of a table that `add_noise` has moved to the device, once.
    assert [each for each in found if "noise_schedule.py" not in each] == []
    assert len(found) <= 1


def test_a_union_controlnet_does_not_wait(parts: dict[str, Any], device: SimulatedDevice) -> None:
    side = ours({**parts, "controlnet": union(parts["unet"])}, sdxl.AUTO_BLOCKS)
    found = waits(with_(side, parts), device, control_image=picture(8), control_mode=3)
    assert [each for each in found if "diffusers" not in each] == []


# The counting itself


def test_the_classic_waits_where_ours_does_not(parts: dict[str, Any], device: SimulatedDevice) -> None:
    side = classic(parts)
    side.pipe.scheduler = scheduler_of("DDIM", parts["scheduler"].config)
    assert per_step(side, device)[0] == 6.0


def test_the_simulated_device_computes_what_the_host_does(
    text2image: Side, parts: dict[str, Any], device: SimulatedDevice
) -> None:
    def drawn(pipe: Any) -> torch.Tensor:
        found: torch.Tensor = held(
            text2image.run(pipe, num_inference_steps=3, generator=torch.Generator().manual_seed(7))
        )
        return found

    there = drawn(with_(text2image, parts, "DDIM").pipe)
    host = ours(sdxl_parts()).pipe.to("cpu")
    host.update_components(scheduler=scheduler_of("DDIM", parts["scheduler"].config))
    # Attention has other kernels on the host, which round otherwise.
    assert torch.allclose(there, drawn(host), atol=1e-4)


x = torch.arange(6.0)
WAITING: dict[str, Any] = {
    "item": lambda there: there[0].item(),
    "bool": lambda there: bool(there[0] > 1),
    "float": lambda there: float(there.sum()),
    "list": lambda there: there.tolist(),
    "host": lambda there: there.cpu(),
    "to host": lambda there: there.to("cpu"),
    "places": lambda there: there.nonzero(),
    "mask": lambda there: there[there > 2],
    "filled by a tensor": lambda there: there.__setitem__(there > 2, there[:3] + 1),
    "list of places": lambda there: there[[0, 1]],
    "place of the device in a table": lambda there: x[there.long()[1]],
    "tensor": lambda there: torch.tensor([1.0], device=there.device),
    "new tensor": lambda there: there.new_tensor([1.0]),
    "to device": lambda there: x.to(there.device),
    "to device, not pinned": lambda there: x.to(there.device, non_blocking=True),
    "copied in": lambda there: there.copy_(x),
    "svd": lambda there: torch.linalg.svd(there.reshape(2, 3)),
    "eigh": lambda there: torch.linalg.eigh(there[:4].reshape(2, 2)),
    "equal": lambda there: torch.equal(there, there + 1),
}
FREE: dict[str, Any] = {
    "arithmetic": lambda there: (there * 2 + torch.tensor(3.0)).sum(),
    "zeros": lambda there: torch.zeros(3, device=there.device),
    "slice": lambda there: there[1:3],
    "place of the host": lambda there: there[torch.tensor(1)],
    "filled by a number": lambda there: there.__setitem__(there > 2, 0.0),
    "pinned": lambda there: x.pin_memory().to(there.device, non_blocking=True),
    "drawn pinned": lambda there: torch.randn(3, pin_memory=True).to(there.device, non_blocking=True),
    "places of the device": lambda there: there[there.long()],
    "where": lambda there: torch.where(there > 1, there, there * 2),
}


@pytest.mark.parametrize("what", WAITING)
def test_what_waits_is_counted_once(what: str, device: SimulatedDevice) -> None:
    there = x.to(DEVICE)
    device.found.clear()
    WAITING[what](there)
    assert len(device.found) == 1, device.found
    assert device.found[0].where.startswith("steps/test_waiting.py:")


@pytest.mark.parametrize("what", FREE)
def test_what_does_not_wait_is_not_counted(what: str, device: SimulatedDevice) -> None:
    there = x.to(DEVICE)
    device.found.clear()
    FREE[what](there)
    assert device.found == []


def test_a_tensor_of_the_host_beside_one_of_the_device_is_refused(device: SimulatedDevice) -> None:
    with pytest.raises(RuntimeError, match="of the host beside one of the device"):
        x.to(DEVICE) + x
    with pytest.raises(RuntimeError, match="indexed by one of the device"):
        x[x.to(DEVICE).long()]
