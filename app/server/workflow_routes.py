"""Workflows, compositions, files and the queue over HTTP."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ...registry.hub.strict_yaml import written
from .compositions import catalog
from .errors import RefusedError
from .job import OVER
from .requests import FOR_EVER, KeptFile, body_of, form_of, in_thread, json_answer, service_of


async def list_workflows(request: Request) -> Response:
    """List the workflows that are served."""
    return json_answer([each.summary() for each in service_of(request).workflows.values()])


async def post_workflow(request: Request) -> Response:
    """Serve a composition under a `name`, with the components of the workflow `of` that it began from."""
    known = {"name": (str,), "data": (dict,), "of": (str,)}
    body = await body_of(request, known, tuple(known))
    found = await in_thread(service_of(request).composed.serve, body["name"], body["data"], body["of"])
    return json_answer(found.summary(), 201, {"Location": f"/api/workflows/{found.id}"})


async def get_workflow(request: Request) -> Response:
    """Describe a workflow: inputs, outputs, blocks, guiders, components, drawing."""
    workflow = service_of(request).workflow(request.path_params["id"])
    return json_answer(await in_thread(workflow.described, request.query_params.get("workflow") or None))


async def post_check(request: Request) -> Response:
    """Say what is wrong with inputs, and what would run."""
    data = await body_of(request, {"inputs": (dict,)})
    return json_answer(await in_thread(service_of(request).check, request.path_params["id"], data.get("inputs", {})))


async def post_file(request: Request) -> Response:
    """Keep an image: the body of the request, or the file of a form."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        async with form_of(request, files=1, fields=8) as form:
            uploads = [each for each in form.values() if not isinstance(each, str)]
            if not uploads:
                raise RefusedError(422, "RequestError", "There is no file in the form.")
            content = await uploads[0].read()
    else:
        content = await request.body()
    service = service_of(request)
    name = await in_thread(service.files.put_image, content)
    return json_answer({"file": name}, 201)


async def get_file(request: Request) -> Response:
    """Return an image that was uploaded, as it was."""
    name = request.path_params["name"]
    found = await in_thread(service_of(request).files.image_file, name)
    if found is None:
        raise RefusedError(404, "UnknownFileError", f"There is no image {name}, or it is not kept any more.")
    path, kind = found
    # What has this name never changes.
    return KeptFile(path, media_type=kind, headers={"Cache-Control": FOR_EVER})


async def get_queue(request: Request) -> Response:
    """Say what waits and what goes on."""
    service = service_of(request)
    by_task = {id(job.task): job for job in service.jobs.all()}
    now = time.monotonic()
    waiting = [
        {"id": by_task[id(task)].id, "priority": task.priority, "seconds": round(now - task.came, 1)}
        for task in service.queue.waiting
        if id(task) in by_task
    ]
    known = [by_task[id(task)] for task in service.queue.going if id(task) in by_task]
    # The thread of a run that has told its end is there for a moment more.
    going = [{"id": job.id} for job in known if job.status not in OVER]
    settings = service.settings
    return json_answer({"waiting": waiting, "running": going, "size": settings.queue, "workers": settings.workers})


_COMPOSITION = {"data": (dict,), "save": (str,)}
_YAML = "application/yaml"


async def get_catalog(request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """List the blocks and guiders that can be put into a composition."""
    return json_answer(await in_thread(catalog))


async def list_compositions(request: Request) -> Response:
    """List the compositions that were saved."""
    return json_answer(service_of(request).compositions.saved())


async def get_own_composition(request: Request) -> Response:
    """Return a served workflow as the data of a workflow file, to begin with."""
    service = service_of(request)
    data = await in_thread(service.compositions.of_workflow, service.workflow(request.path_params["id"]))
    return json_answer({"data": data, "text": written(data)})


async def post_composition(request: Request) -> Response:
    """Say what is wrong with a composition, and show its tree and plan; save it where `save` names it."""
    body = await body_of(request, _COMPOSITION, ("data",))
    service = service_of(request)
    found: dict[str, Any] = await in_thread(service.compositions.looked_at, body["data"])
    if "save" in body:
        text = await in_thread(service.compositions.save, body["save"], body["data"])
        found = {**found, "saved": body["save"], "text": text}
    return json_answer(found, 201 if "save" in body else 200)


async def get_composition(request: Request) -> Response:
    """Return a composition that was saved, as a workflow file."""
    text = await in_thread(service_of(request).compositions.text, request.path_params["name"])
    return PlainTextResponse(text, media_type=_YAML)
