"""What stands for an option that a command does not have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ....state.errors import nearest

_ALIKE = 0.75
"""From when on a name is taken for a misspelt one: `--steps` is no `--timesteps`."""
_INPUT = re.compile(r"\b([a-z]\w*)=(?=[,.\s]|$)")
_PRESETS = re.compile(r"Presets of this family that take it: (.+?)\. brickwork\..*", re.DOTALL)


class AskedTarget(NamedTuple):
    """What a command line is about.

    Attributes:
        text: as it was typed. blocks: gives its composition. repo: gives where its components are from, as `--repo` takes it; None if it does
            not say.
    """

    text: str
    blocks: Callable[[], Any]
    repo: Callable[[], str | None]


def unknown_words(flag: str, known: Sequence[str], command: str, target: AskedTarget) -> str:
    """Say what to type in place of an option: the nearest one, else what Python says of an input of that name.

    Args:
        known: the options that there are. target: its composition is asked for only where no option is near.
    """
    head = f"No such option {flag!r}."
    near = nearest(flag.removeprefix("--"), [each.removeprefix("--") for each in known], _ALIKE)
    if near is not None:
        return f"{head} Did you mean '--{near}'?"
    # Imported here: it needs torch, and a slip is answered without.
    from ....pipeline.names_of_diffusers import instead_of_input

    names = [each.removeprefix("--").replace("-", "_") for each in known]
    said = instead_of_input(flag.removeprefix("--").replace("-", "_"), target.blocks(), names)
    found = _PRESETS.match(said)
    if found is not None:
        first, repo = found[1].partition(",")[0], target.repo()
        where = "FOLDER" if repo is None else shlex.quote(repo)
        return f"{head} Presets of this family that take it: {found[1]}. For one: brickwork {command} {first} --repo {where} {flag} ..."
    if said.startswith("In place of"):
        return f"{head} {_INPUT.sub(lambda each: '--' + each[1].replace('_', '-'), said)}"
    return f"{head} brickwork {command} {shlex.quote(target.text)} --help lists what there is."
