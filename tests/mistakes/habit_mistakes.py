"""Mistakes of habit: callbacks that set values, paths of adapters, schedulers of one's own, what goes second in a call."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from mistake import Mistake
from PIL import Image
from safetensors.torch import save_file
from tiny_adapters import image_encoder, ip_adapter
from transformers import CLIPImageProcessor

from brickwork import (
    BrickworkError,
    ComponentError,
    ComponentSpec,
    InputError,
    ModularPipeline,
    RepoError,
    RunError,
    SequentialPipelineBlocks,
)
from brickwork.engine.events import StepFinished
from brickwork.presets.embedded import FOLDER
from brickwork.presets.sdxl import IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS

CALL: dict[str, Any] = {"num_inference_steps": 2, "output_type": "latent", "output": "images"}


class OwnScheduler:
    """A scheduler as somebody writes it, without diffusers' mixins."""

    order, init_noise_sigma = 1, 1.0

    def set_timesteps(self, *args: Any, **kwargs: Any) -> None: ...
    def scale_model_input(self, *args: Any, **kwargs: Any) -> None: ...
    def step(self, *args: Any, **kwargs: Any) -> None: ...


def put(name: str, at: str, make: Any, error: type[BrickworkError], *says: str) -> Mistake:
    return Mistake(name, at, make, error, says)


def listened(act: Any) -> Any:
    """Call with a listener that does something with the values of each step."""

    def make(pipe: Any) -> Any:
        pipe.configure(listeners=[lambda event: act(event.values) if isinstance(event, StepFinished) else None])
        return pipe("a cat", **CALL)

    return make


def beside(name: str, load: Any) -> Any:
    """Load a file that is not there, from a folder with a file lora.safetensors, and with a link that leads out of it."""

    def make(folder: Path) -> Any:
        (folder / "elsewhere.json").symlink_to(FOLDER / "model_index.json")
        save_file({"x": torch.ones(1)}, folder / "lora.safetensors")
        return load(
            ModularPipeline.from_pretrained(str(FOLDER)).load_components(["unet", "text_encoder", "tokenizer"]),
            folder / name,
        )

    return make


def seen(image: Any, **extractor: Any) -> Any:
    """Give an image to an IP-Adapter whose encoder sees 32x32 pixels."""

    def make(pipe: Any) -> Any:
        blocks = SequentialPipelineBlocks.from_blocks_dict({**IP_ADAPTER_BLOCKS, **TEXT2IMAGE_BLOCKS})
        shown = blocks.init_pipeline()
        shown.update_components(**{each: pipe.components[each] for each in pipe.pretrained_component_names})
        shown.update_components(image_encoder=image_encoder(), feature_extractor=CLIPImageProcessor(**extractor))
        shown.load_ip_adapter(ip_adapter(shown.unet))
        try:
            return shown("a cat", ip_adapter_image=image, **CALL)
        finally:
            shown.unload_ip_adapter()

    return make


def lone(pipe: Any, path: Path) -> Any:
    return pipe.load_lora_weights(str(path))


def channels_last(pipe: Any) -> None:
    """A model of its own, since the pipeline's is shared by all tests."""
    pipe.update_components(unet=copy.deepcopy(pipe.unet).to(memory_format=torch.channels_last))
    pipe.save_pretrained("never")


