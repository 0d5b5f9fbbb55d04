"""Values in safetensors files: tensors as they are, the rest as data in the header. Never pickle."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from .atomic import beside
from .digest import image_info
from .errors import RepoError, RunError
from .layout import bits_of, own_strides
from .limits import DEEPEST_VALUES, LARGEST_HEADER, LARGEST_VALUES, MOST_OTHER_KEYS
from .reading import read_bytes
from .strict_json import parse_json, written_json
from .structure import place_words, raise_faults
from .tensor_digest import bytes_of
from .tensor_list import parse_tensor_list
from .value_data import data_of
from .value_nodes import MOST_DIMENSIONS, PICTURE_MODES, Unpacker, is_key

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL.Image import Image

_FORMAT = "brickwork values 1"
_DIGEST = "digest"
_TENSORS = {
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "complex64",
    "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool",
}  # fmt: skip
"""Number formats of torch that safetensors writes and reads again."""


def save_values(path: Path | None, values: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """Write values, and data about them; to a file that is whole or not there, and as bytes.

    Tensors, lists, tuples, dicts, numbers, text, arrays, images, random generators and number formats can be written.

    Raises:
        RunError: others; all of them are named. RepoError: the file cannot be written, or would be too large to be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save

    packer = _Packer()
    faults: list[str] = []
    written: dict[str, Any] = {}
    for name, value in values.items():
        try:
            written[name] = packer.pack(value)
        except ValueError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise RunError.of("These values cannot be written to a file", faults)
    texts = {
        name: written_json(data, f"the {name} of {path or 'the data'}", LARGEST_HEADER, deepest=DEEPEST_VALUES)
        for name, data in (("values", written), ("about", dict(about)))
    }
    try:
        notes = {"format": _FORMAT, **texts, _DIGEST: _digest(texts, packer.tensors)}
        content: bytes = save(packer.tensors, metadata=notes)
    except SafetensorError as error:
        raise RepoError(f"The values cannot be written: {error}") from error
    if len(content) > LARGEST_VALUES:
        raise RepoError(f"The values have {len(content):,} bytes; at most {LARGEST_VALUES:,} are read again.")
    # The reader's own check: a file that would be refused later is better refused while the values are still there.
    parse_tensor_list(content[: LARGEST_HEADER + 8], len(content), "what would be written")
    if path is not None:
        with beside(path) as place:
            place.write_bytes(content)
    return content


