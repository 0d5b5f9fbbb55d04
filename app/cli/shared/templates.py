"""Files made from those in `app/templates`, with an author's name in the place of `new_name`."""

from __future__ import annotations

import ast
import builtins
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ....state import InputError
from .new_names import NewNames

FOLDER = Path(__file__).parents[2] / "templates"
_SUFFIX = "-tpl"
"""So that no tool takes a template for code of this package, and pip compiles none."""
_HIDDEN = "dot_"
"""Before names that begin with a dot, which wheels would leave out."""
_NAMES = re.compile("new_name|NewName|new-name")


def made_files(kind: str, names: NewNames) -> dict[str, str]:
    """Return the files of a kind by their paths, as they are for a name."""
    place = FOLDER / kind
    files = {
        _with_names(_visible_path(path.relative_to(place)), names): _with_names(path.read_text(encoding="utf-8"), names)
        for path in place.rglob(f"*{_SUFFIX}")
    }
    return dict(sorted(files.items()))


def refuse_used(kind: str, names: NewNames) -> None:
    """Refuse the name of a class that the files of a kind use themselves, or that Python has built in: one would hide the other.

    Raises:
        InputError: the name is used.
    """
    if hasattr(builtins, names.camel):
        raise InputError(f"{names.camel!r} is built into Python. Give another name.")
    for path in (FOLDER / kind).rglob(f"*.py{_SUFFIX}"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if names.camel in _bound(node):
                raise InputError(
                    f"{names.camel!r} is a name that the files of this kind ({kind}) use themselves. Give another name."
                )


def _bound(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return tuple(each.asname or each.name for each in node.names)
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return (node.name,)
    return (node.id,) if isinstance(node, ast.Name) else ()


def _visible_path(path: Path) -> str:
    parts = [f".{part.removeprefix(_HIDDEN)}" if part.startswith(_HIDDEN) else part for part in path.parts]
    return "/".join(parts).removesuffix(_SUFFIX)


def _with_names(text: str, names: NewNames) -> str:
    """Put the names in, in one pass: a name may hold a placeholder."""
    forms = {"new_name": names.snake, "NewName": names.camel, "new-name": names.dash}
    return _NAMES.sub(lambda found: forms[found[0]], text)


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write a new folder, whole or not at all.

    Raises:
        InputError: something is there already.
    """
    refuse_existing(folder)
    part = folder.with_name(f".{folder.name}.part")
    try:
        for name, text in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_text(text, encoding="utf-8")
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def refuse_existing(path: Path) -> None:
    """Refuse a path at which something is: nothing is replaced.

    Raises:
        InputError: there is a file, a folder or a link.
    """
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} is there already, and nothing is replaced. Give another name, or move it away.")


def next_lines(readme: str) -> list[str]:
    """Return the lines to type of a README: those of its first code block for a shell."""
    found = re.search(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    return found[1].splitlines() if found else []
