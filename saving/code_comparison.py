"""Whether the code that was written of blocks and guiders is the code that runs: files, names and methods may have changed since."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from typing import Any

from ..registry.hub.repo_code import trial
from ..state import BrickworkError
from ..state.code_home import is_library
from ..state.digest import DigestWriter, code_identity
from .block_slice import text_of_class
from .block_sources import Sources

_LABELS = {"global": "global", "attribute": "attribute", "of module": "name of a module", "keyword": "default of"}


def code_faults(sources: Sources) -> list[str]:
    """Say which classes cannot be imported from what was written of them, and which would be others than those that run."""
    found = _compared(sources, sources.files, sources.places)
    others = {cls: sources.places[cls] for cls in found if cls in sources.cut_out}
    same = {cls for cls in others if not _compared(sources, _as_in_cell(sources, cls), {cls: others[cls]})}
    return [fault for cls, fault in found.items() if cls not in same]


def _compared(sources: Sources, files: Mapping[str, bytes], places: Mapping[type, str]) -> dict[type, str]:
    """Say of each class what is wrong with it, where something is."""
    faults: dict[type, str] = {}
    # Imported from the bytes that are to be written, and not from the module that runs, which would be the same by
    # definition.
    with trial(files) as find:
        for cls, reference in places.items():
            try:
                again = find(*reference.removeprefix("./").split(":"))
            except BrickworkError as error:
                faults[cls] = str(error)
                continue
            # Of an installed package only the version counts, and its digest has nothing that could be compared.
            if not is_library(cls.__module__) and code_identity(cls).digest != code_identity(again).digest:
                faults[cls] = _fault(cls, again, cls in sources.cut_out)
    return faults


def _as_in_cell(sources: Sources, cls: type) -> dict[str, bytes]:
    """Return the files, with what the cell of a class does not import itself imported so that the compiler does not see it.

    Python compiles `torch.stack(...)` otherwise where `import torch` stands in the same text (`maybe_optimize_method_call` in its
    compile.c), which in a notebook is another cell's.
    """
    name = sources.places[cls].removeprefix("./").partition(":")[0]
    tree = ast.parse(sources.files[name])
    own = {bound for node in ast.parse(text_of_class(cls)).body for bound in _bound(node)}
    for at, node in enumerate(tree.body):
        if not own.issuperset(_bound(node)):
            tree.body[at] = ast.parse(f"exec({ast.unparse(node)!r}, globals())").body[0]
    return {**sources.files, name: ast.unparse(tree).encode()}


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that an import gives; `annotations` of the future is none, and has to stand first."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)) or getattr(node, "module", None) == "__future__":
        return set()
    return {(each.asname or each.name).partition(".")[0] for each in node.names}


def _fault(cls: type, again: type, is_cut_out: bool) -> str:
    part = _where_they_part(cls, again)
    if is_cut_out:
        return (
            f"The code of {cls.__qualname__} that runs is not what its source in the script or notebook says: {part} is another one. Run "
            "the script or the cells anew, or write the change into the source."
        )
    file: Any = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return (
        f"The code of {cls.__qualname__} that runs is not what its file {file} says, or a file that it imports: {part} is another one. "
        "Reload the module and make the object anew, or write the change into the file."
    )


class _Spelled(DigestWriter):
    """Notes what it is fed, to tell where two digests part."""

    def __init__(self, cls: type) -> None:
        super().__init__(is_code=True)
        self.parts: list[tuple[str, bytes]] = []
        self.add(cls)
        self.hexdigest()

    def put(self, kind: str, data: Any = b"") -> None:
        self.parts.append((kind, memoryview(data).tobytes()))
        super().put(kind, data)


def _where_they_part(cls: type, again: type) -> str:
    """Name the function, class or module, and the name in it, at which the code of two classes differs first."""
    ours, theirs = _Spelled(cls).parts, _Spelled(again).parts
    place = next((n for n, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), len(ours) - 1)
    found, label = cls.__qualname__, ""
    for kind, data in ours[: place + 1]:
        if kind == "contents":
            found, label = data.decode() or "a module", ""
        elif kind in _LABELS:
            label = f" ({_LABELS[kind]} {data.decode()!r})"
    return f"{found}{label}"
