"""The parts table of classic pipelines: a row for each class that is compared with itself, adopted."""

from __future__ import annotations

from classic_rows import (
    deepfloyd,
    deprecated,
    flux,
    kandinsky,
    language,
    older,
    pixels,
    priors,
    sd,
    sd3,
    sdxl,
    t5,
    video,
)
from classic_rows.row import Row

FAMILIES = (sd, sdxl, sd3, flux, kandinsky, deepfloyd, t5, language, video, pixels, older, deprecated, priors)
ROWS: dict[str, Row] = {name: row for family in FAMILIES for name, row in family.ROWS.items()}
