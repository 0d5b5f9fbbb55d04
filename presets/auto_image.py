"""Text to image, image to image and inpainting of a family in one composition, steered and told an image where one is given."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..families.contract import FamilyContract
from .auto import AutoForm, AutoPlace, AutoTask, auto
from .tasks import Blocks, image2image, image_prompt, inpainting, text2image, with_control

WORKFLOWS: dict[str, tuple[str, ...]] = {
    "text2image": (),
    "image2image": ("image",),
    "inpainting": ("mask_image", "image"),
    "controlnet_text2image": ("control_image",),
    "controlnet_image2image": ("control_image", "image"),
    "controlnet_inpainting": ("control_image", "mask_image", "image"),
    "ip_adapter_text2image": ("ip_adapter_image",),
    "ip_adapter_image2image": ("ip_adapter_image", "image"),
    "ip_adapter_inpainting": ("ip_adapter_image", "mask_image", "image"),
    "ip_adapter_controlnet_text2image": ("ip_adapter_image", "control_image"),
    "ip_adapter_controlnet_image2image": ("ip_adapter_image", "control_image", "image"),
    "ip_adapter_controlnet_inpainting": ("ip_adapter_image", "control_image", "mask_image", "image"),
}
"""What `auto_image` does, by the inputs that ask for it."""

_DOCS = {
    "AutoInpaintImageEncoder": "Encode the image whose masked area is drawn anew; where it is steered, its size is that of the results.",
    "AutoImageEncoder": "Encode the image, where one is given.",
    "AutoSetTimesteps": "Choose the timesteps of the task.",
    "InpaintLatents": "Prepare latents and mask.",
    "ControlledInpaintLatents": "Prepare latents and mask, and what steers.",
    "AutoInpaintLatents": "Prepare latents and mask, steered where a control image is given.",
    "ControlledImageLatents": "Prepare the latents of the image, and what steers.",
    "AutoImageLatents": "Prepare the latents of the image, steered where a control image is given.",
    "ControlledTextLatents": "Prepare what steers, and latents of the size of its image where no other is given.",
    "AutoTextLatents": "Prepare latents, steered where a control image is given.",
    "AutoPrepareLatents": "Prepare the latents of the task.",
    "AutoPrepareSizeConditioning": "Tell the denoiser about sizes, as the task does.",
    "AutoInpaintDenoise": "Denoise the masked area, steered where a control image is given.",
    "AutoTextDenoise": "Denoise, steered where a control image is given.",
    "AutoDenoise": "Denoise, keeping what lies outside of the mask where one is given.",
    "AutoDecode": "Decode; where only the surroundings of a mask were worked on, into the whole image.",
}
_PLACES = {
    "prepare_latents": AutoPlace(parts=("prepare_latents", "prepare_mask", "prepare_masked_image", "controlnet_input")),
    "prepare_add_cond": AutoPlace(word="PrepareSizeConditioning"),
    "decode": AutoPlace(
        names=("overlay", "plain"),
        triggers=("padding_mask_crop", None),
        requires={"overlay": ("image", "mask_image")},
    ),
}


def auto_image(family: FamilyContract, namespace: dict[str, Any], prefix: str | None = None) -> Blocks:
    """Return the blocks of the three tasks in one, by name: a mask asks for inpainting, an image for image to image.

    Args:
        namespace: the `globals()` of the module whose classes the choices are; see `auto`. prefix: of their names; the family's.
    """
    tasks = [
        AutoTask("inpaint", "Inpaint", inpainting(family), "mask_image", ("image",)),
        AutoTask("image2image", "Image", image2image(family), "image"),
        AutoTask(_plain_task(family), "Text", text2image(family)),
    ]
    control = AutoForm("controlled", "control_image", partial(with_control, family=family))
    forms = [control] if "controlnet" in family.roles else []
    made = auto(tasks, _DOCS, namespace, forms, _PLACES, family.prefix if prefix is None else prefix)
    return made.insert("ip_adapter", image_prompt(family)["ip_adapter"], 0) if family.fields("image_prompt") else made


def _plain_task(family: FamilyContract) -> str:
    """Return what the task is called in which no image is given."""
    # Of a decoder, too, that is told what a prior makes of the text.
    if family.text_encodings or family.fields("prompt_embeds"):
        return "text2image"
    return "class2image" if family.fields("labels") else "unconditional"
