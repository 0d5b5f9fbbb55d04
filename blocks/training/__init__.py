"""Blocks of which training recipes are made; `presets/training/` has recipes."""

from .compute_loss import ComputeLoss
from .encode_pixels import EncodePixels
from .image_batches import ImageBatches, LoadBatch
from .noise_batch import NoiseBatch
from .optimise import Optimise
from .predict_target import PredictTarget
from .train import TrainDenoiser

__all__ = [
    "ComputeLoss",
    "EncodePixels",
    "ImageBatches",
    "LoadBatch",
    "NoiseBatch",
    "Optimise",
    "PredictTarget",
    "TrainDenoiser",
]
