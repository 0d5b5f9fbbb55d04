"""Names and origins: component specs, loading, repositories, and the catalog of blocks by name."""

from .catalog import Catalog, catalog, families
from .component_spec import ComponentSpec
from .index import PipelineIndex, read_index

__all__ = ["Catalog", "ComponentSpec", "PipelineIndex", "catalog", "families", "read_index"]
