"""The fields of AUTOMATIC1111's stable-diffusion-webui (`modules/api/models.py`, 1.10), as data: what each is here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NUMBER, _WHOLE, _TEXT, _TRUTH = (int, float), (int,), (str,), (bool,)
_ANY = (bool, int, float, str, list, dict)

INPUTS: Mapping[str, tuple[str, ...]] = {
    "prompt": ("prompt",),
    "negative_prompt": ("negative_prompt",),
    "steps": ("num_inference_steps",),
    "cfg_scale": ("guidance_scale", "true_cfg_scale"),
    "width": ("width",),
    "height": ("height",),
    "denoising_strength": ("strength",),
    "mask_blur": ("mask_blur",),
}
"""Fields that are inputs: of the names, the first that a workflow has. What it has none of is listed as ignored."""
OF_IMAGES = frozenset({"denoising_strength", "mask_blur"})
"""Of them, those that say something of images that are given."""
READ: Mapping[str, tuple[type, ...]] = {
    "prompt": _TEXT, "negative_prompt": _TEXT, "steps": _WHOLE, "cfg_scale": _NUMBER, "width": _WHOLE, "height": _WHOLE,
    "denoising_strength": _NUMBER, "mask_blur": _WHOLE, "seed": _WHOLE, "batch_size": _WHOLE, "n_iter": _WHOLE, "sampler_name": _TEXT,
    "scheduler": _TEXT, "override_settings": (dict,), "alwayson_scripts": (dict,), "send_images": _TRUTH,
}  # fmt: skip
"""Fields that are read."""
READ_WITH_IMAGES: Mapping[str, tuple[type, ...]] = {
    "init_images": (list,), "mask": _TEXT, "inpainting_mask_invert": (int, bool), "inpaint_full_res": (bool, int),
    "inpaint_full_res_padding": _WHOLE, "include_init_images": _TRUTH,
}  # fmt: skip
REFUSED: Mapping[str, tuple[object, ...]] = {
    "enable_hr": (False,), "styles": ([],), "subseed_strength": (0,), "restore_faces": (False,), "tiling": (False,), "script_name": ("",),
    "script_args": ([],), "refiner_checkpoint": ("", "None"), "latent_mask": ("",), "infotext": ("",), "seed_resize_from_h": (0, -1),
    "seed_resize_from_w": (0, -1), "include_init_images": (False,),
}  # fmt: skip
"""Fields that ask for another image than a workflow makes, with the values that ask for nothing; the others are refused."""
IGNORED: Mapping[str, tuple[object, ...]] = {
    "subseed": (-1,), "eta": (0, 1), "s_churn": (0,), "s_tmax": (0,), "s_tmin": (0,), "s_noise": (1,), "s_min_uncond": (0,),
    "override_settings_restore_afterwards": (True,), "save_images": (False,), "do_not_save_samples": (True, False),
    "do_not_save_grid": (True, False), "disable_extra_networks": (False,), "comments": ({},), "force_task_id": ("",), "resize_mode": (0,),
    "image_cfg_scale": (1.5,), "inpainting_fill": (1,), "initial_noise_multiplier": (1,), "mask_blur_x": (4,), "mask_blur_y": (4,),
    "refiner_switch_at": (0, 0.8, 1), "sampler_index": ("Euler",),
}  # fmt: skip
"""Fields that change nothing here, with the values that say nothing; others are listed as ignored in `info`."""
SECOND_PASS = (
    "hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y", "hr_checkpoint_name", "hr_sampler_name", "hr_scheduler",
    "hr_prompt", "hr_negative_prompt", "firstphase_width", "firstphase_height",
)  # fmt: skip
"""Fields that say nothing without `enable_hr`, whatever their values."""
AUTOMATIC: Mapping[str, str] = {
    "DPM++ 2M": "Karras", "DPM++ SDE": "Karras", "DPM++ 2M SDE": "Exponential", "DPM2": "Karras", "DPM2 a": "Karras",
}  # fmt: skip
"""Noise levels of samplers where none are chosen (`modules/sd_samplers_kdiffusion.py`); of the others they are uniform."""
SCHEDULES: Mapping[str, str] = {
    "automatic": "Automatic", "uniform": "Uniform", "karras": "Karras", "exponential": "Exponential", "beta": "Beta",
}  # fmt: skip
"""Names of noise levels, with their labels."""


def known_fields(with_images: bool) -> dict[str, tuple[type, ...]]:
    """Return all fields that a request may have, with their types."""
    found: dict[str, Any] = dict.fromkeys((*REFUSED, *IGNORED, *SECOND_PASS), _ANY)
    return {**found, **READ, **(READ_WITH_IMAGES if with_images else {})}
