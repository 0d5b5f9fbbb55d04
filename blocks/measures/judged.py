"""What a judge of one's own says of images: a program that counts shapes, a classifier, a person's list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from ...state import InputError, Outputs
from ...state.vocabulary import Images, ImageScores, Prompt
from ..core.block import Block
from ..core.slots import component
from .compared_images import for_each_image, listed_images

if TYPE_CHECKING:
    from PIL.Image import Image


class ImageJudge(Protocol):
    """Anything that looks at an image and says a number, or which of several things are right."""

    def __call__(self, image: Image, prompt: str, /) -> float | bool | Mapping[str, bool]:
        """Say how well the image fits its prompt."""
        ...


class JudgeImages(Block):
    """Ask a judge about each image and its prompt; of several verdicts the share that is right is the number."""

    judge: ImageJudge = component(doc="Called with an image and its prompt.")

    class Out(Outputs):
        judged: ImageScores

    def run(self, images: Images, prompt: Prompt) -> Out:
        listed = listed_images(images, "images")
        prompts = for_each_image(prompt, len(listed), "prompt")
        return self.Out(judged=[_number(self.judge(image, text)) for image, text in zip(listed, prompts, strict=True)])


def _number(verdict: float | bool | Mapping[str, bool]) -> float:
    if not isinstance(verdict, Mapping):
        return float(verdict)
    if not verdict:
        raise InputError("The judge gave no verdict; it returns a number, or verdicts by name.")
    return sum(map(bool, verdict.values())) / len(verdict)
