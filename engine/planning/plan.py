"""A plan: steps whose reads are bound to who gives them. Made once per set of given names, run many times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial

from attrs import field, frozen

from ...state import CompositionError, InputError, PipelineState
from ..events import RunStarted, RunWarning
from ..execution.executor import Executable, execute
from ..execution.uses import uses_of
from ..execution.value_checks import ClassesOf, checked
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node, Values, all_nodes, leaves
from ..position import Position
from ..run import Run
from ..scoped_names import scope_of
from .cache_units import iteration_of, unit_of
from .dataflow import trace
from .explain import Explanation, explain
from .flow import CALLER, Dataflow
from .graph import Graph, make_graph
from .liveness import dead_after_iteration, live_after, releases_of
from .plan_checks import OtherWriters, find_faults, find_warnings, missing_inputs, nobody
from .stages import Devices, StageProfile, Stages, stages_of

_NOTHING: Mapping[str, str] = {}


@frozen(eq=False, repr=False)
class Plan:
    """Steps in order, checked and bound for one set of given names.

    Attributes:
        steps: what runs. given: the names that the caller gives.
        outputs: every name that can be asked for. reads: every name that some step reads.
        groups: group name to the value names in it.
        provenance: value name to the path of its last writer.
        components: names of the components that are needed, in order of first use.
        mutates: components of which every run gets its own clone.
        trains: components whose weights a step changes.
        flow: who gives each value to whom. warnings: what looks wrong and may be meant.
        skipped: path of a choice to the branches that do not run, and why.
    """

    steps: tuple[Node, ...]
    given: frozenset[str]
    outputs: frozenset[str]
    reads: frozenset[str]
    groups: dict[str, list[str]]
    provenance: dict[str, str]
    components: tuple[str, ...]
    mutates: frozenset[str]
    trains: frozenset[str]
    flow: Dataflow
    warnings: tuple[str, ...]
    skipped: Mapping[str, str]
    _executables: tuple[Executable, ...]
    _known_releases: dict[frozenset[str], Mapping[str, tuple[str, ...]]] = field(factory=dict, init=False)
    _known_dead: dict[tuple[str, frozenset[str]], frozenset[str]] = field(factory=dict, init=False)

    @cached_property
    def last_use(self) -> dict[str, str]:
        """Value name to the path of the step that reads it last; values that nobody reads are not in it."""
        return {str(read.param.name): read.path for read in self.flow.reads if read.sources.versions}

    def users_of(self, components: Collection[str]) -> list[str]:
        """Return the paths of the steps that use any of these components, in order."""
        return [
            step.path
            for step in all_nodes(self.steps)
            if not set(getattr(step, "components", ())).isdisjoint(components)
        ]

    @cached_property
    def component_last_use(self) -> dict[str, str]:
        """Component name to the path of the last step that computes with it."""
        # As if nothing fitted together, so that loops are taken apart to the step that uses it.
        return {name: use.path for use in uses_of(self.steps, lambda *_: False) for name in use.names}

    @cached_property
    def graph(self) -> Graph:
        """The plan as an image: steps, and the values between them."""
        return make_graph(self.steps, self.flow)

    def explain(self, sizes: Mapping[str, int] | None = None, notes: Sequence[str] = ()) -> Explanation:
        """Return the plan as a table: what runs, reads, writes, uses, is skipped. `sizes` are bytes of components."""
        return explain(self, sizes, notes)

    def __repr__(self) -> str:
        return str(self.explain())

    def _repr_html_(self) -> str:
        return self.explain()._repr_html_()

    def default_of(self, name: str) -> object:
        """Return what is read where neither caller nor block gives a value; None where nobody reads it so, or several read others."""
        outside = self.flow.outside_name
        # What a scope hands on has no default; it is asked of who reads it inside.
        handing = {leaf.path for leaf in leaves(self.steps) if leaf.hands_on} if self.flow.outside else ()
        reads = [
            each.param
            for each in self.flow.reads
            if outside(str(each.param.name)) == name and not each.sources.versions and each.path not in handing
        ]
        found = [each.default for each in reads if not each.required]
        return found[0] if found and all(each == found[0] for each in found) else None

    @property
    def paths(self) -> list[str]:
        """Paths of the leaf steps, in order."""
        return [step.path for step in leaves(self.steps)]

    def live_after(self, asked: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return, for each top-level step, the values that are there when it is done, if these are asked for in the
        end.
        """
        return live_after(self.steps, self.flow, frozenset(asked), self.given)

    def stages(self, devices: Devices, profile: StageProfile, before: Sequence[str] | None = None) -> Stages:
        """Cut the plan into stages on devices of their own, or say why the whole of it on each of them does better.

        Args:
            devices: names, each with its memory ("24GB", bytes, or None for more than is needed), in the order in which stages follow each
                other: `{"cuda:0": "24GB", "cuda:1": "24GB"}`, or `[("cpu", "8GB"), ("cpu", "8GB")]`. profile: as `scale.stage_profile` measures it.
            before: steps before which it is cut, whatever that is worth; None looks for the best cut.

        Raises:
            InputError: the profile is of another plan, no device holds what a step computes with, or it cannot be cut there.
        """
        return stages_of(self, devices, profile, before)

    def _releases(self, asked: frozenset[str] | None) -> Mapping[str, tuple[str, ...]]:
        if asked is None:
            return {}
        known = self._known_releases.get(asked)
        if known is None:
            known = self._known_releases[asked] = releases_of(self.steps, self.flow, asked)
        return known

    def dead_after(self, position: Position, asked: frozenset[str] | None) -> frozenset[str]:
        """Return what blocks of a loop have written that nobody needs any more at the end of its iteration; none anywhere else.

        Args:
            asked: the values that are wanted in the end; None keeps all.
        """
        last = position[-1]
        # A loop in another one begins anew with what it finds, so what it leaves may be read again.
        if asked is None or last.iteration is None or len(position) > 1:
            return frozenset()
        key = last.path, asked
        if key not in self._known_dead:
            self._known_dead[key] = dead_after_iteration(self.steps, self.flow, last.path, asked)
        return self._known_dead[key]

    def _advice(self, path: str) -> Sequence[str]:
        return next((leaf.advice for leaf in leaves(self.steps) if leaf.path == path), ())

    def run(
        self, values: Values, make_run: Callable[[frozenset[str]], Run], asked: frozenset[str] | None = None
    ) -> PipelineState:
        """Run all steps over a dict of values, which becomes the returned state's own.

        Args:
            asked: the values that are wanted in the end; all others are let go of after their last use. None keeps all.
        """
        groups = {group: list(names) for group, names in self.groups.items()}
        state = PipelineState(values, groups, dict(self.provenance))
        run = make_run(self.mutates)
        run.state, run.trains = state, self.trains
        run.advice = self._advice
        if run.tracker is not None:
            run.tracker.begin(run)
        if run.emit is not None:
            run.emit(RunStarted(tuple(self.paths)))
            for text in self.warnings:
                run.emit(RunWarning("", text))
        execute(self._executables, run, state, self._releases(asked))
        return state


