"""Steps of a scope: each as it was made, with the names that the plan has for values that are private to the scope.

Foreign blocks see the run as blocks inside do: components by their names, the values, and a state over these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from attrs import evolve

from ...engine import BlockNode, LoopNode, Node, Run
from ...engine.nodes import Call, Identity, Iterations, Presence, Undeclared, Values
from ...engine.scoped_names import MARK, forget_scope, own_name, scope_of, scoped
from ...state import InputParam, OutputParam, PipelineState
from .components_view import ComponentsView
from .scope_names import ScopeNames


def scoped_step(step: Node, names: ScopeNames) -> Node:
    """Return a step that reads and writes what is private to a scope under the names of the plan."""
    if isinstance(step, BlockNode):
        return _leaf(step, names)
    if isinstance(step, LoopNode):
        return evolve(
            step,
            reads=tuple(map(names.param, step.reads)),
            counted=tuple(map(names.param, step.counted)),
            variables=tuple(map(names.output, step.variables)),
            body=tuple(scoped_step(part, names) for part in step.body),
            bind_iterations=_bound_iterations(step, names),
            components=tuple(map(names.component, step.components)),
            mutates=tuple(map(names.component, step.mutates)),
            trains=tuple(map(names.component, step.trains)),
            identity=_identity(step, names, (*step.reads, *step.counted, *step.variables)),
        )
    triggers = {str(param.name): names.of(str(param.name)) for param in step.reads}
    select = step.select
    return evolve(
        step,
        reads=tuple(map(names.param, step.reads)),
        branches={key: tuple(scoped_step(part, names) for part in branch) for key, branch in step.branches.items()},
        select=lambda values: select({name: values[key] for name, key in triggers.items() if key in values}),
    )


def _leaf(step: BlockNode, names: ScopeNames) -> BlockNode:
    undeclared = step.undeclared
    if undeclared is not None:
        undeclared = Undeclared(tuple(map(names.of, undeclared.names)), undeclared.others)
    return evolve(
        step,
        reads=tuple(map(names.param, step.reads)),
        writes=tuple(map(names.output, step.writes)),
        bind=_bound(step, names) if step.typed else _bound_foreign(step, names),
        components=tuple(map(names.component, step.components)),
        mutates=tuple(map(names.component, step.mutates)),
        trains=tuple(map(names.component, step.trains)),
        finite=tuple(map(names.of, step.finite)),
        config_only=tuple(map(names.component, step.config_only)),
        undeclared=undeclared,
        identity=_identity(step, names, (*step.reads, *step.writes) if step.typed else None),
        hands_on={names.of(name): names.of(source) for name, source in step.hands_on.items()},
    )


def _identity(
    step: BlockNode | LoopNode, names: ScopeNames, touched: Sequence[InputParam | OutputParam] | None
) -> Identity | None:
    """Return an identity that also says under which names it reads and writes, and which component it uses as which.

    Args:
        touched: what it reads and writes; None for foreign code, which may read and write anything.
    """
    identity = step.identity
    if identity is None:
        return None
    private = sorted(
        names.private if touched is None else names.private.intersection(str(param.name) for param in touched)
    )
    components = [(name, names.component(name)) for name in step.components]

    def scoped_identity(configs: Mapping[str, Any]) -> Any:
        return ["scope", names.path, private, components, identity(configs)]

    return scoped_identity


def _run_inside(run: Run, names: ScopeNames) -> Run:
    return cast("Run", ScopedRun(run, names)) if names.components else run


def _bound(step: BlockNode, names: ScopeNames) -> Callable[[Presence], Callable[[Run], Call]]:
    """Bind a step that says what it reads and writes."""
    reads = [(str(param.name), names.of(str(param.name))) for param in step.reads if param.name is not None]
    writes = [(param.name, names.of(param.name)) for param in step.writes]
    closes = step.closes

    def bind(presence: Presence) -> Callable[[Run], Call]:
        prepare = step.bind(names.presence(presence))

        def for_run(run: Run) -> Call:
            inner = prepare(_run_inside(run, names))

            def call(values: Values) -> None:
                own = {name: values[key] for name, key in reads if key in values}
                inner(own)
                for name, key in writes:
                    if name in own:
                        values[key] = own[name]
                if closes is not None:
                    forget_scope(values, closes)

            return call

        return for_run

    return bind


def _bound_foreign(step: BlockNode, names: ScopeNames) -> Callable[[Presence], Callable[[Run], Call]]:
    """Bind foreign code, which may read and write any value."""

    def bind(presence: Presence) -> Callable[[Run], Call]:
        prepare = step.bind(names.presence(presence))

        def for_run(run: Run) -> Call:
            inside = ScopedRun(run, names)
            inner = prepare(cast("Run", inside))

            def call(values: Values) -> None:
                seen = SeenValues(values, names)
                with inside.over(seen):
                    inner(seen)
                seen.write_back()

            return call

        return for_run

    return bind


def _bound_iterations(step: LoopNode, names: ScopeNames) -> Callable[[Presence], Callable[[Run], Iterations]]:
    def bind(presence: Presence) -> Callable[[Run], Iterations]:
        prepare = step.bind_iterations(names.presence(presence))

        def for_run(run: Run) -> Iterations:
            iterations_of = prepare(_run_inside(run, names))

            def start(values: Values) -> Any:
                iterations, count = iterations_of(SeenValues(values, names))
                return ({names.of(name): value for name, value in each.items()} for each in iterations), count

            return start

        return for_run

    return bind


class SeenValues(Values):
    """All values of a run as blocks inside of a scope see them. `write_back` puts what was written where it belongs."""

    def __init__(self, values: Values, names: ScopeNames) -> None:
        super().__init__({name: value for key, value in values.items() if (name := names.inside(key)) is not None})
        # Last, since what is private hides what is outside under the same name, also if foreign code wrote it without a word.
        begin = scoped(names.path, "")
        self.update({own_name(key): value for key, value in values.items() if key.startswith(begin)})
        self._values, self._names, self._before = values, names, dict(self)

    def write_back(self) -> None:
        """Write what foreign code has written: it stays in the scope, declared or not."""
        for name, value in self.items():
            if name not in self._before or self._before[name] is not value:
                self._values[self._key(name)] = value
        for name in self._before.keys() - self.keys():
            self._values.pop(self._key(name), None)

    def _key(self, name: str) -> str:
        # With a mark it is of a scope within this one.
        return name if MARK in name else scoped(self._names.path, name)


class ScopedComponents(Mapping[str, Any]):
    """Components of a run, by the names that blocks inside of a scope know."""

    def __init__(self, components: Mapping[str, Any], names: ScopeNames) -> None:
        self._components = components
        self._names = names

    def __getitem__(self, name: str) -> Any:
        return self._components[self._names.component(name)]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._components), **self._names.components})

    def __len__(self) -> int:
        return len(list(iter(self)))


class ScopedRun:
    """The run, for blocks of a scope; what is not said here is the run's own, such as whether it was cancelled.

    Attributes:
        components: by the names inside. state: while a foreign block runs, one over the values that it sees.
    """

    def __init__(self, run: Run, names: ScopeNames) -> None:
        self._run = run
        self._names = names
        self.components = ScopedComponents(run.components, names)
        self.state = run.state
        self._view: ComponentsView | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    @property
    def view(self) -> ComponentsView:
        """What foreign blocks know as `components`."""
        # Of its own, since guiders of foreign code have a state, which is as private as what they predict.
        if self._view is None:
            self._view = ComponentsView(self._run.view, self.components)
            self._view.run = self  # type: ignore[assignment]  # it is used as a run is
            inner = getattr(self._run.view, "views_of_scopes", None)
            if inner is not None:  # a run within foreign code has what that gives as components
                inner.append(self._view)
        return self._view

    @contextmanager
    def over(self, values: SeenValues) -> Iterator[None]:
        """Let the state be one over the values that a foreign block sees, and keep what it notes in it."""
        outer, names = self._run.state, self._names
        groups = self._groups_inside(values)
        before = {group: list(those) for group, those in groups.items()}
        provenance = {name: path for key, path in outer.provenance.items() if (name := names.inside(key)) is not None}
        known = dict(provenance)
        self.state = PipelineState(values, groups, provenance)
        try:
            yield
        finally:
            self.state = outer
        for group, those in groups.items():
            new = [name for name in those if name not in before.get(group, ())]
            if new:
                outer.kwargs_mapping.setdefault(group if MARK in group else scoped(names.path, group), []).extend(new)
        for name, path in provenance.items():
            if known.get(name) != path:
                outer.provenance[name if MARK in name else scoped(names.path, name)] = path

    def _groups_inside(self, values: SeenValues) -> dict[str, list[str]]:
        """Return groups as they are inside: what is shared, what blocks inside declare, and what foreign ones have noted."""
        names, found = self._names, dict[str, list[str]]()
        for group, those in self._run.state.kwargs_mapping.items():
            own = scope_of(group) == names.path
            if own:
                found.setdefault(own_name(group), []).extend(those)
            elif names.inside(group) is not None or MARK not in group:
                shared = [name for name in those if name not in names.private]
                taken = [name for name, outside in names.let_in.items() if outside in those]
                found.setdefault(group, []).extend([*shared, *taken])
        for group, declared in names.groups.items():
            found.setdefault(group, []).extend(name for name in declared if name in values)
        return {group: list(dict.fromkeys(those)) for group, those in found.items()}
