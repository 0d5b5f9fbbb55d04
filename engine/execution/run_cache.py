"""One run's use of a cache: keys of steps, looking them up, and putting back what a step would have done."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ...registry.identity.component_identity import NOTES, config_identity, identity_of, state_digests
from ...state import RunError
from ...state.digest import DigestWriter, NoDigestError, digest_of
from ..arithmetic import arithmetic
from ..cache import AS_IT_IS, Entry, MemoryCache
from ..cache_unit import CacheUnit
from ..events import CacheHit, CacheSkipped
from ..isolation import clone_run_state, own_state
from ..memory import held_bytes
from ..nodes import Call, Values
from .identities import RunIdentities
from .kept_values import Keeper, handed_out
from .process_chance import process_chance

if TYPE_CHECKING:
    from ..run import Run

_SETTLED = ("_internal_dict", *NOTES)
"""Where diffusers keeps the configuration of a component, a dict that is never written into, and notes on where it is from."""
_UNCHANGING = (str, bytes, int, float, complex, bool, type(None))


class RunCache:
    """Remembers what one run knows of values and components, so that nothing is digested twice."""

    def __init__(
        self,
        store: MemoryCache,
        mutates: frozenset[str],
        promised: Callable[[str], str | None],
        identities: RunIdentities,
    ) -> None:
        self.store = store
        self._mutates = mutates
        self._promised = promised
        self._identities = identities
        self._components: dict[str, str] = {}
        self._tensors: dict[int, tuple[weakref.ref[Any], int, str]] = {}

    def wrapped(self, call: Call, unit: CacheUnit, run: Run) -> Call:
        """Make a call that does nothing but put values where they belong, if what it would do is known."""

        def call_once(values: Values) -> None:
            # A loop of which only some iterations are run gives something else than the loop.
            if run.tracker is not None and run.tracker.is_partial(unit.path, unit.kind):
                call(values)
                return
            try:
                key = self._key(unit, run, values)
            except NoDigestError as error:
                if run.emit is not None:
                    run.emit(CacheSkipped(unit.path, str(error)))
                call(values)
                return
            entry = self.store.find(key)
            if entry is not None and run.witness is not None and entry.witness is None:
                entry = None  # made by a run that kept no witness of what it did inside
            self.store.count(key, entry)
            if entry is None:
                self._compute(call, key, unit, run, values)
            else:
                self._put_back(entry, unit, run, values)

        return call_once

    def _key(self, unit: CacheUnit, run: Run, values: Values) -> str:
        import torch

        # A kept tensor has no graph. Handing it out would cut the caller's gradients without a word.
        if torch.is_grad_enabled():
            raise NoDigestError("gradients are recorded, which a kept result would not have")
        writer = DigestWriter()
        writer.add_all(
            "unit",
            [unit.kind, str(run.device_of(unit.path)), run.settings.grad, arithmetic(), self._identities.process()],
        )
        if run.settings.merge is not None:
            # Kernels round by how many rows there are.
            writer.add_all("merge", [run.settings.merge.identity])
        for identity in unit.identities:
            writer.add(identity(run.configs))
        for name in sorted(values) if unit.reads is None else unit.reads:
            writer.add(name)
            writer.add(self.digest(name, values[name]) if name in values else None)
        # One generator in two places draws otherwise than two with equal states.
        met: dict[int, int] = {}
        writer.add([met.setdefault(id(each), len(met)) for each in _generators(values, unit.reads)])
        for name in sorted(unit.components | unit.config_only):
            writer.add_all("component", [name, self._component(name, unit, run)])
        return writer.hexdigest()

    def digest(self, name: str, value: object) -> str:
        """Digest a value by its name; that of a tensor is remembered while nobody writes into it."""
        try:
            return self._digest(value)
        except NoDigestError as error:
            raise NoDigestError(f"{name!r}: {error}") from None

    def _digest(self, value: object) -> str:
        if isinstance(value, (list, tuple)):
            return digest_of(type(value), [self._digest(part) for part in value])
        version = _version(value)
        # Attributes that somebody has put on a tensor count as its content, and no version counts changes of them.
        if version is None or vars(value):
            return _digest_of_value(value)
        known = self._tensors.get(id(value))
        # The address says that it may be the same tensor, the weak reference that it is, and the version that nobody
        # wrote into it. An address alone is given to the next tensor as soon as this one is gone.
        if known is not None and known[0]() is value and known[1] == version:
            return known[2]
        found = digest_of(value)
        self._tensors[id(value)] = weakref.ref(value), version, found
        return found

    def _component(self, name: str, unit: CacheUnit, run: Run) -> str:
        components = run.components
        # By the state that it has now, at every step: a scheduler is another one after each.
        if name in self._mutates:
            component = components[name]
            return digest_of(type(component), state_digests(component))
        key = f"{name} config" if name in unit.config_only else name
        if key not in self._components:
            promised = self._promised(name) if components.is_of_run(name) else None
            try:
                self._components[key] = promised or (
                    config_identity(components[name]) if name in unit.config_only else self._identities.digest(name)
                )
            except NoDigestError as error:
                raise NoDigestError(f"component {name!r}: {error}") from None
        return self._components[key]

    def _compute(self, call: Call, key: str, unit: CacheUnit, run: Run, values: Values) -> None:
        # Shallow: the objects themselves, to see afterwards which names hold other ones.
        before = dict(values)
        groups = {group: set(names) for group, names in run.state.kwargs_mapping.items()}
        generators = list(_generators(before, unit.reads))
        # Nobody declares these generators, so a key cannot hold them; a step that draws from one gives something else
        # each time.
        chance = process_chance()
        marks = self._marks(before, unit.reads)
        settled = {n: {**vars(run.components[n])} for n in unit.components & self._mutates}
        seen = None if run.witness is None else len(run.witness.given)
        heard = len(run.said)
        started = perf_counter()
        call(values)
        seconds = perf_counter() - started
        try:
            # Checked after the step, because only running it shows what it does; its values stay, and only the cache
            # does without.
            if chance != process_chance():
                raise NoDigestError("it draws from a random generator of the whole process")
            self._refuse_changed(unit, run)
            edited = [name for name, mark in marks.items() if name in before and self._mark(before[name]) != mark]
            # What was written in place went to objects that the caller, earlier states or other results hold. To do
            # the same without running the step, the cache would have to write into objects that it was not given.
            if edited:  # its result is not all that it did
                raise NoDigestError(f"it writes into {', '.join(map(repr, edited))}, which others hold, too")
            written = {n: value for n, value in values.items() if n not in before or before[n] is not value}
            states = {n: _state_of(run.components[n], settled[n]) for n in sorted(settled)}
            digests = {name: self.digest(name, value) for name, value in written.items()}
            keeper = Keeper(before)
            kept = {name: keeper.keep(value) for name, value in written.items()}
        except NoDigestError as error:
            if run.emit is not None:
                run.emit(CacheSkipped(unit.path, str(error)))
            return
        added = {
            g: tuple(n for n in names if n not in groups.get(g, ())) for g, names in run.state.kwargs_mapping.items()
        }
        after = tuple(generator.get_state() for generator in generators)
        entry = Entry(
            kept,
            tuple(before.keys() - values.keys()),
            {group: names for group, names in added.items() if names},
            states,
            after,
            digests,
            seconds,
            held_bytes([*kept.values(), *(state.values() for state in states.values()), *after]),
            None if seen is None or run.witness is None else run.witness.since(seen),
            tuple(run.said[heard:]),
        )
        try:
            self.store.put(key, entry)
        except RunError as error:  # a cache on disk holds only what a file can
            if run.emit is not None:
                run.emit(CacheSkipped(unit.path, str(error)))

    def _refuse_changed(self, unit: CacheUnit, run: Run) -> None:
        """Refuse a step that changed a component without saying so, which its result does not hold."""
        # For iterations the loop around them looks once: to look at a model costs more than many iterations of a
        # small one.
        for name in sorted(unit.components - self._mutates) if unit.kind != "iteration" else ():
            if name in run.components and not run.components.is_of_run(name):
                before = self._identities.digest(name)
                # By what torch counts, without reading bytes again: it tells of writes through torch, and is asked
                # after every step.
                if identity_of(run.components[name], content=False).digest != before:
                    self._identities.forget(name)
                    self._components.pop(name, None)
                    raise NoDigestError(f"it changes the component {name!r}")

    def _marks(self, values: Values, reads: tuple[str, ...] | None) -> dict[str, Any]:
        """Return what tells whether a step has written into a value: of tensors all, of others those that it may have
        read.
        """
        names = (
            values
            if reads is None
            else {*reads, *(name for name, value in values.items() if _version(value) is not None)}
        )
        return {name: self._mark(values[name]) for name in names if name in values}

    def _mark(self, value: object) -> Any:
        if isinstance(value, (list, tuple)):
            return [len(value), *map(self._mark, value)]
        if isinstance(value, _UNCHANGING) or hasattr(type(value), "initial_seed"):
            return None  # a random generator is put to where it was left
        version = _version(value)
        try:
            return self._digest(value) if version is None else version
        except NoDigestError:
            return None

    def _put_back(self, entry: Entry, unit: CacheUnit, run: Run, values: Values) -> None:
        generators = list(_generators(values, unit.reads))
        copies: dict[int, Any] = {}
        restored = {name: handed_out(kept, values, copies) for name, kept in entry.values.items()}
        for name in entry.removed:
            values.pop(name, None)
        values.update(restored)
        for name, value in restored.items():
            # So that the next step, which reads it, need not digest what the cache has just handed out.
            version = _version(value)
            if version is not None:
                self._tensors[id(value)] = weakref.ref(value), version, entry.digests[name]
        for generator, state in zip(generators, entry.generators, strict=True):
            generator.set_state(state)
        for name, attributes in entry.states.items():
            held = vars(run.components[name])
            # A step may delete an attribute, and that is part of its state.
            for gone in held.keys() - attributes.keys():
                del held[gone]
            held.update({key: own_state(part) for key, part in attributes.items() if part is not AS_IT_IS})
        for group, names in entry.groups.items():
            run.state.kwargs_mapping.setdefault(group, []).extend(names)
        if unit.reads is None:
            run.state.provenance.update(dict.fromkeys(entry.values, unit.path))
        if run.witness is not None:
            run.witness.take(entry.witness or ())
        run.repeat(entry.said)
        if run.emit is not None:
            run.emit(CacheHit(unit.path, unit.kind, entry.seconds, entry.bytes))


def _state_of(component: object, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the attributes of a component, copied; of configuration and notes only those that are others than before the step."""
    return {
        key: AS_IT_IS if key.startswith(_SETTLED) and before.get(key) is part else own_state(part)
        for key, part in vars(clone_run_state(component)).items()
    }


