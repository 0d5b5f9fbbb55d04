"""Blocks by name: of this package, of what a caller gives, and of installed packages that register theirs.

A block is named by where it is found: the standard blocks and presets by their class name ("Decode"), others as
"module:Class". No module is imported because data name it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import EntryPoint
from typing import Any

from attrs import field, frozen

from ...families.contract import ROLE_TYPES, UNBOUND, FamilyContract, bound_family
from ...registry.catalog import import_all
from ...state import CompositionError
from ...state.code_home import is_own
from ...state.errors import did_you_mean
from ...state.packages.block_packages import BLOCKS, load_point, long_name, names_of_point, points_of, unfit
from ...state.types import group_marker
from .base import ModularPipelineBlocks
from .binding import written_class
from .declaration import attribute_hint
from .interface import snake_case
from .part import BlockPart

_ADOPTABLE = ("diffusers.modular_pipelines.", "diffusers.pipelines.")


def block_names() -> list[str]:
    """Return the names of all blocks: "PredictNoise" of this package, "my-package/soft_denoise" of others."""
    steps = (name for name, cls in own_blocks().items() if not issubclass(cls, BlockPart) and not is_base(cls))
    return sorted({*steps, *(long_name(point) for point in points_of(BLOCKS))})


def find_block(name: str, near: Iterable[Any] = ()) -> type[ModularPipelineBlocks]:
    """Return a class of blocks by its name; one that speaks of roles is bound to the family of its neighbours.

    Args:
        near: blocks beside which it is put.

    Raises:
        CompositionError: there is no such block.
    """
    found = _named(name)
    family = bound_family(near)
    return found.bind(family) if family is not UNBOUND and wants_family(found, family) else found


def _named(name: str) -> type[ModularPipelineBlocks]:
    points = points_of(BLOCKS)
    for point in points:
        # A name with its package before it is meant exactly; it comes before any short name.
        if point.dist is not None and name in names_of_point(point)[1:]:
            return block_class(load_point(point), name)
    own = own_blocks()
    by_snake = {snake_case(each): each for each in own}
    if name in own or name in by_snake:
        return own[by_snake.get(name, name)]
    if name in {word for point in points for word in (point.name, point.value)}:
        return BlockResolver().find(name)
    raise CompositionError(f"No block is named {name!r}. {did_you_mean(name, [*block_names(), *by_snake])}")


def wants_family(cls: type[ModularPipelineBlocks], family: FamilyContract) -> bool:
    """Return whether a class of blocks means nothing until it is bound to a family."""
    if cls.family is not UNBOUND:
        return False
    declared = getattr(cls, "declaration", None)
    if declared is not None:
        if any(slot.many or attribute_hint(cls, name) in ROLE_TYPES for name, slot in declared.components.items()):
            return True
        if any(group_marker(parameter.hint) is not None for parameter in declared.parameters):
            return True
    inner = getattr(cls, "block_classes", ())
    return any(wants_family(part, family) for part in inner if isinstance(part, type))


@frozen
class BlockResolver:
    """Finds blocks by reference, in the places that may be trusted.

    Attributes:
        classes: of what the caller gave, by reference and by class name. instances: those that their class alone cannot make.
    """

    classes: Mapping[str, type[ModularPipelineBlocks]] = field(factory=dict)
    instances: Mapping[str, ModularPipelineBlocks] = field(factory=dict)

    @cached_property
    def points(self) -> tuple[EntryPoint, ...]:
        """The blocks that installed packages offer; they are looked through once for a composition."""
        # Looking them up reads the metadata of every installed package.
        return tuple(points_of(BLOCKS))

    @classmethod
    def of(cls, given: Any) -> BlockResolver:
        """Look in what a caller gives: a block, a class, a pipeline, or several of them, also by names of the caller's own."""
        # By what it has, as pipelines are above this room.
        given = given.blocks if isinstance(getattr(given, "blocks", None), ModularPipelineBlocks) else given
        single = isinstance(given, (type, ModularPipelineBlocks))
        named: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
        things = [given] if single else list(given.values() if named else given)
        classes = {name: _class_of(thing) for name, thing in named.items() if isinstance(thing, type)}
        instances: dict[str, ModularPipelineBlocks] = {}
        for thing in things:
            for made in _with_parts(thing):
                source = written_class(_class_of(made)) if isinstance(made, type) else made.source_class
                for name in (reference(source), source.__name__):
                    if issubclass(source, ModularPipelineBlocks):
                        classes.setdefault(name, source)
                    if not isinstance(made, type):
                        instances.setdefault(name, made)
        return cls(classes, instances)

    def find(self, name: str) -> type[ModularPipelineBlocks]:
        """Return a class.

        Raises:
            CompositionError: nothing has this name in any place that is trusted.
        """
        if name in self.classes:
            return self.classes[name]
        found = own_block(name)
        if found is not None:
            return found
        points = [point for point in self.points if name in (point.value, point.name)]
        # The same value twice is one package that is installed in two places of the path.
        if len({point.value for point in points}) > 1:
            raise CompositionError(
                f"{name!r} is a block of several packages: {', '.join(each.value for each in points)}."
            )
        if points:
            return block_class(load_point(points[0]), name)
        if name.startswith(_ADOPTABLE):
            return _of_diffusers(name)
        short = name.rpartition(":")[2].rpartition(".")[2]
        if short in self.classes:
            return self.classes[short]
        known = [*self.classes, *own_blocks(), *(point.name for point in self.points)]
        raise CompositionError(
            f"{name!r} is no block of this package, of an installed one, or that you gave; give it: blocks=[{short}], or those of a pipeline that has it: blocks=pipe.blocks. "
            f"{did_you_mean(name, known) if ':' not in name else ''}".strip()
        )

    def unfit(self, names: Iterable[str]) -> list[str]:
        """Say why packages that have blocks of these names do not fit what is installed, before anything of them is imported."""
        offered = {word for point in self.points for word in (*names_of_point(point), point.value)}
        wanted = ({*names} - self.classes.keys()) & offered
        # Only now: all blocks of this package are those of all families, whose import takes seconds.
        if wanted:
            wanted -= own_blocks().keys() | {snake_case(each) for each in own_blocks()}
        return unfit(point for point in self.points if wanted & {*names_of_point(point), point.value})


