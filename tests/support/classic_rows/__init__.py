"""The parts table of classic pipelines: a row for each class that is compared with itself, adopted."""

from __future__ import annotations

from classic_rows import deepfloyd, flux, kandinsky, language, older, pixels, sd, sd3, sdxl, t5, video
from classic_rows.row import Row

_FAMILIES = (sd, sdxl, sd3, flux, pixels, t5, video, deepfloyd, kandinsky, language, older)
ROWS: dict[str, Row] = {name: row for family in _FAMILIES for name, row in family.ROWS.items()}
