"""Settings of a run."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen
class RunSettings:
    """How a pipeline runs.

    Attributes:
        check_values: look at class, number format and named dimensions of tensors that blocks read and write.
        check_in_place: for debugging: refuse a block that changes a value in place instead of writing a new one.
        grad: record gradients; off, as most runs want.
        progress: show a progress bar over the steps of loops.
        progress_options: arguments for tqdm, such as `desc` or `leave`.
    """

    check_values: bool = True
    check_in_place: bool = False
    grad: bool = False
    progress: bool = True
    progress_options: dict[str, Any] = field(factory=dict)
