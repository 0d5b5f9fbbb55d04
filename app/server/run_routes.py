"""Runs over HTTP: ask for them, watch them, cancel them, take their outputs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..shared.result_files import MEDIA_TYPES
from .errors import RefusedError
from .job import OVER, Asked, Job
from .requests import FOR_EVER, KeptFile, body_of, client_of, in_thread, json_answer, service_of
from .run_events import preview_options
from .watching import event_answer, events_of

_MOST_LISTED = 200
_RUN = {
    "workflow": (str,), "inputs": (dict,), "seed": (int, list), "output": (str, list), "priority": (str,), "preview": (bool, dict),
    "scheduler": (str,), "from": (dict,),
}  # fmt: skip
_BRANCH = {
    "at_step": (int,),
    "loop": (str,),
    "inputs": (dict,),
    "seed": (int,),
    "preview": (bool, dict),
    "priority": (str,),
}


def refusal(text: str) -> RefusedError:
    """Return the answer to a request that is not as it should be."""
    return RefusedError(422, "RequestError", text, ({"input": None, "text": text},))


async def post_run(request: Request) -> Response:
    """Check a run and queue it."""
    data = await body_of(request, _RUN)
    service, client = service_of(request), client_of(request)
    start = data.get("from")
    if start is not None:
        if set(start) - {"run", "at_step"} or not isinstance(start.get("run"), str):
            raise refusal('from is {"run": id, "at_step": step}.')
        if others := [name for name in ("workflow", "output", "scheduler") if name in data]:
            raise refusal(
                f"{' and '.join(others)} cannot stand beside from: a variant has those of its run. Leave {'it' if len(others) == 1 else 'them'} out."
            )
        return await _branched(request, start["run"], {**data, "at_step": start.get("at_step")})
    asked = Asked(
        service.workflow(data.get("workflow")).id,
        data.get("inputs", {}),
        output_of(data),
        priority_of(data),
        preview_options(data.get("preview"), refusal),
        scheduler=data.get("scheduler"),
    )
    job = await in_thread(service.submit, asked, client, data.get("seed"))
    return accepted(request, job)


async def post_branch(request: Request) -> Response:
    """Queue a variant that shares the steps before `at_step` with a run."""
    data = await body_of(request, _BRANCH, ("at_step",))
    return await _branched(request, request.path_params["id"], data)


async def _branched(request: Request, of: str, data: dict[str, Any]) -> Response:
    changes = dict(data.get("inputs", {}))
    if "seed" in data:
        changes["seed"] = data["seed"]
    if not changes:
        raise refusal('A variant needs an input that differs from the run\'s, such as "inputs": {"guidance_scale": 4}.')
    more = {
        "loop": data.get("loop"),
        "preview": preview_options(data.get("preview"), refusal),
        "priority": priority_of(data),
    }
    job = await in_thread(service_of(request).variant, of, changes, data.get("at_step"), client_of(request), **more)
    return accepted(request, job)


async def post_replay(request: Request) -> Response:
    """Queue a run that makes another one again, and compares."""
    await body_of(request, {})
    job = await in_thread(service_of(request).replay, request.path_params["id"], client_of(request))
    return accepted(request, job)


def accepted(request: Request, job: Job) -> Response:
    """Return the answer to a run that was queued."""
    position = service_of(request).position(job)
    return json_answer(
        {"id": job.id, "position": position or 0, "inputs": job.asked.all_inputs},
        202,
        {"Location": f"/api/runs/{job.id}"},
    )


def output_of(data: dict[str, Any]) -> Any:
    """Return what a run is asked for: a name, or several.

    Raises:
        RefusedError: it is something else.
    """
    found = data.get("output")
    if isinstance(found, list) and not (found and all(isinstance(each, str) for each in found)):
        raise refusal("output is the name of a value, or a list of such.")
    if isinstance(found, list) and len(set(found)) < len(found):
        raise refusal("output names a value twice; a run gives it once.")
    return found


def priority_of(data: dict[str, Any]) -> Any:
    """Return the priority of a run.

    Raises:
        RefusedError: there is none of this name.
    """
    found = data.get("priority", "interactive")
    if found not in ("interactive", "batch"):
        raise refusal("priority is 'interactive' or 'batch'.")
    return found


def _is_whole(text: str) -> bool:
    """Return whether a text is a whole number from 0 on, in digits of ASCII, that no run has as many events as."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


async def list_runs(request: Request) -> Response:
    """List runs, the last one first."""
    query = request.query_params
    limit = query.get("limit", "50")
    if not _is_whole(limit) or not 1 <= int(limit) <= _MOST_LISTED:
        raise refusal(f"limit is a whole number from 1 to {_MOST_LISTED}.")
    jobs = service_of(request).jobs.all()
    if "before" in query:
        number = service_of(request).jobs.get(query["before"]).number
        jobs = [job for job in jobs if job.number < number]
    return json_answer([job_data(request, job) for job in jobs[: int(limit)]])


async def get_run(request: Request) -> Response:
    """Say where a run stands."""
    return json_answer(job_data(request, _job(request)))


def job_data(request: Request, job: Job) -> dict[str, Any]:
    """Return what is told of a run."""
    return {**job.data(), "position": service_of(request).position(job)}


async def delete_run(request: Request) -> Response:
    """Cancel a run, and no other."""
    job = await in_thread(service_of(request).cancel, request.path_params["id"])
    return json_answer(job_data(request, job), 200 if job.status in OVER else 202)


def _job(request: Request) -> Job:
    return service_of(request).jobs.get(request.path_params["id"])


async def get_events(request: Request) -> Response:
    """Send the events of a run, from the first or from after `Last-Event-ID`, to the last."""
    after, blocks = (request.query_params.get(name, "") for name in ("after", "blocks"))
    if after and not _is_whole(after):
        raise refusal("after is the number of an event, a whole number from 0 on of 18 digits at most.")
    if blocks not in ("", "all"):
        raise refusal("blocks is 'all', or is left out.")
    last = request.headers.get("last-event-id", "") or after
    following = int(last) + 1 if _is_whole(last) else 0
    return event_answer(_events(_job(request), following, blocks == "all"))


async def _events(job: Job, following: int, with_inner: bool) -> AsyncIterator[bytes]:
    async for event in events_of(job, following, with_inner):
        yield job.events.encoded(event)


async def get_output(request: Request) -> Response:
    """Send an output as a file."""
    params = request.path_params
    path = _job(request).file(params["name"], params["index"], params["ending"])
    if path is None or not path.is_file():
        raise RefusedError(
            404,
            "UnknownOutputError",
            f"The run has no output {params['name'][:60]!r} {params['index']} as .{params['ending'][:20]}.",
        )
    kind = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    name = f"{params['id'][:8]}-{params['index']}{path.suffix}"
    # An output never changes, and its address has the run in it.
    headers = {"Cache-Control": FOR_EVER}
    return KeptFile(path, media_type=kind, filename=name, content_disposition_type="inline", headers=headers)
