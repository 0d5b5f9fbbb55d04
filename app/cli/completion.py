"""`brickwork completion`: what a shell needs to complete the command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_WHERE = {
    "bash": 'eval "$(brickwork completion bash)"  in ~/.bashrc',
    "zsh": 'eval "$(brickwork completion zsh)"  in ~/.zshrc',
    "fish": "brickwork completion fish > ~/.config/fish/completions/brickwork.fish",
}
VARIABLE = "_BRICKWORK_COMPLETE"


@click.command(
    "completion", short_help="Print what a shell needs to complete.", epilog="\b\n" + "\n".join(_WHERE.values())
)
@click.argument("shell", type=click.Choice(list(_WHERE)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script with which a shell completes commands, inputs, blocks and names."""
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, "brickwork", VARIABLE).source())
