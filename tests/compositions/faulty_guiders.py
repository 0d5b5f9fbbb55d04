"""Guiders: arguments out of range, names that are near, classes in place of objects; and the blocks of the presets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rows import Faulty
from toys import block, chain

from brickwork import (
    AutoGuidance,
    ClassifierFreeGuidance,
    ClassifierGuidance,
    DynamicThresholding,
    LayerSkipConfig,
    PerturbedAttentionGuidance,
    SequentialPipelineBlocks,
    SkipLayerGuidance,
)
from brickwork.blocks import StepScheduler
from brickwork.guiders import AdaptiveProjectedGuidance, FrequencyDecoupledGuidance, SmoothedEnergyGuidance
from brickwork.presets.sdxl import (
    SDXL,
    TEXT2IMAGE_BLOCKS,
    AutoBlocks,
    with_adapter,
    with_control,
    with_refiner,
)

GUIDERS = "guiders"
PRESETS = "blocks of SDXL"

NAN = float("nan")
GUIDED = "[guider: ClassifierFreeGuidance = component(config={})] x: int -> y: int = x"


def guided() -> Any:
    """A pipeline with a guider."""
    return chain(denoiser=GUIDED)


def preset(edit: Callable[[Any], Any], blocks: Any = TEXT2IMAGE_BLOCKS) -> Any:
    """The blocks of a task after an edit."""
    made = SequentialPipelineBlocks.from_blocks_dict(blocks)
    edit(made)
    return made


WIDE = "latents: Latents -> latents: Latents = latents"

ROWS = [
    *[
        Faulty(GUIDERS, name, make, says, "class")
        for name, make, says in [
            ("scale NaN", lambda: ClassifierFreeGuidance(guidance_scale=NAN), ("guidance_scale", "nan")),
            ("scale infinite", lambda: ClassifierFreeGuidance(guidance_scale=float("inf")), ("guidance_scale", "inf")),
            (
                "scale as text",
                lambda: ClassifierFreeGuidance(guidance_scale="7.5"),
                ("guidance_scale", "7.5", ("number", "float")),
            ),
            ("scale None", lambda: ClassifierFreeGuidance(guidance_scale=None), ("guidance_scale", "none")),
            ("no scales", lambda: ClassifierFreeGuidance(guidance_scale=[]), ("guidance_scale", "list")),
            ("rescale 7", lambda: ClassifierFreeGuidance(guidance_rescale=7), ("guidance_rescale", "7", "1")),
            (
                "rescale below zero",
                lambda: ClassifierFreeGuidance(guidance_rescale=-0.5),
                ("guidance_rescale", "-0.5", "0"),
            ),
            ("start above one", lambda: ClassifierFreeGuidance(start=1.5), ("start", "1.5", "1")),
            ("start behind stop", lambda: ClassifierFreeGuidance(start=0.8, stop=0.2), ("start", "stop", "0.8", "0.2")),
            (
                "an argument that is near",
                lambda: ClassifierFreeGuidance(guidence_scale=3.0),
                ("ClassifierFreeGuidance", "guidence_scale", "guidance_scale"),
            ),
            ("by position", lambda: ClassifierFreeGuidance(7.5), ("ClassifierFreeGuidance", "guidance_scale=")),
            (
                "layers as text",
                lambda: PerturbedAttentionGuidance(perturbed_guidance_layers="mid"),
                ("perturbed_guidance_layers", "mid"),
            ),
            (
                "layers and a configuration",
                lambda: SkipLayerGuidance(skip_layer_guidance_layers=[1], skip_layer_config=LayerSkipConfig(1)),
                ("skip_layer_guidance_layers", "skip_layer_config"),
            ),
            ("blur below zero", lambda: SmoothedEnergyGuidance(seg_blur_sigma=-1.0), ("seg_blur_sigma", "-1", "0")),
            ("dropout of two", lambda: AutoGuidance(dropout=2.0), ("dropout", "2", "1")),
            ("a quantile of two", lambda: DynamicThresholding(quantile=2.0), ("quantile", "2", "1")),
            (
                "around a class",
                lambda: DynamicThresholding(guider=ClassifierFreeGuidance),
                ("guider", "ClassifierFreeGuidance", ("class", "instance", "ClassifierFreeGuidance()")),
            ),
            (
                "around text that is near",
                lambda: DynamicThresholding(guider="ClassifierFreeGuidence"),
                ("guider", "ClassifierFreeGuidence", "ClassifierFreeGuidance"),
            ),
            ("a score that is no function", lambda: ClassifierGuidance(score=3), ("score", "3", ("function", "call"))),
            (
                "a score of something else",
                lambda: ClassifierGuidance(score=lambda samples, step: samples, of="images"),
                ("of", "images", "latents"),
            ),
            (
                "momentum NaN",
                lambda: AdaptiveProjectedGuidance(adaptive_projected_guidance_momentum=NAN),
                ("momentum", "nan"),
            ),
            (
                "scales of another number",
                lambda: FrequencyDecoupledGuidance(guidance_scales=[]),
                ("guidance_scales", ("[]", "empty", "one")),
            ),
        ]
    ],
    *[
        Faulty(GUIDERS, name, guided, says, "call", lambda pipe, guider=guider: pipe.update_components(guider=guider))
        for name, guider, says in [
            (
                "a name that is near",
                "ClassifierFreeGuidence",
                ("guider", "ClassifierFreeGuidence", "ClassifierFreeGuidance"),
            ),
            (
                "a class for the object",
                ClassifierFreeGuidance,
                ("guider", "ClassifierFreeGuidance", ("class", "instance", "ClassifierFreeGuidance()")),
            ),
            ("a number", 7.5, ("guider", "float")),
            ("a scheduler", "euler", ("guider", "euler")),
        ]
    ],
    *[
        Faulty(PRESETS, name, lambda edit=edit, blocks=blocks: preset(edit, blocks), says, warns=True)
        for name, blocks, edit, says in [
            (
                "no step of the solver",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.pop("denoise.after_denoiser"),
                ("denoise", "latents"),
            ),
            (
                "a block behind the decoder changes the latents",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.insert_after("decode", "widen", _latents(WIDE)),
                ("widen", "latents", "decode"),
            ),
            (
                "the step writes another name",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.replace(
                    "denoise.after_denoiser",
                    _latents("noise_pred: Latents, latents: Latents -> latent: Latents = latents"),
                ),
                ("after_denoiser", "latent", "latents"),
            ),
            (
                "unett",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.insert_before(
                    "decode", "prober", block("[unett: Net = component()] latents: Any -> probed: int = 1", "Prober")
                ),
                ("prober", "unett", "unet"),
            ),
            (
                "unet of another class",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.insert_before(
                    "decode", "prober", block("[unet: Clock = component()] latents: Any -> probed: int = 1", "Prober")
                ),
                ("prober", "unet", "clock"),
            ),
            (
                "text for the latents",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.insert_before("decode", "prober", block("latents: str -> probed: int = 1", "Prober")),
                ("prober", "latents", "str"),
            ),
            (
                "another default of the steps",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.insert_before(
                    "decode",
                    "prober",
                    block(
                        "num_inference_steps: int = 30, latents: Any = None -> probed: int = 1, num_inference_steps: int = 3",
                        "Prober",
                    ),
                ),
                ("prober", "num_inference_steps"),
            ),
            (
                "denoise without latents in it",
                TEXT2IMAGE_BLOCKS,
                lambda b: b.replace("prepare_latents", block("seed: int -> latnets: int", "Preparer")),
                ("latents", "latnets"),
            ),
        ]
    ],
    *[
        Faulty(PRESETS, name, make, says, by, call)
        for name, make, says, by, call in [
            (
                "decode twice",
                lambda: preset(lambda b: b.insert_after("decode", "decode", TEXT2IMAGE_BLOCKS["decode"])),
                ("decode", ("exists", "already")),
                "composition",
                {},
            ),
            (
                "unknown step of a loop",
                lambda: preset(lambda b: b.replace("denoise.denoizer", StepScheduler)),
                ("denoizer", "denoiser"),
                "composition",
                {},
            ),
            (
                "a workflow that is near",
                lambda: AutoBlocks().get_workflow("inpaint"),
                ("inpaint", "inpainting"),
                "composition",
                {},
            ),
            (
                "steps before what they need",
                lambda: preset(lambda b: b.insert_before("text_encoder", "denoising", b.pop("denoise"))),
                ("denois", "timesteps", "set_timesteps", ("before", "move", "order", "later", "after")),
                "call",
                {"prompt": "a"},
            ),
            (
                "size conditioning left out",
                lambda: preset(lambda b: b.pop("prepare_add_cond")),
                ("denoiser", "add_time_ids"),
                "call",
                {"prompt": "a"},
            ),
            (
                "no latents",
                lambda: preset(lambda b: b.pop("prepare_latents")),
                ("latents", "pass"),
                "call",
                {"prompt": "a"},
            ),
            ("nothing is loaded", lambda: preset(lambda b: None), ("unet", "load_components"), "call", {"prompt": "a"}),
            (
                "with_control of a list",
                lambda: with_control(list(TEXT2IMAGE_BLOCKS)),
                ("with_control", "list"),
                "composition",
                {},
            ),
            (
                "with_adapter of a block",
                lambda: with_adapter(TEXT2IMAGE_BLOCKS["denoise"]),
                ("with_adapter", "denoise"),
                "composition",
                {},
            ),
            (
                "with_refiner of a family",
                lambda: with_refiner(refiner=SDXL),
                ("refiner", "REFINER_BLOCKS"),
                "composition",
                {},
            ),
        ]
    ],
]


def _latents(text: str) -> Any:
    import toys

    from brickwork.state.vocabulary import Latents

    toys.Latents = Latents  # the word of the framework, as an author imports it
    return block(text, "Widener")
