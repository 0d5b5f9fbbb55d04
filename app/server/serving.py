"""Opens workflows, and serves them until the process is told to end."""

from __future__ import annotations

import logging
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from ...engine.serving.merger import Merger
from ...state import InputError
from ..cli.shared.opening import opened
from ..cli.shared.output import remark
from ..cli.shared.targets import Target
from .application import application
from .served_workflow import ServedWorkflow
from .service import Service
from .settings import ServerSettings

_GRACE = 5


def serve(targets: Sequence[Target], tokens: Mapping[str, str], options: Mapping[str, Any]) -> None:
    """Serve targets, as the options of the command say.

    Raises:
        InputError: the address cannot be had. BrickworkError: as opening a target does.
    """
    begin_log(options["log_prompts"])
    if options["threads"] is not None:
        import torch

        torch.set_num_threads(options["threads"])
    if options["mcp_stdio"]:
        from .mcp_server import serve_over_stdio

        serve_over_stdio(_service(targets, tokens, options, port=0))
        return
    # Before anything is loaded, which takes longer than to find that the address is taken.
    listening = _listening(options["host"], options["port"])
    port = listening.getsockname()[1]
    shown = f"[{options['host']}]" if ":" in options["host"] else options["host"]
    remark(f"Brickwork serves on http://{shown}:{port}{' (with a token: ?token=TOKEN)' if tokens else ''}")
    service = _service(targets, tokens, options, port)
    config = uvicorn.Config(
        application(service, options["mcp"]),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        lifespan="on",
    )
    uvicorn.Server(config).run(sockets=[listening])


def _service(targets: Sequence[Target], tokens: Mapping[str, str], options: Mapping[str, Any], port: int) -> Service:
    rows = options["merge"]
    merger = Merger(rows=rows, bucket=rows if options["bucket"] else None) if rows else None
    workflows = served(targets, merger, options["repo"], options["dtype"])
    settings = ServerSettings(
        options["host"],
        port,
        tokens,
        options["queue"],
        options["workers"],
        options["state"],
        logs_prompts=options["log_prompts"],
    )
    service = Service(workflows, settings)
    remark(f"Ready: {', '.join(service.workflows)}.")
    return service


def begin_log(logs_prompts: bool) -> None:
    """Write to stderr what the server has to say; remarks on inputs, which may repeat a prompt, only where that is asked for."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.captureWarnings(True)
    for name in ("brickwork", "py.warnings"):
        logging.getLogger(name).setLevel(logging.WARNING if logs_prompts else logging.ERROR)
    for name in ("brickwork.server", "brickwork.serving"):
        logging.getLogger(name).setLevel(logging.INFO)


def served(
    targets: Sequence[Target], merger: Merger | None = None, repo: str | None = None, dtype: str | None = None
) -> list[ServedWorkflow]:
    """Open targets as workflows, whose calls of one network may be merged.

    Raises:
        BrickworkError: as opening a target does.
    """
    found: dict[str, ServedWorkflow] = {}
    for target in targets:
        pipe = opened(target, repo if target.kind in ("preset", "image") else None, loads=True, dtype=dtype)
        pipe.configure(progress=False, merge=merger)
        name = _name(target, found)
        origin = (
            repo if target.kind in ("preset", "image") else target.name if target.kind in ("folder", "repo") else None
        )
        found[name] = ServedWorkflow(name, _title(target), pipe, origin)
    return list(found.values())


def _name(target: Target, taken: Mapping[str, object]) -> str:
    """Return a name that stands in addresses."""
    stem = Path(target.name).stem if target.kind in ("workflow", "image", "folder") else target.name
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "workflow"
    return next(each for each in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if each not in taken)


def _title(target: Target) -> str:
    return (
        "The embedded model"
        if target.kind == "embedded"
        else Path(target.name).name
        if target.kind in ("workflow", "image", "folder")
        else target.name
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise InputError(
            f"The server cannot listen on {host}, port {port}: {error.strerror or error}. --port takes another one."
        ) from None
    return found
