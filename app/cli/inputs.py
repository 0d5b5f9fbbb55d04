"""`brickwork inputs`: what a target takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ...pipeline.forms.input_values import kind_words
from .shared.change_options import blocks_option, repo_option
from .shared.opening import opened
from .shared.output import print_json, remark, table
from .shared.target_command import TargetCommand, target_argument
from .shared.targets import Target


@click.command("inputs", short_help="List what a target takes.", cls=TargetCommand, takes_inputs=False)
@target_argument()
@repo_option
@blocks_option
@click.option("--workflow", metavar="NAME", help="Of one workflow of the target.")
@click.option("--schema", "as_schema", is_flag=True, help="As JSON schema.")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(
    ctx: click.Context, target: Target, repo: str | None, workflow: str | None, as_schema: bool, as_json: bool
) -> None:
    """List what a target takes, with types, defaults and meaning."""
    found = ctx.command.known(target, ["--repo", repo] if repo else [])  # type: ignore[attr-defined]  # it is a TargetCommand
    if workflow is not None:
        schema = opened(target, repo).input_schema(workflow)
        properties, required = schema["properties"], schema["required"]
    else:
        schema, properties, required = found["schema"], found["properties"], found["required"]
    if as_schema:
        print_json(schema)
        return
    rows = [_row(name, each, name in required, found["defaults"]) for name, each in properties.items()]
    rows.sort(key=lambda row: not row["required"])
    if as_json:
        print_json(rows)
        return
    click.echo(table([(row["name"], _words(row)) for row in rows]))
    if found["workflows"] and workflow is None:
        remark(f"Workflows: {', '.join(found['workflows'])}. Which one runs, hangs on what is given.")


def _row(name: str, schema: Mapping[str, Any], required: bool, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind_words(schema),
        "required": required,
        "default": defaults.get(name, schema.get("default")),
        "description": schema.get("description", ""),
    }


def _words(row: Mapping[str, Any]) -> str:
    default = "" if row["default"] is None else f", default {row['default']}"
    return f"{row['type']}{', required' if row['required'] else default}. {row['description']}"
