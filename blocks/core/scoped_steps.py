"""Steps of a scope: each as it was made, with the names that the plan has for values that are private to the scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from attrs import evolve

from ...engine import BlockNode, LoopNode, Node, Run
from ...engine.nodes import Call, Identity, Iterations, Presence, Undeclared, Values
from ...engine.scoped_names import forget_scope
from ...state import InputParam, OutputParam
from .scope_names import ScopeNames
from .scoped_run import ScopedRun, SeenValues


def scoped_step(step: Node, names: ScopeNames) -> Node:
    """Return a step that reads and writes what is private to a scope under the names of the plan."""
    if isinstance(step, BlockNode):
        return _leaf(step, names)
    if isinstance(step, LoopNode):
        return evolve(
            step,
            reads=tuple(map(names.param, step.reads)),
            variables=tuple(map(names.output, step.variables)),
            body=tuple(scoped_step(part, names) for part in step.body),
            bind_iterations=_bound_iterations(step, names),
            components=tuple(map(names.component, step.components)),
            mutates=tuple(map(names.component, step.mutates)),
            identity=_identity(step, names, (*step.reads, *step.variables)),
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
    private = sorted(names.private if touched is None else {param.name for param in touched} & names.private)
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
            scoped = ScopedRun(run, names)
            inner = prepare(cast("Run", scoped))

            def call(values: Values) -> None:
                seen = SeenValues(values, names)
                with scoped.over(seen):
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
                return ({names.of(name): value for name, value in turn.items()} for turn in iterations), count

            return start

        return for_run

    return bind
