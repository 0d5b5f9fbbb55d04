"""Mistakes of the first ten minutes, by people who know diffusers, ComfyUI or A1111."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mistake import Mistake
from PIL import Image

import brickwork
from brickwork import (
    Block,
    BrickworkError,
    ClassifierFreeGuidance,
    ComponentError,
    CompositionError,
    FrozenError,
    InputError,
    ModularPipeline,
    Outputs,
    RepoError,
    SkipLayerGuidance,
    load_image,
    load_workflow,
)


class Twice(Block):
    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=2 * x)


def given(name: str, *says: str, **inputs: Any) -> Mistake:
    """A call of the embedded model with these inputs."""
    return Mistake(name, "embedded", lambda pipe: pipe("a red circle", **inputs), InputError, says)


def method(name: str, *says: str) -> Mistake:
    """A method or attribute of diffusers' pipelines."""
    return Mistake(f"the attribute {name}", "embedded", lambda pipe: getattr(pipe, name), AttributeError, says)


def public(name: str, *says: str) -> Mistake:
    """A name of the package that is not there."""
    return Mistake(f"the public name {name}", "folder", lambda _: getattr(brickwork, name), AttributeError, says)


def of_class(name: str, *says: str) -> Mistake:
    """A method of diffusers' pipeline classes."""
    return Mistake(f"the method {name}", "folder", lambda _: getattr(ModularPipeline, name), AttributeError, says)


def put(
    name: str, make: Callable[[Any], Any], error: type[BrickworkError], *says: str, at: str = "embedded"
) -> Mistake:
    return Mistake(name, at, make, error, says)


def plain(folder: Path) -> str:
    """An image that nobody has noted anything on."""
    Image.new("RGB", (8, 8)).save(folder / "plain.png")
    return str(folder / "plain.png")


def comfy(folder: Path) -> Path:
    (folder / "comfy.json").write_text('{"1": {"class_type": "KSampler", "inputs": {}}}')
    return folder / "comfy.json"


def assigned(name: str, value: Callable[[Any], Any], error: type[BrickworkError], *says: str) -> Mistake:
    """An attribute that is set."""
    return Mistake(f"{name} is set", "embedded", lambda pipe: setattr(pipe, name, value(pipe)), error, says)


