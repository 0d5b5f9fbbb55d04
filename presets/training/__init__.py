"""Training recipes: compositions of `blocks/training` over families, and what prepares their objects."""

from .prepared_training import PreparedTraining
from .text2image_lora import prepare_lora, save_lora, text2image_training

__all__ = ["NAMES", "PreparedTraining", "prepare_lora", "save_lora", "text2image_training"]

NAMES: dict[str, str] = {}
"""A recipe is a function of a family and no composition of its own, so the catalog has none."""
