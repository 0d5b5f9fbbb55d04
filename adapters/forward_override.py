"""Lets modules of a network do something else during one call. Other threads, and other calls, do not see it.

What is changed are `forward` attributes of single modules. While anybody changes a module, its `forward` asks the context it
runs in what to do, so a thread that changes nothing gets the module as it is. With the last user the attribute goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import define

from ..engine.network_calls import call_effect
from ..registry.identity.context_changes import context_change
from ..registry.identity.module_settings import OVERRIDE

if TYPE_CHECKING:
    import torch

ForwardOverride = Callable[..., Any]
"""Takes the module's own forward, then its arguments."""

_active: ContextVar[Mapping[int, ForwardOverride]] = ContextVar("brickwork_behaviours", default=MappingProxyType({}))
_patches: dict[int, _Patch] = {}
_lock = threading.Lock()


@contextmanager
def override_forward(changes: Sequence[tuple[Any, ForwardOverride]], is_known: bool = False) -> Iterator[None]:
    """Let modules do something else in this thread, until the end of the `with`; inside of another, around what that does.

    Of runs in it no result is kept, and their recipes say why, because nothing tells what the functions do.

    Args:
        changes: modules, each with what takes its own forward, and then its arguments. is_known: something else tells what they do,
            such as the guider that asks for a perturbation, and the caller says so of calls (`call_effect`).
    """
    around = dict(_active.get())
    for module, behaviour in changes:
        inner = around.get(id(module))
        around[id(module)] = behaviour if inner is None else _nested(behaviour, inner)
    with ExitStack() as stack:
        # Patched before the context says so: a module that is not patched would not ask.
        for module, _ in changes:
            stack.enter_context(_patched(module))
        if changes and not is_known:
            stack.enter_context(context_change("override_forward(...)", None))
            stack.enter_context(call_effect(None))
        token = _active.set(around)
        stack.callback(_active.reset, token)
        yield


def is_changed(module: torch.nn.Module) -> bool:
    """Return whether somebody lets a module do something else just now."""
    return id(module) in _patches


def _nested(outer: ForwardOverride, inner: ForwardOverride) -> ForwardOverride:
    return lambda forward, *args, **kwargs: outer(partial(inner, forward), *args, **kwargs)


@define
class _Patch:
    """A module's `forward` that asks the context, and how many use it."""

    users: int
    own: Any
    """What the module had of its own in place of its class's `forward`; None for nothing."""


@contextmanager
def _patched(module: torch.nn.Module) -> Iterator[None]:
    key = id(module)
    # Counting and patching belong together: two threads that begin at once would each take the other's patch for the
    # module's own forward.
    with _lock:
        patch = _patches.get(key)
        if patch is None:
            # From the instance and not by `getattr`: what it has of its own is put back, and the class's method is
            # not made its own.
            patch = _patches[key] = _Patch(0, vars(module).get("forward"))
            module.forward = _asking(module.forward, key)
        patch.users += 1
    try:
        yield
    finally:
        with _lock:
            patch.users -= 1
            if patch.users == 0:
                del _patches[key]
                if patch.own is None:
                    del module.forward
                else:
                    module.forward = patch.own


def _asking(forward: Callable[..., Any], key: int) -> Any:
    def forward_or_else(*args: Any, **kwargs: Any) -> Any:
        behaviour = _active.get().get(key)
        return forward(*args, **kwargs) if behaviour is None else behaviour(forward, *args, **kwargs)

    # Whoever identifies the module goes by what stood there before.
    setattr(forward_or_else, OVERRIDE, forward)
    return forward_or_else
