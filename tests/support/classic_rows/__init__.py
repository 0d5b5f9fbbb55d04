"""The parts table of classic pipelines: a row for each class that is compared with itself, adopted."""

from __future__ import annotations

from classic_rows import deepfloyd, flux, kandinsky, pixels, sd, sd3, sdxl, t5, video
from classic_rows.row import Row

ROWS: dict[str, Row] = {
    **sd.ROWS,
    **sdxl.ROWS,
    **sd3.ROWS,
    **flux.ROWS,
    **pixels.ROWS,
    **t5.ROWS,
    **video.ROWS,
    **deepfloyd.ROWS,
    **kandinsky.ROWS,
}
