"""How values stand in the notes of a file, each kind a class, and back. Nothing in them can name code.

Sizes that the notes claim are compared with the bytes that are there before anything is made of them.
"""

from __future__ import annotations

import base64
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from attrs import field, frozen

from .layout import array_with_strides, behind_bits, with_bits, with_strides
from .limits import MOST_OTHER_KEYS
from .structure import Check, Data, Faults, Key, Place, reader_of
from .value_data import value_of_data

DEVICES = ("cpu", "cuda", "mps", "xpu")
PICTURE_MODES = {"1": 1, "L": 8, "RGB": 24, "RGBA": 32, "I": 32, "F": 32}
"""Modes of images that are written, and bits of one pixel."""
MOST_DIMENSIONS = 32
_ARRAYS = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "f16"}

Size = Annotated[int, Check("a size", lambda number: 0 <= number < 1 << 31)]
Stride = Annotated[int, Check("a stride", lambda number: -(1 << 62) < number < 1 << 62)]
Device = Annotated[str, Check(f"a device ({', '.join(DEVICES)})", lambda text: text.partition(":")[0] in DEVICES)]
ArrayFormat = Annotated[str, Check("a number format of numpy", lambda text: text[:1] in "<>|" and text[1:] in _ARRAYS)]

Mode = Annotated[str, Check(f"a mode ({', '.join(PICTURE_MODES)})", lambda text: text in PICTURE_MODES)]
Sides = Annotated[tuple[Size, ...], Check("width and height", lambda size: len(size) == 2 and min(size) > 0)]
Shape = Annotated[
    tuple[Size, ...], Check(f"at most {MOST_DIMENSIONS} sizes", lambda shape: len(shape) <= MOST_DIMENSIONS)
]
Pair = Annotated[tuple[Any, ...], Check("a key and a value", lambda pair: len(pair) == 2)]


@frozen
class DataNode:
    """Plain data."""

    kind: Annotated[Literal["data"], Key("$")]
    data: Data


@frozen
class SequenceNode:
    """A list or tuple."""

    kind: Annotated[Literal["list", "tuple"], Key("$")]
    items: tuple[Any, ...]


@frozen
class DequeNode:
    """A deque."""

    kind: Annotated[Literal["deque"], Key("$")]
    items: tuple[Any, ...]
    maxlen: Size | None = None


@frozen
class MappingNode:
    """A dict, by pairs of key and value."""

    kind: Annotated[Literal["dict"], Key("$")]
    items: tuple[Pair, ...]


@frozen
class TensorNode:
    """A tensor of the file: on which device it was, in which order its numbers lay in memory, and by which bits they were read."""

    kind: Annotated[Literal["tensor"], Key("$")]
    name: str
    device: Device
    strides: tuple[Size, ...] | None = None
    bits: tuple[Literal["negative", "conjugate"], ...] = ()


@frozen
class GeneratorNode:
    """A random generator; the same number is the same one."""

    kind: Annotated[Literal["generator"], Key("$")]
    device: Device
    state: TensorNode
    number: int


@frozen
class ArrayNode:
    """An array of numpy, or a number of it."""

    kind: Annotated[Literal["array"], Key("$")]
    dtype: ArrayFormat
    shape: Shape
    scalar: bool
    content: Annotated[TensorNode, Key("bytes")]
    strides: tuple[Stride, ...] | None = None


@frozen
class ImageNode:
    """An image, by its pixels and what it says of itself; `raw` holds bytes, such as a colour profile, in base 64."""

    kind: Annotated[Literal["picture"], Key("$")]
    mode: Mode
    size: Sides
    content: Annotated[TensorNode, Key("bytes")]
    info: Mapping[str, Data] = field(factory=dict)
    raw: Mapping[str, str] = field(factory=dict)


