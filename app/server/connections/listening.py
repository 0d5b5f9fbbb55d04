"""The server of an application: how it listens, and how it ends without keeping anybody waiting."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette

from ..requests import in_thread
from ..service import Service
from .http_connection import HttpConnection

GRACE = 1.0
"""Seconds that runs have to finish, and clients to take what they have asked for."""
_LONGEST = 5
"""Seconds after which answers are cut off that are still being made."""


def server_of(app: Starlette) -> Listening:
    """Return a server for an application that `application` has made."""
    config = uvicorn.Config(
        app, http=HttpConnection, log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=_LONGEST, lifespan="on",
    )  # fmt: skip
    return Listening(config)


class Listening(uvicorn.Server):
    """A server that ends runs and streams of events before it closes connections, which would be cut with an error in the log."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        # It would cut streams off half a second after the signal; here they end by themselves, when runs had time to finish.
        AppStatus.enable_automatic_graceful_drain = False
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to listen, and close connections."""
        service: Service = self.config.app.state.service  # type: ignore[union-attr]  # an application, as it was given
        await in_thread(service.drain, GRACE)
        service.end_streams()
        cut = asyncio.get_running_loop().call_later(GRACE, self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            cut.cancel()

    def _cut(self) -> None:
        """Close the connections of clients that neither take nor send anything."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpConnection) and connection.is_stalled:
                connection.transport.abort()
