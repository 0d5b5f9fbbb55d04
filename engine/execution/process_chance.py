"""The process's own random generators, which no block declares and no snapshot holds."""

from __future__ import annotations

import random
import sys
from typing import Any

from ...state import RunError
from ..nodes import Call, Values


def process_chance() -> Any:
    """Return the state of Python's, torch's and NumPy's own random generators."""
    import torch

    found = [torch.get_rng_state().numpy().tobytes(), random.getstate()]
    # To ask for a state would initialise CUDA, which takes seconds and hundreds of megabytes, in a process that does
    # not use it.
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch
        found += [state.cpu().numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    # What was never imported has drawn nothing.
    if "numpy" in sys.modules:
        state = sys.modules["numpy"].random.get_state()
        found.append((state[1].tobytes(), state[2:]))
    return found


def refusing_chance(call: Call, path: str) -> Call:
    """Wrap a block's call in a run that goes on: what it draws from the process is not what it would have drawn.

    Raises:
        RunError: it has drawn.
    """

    def call_watched(values: Values) -> None:
        before = process_chance()
        call(values)
        if process_chance() != before:
            raise RunError(
                f"{path} draws from a random generator of the whole process, whose state no snapshot holds, so the run would "
                "not go on as it was. Give the block a generator, or go on all the same: resume(..., exact=False)."
            )

    return call_watched
