"""A disk that is full after some bytes, in a process of its own."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable


def on_a_full_disk(limit: int, work: Callable[[], object]) -> tuple[str, str]:
    """Work in a child that cannot write more than `limit` bytes to a file; return class and message of the error."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        found = "", ""
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            work()
        except BaseException as error:  # noqa: BLE001 - a child of a fork must not come back
            found = type(error).__name__, str(error)
        os.write(there, "\0".join(found).encode()[:10_000])
        os._exit(0)
    os.close(there)
    with os.fdopen(here, "rb") as pipe:
        name, _, text = pipe.read().decode().partition("\0")
    os.waitpid(child, 0)
    return name, text
