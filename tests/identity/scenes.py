"""Small pipelines on which changes are made: models with tiny weights, one network, blocks that only count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, FluxTransformer2DModel, UNet2DConditionModel
from PIL import Image
from tiny_adapters import image_encoder, ip_adapter
from tiny_families import flux
from transformers import CLIPImageProcessor, CLIPTextModel, CLIPTokenizer

import brickwork
from brickwork import Block, LoopSequentialPipelineBlocks, ModularPipeline, Outputs, PipelineState, component
from brickwork.presets.sdxl import IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS


class Repeat(LoopSequentialPipelineBlocks):
    """Do the same twice."""

    class Vars(Outputs):
        iteration: int

    def iterate(self) -> Iterator[Vars]:
        for iteration in range(2):
            yield self.Vars(iteration=iteration)


class Scene:
    """A pipeline and a call of it, which gives the same whenever nothing was changed."""

    pipe: ModularPipeline
    after: str = "steps"
    """Where snapshots are taken."""

    def inputs(self) -> dict[str, Any]:
        """What a call gives, made anew."""
        raise NotImplementedError

    def call(self) -> PipelineState:
        """Run it as it is now."""
        torch.manual_seed(0)
        return self.pipe(**self.inputs())

    def resume(self, snapshot: Any) -> PipelineState:
        """Go on with a run."""
        torch.manual_seed(0)
        return self.pipe.resume(snapshot)

    def branch(self, state: PipelineState) -> PipelineState:
        """Run a variant that shares the first step with an earlier run, and changes nothing after it."""
        torch.manual_seed(0)
        return self.pipe.branch(state, at_step=1)

    def replay(self, source: Any, recipe: Any) -> Any:
        """Repeat an earlier run, from its recipe or another source that has it, with what this pipeline is made of now."""
        torch.manual_seed(0)
        given = self.inputs()
        again = {name: given[name] for name in recipe.missing_inputs if name in given}
        return brickwork.replay(source, blocks=self.pipe.blocks, components=self.pipe, **again)


class Sdxl(Scene):
    """Text to image with tiny models that were read from files, two steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prompt = "a cat"
        self.more: dict[str, Any] = {}
        self.pipe = self.made(folder)
        self.pipe.configure(progress=False)

    def made(self, folder: Path) -> ModularPipeline:
        return ModularPipeline.from_pretrained(str(folder)).load_components()

    def inputs(self) -> dict[str, Any]:
        seed = torch.Generator().manual_seed(1)
        return {
            "prompt": self.prompt,
            "num_inference_steps": 2,
            "height": 32,
            "width": 32,
            "generator": seed,
            **self.more,
        }


class Encode(Block):
    """Encode a prompt."""

    tokenizer: CLIPTokenizer = component()
    text_encoder: CLIPTextModel = component()

    class Out(Outputs):
        words: torch.Tensor

    def run(self, prompt: str) -> Out:
        length = self.tokenizer.model_max_length
        ids = self.tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        words = self.text_encoder(ids.input_ids).last_hidden_state
        return self.Out(words=torch.cat([words, words.new_zeros(1, words.shape[1], 24)], dim=2))


class CallUnet(Block):
    """Call the UNet."""

    unet: UNet2DConditionModel = component()

    class Out(Outputs):
        latents: torch.Tensor

    def run(self, latents: torch.Tensor, words: torch.Tensor) -> Out:
        added = {"text_embeds": torch.zeros(1, 24), "time_ids": torch.zeros(1, 6)}
        found = self.unet(latents, 500, encoder_hidden_states=words, added_cond_kwargs=added)
        return self.Out(latents=found.sample)


class CallVae(Block):
    """Decode."""

    vae: AutoencoderKL = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, latents: torch.Tensor) -> Out:
        latents = (latents / self.vae.config.scaling_factor).to(self.vae.dtype)
        return self.Out(x=self.vae.decode(latents).sample)


class Parts(Scene):
    """A text encoder, twice a UNet, a VAE, in blocks that do nothing else, and smaller than those of `Sdxl`."""

    def __init__(self, model: Path) -> None:
        self.folder = folder = model / "parts"
        repeat = Repeat.from_blocks_dict({"call": CallUnet})
        blocks = {"encode": Encode, "repeat": repeat, "decode": CallVae}
        made = brickwork.SequentialPipelineBlocks.from_blocks_dict(blocks)
        self.pipe = made.init_pipeline(str(folder)).load_components()
        self.pipe.configure(progress=False)

    def inputs(self) -> dict[str, Any]:
        return {"prompt": "a cat", "latents": torch.linspace(-1, 1, 64).view(1, 4, 4, 4)}


