"""Packages as an installer leaves them: their metadata in a folder of the path, made of a pyproject.toml or of what a test says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path


def install(
    site: Path,
    name: str,
    version: str = "1.0",
    entry_points: str | bytes = "",
    requires: tuple[str, ...] = (),
    modules: Mapping[str, str] | None = None,
    metadata: str | bytes | None = None,
) -> Path:
    """Write a package into a folder, and return its dist-info."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    _write(info / "METADATA", "\n".join(lines) + "\n" if metadata is None else metadata)
    _write(info / "entry_points.txt", entry_points)
    for module, code in (modules or {}).items():
        _write(site / module, code)
    # By it Python says which package a module is of.
    _write(info / "RECORD", "".join(f"{each},,\n" for each in (*(modules or {}), f"{info.name}/METADATA")))
    return info


def install_project(site: Path, project: Path) -> None:
    """Install a folder with a pyproject.toml as `pip install --editable` does: metadata in the site, code where it is."""
    said = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in said["entry-points"].items()
    ]
    install(site, said["name"], said["version"], "\n".join(groups), tuple(said["dependencies"]))
    (site / f"{said['name']}.pth").write_text(f"{project}\n")


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
