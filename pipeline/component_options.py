"""Options of loading: one for all components, or a dict of them by component."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..state import InputError
from ..state.errors import nearest

_KNOWN = (
    "names", "workflow", "dtype", "torch_dtype", "variant", "revision", "subfolder", "use_safetensors", "trust_remote_code", "token",
    "cache_dir", "local_files_only", "quantization_config", "device_map", "low_cpu_mem_usage", "attn_implementation",
)  # fmt: skip
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


def refuse_odd_options(options: Mapping[str, object]) -> None:
    """Refuse options of loading that are misspelt, also where nothing is left to load.

    Raises:
        InputError: one is.
    """
    for name in options:
        near = None if name in _KNOWN else nearest(name, _KNOWN, _ALIKE)
        if near is not None:
            raise InputError(f"load_components has no option {name!r}. Did you mean {near!r}?")
        if name == "device":
            raise InputError("load_components has no option 'device': components are put on one by pipe.to(device).")
