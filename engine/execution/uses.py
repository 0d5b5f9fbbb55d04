"""What the steps of a run use, in order, and how large its inputs say that it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from ..nodes import BlockNode, ChoiceNode, LoopNode, Node


@frozen
class Use:
    """One step, or a whole loop whose components fit together.

    Attributes:
        names: components that it computes with. configs: those of which it reads the configuration only.
    """

    path: str
    names: frozenset[str]
    configs: frozenset[str] = frozenset()


def uses_of(steps: Sequence[Node], fits: Callable[[str, frozenset[str]], bool]) -> Iterator[Use]:
    """Yield the uses of a plan in order. A loop is one use if its components fit together; else its steps are."""
    for step in steps:
        if isinstance(step, BlockNode):
            yield Use(step.path, step.weights, frozenset(step.config_only))
        elif isinstance(step, LoopNode):
            inner = list(uses_of(step.body, fits))
            own = frozenset(step.components)
            together = own.union(*(use.names for use in inner))
            if fits(step.path, together):
                configs = frozenset().union(*(use.configs for use in inner))
                yield Use(step.path, together, configs - together)
            else:
                yield from (Use(use.path, use.names | own, use.configs - own) for use in inner)
        elif isinstance(step, ChoiceNode):
            # All branches count, because which one runs is not known when the plan is made.
            for branch in step.branches.values():
                yield from uses_of(branch, fits)


def needed_whole(steps: Sequence[Node], components: Mapping[str, Any]) -> dict[str, str]:
    """Return the components that some step cannot have in parts, with why: see `BlockNode.whole`."""
    found: dict[str, str] = {}
    for step in steps:
        if isinstance(step, BlockNode):
            found.update(step.whole(components) if step.whole is not None else {})
        elif isinstance(step, LoopNode):
            found.update(needed_whole(step.body, components))
        elif isinstance(step, ChoiceNode):
            for branch in step.branches.values():
                found.update(needed_whole(branch, components))
    return found


ITERATIONS = 30
"""Iterations of a loop, where only the order of costs matters."""


def often_used(steps: Sequence[Node], times: int = 1) -> Counter[str]:
    """Return how often a run computes with each component, by name."""
    found: Counter[str] = Counter()
    for step in steps:
        if isinstance(step, BlockNode):
            found.update(dict.fromkeys(step.weights, times))
        elif isinstance(step, LoopNode):
            found += often_used(step.body, times * ITERATIONS)
        elif isinstance(step, ChoiceNode):
            for branch in step.branches.values():
                found += often_used(branch, times)
    return found


def composition_key(components: Mapping[str, int], sizes: Hashable) -> tuple[Hashable, ...]:
    """Return what measurements of steps are kept under, beside the path of a step.

    Args:
        components: name to bytes, of those on the device. sizes: see `asked_sizes`.
    """
    return tuple(sorted(components.items())), sizes


_COUNTS = frozenset(
    {"height", "width", "num_frames", "batch_size", "num_images_per_prompt", "num_images", "max_sequence_length"}
)


def asked_sizes(values: Mapping[str, Any]) -> Hashable:
    """Return what of a run's inputs says how large its tensors are: numbers by name, shapes, sizes of images, counts."""
    found = []
    for name, value in sorted(values.items()):
        # Pillow's images say a size, tensors and arrays a shape.
        shape = getattr(value, "size" if hasattr(value, "getbands") else "shape", None)
        if shape is None and isinstance(value, (list, tuple)):
            shape = (len(value), *(asked_sizes({"": each}) for each in value[:1]))
        if shape is None and name in _COUNTS:
            shape = (value,)
        if shape is not None:
            found.append((name, tuple(shape)))
    return tuple(found)
