"""Names and origins: component specs, loading, identity and placement of components, and the catalog of families and presets.

Names are imported when they are first used: what packages an extra needs is asked where nothing is loaded.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# The module has the name of what it holds.
from .catalog import Catalog, catalog, families, shipped
from .loading import torchvision_remark

if TYPE_CHECKING:
    from .component_spec import ComponentSpec as ComponentSpec
    from .components_manager import ComponentsManager as ComponentsManager
    from .hub.folder_update import finish_save as finish_save
    from .hub.trust import Trust as Trust
    from .identity.component_identity import Identity as Identity
    from .identity.component_identity import fingerprint as fingerprint
    from .identity.component_identity import identity_of as identity_of
    from .index import PipelineIndex as PipelineIndex
    from .index import read_index as read_index
    from .loading.classes import allow_library as allow_library

_HOME = {
    "ComponentSpec": "component_spec",
    "ComponentsManager": "components_manager",
    "Identity": "identity.component_identity",
    "PipelineIndex": "index",
    "Trust": "hub.trust",
    "allow_library": "loading.classes",
    "fingerprint": "identity.component_identity",
    "finish_save": "hub.folder_update",
    "identity_of": "identity.component_identity",
    "read_index": "index",
}

__all__ = [
    "Catalog",
    "ComponentSpec",
    "ComponentsManager",
    "Identity",
    "PipelineIndex",
    "Trust",
    "allow_library",
    "catalog",
    "families",
    "fingerprint",
    "finish_save",
    "identity_of",
    "read_index",
    "shipped",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)


torchvision_remark.keep_away()
