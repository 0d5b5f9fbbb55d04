"""Guidance: which predictions to make at a step, and how to combine them."""

from typing import Any

from ..state.user_warnings import deprecated
from .by_name import GUIDERS
from .embedded import EmbeddedGuidance
from .guider import GuidanceBranch, GuidanceStep, Guider
from .guider_file import guider_of
from .methods.adaptive_projected import AdaptiveProjectedGuidance, AdaptiveProjectedMixGuidance
from .methods.around import GuidanceAround
from .methods.auto_guidance import AutoGuidance
from .methods.classifier import ClassifierGuidance
from .methods.classifier_free import ClassifierFreeGuidance
from .methods.conditional import ConditionalGuidance
from .methods.dynamic_thresholding import DynamicThresholding
from .methods.frame_scaled import FrameScaledGuidance
from .methods.frequency_decoupled import FrequencyDecoupledGuidance
from .methods.image_text import ImageTextGuidance
from .methods.magnitude_aware import MagnitudeAwareGuidance
from .methods.norm_kept import NormKeptGuidance
from .methods.perturbed import PerturbedGuidance
from .methods.perturbed_attention import PerturbedAttentionGuidance
from .methods.sample_space import SampleSpaceGuidance
from .methods.skip_layer import SkipLayerGuidance
from .methods.smoothed_energy import SmoothedEnergyGuidance
from .methods.tangential import TangentialClassifierFreeGuidance
from .methods.zero_star import ClassifierFreeZeroStarGuidance
from .noise_level import NoiseLevel
from .perturbation import LayerSkipConfig, Perturbation
from .stateful import StatefulGuider

__all__ = [
    "GUIDERS",
    "AdaptiveProjectedGuidance",
    "AdaptiveProjectedMixGuidance",
    "AutoGuidance",
    "ClassifierFreeGuidance",
    "ClassifierFreeZeroStarGuidance",
    "ClassifierGuidance",
    "ConditionalGuidance",
    "DynamicThresholding",
    "EmbeddedGuidance",
    "FrameScaledGuidance",
    "FrequencyDecoupledGuidance",
    "GuidanceAround",
    "GuidanceBranch",
    "GuidanceStep",
    "Guider",
    "ImageTextGuidance",
    "LayerSkipConfig",
    "MagnitudeAwareGuidance",
    "NoiseLevel",
    "NormKeptGuidance",
    "Perturbation",
    "PerturbedAttentionGuidance",
    "PerturbedGuidance",
    "SampleSpaceGuidance",
    "SkipLayerGuidance",
    "SmoothedEnergyGuidance",
    "StatefulGuider",
    "TangentialClassifierFreeGuidance",
    "guider_of",
]


def __getattr__(name: str) -> Any:
    """Find the name that stood here before 0.1.0 was out."""
    if name != "Branch":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    deprecated("brickwork.guiders.Branch", "it is GuidanceBranch now", since=1)
    return GuidanceBranch
