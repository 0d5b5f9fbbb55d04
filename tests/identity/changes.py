"""How a change of a component is written down: a generator that makes it, waits, and takes it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

Maker = Callable[[Any], Iterator[None]]


@frozen
class Change:
    """A change of components.

    Attributes:
        make: is given a scene; makes the change, yields, and takes it back. Where it is `prepared`, it yields once more, before the
            change: what comes before that yield belongs to the run with which is compared.
        names: a word that the difference of two recipes has to say; "" where any word will do.
        scene: the pipeline on which it is made. own_folder: it changes files.
        moves: as of `Blocks`.
    """

    make: Maker
    names: str
    scene: str
    prepared: bool
    own_folder: bool
    moves: bool = False


CHANGES: dict[str, Change] = {}


def change(
    kind: str, names: str = "", scene: str = "parts", prepared: bool = False, own_folder: bool = False
) -> Callable[[Maker], Maker]:
    """Register a change under the name of its kind."""

    def register(make: Maker) -> Maker:
        CHANGES[kind] = Change(make, names, scene, prepared, own_folder)
        return make

    return register


@contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[Any]:
    """Set an attribute, and leave it as it was: also where it was inherited. Gives what was there."""
    found, is_own = getattr(owner, name), name in vars(owner)
    kept = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield found
    finally:
        if is_own:
            setattr(owner, name, kept)
        else:
            delattr(owner, name)


@contextmanager
def restored(*tensors: Any) -> Iterator[None]:
    """Leave tensors with the numbers that they had."""
    kept = [tensor.detach().clone() for tensor in tensors]
    try:
        yield
    finally:
        for tensor, numbers in zip(tensors, kept, strict=True):
            tensor.data.copy_(numbers)


def attention(scene: Any) -> Any:
    """The attention of a middle layer; its projections have one shape."""
    return scene.pipe.unet.mid_block.attentions[0].transformer_blocks[0].attn1
