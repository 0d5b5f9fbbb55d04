"""Compositions of every family, with tiny models and inputs, so that each block of the package runs in one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import diffusers
import numpy as np
import technique_families
import tiny_adapters
import tiny_families
import torch
from attrs import evolve, frozen
from coarse_images import half_mask, picture
from diffusers.pipelines.flux import ReduxImageEncoder
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from family_table import Feature, Task, cast, families
from seen_inputs import Seen, seen_inputs
from transformers import CLIPConfig, CLIPImageProcessor

from brickwork import ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.blocks.core.block_catalog import is_base, own_blocks
from brickwork.blocks.core.flattening import walk
from brickwork.blocks.core.insertable_dict import InsertableDict
from brickwork.blocks.core.part import BlockPart
from brickwork.blocks.core.preset_catalog import find_preset, preset_names
from brickwork.presets import sdxl
from brickwork.presets.families_in_turn import families_in_turn
from brickwork.presets.flux import REDUX_IMAGE_PRIOR_BLOCKS, REDUX_PRIOR_BLOCKS
from brickwork.presets.regions import with_regions
from brickwork.presets.tasks import with_adapter, with_prompt_weights, with_safety_check
from brickwork.presets.two_passes import two_passes
from brickwork.presets.windows import with_windows
from tiny_sdxl import make_unet

ASKED: dict[str, Any] = {"num_inference_steps": 3, "output_type": "pt"}
IMAGES: dict[str, Any] = {
    "image": picture(3), "mask_image": half_mask(), "control_image": picture(8), "change_map": picture(4).convert("L"),
    "adapter_image": picture(8), "strength": 0.63,
}  # fmt: skip
"""What compositions are given where they have an input of the name, and the task is one of images."""


@frozen(eq=False)
class Source:
    """A composition, and what it is run with, once for each of `inputs`, which may be made of the components.

    Inputs that the composition does not have are left out.
    """

    name: str
    blocks: ModularPipelineBlocks
    components: Callable[[], Mapping[str, Any]]
    inputs: Sequence[Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]]

    @property
    def classes(self) -> set[str]:
        """Names of the classes of all blocks in it."""
        return {block.source_class.__name__ for _, block in walk(self.blocks)}

    def seen(self) -> dict[str, Seen]:
        """Run it, and return what each block was given first."""
        pipe, found = self.blocks.init_pipeline(), dict[str, Seen]()
        pipe.configure(progress=False)
        parts = {name: part for name, part in self.components().items() if name in pipe.component_names}
        pipe.update_components(**parts)
        known, tried = {*self.blocks.input_names}, list[set[str]]()
        for each in self.inputs:
            asked = {"generator": torch.Generator().manual_seed(7), **(each(parts) if callable(each) else each)}
            given = {name: value for name, value in asked.items() if name in known}
            if {*given} not in tried:
                tried.append({*given})
                with seen_inputs(self.blocks) as now:
                    pipe(**given)
                found = {**now, **found}
        return found


def catalog() -> set[str]:
    """Names of all blocks of the package that can stand in a pipeline."""
    return {name for name, cls in own_blocks().items() if not is_base(cls) and not issubclass(cls, BlockPart)}


def _source(name: str, blocks: Any, components: Any, *inputs: Mapping[str, Any]) -> Source:
    made = SequentialPipelineBlocks.from_blocks_dict(blocks) if isinstance(blocks, Mapping) else blocks
    return Source(name, made, components, inputs)


def sources() -> Iterator[Source]:
    """Yield all sources, the cheap and plain ones first."""
    yield _embeddings()
    redux = partial(_parts, "flux", {"image_embedder": partial(ReduxImageEncoder, redux_dim=16, txt_in_features=32)})
    told = {
        **ASKED,
        **technique_families.GIVEN["flux"],
        "image": picture(3),
        "prompt": "blue",
        "max_sequence_length": 512,
    }
    priors = {"redux prior": REDUX_PRIOR_BLOCKS, "redux of images": REDUX_IMAGE_PRIOR_BLOCKS}
    for title, blocks in {"redux": find_preset("flux.redux"), **priors}.items():
        yield _source(title, blocks, lambda: {**redux(), **tiny_families.siglip()}, told)
    # In both stages together the prior is in a scope, where loops are passed over.
    vectors = {**ASKED, "prompt": families()["kandinsky22"].tasks["text2image"].given["prompt"], "guidance_scale": 3.0}
    yield _source("kandinsky22 prior", find_preset("kandinsky22.prior"), _prior_parts, vectors)
    for name, family in families().items():
        for task, each in family.tasks.items():
            parts = partial(_parts, name, each.parts)
            given = {
                **ASKED,
                **each.given,
                **each.mine,
                "num_inference_steps": min(each.given.get("num_inference_steps", 4), 5),
            }
            yield _source(f"{name} {task}", each.blocks, parts, given)
            for feature, more in family.features.items():
                if more.blocks is not None and (not more.tasks or task in more.tasks):
                    yield _with_feature(f"{name} {task} {feature}", name, task, more)
    videos = {**families()["wan"].tasks["video2video"].given, "num_inference_steps": 3, "output_type": "pt"}
    yield _source(
        "wan inpainting", find_preset("wan.inpainting"), partial(_parts, "wan", {}), {**videos, "mask": half_mask()}
    )
    yield from _of_sdxl()
    yield from _techniques()
    yield from _choices()


def _embeddings() -> Source:
    given = {**ASKED, **technique_families.GIVEN["stable_diffusion"]}

    def embeds(parts: Mapping[str, Any]) -> dict[str, Any]:
        width = parts["unet"].config.cross_attention_dim
        told = {name: torch.randn(2, 8, width) for name in ("prompt_embeds", "negative_prompt_embeds")}
        return {**{key: value for key, value in given.items() if key != "prompt"}, **told}

    made = _source(
        "embeddings", technique_families.blocks("stable_diffusion"), partial(_parts, "stable_diffusion", {}), given
    )
    return evolve(made, inputs=[*made.inputs, embeds])


def _with_feature(title: str, name: str, task: str, feature: Feature) -> Source:
    each = families()[name].tasks[task]
    given = {**ASKED, **each.given, **each.mine, **feature.inputs, **feature.mine}
    parts = partial(_parts, name, {**each.parts, **feature.parts})
    blocks = feature.blocks(each.blocks) if feature.blocks else each.blocks
    return _source(title, blocks, parts, {key: value for key, value in given.items() if key not in feature.without})


def _parts(name: str, more: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    torch.manual_seed(11)
    own = {part: cast(make(), "float32") for part, make in more.items()}
    return {**technique_families.family(name).parts("float32"), **own}


def _prior_parts() -> dict[str, Any]:
    """Return the components of Kandinsky's prior by the names that it has alone."""
    own = _parts("kandinsky22", {})
    return {name.removeprefix("prior_"): part for name, part in own.items() if name.startswith("prior_")}


