"""What blocks can do that rooms above them know how to do: opened, saved and published, made a pipeline of.

A block's methods name it here, and it is imported when it is asked for. Nothing else in the lower rooms looks upwards.
"""

from __future__ import annotations

import importlib
from typing import Any

_TARGETS = {
    "classic_class": "blocks.classic.classic_block",
    "waiting_tokenizer": "blocks.classic.own_structure",
    "check": "blocks.checks.composition_checks",
    "other_writers": "blocks.checks.other_branches",
    "open_repository": "saving.open_repository",
    "save_blocks": "saving.save_blocks",
    "blocks_for_diffusers": "saving.diffusers_module",
    "ModularPipeline": "pipeline.modular_pipeline",
    "unknown_arguments": "pipeline.names_of_diffusers",
    "Previews": "pipeline.images.previews",
}
_ROOT = __name__.partition(".blocks.")[0]


def late(name: str) -> Any:
    """Return what stands under a name in a room above."""
    return getattr(importlib.import_module(f"{_ROOT}.{_TARGETS[name]}"), name)
