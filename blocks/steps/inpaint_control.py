"""What steers inpainting: control images, cut to the surroundings of the mask where only these are worked on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...state import Fault, Outputs
from ...state.vocabulary import (
    BatchSize,
    ControlEnd,
    ControlImage,
    ControlImages,
    ControlKeep,
    ControlMode,
    ControlScale,
    ControlScales,
    ControlStart,
    ControlTypes,
    CropRegion,
    DType,
    Height,
    ImagesPerPrompt,
    InputImage,
    ScheduledSteps,
    StepCount,
    Width,
)
from .control import ControlAsked, PrepareControl
from .encode_inpaint import cropped, sized_as
from .given_image import given_image


class PrepareInpaintControl(PrepareControl):
    """Bring the control images to the size of the images, of which they show what is worked on."""

    class Out(Outputs):
        controlnet_cond: ControlImages
        conditioning_scale: ControlScales
        controlnet_keep: ControlKeep
        control_kinds: ControlTypes

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Only images can be cut as the mask is."""
        wrong = list(super().input_faults(given))
        yield from wrong or uncut_faults(given, "control_image")

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        control_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        num_inference_steps: StepCount,
        height: Height,
        width: Width,
        scheduled_steps: ScheduledSteps | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        controlnet_conditioning_scale: ControlScale | None = None,
        control_guidance_start: ControlStart = 0.0,
        control_guidance_end: ControlEnd = 1.0,
        control_mode: ControlMode | None = None,
        crop_region: CropRegion | None = None,
        image: InputImage | None = None,
    ) -> Out:
        shown = control_image
        if crop_region is not None:
            over = None if image is None else given_image(image, "image")
            shown = cut_control(self.control_image_processor, control_image, crop_region, over, (height, width))
        asked = ControlAsked(controlnet_conditioning_scale, control_guidance_start, control_guidance_end, control_mode)
        rows = (batch_size, num_images_per_prompt, dtype)
        made, _, _ = self.prepared(shown, asked, rows, scheduled_steps or num_inference_steps, height, width)
        return self.Out(**made)


def uncut_faults(given: Mapping[str, Any], *names: str) -> Iterable[str]:
    """Say which images cannot be cut to the surroundings of the mask, where only these are worked on."""
    if given.get("padding_mask_crop") is None:
        return
    for name in names:
        shown = None if given.get(name) is None else given_image(given[name], name, "control")
        if shown is not None and not isinstance(shown, list) and not hasattr(shown, "getbbox"):
            text = f"padding_mask_crop works on PIL images, and {name} is another kind."
            yield Fault(text, "padding_mask_crop", name)


def cut_control(
    processor: Any, given: Any, region: tuple[int, int, int, int], image: Any, size: tuple[int, int]
) -> Any:
    """Return the part of each control image that is worked on, as the part of the image is brought to its size.

    Args:
        processor: of control images. image: in whose pixels the region is counted. size: height and width.
    """
    if isinstance(given, (list, tuple)):
        return [cut_control(processor, each, region, image, size) for each in given]
    shown = given_image(given, "control_image", "control")
    if isinstance(shown, list):
        return cut_control(processor, shown, region, image, size)
    part = sized_as(shown, image).crop(region)
    return processor.resize(part, *size, cropped(region)["resize_mode"])