def _of_diffusers(name: str) -> type[ModularPipelineBlocks]:
    """Return a class of diffusers' own blocks or pipelines; `adopt` makes one of ours of it."""
    module_name, _, class_name = name.partition(":")
    # Only below diffusers' own package, which is trusted as an installed one; any other module is never imported
    # because data name it.
    if module_name not in sys.modules and importlib.util.find_spec("diffusers") is not None:
        with contextlib.suppress(ImportError):
            importlib.import_module(module_name)
    found = getattr(sys.modules.get(module_name), class_name, None) if class_name.isidentifier() else None
    if not (isinstance(found, type) and (hasattr(found, "intermediate_outputs") or is_classic(found))):
        raise CompositionError(f"diffusers has no block or pipeline {name!r}.")
    return found


def block_class(found: object, name: str) -> type[ModularPipelineBlocks]:
    """Return what an entry point has loaded, if it is a class of blocks.

    Raises:
        CompositionError: it is none.
    """
    if not (isinstance(found, type) and issubclass(found, ModularPipelineBlocks)):
        raise CompositionError(f"The entry point {name!r} is {found!r}, which is no class of blocks.")
    return found


def _class_of(thing: object) -> type[ModularPipelineBlocks]:
    cls = thing if isinstance(thing, type) else type(thing)
    if not issubclass(cls, ModularPipelineBlocks):
        raise CompositionError(f"{thing!r} is no block; give blocks or classes of blocks.")
    return cls


def _with_parts(thing: object) -> Iterator[Any]:
    _class_of(thing)
    yield thing
    yield from getattr(thing, "parts", ())
    for part in getattr(thing, "sub_blocks", {}).values() if not isinstance(thing, type) else ():
        yield from _with_parts(part)


def own_block(name: str) -> type[ModularPipelineBlocks] | None:
    """Return a block of this package by its class name; None if there is none. Families are imported only where no step has the name."""
    if ":" in name:
        return None
    found = _blocks_of_steps().get(name)
    return own_blocks().get(name) if found is None else found


@cache
def _blocks_of_steps() -> dict[str, type[ModularPipelineBlocks]]:
    """Return the blocks that are of no one family, by class name."""
    import_all("blocks.steps")
    import_all("blocks.techniques")
    return _own_classes()


def _own_classes() -> dict[str, type[ModularPipelineBlocks]]:
    """Return the blocks of this package that are imported, by class name."""
    return {cls.__qualname__: cls for cls in _subclasses(ModularPipelineBlocks) if _is_public(cls)}


@cache
def own_blocks() -> dict[str, type[ModularPipelineBlocks]]:
    """Return the blocks of this package by class name."""
    import_all("blocks.steps")
    import_all("blocks.techniques")
    import_all("presets")
    return _own_classes()


def is_base(cls: type) -> bool:
    """Return whether a class is one to derive from, which does nothing itself."""
    return "_is_framework_base" in vars(cls) or cls.__module__.startswith(f"{__package__}.")


def _is_public(cls: type) -> bool:
    # Classes that `bind`, `plus` and `adopt` make bear the names of others.
    made = {"bound_from", "extended_from", "foreign", "pipeline_class"} & vars(cls).keys()
    return is_own(cls.__module__) and "<locals>" not in cls.__qualname__ and not made


def _subclasses(cls: type) -> Iterable[type]:
    derived: list[type] = cls.__subclasses__()
    for sub in derived:
        yield sub
        yield from _subclasses(sub)


def reference(cls: type) -> str:
    """Return the name under which a class of blocks is found again."""
    return cls.__qualname__ if is_own(cls.__module__) else f"{cls.__module__}:{cls.__qualname__}"


def is_adoptable(cls: type) -> bool:
    """Return whether a class is one of diffusers' own blocks or pipelines, which `adopt` makes ours."""
    return cls.__module__.startswith(_ADOPTABLE) and "<locals>" not in cls.__qualname__


def is_classic(cls: type) -> bool:
    """Return whether a class is one of diffusers' classic pipelines, or derives from one."""
    # By name, so that diffusers is not imported to look at something that may be none of it.
    return any(base.__name__ == "DiffusionPipeline" and is_adoptable(base) for base in cls.__mro__)
