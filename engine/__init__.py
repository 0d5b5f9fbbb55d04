"""Executes plans. Knows nothing of diffusion or of models."""

from .planning.plan import Plan, make_plan
from .run import Run
from .settings import RunSettings
from .steps import ChoiceStep, LeafStep, LoopStep, Step

__all__ = ["ChoiceStep", "LeafStep", "LoopStep", "Plan", "Run", "RunSettings", "Step", "make_plan"]