def _of_sdxl() -> Iterator[Source]:
    given = {**ASKED, **technique_families.GIVEN["sdxl"]}
    tasks = {
        "image2image": sdxl.IMAGE2IMAGE_BLOCKS, "inpainting": sdxl.INPAINT_BLOCKS, "differential": sdxl.DIFFERENTIAL_BLOCKS,
        "text2image": sdxl.TEXT2IMAGE_BLOCKS,
    }  # fmt: skip
    for task, blocks in tasks.items():
        told = given if task == "text2image" else {**given, **IMAGES, "num_inference_steps": 5}
        yield _source(f"sdxl {task}", blocks, partial(_sdxl_parts), told)
        if task != "differential":
            yield _source(f"sdxl {task} control", sdxl.with_control(blocks), _sdxl_parts, {**IMAGES, **told})
    adapted = {**given, "adapter_image": picture(8)}
    yield _source("sdxl adapter", sdxl.with_adapter(sdxl.TEXT2IMAGE_BLOCKS), _sdxl_parts, adapted)
    chosen = InsertableDict(sdxl.with_control(sdxl.TEXT2IMAGE_BLOCKS))
    chosen["controlnet_input"] = sdxl.AutoControlInput
    yield _source("sdxl chosen control", chosen, _sdxl_parts, {**IMAGES, **given})
    second = {**given, **IMAGES, "num_inference_steps": 5}
    yield _source(
        "sdxl refiner",
        find_preset("sdxl.refiner"),
        lambda: {**_refiner_parts(), "unet": _refiner_parts()["refiner"]},
        second,
    )
    for task, blocks in (("text2image", sdxl.TEXT2IMAGE_BLOCKS), ("image2image", sdxl.IMAGE2IMAGE_BLOCKS)):
        told = {**given, "num_inference_steps": 8, "hand_over": 0.6}
        told |= {} if task == "text2image" else {"image": picture(3), "strength": 0.9}
        yield _source(f"sdxl {task} with refiner", sdxl.with_refiner(blocks), _refiner_parts, told)


