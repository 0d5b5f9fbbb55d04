"""`brickwork`: the command and what it can do."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from ... import __version__
from ...state.errors import nearest
from .shared.exits import tell
from .shared.interrupts import interrupts_kept

SECTIONS: Mapping[str, Sequence[str]] = {
    "Draw": ("run", "sweep", "batch", "branch", "replay"),
    "Serve": ("serve",),
    "Look at a workflow": ("inputs", "check", "explain", "graph", "components"),
    "Look at an image": ("info", "recipe", "diff"),
    "Change and share": ("new", "edit", "publish", "lock", "trust"),
    "What there is": ("presets", "blocks", "guiders", "words"),
    "This machine": ("doctor", "bench", "completion"),
}
"""Commands by section: each is `command` in the module of its name, which is imported when it is asked for."""


class Commands(click.Group):
    """The commands, in sections; errors become words and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = importlib.import_module(f".{cmd_name}", __package__).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in SECTIONS.items():
            rows = [(name, each.get_short_help_str(60)) for name in names if (each := self.get_command(ctx, name))]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            match = nearest(name, known)
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
            with interrupts_kept():
                code = super().main(given, prog_name or "brickwork", complete_var, **extra)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, it is said, and the exit code tells
            code = tell(error, "--json" in given)
        sys.exit(code if isinstance(code, int) else 0)


@click.group("brickwork", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="brickwork", message="%(prog)s %(version)s")
def cli() -> None:
    """Compose, check, run and explain pipelines of diffusion models."""


def main() -> NoReturn:
    """Run the command line of this process."""
    cli.main()