def load_values(source: Path | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `save_values` has written: the values, and what is said about them.

    Raises:
        RepoError: it is no such file, or a broken one; every fault is named.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    where = str(source) if isinstance(source, Path) else "the data"
    try:
        content = read_bytes(source, LARGEST_VALUES) if isinstance(source, Path) else source
        # Before the library reads it, whose own limits are wider.
        notes = parse_tensor_list(content[: LARGEST_HEADER + 8], len(content), "it").notes
        if notes.keys() - {_DIGEST} != {"format", "values", "about"} or notes["format"] != _FORMAT:
            raise RepoError(f"its format is {notes.get('format')!r:.40}, not {_FORMAT!r}")
        values, about = (
            parse_json(notes[name].encode("utf-8"), name, largest=LARGEST_HEADER, deepest=DEEPEST_VALUES)
            for name in ("values", "about")
        )
        tensors = load(content)
        # Files of earlier versions have none.
        if _DIGEST in notes and notes[_DIGEST] != _digest(notes, tensors):
            raise RepoError("it is damaged: by its own digest something else was written; take a copy that is whole")
    except (RepoError, SafetensorError, KeyError) as error:  # KeyError: a number format that torch does not have
        raise RepoError(f"{where} cannot be read as values: {error}") from None
    # One for all values: a generator or tensor that stood in two of them is one object again.
    unpacker = Unpacker(tensors)
    found = {name: unpacker.unpack(data, (name,)) for name, data in values.items()}
    if unpacker.faults:
        raise_faults(RepoError, f"{where} cannot be read as values", unpacker.faults.sentences(place_words))
    return found, about


def _digest(texts: Mapping[str, str], tensors: Mapping[str, Any]) -> str:
    """Digest all that a file says, to know a damaged one; it protects from nobody who changes a file on purpose."""
    hashed = xxhash.xxh3_128()
    for name in ("values", "about"):
        text = texts[name].encode("utf-8")
        hashed.update(f"{name} {len(text)} ".encode() + text)
    # safetensors orders tensors by their number format, so the order of the file is not the one in which they were
    # written.
    for name in sorted(tensors):
        tensor = tensors[name]
        hashed.update(f"{len(name)} {name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        if tensor.numel():
            hashed.update(bytes_of(tensor))
    return hashed.hexdigest()


class _Packer:
    """Turns values into data, tensors into numbered entries. A tensor that stands in two places is written once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        self._known: dict[int, tuple[str, Any]] = {}
        self._generators: dict[int, dict[str, Any]] = {}

    def pack(self, value: object, deepest: int = DEEPEST_VALUES // 2 - 2) -> Any:
        """Return what stands for a value in the header."""
        if deepest <= 0:
            raise ValueError("it is nested too deeply to be read again")
        module = type(value).__module__.partition(".")[0]
        if isinstance(value, (list, deque)):
            kind = {"$": "deque", "maxlen": value.maxlen} if isinstance(value, deque) else {"$": "list"}
            return {**kind, "items": [self.pack(part, deepest - 1) for part in value]}
        if type(value) is tuple:
            return {"$": "tuple", "items": [self.pack(part, deepest - 1) for part in value]}
        if isinstance(value, Mapping):
            return {"$": "dict", "items": self._pairs(value, deepest - 1)}
        special = {"torch": self._of_torch, "numpy": self._array, "PIL": self._image}.get(module)
        return special(value) if special is not None else {"$": "data", "data": data_of(value)}

    def _pairs(self, value: Mapping[Any, Any], deepest: int) -> list[list[Any]]:
        others = sum(not isinstance(key, str) for key in value)
        if others > MOST_OTHER_KEYS or not all(map(is_key, value)):
            raise ValueError(f"a mapping with keys beyond 64 bits, or more than {MOST_OTHER_KEYS:,} that are no text")
        return [[self.pack(key, deepest - 1), self.pack(part, deepest - 1)] for key, part in value.items()]

    def _of_torch(self, value: Any) -> Any:
        if hasattr(type(value), "untyped_storage"):
            return self._tensor(value)
        if hasattr(type(value), "initial_seed"):
            if id(value) not in self._generators:
                entry = {"device": str(value.device), "state": self._tensor(value.get_state())}
                self._generators[id(value)] = {"$": "generator", "number": len(self._generators), **entry}
            return self._generators[id(value)]
        return {"$": "data", "data": data_of(value)}

    def _tensor(self, tensor: torch.Tensor) -> Any:
        import torch

        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
            raise ValueError(f"a tensor of layout {tensor.layout} on {tensor.device}")
        if str(tensor.dtype).removeprefix("torch.") not in _TENSORS:
            raise ValueError(f"a tensor of {tensor.dtype}")
        if tensor.requires_grad:
            raise ValueError("a tensor that records gradients; detach it")
        if id(tensor) not in self._known:
            name = str(len(self.tensors))
            plain = tensor.detach().resolve_conj().resolve_neg()
            # A clone, because safetensors refuses tensors that share memory, and views of one another are common
            # here.
            self.tensors[name] = plain.cpu().contiguous().clone()
            # The tensor is kept beside its name: its address could else be given to the next one.
            self._known[id(tensor)] = name, tensor
        entry = {"name": self._known[id(tensor)][0], "device": str(tensor.device), "strides": own_strides(tensor)}
        bits = bits_of(tensor)
        return {"$": "tensor", **entry, **({"bits": bits} if bits else {})}

    def _array(self, value: np.ndarray[Any, Any] | np.generic) -> Any:
        import numpy as np
        import torch

        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "biuf":
            raise ValueError(f"a numpy {type(value).__name__}")
        if value.ndim > MOST_DIMENSIONS:
            raise ValueError(f"a numpy array of {value.ndim} dimensions")
        # As bytes, since torch lacks some of NumPy's types, such as big-endian ones.
        flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8).copy()
        entry = {"dtype": value.dtype.str, "shape": list(value.shape), "scalar": isinstance(value, np.generic)}
        if value.strides != flat.view(value.dtype).reshape(value.shape).strides:
            entry["strides"] = list(value.strides)
        return {"$": "array", **entry, "bytes": self._tensor(torch.from_numpy(flat))}

    def _image(self, value: Image) -> Any:
        import numpy as np
        import torch

        if value.mode not in PICTURE_MODES:
            raise ValueError(f"an image of mode {value.mode}; convert it to RGB")
        content = torch.from_numpy(np.frombuffer(value.tobytes(), np.uint8).copy())
        said = {**image_info(value), **({"exif": value.info["exif"]} if "exif" in value.info else {})}
        raw = {name: base64.b64encode(part).decode() for name, part in said.items() if isinstance(part, bytes)}
        info = {name: data_of(part) for name, part in said.items() if name not in raw}
        more = {**({"info": info} if info else {}), **({"raw": raw} if raw else {})}
        return {"$": "picture", "mode": value.mode, "size": list(value.size), "bytes": self._tensor(content), **more}
