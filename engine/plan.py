"""A plan: steps whose reads are bound to who gives them. Made once per set of given names, run many times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field, frozen

from ..state import InputError, InputParam, PipelineState
from ..state.errors import nearest
from ..state.types import type_words
from .executor import Executable, execute
from .isolation import RunComponents
from .settings import RunSettings
from .steps import ChoiceStep, LeafStep, LoopStep, Presence, Step, Values, all_steps, leaves


@define(eq=False)
class Run:
    """What one run of a plan shares.

    Attributes:
        components: the pipeline's, with clones of those that the run changes.
        configs: the pipeline's settings by name. view: what foreign blocks know as `components`.
        state: what the run writes; the plan sets it.
    """

    components: RunComponents
    configs: Mapping[str, Any]
    view: Any
    device: Any
    settings: RunSettings
    state: PipelineState = field(factory=PipelineState)


@frozen(eq=False)
class Plan:
    """Steps in order, checked and bound for one set of given names.

    Attributes:
        steps: what runs. given: the names that the caller gives.
        outputs: every name that can be asked for. reads: every name that some step reads.
        groups: group name to the value names in it.
        provenance: value name to the path of its last writer.
        components: names of the components that are needed, in order of first use.
        mutates: components of which every run gets its own clone.
    """

    steps: tuple[Step, ...]
    given: frozenset[str]
    outputs: frozenset[str]
    reads: frozenset[str]
    groups: dict[str, list[str]]
    provenance: dict[str, str]
    components: tuple[str, ...]
    mutates: frozenset[str]
    _executables: tuple[Executable, ...] = field(repr=False)

    @property
    def paths(self) -> list[str]:
        """Paths of the leaf steps, in order."""
        return [step.path for step in leaves(self.steps)]

    def run(self, values: Values, make_run: Callable[[frozenset[str]], Run]) -> PipelineState:
        """Run all steps over a dict of values, which becomes the returned state's own."""
        groups = {group: list(names) for group, names in self.groups.items()}
        state = PipelineState(values, groups, dict(self.provenance))
        run = make_run(self.mutates)
        run.state = state
        execute(self._executables, run, state)
        return state


@define
class _Scope:
    """What is known while the steps are walked in order."""

    known: set[str]
    maybe: set[str] = field(factory=set)
    missing: dict[str, tuple[list[str], InputParam, str | None]] = field(factory=dict)
    provenance: dict[str, str] = field(factory=dict)

    def presence(self) -> Presence:
        return Presence(frozenset(self.known), frozenset(self.maybe - self.known))

    def check(self, path: str, reads: Sequence[InputParam]) -> None:
        for param in reads:
            name = param.name
            if not name or not param.required or name in self.known or name in self.maybe:
                continue
            near = nearest(name, self.known | self.maybe)
            if near in self.provenance:
                near = f"{near!r} (from {self.provenance[near]})"
            elif near is not None:
                near = repr(near)
            paths = self.missing.setdefault(name, ([], param, near))[0]
            if path not in paths:
                paths.append(path)

    def write(self, path: str, names: Iterable[str]) -> None:
        for name in names:
            self.known.add(name)
            self.provenance[name] = path


def make_plan(steps: Sequence[Step], given: Iterable[str], also_read: Iterable[str] = ()) -> Plan:
    """Bind every step's reads for a set of given names.

    Args:
        also_read: names that were read to choose these steps.

    Raises:
        InputError: required inputs that nobody gives, all of them.
    """
    given = frozenset(given)
    scope = _Scope(known=set(given))
    executables = tuple(_bind(step, scope) for step in steps)
    if scope.missing:
        raise InputError.of("Inputs are missing", [_missing(*found) for found in scope.missing.values()])
    read = {read.name for step in all_steps(steps) for read in step.reads if read.name}
    groups: dict[str, list[str]] = {}
    for leaf in leaves(steps):
        named = [(param.kwargs_type, param.name) for param in leaf.writes]
        named += [(param.kwargs_type, str(param.name)) for param in leaf.reads if param.name in given]
        for group, name in named:
            if group and name not in groups.setdefault(group, []):
                groups[group].append(name)
    return Plan(
        tuple(steps),
        given,
        frozenset(scope.known | scope.maybe),
        frozenset(read) | frozenset(also_read),
        groups,
        scope.provenance,
        tuple(dict.fromkeys(name for step in all_steps(steps) for name in getattr(step, "components", ()))),
        frozenset(name for step in all_steps(steps) for name in getattr(step, "mutates", ())),
        executables,
    )


