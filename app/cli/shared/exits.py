"""Exit codes, and how errors are said: in words on stderr, or as an event of JSON on stdout."""

from __future__ import annotations

import os
import re
import shlex
import traceback
from collections.abc import Mapping, Sequence

import click

from ....state import errors
from .option_faults import input_name
from .output import print_event

DONE = 0
FAILED = 1
"""The run failed: an error of a block's code, memory that ran out."""
MISFIT = 2
"""What was asked for does not fit: options, inputs, a composition."""
ABSENT = 3
"""A component, repository or file could not be found or loaded."""
UNTRUSTED = 4
DIFFERS = 5
"""`replay` gave something else."""
SOME_FAILED = 6
"""Some rows of a table failed."""
INTERRUPTED = 130

MEANINGS: Mapping[int, str] = {
    DONE: "done",
    FAILED: "the run failed: an error of a block's code, memory that ran out. `BRICKWORK_TRACEBACK=1` shows where",
    MISFIT: "what was asked for does not fit: options, inputs, a composition",
    ABSENT: "a component, repository or file could not be found or loaded",
    UNTRUSTED: "code that is not trusted",
    DIFFERS: "`replay` gave something else, or would: blocks or settings are not as they were",
    SOME_FAILED: "some rows of a batch failed",
    INTERRUPTED: "Ctrl-C",
}
"""Exit codes in words, as docs/command_line.md has them."""
_OF_ONE_COMMAND: Mapping[int, str] = {DIFFERS: "replay", SOME_FAILED: "batch"}
_MEANINGS_OF: Mapping[str, Mapping[int, str]] = {
    "diff": {DONE: "the same", FAILED: "different", MISFIT: "trouble"},
    "doctor": {FAILED: "something is not well"},
    "check": {MISFIT: "there are faults"},
}


def meanings_of(command: str) -> dict[int, str]:
    """Return the codes with which a command may end, and what they mean."""
    usual = {code: said for code, said in MEANINGS.items() if _OF_ONE_COMMAND.get(code, command) == command}
    return {**usual, **_MEANINGS_OF.get(command, {})}


_CODES: Sequence[tuple[type[BaseException], int]] = (
    (KeyboardInterrupt, INTERRUPTED),
    (click.Abort, INTERRUPTED),
    (errors.RunCancelledError, INTERRUPTED),
    (errors.ReplayError, DIFFERS),
    (errors.TrustError, UNTRUSTED),
    (errors.ComponentError, ABSENT),
    (errors.RepoError, ABSENT),
    (errors.InputError, MISFIT),
    (errors.CompositionError, MISFIT),
    (errors.DeclarationError, MISFIT),
)


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error."""
    if isinstance(error, click.ClickException):
        return error.exit_code
    # What a repetition lacks is nothing that it gave.
    if isinstance(error, errors.ReplayError) and error.lacks is not None:
        return exit_code(error.lacks())
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def tell(error: BaseException, as_json: bool) -> int:
    """Say an error, and return its exit code.

    `BRICKWORK_TRACEBACK=1` shows where in the code it came from, too.
    """
    code = exit_code(error)
    if os.environ.get("BRICKWORK_TRACEBACK"):
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    if as_json:
        print_event(failed_event(error))
    elif isinstance(error, click.ClickException):
        error.show()
    elif code == INTERRUPTED:
        click.echo("Stopped.", err=True)
    else:
        click.echo(f"{_name(error)}: {_message(error)}", err=True)
        for note in getattr(error, "__notes__", ()):
            click.echo(note, err=True)
    return code


def failed_event(error: BaseException) -> dict[str, object]:
    """Return the event of an error; `faults` names every fault and the input that it is about, also where there is one."""
    if exit_code(error) == INTERRUPTED:
        return {"event": "cancelled"}
    message = _message(error)
    found = (
        errors.faults_as_data(error) if getattr(error, "faults", ()) else [{"input": _input_of(error), "text": message}]
    )
    faults = [{**fault, "text": with_options(str(fault["text"]))} for fault in found]
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    said: dict[str, object] = {"event": "failed", "type": _name(error), "message": message, "faults": faults}
    return {**said, "notes": notes} if notes else said


def _input_of(error: BaseException) -> str | None:
    """Return the input that an error of the command line is about: an option that there is not, or a value that is none."""
    if isinstance(error, click.NoSuchOption):
        return input_name(error.option_name)
    return getattr(getattr(error, "param", None), "input_name", None)


def _name(error: BaseException) -> str:
    return "UsageError" if isinstance(error, click.UsageError) else type(error).__name__


def _message(error: BaseException) -> str:
    return error.format_message() if isinstance(error, click.ClickException) else with_options(str(error))


def with_options(text: str) -> str:
    """Return an error's text with inputs as options: "Pass --prompt" where a call is told "Pass prompt=...".

    A generator is none that a text stands for; `--seed` is.
    """
    text = _ASKED.sub(lambda found: _ARGUMENT.sub(lambda each: _option(each[1]), found[0]), text)
    text = _GRANT.sub(lambda found: f"{found[1]}: brickwork trust grant {shlex.quote(found[2])}", text)
    text = _OWN_BLOCK.sub(
        lambda found: (
            f"--blocks {shlex.quote(found[1]) if found[1] else 'FOLDER'} says where its code is, and that it may run."
        ),
        text,
    )
    text = _COMPONENTS.sub("--components FOLDER", text)
    text = _LACKING.sub(lambda found: f"--given {found[1]}=FILE", text)
    return _UNKNOWN_BLOCK.sub("--blocks FOLDER, a folder with its code", text)


_GRANT = re.compile(
    r"((\S+) brings code of its own [^:]*, then grant it) [^:]*: trust_remote_code=True, or .*? for just this state(?=\.)"
)
_LACKING = re.compile(r"replay\(\.\.\., (\w+)=\.\.\.\)")
_COMPONENTS = re.compile(r"components=folder, a pipeline, or \{'\w+': \.\.\.\}")
_UNKNOWN_BLOCK = re.compile(r"blocks=\[\w+\], or those of a pipeline that has it: blocks=pipe\.blocks")
_OWN_BLOCK = re.compile(
    r"Blocks of your own are given in Python: load_workflow\(path, blocks=\[\.\.\.\]\)\.(?: The code is in (.+?), and is not run because a file names it\.)?"
)
_ARGUMENT = re.compile(r"(\w+)=\.\.\.")
_ASKED = re.compile(r"\bPass \w+=\.\.\.(?:(?:, | or )\w+=\.\.\.)*")


def _option(name: str) -> str:
    return "--seed" if name == "generator" else f"--{name.replace('_', '-')}"
