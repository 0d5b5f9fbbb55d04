"""The application: every endpoint in one table, of which the routes and their description are made."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from attrs import frozen
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from .a1111 import (
    get_options,
    get_progress,
    list_samplers,
    list_schedulers,
    list_sd_models,
    post_img2img,
    post_interrupt,
    post_options,
    post_txt2img,
)
from .a1111_clients import A1111Clients
from .access import Access
from .errors import RefusedError
from .openai_images import get_model, list_models, post_edit, post_generation
from .openapi import QUERIES, described
from .page import page_routes
from .recipe_routes import get_diff, get_forms, get_python, get_recipe, get_shell, get_workflow_file
from .requests import Handler, answering, error_answer, in_thread, json_answer, service_of
from .run_routes import delete_run, get_events, get_output, get_run, list_runs, post_branch, post_replay, post_run
from .service import Service
from .sweep_routes import post_sweep
from .workflow_routes import (
    get_catalog,
    get_composition,
    get_file,
    get_own_composition,
    get_queue,
    get_workflow,
    list_compositions,
    list_workflows,
    post_check,
    post_composition,
    post_file,
    post_workflow,
)


@frozen
class Endpoint:
    """One thing that can be asked.

    Attributes:
        path: as Starlette has it. The handler's first line says what it does.
    """

    method: str
    path: str
    handler: Handler


async def _health(request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """Say that the process is there."""
    return json_answer({"ok": True})


async def _ready(request: Request) -> Response:
    """Say whether all components are there."""
    service = service_of(request)
    loaded = {name: each.is_loaded for name, each in service.workflows.items()}
    return json_answer({"ready": all(loaded.values()), "workflows": loaded}, 200 if all(loaded.values()) else 503)


async def _metrics(request: Request) -> Response:
    """Return what is counted, in the format of Prometheus."""
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)


async def _description(request: Request) -> Response:
    """Describe all of this in OpenAPI 3.1."""
    return json_answer(await in_thread(described, ENDPOINTS, service_of(request).workflows))


class _Number(IntegerConvertor):
    """Whole numbers in addresses, of so few digits that Python reads them; a longer one is of nothing that there is."""

    regex = "[0-9]{1,9}"


register_url_convertor("number", _Number())

ENDPOINTS: Sequence[Endpoint] = (
    Endpoint("GET", "/api/workflows", list_workflows),
    Endpoint("POST", "/api/workflows", post_workflow),
    Endpoint("GET", "/api/workflows/{id}", get_workflow),
    Endpoint("POST", "/api/workflows/{id}/check", post_check),
    Endpoint("POST", "/api/files", post_file),
    Endpoint("GET", "/api/files/{name}", get_file),
    Endpoint("POST", "/api/runs", post_run),
    Endpoint("GET", "/api/runs", list_runs),
    Endpoint("GET", "/api/runs/{id}", get_run),
    Endpoint("DELETE", "/api/runs/{id}", delete_run),
    Endpoint("GET", "/api/runs/{id}/events", get_events),
    Endpoint("GET", "/api/runs/{id}/outputs/{name}/{index:number}.{ending}", get_output),
    Endpoint("GET", "/api/runs/{id}/recipe", get_recipe),
    Endpoint("GET", "/api/runs/{id}/forms", get_forms),
    Endpoint("GET", "/api/runs/{id}/workflow.yaml", get_workflow_file),
    Endpoint("GET", "/api/runs/{id}/python", get_python),
    Endpoint("GET", "/api/runs/{id}/shell", get_shell),
    Endpoint("POST", "/api/runs/{id}/replay", post_replay),
    Endpoint("POST", "/api/runs/{id}/branch", post_branch),
    Endpoint("GET", "/api/diff", get_diff),
    Endpoint("POST", "/api/sweeps", post_sweep),
    Endpoint("GET", "/api/queue", get_queue),
    Endpoint("GET", "/api/catalog", get_catalog),
    Endpoint("GET", "/api/compositions", list_compositions),
    Endpoint("POST", "/api/compositions", post_composition),
    Endpoint("GET", "/api/compositions/{name}.yaml", get_composition),
    Endpoint("GET", "/api/workflows/{id}/composition", get_own_composition),
    Endpoint("GET", "/api/openapi.json", _description),
    Endpoint("POST", "/v1/images/generations", post_generation),
    Endpoint("POST", "/v1/images/edits", post_edit),
    Endpoint("GET", "/v1/models", list_models),
    Endpoint("GET", "/v1/models/{id}", get_model),
    Endpoint("POST", "/sdapi/v1/txt2img", post_txt2img),
    Endpoint("POST", "/sdapi/v1/img2img", post_img2img),
    Endpoint("GET", "/sdapi/v1/progress", get_progress),
    Endpoint("POST", "/sdapi/v1/interrupt", post_interrupt),
    Endpoint("GET", "/sdapi/v1/options", get_options),
    Endpoint("POST", "/sdapi/v1/options", post_options),
    Endpoint("GET", "/sdapi/v1/samplers", list_samplers),
    Endpoint("GET", "/sdapi/v1/schedulers", list_schedulers),
    Endpoint("GET", "/sdapi/v1/sd-models", list_sd_models),
    Endpoint("GET", "/healthz", _health),
    Endpoint("GET", "/readyz", _ready),
    Endpoint("GET", "/metrics", _metrics),
)


def _queries(each: Endpoint) -> Sequence[str] | None:
    """Return what may stand behind the question mark; None for anything: clients of others' interfaces send what they like."""
    return tuple(QUERIES.get((each.method, each.path), ())) if each.path.startswith("/api/") else None


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    if status == 404 and any(each.matches(request.scope)[0] is Match.PARTIAL for each in request.app.routes):
        # The page's files are asked last, for what others do not answer to.
        status = 405
    text = {
        404: f"There is nothing at {request.url.path[:200]}.",
        405: f"{request.method} is nothing that can be asked there.",
    }
    said = text.get(status, str(error.detail))
    refused = RefusedError(status, "RequestError", said, headers=error.headers or {})
    return error_answer(request.url.path, refused)


def application(service: Service, with_mcp: bool = False) -> Starlette:
    """Make the application of a service.

    Args:
        with_mcp: agents are served, too, at `/mcp`, under the same rules.
    """
    more: list[BaseRoute] = []
    around: list[Callable[[], contextlib.AbstractAsyncContextManager[None]]] = []
    if with_mcp:
        from .mcp_server import mcp_over_http

        route, goes_on = mcp_over_http(service)
        more.append(route)
        around.append(goes_on)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for each in around:
                await stack.enter_async_context(each())
            yield
        await in_thread(service.stop)

    routes = [Route(each.path, answering(each.handler, _queries(each)), methods=[each.method]) for each in ENDPOINTS]
    app = Starlette(
        routes=[*routes, *more, *page_routes()],
        middleware=[Middleware(Access, settings=service.settings)],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.a1111 = A1111Clients()
    return app
