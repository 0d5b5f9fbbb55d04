"""A real device: components are copied to it, and their host copies serve again when they leave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .claims import claim, refuse_taken, release_claim
from .device_choice import placing_device
from .device_memory import DeviceMemory
from .layers import Part
from .moved_tensors import (
    HeldTensor,
    copy_on,
    held_tensors,
    inner_tensors,
    outside_inference,
    placed_bytes,
    refuse_unmovable,
)
from .overlapping import refuse_overlapping
from .placed import Moved, Piece, Placed, note_bytes, written
from .slabs import Slab, slabs_of
from .streams import DeviceStreams, streams_of

if TYPE_CHECKING:
    import torch


class TorchMemory(DeviceMemory):
    """A real device. Host copies are kept (pinned where copies run ahead), so that dropping a component copies nothing.

    What was changed on the device is copied back when it is dropped, also what was written past torch's counters, through
    `.data`: the numbers have a digest when they come, and again when they go. Weights that two components share are there
    once. What came into a component while it was there, such as an adapter, leaves with it.

    Args:
        device: "cuda" is the device that is current now, for good.

    Raises:
        ComponentError: from `bring`: the component cannot be moved, or another memory has it.
    """

    def __init__(self, device: torch.device | str) -> None:
        there = placing_device(device)
        super().__init__(there)
        self._placed: dict[int, Placed] = {}
        self._tensors: dict[int, Moved] = {}
        self.streams: DeviceStreams | None = streams_of(there)
        self.is_host = there.type == "cpu"
        # Unified memory would hold a host copy beside the device's, in the same chips.
        self.is_unified = there.type == "mps"

    def refuse(self, components: Mapping[str, object], leaving: Collection[DeviceMemory] = ()) -> None:
        """Raise ComponentError, before anything is moved, if some of the components cannot be; it names them all."""
        refuse_unmovable(components)
        if not self.is_host or self.host is not None:
            refuse_overlapping(components)
        for name, component in components.items():
            refuse_taken(name, component, self, leaving)

    @outside_inference
    def bring(self, name: str, component: Any) -> None:
        """Copy every tensor to the device; what a prefetch has begun is waited for."""
        known = self._placed.get(id(component))
        if known is not None and (known.is_leaving or self._has_strayed(component)):
            self.drop(name, component)
        if id(component) not in self._placed:
            self._place(name, component, ahead=False)
            super().bring(name, component)
        placed = self._placed[id(component)]
        if self.streams is not None:
            current = self.streams.current
            # Else a kernel could read weights of which the copy is still under way, on whatever stream it was begun.
            self._wait_for(placed)
            if current not in placed.used:
                placed.used.append(current)
        if _is_noted(component):
            note_bytes(placed.pieces)

    @outside_inference
    def prefetch(self, name: str, component: Any) -> None:
        """Copy on a stream of its own, beside the computation."""
        if self.streams is not None and id(component) not in self._placed:
            self._place(name, component, ahead=True)
            super().bring(name, component)

    @outside_inference
    def drop(self, name: str, component: Any) -> None:
        """Let the component's tensors be their host copies again."""
        placed = self._placed.get(id(component))
        if placed is None:
            return
        placed.is_leaving = True
        strangers = [] if self.is_host else self._unknown(component)
        pieces = placed.pieces
        self._wait_for(placed)
        if _comes_and_goes(component):
            changed = {id(moved.piece) for moved in placed.moved if moved.is_written}
            component.doubt(piece for piece in pieces if id(piece) not in changed)
        else:
            changed = written(pieces)
        shared = []
        while placed.moved:
            # Taken out when it is done: after Ctrl-C on the way, a second call goes on here.
            moved = placed.moved[-1]
            is_written = moved.is_written or id(moved.piece) in changed
            if moved.users - {id(component)}:
                shared.append((moved, is_written))
            else:
                moved.restore(is_written)
                self._tensors.pop(id(moved.here), None)
            moved.users.discard(id(component))
            placed.moved.pop()
        self._move_together(shared)
        for held in strangers:
            held.leave()
        self._order_before_freeing(pieces, placed.used)
        self._let_go(component)
        super().drop(name, component)

    def size_of(self, key: int) -> int | None:
        """Return the bytes of a component on the device, by identity, with what came into it there; None if it is not there."""
        placed = self._placed.get(key)
        return None if placed is None else placed_bytes(placed.component)

    @property
    def copies_ahead(self) -> bool:
        """Whether a prefetch begins a copy, which needs a stream beside the one that computes."""
        return self.streams is not None

    @property
    def computes_on_host(self) -> bool:
        """Whether the device is the host, so that kernels read the host's numbers where they lie."""
        return self.is_host

    def has(self, tensor: Any) -> bool:
        """Return whether a tensor is on the device."""
        return id(tensor) in self._tensors

    def numbers_of(self, tensor: Any) -> Any:
        """Return the host's numbers of a tensor, wherever it is."""
        moved = self._tensors.get(id(tensor))
        return super().numbers_of(tensor) if moved is None or moved.host is None else moved.host

    def put_numbers(self, tensor: Any, numbers: Any, is_in_file: bool) -> None:
        """Let the host have the numbers of a tensor elsewhere; on the device nothing changes."""
        moved = self._tensors.get(id(tensor))
        if moved is None:
            super().put_numbers(tensor, numbers, is_in_file)
        else:
            moved.host, moved.is_in_file = numbers, is_in_file

    @property
    def resident(self) -> int:
        """Bytes of components on the device; what two share counts once."""
        return placed_bytes(*(placed.component for placed in [*self._placed.values()]))

    def begin(self) -> None:
        """Count the peak from now on."""
        import torch

        if self.streams is not None:
            torch.accelerator.reset_peak_memory_stats(self.device)

    def workspace(self) -> int:
        """Return the peak of allocated bytes since `begin`, beyond the components that are there now."""
        import torch

        return (
            0 if self.streams is None else max(0, torch.accelerator.max_memory_allocated(self.device) - self.resident)
        )

    def release(self) -> None:
        """Give the device back what torch's allocators keep for later, on the device and of pinned memory."""
        import torch

        if not self.is_host and torch.accelerator.is_available():
            torch.accelerator.empty_cache()
            if hasattr(torch.accelerator, "empty_host_cache"):
                torch.accelerator.empty_host_cache()

    def free_bytes(self) -> int | None:
        """Return what the driver says is free, and what torch holds for later."""
        import torch

        if self.is_unified:
            return int(torch.mps.recommended_max_memory()) - int(torch.mps.driver_allocated_memory())
        if self.streams is None:
            return None
        # torch's allocator keeps freed blocks, which the driver counts as taken, and gives them to the next tensor.
        held = torch.accelerator.memory_reserved(self.device) - torch.accelerator.memory_allocated(self.device)
        return int(torch.accelerator.get_memory_info(self.device)[0]) + held

    def _has_strayed(self, component: Any) -> bool:
        """Return whether something of a component on the device is not there: weights that were assigned or moved by hand."""
        return not self.is_host and not all(self._is_there(held.tensor) for held in held_tensors(component))

    def _is_there(self, tensor: Any) -> bool:
        return bool(tensor.device == self.device)

    def _place(self, name: str, component: Any, ahead: bool) -> None:
        claim(name, component, self)
        placed = self._placed[id(component)] = Placed(component)
        if self.is_host:
            return
        new = self._unknown(component)
        before = self._tensors.keys() | set()
        try:
            self._move(new, ahead, is_noted=ahead and _is_noted(component))
        except BaseException:
            # Memory ran out on the way, or Ctrl-C: half of a model on each side would fail wherever it is used next.
            for key in self._tensors.keys() - before:
                self._tensors.pop(key).restore(is_written=False)
            self._let_go(component)
            raise
        for held in held_tensors(component):
            moved = self._tensors[id(held.tensor)]
            moved.users.add(id(component))
            placed.moved.append(moved)

    def _move(self, new: Sequence[HeldTensor], ahead: bool, is_noted: bool) -> None:
        plain = [held for held in new if held.is_plain]
        filed = {id(held) for held in plain if self._is_in_file(held)}
        for are_filed in (False, True):
            alike = [held for held in plain if (id(held) in filed) is are_filed]
            for slab in slabs_of([held.tensor for held in alike]):
                self._copy(slab, [alike[index] for index in slab.indices], ahead, are_filed, is_noted)
        for held in new:
            if not held.is_plain:
                here = copy_on(held.tensor, self.device)
                held.replace(here)
                self._tensors[id(here)] = Moved(held, None, here, self._piece(list(inner_tensors(here))))

    def _let_go(self, component: Any) -> None:
        self._placed.pop(id(component), None)
        release_claim(component)

    def _unknown(self, component: Any) -> list[HeldTensor]:
        return [held for held in held_tensors(component) if id(held.tensor) not in self._tensors]

    def _piece(self, numbers: list[Any], copying: Any = None, is_noted: bool = False) -> Piece:
        """Return a piece that was allocated just now, and is filled by a stream: the one that computes, if none is said."""
        piece = Piece(numbers)
        if self.streams is not None:
            piece.allocated = self.streams.current
            if is_noted:
                # Behind the copy: what is written before the component is used would else be taken for its bytes.
                with self.streams.on(copying):
                    note_bytes([piece])
            piece.ready = self.streams.mark(piece.allocated if copying is None else copying)
        return piece

    def _copy(self, slab: Slab, plain: Sequence[HeldTensor], ahead: bool, are_filed: bool, is_noted: bool) -> None:
        """Copy the tensors of a slab, and let them stand on the device."""
        host = None if are_filed else self._on_host(slab, plain)
        # Allocated on the stream that computes, also for a copy ahead: see `DeviceStreams`.
        there = self._allocate(slab.padded)
        if host is not None:
            copies = [(there, host)]
        else:
            # One by one from the pages of a file: a piece on the host would take the memory that they are in a file for.
            copies = [(seat.of(there), held.tensor.data) for held, seat in zip(plain, slab.seats, strict=True)]
        piece = self._piece([there], self._transfer(copies, ahead), is_noted)
        for held, seat in zip(plain, slab.seats, strict=True):
            kept = None if self.is_unified else held.tensor.data
            # `data`, so that the parameter object stays: optimizers, hooks and digests know it by identity.
            held.tensor.data = seat.of(there)
            self._tensors[id(held.tensor)] = Moved(held, kept, held.tensor, piece, is_in_file=are_filed)

    def _is_in_file(self, held: HeldTensor) -> bool:
        return self.host is not None and self.host.is_in_file(held.tensor, held.tensor.data)

    def _transfer(self, copies: Sequence[tuple[Any, Any]], ahead: bool) -> Any:
        """Copy, each to the first of two, and return the stream that does it."""
        streams = self.streams
        if streams is None:
            for there, host in copies:
                there.copy_(host)
            return None
        current = streams.current
        stream = streams.side if ahead else current
        if ahead:
            # The new memory may be that of a component that was dropped, which kernels given before still read.
            streams.wait(stream, streams.mark(current))
        with streams.on(stream):
            for there, host in copies:
                there.copy_(host, non_blocking=True)
        return stream

    def _on_host(self, slab: Slab, plain: Sequence[HeldTensor]) -> Any:
        """Return memory of the host with a slab's numbers: that in which they lie since an earlier time, or new one."""
        tensors = [held.tensor for held in plain]
        kept = slab.memory_of(tensors)
        if kept is not None and (self.streams is None or kept.is_pinned()):
            return kept
        host = self._allocate_host(slab.padded)
        for tensor, seat in zip(tensors, slab.seats, strict=True):
            view = seat.of(host)
            view.copy_(tensor.data)
            # At once, so that a model is not twice in memory when it is brought for the first time.
            tensor.data = view
        return host

    def _move_together(self, shared: Sequence[tuple[Moved, bool]]) -> None:
        """Give what another component holds memory of its own, so that the rest of its pieces is free."""
        for moved, is_written in shared:
            if is_written and moved.host is not None:
                moved.write_back()
        plain = [moved for moved, _ in shared if moved.held.is_plain]
        for slab in slabs_of([moved.here for moved in plain]):
            there = self._allocate(slab.padded)
            piece = self._piece([there])
            for index, seat in zip(slab.indices, slab.seats, strict=True):
                moved = plain[index]
                view = seat.of(there)
                view.copy_(moved.here.data)
                moved.here.data, moved.piece = view, piece
                moved.note()
            if self.streams is not None:
                piece.ready = self.streams.mark(self.streams.current)
            note_bytes([piece])

    def _wait_for(self, placed: Placed) -> None:
        """Let the stream that computes wait for the copies of a component."""
        events = {id(piece.ready): piece.ready for piece in placed.pieces}
        for event in events.values():
            if self.streams is not None:
                self.streams.wait(self.streams.current, event)

    def _order_before_freeing(self, pieces: Sequence[Piece], used: Sequence[Any]) -> None:
        """Let the streams in whose pools pieces lie wait for all that read them: their memory is given away next."""
        if self.streams is None:
            return
        readers = list(used)
        if self.streams.current not in readers:
            readers.append(self.streams.current)
        owners: list[Any] = []
        for piece in pieces:
            if piece.allocated not in owners:
                owners.append(piece.allocated)
        for reader in readers:
            for owner in owners:
                if owner != reader:
                    self.streams.wait(owner, self.streams.mark(reader))

    def _allocate(self, size: int) -> Any:
        import torch

        return torch.empty(size, dtype=torch.uint8, device=self.device)

    def _allocate_host(self, size: int) -> Any:
        import torch

        # Only from pinned memory does a copy run beside the computation.
        return torch.empty(size, dtype=torch.uint8, pin_memory=self.streams is not None)


def _comes_and_goes(component: object) -> bool:
    """Return whether something is a part of a model that is dropped after each call, where nothing may wait for the device."""
    return isinstance(component, Part) and not component.stays


def _is_noted(component: Any) -> bool:
    """Return whether the bytes of something are noted when it comes: of parts that come and go, once in a step."""
    return not (_comes_and_goes(component) and component.is_known)
