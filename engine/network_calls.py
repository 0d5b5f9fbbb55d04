"""The one door through which the library calls networks, so that others may count, watch, keep or merge the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from attrs import field, frozen

from ..registry.identity.context_changes import context_change


class NetworkCaller(Protocol):
    """Called in place of a network: it decides whether, when and with what `proceed(network, *args, **kwargs)` is called."""

    def __call__(
        self, proceed: Callable[..., Any], network: Callable[..., Any], *args: object, **kwargs: object
    ) -> Any:
        """Return what the network returns for these arguments."""
        ...


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset(given)


@frozen
class RowArguments:
    """Says of a call of a network which arguments have a row for each thing that is computed, so that rows of several calls can be one call.

    The first argument always has such rows. What is named nowhere must be alike in calls that are merged.

    Attributes:
        rows: names of arguments that have as many rows; of one in a dict with the dict's before a dot ("added_cond_kwargs.time_ids"). Of a
            list, each tensor has them. numbers: of arguments that are one number for all rows, or one for each: timesteps.
        independent: no row is computed otherwise because of the others.
    """

    rows: frozenset[str] = field(default=frozenset(), converter=_names)
    numbers: frozenset[str] = field(default=frozenset({"timestep"}), converter=_names)
    independent: bool = True


class CallMerger(Protocol):
    """Takes the calls of a run whose rows are known, and may make them together with those of others."""

    def __call__(
        self, declared: RowArguments, network: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return what the network returns for these arguments."""
        ...


_proceed: ContextVar[Callable[..., Any] | None] = ContextVar("brickwork_network_calls", default=None)
_merger: ContextVar[CallMerger | None] = ContextVar("brickwork_call_merger", default=None)
_declared: ContextVar[RowArguments | None] = ContextVar("brickwork_row_arguments", default=None)
_effects: ContextVar[tuple[Any, ...]] = ContextVar("brickwork_call_effects", default=())


def call_network(network: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """Call a network, or a method of one (`vae.decode`), through those who asked for its calls in this context.

    Every block and contract function calls networks by this, or by `call_rows`.
    """
    proceed = _proceed.get()
    return network(*args, **kwargs) if proceed is None else proceed(network, *args, **kwargs)


def call_rows(declared: RowArguments, network: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """Call a network as `call_network` does, and say which arguments have rows, so that runs with a `Merger` can share the call.

    Args:
        declared: of this network. args: the first one is a tensor with a row for each thing that is computed.

    Example:
        >>> import torch
        >>> network = torch.nn.Linear(2, 2)
        >>> call_rows(RowArguments(), network, torch.ones(3, 2)).shape
        torch.Size([3, 2])
    """
    proceed = _proceed.get()
    if proceed is None:
        return network(*args, **kwargs)
    token = _declared.set(declared)
    try:
        return proceed(network, *args, **kwargs)
    finally:
        _declared.reset(token)


def rows_declared() -> RowArguments | None:
    """Return what was said of the rows of the call that is being made, to who takes it (`network_calls`); None where nothing was."""
    return _declared.get()


@contextmanager
def call_effect(effect: object) -> Iterator[None]:
    """Until the end of the `with`, networks compute something else in this context than their arguments say.

    Args:
        effect: what tells it from others, hashable: only calls with equal effects are merged. With None none is.
    """
    token = _effects.set((*_effects.get(), effect))
    try:
        yield
    finally:
        _effects.reset(token)


def call_effects() -> tuple[Any, ...]:
    """Return the effects of this context, in the order in which they began."""
    return _effects.get()


@contextmanager
def merged_calls(merger: CallMerger | None) -> Iterator[None]:
    """Let a merger make the calls of this context whose rows are known; None takes that of a run around this one away."""
    token = _merger.set(merger)
    # Those who asked for the calls are asked first, each in its own context, and lead to the merger.
    outer = _proceed.set(_proceed.get() or _call) if merger is not None else None
    try:
        yield
    finally:
        if outer is not None:
            _proceed.reset(outer)
        _merger.reset(token)


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


def _call(network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    merger, declared = _merger.get(), _declared.get()
    if merger is None or declared is None:
        return network(*args, **kwargs)
    # What the network itself calls has other rows.
    token = _declared.set(None)
    try:
        return merger(declared, network, args, kwargs)
    finally:
        _declared.reset(token)
