"""While the loaders of other packages read files of somebody else: no question, no connection, no pickle.

What a file cannot ask for is refused before (`component_files.py`, `classes.py`). This is the second wall: loaders are many, change with
every release, and choose by the files what else they load. Python tells what it is about to do (PEP 578); within `confined`, in this
thread, some of that is refused.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any

from attrs import define

from ...state import TrustError
from .component_files import PICKLES

_CONNECTING = {
    "socket.connect": "connects to {1}",
    "socket.getaddrinfo": "looks up the address of {0}",
    "socket.gethostbyname": "looks up the address of {0}",
    "socket.sendto": "sends to {1}",
    # A connection that is open already tells of nothing but this.
    "http.client.send": "sends a request",
}
_NEVER = {
    "builtins.input": "asks on the terminal",
    "pickle.find_class": "unpickles {0}.{1}",
    "os.system": "starts another program",
}


@define
class _Confinement:
    what: str
    connects: bool
    pickles: bool
    refused: str | None = None

    def fault(self, event: str, args: tuple[Any, ...]) -> str | None:
        """Return what is wrong with what Python is about to do."""
        words = _NEVER.get(event) or (None if self.connects else _CONNECTING.get(event))
        if words is not None:
            return words.format(*args, "", "")
        if event == "open" and not self.pickles and isinstance(args[0], str) and args[0].endswith(PICKLES):
            return f"opens {args[0]}, whose kind is unpickled"
        return None


_confinement: ContextVar[_Confinement | None] = ContextVar("confinement", default=None)
_EVENTS = frozenset({*_CONNECTING, *_NEVER, "open"})


def _hook(event: str, args: tuple[Any, ...]) -> None:
    # The hook is called for every file that is opened and every module that is imported in the process: first the
    # cheapest question.
    if event not in _EVENTS:
        return
    held = _confinement.get()
    fault = held.fault(event, args) if held is not None else None
    if held is not None and fault is not None:
        # Noted as well as raised, because loaders catch errors and try something else.
        held.refused = held.refused or fault
        raise TrustError(f"{held.what} {fault}.")


@cache
def _install() -> None:
    """Python's hooks stay for the life of a process, so there is one, from the first use on."""
    sys.addaudithook(_hook)


def _refuse_request(request: Any) -> None:
    """Refuse what the Hub's client sends over connections that it has kept open, of which Python tells nothing."""
    held = _confinement.get()
    if held is not None and not held.connects:
        held.refused = held.refused or f"asks {request.url.host}"
        raise TrustError(f"{held.what} asks {request.url.host}.")


def _watch_client() -> None:
    # Every public way to the client makes one where there is none, and one without connections is stopped by the hook of Python.
    client = getattr(sys.modules.get("huggingface_hub.utils._http"), "_GLOBAL_CLIENT", None)
    if client is not None and _refuse_request not in client.event_hooks["request"]:
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [_refuse_request, *hooks["request"]]}


@contextlib.contextmanager
def confined(what: str, *, connects: bool = False, pickles: bool = False) -> Iterator[None]:
    """Within it, this thread asks nothing, connects to nothing and unpickles nothing.

    Args:
        what: that is loaded, for the error. connects: connections are allowed. pickles: files of weights that are pickled may be opened,
            which torch reads without making objects of classes that they name.

    Raises:
        TrustError: it was attempted, and the loader could not go on without.
    """
    _install()
    _watch_client()
    held = _Confinement(what, connects, pickles)
    token = _confinement.set(held)
    try:
        yield
    except TrustError:
        raise
    except Exception as error:
        # What the loader made of the refusal, such as "file not found", would send a person looking in the wrong
        # place.
        if held.refused is None:
            raise
        raise TrustError(f"{what} {held.refused}.") from error
    finally:
        _confinement.reset(token)
