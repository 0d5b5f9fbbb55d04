"""Code of the seed's pages, by their numbers; only imports changed, and what the pages themselves got wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image

from brickwork.modular_pipelines import (
    AutoPipelineBlocks,
    BlockState,
    ComponentSpec,
    ConfigSpec,
    InputParam,
    InsertableDict,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    PipelineState,
    SequentialPipelineBlocks,
)
from brickwork.modular_pipelines.stable_diffusion_xl import TEXT2IMAGE_BLOCKS


class Text(ModularPipelineBlocks):
    """Say what ran."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="prompt")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("ran")]

    name = "text2img"

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.ran = self.name
        self.set_block_state(state, block_state)
        return components, state


class FromImage(Text):
    name = "img2img"

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="prompt"), InputParam(name="image")]


class Inpaint(Text):
    name = "inpaint"

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="prompt"), InputParam(name="image"), InputParam(name="mask")]


class AutoImageBlocks(AutoPipelineBlocks):
    block_classes = [Inpaint, FromImage, Text]
    block_names = ["inpaint", "img2img", "text2img"]
    block_trigger_inputs = ["mask", "image", None]

    def description(self) -> str:  # type: ignore[override]  # as the page writes it
        return "Pipeline generates images given different types of conditions!"


def test_e1_a_prompt_becomes_a_picture(tiny_pipe: ModularPipeline) -> None:
    def picture() -> Image.Image:
        generator = torch.Generator().manual_seed(0)
        image: Image.Image = tiny_pipe(prompt="a cat", num_inference_steps=2, generator=generator, output="images")[0]
        return image

    first = picture()
    assert first.size == (128, 128)
    assert first.tobytes() == picture().tobytes()


def test_e4_e5_e6_presets_are_edited_by_name() -> None:
    blocks = TEXT2IMAGE_BLOCKS.copy()
    blocks.insert("block_name", Text, 0)
    assert list(blocks)[0] == "block_name"
    blocks.insert("block_name", Text, 2)
    assert list(blocks).index("block_name") == 2
    assert blocks.pop("block_name") is Text
    blocks["decode"] = Text
    assert list(blocks)[-1] == "decode"
    assert blocks["decode"] is Text
    assert TEXT2IMAGE_BLOCKS["decode"] is not Text


def test_e14_to_e17_the_four_lists_of_component_names(tiny_folder: Any) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    pretrained = ["tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2", "scheduler", "unet", "vae"]
    assert set(pipe.component_names) == {*pretrained, "guider", "image_processor"}
    assert pipe.null_component_names == pretrained
    assert pipe.pretrained_component_names == pretrained
    assert pipe.config_component_names == ["guider", "image_processor"]


def test_e23_to_e26_declarations_of_a_property_block() -> None:
    class Block(ModularPipelineBlocks):
        @property
        def expected_components(self) -> list[ComponentSpec]:
            return [ComponentSpec("unet", object), ComponentSpec("scheduler", object)]

        @property
        def expected_config(self) -> list[ConfigSpec]:
            return [ConfigSpec("force_zeros_for_empty_prompt", True)]

        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam(name="image", type_hint="PIL.Image", description="raw input image to process")]

        @property
        def intermediate_outputs(self) -> list[OutputParam]:
            return [OutputParam(name="image_latents", description="latents representing the image")]

        def __call__(self, components: Any, state: PipelineState) -> Any:
            block_state = self.get_block_state(state)
            block_state.image_latents = (block_state.image, components.config.force_zeros_for_empty_prompt)
            block_state.seen = components.unet
            self.set_block_state(state, block_state)
            return components, state

    block = Block()
    assert block.component_names == ["unet", "scheduler"]
    pipe = block.init_pipeline()
    pipe.update_components(unet="a unet", scheduler="a scheduler")
    state = pipe(image="x")
    assert state.image_latents == ("x", True)
    assert "seen" not in state
    assert pipe.config.force_zeros_for_empty_prompt is True


def test_the_older_separate_list_of_a_loop_is_merged() -> None:
    class OlderLoop(LoopWrapper):
        @property
        def loop_intermediate_inputs(self) -> list[InputParam]:
            return [InputParam("timesteps")]

    with pytest.warns(DeprecationWarning, match="list these values in `loop_inputs`"):
        assert OlderLoop.from_blocks_dict({"b": LoopBlock}).input_names == ["num_steps", "timesteps", "x"]


def test_older_code_loads_through_the_loader(tiny_folder: Any) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.loader.load_default_components(names="vae")
    assert pipe.vae is not None


@pytest.mark.parametrize(
    ("given", "ran"),
    [
        ({}, "text2img"),
        ({"image": 1}, "img2img"),
        ({"mask": 1}, "inpaint"),
        ({"mask": 1, "image": 1}, "inpaint"),
        ({"mask": None, "image": 1}, "img2img"),
    ],
)
def test_e27_e28_the_first_trigger_wins(given: dict[str, Any], ran: str) -> None:
    pipe = AutoImageBlocks().init_pipeline()
    given = {name: value for name, value in given.items() if value is not None or name == "mask"}
    assert pipe(prompt="x", output="ran", **given) == ran


