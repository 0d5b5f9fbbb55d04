"""Content of a model's tensors as a digest, cheap enough to ask for at every run.

Small models are read whole each time: a core digests some 20 GB a second, so SDXL's UNet in half precision costs 0.13 s and
a model of 20 MB 1 ms. Above `ALWAYS_WHOLE`, tensors whose stamps (version, address, strides) have not moved are looked at in
samples and, in turn, in 64 further chunks, so that after enough runs every byte was looked at; pages that are missed are
what costs there, not bytes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import xxhash
from attrs import define, field

from ...state.tensor_digest import refuse_without_bytes
from ...state.watch import tensor_stamps

if TYPE_CHECKING:
    import torch

# At 20 GB a second 256 MiB cost 13 ms, which no run of a network of that size notices.
ALWAYS_WHOLE = 256 * 2**20
"""Bytes of a model below which everything is read every time."""
SAMPLE = 4096
"""Bytes at the beginning, in the middle and at the end of each tensor that every look compares."""
CHUNK = 2**20
ROTATING = 64
"""Chunks that each look compares besides, in turn."""
_TRANSFER = 256 * 2**20
"""Bytes that are brought from a device in one piece."""

Named = Sequence[tuple[str, Any]]
_doubtful: dict[str, int] = {}
"""Digests that stood for weights which had been changed unnoticed for some looks, with how often that happened."""


@define(eq=False)
class TensorContent:
    """Keeps what is known of one model's tensors."""

    stamps: list[Any] = field(factory=list)
    sample: str = ""
    chunks: list[int] = field(factory=list)
    digest: str = ""
    at: int = 0
    whole_reads: int = 0

    def look(self, named: Named, whole: bool = False) -> str:
        """Digest the content as it is now; equal for equal names, dtypes, shapes, strides and bytes, on every device.

        Args:
            named: tensors with their paths. whole: read every byte, however large the model is.

        Raises:
            NoDigestError: a tensor has no bytes that could be compared.
        """
        tensors = [tensor for _, tensor in named]
        for tensor in tensors:
            refuse_without_bytes(tensor)
        # Before the bytes are read: a write in between moves a stamp against what is noted, so the next look sees it.
        stamps = _full_stamps(tensors)
        is_small = sum(tensor.nbytes for tensor in tensors) <= ALWAYS_WHOLE
        if self.digest and stamps == self.stamps and not (is_small or whole):
            if self.sample == _sample(tensors) and self._rotated(tensors):
                return _without_doubt(self.digest)
            # The change may be older than this look, and what was computed meanwhile was noted under this digest.
            # Results of the time in between carry the old digest and were made with other weights. Counting it up
            # takes the digest out of use.
            _doubtful[self.digest] = _doubtful.get(self.digest, 0) + 1
        self._read(named, tensors, stamps, keep_table=not is_small)
        return _without_doubt(self.digest)

    def moved(self, named: Named) -> None:
        """Take new addresses for the old ones, where somebody says that the tensors have only been moved."""
        tensors = [tensor for _, tensor in named]
        # A sample on top of the caller's word: addresses alone would let other weights pass for moved ones.
        if self.sample and _sample(tensors) == self.sample:
            self.stamps = _full_stamps(tensors)

    def _read(self, named: Named, tensors: list[Any], stamps: list[Any], keep_table: bool) -> None:
        chunks = _digest_pieces(tensors, _pieces(tensors))
        hashed = xxhash.xxh3_128()
        at = 0
        for path, tensor in named:
            count = _piece_count(tensor)
            # The digest is made of the digests of chunks, so that a table of them is enough to compare a part later.
            of_tensor = ",".join(map(str, chunks[at : at + count]))
            at += count
            hashed.update(f"{path} {tensor.dtype} {tuple(tensor.shape)} {tensor.stride()} {of_tensor}\n".encode())
        self.stamps, self.digest, self.at = stamps, hashed.hexdigest(), 0
        self.sample, self.chunks = (_sample(tensors), chunks) if keep_table else ("", [])
        self.whole_reads += 1

    def _rotated(self, tensors: list[Any]) -> bool:
        """Compare the next chunks with what they were."""
        pieces = _pieces(tensors)
        chosen = pieces[self.at : self.at + ROTATING]
        same = _digest_pieces(tensors, chosen) == self.chunks[self.at : self.at + ROTATING]
        # Begins anew at the end, so that every chunk has its turn.
        self.at = self.at + ROTATING if self.at + ROTATING < len(pieces) else 0
        return same


def is_doubtful(digest: str) -> bool:
    """Return whether weights with this digest had been changed for some time before that was seen."""
    return digest in _doubtful


def _without_doubt(digest: str) -> str:
    """Return a digest that equals none from a time in which it stood for other weights, too."""
    times = _doubtful.get(digest)
    return digest if times is None else f"{digest}-{times}"