def make_plan(
    steps: Sequence[Node],
    given: Iterable[str],
    also_read: Iterable[str] = (),
    skipped: Mapping[str, str] = _NOTHING,
    others: OtherWriters = nobody,
) -> Plan:
    """Bind every step's reads for a set of given names, and check that they fit.

    Args:
        also_read: names that were read to choose these steps. skipped: choices to branches that were not chosen.
        others: says who of those would write a value.

    Raises:
        InputError: required inputs that nobody gives, all of them.
        CompositionError: blocks do not fit together; missing inputs are named with it.
    """
    given = frozenset(given)
    flow = trace(steps, given)
    # Both are found before either is raised: who composes blocks wants to hear of all of it at once, and a plan that
    # does not fit may be why something is missing.
    missing, faults = missing_inputs(flow, others), find_faults(flow)
    if faults:
        raise CompositionError.of("The blocks do not fit together", [*faults, *missing])
    if missing:
        raise InputError.of("Inputs are missing", missing)
    trains = trained(steps)
    return Plan(
        steps=tuple(steps),
        given=given,
        outputs=frozenset(flow.final),
        reads=frozenset(str(read.param.name) for read in flow.reads) | frozenset(also_read),
        groups=_groups(steps, given),
        provenance=flow.provenance,
        components=tuple(dict.fromkeys(name for step in all_nodes(steps) for name in getattr(step, "components", ()))),
        mutates=frozenset(name for step in all_nodes(steps) for name in getattr(step, "mutates", ())),
        trains=trains,
        flow=flow,
        warnings=tuple(find_warnings(flow)),
        skipped=dict(skipped),
        executables=tuple(map(_Binding(flow, trains).bound, steps)),
    )


def trained(steps: Iterable[Node]) -> frozenset[str]:
    """Return the components whose weights steps change."""
    return frozenset(name for step in all_nodes(steps) for name in getattr(step, "trains", ()))


