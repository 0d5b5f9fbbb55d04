"""Modes of torch that are active in this thread: `with torch.device("cuda")`, a `TorchFunctionMode`, a `TorchDispatchMode`."""

from __future__ import annotations

from typing import Any


def active_modes() -> list[Any]:
    """Return the modes that see each operation of this thread, the outermost first."""
    from torch import overrides
    from torch.utils import _python_dispatch

    # There is no public name for what is active.
    return [
        *overrides._get_current_function_mode_stack(),  # type: ignore[no-untyped-call]  # torch
        *_python_dispatch._get_current_dispatch_mode_stack(),
    ]
