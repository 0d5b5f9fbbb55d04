"""The parts in which a model can come to a device one after another, and which of them a device of some size takes.

A part is a module that is called: an element of a `ModuleList` or a `Sequential`. What lies beside these is the model's own part,
which is there all the time. Large parts are split into those that they have themselves, as far as it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ..compilation import compiled_parts
from .moved_tensors import bytes_held, held_tensors

if TYPE_CHECKING:
    import torch

_PER_COPY = 2**18
"""Bytes that could be copied in the time that it takes to begin a copy."""


@define(eq=False)
class Part:
    """Some modules of a model. It stands in for a component where a `DeviceMemory` brings and drops it.

    Attributes:
        name: with the component's in front. module: it is there while this one is called. around: the part in which it lies.
        inner: parts in it, which come by themselves. size: bytes of its own tensors. stays: whether it is there until the step is over.
        is_known: whether it was there already, in this step. doubts: what says, on the device, whether it was written unseen.
    """

    name: str
    module: Any
    around: Part | None = None
    inner: list[Part] = field(factory=list)
    size: int = 0
    stays: bool = False
    is_known: bool = False
    doubts: list[Any] = field(factory=list)

    def modules(self) -> Iterator[torch.nn.Module]:
        """Yield the modules whose tensors it holds, as they are now."""
        apart = {id(part.module) for part in self.inner}
        left, seen = [self.module], {id(self.module)}
        while left:
            module = left.pop()
            yield module
            for child in module._modules.values():
                if child is not None and id(child) not in seen and id(child) not in apart:
                    seen.add(id(child))
                    left.append(child)

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """Yield its parameters."""
        for _, parameter in self.named_parameters():
            yield parameter

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Yield its parameters with their names in their modules."""
        for module in self.modules():
            yield from ((name, each) for name, each in module._parameters.items() if each is not None)

    def to(self, device: torch.device | str) -> Part:
        """Move its tensors, for memories that move components by this."""
        for held in held_tensors(self):
            held.tensor.data = held.tensor.data.to(device)
        return self

    def doubt(self, pieces: Iterable[Any]) -> None:
        """Note on the device, without waiting for it, whether pieces were written that do not seem so.

        Their numbers are known in the first call of a step only: in each, it would cost two readings of all of them.
        """
        self.doubts += [(piece.digest() != piece.digests).any() for piece in pieces if piece.digests is not None]


@frozen
class Layering:
    """How a model comes in parts within some bytes.

    Attributes:
        parts: the model's own first, then in the order in which they are defined. room: bytes that there are for it.
        streamed: bytes of parts that come and go, at once at most. ahead: whether the next one comes beside these, while they compute.
        copies_ahead: whether the device can copy while it computes.
    """

    parts: tuple[Part, ...]
    room: int
    streamed: int
    ahead: bool
    copies_ahead: bool = True

    @property
    def size(self) -> int:
        """Bytes that it takes on the device, at most."""
        return min(self.room, sum(part.size for part in self.parts if part.stays) + self.streamed)

    def __str__(self) -> str:
        stay = sum(part.stays for part in self.parts)
        late = "there is no room to bring one ahead" if self.copies_ahead else "the device copies nothing ahead"
        ahead = "the next one comes meanwhile" if self.ahead else late
        return f"in {len(self.parts)} parts, of which {stay} stay while it computes; {ahead}"


def not_in_parts(model: Any) -> str:
    """Return why a model cannot come in parts, as the end of a sentence; "" if it can."""
    import torch

    if compiled_parts(model):
        return "it is compiled, and compiled code does not call layers one by one"
    if isinstance(model, torch.jit.ScriptModule):
        return "it is a script of torch, which does not call layers one by one"
    return "" if _Tree.of(model).called_in(model) else "it has no list of layers that come apart"


def least_bytes(name: str, model: Any) -> int:
    """Return the bytes of a model on a device in its smallest parts."""
    tree = _Tree.of(model)
    parts = [_root(name, model)]
    _split(parts[0], parts, tree)
    while (part := _largest_to_split(parts, tree)) is not None:
        _split(part, parts, tree)
    return parts[0].size + _streamed(parts)


def layering(name: str, model: Any, room: int, copies_ahead: bool = True) -> Layering:
    """Return how a model comes in parts within some bytes, of which there are enough for its smallest parts.

    Large parts need much room while they come and go, small ones many copies: those with the least to copy at each call are
    taken, where what cannot come ahead counts twice.

    Args:
        copies_ahead: whether the device can copy while it computes; else no room is kept for the next part.
    """
    tree = _Tree.of(model)
    parts = [_root(name, model)]
    following: Part | None = parts[0]
    best, splits = None, []
    while following is not None:
        splits.append(following)
        _split(following, parts, tree)
        ahead = copies_ahead and parts[0].size + _with_next(parts) <= room
        if parts[0].size + _streamed(parts) <= room:
            staying = _staying(parts, room, _with_next if ahead else _streamed)
            coming = [part for part in parts if id(part) not in staying]
            cost = (1 if ahead else 2) * sum(part.size + _PER_COPY for part in coming)
            if best is None or cost < best[0]:
                best = cost, tuple(parts), staying, len(splits)
        following = _largest_to_split(parts, tree)
    assert best is not None, "asked with less room than the smallest parts need"
    for part in splits[best[3] :]:
        part.inner = []
        _measure(part)
    _, found, staying, _ = best
    for part in found:
        part.stays = id(part) in staying
    most = _with_next(found)
    ahead = copies_ahead and sum(part.size for part in found if part.stays) + most <= room
    return Layering(found, room, most if ahead else _streamed(found), ahead, copies_ahead)


