"""The file of a repository through which diffusers runs it. It holds the composition, and asks brickwork to do the work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..registry.index import DIFFUSERS_RELEASE
from .block_sources import Sources

ADAPTER = "brickwork_adapter.py"
_CLASS = "BrickworkBlocks"


def auto_map() -> dict[str, Any]:
    """Return what `modular_config.json` says of the file."""
    return {
        "_class_name": _CLASS,
        # The version whose loader the adapter was tried with, wherever it is written; not the one that is installed.
        "_diffusers_version": DIFFUSERS_RELEASE,
        "auto_map": {"ModularPipelineBlocks": f"{ADAPTER.removesuffix('.py')}.{_CLASS}"},
    }


def adapter_file(
    composition: Mapping[str, Any], created: Mapping[str, Any], sources: Sources, only_here: Sequence[str] = ()
) -> str:
    """Return the text of the file.

    Args:
        only_here: what diffusers would leave out, so that it would draw something else; it is told instead.

    diffusers copies it, with what it imports relatively, to a place of its own, so it has to say everything itself, and to
    import every other file, also those that only these import.
    """
    head = '"""Made by brickwork: lets diffusers run the blocks of this repository, with brickwork installed."""\n'
    # An import that fails says it before anything is computed; diffusers has no other place for such a word.
    if only_here:
        reason = f"diffusers would run this without {', '.join(only_here)}: open the repository with brickwork."
        return f"{head}\nraise ImportError({reason!r})\n"
    nested = sorted(name for name in sources.files if "/" in name)
    if nested:
        reason = (
            f"diffusers copies files of one folder only, and there is {nested[0]}: open the repository with brickwork."
        )
        return f"{head}\nraise ImportError({reason!r})\n"
    custom = sorted(set(sources.places.values()))
    # diffusers copies the files that the adapter imports by name in its first lines
    # (`dynamic_modules_utils.get_relative_imports`), those without classes of blocks, too.
    imports = [
        f"from .{name.removesuffix('.py')} import __name__ as file_{n}" for n, name in enumerate(sorted(sources.files))
    ]
    classes = []
    for number, place in enumerate(custom):
        file, _, qualified = place.removeprefix("./").partition(":")
        first, dot, rest = qualified.partition(".")
        imports.append(f"from .{file.removesuffix('.py')} import {first} as block_{number}")
        classes.append(f"    {place!r}: block_{number}{dot}{rest},")
    # Twice: the outer text is a Python literal, so that nothing in the data is code.
    data = json.dumps(json.dumps({"composition": composition, "created": created}))
    body = ["import json", "", "from brickwork.saving.diffusers_module import blocks_for_diffusers", "", *imports]
    body += ["", "CLASSES = {", *classes, "}", f"DATA = json.loads({data})"]
    body += [f'{_CLASS} = blocks_for_diffusers(DATA["composition"], DATA["created"], CLASSES, __name__)', ""]
    return head + "\n" + "\n".join(body)
