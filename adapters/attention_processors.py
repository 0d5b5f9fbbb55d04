"""Attention processors of a denoiser, replaced by path for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

from ..registry.identity.component_identity import temporary_identity
from ..state import ComponentError, InputError
from ..state.errors import did_you_mean, named_thing

_END = ".processor"


@contextmanager
def replaced_processors(denoiser: Any, processors: Mapping[str, Any]) -> Iterator[None]:
    """Replace processors until the end of the `with`; see `ModularPipeline.attention_processors`."""
    if not hasattr(denoiser, "attn_processors"):
        raise ComponentError(f"{type(denoiser).__name__} has no attention processors that could be replaced.")
    if not isinstance(processors, Mapping):
        raise InputError(
            f"Processors are a dict by path, as in {{'attn2': AttnProcessor()}}, and {named_thing(processors)} was given."
        )
    before = dict(denoiser.attn_processors)
    chosen: dict[str, Any] = {}
    faults = [
        f"{pattern!r}: {named_thing(processor)} is no attention processor; give an object such as AttnProcessor()."
        for pattern, processor in processors.items()
        if isinstance(processor, type) or not callable(processor)
    ]
    for pattern, processor in processors.items():
        paths = [path for path in before if _is_at(path.removesuffix(_END), pattern)]
        if not paths:
            segments = {segment for path in before for segment in path.removesuffix(_END).split(".")}
            there = sorted({*segments, *(path.removesuffix(_END) for path in before)})
            faults.append(f"No attention layer is at {pattern!r}. {did_you_mean(pattern, there)}")
        chosen |= dict.fromkeys(paths, processor)
    if faults:
        raise InputError(" ".join(faults))
    with temporary_identity(denoiser):
        # All at once: diffusers refuses a dict that does not name every layer.
        denoiser.set_attn_processor({**before, **chosen})
        try:
            yield
        finally:
            denoiser.set_attn_processor(before)


def _is_at(path: str, pattern: str) -> bool:
    """Return whether a pattern names a path, or a part of it between dots."""
    return fnmatch(f".{path}.", f"*.{pattern}.*")
