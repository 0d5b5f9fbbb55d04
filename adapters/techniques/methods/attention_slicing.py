"""Attention of UNets, a few heads at a time."""

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
class AttentionSlicing(Technique):
    """Compute the attention of a UNet for some of its heads at a time, which needs less memory where torch's own kernels need much.

    Attributes:
        slice_size: "auto" for half of the heads, "max" for one at a time, or how many at a time.
    """

    holds_processors: ClassVar[bool] = True
    memory: ClassVar[str] = "scores of fewer heads at once"

    slice_size: int | Literal["auto", "max"] = "auto"

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of UNets, and takes the place of their attention processors."""
        if not hasattr(component, "set_attention_slice"):
            yield f"it is for UNets that diffusers knows it of, and {type(component).__name__} is none."
            return
        heads = min(
            (getattr(each, "heads", 1) for each in component.modules() if hasattr(each, "sliceable_head_dim")),
            default=1,
        )
        if self.slice_size == "auto" and heads < 2:
            yield "there is a layer with one head, which has no half: slice_size=1."
        elif isinstance(self.slice_size, int) and not 1 <= self.slice_size <= heads:
            yield f"slice_size={self.slice_size}: it is 1 to {heads}, the heads of the smallest layer."

    def change(self, component: Any) -> None:
        """Give the layers processors that slice."""
        component.set_attention_slice(self.slice_size)
