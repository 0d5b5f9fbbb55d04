"""Runs a preset and diffusers' classic pipeline of the same task over the same tiny models, and keeps what each tells its networks.

A row of the table is a task, what is asked of it (features, one or several), and a number format.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch
from attrs import define, field, frozen
from tiny_adapters import controlnet, image_encoder, ip_adapter, lora, several, t2i_adapter, union
from told_networks import Told, differences, different
from transformers import CLIPImageProcessor

from brickwork import ClassifierFreeGuidance, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import (
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    AutoBlocks,
    with_adapter,
    with_control,
)

PRESETS = {"text2image": TEXT2IMAGE_BLOCKS, "image2image": IMAGE2IMAGE_BLOCKS, "inpainting": INPAINT_BLOCKS}
CLASSIC = {
    ("text2image", ""): diffusers.StableDiffusionXLPipeline,
    ("image2image", ""): diffusers.StableDiffusionXLImg2ImgPipeline,
    ("inpainting", ""): diffusers.StableDiffusionXLInpaintPipeline,
    ("text2image", "control"): diffusers.StableDiffusionXLControlNetPipeline,
    ("image2image", "control"): diffusers.StableDiffusionXLControlNetImg2ImgPipeline,
    ("inpainting", "control"): diffusers.StableDiffusionXLControlNetInpaintPipeline,
    ("text2image", "union"): diffusers.StableDiffusionXLControlNetUnionPipeline,
    ("image2image", "union"): diffusers.StableDiffusionXLControlNetUnionImg2ImgPipeline,
    ("inpainting", "union"): diffusers.StableDiffusionXLControlNetUnionInpaintPipeline,
    ("text2image", "adapter"): diffusers.StableDiffusionXLAdapterPipeline,
}
Mend = Callable[[Any, dict[str, Any]], AbstractContextManager[None]]
"""Mends a fault of a classic pipeline, which may be asked otherwise, for the time of a `with`."""


@frozen(eq=False)
class Feature:
    """What is asked of a task.

    Attributes:
        inputs: of both pipelines. without: inputs of the task that are not given.
        parts: components by name, each a word for `Models.part`, a number of channels, or a class of schedulers.
        steered: by "control", "union" or "adapter". loaded: into the networks, "ip" and "lora". rescale: of guidance, which the guider
            has here. auto: by `AutoBlocks`. tasks: that have it. excludes: names of features with which the classic refuses it.
    """

    inputs: Mapping[str, Any] = field(factory=dict)
    without: Sequence[str] = ()
    parts: Mapping[str, Any] = field(factory=dict)
    steered: str = ""
    loaded: Sequence[str] = ()
    rescale: float = 0.0
    auto: bool = False
    tasks: Sequence[str] = tuple(PRESETS)
    excludes: Sequence[str] = ()

    def goes_with(self, other: Feature) -> bool:
        """Return whether two features ask for different things."""
        keys = [
            {*each.inputs, *each.without, *each.parts, *(["steered"] if each.steered else ())} for each in (self, other)
        ]
        return not keys[0] & keys[1]


def is_asked(task: str, features: Sequence[Feature]) -> bool:
    """Return whether the classic pipeline has inputs for all features."""
    (kind,) = [each.steered for each in features if each.steered] or [""]
    if (task, kind) not in CLASSIC or any(task not in each.tasks for each in features):
        return False
    known = {*inspect.signature(CLASSIC[task, kind].__call__).parameters, "control_image", "adapter_image", "seeds"}
    asked = {name for each in features for name in each.inputs} | {
        "guidance_rescale" for each in features if each.rescale
    }
    return asked <= known


@define(eq=False)
class Models:
    """Tiny models in one number format; those that differ from the shared ones are made when they are first asked for."""

    folder: Path
    shared: Mapping[str, Any]
    dtype: torch.dtype
    _made: dict[Any, Any] = field(factory=dict)

    def held(self, channels: int, loaded: Sequence[str]) -> dict[str, Any]:
        """Return the components of a plain pipeline, with a UNet of so many channels, and with adapters in them."""
        key = (channels, *loaded)
        if key not in self._made:
            # Copies, because other tests have the shared ones, and adapters change what they are loaded into.
            parts = {name: self._cast(copy.deepcopy(each)) for name, each in self.shared.items()}
            if channels != 4:
                torch.manual_seed(11)
                config = {name: value for name, value in parts["unet"].config.items() if not name.startswith("_")}
                parts["unet"] = self._cast(diffusers.UNet2DConditionModel(**{**config, "in_channels": channels}).eval())
            if "ip" in loaded:
                parts["unet"]._load_ip_adapter_weights([ip_adapter(parts["unet"])])
                self._cast(parts["unet"])
                parts["image_encoder"] = self._cast(image_encoder())
                parts["feature_extractor"] = CLIPImageProcessor(size=32, crop_size=32)
            if "lora" in loaded:
                pipe = diffusers.StableDiffusionXLPipeline(
                    **{name: parts[name] for name in self.shared}, add_watermarker=False
                )
                pipe.load_lora_weights(lora(pipe))
                self._cast(parts["unet"])
            self._made[key] = parts
        return dict(self._made[key])

    def part(self, word: str) -> Any:
        """Return a component by the word that a feature has for it."""
        if word not in self._made:
            self._made[word] = self._cast(getattr(self, f"_{word}")())
        return self._made[word]

    def _net(self) -> Any:
        return controlnet(self.shared["unet"])

    def _pooling_net(self) -> Any:
        return controlnet(self.shared["unet"], global_pool_conditions=True)

    def _two_nets(self) -> Any:
        return several(self.shared["unet"])

    def _union(self) -> Any:
        return union(self.shared["unet"])

    def _adapter(self) -> Any:
        return t2i_adapter()

    def _calm_vae(self) -> Any:
        return self._vae(force_upcast=False)

    def _counted_vae(self) -> Any:
        return self._vae(latents_mean=[0.3, -0.2, 0.1, 0.5], latents_std=[1.5, 0.8, 1.2, 0.6])

    def _vae(self, **config: Any) -> Any:
        own = {name: value for name, value in self.shared["vae"].config.items() if not name.startswith("_")}
        made = diffusers.AutoencoderKL(**{**own, **config})
        made.load_state_dict(self.shared["vae"].state_dict())
        return made.eval()

    def _cast(self, part: Any) -> Any:
        return part.to(self.dtype) if isinstance(part, torch.nn.Module) else part


@define(eq=False)
class Table:
    """Runs rows over models of one number format."""

    models: Models
    given: Mapping[str, Mapping[str, Any]]
    _pipes: dict[Any, ModularPipeline] = field(factory=dict)

    def run(self, task: str, features: Sequence[Feature], mends: Sequence[Mend] = ()) -> list[str]:
        """Return in what the preset and the classic pipeline told their networks something else, or drew another image."""
        return _Asked(task, list(features), self).run(mends)

    def drawn(self, task: str, features: Sequence[Feature]) -> Any:
        """Return what the preset draws."""
        return _Asked(task, list(features), self).drawn()

    def pipe(self, task: str, steered: Sequence[str], told_images: bool, auto: bool) -> ModularPipeline:
        """Return a preset, made once."""
        key = (
            "auto"
            if auto
            else (task, *("adapter" if each == "adapter" else "control" for each in steered), told_images)
        )
        if key not in self._pipes:
            blocks: Any = PRESETS[task]
            for each in steered:
                blocks = with_adapter(blocks) if each == "adapter" else with_control(blocks)
            made = AutoBlocks() if auto else SequentialPipelineBlocks.from_blocks_dict(blocks)
            if told_images and not auto:
                made.sub_blocks.insert("ip_adapter", IP_ADAPTER_BLOCKS["ip_adapter"], 0)
            self._pipes[key] = made.init_pipeline(str(self.models.folder))
            self._pipes[key].configure(progress=False)
        return self._pipes[key]


@frozen(eq=False)
class _Asked:
    task: str
    features: list[Feature]
    table: Table

    @cached_property
    def _parts(self) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        for each in self.features:
            asked |= each.parts
        models = self.table.models
        parts = models.held(asked.pop("channels", 4), sorted({name for each in self.features for name in each.loaded}))
        for name, word in asked.items():
            is_class = isinstance(word, type)
            parts[name] = word.from_config(parts["scheduler"].config) if is_class else models.part(word)
        return parts

    def _inputs(self) -> dict[str, Any]:
        inputs: dict[str, Any] = dict(self.table.given[self.task])
        for each in self.features:
            inputs |= each.inputs
            for name in each.without:
                inputs.pop(name, None)
        inputs.setdefault("output_type", "pt")
        seeds = inputs.pop("seeds", 7)
        drawn = [torch.Generator().manual_seed(seed) for seed in ([seeds] if isinstance(seeds, int) else seeds)]
        return {**inputs, "generator": drawn[0] if isinstance(seeds, int) else drawn}

    def run(self, mends: Sequence[Mend]) -> list[str]:
        mine, theirs = Told(), Told()
        parts = self._parts
        with mine.of(parts["unet"], parts["vae"]):
            drawn = self.drawn()
        with theirs.of(parts["unet"], parts["vae"]):
            expected = self._expected(mends)
        found = differences(mine, theirs)
        if isinstance(drawn, list):
            same = [each.tobytes() for each in drawn] == [each.tobytes() for each in expected]
            return found if same else [*found, "the images differ"]
        return found + [f"the images {said}" for said in different("", drawn, expected)]

    def _steered(self) -> list[str]:
        return [each.steered for each in self.features if each.steered]

    def drawn(self) -> Any:
        told_images = any("ip" in each.loaded for each in self.features)
        pipe = self.table.pipe(self.task, self._steered(), told_images, any(each.auto for each in self.features))
        rescale = max(each.rescale for each in self.features) if self.features else 0.0
        own = {name: part for name, part in self._parts.items() if name in pipe.component_names}
        pipe.update_components(**own, guider=ClassifierFreeGuidance(guidance_rescale=rescale))
        return pipe(**self._inputs(), output="images")

    def _expected(self, mends: Sequence[Mend]) -> Any:
        (kind,) = self._steered() or [""]
        parts = {**self._parts, "scheduler": copy.deepcopy(self._parts["scheduler"])}
        classic = CLASSIC[self.task, kind](**parts, **({} if kind == "adapter" else {"add_watermarker": False}))
        classic.set_progress_bar_config(disable=True)
        inputs = self._inputs()
        for name, plain in (("control_image", kind == "control"), ("adapter_image", kind == "adapter")):
            if plain and self.task == "text2image":
                inputs["image"] = inputs.pop(name)
        rescale = [each.rescale for each in self.features if each.rescale]
        if rescale:
            inputs["guidance_rescale"] = rescale[0]
        with ExitStack() as stack:
            for mend in mends:
                stack.enter_context(mend(classic, inputs))
            drawn = classic(**inputs).images
        # The classic inpainting with a ControlNet leaves a VAE that overflows in float32.
        parts["vae"].to(self.table.models.dtype)
        return drawn
