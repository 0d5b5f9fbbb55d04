"""Which blocks open a repository that brings none: its index names a class of diffusers, and a preset stands for that."""

from __future__ import annotations

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.preset_catalog import made_of, preset_names
from ..registry import PipelineIndex, catalog, families
from ..registry.catalog import VARIANT
from ..registry.hub.repo import Repo
from ..state import CompositionError
from ..state.errors import is_slip, nearest
from .classic_families import classic_blocks
from .peer_families import BASES, peer_blocks


def blocks_of_index(index: PipelineIndex, repo: Repo, task: str | None = None) -> ModularPipelineBlocks | None:
    """Make the blocks of the classes that an index names; None where it names none.

    Args:
        task: in place of the one that the index means: the second part of a preset's name, as in "sdxl.inpainting".

    Raises:
        CompositionError: there is no preset for them, or the family has no such task.
    """
    if index.class_name is None:
        return None
    wanted = _named(index)
    if wanted in catalog:
        return _fitting(wanted if task is None else _of_task(task, wanted, repo), index)
    peers = peer_blocks(index)
    if peers is not None and task is not None:
        raise CompositionError(
            f"{repo.name} ({index.class_name[:80]}) opens with the blocks that diffusers has for it, which are not chosen by a task: "
            f"task={task!r} is for families with presets, and {_presets()}. Its blocks may have workflows: workflow=..."
        )
    if peers is not None:
        return peers
    classic = classic_blocks(index, repo, task) if wanted == index.class_name else None
    if classic is not None:
        return classic
    if wanted != index.class_name and index.class_name in catalog:
        raise CompositionError(
            f"{repo.name} was saved with blocks of the class {wanted[:80]!r}, and neither its code nor a preset gives them. Make "
            "them, and open the folder with them: adopt(blocks).init_pipeline(folder), with adopt of brickwork.blocks; or take "
            f"the blocks of a preset; {_presets()}."
        )
    if index.class_name == "ModularPipeline":
        raise CompositionError(
            f"{repo.name} names no model family ({index.class_name} of {wanted[:80]!r}), and brings no code of its blocks. Make the "
            "blocks, and open the folder with them: adopt(blocks).init_pipeline(folder), with adopt of brickwork.blocks."
        )
    family = index.class_name.removesuffix("Pipeline").removesuffix("Modular")
    raise CompositionError(
        f"{repo.name} is a pipeline of {family[:80]!r} ({index.class_name[:80]}), for which there is no preset; {_presets()}. {_near(index.class_name)}"
        "diffusers has no pipeline of this name either. If you have its class, or blocks for it, adopt(blocks).init_pipeline(folder) runs them, with adopt of brickwork."
    )


def _of_task(task: str, wanted: str, repo: Repo) -> str:
    """Return the name of the preset of a task, of the family of a class.

    Raises:
        CompositionError: the family has no such task; those that it has are named.
    """
    tasks = {name.partition(".")[2]: name for name in catalog.beside(wanted) if "." in name}
    if task not in tasks:
        near = nearest(str(task), tasks)
        raise CompositionError(
            f"{repo.name} is of the family {catalog.folder_of(wanted)!r}, which has no task {task!r}. "
            f"{f'Did you mean {near!r}? ' if near else ''}It has: {', '.join(tasks)}."
        )
    return tasks[task]


def _fitting(wanted: str, index: PipelineIndex) -> ModularPipelineBlocks:
    """Make the composition of a class: a variant of it, where the index has its name as a setting that is there and not false, or says that there is no
    component which the plain one needs.
    """
    plain = made_of(catalog.get(wanted))
    # Variants stand beside classes; the short name of a preset is another name of what a class opens.
    beside = [name.partition(VARIANT) for name in catalog.beside(wanted) if VARIANT in name]
    for base, _, setting in beside:
        if base == wanted and index.configs.get(setting) not in (None, False):
            return _made(f"{wanted}{VARIANT}{setting}")
    if not _lacking(plain, index):
        return plain
    same = [name for name in catalog.beside(wanted) if catalog.get(name) is catalog.get(wanted)]
    names = ("".join(parts) for parts in beside if parts[0] in same)
    return next((blocks for blocks in map(_made, names) if not _lacking(blocks, index)), plain)


def _made(name: str) -> ModularPipelineBlocks:
    return made_of(catalog.get(name))


def _lacking(blocks: ModularPipelineBlocks, index: PipelineIndex) -> bool:
    return bool(index.absent) and any(spec.name in index.absent for spec in blocks.expected_components)


def _near(name: str) -> str:
    # One letter, and no more, and no digit: the pipeline of another family is a near name, and no near pipeline.
    near = nearest(name, catalog, cutoff=0.97)
    return f"Did you mean {near!r}? " if near and is_slip(name, near) else ""


def _named(index: PipelineIndex) -> str:
    """Return the class that says most of what runs."""
    if index.blocks_class is None:
        return str(index.class_name)
    if index.blocks_class not in BASES:
        return index.blocks_class
    # diffusers opens such an index with the blocks of all tasks.
    contracts = (families.get(name) for name in families)
    found = (each.modular_blocks for each in contracts if each.modular_pipeline == index.class_name)
    return next((name for name in found if name), str(index.class_name))


def _presets() -> str:
    """Say of which families there are presets: those of all tasks would fill a page."""
    short = [name for name in preset_names() if not name[:1].isupper()]
    names = sorted({name.rpartition("/")[0] or name.partition(".")[0] for name in short})
    return f"there are those of {', '.join(names)}, as `brickwork presets list` shows them"
