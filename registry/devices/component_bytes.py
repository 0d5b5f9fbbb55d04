"""How large a component is."""

from __future__ import annotations

from typing import Any


def component_bytes(*components: Any) -> int:
    """Return the bytes of models' weights, of which shared ones count once; 0 for what has none. Buffers that are no part of
    its files do not count.
    """
    sizes = {
        # By identity, because tied weights (an embedding that is the last layer, too) are stored once.
        id(tensor): int(tensor.numel()) * tensor.element_size()
        for component in components
        if hasattr(component, "named_parameters")
        for module in component.modules()
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None and name not in module._non_persistent_buffers_set
    }
    return sum(sizes.values())
