"""The package's rooms, and the files in them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (
    "state", "registry", "engine", "guiders", "families", "adapters", "blocks", "saving", "pipeline", "presets", "scale",
    "app", "modular_pipelines", "testing",
)  # fmt: skip


def sources() -> list[Path]:
    """Every file of code in the rooms."""
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