def _missing(paths: list[str], param: InputParam, near: str | None) -> str:
    others = f" (and so do {', '.join(paths[1:])})" if len(paths) > 1 else ""
    hint = f" Nearest: {near}." if near else ""
    return (
        f"{paths[0]} needs {param.name!r} ({type_words(param.type_hint)}){others}; it was not given, and no earlier "
        f"block gives it.{hint} Pass {param.name}=..."
    )


def _bind(step: Step, scope: _Scope) -> Executable:
    if isinstance(step, LeafStep):
        return _bind_leaf(step, scope)
    if isinstance(step, LoopStep):
        return _bind_loop(step, scope)
    return _bind_choice(step, scope)


def _bind_leaf(step: LeafStep, scope: _Scope) -> Executable:
    scope.check(step.path, step.reads)
    presence = scope.presence()
    scope.write(step.path, [param.name for param in step.writes])

    return Executable(step.path, prepare=step.bind(presence))


def _bind_loop(step: LoopStep, scope: _Scope) -> Executable:
    scope.check(step.path, step.reads)
    outer = scope.presence()
    inner = evolve(scope, known=set(scope.known), maybe=set(scope.maybe))
    inner.write(step.path, [param.name for param in step.variables])
    # What a later block of the body writes is there from the second turn on; its first value is the outer one.
    inner.maybe |= {param.name for leaf in leaves(step.body) for param in leaf.writes}
    _check_first_turn(step, scope)
    body = tuple(_bind(part, inner) for part in step.body)
    variables = {param.name for param in step.variables}
    # A loop may take no turn at all, so what only its body writes is not certain after it.
    scope.maybe |= (inner.known | inner.maybe) - variables
    for name in variables:
        inner.provenance.pop(name, None)

    return Executable(
        step.path,
        body=body,
        prepare_turns=step.bind_turns(outer),
        keeps=frozenset(param.name for leaf in leaves(step.body) for param in leaf.writes),
    )


def _check_first_turn(step: LoopStep, scope: _Scope) -> None:
    """Find reads of the body that nobody has written before them in the first turn."""
    written = set(scope.known) | set(scope.maybe) | {param.name for param in step.variables}
    _probe(step.body, evolve(scope, known=written, maybe=set()))


def _probe(steps: Sequence[Step], probe: _Scope) -> None:
    for step in steps:
        if isinstance(step, ChoiceStep):
            probe.known |= {param.name for leaf in leaves([step]) for param in leaf.writes}
            continue
        probe.check(step.path, step.reads)
        if isinstance(step, LoopStep):
            probe.known |= {param.name for param in step.variables}
            _probe(step.body, probe)
        else:
            probe.known |= {param.name for param in step.writes}


def _bind_choice(step: ChoiceStep, scope: _Scope) -> Executable:
    before = set(scope.known)
    branches = {}
    after: list[set[str]] = []
    for name, steps in step.branches.items():
        # Inputs that only this branch needs are its own business: it says so when it is taken.
        inner = evolve(scope, known=set(before), maybe=set(scope.maybe), missing={})
        branches[name] = tuple(_bind(part, inner) for part in steps)
        after.append(inner.known | inner.maybe)
    scope.maybe |= set().union(*after) - before if after else set()
    return Executable(step.path, branches=branches, select=step.select)