@cache
def _sdxl_parts() -> dict[str, Any]:
    parts = technique_families.family("sdxl").parts("float32")
    more = {
        "controlnet": tiny_adapters.controlnet(parts["unet"]), "adapter": tiny_adapters.t2i_adapter(),
        "image_encoder": tiny_adapters.image_encoder(), "feature_extractor": CLIPImageProcessor(size=32, crop_size=32),
    }  # fmt: skip
    return {**parts, **more}


@cache
def _refiner_parts() -> dict[str, Any]:
    torch.manual_seed(3)
    refiner = make_unet(cross_attention_dim=24, projection_class_embeddings_input_dim=24 + 5 * 8).eval()
    return {**_sdxl_parts(), "refiner": refiner}


def _techniques() -> Iterator[Source]:
    sd, dit = technique_families.contract("stable_diffusion"), technique_families.contract("dit")
    plain, labelled = technique_families.blocks("stable_diffusion"), technique_families.blocks("dit")
    given = {**ASKED, **technique_families.GIVEN["stable_diffusion"]}
    parts = partial(_parts, "stable_diffusion", {})
    left, right = np.zeros((64, 64), "float32"), np.zeros((64, 64), "float32")
    left[:, :32], right[:, 32:] = 1, 1
    regions = {**given, "region_prompts": ["a green square", "blue"], "region_masks": [left, right]}
    yield _source("regions", with_regions(plain, sd), parts, regions)
    yield _source("weighted regions", with_prompt_weights(with_regions(plain, sd), sd), parts, regions)
    small = [left[::4, ::4], right[::4, ::4]]
    labels = {**technique_families.GIVEN["dit"], **ASKED, "region_labels": [11, 500], "region_masks": small}
    yield _source("regions of labels", with_regions(labelled, dit), partial(_parts, "dit", {}), labels)
    yield _source("weighted prompts", with_prompt_weights(plain, sd), parts, {**given, "prompt": "a (red:1.3) circle"})
    sides = {"height": 64, "width": 96, "window_height": 64, "window_width": 64, "window_stride": 32}
    yield _source("windows", with_windows(plain, sd), parts, {**given, **sides})
    yield _source("two passes", two_passes(sd), parts, {**given, "strength": 0.63})
    for through in ("pixels", "latents"):
        yield _in_turn(through)
    images = {**given, **IMAGES, "num_inference_steps": 5}
    tasks = families()["stable_diffusion"].tasks
    adapted = partial(_parts, "stable_diffusion", {"adapter": tiny_adapters.t2i_adapter})
    yield _source("adapted image2image", with_adapter(tasks["image2image"].blocks, sd), adapted, images)
    for task in ("text2image", "inpainting"):
        yield _source(f"looked at {task}", with_safety_check(tasks[task].blocks, sd), _safety_parts, images)


