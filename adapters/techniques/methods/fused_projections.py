"""Queries, keys and values by one product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from ....guiders.written_settings import checked
from ..technique import Technique

if TYPE_CHECKING:
    import torch

    from ....families.contract import FamilyContract


@frozen(kw_only=True, slots=False, field_transformer=checked)
class FusedProjections(Technique):
    """Compute queries, keys and values of attention by one product in place of three, keys and values of cross-attention by one of two."""

    bars_loras: ClassVar[bool] = True
    holds_processors: ClassVar[bool] = True
    memory: ClassVar[str] = "the weights of these layers twice"

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of models that know it."""
        if not hasattr(component, "fuse_qkv_projections"):
            yield f"diffusers knows it not of {type(component).__name__}."

    def change(self, component: Any) -> None:
        """Make the weights of both in one, and give the layers processors that use them."""
        component.fuse_qkv_projections()
        for module in component.modules():
            # diffusers makes them as if they were to be trained.
            for name in _MADE & vars(module)["_modules"].keys():
                vars(module)["_modules"][name].train(module.training)


_MADE = {"to_qkv", "to_kv", "to_added_qkv"}
