"""The process of a worker: a job as the first line of its input, then a row a line; what it says is a line of JSON each.

python -m brickwork.scale.worker_process
"""

from __future__ import annotations

import json
import os
import sys
import threading
from queue import SimpleQueue
from typing import Any


def main() -> None:
    """Serve rows until nobody gives any more."""
    # What libraries print would stand among the lines: standard output is theirs, and goes to the errors.
    said = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    job = json.loads(lines.get())
    from .worker import Worker

    worker = Worker(job)
    _say(said, worker.ready())
    while True:
        _say(said, worker.run(json.loads(lines.get())))


def _read(lines: SimpleQueue[str]) -> None:
    """Keep what comes; where nothing will come any more the driver is gone, and so is the worker, in the middle of a row, too."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _say(said: Any, data: object) -> None:
    said.write(json.dumps(data) + "\n")
    said.flush()


if __name__ == "__main__":
    main()
