"""Which blocks there are, and what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from ...state.errors import DeclarationError
from ...state.packages.block_packages import BlockPackage, long_name

if TYPE_CHECKING:
    from ...blocks import ModularPipelineBlocks


def summaries(packages: Sequence[BlockPackage]) -> Iterator[tuple[str, str]]:
    """Yield the names of blocks and what they do; of packages, none of which is imported for that, whose they are."""
    from ...blocks.core.block_catalog import block_names, own_blocks

    own = own_blocks()
    of_packages = {
        long_name(point): f"of {each.words}" + (", which cannot be used" if each.faults else "")
        for each in packages
        for point in each.points
    }
    for name in block_names():
        if _is_base(own.get(name)):
            continue
        said = (own[name].__doc__ or "").strip().partition("\n")[0] if name in own else of_packages.get(name, "")
        yield name, said.partition(". ")[0].rstrip(".")


@cache
def own_made() -> Sequence[tuple[str, ModularPipelineBlocks]]:
    """Return a block of each class of this package by its name, of those that need no settings."""
    from ...blocks.core.block_catalog import own_blocks
    from ...blocks.core.part import BlockPart

    found = {
        name: made(cls)
        for name, cls in sorted(own_blocks().items())
        if not (_is_base(cls) or issubclass(cls, BlockPart))
    }
    return [(name, block) for name, block in found.items() if block is not None]


def _is_base(cls: type | None) -> bool:
    """Return whether a class is there to be derived from, and runs nothing itself."""
    return cls is not None and (".blocks.core." in cls.__module__ or bool(vars(cls).get("_is_framework_base")))


def made(cls: type[ModularPipelineBlocks]) -> ModularPipelineBlocks | None:
    """Return a block of a class; None where it wants settings."""
    try:
        return cls()
    except (TypeError, ValueError, DeclarationError):
        return None
