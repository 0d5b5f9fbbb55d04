"""Names of compositions, model families and shipped folders.

The modules that make them register them here, each by its own import path, so the catalog needs none of the rooms above it. A
module is found by its place: whatever lies in the package `presets` or `families` is imported when a name is first asked for. A
folder that writes its names down (`NAMES`) is not: they are read, and it is imported when the object of one is asked for.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from functools import cache
from importlib.abc import InspectLoader
from pathlib import Path
from typing import Any

from ..state import CompositionError
from ..state.errors import did_you_mean


@cache
def import_all(package: str) -> None:
    """Import every module of a package of this one, so that all that they register is there."""
    _import_below(f"{_ROOT}.{package}")


def _import_below(name: str) -> None:
    found = importlib.import_module(name)
    for each in pkgutil.walk_packages(getattr(found, "__path__", ()), f"{name}."):
        importlib.import_module(each.name)


def _written_names(module: str) -> dict[str, str] | None:
    """Return what `NAMES` of a module says, which is read and not run: to import a family with all its compositions takes 12 to 60 ms.

    None is of a module that writes none down; one without compositions says so by an empty dict.
    """
    spec = importlib.util.find_spec(module)
    loader = None if spec is None else spec.loader
    source = loader.get_source(module) if isinstance(loader, InspectLoader) else None
    for each in ast.parse(source or "").body:
        targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "NAMES" for target in targets):
            names: dict[str, str] = ast.literal_eval(getattr(each, "value", None) or "{}")
            return names
    return None


_ROOT = __name__.partition(".registry")[0]


class Catalog:
    """Names to objects, imported when they are asked for.

    Args:
        package: whose modules register what they hold; they are imported at the first question. reads_names: its folders alone do, and may write
            `NAMES` down instead, a dict of text: name to attribute of the folder, or of a module in it ("released:TEXT2IMAGE").
    """

    def __init__(
        self, entries: dict[str, str] | None = None, package: str | None = None, reads_names: bool = False
    ) -> None:
        self._own = dict(entries or {})
        self._package = package
        self._reads_names = reads_names
        self._is_filled = package is None

    @property
    def _entries(self) -> dict[str, str]:
        # Not when this module is imported: presets are above this room.
        if not self._is_filled:
            self._fill()
            self._is_filled = True
        return self._own

    def _fill(self) -> None:
        if not self._reads_names:
            import_all(self._package or "")
            return
        found = importlib.import_module(f"{_ROOT}.{self._package}")
        for each in pkgutil.iter_modules(found.__path__, f"{found.__name__}."):
            if not each.ispkg:  # what several folders share registers nothing
                continue
            names = _written_names(each.name)
            if names is None:
                _import_below(each.name)
                continue
            for name, written in names.items():
                module, _, attribute = written.rpartition(":")
                self.register(name, f"{'.'.join(filter(None, (each.name, module)))}:{attribute}")

    def register(self, name: str, target: str) -> None:
        """Add an entry: `target` is "module:attribute".

        Raises:
            CompositionError: the name is taken by something else.
        """
        # Again is fine: a module may be reloaded.
        known = self._own.setdefault(name, target)
        if known != target:
            raise CompositionError(f"The name {name!r} is taken by {known}; {target} needs another.")

    def get(self, name: str) -> Any:
        """Return the object of a name.

        Raises:
            CompositionError: the name is unknown.
        """
        if name not in self._entries:
            raise CompositionError(f"Nothing is named {name!r}. {did_you_mean(name, self._entries)}")
        module, _, attribute = self._entries[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def beside(self, name: str) -> list[str]:
        """Return the names, itself among them, whose objects lie in the same folder of the package: presets of one family."""
        return [each for each in self if self.folder_of(each) == self.folder_of(name)]

    def folder_of(self, name: str) -> str:
        """Return the folder of the package in which a name's object lies: "sd3" for "brickwork.presets.sd3.auto:SD3AutoBlocks"."""
        return self._entries[name].partition(":")[0].removeprefix(f"{_ROOT}.{self._package}.").partition(".")[0]

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Any:
        return iter(sorted(self._entries))


catalog = Catalog(package="presets", reads_names=True)
"""Compositions by name, and by the class names that repositories write."""

VARIANT = "/"
"""Between a class name and the variant that opens where a repository says that it has no component which the plain one needs."""

shipped = Catalog(package="presets.embedded")
"""Folders of models that come with this package, by the names under which recipes know them. Every recipe asks, and other presets have none."""


def shipped_name(folder: str | Path) -> str | None:
    """Return the short name ("embedded") of a folder that comes with this package; None for any other."""
    path = Path(folder)
    # A repository on the Hub has a relative name, which must not be looked up in the working directory.
    if not path.is_absolute():
        return None
    found = next((name for name in shipped if path.resolve() == Path(shipped.get(name)).resolve()), None)
    return None if found is None else found.partition("/")[2]


def shipped_folder(name: str) -> str | None:
    """Return the folder that comes with this package under a short name; None if there is none."""
    whole = f"brickwork/{name}"
    return str(shipped.get(whole)) if whole in shipped else None


_compositions = Catalog(package="presets.embedded")


def register_shipped_composition(target: str) -> None:
    """Say of which composition the model is that comes with this package: `target` is "module:attribute" of its name."""
    _compositions.register("composition", target)


def shipped_composition() -> str:
    """Return the name of the composition of the model that comes with this package."""
    return str(_compositions.get("composition"))


families = Catalog(package="families")
"""Contracts of model families, by the `model_name` of their blocks."""
