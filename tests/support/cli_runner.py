"""A command line of `brickwork` in this process."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from brickwork.app.cli.main import cli


def invoke(*words: str, **options: Any) -> Result:
    """Run a command line; what it raises beyond its exit code is raised here, too."""
    result = CliRunner().invoke(cli, list(map(str, words)), **options)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def events(result: Result) -> list[dict[str, Any]]:
    """The lines of JSON on stdout; nothing else may stand there."""
    return [json.loads(line) for line in result.stdout.splitlines()]
