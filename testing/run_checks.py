"""Checks of single runs: that it runs, writes what it declares, the same again, and edits nothing that it was given."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..blocks.core.arguments import run_caller
from ..blocks.core.block import Block
from ..engine.execution.checkpoint import are_generators
from ..engine.execution.process_chance import process_chance
from ..engine.execution.value_checks import classes_of, expected_of, find_class_fault, find_fault
from ..registry.identity.component_identity import identity_of
from ..state import ComponentError, InputError, NoDigestError, Outputs, RunError
from ..state.errors import did_you_mean
from ..state.pipeline_state import describe_value
from ..state.vocabulary import value_of
from .block_report import BlockFault
from .block_runs import BlockRuns, Values, content, differences, seeded
from .made_values import own_values, tensors_in

MADE_OF = "Python, NumPy or torch"
Marks = dict[str, tuple[str, ...]]


class RefusedError(Exception):
    """The block refused inputs in words, as it may."""


class NotToldError(Exception):
    """A check says nothing of this block, and why."""


def examine(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Run a block twice with the same inputs, and say what is wrong with that.

    Raises:
        RefusedError: it refuses these inputs.
    """
    given = own_values(values)
    before = marks_of(given)
    try:
        with seeded(1):
            chance = process_chance()
            runs.refuse(given)
            first = runs.alone_with(given)
            drew = process_chance() != chance
    except (InputError, ComponentError) as error:
        raise RefusedError(str(error)) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an author's code raises is what is looked for
        yield _broken(runs, values, error)
        return
    yield from _set_on_self(runs, first)
    yield from edited(runs, given, before)
    yield from misdeclared(runs, first, words_of(values))
    yield from _again(runs, values, first, drew)


def _broken(runs: BlockRuns, values: Mapping[str, Any], error: BaseException) -> BlockFault:
    if isinstance(error, RunError) and _is_of_result(error):
        out = runs.output_names
        return BlockFault(
            "outputs", runs.name, "returns something else than it declares", f"an Out with {', '.join(out)}", str(error),
            "Return each declared output by its name, or declare what is returned.",
        )  # fmt: skip
    return BlockFault(
        "runs", runs.name, f"fails with inputs that its declaration allows: {words_of(values)}",
        "outputs, or an InputError that says what does not fit", error_words(error),
        "Mend it; or say in the declaration what it takes (shape, range, type), or refuse the rest in `input_faults`. If the inputs "
        f"must fit each other, or a component, give some: {given_words(runs.name, values)}.",
    )  # fmt: skip


def _is_of_result(error: BaseException) -> bool:
    """Return whether an error is raised where a result is made or taken, and not by what `run` calls."""
    last = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1:]
    # The constructor of an `Out` is made by `exec`, in globals without a name.
    homes = (run_caller.__module__, Outputs.__module__, None)
    return any(frame.f_globals.get("__name__") in homes for frame in last)


def given_words(block: str, names: Iterable[str]) -> str:
    """Return the call that checks a block with given inputs."""
    return f"check_block({block}, inputs={{{', '.join(f'{name!r}: ...' for name in names)}}})"


def failed_at(name: str, check: str, error: Exception) -> BlockFault:
    """Return the fault of a block that runs, and raises something where a check runs it again."""
    return BlockFault(
        check, name, "fails here, and nowhere else", "a run as any other", error_words(error),
        "See what the block does otherwise: what it holds must be copied (no locks, open files), and each run is like the first.",
    )  # fmt: skip


