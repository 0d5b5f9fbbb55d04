"""What blocks of presets are given when the presets run over tiny models: inputs and components of each class of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from brickwork.blocks.core import block as block_module
from brickwork.blocks.core.binding import written_class
from brickwork.testing.made_values import own_values


@frozen
class Seen:
    """A block as it ran, with what it was given first."""

    block: Any
    inputs: dict[str, Any]
    components: dict[str, Any]


@contextmanager
def seen_inputs() -> Iterator[dict[str, Seen]]:
    """Collect, by the name of the written class, what each block is given at its first call."""
    found: dict[str, Seen] = {}
    make = block_module.run_caller

    def watching(owner: Any, presence: Any) -> Any:
        made = make(owner, presence)

        def bind(bound: Any) -> Any:
            call = made(bound)

            def watched(values: dict[str, Any]) -> None:
                name = written_class(owner).__name__
                if name not in found:
                    names = {param.name for param in bound.inputs}
                    held: dict[str, Any] = {}
                    for slot, parts, many in owner._slot_names():
                        each = vars(bound)[slot]
                        held |= dict(zip(parts, each if many else [each], strict=False))
                    for part in bound.bound_parts:
                        for slot, parts, many in type(part)._slot_names():
                            each = vars(part)[slot]
                            held |= dict(zip(parts, each if many else [each], strict=False))
                    block = owner(**bound.options)
                    found[name] = Seen(block, own_values({n: v for n, v in values.items() if n in names}), held)
                call(values)

            return watched

        return bind

    block_module.run_caller = watching
    try:
        yield found
    finally:
        block_module.run_caller = make
