"""A network's modules, level by level, for what a run asks of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def module_levels(model: object) -> Iterator[list[Any]]:
    """Yield a network, the modules in it, those in them, and so on; nothing for what is no network.

    A module that lies in several comes several times. `torch.nn.Module.modules()` also builds the path of each, and takes five times
    as long: it would be a third of a short run of a small model.
    """
    level: list[Any] = [model] if isinstance(getattr(model, "_modules", None), dict) else []
    while level:
        yield level
        level = [child for module in level for child in module.__dict__["_modules"].values() if child is not None]
