"""How large a component is."""

from __future__ import annotations

from typing import Any


def component_bytes(component: Any) -> int:
    """Return the bytes of a model's weights; 0 for what has none. Buffers that are no part of its files do not
    count.
    """
    if not hasattr(component, "named_parameters"):
        return 0
    sizes = {
        # By identity, because tied weights (an embedding that is the last layer, too) are stored once.
        id(tensor): int(tensor.numel()) * tensor.element_size()
        for module in component.modules()
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None and name not in module._non_persistent_buffers_set
    }
    return sum(sizes.values())