def _staying(parts: Sequence[Part], room: int, most: Callable[[Sequence[Part], set[int]], int]) -> set[int]:
    """Return the parts that can stay, by identity."""
    found = {id(parts[0])}
    # Twice, because what comes and goes gets less with each that stays.
    for _ in range(2):
        left = room - most(parts, found) - sum(part.size for part in parts if id(part) in found)
        # Every other one first: the copy of the next that comes is hidden by one that is there.
        for part in (*parts[1::2], *parts[2::2]):
            if id(part) not in found and part.size <= left:
                found.add(id(part))
                left -= part.size
    return found


def _root(name: str, model: Any) -> Part:
    return Part(name, model, stays=True)


def _split(part: Part, parts: list[Part], tree: _Tree) -> None:
    """Let what a part calls come by itself."""
    part.inner = [Part(f"{part.name}.{path}", module, part) for path, module in tree.called_in(part.module)]
    place = parts.index(part) + 1
    parts[place:place] = part.inner
    for each in (part, *part.inner):
        _measure(each)


def _measure(part: Part) -> None:
    part.size = sum(bytes_held(held.tensor) for held in held_tensors(part))


def _largest_to_split(parts: Sequence[Part], tree: _Tree) -> Part | None:
    able = (part for part in parts[1:] if not part.inner and tree.called_in(part.module))
    return max(able, key=lambda part: part.size, default=None)


def _streamed(parts: Sequence[Part], staying: Collection[int] = ()) -> int:
    """Return the bytes that are there at once, at most, of parts that come and go."""

    def with_around(part: Part) -> int:
        own = 0 if part.stays or id(part) in staying else part.size
        return own if part.around is None else own + with_around(part.around)

    return max((with_around(part) for part in parts), default=0)


def _with_next(parts: Sequence[Part], staying: Collection[int] = ()) -> int:
    return _streamed(parts, staying) + max(
        (part.size for part in parts if not part.stays and id(part) not in staying), default=0
    )


@frozen
class _Tree:
    """Which modules and tensors of a model stand where, by identity.

    Attributes:
        holders: of a module or tensor, the modules that have it, as often as they do. first: the model's first parameter; networks ask it where they
            are, so it must always be there.
    """

    holders: dict[int, list[int]]
    first: int
    _known: dict[int, list[tuple[str, Any]]] = field(factory=dict)

    @classmethod
    def of(cls, model: Any) -> _Tree:
        holders: dict[int, list[int]] = {}
        for module in model.modules():
            for each in (*module._parameters.values(), *module._buffers.values(), *module._modules.values()):
                if each is not None:
                    holders.setdefault(id(each), []).append(id(module))
        return cls(holders, id(next(iter(model.parameters()), None)))

    def called_in(self, module: Any) -> list[tuple[str, Any]]:
        """Return the outermost elements of lists in a module, with their paths, of those that can come by themselves."""
        found = self._known.get(id(module))
        if found is None:
            found = self._known[id(module)] = list(self._found_in(module))
        return found

    def _found_in(self, module: Any) -> Iterator[tuple[str, Any]]:
        import torch

        for name, child in module._modules.items():
            # torch asks such a layer for hooks, and computes by other kernels where it has any.
            if child is None or isinstance(child, torch.nn.TransformerEncoderLayer):
                continue
            if not _calls_its_modules(module) or not _is_called(child):
                yield from ((f"{name}.{path}", each) for path, each in self.called_in(child))
            elif self._comes_apart(child):
                yield name, child

    def _comes_apart(self, module: Any) -> bool:
        """Return whether a module has tensors, and shares none of them, or of its modules, with others."""
        if len(self.holders[id(module)]) > 1:
            return False
        modules = list(module.modules())
        within = {id(each) for each in modules}
        tensors = [
            id(each)
            for part in modules
            for each in (*part._parameters.values(), *part._buffers.values())
            if each is not None
        ]
        inner = within - {id(module)}
        if not tensors or self.first in tensors:
            return False
        return all(within.issuperset(self.holders[each]) for each in (*tensors, *inner))


def _calls_its_modules(module: Any) -> bool:
    """Return whether a module is a list, of which each element is called as a whole."""
    import torch

    if isinstance(module, torch.nn.Sequential):
        return type(module).forward is torch.nn.Sequential.forward
    return isinstance(module, torch.nn.ModuleList) and not _is_called(module)


def _is_called(module: Any) -> bool:
    import torch

    return type(module).forward is not torch.nn.Module.forward
