"""Weights of convolutions with channels last in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from ....guiders.written_settings import checked
from ....registry.loading.aligned_file import begins_line
from ..technique import Technique, Undo

if TYPE_CHECKING:
    import torch

    from ....families.contract import FamilyContract


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ChannelsLast(Technique):
    """Lay the weights of convolutions with channels last in memory, by which many kernels compute faster."""

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of models with convolutions of images."""
        if not _convolved(component):
            yield f"{type(component).__name__} has no weights of four dimensions."

    def apply(self, component: torch.nn.Module) -> Undo:
        """Lay them so, and keep what no new place in memory could stand for."""
        import torch

        undo = _Undo([_Before.of(each) for each in _convolved(component)])
        try:
            # One by one: `component.to` would refuse a network that has convolutions of videos, too.
            for each in undo.before:
                each.parameter.data = each.parameter.data.to(memory_format=torch.channels_last)
        except BaseException:  # out of memory half way
            undo(component)
            raise
        return undo


@frozen(eq=False)
class _Before:
    """How one parameter lay in memory.

    Attributes:
        tensor: itself, where it does not begin at a line of the cache: kernels round by where a tensor begins, and new memory always begins at one.
    """

    parameter: torch.nn.Parameter
    strides: tuple[int, ...]
    tensor: torch.Tensor | None

    @classmethod
    def of(cls, parameter: torch.nn.Parameter) -> _Before:
        """Note it of a parameter."""
        held = parameter.data
        is_placed = held.device.type != "cpu" or begins_line(held)
        return cls(parameter, held.stride(), None if is_placed else held)

    def put_back(self) -> None:
        """Lay the parameter as it was, on the device on which it is now."""
        import torch

        now = self.parameter.data
        if self.tensor is not None and self.tensor.device == now.device:
            self.parameter.data = self.tensor
            return
        # By its strides: of a kernel of one pixel `contiguous()` takes those of both layouts for right.
        made = torch.empty_strided(tuple(now.shape), self.strides, dtype=now.dtype, device=now.device)
        self.parameter.data = made.copy_(now)


@frozen(eq=False)
class _Undo:
    """Lays weights as they were."""

    before: list[_Before]

    def __call__(self, component: torch.nn.Module) -> None:  # noqa: ARG002 - as every undo
        for each in self.before:
            each.put_back()


def _convolved(component: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [each for each in component.parameters() if each.dim() == 4]
