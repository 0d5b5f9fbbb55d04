"""A server on this machine in a thread of its own, and a client of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field, frozen
from PIL.Image import Image

from brickwork.app.server.application import application
from brickwork.app.server.connections.listening import Listening, server_of
from brickwork.app.server.service import Service


def is_same(one: Image, other: Image) -> bool:
    """Return whether two images have the same pixels."""
    return one.size == other.size and one.tobytes() == other.tobytes()


@frozen
class Answer:
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.data["error"]


@frozen
class Sent:
    """An event as it came."""

    kind: str
    number: int
    data: Any


@define
class Client:
    """Asks a server over HTTP."""

    port: int
    headers: dict[str, str] = field(factory=dict)

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for one thing; a body that is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, content, {**self.headers, **(headers or {})})
            found = connection.getresponse()
            return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("POST", path, {} if body is None else body, headers)

    def events(self, identifier: str, query: str = "", headers: Mapping[str, str] | None = None) -> Iterator[Sent]:
        """Yield the events of a run, to its end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                "GET", f"/api/runs/{identifier}/events{query}", headers={**self.headers, **(headers or {})}
            )
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            about: dict[str, str] = {}
            for line in answer:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if not name and about:
                    yield Sent(about["event"], int(about["id"]), json.loads(about["data"]))
                    about = {}
                elif value and name:
                    about[name] = value
        finally:
            connection.close()

    def asked(self, inputs: Mapping[str, Any], **more: Any) -> str:
        """Ask for a run, and return its identifier."""
        answer = self.post("/api/runs", {"inputs": inputs, **more})
        assert answer.status == 202, answer.body
        return str(answer.data["id"])

    def run(self, inputs: Mapping[str, Any], **more: Any) -> Any:
        """Ask for a run, wait for its end, and return what is told of it."""
        return self.ended(self.asked(inputs, **more))

    def ended(self, identifier: str) -> Any:
        """Wait for the end of a run, and return what is told of it."""
        for _ in self.events(identifier):
            pass
        return self.get(f"/api/runs/{identifier}").data


@define(eq=False)
class Served:
    """A server that goes on until `stop`."""

    service: Service
    with_mcp: bool = False
    port: int = field(init=False)
    _server: Listening = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        self.port = listening.getsockname()[1]
        self._server = server_of(application(self.service, self.with_mcp))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        until = time.monotonic() + 30
        while not self._server.started and time.monotonic() < until:
            time.sleep(0.01)

    @property
    def connections(self) -> int:
        """How many there are whose request is not answered, or whose client is there."""
        return len(self._server.server_state.connections)

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def client(self, **headers: str) -> Client:
        return Client(self.port, headers)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)
