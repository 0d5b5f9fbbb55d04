"""What of the components lies in the host's memory, within a budget, and what in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

from ...state import ComponentError
from ..loading.aligned_file import LINE
from ..loading.weights import byte_words, enough_words
from .device_memory import DeviceMemory
from .group_offload import onload_device
from .host_files import OwnFile, own_files, same_in_files, written_to
from .moved_tensors import HeldTensor, bytes_held, held_tensors, outside_inference


@frozen
class HostTensor:
    """A tensor of a component, as the plan sees it.

    Attributes:
        component: its name. times: how often a run reads its numbers from the host. own: a file that has them as they are. is_movable: whether they can
            lie in a file at all.
    """

    component: str
    held: HeldTensor
    size: int
    times: int
    own: OwnFile | None
    is_movable: bool


@frozen
class HostPlan:
    """What lies where on the host during a run.

    Attributes:
        budget: bytes of the host's memory. folder: to which weights may be written that no file has. kept: tensors in memory; filed: in files.
        is_of_run: whether it is what a run will have, and not what is now.
    """

    budget: int
    folder: Path | None
    kept: tuple[HostTensor, ...]
    filed: tuple[HostTensor, ...]
    is_of_run: bool = True

    @property
    def least(self) -> int:
        """Bytes that no budget can do without."""
        return sum(each.size for each in self.kept if not each.is_movable)

    @property
    def in_memory(self) -> int:
        """Bytes in memory."""
        return sum(each.size for each in self.kept)

    def on_disk(self, name: str) -> int:
        """Return the bytes of a component that lie in files."""
        return sum(each.size for each in self.filed if each.component == name)

    def words(self, name: str) -> str:
        """Return where the part of a component lies that is in files, and why, as the end of a sentence; "" if there is none."""
        filed = [each for each in self.filed if each.component == name]
        if not filed:
            return ""
        written = sum(each.size for each in filed if each.own is None)
        size = sum(each.size for each in filed)
        part = byte_words(size) if any(each.component == name for each in self.kept) else "all of it"
        places = ["in its own files"] if written < size else []
        places += [f"in files of {self.folder}"] if written else []
        where = f"{part} lies on disk, {' and '.join(places)}"
        if not self.is_of_run:
            return where
        is_read = any(each.times for each in filed)
        return f"{where}: {'the memory is for what is read more often' if is_read else 'a run reads it from there at most once'}"

    def refuse(self) -> None:
        """Raise ComponentError if the budget is not enough for what has to be in memory; it names the smallest that is."""
        if text := self.refusal:
            raise ComponentError(text)

    @property
    def refusal(self) -> str:
        """Why the budget is not enough for what has to be in memory, with the smallest that is; "" where it is enough."""
        if self.least <= self.budget:
            return ""
        sizes: dict[str, int] = {}
        for each in self.kept:
            if not each.is_movable:
                sizes[each.component] = sizes.get(each.component, 0) + each.size
        names = ", ".join(f"{name} {byte_words(size)}" for name, size in sizes.items())
        others = (
            "Load in the dtype of their files, or name a folder to which they are written: offload_folder=."
            if self.folder is None
            else "Load in a smaller dtype, or quantize."
        )
        return (
            f"Weights of {byte_words(self.least)} have to be in the host's memory ({names}), and host_memory is {byte_words(self.budget)}. "
            f"{'No file has them as they are: they were cast, changed or made here' if self.folder is None else 'They cannot be written to a file'}. "
            f"Raise host_memory to {enough_words(self.least)}. {others}"
        )


def host_plan_of(found: Sequence[HostTensor], budget: int, folder: Path | None) -> HostPlan:
    """Return what lies where within a budget: what is read most often in memory, what cannot lie in a file in any case."""
    left = budget - sum(each.size for each in found if not each.is_movable)
    order = sorted(range(len(found)), key=lambda index: (*_worth(found[index]), index))
    filed: set[int] = set()
    for index in order:
        if not found[index].is_movable:
            continue
        if found[index].size <= left:
            left -= found[index].size
        else:
            filed.add(index)
    return _divided(found, [index in filed for index in range(len(found))], budget, folder)


def _divided(found: Sequence[HostTensor], are_filed: Sequence[bool], budget: int, folder: Path | None) -> HostPlan:
    kept, filed = (
        tuple(each for each, is_filed in zip(found, are_filed, strict=True) if is_filed is wanted)
        for wanted in (False, True)
    )
    return HostPlan(budget, folder, kept, filed)


@frozen
class _InFile:
    """What a tensor was when its numbers were put into a file."""

    pointer: int
    version: int


@define(eq=False)
class HostMemory:
    """Keeps weights on the host within a budget: what has no room lies in files, and is read from there when it is needed.

    What is read most often in a run stays in memory. Who looks at a tensor finds its numbers wherever they lie.

    Attributes:
        budget: bytes of weights in memory. folder: to which those may be written that no file has; None allows none.
        memories: of the devices to which components go.
    """

    budget: int
    folder: Path | None
    memories: Sequence[DeviceMemory] = ()
    _filed: Any = field(factory=lambda: _by_tensor(), repr=False, init=False)
    _differing: Any = field(factory=lambda: _by_tensor(), repr=False, init=False)
    _left: set[int] = field(factory=set, repr=False, init=False)

    def is_in_file(self, tensor: Any, numbers: Any) -> bool:
        """Return whether the host's numbers of a tensor are the pages of a file."""
        return self._is_as(self._filed, tensor, numbers)

    def plan(self, components: Mapping[str, object], times: Mapping[int, int]) -> HostPlan:
        """Return what lies where in a run.

        Args:
            components: all that may be in memory. times: how often a run reads a tensor's numbers, by its identity.
        """
        return host_plan_of(list(self._tensors(components, times)), self.budget, self.folder)

    def present(self, components: Mapping[str, object]) -> HostPlan:
        """Return what lies where now."""
        found = list(self._tensors(components, {}))
        plan = _divided(found, [self._is_filed(each) for each in found], self.budget, self.folder)
        return evolve(plan, is_of_run=False)

    @outside_inference
    def arrange(self, components: Mapping[str, object], times: Mapping[int, int]) -> None:
        """Let every tensor lie where the plan of a run has it. What comes back to memory does so when it is used.

        Raises:
            ComponentError: the budget is too small, or files cannot be written.
        """
        plan = self._refused(components, times)
        # What was written past torch's counters is known only by its bytes, and then planned anew.
        while self._map_own(plan):
            plan = self._refused(components, times)
        for each in plan.kept:
            self._filed.pop(each.held.tensor, None)
        self._write([each for each in plan.filed if each.own is None and not self._is_filed(each)])
        self._move_apart(plan)

    def _refused(self, components: Mapping[str, object], times: Mapping[int, int]) -> HostPlan:
        plan = self.plan(components, times)
        plan.refuse()
        return plan

    def _tensors(self, components: Mapping[str, object], times: Mapping[int, int]) -> Any:
        seen: set[int] = set()
        for name, component in components.items():
            tensors = [held for held in held_tensors(component) if id(held.tensor) not in seen]
            seen |= {id(held.tensor) for held in tensors}
            files = own_files(component) if tensors else {}
            # diffusers keeps copies of such a model's layers, and would put them back.
            is_free = onload_device(component) is None
            for held in tensors:
                numbers = self._numbers(held.tensor)
                own = files.get(id(held.tensor))
                if own is not None and not self._may_be(own, held.tensor, numbers):
                    own = None
                has_place = own is not None or self.folder is not None
                can = is_free and held.is_plain and numbers.numel() > 0 and has_place
                yield HostTensor(name, held, bytes_held(numbers), times.get(id(held.tensor), 0), own, can)

    def _may_be(self, own: OwnFile, tensor: Any, numbers: Any) -> bool:
        """Return whether a file may have numbers as they are: nobody found them to differ, and kernels of the host round alike on its pages."""
        if self._is_as(self._differing, tensor, numbers):
            return False
        is_computed = any(memory.computes_on_host for memory in self.memories)
        return not is_computed or numbers.data_ptr() % LINE == own.line

    def _map_own(self, plan: HostPlan) -> bool:
        """Let tensors be the pages of their own files; return whether some turned out to be others."""
        coming = [each for each in plan.filed if each.own is not None and not self._is_filed(each)]
        wanted = [(self._numbers(each.held.tensor), each.own) for each in coming if each.own is not None]
        differ = False
        for each, (numbers, _), pages in zip(coming, wanted, same_in_files(wanted), strict=True):
            if pages is None:
                differ = True
                self._differing[each.held.tensor] = _InFile(numbers.data_ptr(), each.held.tensor._version)
            else:
                self._put(each.held.tensor, pages)
        return differ

    def _write(self, tensors: Sequence[HostTensor]) -> None:
        if tensors:
            assert self.folder is not None, "what cannot be written is not planned to be in a file"
            for index, pages in written_to(self.folder, [self._numbers(each.held.tensor) for each in tensors]):
                self._put(tensors[index].held.tensor, pages)

    def _move_apart(self, plan: HostPlan) -> None:
        """Let what stays in memory have some of its own: a piece that it shares with what has left would not be free."""
        for each in plan.kept:
            numbers = self._numbers(each.held.tensor)
            if each.held.is_plain and numbers.untyped_storage().data_ptr() in self._left:
                self._memory_of(each.held.tensor).put_numbers(each.held.tensor, numbers.clone(), is_in_file=False)
        if self._left:
            self._left.clear()
            for memory in self.memories:
                memory.release()

    def _put(self, tensor: Any, pages: Any) -> None:
        self._left.add(self._numbers(tensor).untyped_storage().data_ptr())
        self._memory_of(tensor).put_numbers(tensor, pages, is_in_file=True)
        self._filed[tensor] = _InFile(pages.data_ptr(), tensor._version)

    def _is_filed(self, each: HostTensor) -> bool:
        return self.is_in_file(each.held.tensor, self._numbers(each.held.tensor))

    @staticmethod
    def _is_as(known: Any, tensor: Any, numbers: Any) -> bool:
        noted = known.get(tensor)
        return noted is not None and noted == _InFile(numbers.data_ptr(), tensor._version)

    def _numbers(self, tensor: Any) -> Any:
        return self._memory_of(tensor).numbers_of(tensor)

    def _memory_of(self, tensor: Any) -> DeviceMemory:
        """Return the memory of the device that a tensor is on; of one on the host any serves."""
        return next((each for each in self.memories if each.has(tensor)), self.memories[0])


def _worth(tensor: HostTensor) -> tuple[int, bool]:
    """Return what sorts tensors by what it costs to have them in a file: those first that should stay in memory."""
    # Of what is read as often, that stays which would have to be written.
    return -tensor.times, tensor.own is not None


def _by_tensor() -> Any:
    from torch.utils.weak import WeakTensorKeyDictionary

    return WeakTensorKeyDictionary()
