"""Text and private parts of PNG files, without a look at the pixels (https://www.w3.org/TR/png-3/#5Chunk-layout).

Pillow gives some of them only when it has decoded the image, which can take a gigabyte of memory for a small file.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from ...state import RepoError
from ...state.limits import LARGEST_RECIPE, MOST_CHUNKS
from ...state.reading import opened

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


@frozen
class PngParts:
    """Holds what was looked for in a file; None for what is not there."""

    text: str | None
    private: bytes | None


def read_png(path: Path, keyword: str, private: bytes) -> PngParts:
    """Read the text under a keyword, and the chunk of a private kind.

    Raises:
        RepoError: it is no PNG file, is cut off, or one of the two is damaged, too large, or there twice.
    """
    with opened(path) as (file, size):
        try:
            found = _found(file, size, keyword.encode() + b"\0", private)
        except ValueError as error:
            raise RepoError(f"{path} cannot be read as an image in PNG: {error}.") from None
    return found


def _found(file: BinaryIO, size: int, keyword: bytes, private: bytes) -> PngParts:
    if file.read(8) != SIGNATURE:
        raise ValueError("it does not begin as one")
    texts: list[str] = []
    privates: list[bytes] = []
    # A file of 1 GB can have 80 million empty chunks.
    for _ in range(MOST_CHUNKS):
        kind, place, length = _header(file, size)
        # The keyword first: a long text under another one is passed over without being read.
        if kind in _TEXTS and file.read(len(keyword)) == keyword:
            file.seek(place)
            texts.append(_text(kind, _checked(file, kind, length).removeprefix(keyword)))
        elif kind == private:
            privates.append(_checked(file, kind, length))
        elif kind == b"IEND":
            break
        # By its header, wherever reading has stopped; 4 bytes are the chunk's CRC.
        file.seek(place + length + 4)
    else:
        raise ValueError(f"it has more than {MOST_CHUNKS:,} parts")
    # Readers differ in which of two they take, so that one could be shown and the other one repeated.
    if len(texts) > 1 or len(privates) > 1:
        raise ValueError("it has two recipes, or two parts with inputs")
    return PngParts(texts[0] if texts else None, privates[0] if privates else None)


def _header(file: BinaryIO, size: int) -> tuple[bytes, int, int]:
    """Return the kind of the next chunk, where its data begin, and how many there are."""
    head = file.read(8)
    length, place = int.from_bytes(head[:4], "big"), file.tell()
    # Before anything is read of it: the length is of whoever wrote the file, up to 4 GB.
    if len(head) < 8 or place + length + 4 > size:
        raise ValueError("it is cut off")
    return head[4:], place, length


def _checked(file: BinaryIO, kind: bytes, length: int) -> bytes:
    data, total = file.read(length), int.from_bytes(file.read(4), "big")
    if zlib.crc32(data, zlib.crc32(kind)) != total:
        raise ValueError(f"its part {kind.decode()} is damaged")
    return data


def _text(kind: bytes, data: bytes) -> str:
    """Return the text of a chunk, after its keyword."""
    is_packed = kind == b"zTXt"
    if kind == b"zTXt":
        data = data[1:]
    elif kind == b"iTXt":
        is_packed = data[:1] == b"\1"
        # After the flag and the method: the language and the translated keyword, each up to a zero.
        data = data[2:].partition(b"\0")[2].partition(b"\0")[2]
    if is_packed:
        unpacker = zlib.decompressobj()
        try:
            # One byte more than is allowed tells too much from just enough; zlib packs zeros a thousandfold.
            data = unpacker.decompress(data, LARGEST_RECIPE + 1)
        except zlib.error as error:
            raise ValueError(f"its text cannot be unpacked: {error}") from None
        if not unpacker.eof and len(data) <= LARGEST_RECIPE:
            raise ValueError("its packed text is cut off")
    if len(data) > LARGEST_RECIPE:
        raise ValueError(f"its text is larger than any recipe ({LARGEST_RECIPE:,} bytes)")
    # Latin-1 is what the standard says of the two older kinds.
    return data.decode("utf-8" if kind == b"iTXt" else "latin-1")
