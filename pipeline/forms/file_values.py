"""Inputs that stand in files: images of addresses and of stdin, values and tensors."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...state import InputError
from ...state.errors import did_you_mean
from .input_values import names_a_file


def read_inputs(pairs: Mapping[str, Any], schemas: Mapping[str, Any], allows_urls: bool) -> dict[str, Any]:
    """Return inputs with what their texts name: images of addresses and of stdin, tensors of files.

    Paths of images stay as they are: the call reads them.
    """
    return {
        name: _read(name, value, allows_urls) if names_a_file(schemas.get(name, {})) else value
        for name, value in pairs.items()
    }


def _read(name: str, value: Any, allows_urls: bool) -> Any:
    if isinstance(value, list):
        return [_read(name, each, allows_urls) for each in value]
    if not isinstance(value, str):
        return value
    if value == "-":
        from io import BytesIO

        from PIL import Image

        return Image.open(BytesIO(sys.stdin.buffer.read()))
    if value.startswith(("http://", "https://")):
        from ...blocks.steps.load_image import load_image

        if not allows_urls:
            raise InputError(f"{name} is the address {value}; allow_urls=True (--allow-urls) loads it.")
        return load_image(value, allow_urls=True)
    path, sign, key = value.partition("#")
    if path.endswith(".safetensors"):
        return _value_in(Path(path), key if sign else name, name)
    return value


def _value_in(path: Path, key: str, name: str) -> Any:
    """Return a value of a file that `brickwork run -o` has written, or a tensor of any other."""
    from ...state import RepoError
    from ...state.value_file import load_values

    if not path.is_file():
        raise RepoError(f"{name}: there is no file {path}.")
    try:
        values = load_values(path)[0]
    except RepoError:
        from safetensors import safe_open

        with safe_open(str(path), framework="pt") as file:
            values = {each: file.get_tensor(each) for each in file.keys() if each == key} or dict.fromkeys(file.keys())  # noqa: SIM118 - it is no dict
    if values.get(key) is None:
        raise InputError(f"{name}: {path} has no tensor {key!r}. {did_you_mean(key, values)}")
    return values[key]
