"""The classic pipelines of diffusers for repositories that name one for which there is no preset, and no modular blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..blocks.classic.classic_block import ClassicBlock
from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block_catalog import is_classic
from ..blocks.core.flattening import walk
from ..blocks.core.from_diffusers import DiffusersBlock, adopt
from ..registry import PipelineIndex
from ..registry.hub.repo import Repo
from ..registry.hub.repo_files import CLASSIC_INDEX, RepoFiles
from ..registry.loading.needed_packages import install_line, is_installed
from ..state import CompositionError, TrustError
from ..state.errors import did_you_mean


def classic_blocks(index: PipelineIndex, repo: Repo, task: str | None = None) -> ModularPipelineBlocks | None:
    """Adopt the classic pipeline that an index names; None where diffusers has none of that name.

    Args:
        task: another pipeline of the same family, as diffusers' `AutoPipelineFor...` find it.

    Raises:
        CompositionError: a package that it needs is not installed, or its family has no such task.
    """
    found = _public(index.class_name)
    if found is None:
        return None
    if not is_classic(found):
        backends = getattr(found, "_backends", ())
        missing = [name for name in backends if not is_installed(name)] or backends
        raise CompositionError(
            f"{repo.name} is a pipeline of the class {index.class_name}, which diffusers has only where {' and '.join(missing)} can be imported. "
            f"Install it, and open the repository again: {install_line(missing)}"
        )
    return adopt(found if task is None else _of_task(found, task, repo))


def own_pipeline(files: RepoFiles) -> str | None:
    """Return the class of pipelines that a repository brings itself, as "./file.py:Class"; None where it brings none.

    Raises:
        TrustError: it names no class of a file in it.
    """
    index = files.index
    named = index.content.get("_class_name") if index is not None and index.name == CLASSIC_INDEX else None
    if not isinstance(named, list):
        return None
    if len(named) != 2 or not all(isinstance(part, str) and part.isidentifier() for part in named):
        raise TrustError(
            f"{CLASSIC_INDEX} of {files.repo.name}: _class_name is {named!r}; it must name a file and a class in it, both of this repository."
        )
    return f"./{named[0]}.py:{named[1]}"


def adoption_words(index: PipelineIndex, blocks: ModularPipelineBlocks, files: RepoFiles) -> str:
    """Say why code of diffusers, or of the repository, runs in the place of a preset; nothing where a preset does."""
    if own_pipeline(files) is not None:
        return f"{files.repo.name} brings a pipeline of its own ({type(blocks).__name__}), which runs as one step."
    if isinstance(blocks, ClassicBlock):
        return f"{index.class_name} has no preset, so the classic pipeline of diffusers runs, adopted as one step ({type(blocks).__name__})."
    is_adopted = any(isinstance(block, DiffusersBlock) for _, block in walk(blocks))
    return f"{index.class_name} has no preset, so diffusers' modular blocks for it run, adopted." if is_adopted else ""


def _public(name: str | None) -> Any:
    """Return diffusers' class of pipelines of a name, or what stands in its place where a package is missing."""
    if name is None or not name.isidentifier() or name.startswith("_"):
        return None
    import diffusers

    found = getattr(diffusers, name, None)
    if not isinstance(found, type):
        return None
    return found if is_classic(found) or (type(found).__name__ == "DummyObject" and name.endswith("Pipeline")) else None


def _of_task(cls: type, task: str, repo: Repo) -> type:
    """Return the pipeline of a task, of the family of a class.

    Raises:
        CompositionError: the family has no such task; those that it has are named.
    """
    tasks = _beside(cls)
    if task not in tasks:
        has = f"Its tasks: {', '.join(tasks)}." if tasks else "diffusers knows no other task of its family."
        near = did_you_mean(task, tasks) if tasks else ""
        raise CompositionError(
            f"{repo.name} ({cls.__name__}) opens with the classic pipeline of diffusers, whose family has no task {task!r}. {near} {has}"
        )
    return tasks[task]


def _beside(cls: type) -> dict[str, type]:
    """Return the pipelines of a class's family by task."""
    # diffusers names a family once for all tasks, under which each table has its own class. Of priors and decoders in two repositories
    # it has tables of its own: whoever has the one does not have the parts of both.
    for kind in _tables():
        names = [name for table in kind.values() for name, found in table.items() if found is cls]
        if names:
            return {task: table[name] for task, table in kind.items() for name in names if name in table}
    return {}


def _tables() -> Sequence[Mapping[str, Mapping[str, type]]]:
    from diffusers.pipelines import auto_pipeline as tables

    whole = {
        "text2image": tables.AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
        "image2image": tables.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
        "inpainting": tables.AUTO_INPAINT_PIPELINES_MAPPING,
        "text2video": tables.AUTO_TEXT2VIDEO_PIPELINES_MAPPING,
        "image2video": tables.AUTO_IMAGE2VIDEO_PIPELINES_MAPPING,
        "video2video": tables.AUTO_VIDEO2VIDEO_PIPELINES_MAPPING,
        "text2audio": tables.AUTO_TEXT2AUDIO_PIPELINES_MAPPING,
    }
    decoders = {
        "text2image": tables._AUTO_TEXT2IMAGE_DECODER_PIPELINES_MAPPING,
        "image2image": tables._AUTO_IMAGE2IMAGE_DECODER_PIPELINES_MAPPING,
        "inpainting": tables._AUTO_INPAINT_DECODER_PIPELINES_MAPPING,
    }
    return whole, decoders
