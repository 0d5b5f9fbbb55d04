"""Small pipelines on which changes are made: models with tiny weights, one network, blocks that only count."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from attrs import define, field, frozen
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
        turn: int

    def iterate(self) -> Iterator[Vars]:
        for turn in range(2):
            yield self.Vars(turn=turn)


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

    def replay(self, recipe: Any) -> Any:
        """Repeat an earlier run with what this pipeline is made of now."""
        torch.manual_seed(0)
        given = self.inputs()
        again = {name: given[name] for name in recipe.missing_inputs if name in given}
        return brickwork.replay(recipe, blocks=self.pipe.blocks, components=self.pipe, **again)


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
    """A text encoder, twice the UNet, the VAE of the tiny models, in blocks that do nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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

    def run(self, x: torch.Tensor, timesteps: torch.Tensor, turn: int) -> Out:
        noise = 0.5 * self.scheduler.scale_model_input(x, timesteps[turn])
        return self.Out(x=self.scheduler.step(noise, timesteps[turn], x).prev_sample)


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


@frozen
class Blocks:
    """Blocks that only count, as a text, and a change of them, as texts.

    Attributes:
        adds: the expression that every block adds to `number`.
        head: what stands before the class. members: what stands in it. lines: what stands in `run` before the result.
        given: inputs of the call beside `number`, as arguments; each is a parameter of `run`.
        files: modules beside it, by their ending in `HELPER`, `HELPER2`. first: is done before the first run.
        change, back: are executed in the module, as a cell of a notebook is; "" in `back` where nothing can be taken back.
        settings: of the pipeline. moves: it gives something else every time, without any change.
        may_be_refused: such a block need not run at all.
    """

    adds: str = ""
    head: str = ""
    members: str = ""
    lines: str = ""
    given: str = ""
    files: Mapping[str, str] = field(factory=dict)
    first: str = ""
    change: str = ""
    back: str = ""
    settings: Mapping[str, Any] = field(factory=dict)
    moves: bool = False
    may_be_refused: bool = False

    def source(self) -> str:
        """The module. Where `head` has a class `Use` or a composition `BLOCKS`, that is taken."""
        names = re.findall(r"(\w+)=", re.sub(r"\(.*?\)", "", self.given))
        params = "".join(f", {name}: Any" for name in names)
        own = f"{_START}{self.head}\n"
        if "class Use" not in own and "BLOCKS" not in own:
            own += use(self.adds, self.members, self.lines, params)
        return own if "BLOCKS" in own else f"{own}\n{_COMPOSITION}"


_START = """
from typing import Any
import torch
from brickwork import Block, LoopSequentialPipelineBlocks, Outputs
from scenes import Repeat
"""
_COMPOSITION = 'BLOCKS = {"first": Use(), "repeat": Repeat.from_blocks_dict({"use": Use()})}\n'


def use(adds: str, members: str = "", lines: str = "", params: str = "") -> str:
    """The text of a block that adds something to a number."""
    indented = "".join(f"    {line}\n" for line in members.splitlines())
    before = "".join(f"        {line}\n" for line in lines.splitlines())
    return f"""
class Use(Block):
    \"\"\"Add to a number.\"\"\"

{indented}
    class Out(Outputs):
        number: float

    def run(self, number: float{params}) -> Out:
{before}        return self.Out(number=number + ({adds}))
"""


@define(slots=False)
class Counting(Scene):
    """A pipeline of blocks that only count. What a cell of a notebook would see is `names`."""

    blocks: Blocks
    name: str
    folder: Path
    pipe: ModularPipeline = field(init=False)
    module: ModuleType = field(init=False)
    results: list[PipelineState] = field(factory=list)
    after: str = "blocks"

    def __attrs_post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for ending, text in self.blocks.files.items():
            self.rewrite(ending, text)
        (self.folder / f"{self.name}.py").write_text(self._text(self.blocks.source()))
        sys.path.insert(0, str(self.folder))
        importlib.invalidate_caches()
        self.module = importlib.import_module(self.name)
        self.pipe = brickwork.SequentialPipelineBlocks.from_blocks_dict(self.module.BLOCKS).init_pipeline()
        self.pipe.configure(progress=False, **self.blocks.settings)
        self.do(self.blocks.first)

    def close(self) -> None:
        """Forget the modules, so that they can be made anew."""
        sys.path.remove(str(self.folder))
        for name in (self.name, *map(self.name_of, self.blocks.files)):
            sys.modules.pop(name, None)

    def name_of(self, ending: str) -> str:
        return f"{self.name}_{ending.lower()}"

    def _text(self, text: str) -> str:
        text = text.replace("FOLDER", str(self.folder))
        return re.sub(r"\bHELPER2?\b", lambda found: self.name_of(found[0]), text)

    def rewrite(self, ending: str, text: str) -> None:
        """Write a module beside this one."""
        (self.folder / f"{self.name_of(ending)}.py").write_text(self._text(text))

    def uses(self) -> list[Any]:
        """The blocks of the pipeline that are a `Use`."""
        blocks = self.pipe.blocks.sub_blocks
        return [blocks["first"], blocks["repeat"].sub_blocks["use"]]

    def do(self, text: str) -> None:
        """Execute a cell, which also sees the pipeline, its blocks, what runs returned, and how to edit a file."""
        tools = {"pipe": self.pipe, "uses": self.uses, "rewrite": self.rewrite, "results": self.results}
        names = vars(self.module)
        names |= tools
        try:
            exec(compile(self._text(text), "<cell>", "exec", dont_inherit=True), names)
        finally:
            for name in tools:
                del names[name]

    def inputs(self) -> dict[str, Any]:
        found: dict[str, Any] = eval(self._text(f"dict(number=1.0, {self.blocks.given})"), vars(self.module))
        return found

    def call(self) -> PipelineState:
        found: PipelineState = self._at_place(lambda: self.pipe(**self.inputs()))
        self.results.append(found)
        return found

    def resume(self, snapshot: Any) -> PipelineState:
        return self._at_place(lambda: self.pipe.resume(snapshot))

    def replay(self, recipe: Any) -> Any:
        given = self.inputs()
        again = {name: given[name] for name in recipe.missing_inputs if name in given}
        return self._at_place(lambda: brickwork.replay(recipe, blocks=self.pipe.blocks, components=self.pipe, **again))

    def _at_place(self, job: Callable[[], Any]) -> Any:
        """Do it in this thread, or in another one where the module says so; no seed is set, as blocks may draw."""
        if not vars(self.module).get("IN_THREAD"):
            return job()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(job).result()


def slug(name: str) -> str:
    """A name for modules and folders."""
    return "kinds_" + "_".join(re.findall(r"[a-z0-9]+", name.lower().replace("-0", "minus")))


SCENES: dict[str, Callable[[Path], Scene]] = {
    "parts": Parts, "sdxl": Sdxl, "solve": Solve, "pictures": WithPictures, "net": OwnNet, "transformer": OwnTransformer
}  # fmt: skip
