"""Whether the code that was written of blocks and guiders is the code that runs: files, names and methods may have changed since."""

from __future__ import annotations

import sys
from typing import Any

from ..registry.hub.repo_code import trial
from ..state import BrickworkError
from ..state.code_home import is_library
from ..state.digest import DigestWriter, code_identity
from .block_sources import Sources

_LABELS = {"global": "global", "attribute": "attribute", "of module": "name of a module", "keyword": "default of"}


def code_faults(sources: Sources) -> list[str]:
    """Say which classes cannot be imported from what was written of them, and which would be others than those that run."""
    faults: list[str] = []
    # Imported from the bytes that are to be written, and not from the module that runs, which would be the same by
    # definition.
    with trial(sources.files) as find:
        for cls, reference in sources.places.items():
            try:
                again = find(*reference.removeprefix("./").split(":"))
            except BrickworkError as error:
                faults.append(str(error))
                continue
            # Of an installed package only the version counts, and its digest has nothing that could be compared.
            if not is_library(cls.__module__) and code_identity(cls).digest != code_identity(again).digest:
                faults.append(_fault(cls, again, cls in sources.cut_out))
    return faults


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
