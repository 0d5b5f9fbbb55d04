"""Executes plans. Knows nothing of diffusion or of models."""

from .nodes import BlockNode, ChoiceNode, LoopNode, Node
from .planning.plan import Plan, make_plan
from .planning.stages import Stage, StageProfile, Stages
from .run import Run
from .settings import RunSettings

__all__ = [
    "BlockNode",
    "ChoiceNode",
    "LoopNode",
    "Node",
    "Plan",
    "Run",
    "RunSettings",
    "Stage",
    "StageProfile",
    "Stages",
    "make_plan",
]
