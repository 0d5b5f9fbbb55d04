"""What a client of AUTOMATIC1111's interface asks for, as inputs of a workflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...pipeline.schedulers_by_name import SHORT_NAMES, spelled_elsewhere
from ...state.errors import did_you_mean
from .a1111_fields import AUTOMATIC, IGNORED, INPUTS, OF_IMAGES, REFUSED, SCHEDULES
from .sent_images import decoded, image_input, kept_image, kept_mask
from .workflow_inputs import is_endless, unfit_inputs

if TYPE_CHECKING:
    from .served_workflow import ServedWorkflow
    from .service import Service

MOST_IMAGES = 32
_MODEL, _SKIP = "sd_model_checkpoint", "CLIP_stop_at_last_layers"
_FLOW = "FlowMatch"
_NETWORK = re.compile(r"<(?:lora|lyco|hypernet):[^<>]*>")
"""What asks for weights of a network in a prompt."""


@frozen
class A1111Request:
    """What is asked for.

    Attributes:
        seed: of the first image; None for one that is drawn. count: of images. scheduler: by name; None for the workflow's. ignored: fields that change
            nothing, each with why.
    """

    workflow: ServedWorkflow
    inputs: Mapping[str, Any]
    seed: int | None
    count: int
    scheduler: str | None
    ignored: Mapping[str, str]
    sends_images: bool = True


def read_request(service: Service, data: Mapping[str, Any], chosen: str | None) -> A1111Request:
    """Return what is asked for.

    Args:
        chosen: the workflow that the client has chosen before.

    Raises:
        RefusedError: something is not to be had, or does not fit; all of it is named.
    """
    settings = data.get("override_settings", {})
    faults = _faults(data) + _setting_faults(settings)
    if faults:
        raise unfit_inputs(faults)
    workflow = service.workflow(chosen if settings.get(_MODEL) is None else settings[_MODEL])
    ignored = _ignored(data, settings)
    scheduler = scheduler_of(workflow, data.get("sampler_name", ""), data.get("scheduler", ""), ignored)
    inputs = {**_inputs(workflow, data, ignored), **_images(service, workflow, data, ignored)}
    seed = data.get("seed", -1)
    count = data.get("batch_size", 1) * data.get("n_iter", 1)
    return A1111Request(
        workflow, inputs, None if seed < 0 else seed, count, scheduler, ignored, data.get("send_images", True)
    )


def _faults(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name, nothing in REFUSED.items():
        if name in data and data[name] not in nothing:
            found.append(
                {"input": name, "text": f"{name} is nothing that a workflow of this server does; leave it out."}
            )
    scripts = data.get("alwayson_scripts", {})
    if scripts:
        names = ", ".join(str(name)[:40] for name in list(scripts)[:8])
        found.append(
            {"input": "alwayson_scripts", "text": f"alwayson_scripts has {names}; this server has no scripts."}
        )
    for name in ("prompt", "negative_prompt"):
        asked = _NETWORK.search(data.get(name, ""))
        if asked is not None:
            text = f"{name} has {asked.group()[:60]!r}; weights of networks are those that the server was started with."
            found.append({"input": name, "text": text})
    if data.get("seed", -1) < -1:
        found.append(
            {"input": "seed", "text": f"seed is {data['seed']}; it is -1 for one that is drawn, or from 0 on."}
        )
    times = data.get("batch_size", 1), data.get("n_iter", 1)
    if times[0] < 1 or not 1 <= times[0] * times[1] <= MOST_IMAGES:
        text = f"batch_size times n_iter is from 1 to {MOST_IMAGES}; this is {times[0]} times {times[1]}."
        found.append({"input": "batch_size", "text": text})
    return found


def _setting_faults(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    known: dict[str, tuple[type, str]] = {_MODEL: (str, "the name of a workflow"), _SKIP: (int, "a whole number")}
    found = [
        {
            "input": f"override_settings.{name[:60]}",
            "text": f"There is no setting {name[:60]!r}. {did_you_mean(name[:60], known)}",
        }
        for name in settings
        if name not in known
    ]
    for name, (kind, what) in known.items():
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
            text = f"override_settings.{name} is {str(value)[:40]!r}; it is {what}."
            found.append({"input": f"override_settings.{name}", "text": text})
    return found


def _ignored(data: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    found = {
        name: "changes nothing here" for name, nothing in IGNORED.items() if name in data and data[name] not in nothing
    }
    # What clients send as the older name of sampler_name, whatever that is.
    if "sampler_name" in data:
        found.pop("sampler_index", None)
    if not data.get("mask"):
        found.pop("inpainting_fill", None)
    if settings.get(_SKIP) not in (None, 1):
        found[f"override_settings.{_SKIP}"] = "clip_skip is an input of some workflows, and counts otherwise"
    return found


def _inputs(workflow: ServedWorkflow, data: Mapping[str, Any], ignored: dict[str, str]) -> dict[str, Any]:
    """Return the inputs that fields are; those that a workflow does not have are noted, unless they say nothing."""
    names = workflow.pipe.blocks.input_names
    with_images = bool(data.get("init_images"))
    found: dict[str, Any] = {}
    for field, candidates in INPUTS.items():
        if (
            field not in data
            or (field in OF_IMAGES and not with_images)
            or (field == "mask_blur" and "mask" not in data)
        ):
            continue
        name = next((each for each in candidates if each in names), None)
        if name is not None:
            # What is larger than any float stays as it is, and is refused with the other inputs.
            is_float = field in ("cfg_scale", "denoising_strength") and not is_endless(data[field])
            found[name] = float(data[field]) if is_float else data[field]
        elif data[field] != "":
            ignored[field] = f"{workflow.id} has no such input"
    if found.get("negative_prompt") == "":
        del found["negative_prompt"]
    return found


def _images(
    service: Service, workflow: ServedWorkflow, data: Mapping[str, Any], ignored: dict[str, str]
) -> dict[str, Any]:
    images = data.get("init_images")
    if images is None:
        return {}
    if len(images) != 1 or not isinstance(images[0], str):
        text = f"init_images has one image in base64; this has {len(images)} values."
        raise unfit_inputs([{"input": "init_images", "text": text}])
    content = decoded(images[0], "init_images")
    found: dict[str, Any] = {image_input(service, workflow, "image"): kept_image(service, content, "init_images")}
    if not data.get("mask"):
        return found
    mask = decoded(data["mask"], "mask")
    is_inverted = bool(data.get("inpainting_mask_invert", 0))
    found[image_input(service, workflow, "mask")] = kept_mask(service, mask, False, is_inverted)
    if data.get("inpaint_full_res", True):
        if "padding_mask_crop" in workflow.pipe.blocks.input_names:
            found["padding_mask_crop"] = data.get("inpaint_full_res_padding", 0)
        else:
            ignored["inpaint_full_res"] = f"{workflow.id} has no such input"
    return found


def scheduler_of(workflow: ServedWorkflow, sampler: str, schedule: str, ignored: dict[str, str]) -> str | None:
    """Return the scheduler that a sampler and its noise levels are here; None for the workflow's own.

    Raises:
        RefusedError: there is none of this name.
    """
    present = workflow.pipe.components.get("scheduler")
    if not sampler:
        if schedule and schedule.lower() != "automatic":
            ignored["scheduler"] = "chosen with sampler_name only"
        return None
    known = samplers()
    if schedule and schedule.lower() not in SCHEDULES:
        raise unfit_inputs(
            [
                {
                    "input": "scheduler",
                    "text": f"There is no scheduler {schedule[:40]!r}. There are: {', '.join(SCHEDULES.values())}.",
                }
            ]
        )
    label = next((each for each in known if sampler.lower().startswith(each.lower())), None)
    if label is None:
        raise unfit_inputs(
            [
                {
                    "input": "sampler_name",
                    "text": f"There is no sampler {sampler[:40]!r}. {did_you_mean(sampler[:40], known)}",
                }
            ]
        )
    if present is None or type(present).__name__.startswith(_FLOW):
        # Their models are drawn by Euler's method, and the samplers are of models of another kind.
        if sampler.lower() != "euler":
            ignored["sampler_name"] = f"{workflow.id} has a scheduler of its own"
        if schedule.lower() not in ("", "automatic"):
            ignored["scheduler"] = f"{workflow.id} has a scheduler of its own"
        return None
    rest = sampler[len(label) :].strip()
    if rest and schedule.lower() not in ("", "automatic", rest.lower()):
        ignored["scheduler"] = f"sampler_name says {rest[:40]}"
    levels = rest or SCHEDULES.get(schedule.lower(), "Automatic")
    if levels == "Automatic":
        levels = AUTOMATIC.get(label, "Uniform")
    name = label if levels == "Uniform" else f"{label} {levels}"
    return None if name == _present(present) else name


def samplers() -> list[str]:
    """Return the samplers that are the same here, longer names before those that they begin with."""
    return sorted({label for *_, label in SHORT_NAMES.values() if label}, key=lambda label: (-len(label), label))


def _present(scheduler: Any) -> str:
    sampler, levels = spelled_elsewhere(type(scheduler).__name__, scheduler.config)
    return sampler if levels in (None, "Uniform") else f"{sampler} {levels}"
