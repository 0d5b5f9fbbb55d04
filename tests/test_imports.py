"""Imports in the package, read from the source: no circle, one direction, and what only type checkers import upwards."""

from __future__ import annotations

from pathlib import Path

import module_imports
import pytest
from rooms import ROOMS, ROOT, sources

FILES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sources()}
BY_STRING = {
    "registry.catalog", "registry.hub.repo_code", "registry.loading.classes", "registry.loading.needed_packages", "blocks.core.late", "state.types",
    "state.code_digest", "blocks.core.block_catalog", "adapters.lora", "app.cli.main", "state", "scale", "pipeline", "registry",
    "scale.job", "app.cli.shared.own_blocks",
}  # fmt: skip
"""Modules that import by a name that they are given: catalogs, code of repositories, classes of components, annotations,
what a block's methods need of rooms above; commands and names of `state` and `scale` that are imported when they are asked for; blocks that a job, or an
option of the command line, names; the digest of code, which looks at what a function imports; and, of diffusers, blocks
that a composition names and the loader of LoRAs that a family names."""
UPWARDS = {("blocks.core.base", "pipeline.modular_pipeline")}
"""What only type checkers import from a room above: `init_pipeline` gives a `ModularPipeline`."""


def imports(name: str, *, deferred: bool = False, typing: bool = False) -> set[str]:
    """Modules of the package that a module imports; see `module_imports.imports`."""
    return module_imports.imports(name, FILES, deferred=deferred, typing=typing)


def circles(deferred: bool) -> list[set[str]]:
    """Sets of modules each of which imports every other one in the end."""
    graph = {name: imports(name, deferred=deferred) for name in FILES}
    reached = {name: _reached(name, graph) for name in graph}
    found = {
        frozenset({name, *(o for o in reached[name] if name in reached[o])}) for name in graph if name in reached[name]
    }
    return sorted(map(set, found), key=len, reverse=True)


def _reached(name: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    pending = [name]
    while pending:
        new = graph[pending.pop()] - found
        found |= new
        pending += new
    return found


@pytest.mark.parametrize("deferred", [False, True])
def test_no_module_imports_itself_through_others(deferred: bool) -> None:
    assert circles(deferred) == []


def test_type_checkers_alone_look_upwards_in_one_place() -> None:
    found = {(name, other) for name in FILES for other in imports(name, typing=True) if _room(other) > _room(name)}
    assert found == UPWARDS


def test_functions_import_from_no_room_above() -> None:
    assert {(name, o) for name in FILES for o in imports(name, deferred=True) if _room(o) > _room(name)} == set()


def _room(name: str) -> int:
    return ROOMS.index(name.partition(".")[0])


def test_modules_that_import_by_string_are_few_and_known() -> None:
    found = {name for name, path in FILES.items() if "import_module(" in path.read_text()}
    assert found == BY_STRING


def test_no_folder_and_no_file_is_too_large() -> None:
    folders = {path.parent for path in FILES.values()}
    assert max(len(list(folder.glob("*.py"))) for folder in folders) <= 40
    assert [name for name, path in FILES.items() if len(path.read_text().splitlines()) > 400] == []


def test_a_circle_and_a_look_upwards_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions of this file see what they are for."""
    texts = {
        "state.one": "from .two import b\n",
        "state.two": "def b():\n    from . import one\n",
        "engine.three": "from ..state.one import b\nif TYPE_CHECKING:\n    from ..pipeline.four import c\n",
        "pipeline.four": "",
    }
    made = {name: tmp_path / f"{name}.py" for name in texts}
    for name, path in made.items():
        path.write_text(texts[name])
    monkeypatch.setitem(globals(), "FILES", made)
    assert circles(False) == []
    assert circles(True) == [{"state.one", "state.two"}]
    assert imports("engine.three") == {"state.one"}
    assert imports("engine.three", typing=True) == {"pipeline.four"}
