"""Copies from the host to a device that do not wait for what the device still has to do.

A plain `tensor.to(device)` of a host's tensor returns when the device has done all that was queued before, and the copy: the host then
queues nothing meanwhile. Out of pinned memory, the copy is queued like a kernel. torch gives pinned memory away again only when the copies
out of it are done.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_UNPINNED = ("cpu", "mps", "meta")
"""Devices that pinned memory is nothing to."""


def sent(value: Tensor, device: torch.device | str, dtype: torch.dtype | None = None) -> Tensor:
    """Return a tensor on a device, and in a number format; a copy from the host is queued. The same numbers as of `value.to(device, dtype)`."""
    import torch

    device = torch.device(device)
    # On the host, before it is pinned: a copy that casts is made out of memory that is not.
    value = value if dtype is None else value.to(dtype)
    if value.device.type != "cpu" or device.type in _UNPINNED:
        return value.to(device)
    try:
        pinned = value if value.is_pinned() else value.contiguous().pin_memory()
    except RuntimeError:  # no more of such memory, or a kind of device that has none
        return value.to(device)
    return pinned.to(device, non_blocking=True)


def queued_copies(device: torch.device) -> AbstractContextManager[Any]:
    """Within it, what this thread moves from the host to a device by `tensor.to(device)`, or as a list of places, is queued, also by others' code.

    Solvers of diffusers draw noise with a generator of the host and move it; it is drawn as before, in the same order. Systems of equations,
    which UniPC solves for its coefficients, are solved without asking the device whether they could be: if not, the latents are not finite.
    """
    # Asked at every step; a device writes its kind anew where it is asked.
    return _queueing()() if _is_pinned(device) else _ON_HOST


_ON_HOST = nullcontext()


@cache
def _is_pinned(device: torch.device) -> bool:
    return device.type not in _UNPINNED


@cache
def _queueing() -> type[Any]:
    import torch
    from torch.overrides import TorchFunctionMode

    class Queueing(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func is torch.Tensor.to and args[0].device.type == "cpu":
                told = {**dict(zip(("device", "dtype"), args[1:], strict=False)), **kwargs}
                if told.keys() <= {"device", "dtype"} and isinstance(told.get("device"), (str, torch.device)):
                    return sent(args[0], **told)
            elif func is torch.Tensor.__getitem__ and isinstance(args[1], list) and args[0].device.type != "cpu":
                return args[0][sent(torch.tensor(args[1]), args[0].device)]
            elif func is torch.linalg.solve:
                return torch.linalg.solve_ex(*args, **kwargs).result
            return func(*args, **kwargs)

    return Queueing
