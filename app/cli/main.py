"""`brickwork`: the command and what it can do."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import click

from ... import __version__
from ...state.errors import nearest
from . import (
    batch,
    bench,
    blocks,
    branch,
    check,
    completion,
    components,
    diff,
    doctor,
    edit,
    explain,
    graph,
    guiders,
    info,
    inputs,
    lock,
    new,
    presets,
    publish,
    recipe,
    replay,
    run,
    sweep,
    trust,
    words,
)
from .shared.exits import tell

SECTIONS: Mapping[str, Iterable[click.Command]] = {
    "Draw": (run.command, sweep.command, batch.command, branch.command, replay.command),
    "Look at a workflow": (inputs.command, check.command, explain.command, graph.command, components.command),
    "Look at an image": (info.command, recipe.command, diff.command),
    "Change and share": (new.command, edit.command, publish.command, lock.command, trust.command),
    "What there is": (presets.command, blocks.command, guiders.command, words.command),
    "This machine": (doctor.command, bench.command, completion.command),
}


class Commands(click.Group):
    """The commands, in sections; errors become words and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(each.name), each.get_short_help_str(60)) for each in commands])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            match = nearest(name, self.commands)
            ctx.fail(f"There is no command {name!r}.{f' Did you mean {match!r}?' if match else ''}")
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]  # it always ends the process, as click's does by default
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        **extra: Any,
    ) -> NoReturn:
        """Run a command line, and exit with its code."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(given, prog_name or "brickwork", complete_var, **extra)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, it is said, and the exit code tells
            code = tell(error, "--json" in given)
        sys.exit(code if isinstance(code, int) else 0)


@click.group("brickwork", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="brickwork", message="%(prog)s %(version)s")
def cli() -> None:
    """Compose, check, run and explain pipelines of diffusion models."""


for _commands in SECTIONS.values():
    for _command in _commands:
        cli.add_command(_command)


def main() -> NoReturn:
    """Run the command line of this process."""
    cli.main()
