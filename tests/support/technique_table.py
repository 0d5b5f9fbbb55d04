"""Which technique fits which family, tried out on tiny models: the tables of docs/techniques.md.

.venv/bin/python tests/support/technique_table.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from technique_families import contract, family
from technique_rows import ROWS, Row

from brickwork.adapters.techniques.applying import put_on, take_off
from brickwork.state import ComponentError

PAGE = Path(__file__).parents[2] / "docs" / "techniques.md"
BEGIN, END = "<!-- families: begin -->\n", "<!-- families: end -->"


def kinds() -> str:
    """What each technique is, in Markdown."""
    head = "| technique | acts on | mathematics | memory |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{row.name}` | {_place(row)} | {_kind(row)} | {row.technique.memory or '-'} |\n" for row in ROWS
    )


def _place(row: Row) -> str:
    return "VAE" if row.component == "vae" else "denoiser"


def _kind(row: Row) -> str:
    if isinstance(type(row.technique).exact, property):
        return "the same, or rounded, by back end"
    return "the same" if row.technique.exact else "approximate"


def family_row(name: str) -> str:
    """Which techniques fit a family, as a row of Markdown."""
    held: dict[str, Any] = family(name).make()
    denoiser, vae = held[family(name).denoiser], held.get("vae", held.get("vqvae", held.get("movq")))
    cells = []
    for row in ROWS:
        model = vae if row.component == "vae" else denoiser
        cells.append("yes" if model is not None and _fits(model, row, name) else "")
    return f"| {name} | {' | '.join(cells)} |\n".replace("|  |", "| |").replace("|  |", "| |")


def _fits(model: Any, row: Row, name: str) -> bool:
    try:
        put_on("it", model, [row.technique], contract(name))
    except ComponentError:
        return False
    take_off("it", model)
    return True


def family_head() -> str:
    """The head of the table of families."""
    return f"| family | {' | '.join(row.name for row in ROWS)} |\n|{' --- |' * (len(ROWS) + 1)}\n"


def names() -> list[str]:
    """The families, in the order of the table."""
    from family_table import families

    return sorted({"sdxl", *families()})


if __name__ == "__main__":
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    table = family_head() + "".join(map(family_row, names()))
    PAGE.write_text(f"{before}{BEGIN}\n{kinds()}\n{table}\n{END}{rest.partition(END)[2]}")
