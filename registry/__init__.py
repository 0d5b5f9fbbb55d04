"""Names and origins: component specs, loading, identity and placement of components, and the catalog of families and presets."""

from .catalog import Catalog, catalog, families, shipped
from .component_spec import ComponentSpec
from .components_manager import ComponentsManager
from .hub.folder_update import finish_save
from .hub.trust import Trust
from .identity.component_identity import Identity, fingerprint, identity_of
from .index import PipelineIndex, read_index
from .loading import torchvision_remark
from .loading.classes import allow_library

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

torchvision_remark.keep_away()
