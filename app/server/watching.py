"""Watches runs: their events as they come, and their ends, for clients that may go away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence

from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .event_log import LoggedEvent
from .job import OVER, Job
from .requests import service_of
from .service import Service

_logger = logging.getLogger("brickwork.server")


PING = 15
SLOWEST = 60
"""Seconds that a client may take to read an event; then it is let go, and comes back by `Last-Event-ID`."""


class _Events(EventSourceResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until they end, or the client is gone or takes too long."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _logger.warning("A client that reads no events is let go")


def event_answer(events: AsyncIterator[dict[str, str]] | AsyncIterator[bytes]) -> Response:
    """Return events as an answer; each has the name of its `event` and its `data`, or is as it is sent."""
    return _Events(events, ping=PING, send_timeout=SLOWEST)


async def events_of(job: Job, following: int = 0, with_inner: bool = False) -> AsyncIterator[LoggedEvent]:
    """Yield the events of a run from a number on, to the last; or to where the server ends.

    Args:
        with_inner: those of blocks inside of loops, too.
    """
    changed, loop = asyncio.Event(), asyncio.get_running_loop()

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    job.events.listen(wake)
    try:
        while True:
            changed.clear()
            is_over = job.events.is_over or job.events.is_closed
            for event in job.events.since(following, with_inner):
                yield event
                following = event.number + 1
                # What is sent into a buffer waits for nothing, and others would wait for all that many streams have to say.
                await asyncio.sleep(0)
            if is_over:
                return
            await changed.wait()
    finally:
        job.events.forget(wake)


async def are_over(request: Request, jobs: Sequence[Job]) -> bool:
    """Wait until runs are over, and return True; where the client goes away first, cancel them and return False.

    The body of the request has been read before.
    """
    over, gone = asyncio.ensure_future(_over(jobs)), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({over, gone}, return_when=asyncio.FIRST_COMPLETED)
        return over.done() and all(job.status in OVER for job in jobs)
    finally:
        over.cancel()
        gone.cancel()
        cancel_rest(service_of(request), jobs)


def cancel_rest(service: Service, jobs: Iterable[Job]) -> None:
    """Cancel those runs that are not over."""
    for job in jobs:
        if job.status not in OVER:
            service.cancel(job.id)


async def _over(jobs: Sequence[Job]) -> None:
    for job in jobs:
        async for _ in events_of(job, following=1 << 62):
            pass


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
