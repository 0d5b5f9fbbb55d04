"""OpenAI's interface for images (https://platform.openai.com/docs/api-reference/images), over the same runs as this server's own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .error_shapes import shaped
from .errors import RefusedError
from .job import Job
from .openai_request import FIELDS, ImageRequest, read_request, typed_fields
from .requests import body_of, client_of, form_of, in_thread, json_answer, service_of, text_of
from .service import Service
from .several_images import images_in_base64, runs_of, seed_of, warnings_of
from .watching import are_over, cancel_rest, event_answer, events_of

GONE = 499
_IMAGES = {"image": "image", "image[]": "image", "mask": "mask"}
_STARTED = int(time.time())
_USAGE = {
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
}


async def post_generation(request: Request) -> Response:
    """Make images, as OpenAI's clients ask for them."""
    data = await body_of(request, FIELDS)
    return await _answered(request, await in_thread(read_request, service_of(request), data, {}), "image_generation")


async def post_edit(request: Request) -> Response:
    """Make images from an image, and where there is a mask, only where it is transparent."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RefusedError(
            422, "RequestError", "Images to be edited come in a form: multipart/form-data, with image and mask."
        )
    fields, images = await _parts_of(request)
    if "image" not in images:
        raise RefusedError(
            422, "RequestError", "There is no image in the form.", ({"input": "image", "text": "missing"},)
        )
    return await _answered(request, await in_thread(_read_edit, service_of(request), fields, images), "image_edit")


async def _parts_of(request: Request) -> tuple[dict[str, list[str]], dict[str, bytes]]:
    """Return the fields of a form, and its images by what they are."""
    fields: dict[str, list[str]] = {}
    images: dict[str, bytes] = {}
    async with form_of(request, files=4, fields=200) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                fields.setdefault(name, []).append(value)
                continue
            kind = _IMAGES.get(name)
            if kind is None or kind in images:
                said = f"A form has one image and one mask, and no more files; this has another {name[:60]!r}."
                raise RefusedError(422, "RequestError", said, ({"input": kind or name[:60], "text": said},))
            images[kind] = await value.read()
    return fields, images


def _read_edit(service: Service, fields: Mapping[str, list[str]], images: Mapping[str, bytes]) -> ImageRequest:
    return read_request(service, typed_fields(fields), images)


async def list_models(request: Request) -> Response:
    """List the workflows that are served, as OpenAI's clients list models."""
    return json_answer({"object": "list", "data": [_model(name) for name in service_of(request).workflows]})


async def get_model(request: Request) -> Response:
    """Say that a workflow is served, as OpenAI's clients ask for a model."""
    return json_answer(_model(service_of(request).workflow(request.path_params["id"]).id))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _STARTED, "owned_by": "brickwork"}


async def _answered(request: Request, asked: ImageRequest, kind: str) -> Response:
    """Queue what is asked for, and answer with the images, or as they come."""
    service = service_of(request)
    every = runs_of(asked.workflow, asked.inputs, asked.seed, asked.count, asked.preview)
    jobs = await in_thread(service.submit_all, every, client_of(request))
    if asked.streams:
        return event_answer(_streamed(request, asked, jobs[0], kind))
    if not await are_over(request, jobs):
        return Response(status_code=GONE)
    said = await in_thread(_images, asked, jobs, str(request.base_url).rstrip("/"))
    own = {
        "runs": [job.id for job in jobs],
        "seeds": [seed_of(job) for job in jobs],
        "ignored": asked.ignored,
        "warnings": warnings_of(jobs),
    }
    return json_answer({"created": int(time.time()), "output_format": "png", "data": said, "brickwork": own})


def _images(asked: ImageRequest, jobs: Sequence[Job], place: str) -> list[dict[str, str]]:
    if not asked.is_url:
        return [{"b64_json": text} for _, _, text in images_in_base64(jobs)]
    # Read, so that a run without images is refused here, too.
    return [{"url": f"{place}{job.said_outputs()[index]['url']}"} for job, index, _ in images_in_base64(jobs)]


async def _streamed(request: Request, asked: ImageRequest, job: Job, kind: str) -> AsyncIterator[dict[str, str]]:
    """Yield previews and then the image of a run, as events; the run is cancelled where nobody reads them any more."""
    service, count = service_of(request), 0
    try:
        async for event in events_of(job):
            if event.kind == "preview" and count < asked.partial_images:
                about = {"b64_json": event.data["data"], "partial_image_index": count, "output_format": "jpeg"}
                yield _event(f"{kind}.partial_image", about)
                count += 1
        for _, _, text in await in_thread(lambda: list(images_in_base64([job]))):
            own = {"run": job.id, "seed": seed_of(job), "ignored": asked.ignored, "warnings": warnings_of([job])}
            about = {"b64_json": text, "output_format": "png", "usage": _USAGE, "brickwork": own}
            yield _event(f"{kind}.completed", about)
    except RefusedError as error:
        yield {"event": "error", "data": text_of(shaped(request.url.path, error)[1])}
    finally:
        cancel_rest(service, [job])


def _event(kind: str, about: Mapping[str, Any]) -> dict[str, str]:
    said = {
        "type": kind,
        "created_at": int(time.time()),
        "background": "opaque",
        "quality": "auto",
        "size": "auto",
        **about,
    }
    return {"event": kind, "data": text_of(said)}
