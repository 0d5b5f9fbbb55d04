"""The process of a stage: job and part as the first message of its input, then a run each; every message is its length and its bytes.

python -m brickwork.scale.stage_process
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
from queue import SimpleQueue
from typing import IO

_LENGTH = struct.Struct(">Q")


def main() -> None:
    """Do a part of each run until nobody gives any more."""
    # What libraries print would stand among the messages: standard output is theirs, and goes to the errors.
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(messages,), daemon=True).start()
    job, part = json.loads(messages.get())
    from .stage_worker import StageWorker

    worker = StageWorker(job, part)
    write_message(said, json.dumps(worker.ready()).encode())
    while True:
        write_message(said, worker.run(messages.get()))


def _read(messages: SimpleQueue[bytes]) -> None:
    """Keep what comes; where nothing will come any more the driver is gone, and so is the stage, in the middle of a run, too."""
    while (message := read_message(sys.stdin.buffer)) is not None:
        messages.put(message)
    os._exit(0)


def write_message(to: IO[bytes], content: bytes) -> None:
    """Write one message."""
    to.write(_LENGTH.pack(len(content)))
    to.write(content)
    to.flush()


def read_message(source: IO[bytes]) -> bytes | None:
    """Read one message; None where there is no whole one any more."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = source.read(length)
    return content if len(content) == length else None


if __name__ == "__main__":
    main()
