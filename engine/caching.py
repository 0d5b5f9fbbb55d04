"""One run's use of a cache: keys of steps, looking them up, and putting back what a step would have done."""

from __future__ import annotations

import random
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..registry.component_key import component_key, component_state, config_key
from ..state.digest import DigestWriter, NoDigestError, digest_of
from .arithmetic import arithmetic
from .cache import Entry, MemoryCache
from .events import CacheHit, CacheSkipped
from .isolation import clone_run_state
from .memory import held_bytes
from .steps import Call, Values
from .units import Unit

if TYPE_CHECKING:
    from .plan import Run


class RunCache:
    """What one run knows of values and components, so that nothing is digested twice."""

    def __init__(self, store: MemoryCache, mutates: frozenset[str], promised: Callable[[str], str | None]) -> None:
        self.store = store
        self._mutates = mutates
        self._promised = promised
        self._components: dict[str, str] = {}
        self._tensors: dict[int, tuple[weakref.ref[Any], int, str]] = {}

    def wrapped(self, call: Call, unit: Unit, run: Run) -> Call:
        """Make a call that does nothing but put values where they belong, if what it would do is known."""

        def call_once(values: Values) -> None:
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
            if entry is not None and not self._is_intact(entry):
                entry = None
            self.store.count(key, entry)
            if entry is None:
                self._compute(call, key, unit, run, values)
            else:
                self._put_back(entry, unit, run, values)

        return call_once

    def _key(self, unit: Unit, run: Run, values: Values) -> str:
        import torch

        if torch.is_grad_enabled():
            raise NoDigestError("gradients are recorded, which a kept result would not have")
        writer = DigestWriter()
        writer.add_all("unit", [unit.kind, str(run.device), run.settings.grad, arithmetic()])
        for identity in unit.identities:
            writer.add(identity(run.configs))
        for name in sorted(values) if unit.reads is None else unit.reads:
            writer.add(name)
            writer.add(self.digest(name, values[name]) if name in values else None)
        for name in sorted(unit.components | unit.config_only):
            writer.add_all("component", [name, self._component(name, unit, run)])
        return writer.hexdigest()

    def digest(self, name: str, value: Any) -> str:
        """Digest a value by its name; that of a tensor is remembered while nobody writes into it."""
        try:
            return self._digest(value)
        except NoDigestError as error:
            raise NoDigestError(f"{name!r}: {error}") from None

    def _digest(self, value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return digest_of(type(value).__name__, [self._digest(part) for part in value])
        version = _version(value)
        if version is None:
            return digest_of(value)
        known = self._tensors.get(id(value))
        if known is not None and known[0]() is value and known[1] == version:
            return known[2]
        found = digest_of(value)
        self._tensors[id(value)] = weakref.ref(value), version, found
        return found

    def _component(self, name: str, unit: Unit, run: Run) -> str:
        components = run.components
        if name in self._mutates:
            component = components[name]
            return digest_of(type(component), component_state(component))
        key = f"{name} config" if name in unit.config_only else name
        if key not in self._components:
            promised = self._promised(name) if components.is_of_run(name) else None
            try:
                made = config_key if name in unit.config_only else component_key
                self._components[key] = promised or made(components[name])
            except NoDigestError as error:
                raise NoDigestError(f"component {name!r}: {error}") from None
        return self._components[key]

    def _compute(self, call: Call, key: str, unit: Unit, run: Run, values: Values) -> None:
        before = dict(values)
        groups = {group: set(names) for group, names in run.state.kwargs_mapping.items()}
        generators = list(_generators(before, unit.reads))
        chance = _global_chance()
        versions = {name: _version(value) for name, value in before.items()}
        started = perf_counter()
        call(values)
        if chance != _global_chance():
            if run.emit is not None:
                run.emit(CacheSkipped(unit.path, "it draws from a random generator of the whole process"))
            return
        if any(name in values and _version(before[name]) != version for name, version in versions.items()):
            return  # it wrote into what others hold, too: its result is not all that it did
        written = {n: value for n, value in values.items() if n not in before or before[n] is not value}
        states = {n: self._state_of(n, run) for n in sorted(unit.components & self._mutates)}
        after = tuple(generator.get_state() for generator in generators)
        try:
            digest = self._digest_of_entry(written, states, after)
        except NoDigestError as error:
            if run.emit is not None:
                run.emit(CacheSkipped(unit.path, f"of what it gave, {error}"))
            return
        added = {
            g: tuple(n for n in names if n not in groups.get(g, ())) for g, names in run.state.kwargs_mapping.items()
        }
        entry = Entry(
            {name: _own_containers(value) for name, value in written.items()},
            tuple(before.keys() - values.keys()),
            {group: names for group, names in added.items() if names},
            states,
            after,
            digest,
            perf_counter() - started,
            held_bytes([*written.values(), *(state.values() for state in states.values()), *after]),
        )
        self.store.put(key, entry)

    def _put_back(self, entry: Entry, unit: Unit, run: Run, values: Values) -> None:
        generators = list(_generators(values, unit.reads))
        for name in entry.removed:
            values.pop(name, None)
        values.update({name: _own_objects(value) for name, value in entry.values.items()})
        for generator, state in zip(generators, entry.generators, strict=True):
            generator.set_state(state)
        for name, state in entry.states.items():
            attributes = vars(run.components[name])
            for gone in attributes.keys() - state.keys():
                del attributes[gone]
            attributes.update({key: _own_containers(part) for key, part in state.items()})
        for group, names in entry.groups.items():
            run.state.kwargs_mapping.setdefault(group, []).extend(names)
        if unit.reads is None:
            run.state.provenance.update(dict.fromkeys(entry.values, unit.path))
        if run.emit is not None:
            run.emit(CacheHit(unit.path, unit.kind, entry.seconds, entry.bytes))

    def _state_of(self, name: str, run: Run) -> Mapping[str, Any]:
        state: Mapping[str, Any] = vars(clone_run_state(run.components[name]))
        return state

    def _is_intact(self, entry: Entry) -> bool:
        """Whether nobody has edited what is kept, which callers hold as well."""
        try:
            return self._digest_of_entry(entry.values, entry.states, entry.generators) == entry.digest
        except NoDigestError:
            return False

    def _digest_of_entry(self, values: Mapping[str, Any], states: Mapping[str, Any], generators: Any) -> str:
        parts = [(name, self.digest(name, value)) for name, value in values.items()]
        return digest_of(parts, states, list(generators))


def _version(value: Any) -> int | None:
    """How often a tensor was written into; None for what does not say."""
    if hasattr(value, "_version") and hasattr(value, "is_inference") and not value.is_inference():
        version: int = value._version
        return version
    return None


def _generators(values: Values, names: tuple[str, ...] | None) -> Iterator[Any]:
    """Random generators among values, those in lists too, in an order that does not change."""
    for name in sorted(values) if names is None else names:
        value = values.get(name)
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if hasattr(part, "get_state") and hasattr(part, "initial_seed"):
                yield part


def _own_containers(value: Any) -> Any:
    """The same objects in lists and dicts of one's own, which nobody else can add to."""
    if type(value) in (list, tuple):
        return type(value)(_own_containers(part) for part in value)
    if type(value) is dict:
        return {key: _own_containers(part) for key, part in value.items()}
    return value


def _own_objects(value: Any) -> Any:
    """As it is handed out: containers and pictures of one's own; a tensor is the very one that was kept."""
    if type(value) in (list, tuple):
        return type(value)(_own_objects(part) for part in value)
    return value.copy() if type(value).__module__.startswith("PIL.") else _own_containers(value)


def _global_chance() -> Any:
    """The state of the process's own random generators, which no block declares."""
    import torch

    found = [torch.get_rng_state().numpy().tobytes(), random.getstate()]
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch
        found += [state.cpu().numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    if "numpy" in sys.modules:
        state = sys.modules["numpy"].random.get_state()
        found.append((state[1].tobytes(), state[2:]))
    return found
