"""Measures of images: blocks that say numbers."""

from .clip_measures import GatherClipFeatures, MeasureClipScore, MeasureDirection, MeasureImageSimilarity
from .clip_parts import clip_parts
from .gathering import GatherFeatures, OverImages
from .judged import ImageJudge, JudgeImages
from .looks import MeasureLPIPS
from .pixel_measures import MeasurePSNR, MeasureSSIM
from .reconstruction import Reconstruct
from .set_measures import MeasureFID, MeasureInceptionScore, MeasureKID

__all__ = [
    "GatherClipFeatures",
    "GatherFeatures",
    "ImageJudge",
    "JudgeImages",
    "MeasureClipScore",
    "MeasureDirection",
    "MeasureFID",
    "MeasureImageSimilarity",
    "MeasureInceptionScore",
    "MeasureKID",
    "MeasureLPIPS",
    "MeasurePSNR",
    "MeasureSSIM",
    "OverImages",
    "Reconstruct",
    "clip_parts",
]