def _digest_of_value(value: object) -> str:
    """Digest a value without a version.

    Raises:
        NoDigestError: it holds a random generator, which a result that is kept would not bring to where it was left.
    """
    writer = DigestWriter()
    writer.add(value)
    found = writer.hexdigest()
    if writer.unknown:
        raise NoDigestError(writer.unknown[0])
    if writer.generators and not hasattr(type(value), "initial_seed"):
        raise NoDigestError("it holds a random generator; give those as values of their own")
    return found


def _version(value: Any) -> int | None:
    """Return how often a tensor was written into; None for what does not say."""
    if hasattr(type(value), "is_inference") and not value.is_inference():  # of inference mode torch counts nothing
        version: int = value._version
        return version
    return None


def _generators(values: Values, names: tuple[str, ...] | None) -> Iterator[Any]:
    """Yield random generators among values, those in lists too, in an order that does not change."""
    # The order is part of the key, and decides which state goes to which generator: sets and dicts of two runs may
    # differ.
    pending = [values.get(name) for name in (sorted(values) if names is None else names)][::-1]
    while pending:
        value = pending.pop()
        if isinstance(value, (list, tuple)):
            pending += reversed(value)
        elif hasattr(type(value), "get_state") and hasattr(type(value), "initial_seed"):
            yield value
