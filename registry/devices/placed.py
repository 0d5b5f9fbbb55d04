"""What `TorchMemory` knows of a component on the device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define, field

from .moved_tensors import HeldTensor, copy_on, inner_tensors
from .slabs import digest


@define(eq=False)
class Piece:
    """Memory on the device that was filled together.

    Attributes:
        numbers: the tensors that hold its bytes. ready: event of its copy, and allocated: the stream in whose pool it lies,
            on a device with streams. digests: of its bytes as they were brought; None until they are there.
    """

    numbers: list[Any]
    ready: Any = None
    allocated: Any = None
    digests: Any = None

    def digest(self) -> Any:
        """Return what tells these bytes from others, on the device."""
        import torch

        return torch.stack([digest(each) for each in self.numbers])


def note_bytes(pieces: Iterable[Piece]) -> None:
    """Remember the bytes of pieces as they are, where that was not done yet."""
    for piece in pieces:
        if piece.digests is None:
            piece.digests = piece.digest()


def written(pieces: Sequence[Piece]) -> set[int]:
    """Return the identities of pieces that hold other bytes than they were brought with. It waits for the device, once.

    They count as written where there is no memory to look at them (what leaves then, leaves because memory ran out), and where
    nobody noted what they were: a copy ahead for a step that never came, because the run was ended before it.
    """
    import torch

    noted = [piece for piece in pieces if piece.digests is not None]
    unknown = {id(piece) for piece in pieces if piece.digests is None}
    if not noted:
        return unknown
    try:
        changed = torch.stack([(piece.digest() != piece.digests).any() for piece in noted]).tolist()
    except torch.OutOfMemoryError:
        return {id(piece) for piece in pieces}
    return unknown | {id(piece) for piece, is_changed in zip(noted, changed, strict=True) if is_changed}


@define(eq=False)
class Moved:
    """A tensor that is on the device.

    Attributes:
        host: its numbers on the host; None where none are kept. here: what stands in the modules now: the same object,
            except for wrappers of tensors.
        users: identities of the components that hold it. is_in_file: whether `host` is the pages of a file, which stay as they are.
    """

    held: HeldTensor
    host: Any
    here: Any
    piece: Piece
    is_in_file: bool = False
    users: set[int] = field(factory=set)
    _version: int = field(default=0, init=False)
    _pointers: tuple[int, ...] = field(default=(), init=False)

    def __attrs_post_init__(self) -> None:
        self.note()

    def note(self) -> None:
        """Remember what the tensor is now."""
        self._version, self._pointers = self.here._version, _pointers(self.here)

    @property
    def is_written(self) -> bool:
        """Whether torch says that it was written, or that other numbers stand under its name."""
        return bool(self.here._version != self._version) or _pointers(self.here) != self._pointers

    def restore(self, is_written: bool) -> None:
        """Let the host's numbers stand in the modules again, those of the device if it was written there."""
        if self.here is not self.held.tensor:
            self.held.replace(copy_on(self.here, "cpu") if is_written else self.held.tensor)
        elif self.host is None or not _alike(self.host, self.here):
            self.here.data = self.here.data.cpu()
        else:
            if is_written:
                self.write_back()
            self.here.data = self.host

    def write_back(self) -> None:
        """Let the host have the numbers of the device."""
        if self.is_in_file:
            # Pages that are written to take memory of which nobody would know.
            self.host, self.is_in_file = self.here.data.to("cpu", copy=True), False
        else:
            self.host.copy_(self.here.data)


def _alike(host: Any, here: Any) -> bool:
    # The order in memory, too (`channels_last`): by another one kernels round otherwise.
    return bool(host.shape == here.shape and host.dtype == here.dtype and host.stride() == here.stride())


def _pointers(tensor: Any) -> tuple[int, ...]:
    return tuple(inner.data_ptr() for inner in inner_tensors(tensor))


@define(eq=False)
class Placed:
    """A component that is on the device.

    Attributes:
        used: streams on which it was asked for. is_leaving: it has begun to leave, and Ctrl-C may have stopped it half way.
    """

    component: Any
    is_leaving: bool = field(default=False, init=False)
    moved: list[Moved] = field(factory=list)
    used: list[Any] = field(factory=list)

    @property
    def pieces(self) -> list[Piece]:
        """The pieces in which its tensors lie."""
        return list({id(each.piece): each.piece for each in self.moved}.values())
