"""What is said where a run fails because one model has weights of several dtypes: torch says it in numbers, and of no model.

It is no check before runs: autocast, upcast decoders, adapters and layerwise casting all run with weights of several dtypes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..registry.loading.base_modules import base_tensors
from ..registry.loading.load import is_network
from ..registry.loading.several import parts_of
from ..registry.loading.skeleton import precise_parts

_OF_DTYPES = re.compile(r"dtype|scalar type|type \(.*\) and .* type \(.*\) should be the same")
"""How torch says that two tensors have different ones."""


def note_mixed_dtypes(error: RuntimeError, components: Mapping[str, Any]) -> None:
    """Add to an error of torch's about dtypes which models of a run have several, with what to do."""
    if not _OF_DTYPES.search(str(error)):
        return
    parts = [part for name, each in components.items() for part in parts_of(name, each)]
    said = [text for name, part in parts if is_network(type(part)) for text in _said_of(name, part)]
    if said:
        error.add_note(
            f"{' '.join(said)} Cast all of it: pipe.to(dtype=...), or load it anew: load_components(name, dtype=...)."
        )


def _said_of(name: str, model: Any) -> Iterator[str]:
    kept = precise_parts(model, getattr(model, "dtype", None))
    weights = [
        (path, str(tensor.dtype).removeprefix("torch."))
        for path, tensor in base_tensors(model)
        # What its design keeps in float32 is right.
        if tensor.is_floating_point() and not (kept is not None and kept.search(path))
    ]
    count = Counter(dtype for _, dtype in weights)
    if len(count) > 1:
        usual = count.most_common(1)[0][0]
        others = [(path, dtype) for path, dtype in weights if dtype != usual]
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        yield f"{name} has weights in {usual}, and {others[0][0]}{more} in {others[0][1]}."
