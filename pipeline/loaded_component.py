"""Whether what a repository's index names is what the blocks run with."""

from __future__ import annotations

from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.components_view import known_families
from ..families.fitting import serves
from ..registry.loading.load import is_network
from ..state import ComponentError
from ..state.errors import with_article


def fitting(name: str, model: Any, blocks: ModularPipelineBlocks) -> Any:
    """Return a model that was loaded, if it is of a class that the blocks of a family run with: an index may name any.

    Raises:
        ComponentError: it is not.
    """
    families = list(known_families(blocks))
    expected = next((spec.type_hint for spec in blocks.expected_components if spec.name == name), None)
    if not families or not isinstance(expected, type) or getattr(expected, "_is_protocol", False):
        return model
    found = type(model)
    if is_network(found) and not serves(model, expected, name, families):
        raise ComponentError(
            f"{name!r} expects {with_article(expected.__name__)}, and the index of its repository names "
            f"{with_article(found.__name__)}. Correct the index; or give a model that fits by update_components({name}=...)."
        )
    return model
