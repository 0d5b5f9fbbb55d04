"""Images larger than what is denoised at once, as a function of the blocks of a task."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.core.scope import Scope
from ..blocks.steps.decode import Decode
from ..blocks.steps.denoise import Denoise
from ..blocks.techniques.predicting import with_prediction
from ..blocks.techniques.windows import DecodeCircular, PredictWindows, PrepareWindows, WindowedDenoise
from ..families.contract import FamilyContract
from ..state import CompositionError
from .tasks import Blocks, named_blocks, of_family

_OF_WINDOWS = {"height": "window_height", "width": "window_width"}


def with_windows(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task that is denoised in overlapping windows: panoramas, and images that are enlarged by tiles.

    `window_height`, `window_width`, `window_stride` and `circular` are its inputs. What depends on the size of an image is that of a window: the
    shift of a schedule (Stable Diffusion 3, FLUX), and what a denoiser is told of sizes (Stable Diffusion XL) unless the caller says it.

    Raises:
        CompositionError: the blocks are those of no task or of another family, or predict in a way of their own.

    Example:
        >>> from brickwork.families.sdxl import SDXL
        >>> from brickwork.presets.tasks import text2image
        >>> list(with_windows(text2image(SDXL), SDXL))[3:]
        ['prepare_latents', 'windows', 'prepare_add_cond', 'denoise', 'decode']
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_windows(blocks)"))
    of_family(made, family, "with_windows(blocks, family)")
    sized = next((name for name in ("resolve_size", "prepare_latents") if name in made), None)
    if sized is None or "denoise" not in made:
        raise CompositionError(
            "with_windows(blocks) takes the blocks of a task, and there is no "
            f"{'prepare_latents' if sized is None else 'denoise'!r} among these: {', '.join(made)}."
        )
    is_plain = made["denoise"] is Denoise.bind(family)
    made["denoise"] = (
        WindowedDenoise.bind(family) if is_plain else with_prediction(made["denoise"], PredictWindows, family)
    )
    made.insert_after(sized, "windows", PrepareWindows.bind(family))
    for name in ("set_timesteps", "prepare_add_cond"):
        if name in made and list(made).index(name) > list(made).index("windows"):
            made[name] = _sized_as_windows(name, made[name])
    if "decode" in made:
        made["decode"] = _decoding_around(made["decode"], family)
    return made


def _sized_as_windows(name: str, block: Any) -> Any:
    """Return a block that takes the size of windows for that of the image."""
    step = block() if isinstance(block, type) else block
    written = {output.name: output.name for output in step.intermediate_outputs}
    own = {param.name: param.name for param in step.inputs if param.name in written}
    return Scope.from_blocks_dict({name: step}, inputs={**own, **_OF_WINDOWS}, outputs=written)


def _decoding_around(block: Any, family: FamilyContract) -> Any:
    """Return what decodes, over the edges of circular images too."""
    if block is Decode.bind(family):
        return DecodeCircular.bind(family)
    step = block() if isinstance(block, type) else copy.deepcopy(block)
    for name, each in getattr(step, "sub_blocks", {}).items():
        if type(each) is Decode.bind(family):
            step.sub_blocks[name] = DecodeCircular.bind(family)()
    return step
