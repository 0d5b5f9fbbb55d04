"""Gives back how Python's logging was, after a command that serves has set it for its process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_NAMES = ("brickwork", "py.warnings", "brickwork.server", "brickwork.serving")


@contextmanager
def kept_logging() -> Iterator[None]:
    """Keep the levels of loggers and who shows warnings."""
    before = {name: logging.getLogger(name).level for name in _NAMES}
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
