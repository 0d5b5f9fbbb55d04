"""The one door through which the library calls networks, so that others may count, watch, keep or join the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


class NetworkCaller(Protocol):
    """Called in place of a network: it decides whether, when and with what `proceed(network, *args, **kwargs)` is called."""

    def __call__(
        self, proceed: Callable[..., Any], network: Callable[..., Any], *args: object, **kwargs: object
    ) -> Any:
        """Return what the network returns for these arguments."""
        ...


_proceed: ContextVar[Callable[..., Any] | None] = ContextVar("brickwork_network_calls", default=None)


def call_network(network: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """Call a network, or a method of one (`vae.decode`), through those who asked for its calls in this context.

    Every block and contract function calls networks by this.
    """
    proceed = _proceed.get()
    return network(*args, **kwargs) if proceed is None else proceed(network, *args, **kwargs)


@contextmanager
def network_calls(caller: NetworkCaller) -> Iterator[None]:
    """Hand the calls of networks to `caller`, in this context (thread or task), until the end of the `with`.

    One inside of another is called first, and its `proceed` leads to the outer one.

    Example:
        >>> calls = []
        >>> def counted(proceed, network, *args, **kwargs):
        ...     calls.append(network)
        ...     return proceed(network, *args, **kwargs)
        >>> with network_calls(counted):
        ...     call_network(len, "four")
        4
        >>> calls
        [<built-in function len>]
    """
    outer = _proceed.get() or _call

    def proceed(network: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        return caller(outer, network, *args, **kwargs)

    token = _proceed.set(proceed)
    try:
        yield
    finally:
        _proceed.reset(token)


def _call(network: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    return network(*args, **kwargs)
