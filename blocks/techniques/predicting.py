"""Another prediction in a denoising loop, with what steers the present one."""

from __future__ import annotations

import copy
from typing import Any

from ...families.contract import FamilyContract
from ...state import CompositionError
from ..steps.predict_noise import PredictNoise


def with_prediction(loop: Any, predict: type[PredictNoise], family: FamilyContract) -> Any:
    """Return a denoising loop, of its class or of an instance, that predicts in another way, steered by what steers it now.

    Raises:
        CompositionError: no block in the loop predicts, or it does so in a way of its own already.
    """
    made = loop() if isinstance(loop, type) else copy.deepcopy(loop)
    found = {name: block for name, block in getattr(made, "sub_blocks", {}).items() if isinstance(block, PredictNoise)}
    if not found:
        raise CompositionError(
            f"'denoise' is {type(made).__name__}, which has no PredictNoise among its blocks, and {predict.__name__} takes the place of that. "
            "Give the blocks of a task, such as TEXT2IMAGE_BLOCKS, with its loop as 'denoise'."
        )
    for name, block in found.items():
        plain = type(block)
        if plain.run is not PredictNoise.run:
            raise CompositionError(
                f"'denoise.{name}' is {plain.__name__}, which predicts in a way of its own, and {predict.__name__} would not. Use one of them."
            )
        parts = [getattr(part, "bound_from", part) for part in plain.parts]
        made.sub_blocks[name] = predict.plus(*parts).bind(family)(**block.options)
    return made
