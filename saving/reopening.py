"""What was written of blocks, index and made components, read again before it takes its place, and compared with what is alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block_catalog import BlockResolver
from ..blocks.core.flattening import walk
from ..guiders import Guider
from ..registry import ComponentSpec
from ..registry.hub.repo_files import RepoFiles
from ..registry.identity.setting_content import content_of, words_of
from ..registry.index import index_of
from ..state import BrickworkError
from .block_sources import Sources
from .code_comparison import code_faults
from .composition import compose, describe
from .open_repository import origin_of
from .repo_format import RepoFormat
from .unsavable import is_own_network


def blocks_faults(
    files: RepoFiles, written: RepoFormat, blocks: ModularPipelineBlocks, sources: Sources
) -> Iterator[str]:
    """Say why the blocks would not open, or in what they would be others.

    Args:
        files: of the folder that was written to, under the name that the repository will have.
    """
    yield from code_faults(sources)
    try:
        read = RepoFormat.of(files)
        again = compose(
            read.composition if read is not None else {},
            BlockResolver({ref: cls for cls, ref in sources.places.items()}),
        )
    except BrickworkError as error:
        yield f"The blocks would not open: {error}"
        return
    # By content, as `==` takes True for 1 and 0.0 for -0.0.
    if read is None or content_of(read.to_dict()) != content_of(written.to_dict()):
        yield "brickwork.json does not say what was to be written."
    yield from composition_faults(blocks, again, sources.name_of)


def composition_faults(
    blocks: ModularPipelineBlocks, again: ModularPipelineBlocks, name_of: Callable[[type], str]
) -> Iterator[str]:
    """Say in what blocks that were made of data differ from those that it was written of."""
    if describe(again, name_of) != describe(blocks, name_of):
        yield "The composition would be another one."
        return
    # The descriptions are equal, so every path is there.
    found = dict(walk(again))
    for path, block in walk(blocks):
        yield from _attribute_faults(path or type(block).__name__, block, found[path])


def _attribute_faults(path: str, block: ModularPipelineBlocks, again: ModularPipelineBlocks) -> Iterator[str]:
    """Yield attributes that are no options of a block, and that it would not have any more."""
    ours, theirs = ({n: v for n, v in vars(each).items() if n != "sub_blocks"} for each in (block, again))
    for name in sorted(ours.keys() | theirs.keys()):
        if content_of(ours.get(name)) != content_of(theirs.get(name)):
            yield (
                f"{path}: its attribute {name!r} is {words_of(ours.get(name))}, and made again {words_of(theirs.get(name))}. What a block "
                "keeps must be an option of it (an annotated attribute of a Block), or come from a constructor without arguments."
            )


def index_faults(files: RepoFiles, specs: Mapping[str, ComponentSpec], config: Mapping[str, Any]) -> Iterator[str]:
    """Say what the index would not give back: origins of components, and settings of the pipeline."""
    repo = files.repo
    try:
        read = index_of(files)
    except BrickworkError as error:
        yield f"The index would not open: {error}"
        return
    assert read is not None
    for each, spec in specs.items():
        if spec.default_creation_method != "from_pretrained" or spec.repo is None:
            continue
        there = read.specs.get(each)
        entry = written_origin(spec, repo.name)
        if there is None or (origin_of(there, repo), list(there.type_name)) != (entry, written_type(spec)):
            yield f"{each}: the index would say of it {there!r}, and it is {spec!r}."
    for each, value in config.items():
        if each not in read.configs or content_of(read.configs[each]) != content_of(value):
            yield f"The config {each!r} is {value!r}, and opened again {read.configs.get(each)!r}."


def written_origin(spec: ComponentSpec, own: str) -> dict[str, Any]:
    """Return what the index says of where a component comes from, if it calls the repository itself `own`."""
    entry = origin_of(spec, None)
    return {**entry, "repo": ".", "revision": None} if spec.repo == own else entry


def written_type(spec: ComponentSpec) -> list[str | None]:
    """Return library and class of a component as the index names them; of guiders that diffusers has, too, its own; None for both
    where the code of the blocks brings the class.
    """
    hint = spec.type_hint
    if isinstance(hint, type) and issubclass(hint, Guider):
        import diffusers

        return ["diffusers" if hasattr(diffusers, hint.__name__) else "brickwork", hint.__name__]
    # A network of somebody's own: the block that declares it brings its class.
    if isinstance(hint, type) and is_own_network(hint):
        return [None, None]
    return list(spec.type_name)
