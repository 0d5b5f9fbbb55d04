"""Settings of a run."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen
class RunSettings:
    """How a pipeline runs.

    Attributes:
        check_values: look at class, number format and named dimensions of tensors that blocks read and write.
        grad: record gradients; off, as most runs want.
        progress: show a progress bar over the steps of loops.
        progress_options: arguments for tqdm, such as `desc` or `leave`.
    """

    check_values: bool = True
    grad: bool = False
    progress: bool = True
    progress_options: dict[str, Any] = field(factory=dict)
