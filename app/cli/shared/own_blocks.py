"""Blocks of one's own from folders that a command line names: `--blocks FOLDER`."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....state import CompositionError, InputError
from ....state.errors import did_you_mean
from .grants import is_granted

if TYPE_CHECKING:
    from ....blocks.core.base import ModularPipelineBlocks

_OPTION = "--blocks"
_SETTINGS = "pyproject.toml"


def named_blocks(data: object) -> Iterator[str]:
    """Yield the names of blocks in a workflow file's or a composition's data: those of edits, too."""
    inner: Sequence[Any] = ()
    if isinstance(data, Mapping):
        yield from (data[key] for key in ("block", "with") if isinstance(data.get(key), str))
        inner = [*data.values()]
    elif isinstance(data, (list, tuple)):
        inner = data
    for each in inner:
        yield from named_blocks(each)


def own_blocks_of(folders: Sequence[str], named: Sequence[str] = ()) -> dict[str, Any]:
    """Return blocks that folders have, by the names that data give them.

    A saved repository is opened, which asks for a grant. Of any other folder those modules are imported that data name: who gives the folder wants that.

    Raises:
        InputError: a folder has no block that is named. CompositionError: its code cannot be imported. TrustError: a repository was not granted.
    """
    found: dict[str, Any] = {}
    for folder in folders:
        blocks = _imported(Path(folder), named) if _is_source(folder) else _saved(folder, named)
        if not blocks:
            words = ", ".join(map(repr, dict.fromkeys(named))) or "none is named"
            raise InputError(
                f"{_OPTION} {folder}: no saved repository, and no module of a block that is named: {words}."
            )
        found |= blocks
    return found


def _is_source(folder: str) -> bool:
    """Return whether it is a folder with code alone: what was saved says what it is."""
    from ....registry.hub.repo_files import CLASSIC_INDEX, MODULAR_INDEX, OURS, PEER_CONFIG

    place = Path(folder)
    return place.is_dir() and not any(
        (place / name).exists() for name in (MODULAR_INDEX, CLASSIC_INDEX, OURS, PEER_CONFIG)
    )


def _saved(folder: str, named: Sequence[str]) -> dict[str, Any]:
    from ....blocks.core.base import ModularPipelineBlocks
    from ....blocks.core.block_catalog import BlockResolver

    opened = ModularPipelineBlocks.from_pretrained(folder, trust_remote_code=is_granted(folder))
    classes = BlockResolver.of(opened).classes
    # What was saved has a module of its own; a file still says "soft_light:SoftLight".
    short = {name: name.rpartition(":")[2] for name in named}
    return {folder: opened, **{name: classes[each] for name, each in short.items() if each in classes}}


def _imported(folder: Path, named: Sequence[str]) -> dict[str, Any]:
    from ....pipeline.workflows.module_places import source_folder

    points = _points(folder)
    found = {}
    for name in named:
        module, _, attribute = points.get(name, name).partition(":")
        place = source_folder(folder, module.partition(".")[0])
        if place is not None and attribute:
            found[name] = _class_in(place.resolve(), module, attribute)
    return found


def _points(folder: Path) -> dict[str, str]:
    """Return the names that a folder's settings register, which nothing finds as long as it is not installed."""
    from ....state.packages.block_packages import BLOCKS

    path = folder / _SETTINGS
    if not path.is_file():
        return {}
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{_OPTION} {folder}: {_SETTINGS} cannot be read: {error}") from None
    points = project.get("entry-points", {}).get(BLOCKS, {})
    return {**points, **{f"{project.get('name')}/{name}": value for name, value in points.items()}}


def _class_in(place: Path, module: str, attribute: str) -> type[ModularPipelineBlocks]:
    """Import a module from a folder, and return a class of blocks of it.

    Raises:
        CompositionError: it cannot be imported, or has no such class. InputError: another module has its name.
    """
    from ....blocks.core.base import ModularPipelineBlocks

    # Behind all others, so that no file of the folder stands in for a module that was meant.
    if str(place) not in sys.path:
        sys.path.append(str(place))
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        said = str(error).partition("\n")[0][:300]
        raise CompositionError(f"{module} cannot be imported from {place}: {type(error).__name__}: {said}") from error
    file = Path(str(found.__file__)).resolve()
    if not file.is_relative_to(place):
        raise InputError(f"{_OPTION} {place}: {module!r} is another module here, {file}. Rename one of them.")
    classes = {
        name: each
        for name, each in vars(found).items()
        if isinstance(each, type) and issubclass(each, ModularPipelineBlocks)
    }
    if attribute not in classes:
        own = [name for name, each in classes.items() if each.__module__ == module]
        raise CompositionError(f"{file} has no block {attribute!r}. {did_you_mean(attribute, own)}")
    return classes[attribute]
