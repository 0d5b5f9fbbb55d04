"""Words of videos that the vocabulary has beside its own; see `vocabulary.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ForwardRef

from . import kinds as of
from .value import Value

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = ForwardRef("Tensor", module="torch")

StartLatents = Annotated[
    Tensor,
    of.latents(
        "images c start rows columns",
        "Latents of the image that a video begins with, which are one frame.",
        dtype="float",
    ),
]
SolverMemory = Annotated[Any, Value(doc="What a solver is given again that it said in the step before.")]