class Unpacker:
    """Makes values of nodes. What is wrong is added to `faults`, and gives None."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self.faults = Faults()
        self._tensors = tensors
        self._known: dict[str, Any] = {}
        self._generators: dict[int, Any] = {}
        self._rows: set[str] = set()

    def unpack(self, data: object, place: Place) -> Any:
        """Return the value that stands at a place."""
        kind = data.get("$") if isinstance(data, Mapping) else None
        known = _KINDS.get(kind) if isinstance(kind, str) else None
        if known is None:
            self.faults.add(place, f"{str(kind)[:40]!r} is no kind of value; there are: {', '.join(_KINDS)}.")
            return None
        cls, make = known
        node = reader_of(cls)(data, place, self.faults)
        if node is None:
            return None
        try:
            return make(self, node, place)
        except (ValueError, RuntimeError, AssertionError) as error:  # torch asserts that a device is there
            self.faults.add(
                place, f"{str(error).splitlines()[0][:200]}." if str(error) else f"no {kind} can be made of it."
            )
            return None

    def _data(self, node: DataNode, _place: Place) -> Any:
        return value_of_data(node.data)

    def _sequence(self, node: SequenceNode, place: Place) -> Any:
        items = [self.unpack(part, (*place, number)) for number, part in enumerate(node.items)]
        return items if node.kind == "list" else tuple(items)

    def _deque(self, node: DequeNode, place: Place) -> Any:
        return deque((self.unpack(part, (*place, number)) for number, part in enumerate(node.items)), node.maxlen)

    def _mapping(self, node: MappingNode, place: Place) -> Any:
        found: dict[Any, Any] = {}
        others = 0
        for number, (key_node, part) in enumerate(node.items):
            here = (*place, number)
            key = self.unpack(key_node, here)
            others += not isinstance(key, str)
            if not is_key(key) or key in found:
                raise ValueError(f"entry {number} has a key that cannot be one, or stands there twice")
            if others > MOST_OTHER_KEYS:
                raise ValueError(f"it has more than {MOST_OTHER_KEYS:,} keys that are no text")
            found[key] = self.unpack(part, here)
        return found

    def _generator(self, node: GeneratorNode, _place: Place) -> Any:
        import torch

        if node.number not in self._generators:
            generator = torch.Generator(node.device)
            generator.set_state(self._bytes(node.state))
            self._generators[node.number] = generator
        return self._generators[node.number]

    def _tensor(self, node: TensorNode, _place: Place) -> Any:
        import torch

        name = node.name
        if name not in self._known:
            if name not in self._tensors:
                raise ValueError(f"the file has no tensor {name[:40]!r}")
            tensor = behind_bits(self._tensors[name], node.bits)
            if node.strides is not None:
                tensor = with_strides(tensor, node.strides)
            device = torch.device(node.device)
            self._known[name] = with_bits(tensor if device.type == "cpu" else tensor.to(device), node.bits)
        return self._known[name]

    def _bytes(self, node: TensorNode) -> Any:
        import torch

        tensor = self._tensor(node, ())
        if tensor.dtype != torch.uint8 or tensor.ndim != 1 or tensor.device.type != "cpu" or not tensor.is_contiguous():
            raise ValueError(f"the tensor {node.name[:40]!r} is no row of bytes")
        if node.name in self._rows:  # each is copied, so many could be made of few bytes
            raise ValueError(f"the tensor {node.name[:40]!r} is the bytes of another value, too")
        self._rows.add(node.name)
        return tensor

    def _array(self, node: ArrayNode, _place: Place) -> Any:
        import numpy as np

        content = self._bytes(node.content)
        dtype = np.dtype(node.dtype)
        if math.prod(node.shape) * dtype.itemsize != len(content):
            raise ValueError(f"an array of {list(node.shape)} does not have {len(content):,} bytes")
        array = content.numpy().view(dtype).reshape(node.shape)
        if node.strides is not None:
            array = array_with_strides(array, node.strides)
        return array[()] if node.scalar else array

    def _image(self, node: ImageNode, _place: Place) -> Any:
        from PIL import Image

        width, height = node.size
        content = self._bytes(node.content)
        if (width * PICTURE_MODES[node.mode] + 7) // 8 * height != len(content):
            raise ValueError(f"an image of {width}x{height} does not have {len(content):,} bytes")
        image = Image.frombytes(node.mode, (width, height), content.numpy().tobytes())
        image.info |= {name: value_of_data(part) for name, part in node.info.items()}
        image.info |= {name: base64.b64decode(part, validate=True) for name, part in node.raw.items()}
        return image


_KINDS: Mapping[str, tuple[type, Callable[[Unpacker, Any, Place], Any]]] = {
    "data": (DataNode, Unpacker._data),
    "list": (SequenceNode, Unpacker._sequence),
    "tuple": (SequenceNode, Unpacker._sequence),
    "deque": (DequeNode, Unpacker._deque),
    "dict": (MappingNode, Unpacker._mapping),
    "tensor": (TensorNode, Unpacker._tensor),
    "generator": (GeneratorNode, Unpacker._generator),
    "array": (ArrayNode, Unpacker._array),
    "picture": (ImageNode, Unpacker._image),
}


def is_key(value: object) -> bool:
    """Return whether a value can be a key of a written mapping; whole numbers only of 64 bits, whose hashes hardly
    collide.
    """
    if isinstance(value, tuple):
        return all(map(is_key, value))
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 64
    return type(value).__hash__ is not None
