"""Attributes that would be set on a pipeline and do nothing, or leave it in two minds: refused in words."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine.settings import RunSettings
from ..state import InputError
from ..state.errors import is_slip, named_thing


def refuse_odd_attribute(name: str, components: Iterable[str], inputs: Iterable[str | None]) -> None:
    """Raise InputError for an attribute that would lie on a pipeline and be read by no run: an input, or a slip of a name that it has."""
    inputs = list(inputs)
    if name in inputs:
        raise InputError(
            f"{name} is an input of a call: pipe(..., {name}=...). pipe.input_defaults[{name!r}] is what calls take that are not given it."
        )
    meant = next((each for each in (*components, *inputs) if each and is_slip(name, each)), None)
    if meant is not None:
        raise InputError(f"A pipeline has no {name!r}, and no run would read it. Did you mean {meant!r}?")


def refuse_replaced(name: str, value: object) -> None:
    """Raise InputError where a part of a pipeline would be replaced that the rest of it relies on."""
    if name in _EDITED and not (name == "settings" and isinstance(value, RunSettings)):
        raise InputError(f"pipe.{name} is not replaced by {named_thing(value)}. {_EDITED[name]}")


_EDITED = {
    "blocks": "Edit it in place, as in pipe.blocks.replace('decode', MyBlock), or make another pipeline: blocks.init_pipeline(repo).",
    "components": "Put components in with pipe.update_components(name=component).",
    "specs": "Say where a component is from with pipe.update_components(name=ComponentSpec(...)).",
    "settings": "Change settings with pipe.configure(progress=False).",
}
