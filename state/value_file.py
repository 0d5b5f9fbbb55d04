"""Values in safetensors files: tensors as they are, the rest as data in the header. Never pickle."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import beside
from .errors import RepoError, RunError
from .value_data import data_of, value_of_data

_FORMAT = "brickwork values 1"
_LARGEST_HEADER = 1 << 26


def save_values(path: Path | None, values: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """Write values, and data about them; to a file that is whole or not there, and as bytes.

    Tensors, lists, tuples, dicts, numbers, text, arrays, pictures, random generators and number formats can be written.

    Raises:
        RunError: others; all of them are named.
    """
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
    header = {"format": _FORMAT, "values": json.dumps(written), "about": json.dumps(dict(about))}
    content: bytes = save(packer.tensors, metadata=header)
    if path is not None:
        with beside(path) as place:
            place.write_bytes(content)
    return content


def load_values(source: Path | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `save_values` has written: the values, and what is said about them.

    Raises:
        RepoError: it is no such file, or a broken one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = source.read_bytes() if isinstance(source, Path) else source
    where = str(source) if isinstance(source, Path) else "the data"
    try:
        size = int.from_bytes(content[:8], "little")
        if len(content) < 8 or size > min(len(content) - 8, _LARGEST_HEADER):
            raise ValueError("its header is longer than the file")
        header = json.loads(content[8 : 8 + size]).get("__metadata__") or {}
        if header.get("format") != _FORMAT:
            raise ValueError(f"its format is {header.get('format')!r}, not {_FORMAT!r}")
        unpacker = _Unpacker(load(content))
        values = {name: unpacker.unpack(data) for name, data in json.loads(header["values"]).items()}
        return values, json.loads(header["about"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RuntimeError, SafetensorError) as error:
        raise RepoError(f"{where} cannot be read as values: {error}") from None


class _Packer:
    """Turns values into data, tensors into numbered entries. A tensor that stands in two places is written once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        self._known: dict[int, tuple[str, Any]] = {}
        self._generators: dict[int, dict[str, Any]] = {}

    def pack(self, value: Any) -> Any:
        """Return what stands for a value in the header."""
        module = type(value).__module__.partition(".")[0]
        if isinstance(value, (list, deque)):
            kind = {"$": "deque", "maxlen": value.maxlen} if isinstance(value, deque) else {"$": "list"}
            return {**kind, "items": [self.pack(part) for part in value]}
        if type(value) is tuple:
            return {"$": "tuple", "items": [self.pack(part) for part in value]}
        if isinstance(value, Mapping):
            return {"$": "dict", "items": [[self.pack(key), self.pack(part)] for key, part in value.items()]}
        special = {"torch": self._of_torch, "numpy": self._array, "PIL": self._picture}.get(module)
        return special(value) if special is not None else {"$": "data", "data": data_of(value)}

    def _of_torch(self, value: Any) -> Any:
        if hasattr(value, "untyped_storage"):
            return self._tensor(value)
        if hasattr(value, "initial_seed"):
            if id(value) not in self._generators:
                entry = {"device": str(value.device), "state": self._tensor(value.get_state())}
                self._generators[id(value)] = {"$": "generator", "number": len(self._generators), **entry}
            return self._generators[id(value)]
        return {"$": "data", "data": data_of(value)}

    def _tensor(self, tensor: Any) -> Any:
        import torch

        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
            raise ValueError(f"a tensor of layout {tensor.layout} on {tensor.device}")
        if tensor.requires_grad:
            raise ValueError("a tensor that records gradients; detach it")
        if id(tensor) not in self._known:
            name = str(len(self.tensors))
            self.tensors[name] = tensor.detach().cpu().contiguous().clone()
            self._known[id(tensor)] = name, tensor
        strides = None if tensor.is_contiguous() else list(tensor.stride())
        return {"$": "tensor", "name": self._known[id(tensor)][0], "device": str(tensor.device), "strides": strides}

    def _array(self, value: Any) -> Any:
        import numpy as np
        import torch

        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "biuf":
            raise ValueError(f"a numpy {type(value).__name__}")
        flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8).copy()
        entry = {"dtype": value.dtype.str, "shape": list(value.shape), "scalar": isinstance(value, np.generic)}
        return {"$": "array", **entry, "bytes": self._tensor(torch.from_numpy(flat))}

    def _picture(self, value: Any) -> Any:
        import numpy as np
        import torch

        if value.mode not in ("RGB", "RGBA", "L", "1", "F", "I"):
            raise ValueError(f"a picture of mode {value.mode}; convert it to RGB")
        content = torch.from_numpy(np.frombuffer(value.tobytes(), np.uint8).copy())
        return {"$": "picture", "mode": value.mode, "size": list(value.size), "bytes": self._tensor(content)}


class _Unpacker:
    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self._tensors = tensors
        self._known: dict[str, Any] = {}
        self._generators: dict[int, Any] = {}

    def unpack(self, data: Any) -> Any:
        """Return the value."""
        kind = data["$"]
        if kind == "data":
            return value_of_data(data["data"])
        if kind in ("list", "tuple", "deque"):
            items = [self.unpack(part) for part in data["items"]]
            return items if kind == "list" else tuple(items) if kind == "tuple" else deque(items, data["maxlen"])
        if kind == "dict":
            return {self.unpack(key): self.unpack(part) for key, part in data["items"]}
        return {"tensor": self._tensor, "generator": self._generator, "array": _array, "picture": _picture}[kind](
            data if kind == "tensor" else {**data, **self._inner(data)}
        )

    def _generator(self, data: Mapping[str, Any]) -> Any:
        import torch

        if data["number"] not in self._generators:
            generator = torch.Generator(data["device"])
            generator.set_state(data["state"])
            self._generators[data["number"]] = generator
        return self._generators[data["number"]]

    def _inner(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._tensor(part) for name, part in data.items() if isinstance(part, dict)}

    def _tensor(self, data: Mapping[str, Any]) -> Any:
        import torch

        name = data["name"]
        if name not in self._known:
            tensor = self._tensors[name]
            if data["strides"] is not None:
                tensor = _with_strides(tensor, data["strides"])
            device = torch.device(data["device"])
            self._known[name] = tensor if device.type == "cpu" else tensor.to(device)
        return self._known[name]


def _with_strides(tensor: Any, strides: list[int]) -> Any:
    """The same numbers in another order in memory; where several would share a place, each gets its own."""
    import torch

    reach = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, strides, strict=True))
    if 0 in strides or min(strides, default=0) < 0 or reach > tensor.numel():
        return tensor
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)


def _array(data: Mapping[str, Any]) -> Any:
    import numpy as np

    dtype = np.dtype(data["dtype"])
    if dtype.kind not in "biuf":
        raise ValueError(f"an array of {dtype}")
    array = data["bytes"].numpy().view(dtype).reshape(data["shape"])
    return array[()] if data["scalar"] else array


def _picture(data: Mapping[str, Any]) -> Any:
    from PIL import Image

    return Image.frombytes(data["mode"], tuple(data["size"]), data["bytes"].numpy().tobytes())
