"""`brickwork guiders`: ways to combine predictions."""

from __future__ import annotations

from typing import Any

import click

from ...state import InputError
from ...state.errors import did_you_mean
from .shared.output import print_json, table


@click.group("guiders", short_help="List ways of guidance, or show one.")
def command() -> None:
    """List ways of guidance, or show one with its settings."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def list_guiders(as_json: bool) -> None:
    """List all guiders with what they do."""
    from ...guiders import GUIDERS
    from ...state.classes.meanings import first_line

    found = [(name, first_line(cls)) for name, cls in GUIDERS.items()]
    if as_json:
        print_json([{"name": name, "description": said} for name, said in found])
    else:
        click.echo(table(found))


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The settings as JSON.")
def show(name: str, as_json: bool) -> None:
    """Show what a guider does, and its settings with their defaults."""
    import inspect

    from ...guiders import GUIDERS
    from ...state.classes.meanings import first_line

    if name not in GUIDERS:
        raise InputError(f"There is no guider {name!r}. {did_you_mean(name, GUIDERS)}")
    cls = GUIDERS[name]
    settings: dict[str, Any] = {
        each.name: None if each.default is each.empty else each.default
        for each in inspect.signature(cls).parameters.values()
    }
    if as_json:
        from ...pipeline.forms.guiders import guider_schema

        print_json({"name": name, "description": first_line(cls), "settings": settings, "schema": guider_schema(cls)})
        return
    click.echo(inspect.getdoc(cls) or "")
    click.echo()
    click.echo(table([(key, repr(value)) for key, value in settings.items()], ("setting", "default")))
