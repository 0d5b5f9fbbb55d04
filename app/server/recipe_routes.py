"""How a run was made: its recipe, the file, code or line that makes it again, and what differs between two runs."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ...pipeline.recipes.recipe_diff import diff
from ...pipeline.workflows.workflow_file import place_of
from ...state import InputError
from ...state.limits import LARGEST_RECIPE
from ...state.strict_json import read_json
from ..shared.recipe_forms import Form, recipe_as
from .job import Job
from .requests import in_thread, json_answer, service_of
from .service import Service


def _recipe_file(service: Service, identifier: str) -> Path:
    job = service.jobs.get(identifier)
    if not job.recipe.is_file():
        raise InputError(f"The run {identifier} is {job.status}, and has no recipe.")
    return job.recipe


async def get_recipe(request: Request) -> Response:
    """Return the recipe of a run."""
    path = _recipe_file(service_of(request), request.path_params["id"])
    return json_answer(await in_thread(read_json, path, LARGEST_RECIPE))


async def get_workflow_file(request: Request) -> Response:
    """Return the workflow file that makes a run again."""
    return await _as(request, "workflow.yaml", "application/yaml")


async def get_python(request: Request) -> Response:
    """Return Python that makes a run again."""
    return await _as(request, "python", "text/x-python")


async def get_shell(request: Request) -> Response:
    """Return the command line that makes a run again."""
    return await _as(request, "shell", "text/plain")


async def _as(request: Request, form: Form, kind: str) -> Response:
    service = service_of(request)
    job: Job = service.jobs.get(request.path_params["id"])
    path = _recipe_file(service, job.id)
    origin = service.workflow(job.asked.workflow).origin
    found = await in_thread(recipe_as, path, form, None if origin is None else place_of(origin))
    sign = "# " if form != "shell" else ": "
    notes = "".join(
        f"{sign}{name} ({what}) is to be given again, as {file}\n" for name, (what, file) in found.missing.items()
    )
    return PlainTextResponse(notes + found.text.rstrip("\n") + "\n", media_type=kind)


async def get_diff(request: Request) -> Response:
    """Say what differs between two runs, in words."""
    service, query = service_of(request), request.query_params
    if not query.get("a") or not query.get("b"):
        raise InputError("Two runs are compared: ?a=ID&b=ID.")
    files = [_recipe_file(service, query[name]) for name in ("a", "b")]
    found = await in_thread(diff, *files)
    return json_answer({"same": not found, "differences": list(found), "text": str(found)})
