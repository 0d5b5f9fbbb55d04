"""FreeU: the skips of a UNet weigh less in their low frequencies, the backbone more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from ....guiders.setting_types import Finite
from ....guiders.written_settings import checked
from ..technique import Technique

if TYPE_CHECKING:
    import torch

    from ....families.contract import FamilyContract


@frozen(kw_only=True, slots=False, field_transformer=checked)
class FreeU(Technique):
    """Weigh the backbone and the skips of a UNet's first two up stages otherwise (Si et al. 2023, https://arxiv.org/abs/2309.11497).

    Attributes:
        s1, s2: of the low frequencies of skips, in the first and second stage. b1, b2: of half of the backbone's channels. The usual ones are those
            that its authors give for Stable Diffusion XL.
    """

    exact: ClassVar[bool] = False

    s1: Finite = 0.9
    s2: Finite = 0.2
    b1: Finite = 1.3
    b2: Finite = 1.4

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of UNets whose up stages ask for it."""
        if not hasattr(component, "enable_freeu"):
            yield f"it is for UNets that diffusers knows it of, and {type(component).__name__} is none."

    def change(self, component: Any) -> None:
        """Set the four weights on the up stages."""
        component.enable_freeu(self.s1, self.s2, self.b1, self.b2)
