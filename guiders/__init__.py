"""Guidance: which predictions to make at a step, and how to combine them."""

from .adaptive_projected import AdaptiveProjectedGuidance, AdaptiveProjectedMixGuidance
from .around import GuidanceAround
from .auto_guidance import AutoGuidance
from .classifier import ClassifierGuidance
from .classifier_free import ClassifierFreeGuidance
from .conditional import ConditionalGuidance
from .conversion import GUIDERS, guider_of
from .dynamic_thresholding import DynamicThresholding
from .embedded import EmbeddedGuidance
from .frequency_decoupled import FrequencyDecoupledGuidance
from .guider import Branch, GuidanceStep, Guider
from .image_text import ImageTextGuidance
from .magnitude_aware import MagnitudeAwareGuidance
from .noise_level import NoiseLevel
from .perturbation import LayerSkipConfig, Perturbation
from .perturbed import PerturbedGuidance
from .perturbed_attention import PerturbedAttentionGuidance
from .sample_space import SampleSpaceGuidance
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
    "ClassifierGuidance",
    "ConditionalGuidance",
    "DynamicThresholding",
    "EmbeddedGuidance",
    "FrequencyDecoupledGuidance",
    "GuidanceAround",
    "GuidanceStep",
    "Guider",
    "ImageTextGuidance",
    "LayerSkipConfig",
    "MagnitudeAwareGuidance",
    "NoiseLevel",
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
