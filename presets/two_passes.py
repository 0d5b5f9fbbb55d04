"""An image that is drawn small, enlarged, and changed by image to image of the same model (a "hires fix")."""

from __future__ import annotations

from typing import Any

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.core.scope import Scope
from ..blocks.core.sequential import SequentialPipelineBlocks
from ..blocks.techniques.enlarge_image import EnlargeImage
from ..blocks.techniques.families_in_turn import DecodeDrawn
from ..families.contract import FamilyContract
from .tasks import Blocks, image2image, of_family, text2image

_OF_FIRST = ("text_encoder", "input")
"""Blocks whose results the second pass reads, too: what is drawn, and how many images there are."""
_OWN = ("num_inference_steps", "sigmas", "timesteps")
"""Inputs that the second pass has for itself, with "second_" before their names."""
_OF_ENLARGED = {
    "image": "enlarged_pixels",
    "height": "enlarged_height",
    "width": "enlarged_width",
    "strength": "strength",
}


def two_passes(family: FamilyContract) -> Blocks:
    """Return the blocks that draw an image, enlarge it (`enlarge_by`, 2 where absent), and change it by image to image (`strength`).

    Models, prompts, guidance and generators are of both passes; the second has `second_num_inference_steps`, `second_sigmas` and
    `second_timesteps` of its own.

    Raises:
        CompositionError: the family is no contract.

    Example:
        >>> from brickwork.families.sdxl import SDXL
        >>> list(two_passes(SDXL))[-4:]
        ['denoise', 'decode', 'enlarge', 'second']
    """
    of_family({}, family, "two_passes(family)")
    made: Blocks = InsertableDict(text2image(family))
    made["decode"] = DecodeDrawn.bind(family)
    again = {name: block for name, block in image2image(family).items() if name not in _OF_FIRST}
    read = set(SequentialPipelineBlocks.from_blocks_dict(again).input_names)
    own = {name: f"second_{name}" for name in _OWN} | _OF_ENLARGED
    second: Any = Scope.from_blocks_dict(
        again, inputs={name: outside for name, outside in own.items() if name in read}, outputs={"images": "images"}
    )
    return made.insert_after("decode", "enlarge", EnlargeImage.bind(family)).insert_after("enlarge", "second", second)
