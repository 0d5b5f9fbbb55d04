"""All that is wrong with the inputs on a command line of which an option is none, from what is kept of the target: nothing is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import click

from ....pipeline.forms.input_values import converted, single_kinds
from ....state import Fault
from ....state.values.form import side_fault
from ....state.values.value import Value
from .unknown_options import AskedTarget, unknown_words


class FaultyOptionsError(click.UsageError):
    """Something is wrong with the options.

    Attributes:
        faults: what is wrong, one by one.
    """

    def __init__(self, faults: Sequence[Fault], ctx: click.Context) -> None:
        lines = [f"{len(faults)} faults", *(f"  - {fault}" for fault in faults)]
        super().__init__(faults[0] if len(faults) == 1 else "\n".join(lines), ctx)
        self.faults = tuple(faults)


def input_name(flag: str) -> str:
    """Return the name of the input that an option says or seems to say: `num_steps` of `--num-steps`."""
    return flag.lstrip("-").replace("-", "_")


def option_faults(
    command: click.Command,
    ctx: click.Context,
    args: Sequence[str],
    known: Mapping[str, Any],
    given_by: Sequence[str] | None,
    target: AskedTarget,
) -> list[Fault]:
    """Return which options there are not, which inputs are missing, and which values do not fit.

    Args:
        known: of the target, as `described` returns it. given_by: the command's options by which inputs come, too; None where nothing must be
            given. target: what the command line is about.
    """
    parser = command.make_parser(ctx)
    parser.ignore_unknown_options = True
    # What comes after -- is no option, whatever it looks like.
    given, rest, order = parser.parse_args(list(takewhile(lambda word: word != "--", args)))
    values = {param.input_name: given[str(param.name)] for param in order if hasattr(param, "input_name")}
    # With that of help, which is none of the command's own.
    options = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    flags = [flag for param in options for flag in (*param.opts, *param.secondary_opts)]
    return [
        *_unknown(rest, flags, ctx, target),
        *(() if given_by is None or any(map(given.get, given_by)) else _missing(values, known["schema"])),
        *(fault for name, value in values.items() for fault in _misfits(name, value, known["properties"][name])),
    ]


def _unknown(words: Sequence[str], flags: Sequence[str], ctx: click.Context, target: AskedTarget) -> Iterator[Fault]:
    for flag in dict.fromkeys(word.partition("=")[0] for word in words):
        if flag.startswith("--") and len(flag) > 2:
            yield Fault(unknown_words(flag, flags, str(ctx.info_name), target), input_name(flag))


def _missing(values: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield inputs that must be given; of several sets of which one must be, the first one's."""
    sets = [each["required"] for each in schema.get("anyOf", ())]
    first = sets[0] if sets and not any(set(each) <= values.keys() for each in sets) else []
    for name in [*schema["required"], *first]:
        if name not in values:
            yield Fault(f"Missing option '--{name.replace('_', '-')}'.", name)


def _misfits(name: str, given: Any, schema: Mapping[str, Any]) -> Iterator[Fault]:
    for text in given if isinstance(given, (list, tuple)) else [given]:
        try:
            value = converted(text, schema) if isinstance(text, str) else text
        except ValueError as error:
            yield Fault(f"{name}: {error}", name)
            continue
        found = [
            _misfit(name, value, each) for each in single_kinds(schema) if each.get("type") in ("integer", "number")
        ]
        # One kind of value that it fits is enough.
        if found and all(found):
            yield Fault(str(found[0]), name)


def _misfit(name: str, value: Any, schema: Mapping[str, Any]) -> Fault | None:
    """Say what is wrong with a number, in the words of the pipeline; None for what is fine, and for what is no number."""
    is_open = "exclusiveMinimum" in schema or "exclusiveMaximum" in schema
    low, high = ("exclusiveMinimum", "exclusiveMaximum") if is_open else ("minimum", "maximum")
    problem = Value(low=schema.get(low), high=schema.get(high), open=is_open).problem(value)
    if problem:
        return Fault(f"{name} {problem}.", name)
    return side_fault(name, value, schema["multipleOf"]) if "multipleOf" in schema else None
