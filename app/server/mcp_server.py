"""The Model Context Protocol by its official SDK: over HTTP at `/mcp` of the same server, or over stdin and stdout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ... import __version__
from .mcp_tools import Call, called, tools
from .service import Service
from .settings import LARGEST_FILE

PLACE = "/mcp"
_ADVICE = (
    "Workflows that make images. list_workflows says which, describe_workflow what one takes; check says all that is wrong with inputs before run. "
    "run returns the images with the seed and the id of the run: the same inputs and seed give the same image."
)


def mcp_server(service: Service) -> Server[Any]:
    """Return a server of the protocol whose tools are those of a service."""

    async def on_list_tools(ctx: Any, params: Any) -> ListToolsResult:  # noqa: ARG001 - as the SDK calls it
        return ListToolsResult(tools=tools())

    async def on_call_tool(ctx: Any, params: CallToolRequestParams) -> CallToolResult:
        scope = getattr(ctx.request, "scope", {})
        client = str(scope.get("state", {}).get("client", "mcp"))
        return await called(params.name, Call(service, client, ctx.session.report_progress, params.arguments or {}))

    return Server(
        "brickwork", version=__version__, instructions=_ADVICE, on_list_tools=on_list_tools, on_call_tool=on_call_tool
    )


class _Endpoint:
    """The protocol over HTTP, as an application of its own."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        self.manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self.manager.handle_request(scope, receive, send)


def mcp_over_http(service: Service) -> tuple[Route, Callable[[], AbstractAsyncContextManager[None]]]:
    """Return the route of the protocol, and what goes on around it while the server does."""
    manager = StreamableHTTPSessionManager(mcp_server(service), max_request_body_size=LARGEST_FILE)
    return Route(PLACE, _Endpoint(manager)), manager.run


def serve_over_stdio(service: Service) -> None:
    """Speak the protocol over stdin and stdout, until stdin ends."""
    server = mcp_server(service)

    async def speak() -> None:
        async with stdio_server() as (reads, writes):
            await server.run(reads, writes, server.create_initialization_options())

    try:
        anyio.run(speak)
    finally:
        service.stop(grace=1.0)
