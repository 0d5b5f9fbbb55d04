"""What there is to compose, and compositions, over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ...registry.hub.strict_yaml import written
from .compositions import catalog
from .requests import body_of, in_thread, json_answer, service_of

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
