"""Components of a pipeline out of one file in its original layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..registry.hub.repo import same_repo
from ..registry.loading.load import is_network
from ..registry.loading.whole_checkpoint import convert_part, read_checkpoint
from ..state import ComponentError
from ..state.given import given_path

if TYPE_CHECKING:
    from .components import PipelineComponents


def config_folder(config: str | Path | None) -> Path:
    """Return the folder with the configurations that belong to a file of weights.

    Raises:
        ComponentError: it is none of this machine, or none was given. InputError: it is no path.
    """
    if config is None:
        raise ComponentError(
            "A checkpoint in one file does not say how its models are configured: give config=..., the folder of the same model in diffusers' "
            "layout, without weights: its model_index.json, and a folder for each component with its configuration."
        )
    root = given_path(config, "config")
    if not root.is_dir():
        raise ComponentError(
            f"config={str(config)!r} is no folder. It is that of the same model in diffusers' layout, without weights: its "
            "model_index.json, and a folder for each component with its configuration. Nothing is looked up on the Hub."
        )
    return root.absolute()


def load_single_file(pipe: PipelineComponents, path: Path, root: Path, given: Mapping[str, object]) -> None:
    """Load all components that a pipeline's index names: models from a file, and what the file does not hold from a folder.

    Args:
        root: the folder of the configurations. given: components in place of those, by name; None for one that is left out.

    Raises:
        ComponentError: the file is no such checkpoint, or components are in neither place; every fault is named.
        TrustError: the file is pickled, or the folder asks for more than it may.
    """
    tensors = read_checkpoint(path)
    pipe.update_components(**given)
    wanted = [n for n in pipe.pretrained_component_names if pipe.components[n] is None and n not in pipe.absent]
    made, beside, faults = {}, [], []
    for name in wanted:
        spec = pipe.specs[name]
        if spec.repo is None:
            continue
        model, fault = None, None
        try:
            if isinstance(cls := spec.type_hint, type) and is_network(cls):
                model = convert_part(cls, name, path, tensors, root, spec.format_of())
        except ComponentError as error:
            faults.append(str(error))
            continue
        if model is not None:
            made[name] = model
        # What an index says of the Hub, or of another folder, is not asked.
        elif same_repo(spec.repo, str(root)) and (fault := spec.loading_fault()) is None:
            beside.append(name)
        else:
            faults.append(
                f"{path.name} holds no weights of {name!r} ({spec.type_name[1]}), and {fault or f'config= has none: it names {spec.repo}.'} "
                f"Give {name}=...; or {name}=None, where the pipeline runs without it."
            )
    if faults:
        raise ComponentError.of(f"{path.name} does not give all components", faults)
    pipe.update_components(**made)
    pipe.load_components(beside)
