"""Names and origins: component specs, loading, repositories, and the catalog of blocks by name."""

from .catalog import Catalog, catalog, families, shipped
from .classes import allow_library
from .component_spec import ComponentSpec
from .components_manager import ComponentsManager
from .folder_update import finish_save
from .identity import Identity, fingerprint, identity_of
from .index import PipelineIndex, read_index
from .trust import Trust

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
