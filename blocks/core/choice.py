"""Blocks of which one runs: chosen by which inputs are there, or by a function of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from attrs import evolve

from ...engine import ChoiceNode, Node
from ...engine.conditions import Condition
from ...engine.nodes import Values
from ...state import CompositionError, DeclarationError, Fault, InputError, InputParam, OutputParam, RunError
from ...state.params import with_defaults_of_branches
from ...state.types import type_words
from .base import ModularPipelineBlocks
from .choice_declaration import check_triggers, trigger_params
from .container import Container, assigns
from .flattening import Flattening, joined
from .interface import merged_inputs
from .sequential import SequentialPipelineBlocks


class ConditionalPipelineBlocks(Container):
    """Runs the block that `select_block` names; it is decided in the run, from values.

    Attributes:
        block_trigger_inputs: names of the values that `select_block` takes.
        default_block_name: the branch where `select_block` returns None; without it nothing runs.
    """

    _is_framework_base: ClassVar[bool] = True

    block_trigger_inputs: ClassVar[Any] = ()
    default_block_name: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        check_triggers(cls)

    def select_block(self, **values: Any) -> str | None:
        """Return the name of the block to run, given the trigger values (None for absent ones)."""
        raise NotImplementedError(f"{type(self).__name__} must define select_block(**values).")

    @property
    def trigger_names(self) -> list[str]:
        """Names of the values that decide."""
        return list(dict.fromkeys(name for name in self.block_trigger_inputs if name))

    @property
    def trigger_params(self) -> list[InputParam]:
        """The values that decide, as `select_block` takes them."""
        return trigger_params(type(self), self.trigger_names)

    @property
    def inputs(self) -> list[InputParam]:
        """The values that any branch reads, and the triggers; required only where every branch or the choice requires it."""
        # Once for each branch: a nested choice asks its own branches, so that each further question would double the work with every level.
        read = {name: block.all_inputs for name, block in self.sub_blocks.items()}
        required = [{param.name for param in params if param.required and param.name} for params in read.values()]
        # Where nothing may run, nothing is needed.
        always = set.intersection(*required) if required and self.has_default else set()
        params = [
            param if param.required is (param.name in always) else evolve(param, required=param.name in always)
            for param in with_defaults_of_branches(read)
        ]
        return merged_inputs([*params, *self.trigger_params])

    @property
    def has_default(self) -> bool:
        """True if a branch runs in every case."""
        return self.default_branch is not None

    @property
    def default_branch(self) -> str | None:
        """The branch that runs where `select_block` returns None."""
        return self.default_block_name

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """The values that any branch writes."""
        outputs = {o.name: o for block in self.sub_blocks.values() for o in block.intermediate_outputs}
        return list(outputs.values())

    def choose(self, flattening: Flattening) -> tuple[bool, str | None]:
        """Return whether the choice can be decided before the run, and the branch: by values, where all of them are known."""
        values = None if flattening.known is None else self._known_values(flattening, flattening.known)
        if values is None:
            return False, None
        try:
            chosen = self.select_block(**values)
        # True may stand for a value of which it asks more; the run decides then.
        except Exception:  # noqa: BLE001 - of code of others
            return False, None
        return True, chosen if chosen is not None else self.default_branch

    def _known_values(self, flattening: Flattening, known: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the values that decide, None where one is not known before the run."""
        values: dict[str, Any] = {}
        for param in self.trigger_params:
            name = str(param.name)
            outside = flattening.outside_name(name)
            if outside is not None and outside in known:
                values[name] = known[outside]
            elif flattening.may_find(name) and flattening.counts_written:
                values[name] = True
            elif flattening.may_find(name) or flattening.has(name) or param.required:
                return None
            else:
                values[name] = param.default
        return values

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return the steps of the chosen branch, or a step that chooses in the run."""
        name = path or type(self).__name__
        if not self.sub_blocks:
            raise CompositionError(f"{name} is empty: it has no branches.")
        found: list[Node] = []
        # Where it is open first: a step that chooses stands before its branches, also before those which others than it have chosen.
        for way, (is_decided, branch) in sorted(flattening.outcomes(self.choose), key=lambda each: each[1][0]):
            found += self._chosen(branch, way, path) if is_decided else way.placed([self._open(way, path)])
        return found

    def _chosen(self, branch: str | None, flattening: Flattening, path: str) -> list[Node]:
        """Return the steps of a branch that the caller's inputs choose."""
        name = path or type(self).__name__
        self._note_skipped(branch, flattening, name)
        if branch is None:
            return []

        def steps_of(way: Flattening) -> list[Node]:
            self.check_required(branch, way, name)
            way.note_taken(joined(path, branch))
            return self[branch].steps(way, joined(path, branch))

        return [step for way, steps in flattening.outcomes(steps_of) for step in way.placed(steps)]

    def _open(self, flattening: Flattening, path: str) -> ChoiceNode:
        """Return the step that chooses in the run."""
        branches: dict[str, tuple[Node, ...]] = {}
        guards: dict[str, Condition] = {}
        asked = [(key, flattening.outcomes(partial(self.may_run, key))) for key in self.sub_blocks]
        # Each branch from the same beginning: what one writes is not there in another.
        walks = {key: way.branched() for key, answers in asked for way, may_run in answers if may_run}
        for key, walk in walks.items():
            steps = walk.outcomes(lambda way, key=key: self[key].steps(way, joined(path, key)))  # type: ignore[misc]
            branches[key] = tuple(step for way, part in steps for step in way.placed(part))
            guards[key] = walk.guard
            walk.note_taken(joined(path, key))
        # Anything that some branch writes may be there afterwards, so later choices on it are open, too.
        flattening.rejoin(walks.values())
        name, reads = path or type(self).__name__, tuple(self.trigger_params)
        select = partial(self._select, name, reads)
        return ChoiceNode(name, reads, branches, select, self.has_default, guards=guards)

    def _select(self, path: str, reads: Sequence[InputParam], values: Values) -> str | None:
        """Choose in the run.

        Raises:
            RunError: what `select_block` needs is not there.
        """
        given = {str(param.name): values.get(str(param.name)) for param in reads}
        for param in reads:
            if param.required and given[str(param.name)] is None:
                raise RunError(
                    f"{path}: select_block needs {param.name!r} ({type_words(param.type_hint)}), which nobody gives in this run. "
                    f"Pass {param.name}=..., or write {param.name}: {type_words(param.type_hint)} | None in select_block."
                )
        chosen = self.select_block(**given)
        return chosen if chosen is not None else self.default_branch

    def assigns(self, name: str) -> bool:
        """Return whether every branch assigns an input anew, and one of them is sure to run."""
        return self.has_default and all(assigns(branch, name) for branch in self.sub_blocks.values())

    def get_execution_blocks(self, *names: str, **values: object) -> ModularPipelineBlocks | None:
        """Return the branch that runs with these inputs; None where the choice runs nothing, as in diffusers."""
        found = super().get_execution_blocks(*names, **values)
        return None if isinstance(found, SequentialPipelineBlocks) and not found.sub_blocks else found

    def decided(self, flattening: Flattening) -> ModularPipelineBlocks:
        """Return the branch that runs, its own choices decided; what can only be decided in the run stays a choice."""
        is_decided, branch = self.choose(flattening)
        if not is_decided:
            # For the choices behind this one.
            flattening.note_written(output.name for output in self.intermediate_outputs)
            return self
        return SequentialPipelineBlocks() if branch is None else self.sub_blocks[branch].decided(flattening)

    def may_run(self, branch: str, flattening: Flattening) -> bool:
        """Return whether the run may take a branch, where it decides: where nothing that it asks for can be there, only one.

        The run decides all the same, and refuses a branch that was not foreseen.
        """
        values = None if flattening.keeps_choices else self._known_values(flattening, {})
        if not values:
            return True
        try:
            chosen = self.select_block(**values)
        except Exception:  # noqa: BLE001 - of code of others; the run shows it
            return True
        foreseen = chosen if chosen is not None else self.default_branch
        return foreseen is None or foreseen == branch or foreseen not in list(self.sub_blocks)

    def _note_skipped(self, branch: str | None, flattening: Flattening, path: str) -> None:
        others = [key for key in self.sub_blocks if key != branch]
        if others:
            given = ", ".join(name for name in self.trigger_names if flattening.outside_name(name) in flattening.given)
            reason = f"{given} given" if given else f"{' and '.join(self.trigger_names)} not given"
            flattening.skipped[path] = f"{', '.join(others)} ({reason})"

    def check_required(self, branch: str, flattening: Flattening, path: str) -> None:
        """Refuse a branch whose other conditions do not hold; see `AutoPipelineBlocks.block_requires`."""


