"""How many requests a layout of devices serves, and how long they wait: in simulation, from what was measured on one device.

Devices are alike. A request is served whole by a replica, or goes through the stages of a line; a replica with several rows lets requests
share each step of the network (`Merger`), and they join and leave at any step.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count
from math import ceil, inf
from typing import Any

from attrs import define, field, frozen

from ..engine.planning.stages import Stages
from ..state import InputError


@frozen(kw_only=True)
class RequestProfile:
    """What one request takes of a device, in seconds; `scale.request_profile` measures it.

    Attributes:
        before: its loop: text encoders. steps: of its loop. step: of each, whoever shares it. each: more of a step for each request in it.
        after: its loop: the decoder.
    """

    before: float
    steps: int
    step: float
    each: float
    after: float

    @property
    def alone(self) -> float:
        """Seconds of a request that is alone."""
        return self.before + self.steps * (self.step + self.each) + self.after


@frozen(kw_only=True)
class Layout:
    """What devices do.

    Attributes:
        replicas: each serves whole requests, one device each; or lines, where there are stages. rows: requests that share a step on one device.
        stages: of one run, as `plan.stages` cuts it; each has a device.
    """

    replicas: int = 1
    rows: int = 1
    stages: Stages | None = None

    def __attrs_post_init__(self) -> None:
        faults = [
            f"{name}={value!r}: it is a number from 1 on."
            for name, value in (("replicas", self.replicas), ("rows", self.rows))
            if isinstance(value, bool) or not isinstance(value, int) or value < 1
        ]
        if self.stages is not None and self.rows != 1:
            faults.append(
                "rows are shared on a device that serves whole requests; a line of stages has one run in each."
            )
        if faults:
            raise InputError.of("This is no layout", faults)

    @property
    def devices(self) -> int:
        """How many devices it takes."""
        return self.replicas * (1 if self.stages is None else len(self.stages.stages))


@frozen(kw_only=True)
class Forecast:
    """What became of requests in a simulation.

    Attributes:
        throughput: requests a second, from the first one to the end of the last. p50, p99: seconds of half of the requests, and of 99 in 100.
        busy: part of the devices' time in which they computed. device_seconds: of all devices, for one request, busy or not.
    """

    throughput: float
    p50: float
    p99: float
    busy: float
    device_seconds: float


def simulate(profile: RequestProfile, layout: Layout, *, rate: float, requests: int = 2000, seed: int = 0) -> Forecast:
    """Serve requests that come at random times (a Poisson process), each by the replica that has least to do.

    Args:
        rate: requests a second; infinite for all at once. seed: of the times.

    Returns:
        Forecast: simulated, and not measured.

    Raises:
        InputError: the rate or the number of requests is none.
    """
    if not rate > 0 or isinstance(requests, bool) or requests < 1:
        raise InputError(f"rate={rate!r}, requests={requests!r}: a rate above 0, and at least one request, are needed.")
    chance, now, arrivals = random.Random(seed), 0.0, []  # noqa: S311 - times of requests, and no secret
    for _ in range(requests):
        now += 0.0 if rate == inf else chance.expovariate(rate)
        arrivals.append(now)
    clock = _Clock()
    servers = [_server(profile, layout, clock) for _ in range(layout.replicas)]
    ended: list[tuple[float, float]] = []

    def arrive(at: float) -> None:
        least = min(servers, key=lambda server: server.load)
        least.take(lambda: ended.append((at, clock.now)))

    for at in arrivals:
        clock.at(at, lambda at=at: arrive(at))  # type: ignore[misc]  # a default binds the time
    clock.run()
    took = sorted(end - at for at, end in ended)
    length = max(end for _, end in ended) - arrivals[0] or inf
    busy = sum(server.busy for server in servers)
    return Forecast(
        throughput=requests / length,
        p50=took[ceil(0.5 * requests) - 1],
        p99=took[ceil(0.99 * requests) - 1],
        busy=busy / (length * layout.devices),
        device_seconds=length * layout.devices / requests,
    )


def _server(profile: RequestProfile, layout: Layout, clock: _Clock) -> _Shared | _Line:
    if layout.stages is None:
        return _Shared(clock, profile, layout.rows)
    return _Line(clock, [(stage.seconds + stage.moved, stage.sending) for stage in layout.stages.stages])


@define(eq=False)
class _Clock:
    """Events in the order of their times."""

    now: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = field(factory=list)
    _numbers: Iterator[int] = field(factory=count)

    def at(self, time: float, event: Callable[[], None]) -> None:
        heappush(self._events, (time, next(self._numbers), event))

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        self.at(self.now + seconds, event)

    def run(self) -> None:
        while self._events:
            self.now, _, event = heappop(self._events)
            event()


@define(eq=False)
class _Shared:
    """A device that serves whole requests, of which so many share each step."""

    clock: _Clock
    profile: RequestProfile
    rows: int
    busy: float = 0.0
    _waiting: deque[Callable[[], None]] = field(factory=deque)
    _active: list[list[Any]] = field(factory=list)
    """Steps that are left, and what is to be called at the end, of those in their loop."""
    _is_busy: bool = False

    @property
    def load(self) -> int:
        return len(self._waiting) + len(self._active)

    def take(self, done: Callable[[], None]) -> None:
        self._waiting.append(done)
        if not self._is_busy:
            self._go_on()

    def _go_on(self) -> None:
        """Do what is next: end those that are through, begin those for whom there is room, else a step of all."""
        profile = self.profile
        over = next((each for each in self._active if each[0] == 0), None)
        if over is not None:
            self._work(profile.after, lambda: self._end(over))
        elif self._waiting and len(self._active) < self.rows:
            begun = [profile.steps, self._waiting.popleft()]
            self._active.append(begun)
            self._work(profile.before, lambda: None)
        elif self._active:
            together = list(self._active)
            self._work(profile.step + profile.each * len(together), lambda: _count_down(together))
        else:
            self._is_busy = False

    def _end(self, over: list[Any]) -> None:
        self._active.remove(over)
        over[1]()

    def _work(self, seconds: float, then: Callable[[], Any]) -> None:
        self._is_busy = True
        self.busy += seconds

        def over() -> None:
            then()
            self._go_on()

        self.clock.after(seconds, over)


def _count_down(together: Sequence[list[Any]]) -> None:
    for each in together:
        each[0] -= 1


@define(eq=False)
class _Line:
    """Stages with a queue before each; a stage sends what it hands on before it takes the next run."""

    clock: _Clock
    stages: Sequence[tuple[float, float]]
    busy: float = 0.0
    load: int = 0
    _queues: list[deque[Callable[[], None]]] = field(init=False)
    _at_work: list[bool] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._queues = [deque() for _ in self.stages]
        self._at_work = [False] * len(self.stages)

    def take(self, done: Callable[[], None]) -> None:
        self.load += 1
        self._put(0, done)

    def _put(self, number: int, done: Callable[[], None]) -> None:
        self._queues[number].append(done)
        self._next(number)

    def _next(self, number: int) -> None:
        if self._at_work[number] or not self._queues[number]:
            return
        done, (seconds, sending) = self._queues[number].popleft(), self.stages[number]
        self._at_work[number] = True
        self.busy += seconds

        def over() -> None:
            self._at_work[number] = False
            if number + 1 < len(self.stages):
                self._put(number + 1, done)
            else:
                self.load -= 1
                done()
            self._next(number)

        self.clock.after(seconds + sending, over)
