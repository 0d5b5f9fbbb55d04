"""`brickwork words`: what the embedded model was taught."""

from __future__ import annotations

import textwrap

import click

from .shared.output import print_json, width


@click.command("words", short_help="List the words that the embedded model knows.")
@click.argument("prompt", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(prompt: tuple[str, ...], as_json: bool) -> None:
    """List the words that the embedded model knows; with a PROMPT, say which of its words it does not."""
    from ...presets.embedded.words import known_words, unknown_words, words_remarks

    text = " ".join(prompt)
    if as_json:
        print_json(unknown_words(text) if prompt else known_words())
    elif prompt:
        click.echo("\n".join(words_remarks(text)) or "The embedded model knows all of these words.")
    else:
        for kind, words in known_words().items():
            click.echo(f"{kind}:")
            click.echo(textwrap.fill(", ".join(words), width(), initial_indent="  ", subsequent_indent="  "))
