"""AUTOMATIC1111's interface (stable-diffusion-webui, `/sdapi/v1`), over the same runs as this server's own."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from ... import __version__
from .a1111_clients import A1111Client
from .a1111_fields import SCHEDULES, known_fields
from .a1111_request import A1111Request, read_request, samplers
from .errors import RefusedError
from .job import OVER, Job
from .requests import body_of, client_of, in_thread, json_answer, service_of
from .several_images import image_files, images_in_base64, runs_of, seed_of, warnings_of
from .watching import are_over

_PREVIEW = {"every": 5, "size": 512}
_MODEL = "sd_model_checkpoint"


async def post_txt2img(request: Request) -> Response:
    """Make images, as AUTOMATIC1111's clients ask for them."""
    return await _answered(request, with_images=False)


async def post_img2img(request: Request) -> Response:
    """Make images from an image, and where there is a mask, only where it is white."""
    return await _answered(request, with_images=True)


async def _answered(request: Request, with_images: bool) -> Response:
    data = await body_of(request, known_fields(with_images), ("init_images",) if with_images else ())
    service, client = service_of(request), _client(request)
    asked = await in_thread(read_request, service, data, client.workflow)
    every = runs_of(asked.workflow, asked.inputs, asked.seed, asked.count, _PREVIEW, asked.scheduler)
    jobs = await in_thread(service.submit_all, every, client_of(request))
    client.begin(jobs)
    try:
        if not await are_over(request, jobs):
            return Response(status_code=499)
    finally:
        client.end(jobs)
    return json_answer(await in_thread(_said, asked, data, jobs, client.is_interrupted))


def _said(asked: A1111Request, data: dict[str, Any], jobs: Sequence[Job], is_interrupted: bool) -> dict[str, Any]:
    """Return the answer: images, the fields of the request, and `info`, which is JSON in a text."""
    # As there: whoever interrupts gets what is there by then.
    finished = [job for job in jobs if job.status == "finished" or not is_interrupted]
    images = [text for _, _, text in images_in_base64(finished)]
    texts = [Image.open(path).text.get("parameters", "") for job in finished for path in image_files(job)]  # type: ignore[attr-defined]  # of PNG
    seeds = [seed_of(job) for job in finished]
    given = {name: value for name, value in data.items() if name not in ("init_images", "mask")}
    info = {
        "prompt": data.get("prompt", ""), "all_prompts": [data.get("prompt", "")] * len(images),
        "negative_prompt": data.get("negative_prompt", ""), "all_negative_prompts": [data.get("negative_prompt", "")] * len(images),
        "seed": seeds[0] if seeds else asked.seed, "all_seeds": seeds, "steps": data.get("steps"), "cfg_scale": data.get("cfg_scale"),
        "width": data.get("width"), "height": data.get("height"), "batch_size": data.get("batch_size", 1),
        "sampler_name": data.get("sampler_name"), "denoising_strength": data.get("denoising_strength"), "sd_model_name": asked.workflow.id,
        "infotexts": texts, "index_of_first_image": 0, "job_timestamp": _stamp(time.time()), "version": f"brickwork {__version__}",
        "brickwork": {"runs": [job.id for job in jobs], "ignored": dict(asked.ignored), "warnings": warnings_of(jobs), "interrupted": is_interrupted},
    }  # fmt: skip
    return {"images": images if asked.sends_images else [], "parameters": given, "info": json.dumps(info)}


async def get_progress(request: Request) -> Response:
    """Say where the client's request stands, with the last preview."""
    client = _client(request)
    jobs = client.jobs
    done = [job for job in jobs if job.status in OVER]
    going = next((job for job in jobs if job.status == "running"), None)
    step, steps = (0, 0) if going is None else _steps(going)
    part = (len(done) + (step / steps if steps else 0)) / len(jobs) if jobs else 0.0
    spent = time.time() - client.started
    previews = [] if going is None else [each for each in going.events.since(0) if each.kind == "preview"]
    state = {
        "skipped": False, "interrupted": client.is_interrupted, "stopping_generation": False, "job": going.id if going else "",
        "job_count": len(jobs), "job_timestamp": _stamp(client.started), "job_no": len(done), "sampling_step": step, "sampling_steps": steps,
    }  # fmt: skip
    is_shown = request.query_params.get("skip_current_image", "false").lower() != "true"
    image = previews[-1].data["data"] if previews and is_shown else None
    eta = spent / part - spent if part else 0.0
    return json_answer(
        {"progress": part, "eta_relative": eta, "state": state, "current_image": image, "textinfo": None}
    )


def _steps(job: Job) -> tuple[int, int]:
    at = job.progress or {}
    return (at["index"] + 1, at["total"]) if "index" in at else (0, 0)


async def post_interrupt(request: Request) -> Response:
    """Cancel the client's request, which answers with what it has."""
    client, service = _client(request), service_of(request)
    client.is_interrupted = bool(client.jobs)
    for job in client.jobs:
        await in_thread(service.cancel, job.id)
    return json_answer({})


async def get_options(request: Request) -> Response:
    """Return the settings that there are."""
    return json_answer(_options(request))


async def post_options(request: Request) -> Response:
    """Choose the workflow of the client's next requests; other settings stay as they are."""
    known = _options(request)
    data = await body_of(request, {name: (type(value),) for name, value in known.items()})
    others = [name for name, value in data.items() if name != _MODEL and value != known[name]]
    if others:
        text = f"{', '.join(others)}: only {_MODEL} is chosen here."
        raise RefusedError(422, "InputError", text, tuple({"input": name, "text": text} for name in others))
    if _MODEL in data:
        _client(request).workflow = service_of(request).workflow(data[_MODEL]).id
    return json_answer(None)


def _options(request: Request) -> dict[str, Any]:
    chosen = service_of(request).workflow(_client(request).workflow).id
    return {
        _MODEL: chosen,
        "samples_format": "png",
        "CLIP_stop_at_last_layers": 1,
        "randn_source": "CPU",
        "eta_noise_seed_delta": 0,
    }


async def list_samplers(request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """List the samplers of AUTOMATIC1111's that are the same here."""
    return json_answer([{"name": name, "aliases": [], "options": {}} for name in sorted(samplers())])


async def list_schedulers(request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """List the noise levels of AUTOMATIC1111's that are the same here."""
    return json_answer([{"name": name, "label": label, "aliases": None} for name, label in SCHEDULES.items()])


async def list_sd_models(request: Request) -> Response:
    """List the workflows that are served, as AUTOMATIC1111's clients list models."""
    service = service_of(request)
    found = [
        {"title": each.id, "model_name": each.id, "hash": None, "sha256": None, "filename": each.id, "config": None}
        for each in service.workflows.values()
    ]
    return json_answer(found)


def _client(request: Request) -> A1111Client:
    found: A1111Client = request.app.state.a1111.of(client_of(request))
    return found


def _stamp(when: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.localtime(when))
