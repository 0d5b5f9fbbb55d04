"""On which of several devices each step of a plan computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...registry.devices.moved_tensors import held_tensors
from ...state import ComponentError
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node, leaves


def devices_of_steps(steps: Sequence[Node], devices: Mapping[str, str], main: str) -> dict[str, str]:
    """Return the device of each step and loop, by path.

    A step computes where its models are. One without models computes where the next step with some does, in a loop where the
    loop does: what it makes is read there. After the last such step, it is the last one's device.

    Args:
        devices: component to the name of its device. main: for a plan without models.

    Raises:
        ComponentError: a step uses models of two devices.
    """
    faults = [fault for leaf in leaves(steps) if (fault := _apart(leaf, devices))]
    if faults:
        raise ComponentError.of("Steps use components on different devices", faults)
    last = next((found for step in reversed(steps) if (found := _first(step, devices))), main)
    return dict(_assigned(steps, devices, last))


def _apart(leaf: BlockNode, devices: Mapping[str, str]) -> str:
    used = {name: devices[name] for name in sorted(leaf.weights & devices.keys())}
    if len(set(used.values())) < 2:
        return ""
    where = ", ".join(f"{name} on {device}" for name, device in used.items())
    one = next(iter(used.values()))
    example = ", ".join(f"{name!r}: {one!r}" for name in used)
    return (
        f"{leaf.path} computes with {where}. The models of one step read one another's tensors, so they belong on one device: "
        f"devices={{{example}, ...}}."
    )


def refuse_shared_weights(components: Mapping[str, Any], devices: Mapping[str, str]) -> None:
    """Raise ComponentError if models on different devices hold the same tensor, which can be on one of them only."""
    faults = []
    for first, second, what in shared_weights(components):
        if devices[first] != devices[second]:
            faults.append(
                f"{first!r} and {second!r} share the weights {what!r}, and are to be on {devices[first]} and {devices[second]}. Put both "
                "on one device, or give one of them a copy of its own (copy.deepcopy)."
            )
    if faults:
        raise ComponentError.of("Weights cannot be on two devices", faults)


def shared_weights(components: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield pairs of models that hold the same tensor, each once, with the tensor's name in the second."""
    holders: dict[int, str] = {}
    met = set()
    for name, component in components.items():
        for held in held_tensors(component):
            other = holders.setdefault(id(held.tensor), name)
            if other != name and (other, name) not in met:
                met.add((other, name))
                yield other, name, held.places[0][1]


def _assigned(steps: Sequence[Node], devices: Mapping[str, str], after: str) -> Iterator[tuple[str, str]]:
    """Yield steps with their devices; `after` is the device of what comes behind them."""
    found: list[tuple[str, str]] = []
    for step in reversed(steps):
        own = _first(step, devices)
        here = after if own is None else own
        if isinstance(step, LoopNode):
            # Behind the last step of a loop comes its first.
            found += _assigned(step.body, devices, here)
        elif isinstance(step, ChoiceNode):
            for branch in step.branches.values():
                found += _assigned(branch, devices, after)
        if not isinstance(step, ChoiceNode):
            found.append((step.path, here))
        after = here
    yield from reversed(found)


def _first(step: Node, devices: Mapping[str, str]) -> str | None:
    """Return the first device on which a step, or what is in it, computes; None if that is all the same to it."""
    if isinstance(step, BlockNode):
        return next((devices[name] for name in sorted(step.weights & devices.keys())), None)
    parts = [step.body] if isinstance(step, LoopNode) else list(step.branches.values())
    return next((found for part in parts for each in part if (found := _first(each, devices))), None)
