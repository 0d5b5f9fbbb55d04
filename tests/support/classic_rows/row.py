"""A row of the parts table: a classic pipeline with small parts, and what it is asked."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from attrs import field, frozen
from PIL import Image

import brickwork

Parts = Callable[[], Mapping[str, Any]]


@frozen
class Row:
    """Says what a classic pipeline is made of and asked.

    Attributes:
        parts: makes its components by name; optional ones that are not there are None. inputs: of a call, beside the generator.
        configs: settings of the constructor. seeded: it takes a generator; without, torch's own is seeded.
        dear: it takes more than ten seconds, as its class draws a megapixel at least, so it is run where all are asked for.
    """

    parts: Parts
    inputs: Mapping[str, Any] = field(factory=dict)
    configs: Mapping[str, Any] = field(factory=dict)
    seeded: bool = True
    dear: bool = False


def theirs(cls: Any, row: Row, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the class itself gives, over copies of the parts, by the names of its outputs."""
    block = brickwork.adopt(cls)
    pipe = cls(**{name: copy.deepcopy(parts.get(name)) for name in block.component_names}, **row.configs)
    pipe.set_progress_bar_config(disable=True)
    torch.manual_seed(7)
    with torch.no_grad():
        found = pipe(**copy.deepcopy(dict(row.inputs)), **_generator(row))
    names = [output.name for output in block.intermediate_outputs]
    if isinstance(found, Mapping):
        return {name: getattr(found, name) for name in names}
    return dict(zip(names, found if isinstance(found, tuple) else (found,), strict=True))


def ours(cls: Any, row: Row, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the adopted class gives, over the parts themselves."""
    pipe = pipeline(cls, row, parts)
    torch.manual_seed(7)
    found: dict[str, Any] = pipe(**row.inputs, **_generator(row), output=list(pipe.blocks.intermediate_output_names))
    return found


def pipeline(cls: Any, row: Row, parts: Mapping[str, Any]) -> brickwork.ModularPipeline:
    """Return a pipeline of the adopted class over the parts."""
    pipe = brickwork.adopt(cls).init_pipeline()
    pipe.configure(progress=False)
    pipe.update_components(**{name: parts.get(name) for name in pipe.component_names})
    if row.configs:
        pipe.update_config(**row.configs)
    return pipe


def _generator(row: Row) -> dict[str, Any]:
    return {"generator": torch.Generator().manual_seed(1)} if row.seeded else {}


def differences(one: Any, other: Any, name: str = "") -> list[str]:
    """Return where two results are not the same, bit for bit."""
    if type(one) is not type(other):
        return [f"{name}: {type(one).__name__} and {type(other).__name__}"]
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) else [f"{name}: other tensors"]
    if isinstance(one, (np.ndarray, Image.Image)):
        return [] if np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True) else [f"{name}: other arrays"]
    if isinstance(one, Mapping):
        return [said for key in {*one, *other} for said in differences(one.get(key), other.get(key), f"{name}.{key}")]
    if isinstance(one, (list, tuple)):
        pairs = itertools.zip_longest(one, other)
        return [said for at, pair in enumerate(pairs) for said in differences(*pair, f"{name}[{at}]")]
    return [] if one == other else [f"{name}: {one!r} and {other!r}"]


def varies(found: Any) -> bool:
    """Return whether a result has anything in it: an image of one value would be equal to any other such."""
    if isinstance(found, (list, tuple)):
        return any(map(varies, found))
    if isinstance(found, Mapping):
        return any(map(varies, found.values()))
    if isinstance(found, (torch.Tensor, np.ndarray, Image.Image)):
        values = np.asarray(found.detach().float() if isinstance(found, torch.Tensor) else found).astype(float)
        return bool(np.isfinite(values).all() and values.std() > 0)
    return bool(found)