class AutoPipelineBlocks(ConditionalPipelineBlocks):
    """Runs the first block whose trigger input is there (not None); a trigger of None is the default.

    Attributes:
        block_trigger_inputs: one per block, in the order of priority.
        block_requires: block name to inputs that must be there as well, for a clear error where they are not.

    Example:
        >>> class Auto(AutoPipelineBlocks):
        ...     block_classes = [Inpaint, FromImage, FromText]
        ...     block_names = ["inpaint", "image", "text"]
        ...     block_trigger_inputs = ["mask", "image", None]
        ...     block_requires = {"inpaint": ["image"]}
        >>> Auto().select_block(mask=None, image="an image")
        'image'
    """

    _is_framework_base: ClassVar[bool] = True

    block_requires: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        triggers, names = list(cls.block_trigger_inputs), list(cls.block_names)
        if len(triggers) != len(names):
            raise DeclarationError(
                f"{cls.__qualname__} lists {len(names)} block_names and {len(triggers)} block_trigger_inputs; "
                "give one trigger per block, None for the default."
            )
        if None in triggers[:-1]:
            raise DeclarationError(
                f"{cls.__qualname__}: the default ({names[triggers.index(None)]!r}, trigger None) must come last, "
                "or the blocks after it can never run."
            )

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """Block names with their triggers, in the order of priority.

        Raises:
            CompositionError: a block was taken out of the choice, or put in, so that nothing says what triggers which.
        """
        triggers = list(self.block_trigger_inputs)
        if len(self.sub_blocks) != len(triggers):
            raise CompositionError(
                f"{type(self).__name__} has one trigger per block ({', '.join(map(repr, triggers))}), and "
                f"{len(self.sub_blocks)} blocks ({', '.join(map(repr, self.sub_blocks))}): give it a block for each, or declare a "
                "choice of your own."
            )
        return list(zip(self.sub_blocks, self.block_trigger_inputs, strict=True))

    @property
    def has_default(self) -> bool:
        """True if a branch runs in every case."""
        return None in self.block_trigger_inputs

    @property
    def default_branch(self) -> str | None:
        """The block whose trigger is None."""
        return next((name for name, trigger in self.pairs if trigger is None), None)

    def select_block(self, **values: Any) -> str | None:
        """Return the first block whose trigger has a value; None for the default, as in diffusers."""
        return next((name for name, trigger in self.pairs if trigger and values.get(trigger) is not None), None)

    def choose(self, flattening: Flattening) -> tuple[bool, str | None]:
        """Decide by the given names; a trigger that a block writes in the run can only be decided there."""
        if flattening.keeps_choices:
            return False, None
        for name, trigger in self.pairs:
            # In the order of priority: an open trigger leaves all that come after it open.
            if trigger is not None and flattening.may_find(trigger) and not flattening.surely_has(trigger):
                if flattening.counts_written:
                    return True, name
                return False, None
            if trigger is None or flattening.has(trigger):
                # Noted as read: a plan is only good for names that decide in the same way.
                flattening.note_triggers([trigger] if trigger else [])
                return True, name
        return True, None

    def may_run(self, branch: str, flattening: Flattening) -> bool:
        """Return whether the trigger of a branch is given, or may be written in the run; the default may always run."""
        trigger = dict(self.pairs)[branch]
        return flattening.keeps_choices or trigger is None or flattening.may_find(trigger) or flattening.has(trigger)

    def check_required(self, branch: str, flattening: Flattening, path: str) -> None:
        """Raise InputError if the branch was triggered without the inputs that it requires beside the trigger."""
        needed = self.block_requires.get(branch, ())
        flattening.note_triggers(needed)
        missing = flattening.lacking(needed)
        if missing:
            trigger = dict(self.pairs)[branch]
            text = (
                f"{path}: {trigger!r} was given, which selects {branch!r}; that also needs "
                f"{', '.join(map(repr, missing))}, which was not given."
            )
            fault = flattening.explained(Fault(text, *missing, str(trigger)))
            raise InputError.of("Inputs are missing", [fault])

    @property
    def trigger_text(self) -> str:
        """The triggers and what each of them starts, in words."""
        lines = [
            f"{name!r} runs when {trigger!r} is given" if trigger else f"{name!r} runs otherwise"
            for name, trigger in self.pairs
        ]
        if not self.has_default:
            lines.append("nothing runs otherwise")
        return "; ".join(lines) + "."
