"""What it costs to read files that were made to cost much: at most 50 ms and 0.5 ms for each kilobyte of CPU time, and linear.

Every file here took a reader seconds at some time, or is like one that did. `--long` compares files of one and of two sizes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save

import brickwork
from brickwork import BrickworkError, Snapshot
from brickwork.guiders import Guider
from brickwork.pipeline.recipes.png_chunks import SIGNATURE
from brickwork.pipeline.recipes.recipe_files import read_recipe
from brickwork.registry import read_index
from brickwork.registry.hub.lock import Lock
from brickwork.registry.hub.repo import open_repo
from brickwork.registry.hub.repo_code import relative_imports
from brickwork.registry.hub.strict_yaml import parse_yaml
from brickwork.registry.loading.tensor_file import read_tensors
from brickwork.saving.composition import compose
from brickwork.state.strict_json import parse_json
from brickwork.state.value_file import load_values

SIZE = 100_000
AT_MOST, FOR_EACH_BYTE = 0.05, 0.5e-6
CODE = 8e-6
"""Python's own parser is slower; see SECURITY.md."""
MERSENNE = 2**61 - 1
"""Whole numbers that differ by it have one hash."""


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], bytes]:
    return lambda size: (before + unit * (size // len(unit)) + after).encode()


def numbered(unit: str, before: str = "{", after: str = "}", by: int = 16) -> Callable[[int], bytes]:
    return lambda size: (before + ",".join(unit.replace("#", str(i)) for i in range(size // by)) + after).encode()


JSON = {
    "brackets": repeated("["), "objects": repeated('{"a":'), "closed": repeated("]"), "lists": repeated("[],", '{"a":[', "1]}"),
    "quotes": repeated('"'), "escaped quotes": repeated('\\"', '{"a":"'), "backslashes": repeated("\\", '"'), "commas": repeated(","),
    "numbers": repeated("1,", '{"a":[', "1]}"), "digits": repeated("9", '{"a":', "}"), "exponents": repeated("1e9,", '{"a":[', "1]}"),
    "long numbers": repeated("9" * 400 + ",", '{"a":[', "1]}"), "fractions": repeated("0." + "9" * 398 + ",", '{"a":[', "1]}"),
    "keys": numbered('"#":1', by=10), "same keys": numbered('"a":#', by=9), "half characters": repeated("\\ud800", '{"a":"', '"}'),
    "whole characters": repeated('"\\ud83d\\ude00",', '{"a":[', "1]}"), "blanks": repeated(" ", '{"a":', "1}"), "words": repeated("true,", '{"a":[', "1]}"),
}  # fmt: skip
YAML = {
    "items": repeated("- a\n"), "flow": repeated("[a,"), "one list": repeated("a,", "[", "a]"), "comments": repeated("# x\n"),
    "keys": numbered("#: 1\n", "", "", 8), "quotes": repeated("'"), "escapes": repeated("\\n", '"', '"'), "dashes": repeated("- "),
    "words": repeated("word word\n "), "anchors": repeated("&a "), "questions": repeated("? "), "colons": repeated(":"),
}  # fmt: skip


def header(text: bytes, body: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + body


def tensors(size: int) -> bytes:
    entries = (f'"{i}":{{"dtype":"U8","shape":[1],"data_offsets":[{i},{i + 1}]}}' for i in range(size // 58))
    return header(("{" + ",".join(entries) + "}").encode(), b"\0" * (size // 58))


def dimensions(size: int) -> bytes:
    shape = "9223372036854775807," * (size // 20) + "1"
    return header(f'{{"a":{{"dtype":"U8","shape":[{shape}],"data_offsets":[0,1]}}}}'.encode(), b"\0")


def values(node: object) -> bytes:
    notes = {"format": "brickwork values 1", "values": json.dumps({"x": node}), "about": "{}"}
    return save({"b": torch.zeros(8, dtype=torch.uint8)}, notes)


def data(value: object) -> dict[str, object]:
    return {"$": "data", "data": value}


def colliding_tuples(size: int) -> bytes:
    keys = [{"$": "tuple", "items": [data(i * MERSENNE), data(0)]} for i in range(4)] * (size // 600)
    return values({"$": "dict", "items": [[key, data(1)] for key in keys]})


VALUES = {
    "lists": lambda size: values({"$": "list", "items": [{"$": "list", "items": []}] * (size // 30)}),
    "whole keys": lambda size: values({"$": "dict", "items": [[data(i * MERSENNE), data(1)] for i in range(size // 80)]}),
    "keys": lambda size: values({"$": "dict", "items": [[data(str(i)), data(1)] for i in range(size // 80)]}),
    "tuples": colliding_tuples,
    "unknown kinds": lambda size: values({"$": "list", "items": [{"$": "x"}] * (size // 12)}),
    "pictures": lambda size: values({"$": "list", "items": [{"$": "picture", "mode": "L", "size": [99999, 99999], "bytes": 1}] * (size // 90)}),
}  # fmt: skip


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png(parts: bytes, side: int = 13_000) -> bytes:
    head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return SIGNATURE + chunk(b"IHDR", head) + parts + chunk(b"IEND", b"")


def text(packed: bytes) -> bytes:
    return chunk(b"iTXt", b"brickwork\0\1\0\0\0" + packed)


PNG = {
    "empty chunks": lambda size: png(chunk(b"IDAT", b"") * (size // 12)),
    "texts": lambda size: png(chunk(b"iTXt", b"other\0\0\0\0\0x") * (size // 23)),
    "a packed text": lambda size: png(text(zlib.compress(b" " * (size * 100), 9))),
    "rows": lambda size: png(chunk(b"IDAT", zlib.compress(bytes(size * 100), 9))),
    "a recipe of brackets": lambda size: png(text(zlib.compress(b"[" * size * 4))),
}  # fmt: skip
GUIDERS = {
    "scales": repeated("1,", '{"_class_name":"ClassifierFreeGuidance","guidance_scale":[', "1]}"),
    "unknown settings": numbered('"x#":1', '{"_class_name":"ClassifierFreeGuidance",', "}", 10),
    "long name": repeated("x", '{"_class_name":"', '"}'),
}  # fmt: skip
COMPOSITIONS = {
    "blocks": numbered('"b#":{"block":"Decode","family":"stable-diffusion-xl"}', '{"block":"SequentialPipelineBlocks","blocks":{', "}}", 60),
    "unknown blocks": numbered('"b#":{"block":"x#"}', '{"block":"SequentialPipelineBlocks","blocks":{', "}}", 24),
    "no blocks": numbered('"b#":[]', '{"block":"SequentialPipelineBlocks","blocks":{', "}}", 10),
    "blocks of diffusers": numbered('"b#":{"block":"diffusers.modular_pipelines.x:Y#"}', '{"block":"SequentialPipelineBlocks","blocks":{', "}}", 52),
    "unknown options": numbered('"o#":1', '{"block":"Decode","options":{', "}}", 10),
}  # fmt: skip
CODES = {
    "names": repeated("a\n"), "imports": repeated("from . import a\n"), "sums": repeated("1+", "", "1"), "brackets": repeated("("),
    "minus": repeated("-", "", "1"), "statements": repeated("a+b;"),
}  # fmt: skip
INDEXES = {
    "components": numbered('"c#":["diffusers","UNet2DConditionModel"]', by=48), "settings": numbered('"s#":1', by=10),
    "origins": numbered('"c#":["a","b",{"repo":"../x","revision":"?","subfolder":".."}]', by=70),
}  # fmt: skip
LOCKS = {
    "repositories": numbered('"r#":{"commit":null,"code":{},"files":{}}', '{"brickwork_lock":1,"repos":{', "}}", 48),
    "broken repositories": numbered('"r#":[]', '{"brickwork_lock":1,"repos":{', "}}", 10),
}  # fmt: skip
RECIPES = {
    "no recipe": repeated("1,", '{"recipe":2,"inputs":[', "1]}"), "unknown keys": numbered('"k#":1', '{"recipe":2,', "}", 10),
    "broken inputs": numbered('"i#":{"value":{"$":"x"}}', '{"recipe":2,"inputs":{', "}}", 30),
    "generators": numbered('"g#":[{"device":"cpu","seed":1}]', '{"recipe":2,"generators":{', "}}", 44),
}  # fmt: skip
PLAIN = {"tensors": tensors, "dimensions": dimensions}


def read_lock(path: Path) -> None:
    Lock(path).of("r1")


READERS: dict[str, tuple[Callable[[Path], object], dict[str, Callable[[int], bytes]]]] = {
    "x.json": (lambda path: parse_json(path.read_bytes(), "it"), JSON),
    "x.yaml": (lambda path: parse_yaml(path.read_bytes(), "it"), YAML),
    "x.safetensors": (lambda path: read_tensors(open_repo(path.parent), path.name), PLAIN),
    "v.safetensors": (load_values, VALUES),
    "s.safetensors": (Snapshot.load, {"lists": VALUES["lists"]}),
    "x.png": (read_recipe, PNG),
    "guider_config.json": (lambda path: Guider.from_pretrained(str(path.parent)), GUIDERS),
    "composition": (lambda path: compose(json.loads(path.read_bytes())), COMPOSITIONS),
    "block.py": (lambda path: relative_imports(path.name, path.read_bytes()), CODES),
    "model_index.json": (lambda path: read_index(path.parent), INDEXES),
    "brickwork.lock": (read_lock, LOCKS),
    "recipe.json": (read_recipe, RECIPES),
}
CASES = [(name, kind) for name, (_, kinds) in READERS.items() for kind in kinds]


def slowness() -> float:
    """How many times slower this process is now than the machine on which SECURITY.md's seconds were measured; 1 or more."""
    begun = time.process_time()
    for _ in range(1_000_000):
        pass
    # 0.02 to 0.03 there, and the mean of a while, since a process that shares its cores is slow by turns.
    return max(1.0, (time.process_time() - begun) / 0.025)


def spent(read: Callable[[Path], object], path: Path) -> float:
    # What the tests have in memory is not gone through again and again: that is a cost of theirs, and comes in jumps. It
    # stays frozen, because to go through what is thawed takes half a second for each case.
    gc.collect()
    gc.freeze()
    begun = time.process_time()
    with contextlib.suppress(BrickworkError):
        read(path)
    return time.process_time() - begun


@pytest.mark.parametrize(("name", "kind"), CASES, ids=[f"{name} {kind}" for name, kind in CASES])
def test_reading_costs_no_more_than_its_bytes(name: str, kind: str, many: int, tmp_path: Path) -> None:
    read, kinds = READERS[name]
    small, large = tmp_path / "small" / name, tmp_path / "large" / name
    size = SIZE * (8 if many > 1 else 1) // (4 if name == "block.py" else 1)
    for path, each in ((small, size // 2), (large, size)) if many > 1 else ((large, size),):
        path.parent.mkdir()
        path.write_bytes(kinds[kind](each))
    for_each = CODE if name.endswith(".py") else FOR_EACH_BYTE
    allowed = AT_MOST + for_each * large.stat().st_size
    most = spent(read, large)
    if most > allowed or many > 1:  # the first use of a reader imports what it needs
        gc.collect()
        most = min(spent(read, large) for _ in range(3))
    if most > allowed:
        # Machines differ, and one that others use is slower by a factor, too: the bound is a share of its own pace.
        allowed *= slowness()
    assert most <= allowed, f"{most:.3f} s, and {allowed:.3f} s are allowed for {large.stat().st_size:,} bytes"
    if many > 1 and most > 0.02:
        least = min(spent(read, small) for _ in range(5))
        assert most <= 2.3 * least, f"{most:.3f} s, and {least:.3f} s for half of it"


def test_a_picture_costs_no_more_than_its_pixels(tmp_path: Path) -> None:
    """A small file may have many pixels; they count, and are limited."""
    Image.new("RGB", (2000, 2000)).save(tmp_path / "a.png")
    begun = time.process_time()
    brickwork.load_image(tmp_path / "a.png")
    assert time.process_time() - begun < (AT_MOST + FOR_EACH_BYTE * 3 * 2000 * 2000) * slowness()
    Image.new("1", (13_000, 13_000)).save(tmp_path / "b.png")
    begun = time.process_time()
    with pytest.raises(brickwork.InputError, match="says it is 13000x13000; at most 80,000,000 pixels are decoded"):
        brickwork.load_image(tmp_path / "b.png")
    assert time.process_time() - begun < AT_MOST * slowness()
