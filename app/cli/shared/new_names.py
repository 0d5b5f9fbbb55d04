"""Names of what an author makes: of a module, of a class and of a distribution; refused where something else has them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import re
import sys

from attrs import frozen

from ....state import InputError

_LONGEST = 30
"""Letters. Longer ones would not fit into the lines of the templates as a formatter breaks them."""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
# Between words of a name such as "WarmTint" or "HDRTone".
_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TOOLS = frozenset({"build", "conftest", "dist", "setup", "src", "tests"})
"""Modules and folders in which pytest and setuptools see something of their own."""


@frozen
class NewNames:
    """One name in the forms in which code has it.

    Attributes:
        snake: of modules and folders, "warm_tint". camel: of classes, "WarmTint".
    """

    snake: str
    camel: str

    @property
    def dash(self) -> str:
        """Of distributions: "warm-tint"."""
        return self.snake.replace("_", "-")


def new_names(text: str) -> NewNames:
    """Return the forms of a name.

    Raises:
        InputError: no module, class and distribution can be called so.
    """
    if not _WORD.fullmatch(text):
        plain = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_0123456789")
        near = f" Did you mean {plain!r}?" if _WORD.fullmatch(plain) else ""
        raise InputError(
            f"{text!r} is no name in Python: letters, digits and single underscores between them, with a letter first.{near}"
        )
    camel = "".join(part[:1].upper() + part[1:] for part in text.split("_"))
    names = NewNames(_BORDER.sub("_", text).lower(), camel)
    if len(names.snake) > _LONGEST:
        raise InputError(f"{names.snake!r} has {len(names.snake)} letters; a name has at most {_LONGEST}.")
    for form in (names.snake, names.camel):
        if keyword.iskeyword(form):
            raise InputError(f"{form!r} is a word of Python itself. Give another name.")
    if names.snake in _TOOLS or names.snake.startswith("test_"):
        raise InputError(f"{names.snake!r} means something to pytest or setuptools. Give another name.")
    return names


def refuse_installed(names: NewNames) -> None:
    """Refuse the name of a module or distribution that is there already, which would hide one or the other.

    Raises:
        InputError: Python or an installed package has it.
    """
    if names.snake in sys.stdlib_module_names:
        raise InputError(f"{names.snake!r} is a module of Python's standard library. Give another name.")
    found = importlib.util.find_spec(names.snake)
    if found is not None:
        where = f" ({found.origin})" if found.origin else ""
        raise InputError(f"{names.snake!r} is a module that is installed{where}. Give another name.")
    try:
        version = importlib.metadata.version(names.dash)
    except importlib.metadata.PackageNotFoundError:
        return
    raise InputError(f"{names.dash!r} is a package that is installed ({version}). Give another name.")
