"""A command line of `brickwork` in this process."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from rooms import ROOT

from brickwork.app.cli.main import cli


def invoke(*words: str, **options: Any) -> Result:
    """Run a command line; what it raises beyond its exit code is raised here, too."""
    result = CliRunner().invoke(cli, list(map(str, words)), **options)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def events(result: Result) -> list[dict[str, Any]]:
    """The lines of JSON on stdout; nothing else may stand there, and each is as docs/command_line_events.json says."""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    for event in found:
        _schema().validate(event)
    return found


@cache
def _schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "docs" / "command_line_events.json").read_text()))
