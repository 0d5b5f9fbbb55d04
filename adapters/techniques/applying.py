"""Puts techniques on components and takes them off: all of it, or nothing, and nothing that others have put there is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...registry.applied import Applied, applied_to, note_applied
from ...registry.compilation import uncompiled
from ...registry.identity.as_made import declared_change
from ...state import ComponentError, InputError
from ...state.errors import NoDigestError, did_you_mean, with_article
from .by_name import technique_of
from .processors import has_processors_with_weights
from .recording import Changes, recorded
from .technique import Technique

if TYPE_CHECKING:
    from ...families.contract import FamilyContract

_lock = threading.RLock()


def techniques_on(component: object) -> tuple[Technique, ...]:
    """Return the techniques that a component has, in the order in which they were applied."""
    return tuple(each.technique for each in applied_to(component)) if component is not None else ()


def put_on(name: str, component: object, given: Sequence[object], family: FamilyContract) -> None:
    """Put techniques on a component, all of them or none.

    Args:
        name: of the component. given: techniques, names, or data.

    Raises:
        InputError: there is no such technique. ComponentError: one does not fit, and why; each is named.
    """
    wanted = [technique_of(each) for each in given]
    with _lock:
        there = techniques_on(component)
        faults: list[str] = []
        for number, each in enumerate(wanted):
            faults += technique_faults(name, component, each, (*there, *wanted[:number]), family)
        if faults:
            raise ComponentError.of("Techniques do not fit", faults)
        with declared_change(component), _or_as_it_was(component):
            for each in wanted:
                note_applied(component, (*applied_to(component), _newly_applied(name, component, each)))


def like(component: object, other: Any) -> Any:
    """Return a network of the same configuration with the techniques of another one, to compare the two; nobody runs it.

    Args:
        component: that has techniques. other: that has none, perhaps without weights.
    """
    for each in techniques_on(component):
        if each.is_compared:
            each.apply(other)
    return other


def technique_faults(
    name: str, component: object, technique: Technique, others: Sequence[Technique], family: FamilyContract
) -> Iterator[str]:
    """Say why a component cannot have a technique."""
    kind = type(technique).__name__
    if not hasattr(component, "named_modules"):
        yield f"{name}: {kind} is for networks, and it is {with_article(type(component).__name__)}."
        return
    network = uncompiled(component)
    for other in others:
        if type(other) is type(technique):
            yield f"{name} has {kind} already: pipe.remove({name!r}, {kind!r}) first."
        elif type(other).__name__ in technique.excludes or kind in other.excludes:
            yield f"{name}: {kind} and {type(other).__name__} do not go together; take one of them."
    if technique.bars_loras and getattr(network, "peft_config", None):
        lora = next(iter(network.peft_config))
        yield f"{name} has the LoRA {lora!r}, which {kind} would leave out: unload_lora_weights() first, or do without {kind}."
    if technique.holds_processors and has_processors_with_weights(network):
        yield f"{name}: {kind} lies on attention processors, and those of an IP-Adapter have weights: unload_ip_adapter() first."
    yield from (f"{name}: {kind}: {text}" for text in technique.faults(network, family, others))


def take_off(name: str, component: object, given: Sequence[object] = ()) -> None:
    """Take techniques off a component; those that were applied after them are taken off, and put on again.

    Args:
        given: techniques, classes or names; none for all.

    Raises:
        InputError: the component has no such technique. ComponentError: what a technique had changed was changed by others since.
    """
    with _lock:
        applied = applied_to(component)
        names = [type(each.technique).__name__ for each in applied]
        wanted = [_name_of(each) for each in given] or names
        unknown = [each for each in wanted if each not in names]
        if unknown:
            has = f"It has {', '.join(names)}. {did_you_mean(unknown[0][:60], names)}" if names else "It has none."
            raise InputError(f"{name} has no technique {unknown[0]!r:.80}. {has}")
        with declared_change(component):
            _unstack(component, list(applied), set(wanted))


def _unstack(component: object, stack: list[Applied], wanted: set[str]) -> None:
    kept: list[Technique] = []
    network = uncompiled(component)
    try:
        while any(type(each.technique).__name__ in wanted for each in stack):
            stack[-1].undo(network)
            technique = stack.pop().technique
            if type(technique).__name__ not in wanted:
                kept.append(technique)
    finally:
        # Also where one could not be taken off: those above it are on again then.
        stack += [_applied(component, each) for each in reversed(kept)]
        note_applied(component, tuple(stack))


def _newly_applied(name: str, component: object, technique: Technique) -> Applied:
    """Put on a technique that the component had not before, of which it may turn out only now that it does not fit."""
    kind = type(technique).__name__
    try:
        found = _applied(component, technique)
    except (AttributeError, NoDigestError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise ComponentError(f"{name}: {kind} could not be put on, and nothing was changed: {error}") from error
    if isinstance(found.undo, Changes) and not found.undo.entries:
        raise ComponentError(f"{name}: {kind} changes nothing of {with_article(type(uncompiled(component)).__name__)}.")
    return found


def _applied(component: object, technique: Technique) -> Applied:
    network = uncompiled(component)
    # Asked first: one that nothing tells from others leaves nothing.
    words = technique.identity()
    # Also around techniques that put things back by themselves: none of them leaves half of its work.
    with recorded(network):
        undo = technique.apply(network)
    return Applied(technique, words, technique.state == "run", technique.bars_loras, technique.holds_processors, undo)


@contextmanager
def _or_as_it_was(component: object) -> Iterator[None]:
    """Take off what was put on until an exception, of several techniques the first ones."""
    before = applied_to(component)
    try:
        yield
    except BaseException:
        for each in reversed(applied_to(component)[len(before) :]):
            each.undo(uncompiled(component))
        note_applied(component, before)
        raise


def _name_of(given: object) -> str:
    if isinstance(given, str):
        return given
    return given.__name__ if isinstance(given, type) else type(given).__name__