def _safety_parts() -> dict[str, Any]:
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    seen = {**size, "image_size": 32, "patch_size": 8}
    config = CLIPConfig(vision_config=seen, text_config=size, projection_dim=16)
    extractor = CLIPImageProcessor(size=32, crop_size=32)
    more = {"safety_checker": lambda: StableDiffusionSafetyChecker(config), "feature_extractor": lambda: extractor}
    return _parts("stable_diffusion", more)


def _in_turn(through: Any) -> Source:
    first, second = ("stable_diffusion", "flux") if through == "pixels" else ("stable_diffusion", "stable_diffusion")
    blocks = families_in_turn(technique_families.contract(first), technique_families.contract(second), through)

    def parts() -> dict[str, Any]:
        betas = {"beta_start": 0.00085, "beta_end": 0.012}
        own = {
            **technique_families.family(first).parts("float32"),
            "scheduler": diffusers.EulerDiscreteScheduler(**betas),
        }
        other = technique_families.family(second).parts("float32")
        flow = diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0)
        other["scheduler"] = flow if second == "flux" else diffusers.EulerDiscreteScheduler(**betas)
        return {**own, **{f"second_{name}": part for name, part in other.items()}}

    given = {
        **technique_families.GIVEN[first],
        "num_inference_steps": 6,
        "second_num_inference_steps": 8,
        "first_share": 0.5,
    }
    return _source(f"in turn through {through}", blocks, parts, {**given, "output_type": "pt"})


CALLED = {"sd": "stable_diffusion", "flux2.klein": "flux2_klein"}
"""Family in `technique_families`, by the name of its presets, where that is another."""
ALONE = [(), ("image",), ("image", "mask_image")]
BY_IMAGE = ("strength", "num_inference_steps")
"""What is given beside an image."""
STEPS = {"num_inference_steps": 5}


def _choices() -> Iterator[Source]:
    for preset in sorted(each for each in preset_names() if each.endswith(".auto")):
        name, made = CALLED.get(preset[:-5], preset[:-5]), find_preset(preset)
        first = next(iter(technique_families.family(name).tasks.values()))
        told = technique_families.GIVEN.get(name, first.given)
        side = technique_families.SIDE.get(name) or told.get("height", 16)
        shown = {**IMAGES, "image": picture(3, side), "mask_image": half_mask(side), "num_inference_steps": 5}
        asked = [*ALONE, *((*each, "control_image") for each in ALONE)]
        given, images = {**told, **ASKED}, "image" in made.input_names
        # A strength without what it changes is refused.
        runs = [
            {**given, **{key: shown[key] for key in (*each, *(BY_IMAGE if "image" in each and images else ()))}}
            for each in asked
        ]
        runs += [{**each.given, **each.mine, **ASKED, **STEPS} for each in _of_other_media(name)]
        yield _source(f"{name} auto", made, partial(_auto_parts, name), *runs)


def _of_other_media(name: str) -> list[Task]:
    """Return the tasks of a family that begin from a video or a sound."""
    tasks = technique_families.family(name).tasks.items()
    return [each for task, each in tasks if task in ("video2video", "audio2audio")]


def _auto_parts(name: str) -> dict[str, Any]:
    if name == "sdxl":
        return _sdxl_parts()
    rows = [*families()[name].tasks.values(), *families()[name].features.values()]
    return _parts(name, next((each.parts for each in rows if "controlnet" in each.parts), {}))


def plan() -> tuple[dict[str, tuple[Source, set[str]]], set[str]]:
    """Return which blocks are looked at in which source, and those that are in none."""
    left, found = catalog(), dict[str, tuple[Source, set[str]]]()
    for source in sources():
        here = source.classes & left
        if here:
            found[source.name] = source, here
            left -= here
    return found, left
