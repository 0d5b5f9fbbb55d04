"""Names and origins: component specs, loading, repositories, and the catalog of blocks by name."""

from .catalog import Catalog, catalog, families, shipped
from .classes import allow_library
from .component_spec import ComponentSpec
from .components_manager import ComponentsManager
from .fingerprint import fingerprint
from .folder_update import finish_save
from .index import PipelineIndex, read_index
from .trust import Trust

__all__ = [
    "Catalog",
    "ComponentSpec",
    "ComponentsManager",
    "PipelineIndex",
    "Trust",
    "allow_library",
    "catalog",
    "families",
    "fingerprint",
    "finish_save",
    "read_index",
    "shipped",
]
