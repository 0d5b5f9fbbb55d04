"""Makes the pipeline of a target."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ....state import InputError
from ....state.errors import nearest
from .grants import is_granted
from .known_targets import keep_target, known_target
from .targets import Target

if TYPE_CHECKING:
    from ....pipeline import ModularPipeline


def opened(
    target: Target, repo: str | None = None, loads: bool = False, dtype: str | None = None, lock: str | None = None
) -> ModularPipeline:
    """Make the pipeline of a target.

    Args:
        repo: where a preset's components are from, or a recipe's. loads: load all components. dtype: of models.
        lock: file that says which commits and files a repository is.

    Raises:
        BrickworkError: as `load_workflow`, `from_pretrained`, `find_preset` and `read_recipe` do.
    """
    quiet_libraries()
    with _uncollected():
        return _opened(target, repo, loads, dtype, lock)


def _opened(target: Target, repo: str | None, loads: bool, dtype: str | None, lock: str | None) -> ModularPipeline:
    # What was opened to know its inputs is the same, where nothing says how to load it.
    pipe = _held().pop((target, repo), None)
    if pipe is None or dtype is not None or lock is not None:
        pipe = _made(target, repo, dtype, lock)
    pipe.configure(progress=False)
    if known_target(target) is None:
        from .describing import described

        keep_target(target, described(pipe))
    if loads and target.kind != "embedded":
        pipe.load_components()
    return pipe


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage while libraries and models are loaded: there is none, and to look through them takes a fifth of the time.

    What is there then stays until the process ends, and is not looked through again.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def opened_for_later(target: Target, repo: str | None) -> ModularPipeline:
    """Make the pipeline of a target, which the command will then be given by `opened`."""
    found = opened(target, repo)
    _held()[target, repo] = found
    return found


def repo_of(target: Target, repo: str | None) -> str | None:
    """Return where a target's components are from, as `--repo` takes it; None if nothing says it.

    Args:
        repo: as it was given. It comes first.
    """
    if repo is not None or target.kind in ("embedded", "folder", "repo"):
        return target.text if repo is None else repo
    from ....registry.catalog import shipped_name

    specs = opened_for_later(target, repo).specs.values()
    origin = next((str(spec.repo) for spec in specs if spec.repo), None)
    return None if origin is None else shipped_name(origin) or origin


def _held() -> dict[tuple[Target, str | None], ModularPipeline]:
    context = click.get_current_context(silent=True)
    found: dict[tuple[Target, str | None], ModularPipeline] = {}
    if context is not None:
        found = context.meta.setdefault("brickwork.opened", found)
    return found


def quiet_libraries() -> None:
    """Keep bars and remarks of libraries on loading off the terminal; ours say what is done."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def _made(target: Target, repo: str | None, dtype: str | None, lock: str | None) -> ModularPipeline:
    from ....blocks.core.preset_catalog import find_preset
    from ....pipeline import ModularPipeline
    from ....pipeline.workflows.workflow_file import load_workflow, place_of
    from ....presets.embedded import embedded
    from ...shared.image_target import pipeline_of_image

    if repo is not None and target.kind not in ("preset", "image"):
        raise InputError(f"--repo is for presets and images; {target.text} says itself where its components are from.")
    if target.blocks and target.kind not in ("workflow", "image"):
        raise InputError(f"--blocks is for workflow files and images; {target.text} has its blocks itself.")
    if lock is not None and target.kind not in ("folder", "repo"):
        raise InputError(f"--lock is for folders and repositories on the Hub; {target.text} is none.")
    if target.kind == "embedded":
        return embedded(**({"dtype": dtype} if dtype is not None else {}))
    if target.kind == "workflow":
        return load_workflow(target.path, blocks=blocks_of(target), dtype=dtype)
    if target.kind == "image":
        return pipeline_of_image(target.path, None if repo is None else place_of(repo), blocks=blocks_of(target))[0]
    if target.kind == "preset":
        _refuse_unknown(target.name)
        pipe = find_preset(target.name).init_pipeline(None if repo is None else str(place_of(repo)))
        pipe.load_in(dtype)
        return pipe
    return ModularPipeline.from_pretrained(
        target.name, revision=target.revision, dtype=dtype, trust_remote_code=is_granted(target.name), lock=lock
    )


def blocks_of(target: Target) -> dict[str, Any]:
    """Return the blocks of one's own that a target names, of the folders that `--blocks` says.

    Raises:
        BrickworkError: as `own_blocks_of` does.
    """
    if not target.blocks:
        return {}
    from .own_blocks import named_blocks, own_blocks_of

    if target.kind == "workflow":
        from ....registry.hub.strict_yaml import read_yaml

        data = read_yaml(target.path).data
    else:
        from ....pipeline.recipes.recipe_files import read_recipe

        data = read_recipe(target.path)[0]["composition"]
    return own_blocks_of(target.blocks, list(named_blocks(data)))


def _refuse_unknown(name: str) -> None:
    """Refuse a name that is none of a preset, in a few words: there are a hundred names of classes."""
    from ....blocks.core.preset_catalog import preset_names

    names = preset_names()
    if name not in names:
        near = nearest(name, [each for each in names if "." in each] + ["embedded"])
        hint = f"Did you mean {near!r}?" if near else "brickwork presets list says which there are."
        raise InputError(f"{name!r} is no preset, and no file or folder here. {hint}")
