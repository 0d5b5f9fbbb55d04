"""Mistakes whose answer told people something that did not help: each is told what to type."""

from __future__ import annotations

from typing import Any

import diffusers
from mistake import Mistake
from PIL import Image

from brickwork import (
    ClassifierFreeGuidance,
    ClassifierGuidance,
    ComponentError,
    DynamicThresholding,
    InputError,
    LayerSkipConfig,
    PerturbedAttentionGuidance,
    SequentialPipelineBlocks,
    SkipLayerGuidance,
)
from brickwork.presets.sdxl import AutoBlocks

IMAGE = Image.new("RGB", (64, 64))
CALL: dict[str, Any] = {"num_inference_steps": 2, "output_type": "latent", "output": "images"}


def put(name: str, at: str, make: Any, error: type[Exception], *says: str) -> Mistake:
    return Mistake(name, at, make, error, says)


def without_control(pipe: Any) -> Any:
    pipe.unload_components("controlnet")
    return pipe


NOT_LOADED = [
    put(
        "an image encoder that no repository has",
        "auto",
        lambda pipe: pipe("a cat", ip_adapter_image=IMAGE, **CALL),
        ComponentError,
        "Not loaded: image_encoder. Needed by ip_adapter.image. ",
        "image_encoder is not in the pipeline's repository: load_ip_adapter(...)",
        "update_components(image_encoder=CLIPVisionModelWithProjection.from_pretrained(...))",
    ),
    put(
        "a ControlNet that no repository has",
        "auto",
        lambda pipe: without_control(pipe)("a cat", control_image=IMAGE, **CALL),
        ComponentError,
        "Not loaded: controlnet. ",
        "denoiser. controlnet is not in the pipeline's repository: update_components(controlnet=ControlNetModel.from_pretrained(...)).",
    ),
    put(
        "a pipeline without a repository",
        "folder",
        lambda _: SequentialPipelineBlocks.from_blocks_dict(dict(AutoBlocks().sub_blocks)).init_pipeline()("a cat"),
        ComponentError,
        "Call load_components() first",
        "names no repository to load from: blocks.init_pipeline(folder)",
    ),
]


def scheduler(name: str, *says: str) -> Mistake:
    """A scheduler by a name that is none."""
    return put(
        f"the scheduler {name!r}",
        "tiny",
        lambda pipe: pipe.update_components(scheduler=name),
        ComponentError,
        f"{name!r} is no scheduler. ",
        *says,
    )


SCHEDULERS = [
    scheduler("dpm++", "Did you mean 'dpmpp_2m' or 'dpmpp_2m_sde' or 'dpmpp_sde' or 'dpmpp_2s'? Short names: "),
    scheduler("DPM++ Karras", "Did you mean 'dpmpp_2m_karras' or 'dpmpp_2m_sde_karras' or "),
    scheduler("DPM-Solver++", "Did you mean 'dpmpp_2m' or 'dpmpp_2m_sde' or "),
    scheduler("karras", "Did you mean 'dpmpp_2m_karras'?"),
    scheduler("DPM++ 3M SDE", "Did you mean 'dpmpp_2m_sde'?"),
    scheduler("dpmpp_2s_ancestral", "Did you mean 'dpmpp_2s'?"),
    scheduler("plms", "Did you mean 'pndm'?"),
    scheduler("EulerScheduler", "Did you mean 'EulerDiscreteScheduler'?"),
    scheduler("er_sde", "Short names: ddim, ", "unipc; or the name of a class of diffusers."),
]
GUIDERS = [
    put(
        "layers by the names of the classic PAG",
        "folder",
        lambda _: PerturbedAttentionGuidance(perturbed_guidance_layers=["mid", "up.block_1"]),
        InputError,
        "perturbed_guidance_layers: Layers are named by their numbers, not ['mid', 'up.block_1']: 2, [2, 3] or range(4)",
        "perturbed_guidance_config=LayerSkipConfig(indices=[0], fqn='mid_block')",
        "named_modules()",
        "[layer.path for layer in pipe.family.layers(pipe.unet)]",
    ),
    put(
        "a layer by its name in another guider",
        "folder",
        lambda _: SkipLayerGuidance(skip_layer_guidance_layers="mid"),
        InputError,
        "skip_layer_config=LayerSkipConfig(",
    ),
    put(
        "a configuration of layers by name",
        "folder",
        lambda _: LayerSkipConfig(indices="mid"),  # type: ignore[arg-type]
        InputError,
        "give its path, too: LayerSkipConfig(indices=[0], fqn='mid_block')",
    ),
    put(
        "a part of the denoiser that is a number",
        "folder",
        lambda _: LayerSkipConfig(fqn=3),  # type: ignore[arg-type]
        InputError,
        "pipe.family.layers(pipe.unet)",
    ),
    put(
        "the class of a guider",
        "tiny",
        lambda pipe: pipe("a cat", guider=PerturbedAttentionGuidance),
        InputError,
        "The class PerturbedAttentionGuidance was given, and a guider is an object of it: PerturbedAttentionGuidance().",
    ),
    put(
        "the class of a guider that needs something",
        "tiny",
        lambda pipe: pipe.update_components(guider=ClassifierGuidance),
        ComponentError,
        "ClassifierGuidance(score=...).",
    ),
    put(
        "the class of a guider of diffusers",
        "tiny",
        lambda pipe: setattr(pipe, "guider", diffusers.guiders.ClassifierFreeGuidance),
        ComponentError,
        "an object of it: ClassifierFreeGuidance().",
    ),
    put(
        "the class of a guider in another one",
        "folder",
        lambda _: DynamicThresholding(guider=ClassifierFreeGuidance),  # type: ignore[arg-type]
        InputError,
        "DynamicThresholding: guider: The class ClassifierFreeGuidance was given",
    ),
    put(
        "another class as the guider",
        "tiny",
        lambda pipe: pipe("a cat", guider=Image.Image),
        InputError,
        "The class Image is no guider. There are: AdaptiveProjectedGuidance, ",
    ),
    put(
        "a classifier's guidance without the classifier",
        "folder",
        lambda _: ClassifierGuidance(),  # type: ignore[call-arg]
        InputError,
        "ClassifierGuidance needs score=... (a function). It takes: start, stop, enabled, guider, score",
    ),
]
MISTAKES = [*NOT_LOADED, *SCHEDULERS, *GUIDERS]
