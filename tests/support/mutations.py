"""Turns valid files into files that are nearly valid: values, types, keys, depth, bytes, ends. Everything by a seed."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 255, 2**31, 2**63, -(2**63) - 1, 10**30, 10**330, 1.5, -0.0, 1e308, 1e-320, float("nan"),
    float("inf"), "", " ", "x", "None", "0", "cuda:9", "cpu", "meta", "torch.float32", "torch.load", "../..", "/etc/passwd", "C:\\x",
    "\0", "\n", "\x1b[2J", "é\u202e", "\ud800", "x" * 3000, "{}", "__class__", "$", [], {}, [[]], [None], [1, "x"], {"": None},
    {"$": "tuple"}, {"$": "tuple", "items": 3}, {"$": []}, {"$": "dtype", "value": "utils"}, {"$": "device", "value": "xpu"},
    {"$": "float", "value": []}, {"$": "not written", "value": {}}, {"$": "mapping", "items": [1]}, {"block": "Decode"}, {"block": 3},
    {"block": "Decode", "options": [1]}, {"block": "SequentialPipelineBlocks", "blocks": {"a": None}}, {"value": {"$": 1}},
)  # fmt: skip
"""Values that stand where they should not."""
DEPTHS = (3, 45, 200, 5000)


def mutated_data(rng: Random, data: Any) -> Any:
    """A copy of JSON-like data with one to three faults."""
    found = copy.deepcopy(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(found))
        holder, key = rng.choice(places) if places else (None, None)
        if holder is None:
            return odd(rng)
        rng.choice(_CHANGES)(rng, holder, key, places)
    return found


def odd(rng: Random) -> Any:
    """A value that hardly fits anywhere."""
    return copy.deepcopy(rng.choice(ODD)) if rng.random() < 0.95 else _nested(rng)


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    pending = [data]
    while pending:
        each = pending.pop()
        inner: list[tuple[Any, Any]] = (
            list(each.items()) if isinstance(each, dict) else list(enumerate(each)) if isinstance(each, list) else []
        )
        for key, value in inner:
            yield each, key
            pending.append(value)


def _nested(rng: Random) -> Any:
    found: Any = 1
    for _ in range(rng.choice(DEPTHS[:3])):
        found = [found] if rng.random() < 0.5 else {"blocks": found}
    return found


def _replace(rng: Random, holder: Any, key: Any, places: Any) -> None:
    holder[key] = odd(rng)


def _remove(rng: Random, holder: Any, key: Any, places: Any) -> None:
    del holder[key]


def _rename(rng: Random, holder: Any, key: Any, places: Any) -> None:
    if isinstance(holder, dict):
        holder[rng.choice((f"{key}x", "", "$", "_x", key.upper(), f"{key}.{key}", f"../{key}"))] = holder.pop(key)


def _add(rng: Random, holder: Any, key: Any, places: Any) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(("x", "", "$", "items", "value", "config", "_class_name", "a b"))] = odd(rng)
    else:
        holder.insert(rng.randrange(len(holder) + 1), odd(rng))


def _exchange(rng: Random, holder: Any, key: Any, places: Any) -> None:
    other, name = rng.choice(places)
    if other is not holder:
        holder[key] = copy.deepcopy(other[name]) if not isinstance(other[name], (dict, list)) else type(other[name])()


def _move(rng: Random, holder: Any, key: Any, places: Any) -> None:
    other, name = rng.choice(places)
    holder[key] = copy.deepcopy(other[name])


def _wrap(rng: Random, holder: Any, key: Any, places: Any) -> None:
    holder[key] = rng.choice(([holder[key]], {"value": holder[key]}, [holder[key], holder[key]], str(holder[key])))


def _repeat(rng: Random, holder: Any, key: Any, places: Any) -> None:
    if isinstance(holder, list):
        holder.extend(copy.deepcopy(holder[key]) for _ in range(rng.choice((1, 30))))


def _nudge(rng: Random, holder: Any, key: Any, places: Any) -> None:
    value = holder[key]
    if isinstance(value, bool) or value is None:
        holder[key] = not value
    elif isinstance(value, (int, float)):
        holder[key] = rng.choice(
            (value + 1, -value, value * 2**20, float(value) if abs(value) < 1e300 else 0.5, str(value))
        )
    elif isinstance(value, str):
        cut = rng.randrange(len(value) + 1)
        holder[key] = value[:cut] + rng.choice(("", "x", "\0", "\u2028", "é")) + value[cut + rng.randrange(2) :]


_CHANGES: tuple[Callable[[Random, Any, Any, Any], None], ...] = (
    _replace, _replace, _replace, _remove, _rename, _add, _exchange, _move, _wrap, _repeat, _nudge, _nudge,
)  # fmt: skip


def as_json(rng: Random, data: Any) -> bytes:
    """JSON of data, at times with faults of the text itself."""
    text = json.dumps(data, indent=rng.choice((None, 2)), ensure_ascii=rng.random() < 0.7)
    found = text.encode("utf-8", "surrogatepass")
    return found if rng.random() < 0.7 else mutated_bytes(rng, _with_text_faults(rng, found))


def _with_text_faults(rng: Random, data: bytes) -> bytes:
    place = rng.randrange(len(data) + 1)
    depth = rng.choice(DEPTHS)
    part = rng.choice((
        b"", b"", b"[" * depth, b'{"a":' * depth, b"9" * depth, b"1e" + b"9" * 300, b'"' * depth, b"\\" * 999, b"NaN", b"\xef\xbb\xbf",
        b'"a":1,"a":2,', b"/*", b"'", b"&a [*a]", b"!!python/name:os.system", b"<<: *x", b"\x00\x00", b"\xff\xfe", b"\r\n", b"\t",
    ))  # fmt: skip
    return data[:place] + part + data[place:]


def mutated_bytes(rng: Random, data: bytes) -> bytes:
    """A copy of bytes with one to four faults."""
    found = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        place = rng.randrange(len(found) + 1)
        length = rng.choice((1, 1, 2, 4, 16, 200))
        change = rng.randrange(7)
        if change == 0:
            del found[place:]
        elif change == 1:
            del found[place : place + length]
        elif change == 2:
            found[place:place] = rng.randbytes(length)
        elif change == 3:
            found[place : place + length] = bytes([rng.choice((0, 255, 0x80, 0x22, 0x7B))]) * length
        elif change == 4:
            found[place : place + 4] = struct.pack(
                rng.choice("<>") + "I", rng.choice((0, 1, 2**16, 2**31 - 1, 2**32 - 1))
            )
        elif change == 5:
            found[place:place] = found[place : place + length] * rng.choice((1, 8))
        elif found:
            found[min(place, len(found) - 1)] ^= 1 << rng.randrange(8)
    return bytes(found)


def mutated_tensors(rng: Random, data: bytes) -> bytes:
    """A safetensors file whose list of tensors, notes or bytes have faults."""
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    notes = header.get("__metadata__") or {}
    if rng.random() < 0.9:
        notes.pop("digest", None)  # with it, no fault would be looked at
    for name, text in list(notes.items()):
        if rng.random() < 0.6 and text[:1] in "{[":
            notes[name] = as_json(rng, mutated_data(rng, json.loads(text))).decode("utf-8", "replace")
    if rng.random() < 0.5:
        header = mutated_data(rng, header)
    text = as_json(rng, header)
    length = len(text) if rng.random() < 0.95 else rng.choice((0, 1, 2**26, 2**63, 2**64 - 1))
    if rng.random() < 0.2:
        body = mutated_bytes(rng, body)
    return length.to_bytes(8, "little") + text + body


def mutated_note(rng: Random, data: bytes, name: str) -> bytes:
    """A safetensors file of which one note, that is JSON, has faults."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    notes = header["__metadata__"]
    notes.pop("digest", None)  # with it, no fault would be looked at
    notes[name] = json.dumps(mutated_data(rng, json.loads(notes[name])))
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def mutated_png(rng: Random, data: bytes) -> bytes:
    """A PNG file whose chunks have faults; their sums are right where that lets the reader come further."""
    if rng.random() < 0.2:
        return mutated_bytes(rng, data)
    chunks, place = [], 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += size + 12
    number = rng.randrange(len(chunks))
    change = rng.randrange(6)
    kind, body = chunks[number]
    if change == 0:
        del chunks[number]
    elif change == 1:
        chunks.insert(rng.randrange(len(chunks) + 1), chunks[number])
    elif change == 2:
        chunks[number] = rng.choice((b"iTXt", b"tEXt", b"zTXt", b"bwIn", b"eXIf", b"iCCP", b"acTL", kind.lower())), body
    elif change == 3:
        rng.shuffle(chunks)
    else:
        chunks[number] = kind, mutated_bytes(rng, body)
    found = data[:8]
    for kind, body in chunks:
        total = zlib.crc32(kind + body) if rng.random() < 0.98 else 0
        found += len(body).to_bytes(4, "big") + kind + body + total.to_bytes(4, "big")
    return found