def error_words(error: BaseException) -> str:
    """Return the class and message of an error, and the line of code that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    line = f" (at {Path(last[0].filename).name}:{last[0].lineno})" if last else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{line}"


def words_of(values: Mapping[str, Any]) -> str:
    """Return inputs in words."""
    return ", ".join(f"{name}={describe_value(each)}" for name, each in values.items()) or "nothing"


def _set_on_self(runs: BlockRuns, written: Values) -> Iterator[BlockFault]:
    for name in written.pop("self", ()):
        yield BlockFault(
            "keeps nothing", f"{runs.name}.run", f"sets self.{name}", "nothing is kept on a block",
            f"self.{name} was set, on a copy that is gone after the run",
            "Return it as an output, or keep what one run needs in `Memo` (self.memo).",
        )  # fmt: skip


def marks_of(values: Mapping[str, Any]) -> Marks:
    """Return what tells whether somebody has changed a value: its content, and whether torch follows gradients from it."""
    return {
        name: (_mark(each), *(str(part.requires_grad) for part in tensors_in(each))) for name, each in values.items()
    }


def _mark(value: Any) -> str:
    try:
        return content(value)
    except ValueError as error:  # an image that was closed
        return f"of no content any more: {error}"


def edited(runs: BlockRuns, given: Mapping[str, Any], before: Marks) -> Iterator[BlockFault]:
    """Yield the inputs that a run has changed; generators are there to be changed."""
    after = marks_of(given)
    for name, value in given.items():
        if not are_generators(value) and after[name] != before[name]:
            yield BlockFault(
                "nothing edited", f"{runs.name}.run", f"changes its input {name} in place",
                "inputs stay as they are: the caller, earlier states and caches hold the same object",
                f"{name} ({describe_value(value)}) was changed",
                f"Make a new value and return that, as in `{name} = {name} + x` for `{name} += x`.",
            )  # fmt: skip


def misdeclared(runs: BlockRuns, written: Mapping[str, Any], inputs: str) -> Iterator[BlockFault]:
    """Yield outputs that are not there, or of another type, shape, dtype or range than declared."""
    outputs = runs.block.intermediate_outputs
    # What a composition does not write may be another branch's; the blocks in it are asked by themselves.
    is_one = not getattr(runs.block, "sub_blocks", None)
    for output in outputs:
        if is_one and output.name not in written and output.kwargs_type is None:
            near = did_you_mean(output.name, written)
            yield BlockFault(
                "outputs", runs.name, f"does not write its output {output.name!r}", f"a value named {output.name!r}",
                f"{', '.join(written) or 'nothing'}", f"Write it, or take it out of the declaration. {near}",
            )  # fmt: skip
    odd = find_class_fault(classes_of(outputs), written)
    wrong = (odd[0], describe_value(written[odd[0]])) if odd else _misshapen(runs, written)
    if wrong:
        yield BlockFault(
            "outputs", f"{runs.name}: the output {wrong[0]}", "is not as declared", _declared(runs, wrong[0]),
            f"{wrong[1]}, with {inputs}",
            "Return what is declared, or declare what is returned.",
        )  # fmt: skip
        return
    yield from _unsound(runs, written, inputs)
    for output in outputs:
        value = value_of(output.type_hint)
        problem = value.problem(written.get(output.name)) if value is not None else None
        if problem:
            yield BlockFault(
                "outputs", f"{runs.name}: the output {output.name}", "is out of its range", str(value and value.range_words),
                f"it {problem}, with {inputs}", "Return a value within the range, or declare the range that there is.",
            )  # fmt: skip


def _misshapen(runs: BlockRuns, written: Mapping[str, Any]) -> tuple[str, str] | None:
    expected = expected_of(runs.block.intermediate_outputs)
    if isinstance(runs.block, Block):
        return find_fault(expected, written)
    # Letters mean the same within one block; of two blocks of a composition, width may be an image's and an embedding's.
    return next(filter(None, (find_fault([each], written) for each in expected)), None)


def _unsound(runs: BlockRuns, written: Mapping[str, Any], inputs: str) -> Iterator[BlockFault]:
    for name, each in written.items():
        where = f"{runs.name}: the output {name}"
        if isinstance(each, Iterator):
            yield BlockFault(
                "outputs", where, "is an iterator, which the first who reads it uses up", "a value that can be read again",
                describe_value(each), "Return a list of it.",
            )  # fmt: skip
        for tensor in tensors_in(each):
            if tensor.requires_grad:
                yield BlockFault(
                    "outputs", where, "carries the graph of its gradients", "numbers alone: runs follow no gradients",
                    "a tensor that requires_grad, and keeps all that it was computed from in memory", "Return `x.detach()`.",
                )  # fmt: skip
            if has_nan(tensor):
                yield BlockFault(
                    "outputs", where, "holds values that are no numbers (nan)", "numbers", f"nan, with {inputs}",
                    "Guard what divides by 0 (`x / y.clamp(min=1e-8)`), or refuse such inputs in `input_faults`.",
                )  # fmt: skip


def has_nan(tensor: Any) -> bool:
    """Return whether a tensor holds values that are no numbers."""
    is_float = tensor.is_floating_point() and tensor.device.type != "meta"
    return bool(is_float and tensor.isnan().any())


def _declared(runs: BlockRuns, name: str) -> str:
    found = [each for each in (*expected_of(runs.block.intermediate_outputs),) if each.name == name]
    if found:
        return f"{found[0].words}{f' of {found[0].kind} numbers' if found[0].kind else ''}"
    return next(each.words for each in classes_of(runs.block.intermediate_outputs) if each.name == name)


def _again(runs: BlockRuns, values: Mapping[str, Any], first: Values, drew: bool) -> Iterator[BlockFault]:
    try:
        with seeded(2):
            second = runs.alone(values)
        with seeded(1):
            third = runs.alone(values)
    except Exception as error:  # noqa: BLE001 - as above
        yield BlockFault(
            "same again", runs.name, "runs once, and fails when it is run again with the same inputs",
            "the same outputs", error_words(error), "Keep nothing from run to run.",
        )  # fmt: skip
        return
    for each in (second, third):
        each.pop("self", None)
    by_kept, by_chance = differences(first, third), differences(first, second)
    for name, (one, other) in by_kept.items():
        yield BlockFault(
            "same again", f"{runs.name}: the output {name}", "is another one when the same is run again",
            f"{one}, as in the first run", other,
            "Keep nothing from run to run, read no clock, and seed every generator of your own from an input "
            "(`np.random.default_rng()` without a seed is another one each time).",
        )  # fmt: skip
    for name, (one, other) in by_chance.items():
        if by_kept:
            break
        yield BlockFault(
            "chance", f"{runs.name}: the output {name}", "hangs on chance that is not declared",
            "the same numbers whatever the shared generators are seeded with", f"{one} and {other}",
            f"Take `generator: Generators` as an input, and draw from it and not from the shared generators of {MADE_OF}.",
        )  # fmt: skip
    if drew and not by_kept and not by_chance:
        yield BlockFault(
            "chance", runs.name, "draws from a shared generator, or seeds it, though its outputs do not hang on that",
            f"the generators of {MADE_OF} stay as they are", "another state after the run",
            "Draw from `generator: Generators`, an input: what others draw afterwards would else be other numbers.",
        )  # fmt: skip


def identities(components: Mapping[str, Any], without: tuple[str, ...]) -> dict[str, str]:
    """Return what tells each component's state, without those that a block says it mutates."""
    found = {}
    for name, component in components.items():
        if component is not None and name not in without:
            try:
                known = identity_of(component, whole=True)
                found[name] = content([repr(known), sorted(known.settings.items()), _of_training(component)])
            except NoDigestError:
                found[name] = content(getattr(component, "__dict__", component))
    return found


def _of_training(component: Any) -> list[tuple[str, bool]]:
    """Return what changes no result, and matters to who trains the component afterwards."""
    named = getattr(component, "named_parameters", None)
    return [] if named is None else [(name, each.requires_grad) for name, each in named()]


def mutated(runs: BlockRuns, before: Mapping[str, str]) -> Iterator[BlockFault]:
    """Yield the components that runs have changed."""
    after = identities(runs.components, runs.block.mutated_names())
    for name, known in before.items():
        if after[name] != known:
            yield BlockFault(
                "components", f"{runs.name}: the component {name}", "is changed by the run",
                "components stay as they are: pipelines and threads share them",
                f"{name} ({type(runs.components[name]).__name__}) has other weights, settings or hooks after the run",
                f"Change nothing on it; or declare `{name}: ... = component(mutates=True)`, which gives each run a clone.",
            )  # fmt: skip
