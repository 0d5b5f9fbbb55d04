"""Executes plans. Knows nothing of diffusion or of models."""

from .planning.plan import Plan, make_plan
from .run import Run
from .settings import RunSettings
from .steps import BlockNode, ChoiceNode, LoopNode, Step

__all__ = ["BlockNode", "ChoiceNode", "LoopNode", "Plan", "Run", "RunSettings", "Step", "make_plan"]
