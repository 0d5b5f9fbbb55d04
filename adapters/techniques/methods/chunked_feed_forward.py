"""Feed-forward layers, a part of their input at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from ....guiders.written_settings import checked
from ..technique import Technique

if TYPE_CHECKING:
    import torch

    from ....families.contract import FamilyContract


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ChunkedFeedForward(Technique):
    """Compute feed-forward layers for a part of their input at a time.

    Attributes:
        chunk_size: rows of the batch, or tokens, at a time; their number must be a multiple of it. dim: 0 splits the batch, 1 the tokens.
    """

    memory: ClassVar[str] = "the widest activations of fewer rows at once"

    chunk_size: int = 1
    dim: Literal[0, 1] = 0

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of layers that know it."""
        if not _layers(component):
            yield f"no layer of {type(component).__name__} computes its feed-forward in parts."
        if self.chunk_size < 1:
            yield f"chunk_size={self.chunk_size}: it is 1 or more."

    def change(self, component: Any) -> None:
        """Tell every layer."""
        for layer in _layers(component):
            layer.set_chunk_feed_forward(chunk_size=self.chunk_size, dim=self.dim)


def _layers(component: torch.nn.Module) -> list[Any]:
    return [module for module in component.modules() if hasattr(module, "set_chunk_feed_forward")]
