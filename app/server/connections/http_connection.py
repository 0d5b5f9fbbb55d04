"""One connection: it has some seconds for the head of a request, so that those who send a little now and then hold no place."""

from __future__ import annotations

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..error_shapes import shaped
from ..errors import RefusedError

SLOWEST_HEAD = 10.0
"""Seconds that a client may take to send the head of a request, from the beginning of a connection or the first byte."""
LINGER = 2.0
"""Seconds for the rest of a request that is answered already: who is cut off while sending may lose the answer."""


class HttpConnection(H11Protocol):
    """A connection of uvicorn that waits for the head of a request for some seconds only."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Wait no longer where the head is whole."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait_for_head()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._wait_no_more()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the rest of a request that was answered before it was whole, and not for ever."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self.loop.call_later(LINGER, self._close_unread, self.cycle)

    def _close_unread(self, cycle: object) -> None:
        if self.cycle is cycle and self.conn.their_state is h11.SEND_BODY:
            self.transport.close()

    @property
    def is_stalled(self) -> bool:
        """Whether its client takes nothing of what is sent, or sends no more of what it has begun."""
        is_sending = self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body
        return self.flow.write_paused or is_sending

    def _wait_for_head(self) -> None:
        # From the first byte on, and not anew with each.
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(SLOWEST_HEAD, self._let_go)

    def _wait_no_more(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _let_go(self) -> None:
        """Close it; with an answer, where something has come."""
        self._head_timer = None
        if self.transport.is_closing() or self.conn.their_state is not h11.IDLE:
            return
        if self.conn.trailing_data[0] and self.conn.our_state is h11.IDLE:
            text = f"The head of the request did not come within {SLOWEST_HEAD:g} seconds."
            status, data = shaped("/api/", RefusedError(408, "TooSlowError", text))
            body = json.dumps(data).encode()
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
