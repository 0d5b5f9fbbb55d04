"""`brickwork new`: a folder or file to begin with, whose tests, types and lint pass."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from ...state import InputError, RepoError
from ...state.errors import with_article
from .shared.change_options import repo_option
from .shared.new_names import NewNames, new_names, refuse_installed
from .shared.output import print_json, remark
from .shared.target_command import TargetType
from .shared.targets import Target, target_of
from .shared.templates import made_files, next_lines, refuse_existing, refuse_used, write_folder

KINDS = {
    "block": "Make a folder with a block: its code, tests, a workflow file that has it, and how it is published.",
    "guider": "Make a folder with a guider: its code, tests, and an example that draws with it.",
    "family": "Make a package with a model family: its contract, compositions, and tests beside diffusers.",
    "package": "Make a package with blocks and compositions, that others install and have by name.",
    "repo": "Make a folder with what becomes a repository on the Hub: a pipeline, the code of a block of its own, and tests.",
}
"""Kinds of folders, with what the help says of each."""


@click.group("new", short_help="Begin a block, guider, family, package, repository or workflow.")
def command() -> None:
    """Make a folder or file to begin with, whose tests, types and lint pass, and say what comes next."""


def _maker(kind: str, said: str) -> click.Command:
    @click.argument("name")
    @click.option("--json", "as_json", is_flag=True, help="The files and the next lines as JSON.")
    def make(name: str, as_json: bool) -> None:
        names = new_names(name)
        folder = Path(names.snake)
        refuse_existing(folder)
        refuse_installed(names)
        _refuse_taken(kind, names)
        refuse_used(kind, names)
        files = made_files(kind, names)
        write_folder(folder, files)
        _say(kind, names.camel if kind in ("block", "guider") else names.snake, folder, files, as_json)

    make.__doc__ = f"{said}\n\nNAME is as Python has it, warm_tint or WarmTint; the folder is warm_tint."
    return click.command(kind, short_help=said.partition(":")[0].partition(",")[0].rstrip(".") + ".")(make)


for _kind, _said in KINDS.items():
    command.add_command(_maker(_kind, _said))


@command.command("workflow", short_help="Make a workflow file and its test.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "target",
    type=TargetType(),
    show_default="the composition of the model that ships",
    help="What it runs: a preset, embedded, another workflow file, a folder, or owner/name.",
)
@repo_option
@click.option("--json", "as_json", is_flag=True, help="The files and the next lines as JSON.")
def workflow(file: Path, target: Target | None, repo: str | None, as_json: bool) -> None:
    """Make a workflow file with comments, and a test beside it.

    FILE ends in .yaml. What runs with the small model that ships, runs with it at once; of others --repo says where the components are from.
    """
    from .shared.new_workflow import workflow_data, workflow_text

    if target is None:
        from ...registry.catalog import shipped_composition

        target = target_of(shipped_composition())
    if file.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"{file} is no name of a workflow file, which ends in .yaml.")
    names = new_names(file.stem.replace("-", "_"))
    if not file.parent.is_dir():
        raise RepoError(f"There is no folder {file.parent}.")
    test = file.with_name(f"test_{names.snake}.py")
    for each in (file, test):
        refuse_existing(each)
    made = {name: text.replace("FILE_NAME", file.name) for name, text in made_files("workflow", names).items()}
    data, to_give = workflow_data(target, repo)
    from ...state.atomic import write_text

    write_text(file, workflow_text(made[f"{names.snake}.yaml"], data, to_give))
    write_text(test, made[f"test_{names.snake}.py"])
    given = "".join(f" --{name.replace('_', '-')} ..." for name in to_give)
    place = shlex.quote(str(file))
    no_repo = target.kind == "preset" and "repo" not in data
    lines = (
        [f"# Say in {place} where the components are from (repo), or give --repo to brickwork new."] if no_repo else []
    )
    lines += [f"brickwork check {place}", f"python -m pytest {shlex.quote(str(test))}", f"brickwork inputs {place}"]
    lines += [f"brickwork run {place}{given} -o image.png"]
    if as_json:
        print_json({"kind": "workflow", "name": names.snake, "files": [str(file), str(test)], "next": lines})
        return
    click.echo(f"{file}\n{test}")
    _say_next(lines)


def _refuse_taken(kind: str, names: NewNames) -> None:
    """Refuse a name that something of this package or of an installed one has: by its short name, that one would be found.

    Raises:
        InputError: it is taken.
    """
    if kind in ("block", "repo"):
        from ...blocks.core.block_catalog import block_names, own_blocks

        taken = {name.rpartition("/")[2] for name in block_names()} | own_blocks().keys()
    elif kind == "guider":
        from ...guiders import GUIDERS

        taken = set(GUIDERS)
    elif kind == "family":
        from ...registry import catalog, families

        taken = {*families, *(name.partition(".")[0] for name in catalog if "." in name)}
    else:
        return
    for form in (names.snake, names.camel, names.dash):
        if form in taken:
            what = "block" if kind == "repo" else kind
            raise InputError(f"There is {with_article(what)} {form!r} already. Give another name.")


def _say(kind: str, name: str, folder: Path, files: Mapping[str, str], as_json: bool) -> None:
    lines = next_lines(files["README.md"])
    if as_json:
        print_json({"kind": kind, "name": name, "files": [f"{folder}/{file}" for file in files], "next": lines})
        return
    click.echo("\n".join(tree(str(folder), files)))
    _say_next(lines)


def _say_next(lines: Sequence[str]) -> None:
    remark("\nNext:\n" + "\n".join(f"  {line}" for line in lines))


def tree(folder: str, files: Iterable[str]) -> list[str]:
    """Return lines that show paths below a folder, each folder once."""
    lines, shown = [f"{folder}/"], set[str]()
    for file in files:
        *above, name = file.split("/")
        for depth in range(len(above)):
            place = "/".join(above[: depth + 1])
            if place not in shown:
                shown.add(place)
                lines.append("  " * (depth + 1) + above[depth] + "/")
        lines.append("  " * (len(above) + 1) + name)
    return lines
