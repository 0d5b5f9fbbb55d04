"""A check of finished pictures, as a last block of any task."""

from __future__ import annotations

from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.steps.check_safety import CheckSafety
from ...families.sdxl import SDXL
from .text2image import Blocks

SAFETY_BLOCKS: Blocks = InsertableDict(safety_checker=CheckSafety.bind(SDXL))
"""What looks at pictures after they are decoded, by name."""
