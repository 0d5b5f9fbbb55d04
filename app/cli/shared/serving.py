"""Opens workflows, and serves them until the process is told to end."""

from __future__ import annotations

import logging
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....engine.serving.merger import Merger
from ....state import InputError
from ...server.application import application
from ...server.connections.listening import server_of
from ...server.served_workflow import ServedWorkflow
from ...server.service import Service
from ...server.settings import ServerSettings
from .changes import opened_as_asked
from .output import remark
from .targets import Target


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
        from ...server.mcp_server import serve_over_stdio

        serve_over_stdio(_service(targets, tokens, options, port=0))
        return
    # Before anything is loaded, which takes longer than to find that the address is taken.
    with _listening(options["host"], options["port"]) as listening:
        port = listening.getsockname()[1]
        shown = f"[{options['host']}]" if ":" in options["host"] else options["host"]
        remark(f"Brickwork serves on http://{shown}:{port}{' (with a token: ?token=TOKEN)' if tokens else ''}")
        service = _service(targets, tokens, options, port)
        server_of(application(service, options["mcp"])).run(sockets=[listening])


def _service(targets: Sequence[Target], tokens: Mapping[str, str], options: Mapping[str, Any], port: int) -> Service:
    rows = options["merge"]
    merger = Merger(rows=rows, bucket=rows if options["bucket"] else None) if rows else None
    workflows = served(targets, merger, options)
    settings = ServerSettings(
        options["host"], port, tokens, options["queue"], options["workers"], options["state"],
        logs_prompts=options["log_prompts"],
    )  # fmt: skip
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


def served(targets: Sequence[Target], merger: Merger | None, options: Mapping[str, Any]) -> list[ServedWorkflow]:
    """Open targets as workflows, whose calls of one network may be merged.

    Args:
        options: `repo`, `dtype` and `device`, as the command has them.

    Raises:
        BrickworkError: as opening a target does.
    """
    found: dict[str, ServedWorkflow] = {}
    for target in targets:
        takes_repo = target.kind in ("preset", "image")
        repo = options.get("repo") if takes_repo else None
        asked = {"repo": repo, "dtype": options.get("dtype"), "device": options.get("device")}
        pipe = opened_as_asked(target, asked, loads=True)
        pipe.configure(progress=False, merge=merger)
        name = _name(target, found)
        origin = target.name if target.kind in ("folder", "repo") else repo
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
