"""The parts table of classic pipelines: a row for each class that is compared with itself, adopted."""

from __future__ import annotations

from classic_rows import deepfloyd, flux, kandinsky, language, older, pixels, sd, sd3, sdxl, t5, video
from classic_rows.row import Row

FAMILIES = (sd, sdxl, sd3, flux, kandinsky, deepfloyd, t5, language, video, pixels, older)
ROWS: dict[str, Row] = {name: row for family in FAMILIES for name, row in family.ROWS.items()}
NOT_COMPARED = {
    "CycleDiffusionPipeline": "gives nothing but nan with tiny random networks",
    "LEditsPPPipelineStableDiffusion": "draws from what its method `invert` left on the object; a run makes an object of its own",
    "LEditsPPPipelineStableDiffusionXL": "likewise",
}
"""Classes that have no row for a reason; others wait for their parts."""
