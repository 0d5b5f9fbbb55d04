"""Where the code of a block lies that a file names; nothing is imported to find it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from ...state.code_home import is_library_file, is_own


def source_folder(folder: Path, module: str) -> Path | None:
    """Return the folder from which Python would import a module: this one, or `src` in it; None where it is in neither."""
    for place in (folder, folder / "src"):
        if (place / f"{module}.py").is_file() or (place / module / "__init__.py").is_file():
            return place
    return None


def folder_of_code(name: str, near: Path) -> Path | None:
    """Return the folder with the code of "module:Class": near by, or where Python has it from, if that is no installed library.

    Args:
        near: where the file lies that names it.
    """
    module, sign, _ = name.partition(":")
    top = module.partition(".")[0]
    if not sign or not top.isidentifier() or top in sys.stdlib_module_names or is_own(top):
        return None
    if source_folder(near, top) is not None:
        return near
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        return None
    if found is None or found.origin is None or is_library_file(found.origin):
        return None
    file = Path(found.origin)
    return file.parents[1] if file.name == "__init__.py" else file.parent
