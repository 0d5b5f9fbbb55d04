"""Weights of convolutions with channels last in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ....guiders.written_settings import checked
from ..technique import Technique

if TYPE_CHECKING:
    from ....families.contract import FamilyContract


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ChannelsLast(Technique):
    """Lay the weights of convolutions with channels last in memory, by which many kernels compute faster."""

    def faults(self, component: Any, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of models with convolutions of images."""
        if not _convolved(component):
            yield f"{type(component).__name__} has no weights of four dimensions."

    def apply(self, component: Any) -> Any:
        """Lay them so, and keep what no new place in memory could stand for."""
        import torch

        kept = [
            (each, each.data) for each in _convolved(component) if not (_begins_line(each) and each.is_contiguous())
        ]
        undo = _Undo(kept)
        try:
            # One by one: `component.to` would refuse a network that has convolutions of videos, too.
            for parameter in _convolved(component):
                parameter.data = parameter.data.to(memory_format=torch.channels_last)
        except BaseException:  # out of memory half way
            undo(component)
            raise
        return undo


@frozen(eq=False)
class _Undo:
    """Lays weights as they were.

    Attributes:
        kept: parameters with tensors that do not begin at a line of the cache: kernels round by where a tensor begins, and new memory always begins
            at one.
    """

    kept: list[tuple[Any, Any]]

    def __call__(self, component: Any) -> None:
        for parameter in _convolved(component):
            parameter.data = parameter.data.contiguous()
        for parameter, before in self.kept:
            parameter.data = before.to(parameter.device)


def _convolved(component: Any) -> list[Any]:
    return [each for each in component.parameters() if each.dim() == 4]


def _begins_line(tensor: Any) -> bool:
    from ....registry.loading.aligned_file import begins_line

    return bool(tensor.device.type != "cpu" or begins_line(tensor))
