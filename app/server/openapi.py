"""The description of a server in OpenAPI 3.1, made from its endpoints and workflows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ... import __version__
from ..shared.result_files import MEDIA_TYPES
from .a1111_fields import known_fields
from .error_shapes import A1111, OPENAI
from .file_store import IMAGE_KINDS
from .openai_request import FIELDS as OPENAI_FIELDS

if TYPE_CHECKING:
    from .application import Endpoint
    from .served_workflow import ServedWorkflow

_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_TEXT, _WHOLE, _OBJECT = {"type": "string"}, {"type": "integer"}, {"type": "object"}
_SEED = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
        {"type": "array", "items": _WHOLE},
        {"type": "null"},
    ]
}
_PREVIEW = {
    "anyOf": [
        {"type": "boolean"},
        {"type": "object", "properties": {"every": {"type": "integer", "minimum": 1}, "size": {"type": "integer", "minimum": 16, "maximum": 1024}},
         "additionalProperties": False},
        {"type": "null"},
    ]
}  # fmt: skip
_BINARY = {"type": "string", "contentMediaType": "image/png"}
_OUTPUT = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}, {"type": "null"}]}
_PRIORITY = {"enum": ["interactive", "batch", None]}
_INPUTS = {
    "type": "object",
    "description": 'As the workflow\'s schema has them; an image is {"$file": "sha256:..."}, a result {"$run": id, "output": "images", "index": 0}.',
}


def _body(required: Iterable[str] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def _fields(known: Mapping[str, tuple[type, ...]], required: Iterable[str] = ()) -> dict[str, Any]:
    return _body(
        required, **{name: {"type": [*(_TYPES[kind] for kind in kinds), "null"]} for name, kinds in known.items()}
    )


_BODIES: Mapping[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/workflows"): _body(("name", "data", "of"), name=_TEXT, data=_OBJECT, of=_TEXT),
    ("POST", "/api/workflows/{id}/check"): _body(inputs=_INPUTS),
    ("POST", "/api/runs"): _body(workflow=_TEXT, inputs=_INPUTS, seed=_SEED, output=_OUTPUT, priority=_PRIORITY, preview=_PREVIEW, scheduler=_TEXT,
                                 **{"from": _body(("run", "at_step"), run=_TEXT, at_step={"type": "integer", "minimum": 1})}),
    ("POST", "/api/runs/{id}/replay"): _body(),
    ("POST", "/api/runs/{id}/branch"): _body(("at_step",), at_step={"type": "integer", "minimum": 1}, loop=_TEXT, inputs=_INPUTS, seed=_WHOLE,
                                             preview=_PREVIEW, priority=_PRIORITY),
    ("POST", "/api/sweeps"): _body(("axes",), workflow=_TEXT, axes={"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
                                   inputs=_INPUTS, seed=_WHOLE, output=_OUTPUT, priority=_PRIORITY, preview=_PREVIEW, scheduler=_TEXT),
    ("POST", "/api/compositions"): _body(("data",), data=_OBJECT, save=_TEXT),
    ("POST", "/v1/images/generations"): _fields(OPENAI_FIELDS),
    ("POST", "/v1/images/edits"): _body(("image",), image=_BINARY, mask=_BINARY, **_fields(OPENAI_FIELDS)["properties"]),
    ("POST", "/sdapi/v1/txt2img"): _fields(known_fields(with_images=False)),
    ("POST", "/sdapi/v1/img2img"): _fields(known_fields(with_images=True), ("init_images",)),
    ("POST", "/sdapi/v1/options"): {"type": "object", "properties": {"sd_model_checkpoint": _TEXT}, "required": []},
}  # fmt: skip
QUERIES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("GET", "/api/workflows/{id}"): {"workflow": _TEXT},
    ("GET", "/api/runs"): {"limit": {"type": "integer", "minimum": 1, "maximum": 200}, "before": _TEXT},
    ("GET", "/api/runs/{id}/events"): {"blocks": {"enum": ["all"]}, "after": {"type": "integer", "minimum": 0}},
    ("GET", "/api/diff"): {"a": _TEXT, "b": _TEXT},
    ("GET", "/sdapi/v1/progress"): {"skip_current_image": {"type": "boolean"}},
}
"""What stands behind the question mark of an address; other names are refused."""
_SUCCESS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("POST", "/api/files"): ("201",),
    ("POST", "/api/workflows"): ("201",),
    ("POST", "/api/runs"): ("202",),
    ("POST", "/api/sweeps"): ("202",),
    ("POST", "/api/runs/{id}/replay"): ("202",),
    ("POST", "/api/runs/{id}/branch"): ("202",),
    ("POST", "/api/compositions"): ("200", "201"),
    ("DELETE", "/api/runs/{id}"): ("200", "202"),
}
_FORMS = {"/v1/images/edits": "multipart/form-data"}
_KINDS = {
    ".png": "image/png", ".yaml": "application/yaml", "events": "text/event-stream", "python": "text/x-python", "shell": "text/plain",
    "/metrics": "text/plain",
}  # fmt: skip
_SEVERAL_KINDS = {
    "/api/files/{name}": IMAGE_KINDS,
    "/api/runs/{id}/outputs/{name}/{index:number}.{ending}": tuple(MEDIA_TYPES.values()),
}
_REFUSALS = {
    "400": "The body is no JSON object.", "401": "A token is needed.", "403": "A page of another origin asks.", "404": "There is no such thing.",
    "409": "The server cannot do it as it was started.", "413": "It is too large; the largest that fits is named.",
    "421": "The host is not this machine.", "422": "Something does not fit; every fault is named.",
    "429": "There is too much work; Retry-After says when to try again.", "500": "The server's log has it under the identifier that is named.",
    "503": "Not now.",
}  # fmt: skip
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "type": _TEXT,
                "message": _TEXT,
                "faults": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"input": {"type": ["string", "null"]}, "text": _TEXT}},
                },
            },
            "required": ["type", "message", "faults"],
        }
    },
    "required": ["error"],
}
_ERRORS = {
    "Error": _ERROR,
    "ErrorOfOpenAI": _body(("error",), error=_body(("message", "type"), message=_TEXT, type=_TEXT, param={"type": ["string", "null"]},
                                                  code={"type": ["string", "null"]})),
    "ErrorOfA1111": _body(("error", "detail"), error=_TEXT, detail=_TEXT, errors=_TEXT),
}  # fmt: skip


def _error_of(path: str) -> str:
    return "ErrorOfOpenAI" if path.startswith(OPENAI) else "ErrorOfA1111" if path.startswith(A1111) else "Error"


def described(endpoints: Iterable[Endpoint], workflows: Mapping[str, ServedWorkflow]) -> dict[str, Any]:
    """Return the description of endpoints, and of the inputs of workflows."""
    paths: dict[str, Any] = {}
    for each in endpoints:
        path = _PARAMETER.sub(lambda found: f"{{{found[1]}}}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each)
    schemas = {
        f"inputs of {name}": {k: v for k, v in workflow.described()["inputs"].items() if k != "$schema"}
        for name, workflow in workflows.items()
    }
    named = {re.sub(r"[^A-Za-z0-9._-]", "_", name): schema for name, schema in schemas.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Brickwork", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**_ERRORS, **named},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(each: Endpoint) -> dict[str, Any]:
    key = (each.method, each.path)
    said = (each.handler.__doc__ or "").strip().partition("\n")[0]
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {**_WHOLE, "minimum": 0} if kind == "number" else _TEXT,
        }
        for name, kind in _PARAMETER.findall(each.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": key[1] == "/api/diff", "schema": schema}
        for name, schema in QUERIES.get(key, {}).items()
    ]
    kind = next((kind for ending, kind in _KINDS.items() if each.path.endswith(ending)), "application/json")
    kinds = _SEVERAL_KINDS.get(each.path, (kind,))
    content: dict[str, Any] = {kind: {} for kind in kinds}
    answers: dict[str, Any] = {
        code: {"description": "Done.", "content": content} for code in _SUCCESS.get(key, ("200",))
    }
    for code, text in _REFUSALS.items():
        answers[code] = {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{_error_of(each.path)}"}}},
        }
    if each.path == "/readyz":
        answers["503"] = {"description": "Some components are not there.", "content": {"application/json": {}}}
    found: dict[str, Any] = {
        "summary": said.rstrip("."),
        "operationId": f"{each.handler.__name__.strip('_')}",
        "parameters": parameters,
        "responses": answers,
    }
    if key in _BODIES:
        found["requestBody"] = {
            "required": key[0] == "POST" and bool(_BODIES[key]["required"]),
            "content": {_FORMS.get(each.path, "application/json"): {"schema": _BODIES[key]}},
        }
    if key == ("POST", "/api/files"):
        found["requestBody"] = {
            "required": True,
            "content": {kind: {} for kind in IMAGE_KINDS},
        }
    return found
