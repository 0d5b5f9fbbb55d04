"""Guidance: which predictions to make at a step, and how to combine them."""

from .classifier_free import ClassifierFreeGuidance
from .guider import Branch, GuidanceStep, Guider
from .stateful import StatefulGuider

__all__ = ["Branch", "ClassifierFreeGuidance", "GuidanceStep", "Guider", "StatefulGuider"]