def _groups(steps: Sequence[Node], given: frozenset[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for leaf in leaves(steps):
        named = [(param.kwargs_type, param.name) for param in leaf.writes]
        named += [(param.kwargs_type, str(param.name)) for param in leaf.reads if param.name in given]
        for group, name in named:
            # What is private to a scope is of its groups alone, which it makes for its foreign blocks.
            if group and not scope_of(name) and name not in groups.setdefault(group, []):
                groups[group].append(name)
    return groups


_OF_ITSELF = {"generator"}
"""What a pipeline gives where the caller gives none."""


@frozen(eq=False)
class _Binding:
    """Makes steps of a plan ready to run.

    Attributes:
        trains: components whose weights change in the run, so that no result of theirs is kept.
        classes: what the types of values say of their classes, for all steps of the plan that write a value of one name and type.
    """

    flow: Dataflow
    trains: frozenset[str] = frozenset()
    classes: ClassesOf = field(factory=ClassesOf)

    def bound(self, step: Node, in_loop: bool = False) -> Executable:
        """Bind a step, and what is in it."""
        if isinstance(step, BlockNode):
            return self._block(step, in_loop)
        if isinstance(step, LoopNode):
            return self._loop(step, in_loop)
        branches = {name: self._all(branch, in_loop) for name, branch in step.branches.items()}
        # Not in each iteration.
        unread = {} if in_loop else self._unread(step)
        return Executable(step.path, branches=branches, select=step.select, unread=unread)

    def _unread(self, step: ChoiceNode) -> dict[str, list[str]]:
        """Return for each branch the caller's values that others of the choice read, and neither it nor a step elsewhere does."""
        read: dict[str | None, set[str]] = {}
        for each in self.flow.reads:
            if any(version.writer == CALLER for version in each.sources.versions):
                read.setdefault(dict(each.branch).get(step.path), set()).add(str(each.param.name))
        elsewhere, within = read.pop(None, set()) | _OF_ITSELF, set[str]().union(*read.values())
        return {name: sorted(within - read.get(name, set()) - elsewhere) for name in step.branches}

    def _all(self, steps: Iterable[Node], in_loop: bool) -> tuple[Executable, ...]:
        return tuple([self.bound(step, in_loop) for step in steps])

    def _block(self, step: BlockNode, in_loop: bool) -> Executable:
        # Within a loop the iteration is the smallest thing that is kept: a key costs as much as many small
        # blocks, and intermediate results of every block in every iteration would fill the cache.
        # To give a value another name costs less than to look up what that gives.
        is_kept = not (in_loop or step.opens or step.closes or self.trains.intersection(step.components))
        return Executable(
            step.path,
            prepare=step.bind(self.flow.presence[id(step)]),
            checked=checked(step, partial(self.flow.givers, step.path), self.classes),
            writes=tuple([param.name for param in step.writes]),
            mutates=step.mutates,
            uses=tuple(sorted(step.weights)),
            # Foreign code may read what it does not declare.
            takes=frozenset(str(param.name) for param in step.reads) if step.typed else None,
            find_unit=partial(unit_of, step, self.flow) if is_kept else None,
        )

    def _loop(self, step: LoopNode, in_loop: bool) -> Executable:
        # Only what goes from iteration to iteration is watched for NaN, and what a block names: a temporary may hold one for a reason.
        carried = {read.param.name for read in self.flow.reads if read.is_carried}
        written = dict.fromkeys(param.name for leaf in leaves(step.body) for param in leaf.writes)
        variables = tuple(variable.name for variable in step.variables)
        watched = {name for leaf in leaves(step.body) for name in leaf.finite}
        is_kept = self.trains.isdisjoint(name for each in all_nodes([step]) for name in getattr(each, "components", ()))
        return Executable(
            step.path,
            reads=tuple(str(param.name) for param in step.reads),
            body=self._all(step.body, in_loop=True),
            prepare_iterations=step.bind_iterations(self.flow.presence[id(step)]),
            # Not the loop's variables, whoever writes them in it: they end with it.
            keeps=frozenset(written).difference(variables),
            carried=tuple(name for name in written if name in carried),
            finite=tuple(name for name in written if name in carried or name in watched),
            gradients=step.gradients,
            variables=variables,
            find_unit=partial(unit_of, step, self.flow) if is_kept and not in_loop else None,
            find_iteration=partial(iteration_of, step, self.flow) if is_kept and not in_loop else None,
        )
