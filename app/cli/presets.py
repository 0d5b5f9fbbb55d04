"""`brickwork presets`: ready compositions."""

from __future__ import annotations

import click

from .shared.output import print_json, table


@click.group("presets")
def command() -> None:
    """List ready compositions, or show one."""


@command.command("list")
@click.option("--all", "with_classes", is_flag=True, help="Names of diffusers' classes, too.")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def list_presets(with_classes: bool, as_json: bool) -> None:
    """List the names of presets, by model family."""
    from ...blocks.core.preset_catalog import preset_names

    found = [name for name in preset_names() if with_classes or "." in name or "/" in name.partition("Pipeline")[0]]
    if as_json:
        print_json(found)
        return
    families: dict[str, list[str]] = {}
    for name in found:
        head, dot, task = name.partition(".")
        families.setdefault(head if dot else "", []).append(task if dot else name)
    click.echo(table([(family or "classes", ", ".join(tasks)) for family, tasks in families.items()]))


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Its workflows, inputs and components as JSON.")
def show(name: str, as_json: bool) -> None:
    """Show the blocks of a preset, and its workflows."""
    from ...blocks.core.preset_catalog import find_preset

    blocks = find_preset(name)
    if as_json:
        print_json(
            {
                "name": name,
                "workflows": list(blocks.available_workflows),
                "inputs": [param.name for param in blocks.inputs if param.name],
                "components": [spec.name for spec in blocks.expected_components],
            }
        )
        return
    click.echo(repr(blocks))
    if blocks.available_workflows:
        click.echo(f"\nWorkflows: {', '.join(blocks.available_workflows)}")