MISTAKES = [
    method("enable_freeu", "In place of diffusers' enable_freeu: unet.enable_freeu(s1, s2, b1, b2)"),
    method("disable_vae_tiling", "vae.disable_tiling()"),
    method("half", "pipe.to('fp16')"),
    method("check_inputs", "has no component or attribute 'check_inputs'", "Its components are"),
    assigned(
        "guidance_scale",
        lambda _: 20,
        InputError,
        "guidance_scale is an input of a call: pipe(..., guidance_scale=...)",
    ),
    assigned(
        "scheduler",
        lambda pipe: type(pipe.scheduler),
        ComponentError,
        "got the class EulerDiscreteScheduler",
        "from_config(",
    ),
    given(
        "an image for text to image",
        "brickwork.embedded(task='auto') makes such a pipeline",
        image=Image.new("RGB", (8, 8)),
    ),
    put(
        "pickled weights asked for with the pipeline",
        lambda folder: ModularPipeline.from_pretrained(folder, use_safetensors=False),
        ComponentError,
        "use_safetensors=False",
        "load_components(use_safetensors=False)",
        at="folder",
    ),
    put(
        "an option of loading given with the repository",
        lambda folder: ModularPipeline.from_pretrained(folder, device_map="auto"),
        RepoError,
        "device_map is no option for repositories",
        "load_components(...)",
        at="folder",
    ),
    method("enable_attention_slicing", "In place of diffusers' enable_attention_slicing", "nothing"),
    method("enable_model_cpu_offload", "enable_auto_cpu_offload(device)"),
    method("enable_vae_tiling", "vae.enable_tiling()"),
    method("unett", "Did you mean 'unet'?"),
    method("clip", "Its components are tokenizer, tokenizer_2"),
    given("steps", "num_inference_steps=", steps=3),
    given("cfg_scale", "guidance_scale=", cfg_scale=3.0),
    given("return_dict", "output='images' returns the images", return_dict=False),
    given("callback_on_step_end", "pipe.stream(...)", callback_on_step_end=print),
    given("steps in words", "num_inference_steps is '20' (a str)", num_inference_steps="20"),
    given("a scale in words", "guidance_scale is '7' (a str)", guidance_scale="7"),
    given("an odd height", "height is 65", "The nearest is 64", height=65),
    given("no steps", "num_inference_steps is 0; it must be 1 or more", num_inference_steps=0),
    given("no images", "num_images_per_prompt is 0; it must be 1 or more", num_images_per_prompt=0),
    given("a file's ending as the output type", "output_type is 'jpg'", "'pil' | 'np'", output_type="jpg"),
    given("one output of two misspelt", "'imags' is no output", "Did you mean 'images'?", output=["images", "imags"]),
    given("an unknown guider", "'cfg' is no guider", "ClassifierFreeGuidance", guider="cfg"),
    given("a number as the guider", "A float is no guider", guider=7.5),
    put("no prompts in a list", lambda pipe: pipe([]), InputError, "prompt is empty"),
    put(
        "more negative prompts than prompts",
        lambda pipe: pipe(["a cat", "a dog"], negative_prompt=["a", "b", "c"]),
        InputError,
        "prompt: 2, negative_prompt: 3",
    ),
    put(
        "a scale in words in a guider",
        lambda _: ClassifierFreeGuidance(guidance_scale="7"),  # type: ignore[arg-type]
        InputError,
        "guidance_scale: expected a number",
    ),
    put("a misspelt setting", lambda pipe: pipe.configure(progres=False), InputError, "Did you mean 'progress'?"),
    put("a cache on disk", lambda pipe: pipe.configure(cache="disk"), InputError, "cache='disk'", "'memory'"),
    put(
        "a number as a block",
        lambda pipe: pipe.blocks.sub_blocks.__setitem__("x", 3),
        CompositionError,
        "'x' is 3 (int), which is no block",
    ),
    put(
        "a place that is not there",
        lambda pipe: pipe.blocks.insert_before("decod", "x", Twice),
        CompositionError,
        "no block 'decod'",
        "Did you mean 'decode'?",
    ),
    put("a block that is not there", lambda pipe: pipe.blocks.pop("x"), CompositionError, "no block 'x'", "decode"),
    put(
        "blocks that are called", lambda pipe: pipe.blocks(prompt="x"), CompositionError, "pipe = blocks.init_pipeline"
    ),
    put("an image without a recipe", lambda at: brickwork.replay(plain(at)), RepoError, "has no recipe", at="folder"),
    put("a snapshot that is not there", lambda pipe: pipe.resume("no.safetensors"), RepoError, "no snapshot"),
    put("a workflow of ComfyUI", lambda at: load_workflow(comfy(at)), CompositionError, "brickwork: 1", at="folder"),
    put("an image that is not there", lambda _: load_image("no.png"), InputError, "There is no file no.png"),
    put(
        "a LoRA that is not there",
        lambda pipe: pipe.set_adapters("x"),
        InputError,
        "No LoRA is loaded, so there is none named 'x'",
    ),
    put("no LoRA to fuse", lambda pipe: pipe.fuse_lora(), InputError, "load_lora_weights(...) first"),
    put("to nowhere", lambda pipe: pipe.to(), InputError, "neither a device nor a dtype", "pipe.to('cuda')"),
    put("a setting as a guider", lambda pipe: pipe("x", guider={"scale": 3}), InputError, "'_class_name'", "scale"),
    public("load_imge", "Did you mean 'load_image'?"),
    public("DiffusionPipeline", "ModularPipeline.from_pretrained"),
    public("StableDiffusionXLPipeline", "ModularPipeline.from_pretrained"),
    public("AutoPipelineForText2Image", "ModularPipeline.from_pretrained(repo, task='text2image')"),
    public("AutoPipelineForInpainting", "ModularPipeline.from_pretrained(repo, task='inpainting')"),
    public("UNet2DConditionModel", "from diffusers import UNet2DConditionModel"),
    of_class("from_pipe", "update_components(**other.components)"),
    of_class("from_config", "blocks.init_pipeline(repo)"),
    of_class("from_pretraned", "Did you mean 'from_pretrained'?"),
    given("device", "pipe.to(device)", device="cuda"),
    given("batch_size", "num_images_per_prompt=", batch_size=2),
    given("n_iter", "num_images_per_prompt=", n_iter=2),
    given("sampler", "update_components(scheduler=...)", sampler="euler"),
    given("sampler_name", "update_components(scheduler=...)", sampler_name="euler"),
    given("cfg", "guidance_scale=", cfg=7),
    given("lora", "load_lora_weights(...)", lora="a.safetensors"),
    given("denoise", "strength=", denoise=0.5),
    given("denoising_strength", "strength=", denoising_strength=0.5),
    put("a number as a snapshot", lambda pipe: pipe.resume(3), InputError, "An int is no snapshot", "path"),
    put("a number as a LoRA", lambda pipe: pipe.load_lora_weights(3), InputError, "An int is no LoRA", "path"),
    put(
        "an argument that a guider lacks",
        lambda _: ClassifierFreeGuidance(scale=3),  # type: ignore[call-arg]
        InputError,
        "ClassifierFreeGuidance has no 'scale'",
        "'guidance_scale'",
        "It takes: start, stop, enabled, guidance_scale",
    ),
    put(
        "a guider's number without a name",
        lambda _: ClassifierFreeGuidance(7.5),  # type: ignore[call-arg, misc]
        InputError,
        "by name",
        "guidance_scale",
    ),
    put(
        "the end of a guider's argument",
        lambda _: SkipLayerGuidance(skip_layers=[1]),  # type: ignore[call-arg]
        InputError,
        "Did you mean 'skip_layer_guidance_layers'?",
    ),
    put(
        "a guider that is changed",
        lambda pipe: setattr(pipe.guider, "guidance_scale", 3.0),
        FrozenError,
        "attrs.evolve(guider, guidance_scale=3.0)",
    ),
    put("a branch of no run", lambda pipe: pipe.branch("x", 3), InputError, "the state of an earlier run"),
    put("a misspelt component", lambda pipe: pipe.load_components("unett"), ComponentError, "Did you mean 'unet'?"),
]
