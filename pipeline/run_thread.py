"""A thread for a run, with all that torch and Python keep for each thread as the caller has it."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial

from ..registry.identity.torch_modes import active_modes
from ..state import InputError


def run_thread(work: Callable[[], object]) -> threading.Thread:
    """Return a thread that does some work, not started yet.

    Raises:
        InputError: a mode of torch is active that holds in this thread only, and cannot be made again in another.
    """
    inside = _settings_of_thread()

    def target() -> None:
        with ExitStack() as stack:
            for enter in inside:
                stack.enter_context(enter())
            work()

    # A daemon, so that an interpreter which ends does not wait for events that nobody will take. The context is copied
    # because a new thread begins with an empty one, and the caller's settings would not hold in it.
    return threading.Thread(target=contextvars.copy_context().run, args=(target,), daemon=True)


def _settings_of_thread() -> list[Callable[[], AbstractContextManager[object]]]:
    """Return what makes another thread as this one is: gradients, inference mode, autocast, the default device."""
    import torch
    from torch.utils._device import DeviceContext

    is_inference, has_gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    # In this order: leaving inference mode turns gradients on.
    found: list[Callable[[], AbstractContextManager[object]]] = [
        lambda: torch.inference_mode(is_inference),
        lambda: torch.set_grad_enabled(has_gradients),
    ]
    is_cached = torch.is_autocast_cache_enabled()
    for kind in ("cpu", "cuda", "mps", "xpu"):
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            found.append(partial(torch.autocast, kind, dtype, cache_enabled=is_cached))
    modes = active_modes()
    found += [partial(DeviceContext, mode.device) for mode in modes if type(mode) is DeviceContext]
    others = ", ".join(type(mode).__name__ for mode in modes if type(mode) is not DeviceContext)
    if others:
        raise InputError(
            f"torch's mode {others} holds in this thread only, and a run that is started or streamed has a thread of its own; "
            "call the pipeline instead, or enter the mode in a block."
        )
    return found