VALUES = [
    put(
        "a value that is set in a callback",
        "tiny",
        listened(lambda values: values.__setitem__("latents", 0)),
        InputError,
        "to look at",
        "pipe.blocks.insert_after('denoise.after_denoiser', 'mine', MyBlock)",
        "self.Out(latents=...)",
    ),
    put(
        "latents that are changed in place in a callback",
        "tiny",
        listened(lambda values: values["latents"].zero_()),
        RunError,
        "step 0 of denoise",
        "latents (Tensor[",
        "pipe.blocks.insert_after('denoise.after_denoiser', 'mine', MyBlock)",
    ),
]
FILES = [
    put(
        "a LoRA beside which another lies",
        "folder",
        beside("lorra.safetensors", lone),
        RepoError,
        "There is no file",
        "Did you mean 'lora.safetensors'?",
    ),
    put(
        "a LoRA in no folder",
        "folder",
        beside("my/lora.safetensors", lone),
        RepoError,
        "There is no file",
        "there is no folder",
    ),
    put(
        "a LoRA at a relative path",
        "embedded",
        lambda pipe: lone(pipe, Path("my/lora.safetensors")),
        RepoError,
        "There is no file my/lora.safetensors",
    ),
    put(
        "a pickled LoRA that is not there",
        "embedded",
        lambda pipe: lone(pipe, Path("my/lora.pt")),
        RepoError,
        "There is no file my/lora.pt",
    ),
    put(
        "a textual inversion that is not there",
        "folder",
        beside("lora.safetensor.safetensors", lambda pipe, path: pipe.load_textual_inversion(str(path))),
        RepoError,
        "There is no file",
        "Did you mean 'lora.safetensors'?",
    ),
    put(
        "an IP-Adapter that is not there",
        "embedded",
        lambda pipe: pipe.load_ip_adapter("my/ip.safetensors"),
        RepoError,
        "There is no file my/ip.safetensors",
    ),
    put(
        "an IP-Adapter by its file",
        "folder",
        beside("lora.safetensors", lambda pipe, path: pipe.load_ip_adapter(str(path))),
        RepoError,
        "is a file",
        "weight_name='lora.safetensors'",
    ),
    put(
        "a file in a folder of many",
        "folder",
        beside("", lambda pipe, path: pipe.load_lora_weights(str(path), weight_name="lorra.safetensors")),
        RepoError,
        "has no file lorra.safetensors",
        "Did you mean 'lora.safetensors'?",
    ),
    put(
        "a single file of a component that is not there",
        "folder",
        lambda folder: ComponentSpec("unet", repo=str(folder / "unet.safetensors")).load(),
        ComponentError,
        "There is no file",
    ),
    put(
        "a single file without a class",
        "folder",
        beside("lora.safetensors", lambda _, path: ComponentSpec("unet", repo=str(path)).load()),
        ComponentError,
        "ComponentSpec(name, TheClass, repo=...)",
    ),
    put(
        "a file as the model",
        "tiny",
        lambda pipe: pipe.update_components(unet="my/unet.safetensors"),
        ComponentError,
        "ComponentSpec('unet', UNet2DConditionModel, repo='my/unet.safetensors')",
    ),
]
IMAGES = [
    put(
        "an extractor for another encoder",
        "tiny",
        seen(Image.new("RGB", (64, 64))),
        InputError,
        "feature_extractor makes 224x224 of ip_adapter_image",
        "image_encoder sees 32x32",
        "(size=32, crop_size=32)",
    ),
    put(
        "a tensor of another size than the encoder's",
        "tiny",
        seen(torch.zeros(1, 3, 48, 40)),
        InputError,
        "ip_adapter_image is a tensor of 48x40",
        "Resize it to 32x32",
    ),
    put(
        "two tensors of another size",
        "tiny",
        seen([[torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)]]),
        InputError,
        "a tensor of 8x8",
    ),
]
COMPONENTS = [
    put(
        "a scheduler by name beside one without a configuration",
        "tiny",
        lambda pipe: (pipe.update_components(scheduler=OwnScheduler()), pipe.update_components(scheduler="ddim")),
        ComponentError,
        "The present scheduler is an OwnScheduler",
        "no `config`",
        "update_components(scheduler=DDIMScheduler(...))",
    ),
    put(
        "a list of ControlNets",
        "auto",
        lambda pipe: pipe.update_components(controlnet=[pipe.controlnet, pipe.controlnet]),
        ComponentError,
        "from diffusers import MultiControlNetModel",
        "MultiControlNetModel([first, second])",
    ),
    put(
        "channels last, saved",
        "tiny",
        channels_last,
        RepoError,
        "to(memory_format=torch.contiguous_format) before saving",
        "torch.channels_last after opening",
    ),
]
CALLS = [
    put(
        "a sentence given second",
        "embedded",
        lambda pipe: pipe("a red circle", "blurry, ugly"),
        InputError,
        "is output=",
        "negative_prompt=...",
    ),
    put(
        "a number given second",
        "embedded",
        lambda pipe: pipe("a red circle", 5),
        InputError,
        "output is 5",
        "is output=",
    ),
    put(
        "an image given second",
        "embedded",
        lambda pipe: pipe("a red circle", Image.new("RGB", (8, 8))),
        InputError,
        "output is image of 8x8",
        "is output=",
    ),
    put(
        "a list of numbers given second",
        "embedded",
        lambda pipe: pipe("a red circle", [5]),
        InputError,
        "output is list of 1",
    ),
    put(
        "no prompt by name",
        "embedded",
        lambda pipe: pipe(prompt=None),
        InputError,
        "prompt is None; it must be str",
        "str | list[str]",
    ),
    put("a number for the prompt again", "embedded", lambda pipe: pipe(7), InputError, "prompt is 7 (an int)"),
    put(
        "an image for a number",
        "embedded",
        lambda pipe: pipe("a red circle", num_inference_steps=Image.new("RGB", (8, 8))),
        InputError,
        "is an image of 8x8",
    ),
    put(
        "init_image",
        "embedded",
        lambda pipe: pipe("a red circle", init_image=1),
        InputError,
        "image=, of a task with an image",
    ),
    put(
        "mask", "embedded", lambda pipe: pipe("a red circle", mask=1), InputError, "mask_image=, of a task with a mask"
    ),
    put(
        "latents of another size than the model's",
        "tiny",
        lambda pipe: pipe("a cat", latents=torch.zeros(1, 4, 16, 16), **CALL),
        InputError,
        "latents have the shape [1, 4, 16, 16]; 1 image needs [1, 4, ",
    ),
]
MISTAKES = [*VALUES, *FILES, *IMAGES, *COMPONENTS, *CALLS]