class SetSteps(Block):
    """Set the timesteps of two steps."""

    scheduler: EulerDiscreteScheduler = component(mutates=True)

    class Out(Outputs):
        timesteps: torch.Tensor

    def run(self) -> Out:
        self.scheduler.set_timesteps(2)
        return self.Out(timesteps=self.scheduler.timesteps)


class Step(Block):
    """Take half of what there is for the noise, and take a step."""

    scheduler: EulerDiscreteScheduler = component(mutates=True)

    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor, timesteps: torch.Tensor, iteration: int) -> Out:
        noise = 0.5 * self.scheduler.scale_model_input(x, timesteps[iteration])
        return self.Out(x=self.scheduler.step(noise, timesteps[iteration], x).prev_sample)


class Solve(Scene):
    """A scheduler without a network."""

    def __init__(self, folder: Path) -> None:
        repeat = Repeat.from_blocks_dict({"step": Step})
        blocks = brickwork.SequentialPipelineBlocks.from_blocks_dict({"set": SetSteps, "repeat": repeat})
        self.pipe = blocks.init_pipeline(str(folder)).load_components()
        self.pipe.configure(progress=False)

    def inputs(self) -> dict[str, Any]:
        return {"x": torch.linspace(-1, 1, 16).view(1, 1, 4, 4)}


class WithPictures(Sdxl):
    """Text to image with an IP-Adapter loaded."""

    def made(self, folder: Path) -> ModularPipeline:
        blocks = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
        blocks.sub_blocks.insert("ip_adapter", IP_ADAPTER_BLOCKS["ip_adapter"], 0)
        pipe = blocks.init_pipeline(str(folder)).load_components()
        pipe.update_components(
            image_encoder=image_encoder(), feature_extractor=CLIPImageProcessor(size=32, crop_size=32)
        )
        pipe.load_ip_adapter(ip_adapter(pipe.unet), image_encoder_folder=None)
        self.more = {"ip_adapter_image": Image.linear_gradient("L").convert("RGB").resize((32, 32))}
        return pipe


class Net(torch.nn.Module):
    """A network of one's own, which came from no file."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.linear = torch.nn.Linear(4, 4)
        self.linear.weight.data = torch.randn(4, 4, generator=generator)
        self.linear.bias.data = torch.zeros(4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.norm(self.linear(x))
        return found


class CallNet(Block):
    """Call the network."""

    net: Net = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor) -> Out:
        return self.Out(x=self.net(x))


class OwnNet(Scene):
    """A network of one's own, called three times."""

    def __init__(self, folder: Path) -> None:
        repeat = Repeat.from_blocks_dict({"call": CallNet})
        blocks = brickwork.SequentialPipelineBlocks.from_blocks_dict({"first": CallNet, "repeat": repeat})
        self.pipe = blocks.init_pipeline()
        self.pipe.update_components(net=Net())
        self.pipe.configure(progress=False)

    def inputs(self) -> dict[str, Any]:
        return {"x": torch.ones(1, 4)}


class CallTransformer(Block):
    """Call a transformer of diffusers."""

    transformer: FluxTransformer2DModel = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor) -> Out:
        net, words = self.transformer, torch.linspace(0, 1, 96).view(1, 3, 32)
        ones = torch.ones(1)
        with net.cache_context("cond"):
            found = net(
                x,
                encoder_hidden_states=words,
                pooled_projections=words[:, 0],
                timestep=ones * 0.5,
                guidance=ones,
                img_ids=torch.zeros(4, 3),
                txt_ids=torch.zeros(3, 3),
            )
        return self.Out(x=found.sample)


class OwnTransformer(Scene):
    """The tiny FLUX transformer, called three times."""

    def __init__(self, folder: Path) -> None:
        repeat = Repeat.from_blocks_dict({"call": CallTransformer})
        blocks = brickwork.SequentialPipelineBlocks.from_blocks_dict({"first": CallTransformer, "repeat": repeat})
        self.pipe = blocks.init_pipeline()
        self.pipe.update_components(transformer=flux()["transformer"].eval())
        self.pipe.configure(progress=False)

    def inputs(self) -> dict[str, Any]:
        return {"x": torch.linspace(-1, 1, 256).view(1, 4, 64)}


SCENES: dict[str, Callable[[Path], Scene]] = {
    "parts": Parts, "sdxl": Sdxl, "solve": Solve, "pictures": WithPictures, "net": OwnNet, "transformer": OwnTransformer
}  # fmt: skip
