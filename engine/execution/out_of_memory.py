"""Out of memory: what was held is let go of, and the error says what would help."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

from ...registry.loading.weights import byte_words
from ..memory import tensor_bytes
from ..nodes import Values

# torch has a class for what its own allocator of the device finds. Everything else is a RuntimeError with one of these words:
# the host's allocator (c10/core/impl/alloc_cpu.cpp), drivers, and the libraries that allocate for themselves.
_WORDS = (
    "not enough memory",
    "defaultcpuallocator",
    "can't allocate memory",
    "out of memory",
    "alloc_failed",  # CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED
    "allocation_failed",
    "out_of_memory",  # UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY is "out_of_device_memory"
    "out_of_device_memory",
    "out_of_host_memory",
    "out_of_resources",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an allocation failed, on a device or in the host's memory."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    said = str(error).casefold()
    return isinstance(error, RuntimeError) and any(words in said for words in _WORDS)


def relieve(error: BaseException, values: Values, advice: Sequence[str], free: Callable[[], object] | None) -> None:
    """Note on an error what was held and what would help, then let go of all of it.

    The error keeps its traceback, and the frames in it lose their variables, which hold a model's intermediate results.

    Args:
        advice: of the block that failed. free: drops components from the device, where that is possible.
    """
    import torch

    held = tensor_bytes(values.values())
    largest = sorted(((tensor_bytes([value]), name) for name, value in values.items()), reverse=True)[:3]
    named = ", ".join(f"{name} {byte_words(size)}" for size, name in largest if size)
    lines = [
        f"Memory ran out. The run's values took {byte_words(held)}{f' ({named})' if named else ''}, and are let go of now."
    ]
    general = (
        []
        if free is not None
        else ["let a ComponentsManager keep on the device only what is in use: manager.enable_auto_cpu_offload()"]
    )
    lines += ["What would help:", *(f"  - {text}" for text in [*advice, *general])]
    error.add_note("\n".join(lines))
    values.clear()
    # The frames of the failed forward hold its activations. While somebody looks at the error, a second try would
    # find no more memory than the first.
    traceback.clear_frames(error.__traceback__)
    if free is not None:
        free()
    if torch.accelerator.is_available():
        # torch keeps freed blocks for itself, and in pieces: a smaller attempt may need a whole one.
        torch.accelerator.empty_cache()
