"""A block and a guider of one's own, as a user has them."""

from typing import Any

from attrs import frozen
from PIL import ImageEnhance

from brickwork import Block, ClassifierFreeGuidance, Outputs
from brickwork.state.vocabulary import Images


class Brighter(Block):
    """Make images brighter."""

    by: float = 1.5

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=[ImageEnhance.Brightness(image).enhance(self.by) for image in images])


@frozen(kw_only=True, slots=False)
class Weaker(ClassifierFreeGuidance):
    """Half of the guidance."""

    def combine(self, predictions: Any, step: Any, memory: Any = None) -> Any:
        guided, memory = super().combine(predictions, step, memory)
        return guided * 0.5 + predictions["conditional"] * 0.5, memory
