"""Options that a command does not have: all of them at once, each with what stands for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from ....state.errors import nearest

_ALIKE = 0.75
"""From when on a name is taken for a misspelt one: `--steps` is no `--timesteps`."""
_INPUT = re.compile(r"\b([a-z]\w*)=(?=[,.\s]|$)")
_PRESETS = re.compile(r"Presets of this family that take it: (.+?)\. brickwork\.find_preset.*", re.DOTALL)


def unknown_flags(params: Sequence[click.Parameter], helps: Sequence[str], args: Sequence[str]) -> Iterator[str]:
    """Yield the long options of a command line that no parameter has, as they are spelled."""
    options = [param for param in params if isinstance(param, click.Option)]
    takes_value = {flag: not param.is_flag for param in options for flag in (*param.opts, *param.secondary_opts)}
    words = iter(args)
    for word in words:
        if word == "--":
            return
        flag, sign, _ = word.partition("=")
        known = flag.replace("_", "-")
        if takes_value.get(known) and not sign:
            next(words, None)
        elif flag.startswith("--") and known not in takes_value and known not in helps:
            yield flag


def unknown_words(flag: str, known: Sequence[str], command: str, blocks: Callable[[], Any]) -> str:
    """Say what to type in place of an option: the nearest one, else what Python says of an input of that name.

    Args:
        known: the options that there are. blocks: gives the composition of the target; it is asked only where no option is near.
    """
    head = f"No such option {flag!r}."
    near = nearest(flag.removeprefix("--"), [each.removeprefix("--") for each in known], _ALIKE)
    if near is not None:
        return f"{head} Did you mean '--{near}'?"
    # Imported here: it needs torch, and a slip is answered without.
    from ....pipeline.names_of_diffusers import instead_of_input

    names = [each.removeprefix("--").replace("-", "_") for each in known]
    said = instead_of_input(flag.removeprefix("--").replace("-", "_"), blocks(), names)
    found = _PRESETS.match(said)
    if found is not None:
        first = found[1].partition(",")[0]
        return f"{head} Presets of this family that take it: {found[1]}. For one: brickwork {command} {first} --repo FOLDER {flag} ..."
    if said.startswith("In place of"):
        return f"{head} {_INPUT.sub(lambda each: '--' + each[1].replace('_', '-'), said)}"
    return f"{head} brickwork {command} TARGET --help lists what there is."
