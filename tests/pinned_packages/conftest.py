"""Installs the pinned package whose tests run, for as long as they do."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed_package import install_project


@pytest.fixture(scope="module", autouse=True)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package in whose folder a test file lies is installed; it is imported anew."""
    project = Path(request.path).parent
    if not (project / "pyproject.toml").is_file():
        yield
        return
    site = tmp_path_factory.mktemp("site")
    install_project(site, project)
    before, modules = list(sys.path), set(sys.modules)
    sys.path[:0] = [str(site), str(project)]
    importlib.invalidate_caches()
    yield
    sys.path[:] = before
    for name in {*sys.modules} - modules:
        if name.startswith("pinned_"):
            del sys.modules[name]