def test_e29_the_block_that_will_run_is_shown() -> None:
    assert isinstance(AutoImageBlocks().get_execution_blocks("mask"), Inpaint)
    assert isinstance(AutoImageBlocks().get_execution_blocks(mask=True), Inpaint)
    nested = SequentialPipelineBlocks.from_blocks_dict({"auto": AutoImageBlocks, "text": Text})
    inner = nested.get_execution_blocks("image")
    assert isinstance(inner, SequentialPipelineBlocks)
    assert isinstance(inner.sub_blocks["auto"], FromImage)


def test_a_description_may_be_a_method_and_triggers_are_told() -> None:
    text = AutoImageBlocks().doc
    assert "different types of conditions" in text
    assert "'inpaint' runs when 'mask' is given; 'img2img' runs when 'image' is given" in text


class InputBlock(ModularPipelineBlocks):
    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam(name="prompt", type_hint=list, description="list of text prompts"),
            InputParam(name="num_images_per_prompt", type_hint=int, description="number of images per prompt"),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam(name="batch_size", description="calculated batch size")]

    @property
    def description(self) -> str:  # type: ignore[override]
        return "A block that determines batch_size based on the number of prompts."

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.batch_size = len(block_state.prompt) * block_state.num_images_per_prompt
        self.set_block_state(state, block_state)
        return components, state


class ImageEncoderBlock(ModularPipelineBlocks):
    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="image"), InputParam(name="batch_size", type_hint=int)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam(name="image_latents")]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.image = torch.zeros(1, 3, 512, 512)
        block_state.batch_size = block_state.batch_size * 2
        block_state.image_latents = torch.randn(1, 4, 64, 64)
        self.set_block_state(state, block_state)
        return components, state


def test_e30_to_e33_two_blocks_in_a_row() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"input": InputBlock, "image_encoder": ImageEncoderBlock})
    assert list(blocks.sub_blocks) == ["input", "image_encoder"]
    assert blocks.input_names == ["prompt", "num_images_per_prompt", "image"]
    state = blocks.init_pipeline()(prompt=["a", "b"], num_images_per_prompt=3, image="file")
    assert state.batch_size == 12
    assert state.image.shape == (1, 3, 512, 512)
    assert state.image_latents.shape == (1, 4, 64, 64)
    assert state.provenance["image"] == "image_encoder"
    for text in (str(blocks), blocks.doc, blocks.docs):
        assert "batch_size" in text
    assert "A block that determines batch_size" in blocks.doc


class LoopWrapper(LoopSequentialPipelineBlocks):
    model_name = "test"

    @property
    def description(self) -> str:  # type: ignore[override]
        return "I'm a loop!!"

    @property
    def loop_inputs(self) -> list[InputParam]:
        return [InputParam(name="num_steps")]

    @torch.no_grad()
    def __call__(self, components: Any, state: PipelineState) -> Any:  # type: ignore[override]
        block_state = self.get_block_state(state)
        for i in range(block_state.num_steps):
            components, block_state = self.loop_step(components, block_state, i=i)
        self.set_block_state(state, block_state)
        return components, state


class LoopBlock(ModularPipelineBlocks):
    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="x")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam(name="x")]

    def __call__(self, components: Any, block_state: BlockState, i: int) -> Any:
        block_state.x += 1
        return components, block_state


def test_e34_to_e36_a_hand_written_loop() -> None:
    loop = LoopWrapper.from_blocks_dict({"block1": LoopBlock})
    assert loop.init_pipeline()(num_steps=10, x=0, output="x") == 10
    loop = LoopWrapper.from_blocks_dict({"block1": LoopBlock(), "block2": LoopBlock})
    assert loop.init_pipeline()(num_steps=10, x=0, output="x") == 20
    loop.sub_blocks.insert("block3", LoopBlock, 0)
    assert loop.init_pipeline()(num_steps=10, x=0, output="x") == 30


def test_e46_the_preset_has_the_names_of_the_page() -> None:
    names = ["text_encoder", "input", "set_timesteps", "prepare_latents", "prepare_add_cond", "denoise", "decode"]
    assert list(TEXT2IMAGE_BLOCKS) == names
    assert isinstance(TEXT2IMAGE_BLOCKS, InsertableDict)


def test_e47_e48_the_denoise_loop_shows_its_parts() -> None:
    denoise = TEXT2IMAGE_BLOCKS["denoise"]()
    assert list(denoise.sub_blocks) == ["before_denoiser", "denoiser", "after_denoiser"]
    assert {"unet", "scheduler", "guider"} <= set(denoise.component_names)
    text = str(denoise)
    for name in ("before_denoiser", "unet", "scheduler"):
        assert name in text

    class Mine(TEXT2IMAGE_BLOCKS["denoise"]):  # type: ignore[misc]
        block_classes = [Text]
        block_names = ["before_denoiser"]

    assert list(Mine().sub_blocks) == ["before_denoiser"]


def test_e59_the_guider_is_made_from_its_config(tiny_folder: Any) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    spec = pipe.get_component_spec("guider")
    assert spec.config["guidance_scale"] == 7.5
    assert spec.default_creation_method == "from_config"
    pipe.update_components(guider=spec.create(guidance_scale=10))
    assert pipe.guider.guidance_scale == 10


def test_e66_e67_states_are_shown_and_set() -> None:
    state = PipelineState()
    state.set("latents", torch.zeros(1, 4, 2, 2))
    assert "Tensor[1, 4, 2, 2] torch.float32" in repr(state)
    block_state = InputBlock().get_block_state(PipelineState({"prompt": ["a"], "num_images_per_prompt": 2}))
    assert "num_images_per_prompt: 2" in repr(block_state)
