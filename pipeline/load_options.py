"""Options of loading: one for all components, or a dict of them by component; and what is said where a grant of code did not reach one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..registry import ComponentSpec
from ..state import InputError, TrustError
from ..state.errors import nearest

_KNOWN = (
    "names", "workflow", "dtype", "torch_dtype", "variant", "revision", "subfolder", "use_safetensors", "trust_remote_code", "token",
    "cache_dir", "local_files_only", "quantization_config", "device_map", "low_cpu_mem_usage", "attn_implementation",
)  # fmt: skip
_OF_OPENING = {
    "task": "a task is chosen when a pipeline is made, ModularPipeline.from_pretrained(repo, task=...), or by its preset: "
    "brickwork.find_preset(name).init_pipeline(repo).",
    "lock": "a lock is given when a repository is opened: ModularPipeline.from_pretrained(repo, lock=...).",
    "components_manager": "a manager is given when a pipeline is made: blocks.init_pipeline(repo, components_manager=...).",
}
"""What is said of a pipeline when it is made, and would go to the constructor of every model here."""
_ALIKE = 0.85
"""From when on a name is taken for a misspelt one: loaders of other libraries have options of their own."""


def named_in(option: object) -> Iterable[str]:
    """Return the components that an option names."""
    return option if isinstance(option, Mapping) else ()


def own_option(option: object, name: str) -> Any:
    """Return what an option says for a component; "default" is what it says for those that it does not name."""
    if isinstance(option, Mapping):
        return option.get(name, option.get("default"))
    return option


def said_once(failed: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what was wrong in loading, each fault once; what several components have in common is said with their names."""
    return [fault if len(names) == 1 else f"{', '.join(names)}: {fault}" for fault, names in failed.items()]


def refuse_odd_options(options: Mapping[str, object]) -> None:
    """Refuse options of loading that are misspelt, also where nothing is left to load.

    Raises:
        InputError: one is.
    """
    for name in options:
        if name in _OF_OPENING:
            raise InputError(f"load_components has no option {name!r}: {_OF_OPENING[name]}")
        near = None if name in _KNOWN else nearest(name, _KNOWN, _ALIKE)
        if near is not None:
            raise InputError(f"load_components has no option {name!r}. Did you mean {near!r}?")
        if name == "device":
            raise InputError("load_components has no option 'device': components are put on one by pipe.to(device).")
    _refuse_odd_maps(options.get("device_map"))


def _refuse_odd_maps(given: object) -> None:
    """Refuse what is no map from the parts of a model to devices, here or in a dict by component."""
    import torch

    for one in given.values() if isinstance(given, Mapping) else (given,):
        if isinstance(one, bool) or not isinstance(one, (str, int, torch.device, Mapping, type(None))):
            raise InputError(
                f"device_map has {one!r} ({type(one).__name__}); it takes the name of a device ('cuda:0'), the number of a GPU, 'auto' or 'balanced', or "
                "a dict of these by component, where one may be a dict of devices by part of its model. For components as a whole on several devices: "
                "ComponentsManager.enable_auto_cpu_offload(devices=['cuda:0', 'cuda:1'])."
            )


@contextmanager
def grant_was_for_another(spec: ComponentSpec, repo_name: str | None) -> Iterator[None]:
    """Say of a component that asks for a grant that the caller's did not reach it, and how one does.

    Args:
        repo_name: the repository of the pipeline, for which the grant was; None if it has none.
    """
    try:
        yield
    except TrustError as error:
        holder = (
            f"{repo_name}, the repository of the pipeline"
            if repo_name
            else "the repository of the pipeline, which has none"
        )
        name = spec.name
        raise TrustError(
            f"{name!r} comes from {spec.repo}, and was not loaded: trust_remote_code of load_components() is for {holder}, and for no "
            f"other. What {name!r} asks for: {_asked(str(error))} Read its code. Then load it by itself: "
            f"pipe.update_components({name}=pipe.get_component_spec({name!r}).load(trust_remote_code=True))."
        ) from error


def _asked(text: str) -> str:
    """Return the first sentence of an error about trust, without its advice, which the caller has followed."""
    head, _, _ = text.partition(" Read it, then grant it")
    return head if head.endswith(".") else f"{head}."
