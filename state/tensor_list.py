"""The list of tensors at the beginning of a safetensors file: what it says is compared with itself and with the file's size.

Format: https://huggingface.co/docs/safetensors/index#format. Whoever passes here is taken by the library, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from .errors import BrickworkError, RepoError
from .limits import LARGEST_HEADER, MOST_TENSORS
from .reading import read_start
from .strict_json import parse_json

BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64), **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16), **dict.fromkeys(("I8", "U8", "BOOL"), 8),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
"""Number formats of safetensors, and bits of one number."""
_MOST_DIMENSIONS = 32
_NOTES = "__metadata__"


@frozen
class TensorEntry:
    """Says of one tensor what a file does: its number format, shape, and from where to where it lies after the list."""

    dtype: str
    shape: tuple[int, ...]
    first: int
    end: int


@frozen
class TensorList:
    """Says of a file's tensors what the file does.

    Attributes:
        entries: by name. notes: text by name, as the file's writer left it. start: bytes before the first tensor.
    """

    entries: Mapping[str, TensorEntry]
    notes: Mapping[str, str] = field(repr=False)
    start: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.start + max((entry.end for entry in self.entries.values()), default=0)


def read_tensor_list(path: Path, error: type[BrickworkError] = RepoError) -> TensorList:
    """Read the list of a file.

    Raises:
        RepoError: (or what `error` is) it is no safetensors file, or its beginning is damaged.
    """
    start, size = read_start(path, _MAGIC, error)
    length = int.from_bytes(start[:8], "little")
    # The first 8 bytes come from the file: a length that they claim is compared with the file before it is allocated.
    if length <= min(LARGEST_HEADER, size - 8):
        start, size = read_start(path, 8 + length, error)
    return parse_tensor_list(start, size, str(path), error)


def parse_tensor_list(
    start: bytes, size: int, where: str, error: type[BrickworkError] = RepoError, deepest: int = 5
) -> TensorList:
    """Parse the beginning of a file of `size` bytes.

    Raises:
        RepoError: (or what `error` is) as `read_tensor_list`.
    """
    try:
        length = int.from_bytes(start[:8], "little")
        if len(start) < 8 or not 0 < length <= size - 8:
            raise RepoError(_other_kind(start) or "its first 8 bytes are no length of a list")
        if length > LARGEST_HEADER:
            raise RepoError(f"its list of tensors has {length:,} bytes; at most {LARGEST_HEADER:,} are read")
        # As the library wants it: no white space before the object, so that its size alone says where tensors begin.
        if start[8:9] != b"{":
            raise RepoError("its list of tensors holds no JSON object")
        found = parse_json(start[8 : 8 + length], "its list of tensors", largest=LARGEST_HEADER, deepest=deepest)
        notes = _notes_of(found.pop(_NOTES, None))
        if len(found) > MOST_TENSORS:
            raise RepoError(f"it lists {len(found):,} tensors; at most {MOST_TENSORS:,} are read")
        entries = {name: _entry(name, entry) for name, entry in found.items()}
    except RepoError as fault:
        words = str(fault).rstrip(".")
        raise error(f"{where} is no safetensors file, or its beginning is damaged: {words}.") from None
    last = 0
    # In the order of memory, where each must begin where the one before ends: overlapping tensors would be two views
    # of one memory, and gaps can hide data.
    for name, entry in sorted(entries.items(), key=lambda named: (named[1].first, named[1].end)):
        if entry.first != last:
            fault_words = (
                "lies over another tensor" if entry.first < last else "has bytes before it that belong to none"
            )
            raise error(f"{where} is no safetensors file, or its beginning is damaged: {name[:80]!r} {fault_words}.")
        last = entry.end
    return TensorList(entries, notes, 8 + length)


def _other_kind(start: bytes) -> str | None:
    """Say what a file is that has the name of another kind, by how it begins; None where that is not known."""
    if not start:
        return "it is empty. Copy or download it again"
    return next(
        (words for beginning, words in _BEGINNINGS.items() if start.lstrip()[: len(beginning)] == beginning), None
    )


_MAGIC = 64
"""Bytes that are looked at to tell of what kind a file is."""
_PICKLED = (
    "it is a checkpoint of torch under another name, and pickled weights can run code while they are loaded. Convert it"
)
_BEGINNINGS = {
    b"version https://git-lfs": "it is a pointer of git-lfs, and the weights are elsewhere: `git lfs pull` fetches them",
    b"<": "it is a web page, such as that of a download that was refused. Download it again",
    b"PK\x03\x04": _PICKLED,
    b"\x80\x02": _PICKLED,
    b"GGUF": "it is a GGUF file, which is another format of weights",
}


def _notes_of(data: object) -> dict[str, str]:
    if data is None:
        return {}
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
        raise RepoError(f"{_NOTES} maps names to text")
    return data


def _entry(name: str, data: object) -> TensorEntry:
    if not isinstance(data, dict) or data.keys() != {"dtype", "shape", "data_offsets"}:
        raise RepoError(f"{name[:80]!r} must have dtype, shape and data_offsets")
    dtype, shape, offsets = data["dtype"], data["shape"], data["data_offsets"]
    bits = BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        raise RepoError(f"{name[:80]!r} has the number format {str(dtype)[:40]!r}; there are: {', '.join(BITS)}")
    if not _are_sizes(shape) or len(shape) > _MOST_DIMENSIONS:
        raise RepoError(f"{name[:80]!r} has the shape {str(shape)[:80]}")
    if not isinstance(offsets, list) or len(offsets) != 2:
        raise RepoError(f"{name[:80]!r} does not say where it lies")
    if not _are_sizes(offsets) or offsets[0] > offsets[1]:
        raise RepoError(f"it says that {name[:80]} lies from {str(offsets[0])[:40]} to {str(offsets[1])[:40]}")
    # Python's integers do not overflow, so sizes that multiply to more than 64 bits are compared as what they are.
    count = bits
    for each in shape:
        count *= each
    if count != 8 * (offsets[1] - offsets[0]):
        raise RepoError(f"{name[:80]!r} is {shape} of {dtype}, and has a place of {offsets[1] - offsets[0]:,} bytes")
    return TensorEntry(dtype, tuple(shape), *offsets)


def _are_sizes(data: object) -> bool:
    return isinstance(data, list) and all(type(each) is int and 0 <= each < 1 << 63 for each in data)