def tensors_of(model: torch.nn.Module) -> list[tuple[str, Any]]:
    """Return parameters and buffers with their paths, those that are not saved as well, in the order of their names."""
    found: list[tuple[str, Any]] = []
    for path, module in used_modules(model):
        for place in (module._parameters, module._buffers):
            found += [(f"{path}.{name}", tensor) for name, tensor in place.copy().items() if tensor is not None]
    # Who takes a tensor off a module and puts it back, as pruning does, changes its place among the others.
    return sorted(found, key=itemgetter(0))


_FUSED = frozenset({"to_qkv", "to_kv", "to_added_qkv"})


def used_modules(model: torch.nn.Module) -> list[tuple[str, Any]]:
    """Return the modules of a network with their paths, without what diffusers leaves behind when fused projections
    are taken back.
    """
    named = list(model.named_modules())
    unused = [
        f"{path}.{name}" if path else name
        for path, module in named
        if "processor" in vars(module) and not type(module.processor).__name__.startswith("Fused")
        for name in _FUSED & module._modules.keys()
        if not has_mixin(module)
    ]
    return [each for each in named if each[0] not in unused] if unused else named


def has_mixin(module: torch.nn.Module) -> bool:
    """Return whether an attention layer decides by a flag whether its projections are fused, and not by its
    processor.
    """
    return any(base.__name__ == "AttentionModuleMixin" for base in type(module).__mro__)


def _full_stamps(tensors: list[Any]) -> list[Any]:
    forms = [(tensor.dtype, tensor.stride()) for tensor in tensors]
    return [*tensor_stamps(tensors), *forms, *map(id, tensors)]


Piece = tuple[int, int, int]
"""Of which tensor, from which byte, how many."""


def _piece_count(tensor: torch.Tensor) -> int:
    # Rounded up; an empty tensor has one empty piece, so that its name and shape are still part of the digest.
    return max(1, -(-int(tensor.nbytes) // CHUNK))


def _pieces(tensors: Sequence[Any]) -> list[Piece]:
    return [
        (n, offset, min(CHUNK, tensor.nbytes - offset))
        for n, tensor in enumerate(tensors)
        for offset in range(0, max(tensor.nbytes, 1), CHUNK)
    ]


def _digest_pieces(tensors: Sequence[Any], pieces: Sequence[Piece]) -> list[int]:
    digest = xxhash.xxh3_64_intdigest
    return [digest(data) for data in _read_pieces(tensors, pieces)]


def _sample(tensors: Sequence[Any]) -> str:
    pieces: list[Piece] = []
    for n, tensor in enumerate(tensors):
        size = tensor.nbytes
        if size <= 3 * SAMPLE:
            pieces.append((n, 0, size))
        else:
            pieces += [(n, offset, SAMPLE) for offset in (0, (size - SAMPLE) // 2, size - SAMPLE)]
    hashed = xxhash.xxh3_128()
    for data in _read_pieces(tensors, pieces):
        hashed.update(data)
    return str(hashed.hexdigest())


def _read_pieces(tensors: Sequence[Any], pieces: Sequence[Piece]) -> Iterator[Any]:
    """Yield the bytes of pieces, in their order; those on a device come over in a few transfers."""
    if all(tensor.device.type == "cpu" for tensor in tensors):
        whole: dict[int, Any] = {}
        for n, offset, size in pieces:
            tensor = tensors[n]
            if not tensor.is_contiguous():
                tensor = whole[n] if n in whole else whole.setdefault(n, tensor.detach().contiguous())
            # From the memory itself: `numpy()` refuses bfloat16 and tensors that require gradients, and copying would
            # double the cost.
            yield (ctypes.c_char * size).from_address(tensor.data_ptr() + offset) if size else b""
        return
    batch: list[Piece] = []
    total = 0
    for piece in pieces:
        if batch and total + piece[2] > _TRANSFER:
            yield from _transferred(tensors, batch)
            batch, total = [], 0
        batch.append(piece)
        total += piece[2]
    yield from _transferred(tensors, batch)


def _transferred(tensors: Sequence[Any], pieces: Sequence[Piece]) -> Iterator[Any]:
    """Gather pieces on their device, and bring them over in one piece: one synchronisation, and not one a tensor."""
    import torch

    flat: dict[int, Any] = {}
    for n in dict.fromkeys(n for n, _, _ in pieces):
        flat[n] = tensors[n].detach().contiguous().reshape(-1).view(torch.uint8)
    by_device: dict[Any, list[int]] = {}
    for place, (n, _, _) in enumerate(pieces):
        by_device.setdefault(tensors[n].device, []).append(place)
    found: dict[int, Any] = {}
    for places in by_device.values():
        parts = [flat[pieces[p][0]][pieces[p][1] : pieces[p][1] + pieces[p][2]] for p in places]
        gathered: Any = torch.cat(parts).cpu().numpy()
        data = memoryview(gathered)
        at = 0
        for place in places:
            found[place] = data[at : at + pieces[place][2]]
            at += pieces[place][2]
    yield from (found[place] for place in range(len(pieces)))
