"""Reference pages of the command line: made of click's own parameters, so that they say what `--help` says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
from tables import code, page, section, table

from brickwork.app.cli.main import cli
from brickwork.app.cli.shared.exits import meanings_of

PAGE = Path(__file__).parents[1] / "command_line.md"
"""Whose lines run in the tests, and are the examples."""


def command_pages() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield a page for every command, those within groups among them, by its name with hyphens: "trust-grant"."""
    root = click.Context(cli, info_name="brickwork", **cli.context_settings)
    for words, context in _contexts(root):
        text = _page(" ".join(words), context)
        yield "-".join(words), (text, (context.command.help or "").partition("\n")[0])


def _contexts(above: click.Context) -> Iterator[tuple[list[str], click.Context]]:
    group = above.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(above):
        found = group.get_command(above, name)
        if found is None:
            continue
        context = click.Context(found, parent=above, info_name=name)
        words = context.command_path.split()[1:]
        yield words, context
        yield from _contexts(context)


def _page(name: str, context: click.Context) -> str:
    command = context.command
    within = [] if not isinstance(command, click.Group) else command.list_commands(context)
    links = "\n".join(f"- [{code(f'brickwork {name} {each}')}]({name}-{each}.md)" for each in within)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    rows = [record for param in options if (record := param.get_help_record(context)) is not None]
    own = [(code(flags), _escaped(said)) for flags, said in rows]
    codes = [(str(number), meanings_of(name)[number]) for number in meanings_of(name)]
    return page(
        f"brickwork {name}",
        _prose(command.help or ""),
        f"```console\n{usage}\n```",
        section("Commands", links),
        "Inputs of the target are options, too." if getattr(command, "takes_inputs", False) else "",
        section("Options", table(("option", "what it does"), own)),
        section("Example", _example(name)),
        section("Exit codes", "" if within else table(("code", "means"), codes)),
        "More: [Command line](../../command_line.md).",
    )


def _prose(text: str) -> str:
    return _escaped(inspect.cleandoc(text.replace("\b", "")))


def _escaped(text: str) -> str:
    """Return text in which nothing counts as Markdown."""
    return re.sub(r"([*_`<>\[\]|])", r"\\\1", text)


def _example(name: str) -> str:
    """Return lines of the guide that use a command."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if f"{line} ".startswith(f"brickwork {name} ")]
    return "```sh\n" + "\n".join(lines[:3]) + "\n```" if lines else ""
