"""What blocks are given when compositions run over tiny models: inputs and components of each class, of containers, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from brickwork.blocks.core import base as base_module
from brickwork.blocks.core import block as block_module
from brickwork.blocks.core.binding import written_class
from brickwork.blocks.core.flattening import walk_scopes
from brickwork.engine.isolation import clone_run_state
from brickwork.testing.made_values import own_values


@frozen
class Seen:
    """A block as it ran, with what it was given first."""

    block: Any
    inputs: dict[str, Any]
    components: dict[str, Any]


@contextmanager
def seen_inputs(composition: Any = None) -> Iterator[dict[str, Seen]]:
    """Collect, by the name of the written class, what each block is given at its first call.

    Args:
        composition: whose containers are collected, too; inside of scopes values have other names, and are passed over.
    """
    found: dict[str, Seen] = {}
    open_blocks = {path: each for path, each, scopes in walk_scopes(composition) if not scopes}
    inner = {path: each for path, each in open_blocks.items() if hasattr(each, "sub_blocks")}
    make, make_by_state = block_module.run_caller, base_module.state_call

    def note_containers(at: Any, values: Mapping[str, Any]) -> None:
        run, path = at
        if path not in open_blocks:
            return
        for place in [each for each in inner if not each or path == each or path.startswith(f"{each}.")]:
            container = inner.pop(place)
            parts = _as_now({name: run.components[name] for name in container.component_names})
            found.setdefault(container.source_class.__name__, Seen(container, _read(container, values), parts))

    def watching(owner: Any, presence: Any) -> Any:
        made = make(owner, presence)

        def bind(bound: Any) -> Any:
            call = made(bound)

            def watched(values: dict[str, Any]) -> None:
                if bound._at is not None:
                    note_containers(bound._at, values)
                name = written_class(owner).__name__
                if name not in found:
                    held: dict[str, Any] = {}
                    for part in (bound, *bound.bound_parts):
                        for slot, parts, many in type(part)._slot_names():
                            each = vars(part)[slot]
                            held |= dict(zip(parts, each if many else [each], strict=False))
                    found[name] = Seen(owner(**bound.options), _taken(bound, values), _as_now(held))
                call(values)

            return watched

        return bind

    def watching_state(block: Any, path: str, run: Any, *more: Any) -> Any:
        call = make_by_state(block, path, run, *more)

        def watched(values: dict[str, Any]) -> None:
            note_containers((run, path), values)
            parts = _as_now({name: run.components[name] for name in block.component_names})
            found.setdefault(block.source_class.__name__, Seen(block, _taken(block, values), parts))
            call(values)

        return watched

    block_module.run_caller, base_module.state_call = watching, watching_state
    try:
        yield found
    finally:
        block_module.run_caller, base_module.state_call = make, make_by_state


def _taken(block: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {param.name for param in block.inputs}
    return own_values({name: value for name, value in values.items() if name in names})


def _read(container: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a container reads of values: among others there may be some that only its other branches read."""
    taken = _taken(container, values)
    reads = container.plan(taken).reads
    return {name: value for name, value in taken.items() if name in reads}


def _as_now(components: Mapping[str, Any]) -> dict[str, Any]:
    """Return components as they are now: schedulers and guiders move on with the run."""
    moving = {name: each for name, each in components.items() if hasattr(each, "set_timesteps")}
    return {**components, **{name: clone_run_state(each) for name, each in moving.items()}}
