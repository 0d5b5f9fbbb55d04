"""Guidance: which predictions to make at a step, and how to combine them."""

from .adaptive_projected import AdaptiveProjectedGuidance, AdaptiveProjectedMixGuidance
from .auto_guidance import AutoGuidance
from .classifier_free import ClassifierFreeGuidance
from .conditional import ConditionalGuidance
from .conversion import GUIDERS, guider_of
from .embedded import EmbeddedGuidance
from .frequency_decoupled import FrequencyDecoupledGuidance
from .guider import Branch, GuidanceStep, Guider
from .image_text import ImageTextGuidance
from .magnitude_aware import MagnitudeAwareGuidance
from .perturbation import LayerSkipConfig, Perturbation
from .perturbed import PerturbedGuidance
from .perturbed_attention import PerturbedAttentionGuidance
from .skip_layer import SkipLayerGuidance
from .smoothed_energy import SmoothedEnergyGuidance
from .stateful import StatefulGuider
from .tangential import TangentialClassifierFreeGuidance
from .zero_star import ClassifierFreeZeroStarGuidance

__all__ = [
    "GUIDERS",
    "AdaptiveProjectedGuidance",
    "AdaptiveProjectedMixGuidance",
    "AutoGuidance",
    "Branch",
    "ClassifierFreeGuidance",
    "ClassifierFreeZeroStarGuidance",
    "ConditionalGuidance",
    "EmbeddedGuidance",
    "FrequencyDecoupledGuidance",
    "GuidanceStep",
    "Guider",
    "ImageTextGuidance",
    "LayerSkipConfig",
    "MagnitudeAwareGuidance",
    "Perturbation",
    "PerturbedAttentionGuidance",
    "PerturbedGuidance",
    "SkipLayerGuidance",
    "SmoothedEnergyGuidance",
    "StatefulGuider",
    "TangentialClassifierFreeGuidance",
    "guider_of",
]
