"""From the values of a call to a run that can begin: planned, checked, seeded."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from ..blocks.checks.call_checks import CallChecks
from ..blocks.core.flattening import walk_scopes
from ..blocks.core.input_checks import expectations_of, input_faults
from ..blocks.core.scope import private_in
from ..blocks.core.scope_names import components_at, explained_at
from ..blocks.core.signature_block import lacks_at
from ..engine import Plan
from ..engine.planning.flow import CALLER
from ..engine.scoped_names import scope_of
from ..families.asked_members import joined
from ..guiders import guider_of
from ..guiders.arguments import two_scales
from ..state import BrickworkError, Fault, InputError, PipelineState
from ..state.defaults import own_default
from ..state.errors import did_you_mean, nearest
from ..state.given import given_names
from ..state.pipeline_state import describe_value
from ..state.plain_numbers import plain_number
from ..state.user_warnings import caller_level, user_warning
from .adapter_methods import PipelineAdapters
from .config import PipelineConfig
from .images.files import file_inputs, images_of_files
from .images.room_for_images import refuse_too_many_images
from .kept_plans import KeptPlans
from .names_of_diffusers import instead_of_input
from .recipes.recipe_of_run import Description
from .run_request import RunRequest
from .seed import (
    GENERATOR,
    SEED,
    also_by_seed,
    generators_of,
    image_count_of,
    seed_of,
    seeded_generator,
    takes_seed,
    with_seed_fault,
)

_logger = logging.getLogger("brickwork")

_MOST_REMARKS = 10_000
_SECOND = "What is given second by position is output=; inputs are given by name, as in negative_prompt=..."


class PipelineRequests(PipelineAdapters):
    """The part of a pipeline that plans runs and checks what they are given.

    Attributes:
        input_defaults: values for inputs that a call does not give.
    """

    input_defaults: dict[str, Any]
    config: PipelineConfig
    _kept: KeptPlans | None
    _editing: threading.RLock

    def described(self) -> dict[str, Any]:
        """Return the composition as data; see `brickwork.saving.composition`."""
        return self.description().data

    def description(self, process: Mapping[str, Any] | None = None) -> Description:
        """Return what is known of the composition as it is now.

        Args:
            process: what is replaced in the process, as recipes have it; without it nothing that is known is relied on.
        """
        kept = self._planned_last
        if process is None or kept.description is None or not kept.description.holds(process):
            kept.description = Description.of(self.blocks, process)
        return kept.description

    def prepare_run(self, state: PipelineState | None, output: Any, inputs: dict[str, Any]) -> RunRequest:
        """Check everything that can be known before a run."""
        inputs = {name: plain_number(value) for name, value in inputs.items()}
        replaced = {name: self._guider_of_call(name, inputs.pop(name)) for name in self.guider_names & inputs.keys()}
        carried = dict(state.values) if state is not None else {}
        own = {name: own_default(value) for name, value in self.input_defaults.items()}
        seed = seed_of(self.kept_plans(), inputs, carried, own)
        values = {**own, **carried, **inputs}
        seeded = values if seed is None else {**values, GENERATOR: seed}
        with with_seed_fault(seed):
            try:
                plan = self.plan(seeded, checked=[*inputs, *self._unknown_defaults(own)])
            except InputError as error:
                found = error.faults or (str(error),)
                raise InputError.of(
                    "The inputs do not fit", [*found, *self._also_wrong(seeded, inputs, found)]
                ) from None
            inputs = self._checked_inputs(plan, inputs)
        values.update({name: value for name, value in inputs.items() if value is not values[name]})
        refuse_too_many_images(self, image_count_of(self._planned_last, plan, values), values)
        self._check_outputs(plan, output)
        self.require(plan)
        self._check_components(plan, replaced)
        self._check_fit(plan, inputs, replaced, values)
        self._remark_on(values)
        self._remark(two_scales(replaced, inputs.get("guidance_scale")))
        if seed is not None:
            made = {**values, GENERATOR: generators_of(seed, self._planned_last, plan, values)}
            return RunRequest(plan, made, output, is_seeded=True, replaced=replaced)
        if GENERATOR in plan.reads and values.get(GENERATOR) is None:
            seeded = {**values, GENERATOR: seeded_generator()}
            return RunRequest(self.plan(seeded, checked=inputs), seeded, output, is_seeded=True, replaced=replaced)
        return RunRequest(plan, values, output, replaced=replaced)

    def _also_wrong(self, values: Mapping[str, Any], inputs: Mapping[str, Any], found: Sequence[str]) -> Iterator[str]:
        """Yield what else is wrong with inputs of which some are unknown or missing, as it would be found without these faults.

        Args:
            values: all that the run is given. inputs: those of the call. found: the faults that are known.
        """
        known = self._planned_last.input_names
        given = {name: value for name, value in values.items() if name in known}
        about = {name for fault in found if isinstance(fault, Fault) for name in fault.inputs if name in known}
        missing = [name for name in about if given.get(name) is None]
        likely = {**given, **dict.fromkeys(missing, True)}
        try:
            plan = self.plan(likely, checked=())
        except BrickworkError:
            # Not even then: what each block says of single inputs is all that can be known.
            checks = None
        else:
            checks = self._checks(plan, inputs)
        expected: Mapping[str, Sequence[Any]] = checks.annotated if checks else expectations_of(self.blocks)
        named = file_inputs(inputs, expected)
        rest = {name: value for name, value in inputs.items() if name not in named}
        more = checks.input_faults(rest, self.settings.check_values) if checks else input_faults(expected, rest)
        yield from (fault for fault in more if fault not in found)

    def _unknown_defaults(self, own: Mapping[str, Any]) -> list[str]:
        """Return the pipeline's values for inputs that there are not: they would never be used, without a word."""
        kept = self._planned_last
        return [name for name in own if name not in kept.input_names and name not in kept.group_names] if own else []

    def _remark_on(self, values: Mapping[str, Any]) -> None:
        """Log what there is to say of the inputs of a call, each text once."""
        for remarks_of in self.remarks:
            self._remark(remarks_of(self, values))

    def _remark(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self.remarked:
                _logger.warning("%s", text, stacklevel=caller_level())
            if len(self.remarked) < _MOST_REMARKS:  # a service may be given any number of texts
                self.remarked.add(text)

    def _check_components(self, plan: Plan, replaced: Mapping[str, Any]) -> None:
        """Ask the blocks of a plan whether the components of this run fit together, again only when they are others."""
        kept = self._planned_last
        held = {**self.components, **replaced}
        # Not by their ids: that of a guider which is gone is soon that of another one.
        known = kept.checked_components.get(plan, ())
        if len(known) == len(held) and all(one() is each for one, each in zip(known, held.values(), strict=True)):
            return
        paths = set(plan.paths)
        blocks = [(block, around) for path, block, around in walk_scopes(self.blocks) if path in paths]
        lacks = joined(lack for block, around in blocks for lack in lacks_at(around, block, held))
        faults = [
            *map(str, lacks),
            *(
                explained_at(around, fault)
                for block, around in blocks
                for fault in block.component_faults(components_at(around, held))
            ),
        ]
        if faults:
            raise InputError.of("The components do not fit", faults)
        kept.checked_components[plan] = tuple(map(_reference, held.values()))

    def _guider_of_call(self, name: str, given: object) -> Any:
        """Return a guider for one run; None is the pipeline's own."""
        return self.components[name] if given is None else guider_of(given)

    def plan(self, given: Iterable[str] | Mapping[str, Any] = (), checked: Iterable[str] | None = None) -> Plan:
        """Return the plan for these inputs; it is kept, so the second time costs microseconds.

        Args:
            given: names, or values by name.
            checked: those of them that must be known; all by default.

        Raises:
            InputError: inputs are unknown or missing.
        """
        values = given if isinstance(given, Mapping) else dict.fromkeys(given_names(given, "given"), True)
        if SEED in values:
            values, checked = self._by_generator(values), checked and self._by_generator(dict.fromkeys(checked, True))
        present = frozenset([name for name, value in values.items() if value is not None])
        names = values if checked is None else checked
        key = (present, frozenset(values), frozenset(names))
        plans = self.kept_plans().plans
        known = plans.get(key)
        if known is None:
            given_names(list(values), "given")
            known = plans[key] = self._checked_plan(values, names)
        return known

    def _by_generator(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return inputs with the generators for which a seed stands in a call."""
        known = self.kept_plans()
        is_meant = takes_seed([*known.input_names, *known.group_names])
        return {GENERATOR if is_meant and name == SEED else name: value for name, value in values.items()}

    @property
    def _planned_last(self) -> KeptPlans:
        """What is known of the blocks with which the last plan was made, so that all of a run is of the same blocks."""
        return self._kept or self.kept_plans()

    def kept_plans(self) -> KeptPlans:
        """Return what is known of the blocks as they are; after an edit nothing is, and components and configs that came with it are taken over."""
        kept = self._kept
        if kept is not None and kept.version.holds(self.blocks):
            return kept
        with self._editing:
            kept = self._kept
            if kept is None or not kept.version.holds(self.blocks):
                kept = KeptPlans.of(self.blocks)
                self.register(self.blocks.expected_components)
                self.config = self._completed_config(self.config)
                # Last, so that no other thread plans before components are there. If the blocks were edited meanwhile, the version says so.
                self._kept = kept
            return kept

    def _completed_config(self, known: Mapping[str, Any]) -> PipelineConfig:
        """Return settings that are known, then those of the repository, then the blocks' defaults."""
        defaults = {spec.name: spec.default for spec in self.blocks.expected_configs}
        saved = {name: value for name, value in self._index.configs.items() if name in defaults}
        return PipelineConfig({**defaults, **saved, **known})

    def _checked_plan(self, values: Mapping[str, Any], names: Iterable[str]) -> Plan:
        groups = self._planned_last.group_names
        known = [*self._planned_last.input_names, *groups]
        plan, missing = self._planned(values, known)
        unknown = [name for name in names if name not in known and not _is_read_without_writer(name, plan)]
        offered = [*known, *([SEED] if takes_seed(known) else [])]
        faults = [
            Fault(
                f"{name!r} is no input of this pipeline. {private_in(self.blocks, name) or instead_of_input(name, self.blocks, offered, self.repo_name)}"
                f"{' It stands in pipe.input_defaults.' if name in self.input_defaults else ''}",
                name,
            )
            for name in unknown
        ]
        faults += [
            Fault(
                f"{name!r} is a group of inputs: give a dict of them by name, {name}={{...}}, and no {type(values[name]).__name__}.",
                name,
            )
            for name in groups
            if values.get(name) is not None and not isinstance(values[name], Mapping)
        ]
        if plan is None:
            # An input that was given by another tool's name is not missing as well.
            instead = [fault for fault in faults if "In place of" in fault]
            left = [
                each for each in missing if not any(f" {getattr(each, 'input', None)}=" in fault for fault in instead)
            ]
            raise InputError.of("The inputs do not fit", [*faults, *left])
        said = ", ".join(values)
        faults += [
            Fault(
                f"{name!r} is read by no block that runs with these inputs ({said}); leave it out{self._read_with(name, values, known)}.",
                name,
            )
            for name in names
            if name in known and name not in plan.reads and values[name] is not None
        ]
        if faults:
            raise InputError.of("The inputs do not fit", faults)
        return plan

    def _read_with(self, name: str, values: Mapping[str, Any], known: Sequence[str]) -> str:
        """Say with which other input a block would read one, as `strength` is read with an image."""
        for other in known:
            if values.get(other) is None:
                plan = self._planned({**values, other: True}, known)[0]
                if plan is not None and name in plan.reads:
                    return f", or give {other}, with which it is read"
        return ""

    def _planned(self, values: Mapping[str, Any], known: Sequence[str]) -> tuple[Plan | None, list[str]]:
        """Return the plan for these inputs; where there is none, what is missing."""
        try:
            return self.blocks.plan(values), []
        except InputError as error:
            return None, [also_by_seed(fault, known) for fault in error.faults or [str(error)]]

    def _checks(self, plan: Plan, inputs: Mapping[str, Any]) -> CallChecks:
        known = self._planned_last.checks
        if plan not in known:
            known[plan] = CallChecks.of(self.blocks, plan)
        return known[plan].of_taken(inputs)

    def _checked_inputs(self, plan: Plan, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return what the caller gave, with images in place of paths, if nothing is wrong with it."""
        checks = self._checks(plan, inputs)
        named = file_inputs(inputs, checks.annotated)
        read, unread = images_of_files(inputs, named)
        found = {**inputs, **read} if named else inputs
        self._check_values(
            plan, {n: v for n, v in found.items() if n in read or n not in named} if unread else found, unread
        )
        return found

    def _check_values(self, plan: Plan, inputs: Mapping[str, Any], unread: Sequence[str] = ()) -> None:
        checks = self._checks(plan, inputs)
        faults = [*unread, *checks.input_faults(inputs, with_shapes=self.settings.check_values)]
        if faults:
            raise InputError.of("The inputs do not fit", faults)
        for text in input_faults(checks.hinted, inputs):
            user_warning(f"By the hint of a foreign block, {text}")

    def _check_fit(
        self, plan: Plan, inputs: Mapping[str, Any], replaced: Mapping[str, Any], known: Collection[str]
    ) -> None:
        """Look at inputs beside components, at every run: models may be cast in place."""
        held = {**self.components, **replaced} if replaced else self.components
        checks = self._checks(plan, inputs)
        awaited = [name for name, each in held.items() if each is None and not self.may_be_none(name)]
        faults = checks.fit_faults(inputs, held, self.config, self.device, known, awaited)
        # Last, because it says that two differ, and not which of them is wrong.
        if not faults and self.settings.check_values:
            faults = checks.size_faults(inputs)
        if faults:
            raise InputError.of("Inputs and components do not fit", faults)

    def _check_outputs(self, plan: Plan, output: str | list[str] | None) -> None:
        names = [output] if isinstance(output, str) else [] if output is None else output
        if not isinstance(names, (list, tuple, Set)) or not all(isinstance(name, str) for name in names):
            raise InputError(
                f"output is {describe_value(output)}; it is the name of a value that is returned, or a list of names. "
                f"{did_you_mean('', plan.outputs)} {_SECOND}"
            )
        unknown = [name for name in names if name not in plan.outputs]
        if unknown:
            near = any(nearest(name, plan.outputs) for name in unknown)
            faults = [f"{name!r} is no output of this run. {did_you_mean(name, plan.outputs)}" for name in unknown]
            faults[-1] += "" if near else f" {_SECOND}"
            raise InputError.of("The outputs do not fit", faults)


def _is_read_without_writer(name: str, plan: Plan | None) -> bool:
    """Return whether a block reads a value that others write only with other inputs, so that the caller may give it."""
    if plan is None or scope_of(name):
        return False  # what is private to a scope is given by no caller
    reads = plan.flow.reads_of(name)
    return any(version.writer == CALLER for read in reads for version in read.sources.versions)


def _reference(component: object) -> Callable[[], object]:
    """Return what gives a component back while it lives, and does not keep it alive where its class allows that."""
    try:
        return weakref.ref(component)
    except TypeError:
        return lambda: component
