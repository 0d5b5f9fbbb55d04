"""LoRAs as PEFT's own `save_pretrained` writes them: names of layers without the model's, and strengths in a file beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..registry.compilation import uncompiled
from ..registry.loading.base_modules import base_modules
from ..registry.loading.weight_names import ADAPTER_CONFIG
from ..state.strict_json import read_json
from .lora_metadata import metadata_of

if TYPE_CHECKING:
    from ..registry.hub.repo import Repo

_BEGIN = "base_model.model."


def is_of_peft(state: Mapping[str, Any]) -> bool:
    """Return whether all weights have names as PEFT writes them for a model by itself."""
    return bool(state) and all(key.startswith(_BEGIN) for key in state)


def config_beside(repo: Repo) -> dict[str, Any] | None:
    """Return what the file beside the weights says of ranks and strengths, by field; None where there is none.

    Raises:
        RepoError: it is broken. ComponentError: it asks for what is not done here.
    """
    path: Path | None = repo.file(ADAPTER_CONFIG)
    if path is None:
        return None
    found = read_json(path)
    # A pattern for layers says no more than the weights that are there.
    plain = {name: value for name, value in found.items() if name != "target_modules"}
    return metadata_of(json.dumps(plain))


def for_a_model(
    state: Mapping[str, Any], said: Mapping[str, Any] | None, models: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return weights with the name of the one model that has all of their layers, and what is said of them; as they are, where not one has.

    Args:
        said: ranks and strengths by field, or None. models: by name.
    """
    plain = {key.removeprefix(_BEGIN): value for key, value in state.items()}
    layers = {key.rpartition(".lora_")[0] for key in plain}
    fits = [name for name, model in models.items() if layers <= {path for path, _ in base_modules(uncompiled(model))}]
    if len(fits) != 1:
        return dict(state), None
    named = {f"{fits[0]}.{key}": value for key, value in plain.items()}
    if said is None:
        return named, None
    return named, {f"{fits[0]}.{field}": value for field, value in {**said, "target_modules": sorted(layers)}.items()}
