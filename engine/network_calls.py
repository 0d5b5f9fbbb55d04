"""The one door through which the library calls networks, so that others may count, watch, keep or join the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from ..registry.identity.context_changes import context_change


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
def network_calls(caller: NetworkCaller, changes: str | None = None) -> Iterator[None]:
    """Hand the calls of networks to `caller`, in this context (thread or task), until the end of the `with`.

    One inside of another is called first, and its `proceed` leads to the outer one.

    Args:
        caller: takes the calls. changes: a text that tells what it makes of them, for the cache and for recipes: "" for one that only
            looks on, another one for each that changes results. None says that nothing tells: of such runs no result is kept.

    Example:
        >>> calls = []
        >>> def counted(proceed, network, *args, **kwargs):
        ...     calls.append(network)
        ...     return proceed(network, *args, **kwargs)
        >>> with network_calls(counted, changes=""):
        ...     call_network(len, "four")
        4
        >>> calls
        [<built-in function len>]
    """
    outer = _proceed.get() or _call

    def proceed(network: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        return caller(outer, network, *args, **kwargs)

    with ExitStack() as stack:
        if changes != "":
            stack.enter_context(context_change("network_calls(...)", changes))
        token = _proceed.set(proceed)
        stack.callback(_proceed.reset, token)
        yield


def _call(network: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    return network(*args, **kwargs)
