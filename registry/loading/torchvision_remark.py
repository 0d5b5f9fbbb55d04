"""Keeps away a remark of transformers that is for whoever wrote an import, where that is a library."""

from __future__ import annotations

import logging
import sys

_LOGGER = "transformers.utils.import_utils"
_SAID = "requires torchvision (not installed); falling back to"
"""How it says that a class for images is the one that works with PIL, and that the import should name that one (transformers 5.23)."""
_PASSED_ON = frozenset({"logging", "importlib", "transformers"})
_LIBRARIES = frozenset({"brickwork", "diffusers"})


def keep_away() -> None:
    """Let the remark be made of imports in people's own code alone.

    Those in diffusers and in this package nobody who draws can change, and the first image would come with two of them.
    """
    logging.getLogger(_LOGGER).addFilter(_of_own_code)


def _of_own_code(record: logging.LogRecord) -> bool:
    """Return whether a record is to be shown."""
    return _SAID not in record.getMessage() or _importer() not in _LIBRARIES


def _importer() -> str:
    """Return the name of the package whose code has asked for the class."""
    frame = sys._getframe(2)
    while frame.f_back is not None and _package(frame.f_globals) in _PASSED_ON:
        frame = frame.f_back
    return _package(frame.f_globals)


def _package(names: dict[str, object]) -> str:
    return str(names.get("__name__")).partition(".")[0]
