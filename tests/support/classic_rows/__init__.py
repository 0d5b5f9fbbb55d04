"""The parts table of classic pipelines: a row for each class that is compared with itself, adopted."""

from __future__ import annotations

from classic_rows import (
    cosmos,
    deepfloyd,
    deprecated,
    films,
    flux,
    kandinsky,
    language,
    newer,
    older,
    pixels,
    priors,
    sd,
    sd3,
    sdxl,
    sounds,
    t5,
    video,
)
from classic_rows.row import Row

FAMILIES = (
    sd, sdxl, sd3, flux, kandinsky, priors, deepfloyd, t5, language, newer, video, films, cosmos, sounds, pixels, older, deprecated
)  # fmt: skip
ROWS: dict[str, Row] = {name: row for family in FAMILIES for name, row in family.ROWS.items()}
