"""Tools of the Model Context Protocol, for agents: the same workflows and runs, with images in the answers."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen
from mcp_types import AudioContent, CallToolResult, ImageContent, TextContent, Tool

from ..shared.result_files import MEDIA_TYPES
from .errors import RefusedError, refused
from .job import OVER, Asked, Job
from .requests import checked_keys, in_thread, text_of
from .sent_images import decoded
from .several_images import seed_of
from .watching import cancel_rest, events_of

if TYPE_CHECKING:
    from .service import Service

Progress = Callable[[float, float | None, str | None], Awaitable[None]]
_DESCRIBED = ("id", "title", "workflows", "inputs", "outputs", "output", "guider_names", "code")
_INPUTS = (
    'Inputs of the workflow, as describe_workflow says them. An image is {"$file": "sha256:..."} as upload_image gives it, or {"$run": id} for the '
    "image of a run."
)
_TEXT, _OBJECT = {"type": "string"}, {"type": "object"}
_WORKFLOW = {**_TEXT, "description": "As list_workflows names it; the first where it is left out."}


@frozen
class Call:
    """A call of a tool.

    Attributes:
        client: who asks. progress: says how far a run is.
    """

    service: Service
    client: str
    progress: Progress
    arguments: Mapping[str, Any]

    def taken(self, needed: tuple[str, ...] = (), **known: tuple[type, ...]) -> dict[str, Any]:
        """Return the arguments.

        Raises:
            RefusedError: there are others, or some are missing.
        """
        return checked_keys(self.arguments, known, needed)


async def _list_workflows(call: Call) -> CallToolResult:
    """List the workflows that are served: each makes images in its own way, and has tasks that follow from what is given."""
    call.taken()
    return _said({"workflows": [each.summary() for each in call.service.workflows.values()]})


async def _describe_workflow(call: Call) -> CallToolResult:
    """Say what a workflow takes, as JSON schema, and what it gives."""
    data = call.taken(workflow=(str,), task=(str,))
    found = await in_thread(call.service.workflow(data.get("workflow")).described, data.get("task"))
    return _said({name: found[name] for name in _DESCRIBED})


async def _check(call: Call) -> CallToolResult:
    """Say what is wrong with inputs, all of it, and which steps would run; nothing is computed."""
    data = call.taken(("inputs",), workflow=(str,), inputs=(dict,))
    name = call.service.workflow(data.get("workflow")).id
    found = await in_thread(call.service.check, name, data["inputs"])
    steps = [row["path"] for row in found["plan"]]
    return _said({"faults": found["faults"], "task": found["workflow"], "steps": steps, "bytes": found["bytes"]})


async def _run(call: Call) -> CallToolResult:
    """Run a workflow, and return its images with the run's id and seed; with wait=false only the id, for get_run."""
    data = call.taken(("inputs",), workflow=(str,), inputs=(dict,), seed=(int,), wait=(bool,))
    asked = Asked(call.service.workflow(data.get("workflow")).id, data["inputs"])
    job = await in_thread(call.service.submit, asked, call.client, data.get("seed"))
    if not data.get("wait", True):
        return _said(_about(job))
    try:
        async for event in events_of(job):
            if event.kind == "step":
                await call.progress(event.data["index"] + 1, event.data["total"], event.data["path"])
    finally:
        # An agent that takes its call back, or is gone, wants no image any more.
        cancel_rest(call.service, [job])
    found: CallToolResult = await in_thread(_result, job)
    return found


async def _get_run(call: Call) -> CallToolResult:
    """Say where a run stands; of one that is finished, return its images."""
    found: CallToolResult = await in_thread(_result, call.service.jobs.get(call.taken(("id",), id=(str,))["id"]))
    return found


async def _cancel(call: Call) -> CallToolResult:
    """Cancel one run, and no other."""
    job = await in_thread(call.service.cancel, call.taken(("id",), id=(str,))["id"])
    return _said(_about(job))


async def _upload_image(call: Call) -> CallToolResult:
    """Keep an image (PNG, JPEG or WebP, in base64), and return the name by which inputs take it."""
    content = decoded(call.taken(("data",), data=(str,))["data"], "data")
    return _said({"$file": await in_thread(call.service.files.put_image, content)})


def _schema(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_HANDLERS: Mapping[str, tuple[Callable[[Call], Awaitable[CallToolResult]], dict[str, Any]]] = {
    "list_workflows": (_list_workflows, _schema()),
    "describe_workflow": (
        _describe_workflow,
        _schema(workflow=_WORKFLOW, task={**_TEXT, "description": "One of its workflows; the inputs of that alone."}),
    ),
    "check": (_check, _schema(("inputs",), workflow=_WORKFLOW, inputs={**_OBJECT, "description": _INPUTS})),
    "run": (
        _run,
        _schema(
            ("inputs",),
            workflow=_WORKFLOW,
            inputs={**_OBJECT, "description": _INPUTS},
            seed={
                "type": "integer",
                "minimum": 0,
                "description": "The same seed gives the same image; drawn where it is left out.",
            },
            wait={"type": "boolean", "default": True},
        ),
    ),
    "get_run": (_get_run, _schema(("id",), id=_TEXT)),
    "cancel": (_cancel, _schema(("id",), id=_TEXT)),
    "upload_image": (_upload_image, _schema(("data",), data={**_TEXT, "description": "Base64."})),
}


def tools() -> list[Tool]:
    """Return the tools as they are listed."""
    return [
        Tool(name=name, description=(handler.__doc__ or "").strip(), input_schema=schema)
        for name, (handler, schema) in _HANDLERS.items()
    ]


async def called(name: str, call: Call) -> CallToolResult:
    """Return the result of a tool; what goes wrong is said in it, so that an agent can do better."""
    try:
        if name not in _HANDLERS:
            raise RefusedError(404, "ToolError", f"There is no tool {name[:60]!r}. There are: {', '.join(_HANDLERS)}.")
        return await _HANDLERS[name][0](call)
    except Exception as error:  # noqa: BLE001 - refused() knows which words are for outside
        found = refused(error, call.service.settings.logs_prompts)
        return CallToolResult(content=[TextContent(text=found.message)], is_error=True)


def _said(data: dict[str, Any]) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text_of(data))], structured_content=data)


def _about(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "status": job.status,
        "workflow": job.asked.workflow,
        "seed": seed_of(job),
        "progress": job.progress,
    }


def _result(job: Job) -> CallToolResult:
    """Return what a run has given so far: images as images, other values by their addresses."""
    about = {**_about(job), "outputs": job.said_outputs(), "seconds": job.seconds}
    if job.error is not None:
        about["error"] = job.error
    content: list[Any] = [
        ImageContent(data=base64.b64encode((job.folder / each["file"]).read_bytes()).decode(), mime_type="image/png")
        for each in job.outputs
        if each["file"].endswith(".png") and job.status in OVER
    ]
    content += [
        AudioContent(
            data=base64.b64encode((job.folder / each["file"]).read_bytes()).decode(), mime_type=MEDIA_TYPES[".wav"]
        )
        for each in job.outputs
        if each["file"].endswith(".wav") and job.status in OVER
    ]
    is_error = job.status == "failed"
    return CallToolResult(
        content=[*content, TextContent(text=text_of(about))], structured_content=about, is_error=is_error
    )
