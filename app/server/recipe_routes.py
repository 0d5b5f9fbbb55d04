"""How a run was made: its recipe, the file, code or line that makes it again, and what differs between two runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ...pipeline.recipes.recipe_diff import diff
from ...pipeline.workflows.workflow_file import place_of
from ...state import InputError, RepoError
from ...state.limits import LARGEST_RECIPE
from ...state.strict_json import read_json
from ..shared.recipe_forms import Form, WrittenForm, recipe_as, recipe_forms
from .errors import RefusedError, refused
from .job import Job
from .requests import in_thread, json_answer, service_of
from .service import Service


def _with_recipe(service: Service, identifier: str) -> Job:
    """Return a run whose recipe can be read.

    Raises:
        RefusedError: there is no such run, or its recipe is spoilt. InputError: it has none.
    """
    job = service.jobs.get(identifier)
    if job.status != "finished" and not job.recipe.is_file():
        raise InputError(f"The run {identifier} is {job.status}, and has no recipe.")
    job.read_recipe()
    return job


async def get_recipe(request: Request) -> Response:
    """Return the recipe of a run."""
    job = await in_thread(_with_recipe, service_of(request), request.path_params["id"])
    return json_answer(await in_thread(read_json, job.recipe, LARGEST_RECIPE))


async def get_workflow_file(request: Request) -> Response:
    """Return the workflow file that makes a run again."""
    return await _as(request, "workflow.yaml", "application/yaml")


async def get_python(request: Request) -> Response:
    """Return Python that makes a run again."""
    return await _as(request, "python", "text/x-python")


async def get_shell(request: Request) -> Response:
    """Return the command line that makes a run again."""
    return await _as(request, "shell", "text/plain")


async def get_forms(request: Request) -> Response:
    """Return the workflow file, the Python and the command line of a run; of those that do not say it, why not."""
    service, identifier = service_of(request), request.path_params["id"]
    service.jobs.get(identifier)
    try:
        found = await in_thread(_forms, service, identifier, recipe_forms)
    except (InputError, RefusedError) as error:
        # There is no recipe: an answer, since who asks for all forms cannot know which there are.
        found = dict.fromkeys(get_args(Form), error)
    return json_answer(
        {
            form: {"text": _text(form, each), "fault": None}
            if isinstance(each, WrittenForm)
            else {"text": None, "fault": refused(each).message}
            for form, each in found.items()
        }
    )


async def _as(request: Request, form: Form, kind: str) -> Response:
    service, identifier = service_of(request), request.path_params["id"]
    found = await in_thread(_forms, service, identifier, partial(recipe_as, form=form))
    return PlainTextResponse(_text(form, found), media_type=kind)


def _forms(service: Service, identifier: str, written: Callable[..., Any]) -> Any:
    """Return what is written of the recipe of a run.

    Raises:
        RefusedError: there is no such run, or its recipe is spoilt. InputError: it has none, or none of this form.
    """
    job = _with_recipe(service, identifier)
    origin = service.workflow(job.asked.workflow).origin
    components = None if origin is None else place_of(origin)
    try:
        return written(job.recipe, components=components, called=f"the run {identifier}")
    except InputError:
        raise
    except (RepoError, AttributeError, IndexError, KeyError, TypeError) as error:
        # Of the form of a recipe, and yet none that was written.
        raise job.without_recipe() from error


def _text(form: Form, found: WrittenForm) -> str:
    sign = "# " if form != "shell" else ": "
    notes = "".join(
        f"{sign}{name} ({what}) is to be given again, as {file}\n" for name, (what, file) in found.missing.items()
    )
    return notes + found.text.rstrip("\n") + "\n"


async def get_diff(request: Request) -> Response:
    """Say what differs between two runs, in words."""
    service, query = service_of(request), request.query_params
    if not query.get("a") or not query.get("b"):
        raise InputError("Two runs are compared: ?a=ID&b=ID.")
    jobs = [await in_thread(_with_recipe, service, query[name]) for name in ("a", "b")]
    found = await in_thread(diff, *(job.recipe for job in jobs))
    return json_answer({"same": not found, "differences": list(found), "text": str(found)})
