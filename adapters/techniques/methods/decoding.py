"""Decoding and encoding by parts: image by image, and tile by tile."""

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
class SlicedDecoding(Technique):
    """Decode and encode one image of a batch after another."""

    memory: ClassVar[str] = "activations of one image at once"

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of VAEs that know it."""
        if not hasattr(component, "use_slicing"):
            yield f"it is for VAEs that diffusers knows it of, and {type(component).__name__} is none."

    def change(self, component: Any) -> None:
        """Switch it on."""
        component.enable_slicing()


@frozen(kw_only=True, slots=False, field_transformer=checked)
class TiledDecoding(Technique):
    """Decode and encode large images in tiles that overlap. Images of one tile are the same bits; at others each tile is normalised by itself,
    and edges are blended.
    """

    exact: ClassVar[bool] = False
    memory: ClassVar[str] = "activations of one tile at once"

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of VAEs that know it."""
        if not hasattr(component, "use_tiling"):
            yield f"it is for VAEs that diffusers knows it of, and {type(component).__name__} is none."

    def change(self, component: Any) -> None:
        """Switch it on."""
        component.enable_tiling()
