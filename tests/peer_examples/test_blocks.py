"""Examples of diffusers' pages in their own words: blocks of one's own, choices, loops, presets and states."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from differential_diffusion import SDXLDiffDiffLoopBeforeDenoiser
from diffusers import EulerDiscreteScheduler, UNet2DConditionModel
from PIL import Image

from brickwork import ComponentSpec, ConfigSpec
from brickwork.modular_pipelines import (
    AutoPipelineBlocks,
    BlockState,
    InputParam,
    InsertableDict,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    OutputParam,
    PipelineState,
    SequentialPipelineBlocks,
)
from brickwork.modular_pipelines.stable_diffusion_xl import (
    IMAGE2IMAGE_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    StableDiffusionXLDecodeStep,
    StableDiffusionXLDenoiseLoopWrapper,
    StableDiffusionXLDenoiseStep,
    StableDiffusionXLImg2ImgPrepareAdditionalConditioningStep,
    StableDiffusionXLImg2ImgPrepareLatentsStep,
    StableDiffusionXLImg2ImgSetTimestepsStep,
    StableDiffusionXLInputStep,
    StableDiffusionXLLoopAfterDenoiser,
    StableDiffusionXLLoopDenoiser,
    StableDiffusionXLTextEncoderStep,
    StableDiffusionXLVaeEncoderStep,
)


class TextToImageBlock(ModularPipelineBlocks):
    model_name = "text2img"

    @property
    def inputs(self):
        return [InputParam(name="prompt")]

    @property
    def intermediate_outputs(self):
        return []

    @property
    def description(self):
        return "我是一个文本到图像的工作流程！"

    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        print("运行文本到图像工作流程")
        self.set_block_state(state, block_state)
        return components, state


class ImageToImageBlock(ModularPipelineBlocks):
    model_name = "img2img"

    @property
    def inputs(self):
        return [InputParam(name="prompt"), InputParam(name="image")]

    @property
    def intermediate_outputs(self):
        return []

    @property
    def description(self):
        return "我是一个图像到图像的工作流程！"

    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        print("运行图像到图像工作流程")
        self.set_block_state(state, block_state)
        return components, state


class InpaintBlock(ModularPipelineBlocks):
    model_name = "inpaint"

    @property
    def inputs(self):
        return [InputParam(name="prompt"), InputParam(name="image"), InputParam(name="mask")]

    @property
    def intermediate_outputs(self):
        return []

    @property
    def description(self):
        return "我是一个修复工作流！"

    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        print("运行修复工作流")
        self.set_block_state(state, block_state)
        return components, state


class AutoImageBlocks(AutoPipelineBlocks):
    # 选择子块类的列表
    block_classes = [
        InpaintBlock,
        ImageToImageBlock,
        TextToImageBlock,
    ]  # the page names classes that it does not define
    # 每个块的名称，顺序相同
    block_names = ["inpaint", "img2img", "text2img"]
    # 决定运行哪个块的触发输入
    # - "mask" 触发修复工作流
    # - "image" 触发img2img工作流（但仅在未提供mask时）
    # - 如果以上都没有，运行text2img工作流（默认）
    block_trigger_inputs = ["mask", "image", None]
    # 对于AutoPipelineBlocks来说，描述极其重要

    def description(self):
        return (
            "Pipeline generates images given different types of conditions!\n"
            "This is an auto pipeline block that works for text2img, img2img and inpainting tasks.\n"
            " - inpaint workflow is run when `mask` is provided.\n"
            " - img2img workflow is run when `image` is provided (but only when `mask` is not provided).\n"
            " - text2img workflow is run when neither `image` nor `mask` is provided.\n"
        )


class InputBlock(ModularPipelineBlocks):
    @property
    def inputs(self):
        return [
            InputParam(name="prompt", type_hint=list, description="list of text prompts"),
            InputParam(name="num_images_per_prompt", type_hint=int, description="number of images per prompt"),
        ]

    @property
    def intermediate_outputs(self):
        return [
            OutputParam(name="batch_size", description="calculated batch size"),
        ]

    @property
    def description(self):
        return "A block that determines batch_size based on the number of prompts and num_images_per_prompt argument."

    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        batch_size = len(block_state.prompt)
        block_state.batch_size = batch_size * block_state.num_images_per_prompt
        self.set_block_state(state, block_state)
        return components, state


class ImageEncoderBlock(ModularPipelineBlocks):
    @property
    def inputs(self):
        return [
            InputParam(name="image", type_hint="PIL.Image", description="raw input image to process"),
            InputParam(name="batch_size", type_hint=int),
        ]

    @property
    def intermediate_outputs(self):
        return [
            OutputParam(name="image_latents", description="latents representing the image")  # the page forgets this ")"
        ]

    @property
    def description(self):
        return "Encode raw image into its latent presentation"

    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        # 模拟处理图像
        # 这将改变所有块的图像状态，从PIL图像变为张量
        block_state.image = torch.randn(1, 3, 512, 512)
        block_state.batch_size = block_state.batch_size * 2
        block_state.image_latents = torch.randn(1, 4, 64, 64)
        self.set_block_state(state, block_state)
        return components, state


class LoopWrapper(LoopSequentialPipelineBlocks):
    model_name = "test"

    @property
    def description(self):
        return "I'm a loop!!"

    @property
    def loop_inputs(self):
        return [InputParam(name="num_steps")]

    @torch.no_grad()
    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        # 循环结构 - 可以根据您的需求定制
        for i in range(block_state.num_steps):
            # loop_step 按顺序执行所有注册的块
            components, block_state = self.loop_step(components, block_state, i=i)
        self.set_block_state(state, block_state)
        return components, state


class LoopBlock(ModularPipelineBlocks):
    model_name = "test"

    @property
    def inputs(self):
        return [InputParam(name="x")]

    @property
    def intermediate_outputs(self):
        # 这个块产生的输出
        return [OutputParam(name="x")]

    @property
    def description(self):
        return "我是一个在`LoopWrapper`类内部使用的块"

    def __call__(self, components, block_state, i: int):
        block_state.x += 1
        return components, block_state


def test_presets_and_compositions_are_edited() -> None:
    BLOCKS, BlockClass, block_instance = TEXT2IMAGE_BLOCKS.copy(), TextToImageBlock, TextToImageBlock()
    t2i_blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    index = 1
    # BLOCKS是块类的字典，您需要向其中添加类
    BLOCKS.insert("block_name", BlockClass, index)
    # sub_blocks属性包含实例，向该属性添加一个块实例
    t2i_blocks.sub_blocks.insert("block_name", block_instance, index)
    assert list(BLOCKS)[:3] == list(t2i_blocks.sub_blocks)[:3] == ["text_encoder", "block_name", "input"]
    BLOCKS.insert("block_name", BlockClass, 0)  # an existing name moves
    assert list(BLOCKS)[:2] == ["block_name", "text_encoder"]

    # 从预设中移除一个块类
    assert BLOCKS.pop("text_encoder") is TEXT2IMAGE_BLOCKS["text_encoder"]
    # 分离出一个块实例
    text_encoder_block = t2i_blocks.sub_blocks.pop("text_encoder")
    assert isinstance(text_encoder_block, StableDiffusionXLTextEncoderStep)
    assert "prompt_embeds" in t2i_blocks.input_names
    assert "negative_prompt" not in t2i_blocks.input_names
    assert "tokenizer" not in t2i_blocks.component_names

    class CustomPrepareLatents(TEXT2IMAGE_BLOCKS["prepare_latents"]):  # type: ignore[misc]
        pass

    before = list(BLOCKS)
    # 在预设中替换块类
    BLOCKS["prepare_latents"] = CustomPrepareLatents
    # 使用块实例在sub_blocks属性中替换
    t2i_blocks.sub_blocks["prepare_latents"] = CustomPrepareLatents()
    assert list(BLOCKS) == before
    assert isinstance(t2i_blocks.sub_blocks["prepare_latents"], CustomPrepareLatents)


def test_declarations_show_name_type_and_meaning() -> None:
    shown = repr(InputParam(name="image", type_hint="PIL.Image", description="raw input image to process"))
    assert "image" in shown
    assert "PIL.Image" in shown
    assert "raw input image to process" in shown
    shown = repr(OutputParam(name="image_latents", description="latents representing the image"))
    assert "image_latents" in shown
    assert "latents representing the image" in shown


def test_a_block_reads_state_components_and_settings() -> None:
    class Block(ModularPipelineBlocks):
        @property
        def expected_components(self):
            return [
                ComponentSpec(name="unet", type_hint=UNet2DConditionModel),
                ComponentSpec(name="scheduler", type_hint=EulerDiscreteScheduler),
            ]

        @property
        def expected_config(self):
            return [ConfigSpec("force_zeros_for_empty_prompt", True)]

        @property
        def inputs(self):
            return [InputParam("image"), InputParam("processed_image")]

        @property
        def intermediate_outputs(self):
            return [OutputParam("seen")]

        def __call__(self, components, state):
            # 获取该块需要的状态变量的局部视图
            block_state = self.get_block_state(state)

            # 像这样访问它们: block_state.image, block_state.processed_image
            # 使用点符号访问组件
            unet = components.unet
            scheduler = components.scheduler
            force_zeros = components.config.force_zeros_for_empty_prompt
            block_state.seen = [block_state.image, block_state.processed_image, unet, scheduler, force_zeros]

            # 用你更新的block_states更新管道状态
            self.set_block_state(state, block_state)
            return components, state

    pipeline = Block().init_pipeline("YiYiXu/modular-loader-t2i-0704")
    pipeline.load_components()
    state = pipeline(image=1, processed_image=2)
    assert state.seen == [1, 2, pipeline.unet, pipeline.scheduler, True]
    assert state.image == 1


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "运行文本到图像工作流程"),
        ({"image": 1}, "运行图像到图像工作流程"),
        ({"mask": 1}, "运行修复工作流"),
        ({"mask": 1, "image": 1}, "运行修复工作流"),
    ],
)
def test_what_is_given_decides(given: dict[str, Any], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    auto_blocks = AutoImageBlocks()
    auto_blocks.init_pipeline()(prompt="x", **given)
    assert capsys.readouterr().out.splitlines() == [line]
    for name, block in zip(AutoImageBlocks.block_names, AutoImageBlocks.block_classes, strict=True):
        assert block().description in str(auto_blocks.sub_blocks[name])
    assert "img2img workflow is run when `image` is provided" in auto_blocks.doc


def test_the_block_that_runs_is_extracted() -> None:
    auto_blocks = AutoImageBlocks()
    assert isinstance(auto_blocks.get_execution_blocks("mask"), InpaintBlock)
    assert isinstance(auto_blocks.get_execution_blocks(mask=True), InpaintBlock)


def test_two_blocks_run_in_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    input_block, image_encoder_block = InputBlock(), ImageEncoderBlock()
    alone = input_block.init_pipeline()(prompt=["a", "b"], num_images_per_prompt=3)
    assert alone.batch_size == 6

    blocks_dict = InsertableDict()
    blocks_dict["input"] = input_block
    blocks_dict["image_encoder"] = image_encoder_block

    blocks = SequentialPipelineBlocks.from_blocks_dict(blocks_dict)
    assert list(blocks.sub_blocks) == ["input", "image_encoder"]
    assert blocks.input_names == ["prompt", "num_images_per_prompt", "image"]
    state = blocks.init_pipeline()(prompt=["a", "b"], num_images_per_prompt=3, image=Image.new("RGB", (8, 8)))
    assert state.batch_size == 12
    assert state.image.shape == (1, 3, 512, 512)
    assert state.image_latents.shape == (1, 4, 64, 64)

    print(blocks)
    print(blocks.doc)
    shown = capsys.readouterr().out
    for part in ("prompt", "list of text prompts", "batch_size", "image_latents", "Encode raw image into its latent"):
        assert part in shown


def test_a_hand_written_loop_runs_its_blocks() -> None:
    loop = LoopWrapper.from_blocks_dict({"block1": LoopBlock})
    assert loop.init_pipeline()(num_steps=10, x=0, output="x") == 10
    loop = LoopWrapper.from_blocks_dict({"block1": LoopBlock(), "block2": LoopBlock})
    assert loop.init_pipeline()(num_steps=10, x=0, output="x") == 20


def test_the_preset_of_image_to_image_has_the_blocks_of_the_page() -> None:
    literal = InsertableDict(
        [
            ("text_encoder", StableDiffusionXLTextEncoderStep),
            ("image_encoder", StableDiffusionXLVaeEncoderStep),
            ("input", StableDiffusionXLInputStep),
            ("set_timesteps", StableDiffusionXLImg2ImgSetTimestepsStep),
            ("prepare_latents", StableDiffusionXLImg2ImgPrepareLatentsStep),
            ("prepare_add_cond", StableDiffusionXLImg2ImgPrepareAdditionalConditioningStep),
            ("denoise", StableDiffusionXLDenoiseStep),
            ("decode", StableDiffusionXLDecodeStep),
        ]
    )
    assert literal == IMAGE2IMAGE_BLOCKS
    assert list(literal) == list(IMAGE2IMAGE_BLOCKS)


def test_the_denoise_block_shows_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    denoise_blocks = IMAGE2IMAGE_BLOCKS["denoise"]()
    print(denoise_blocks)
    shown = capsys.readouterr().out
    for part in ("before_denoiser", "denoiser", "after_denoiser", "scheduler", "unet", "guider"):
        assert part in shown


def test_placeholders_have_the_same_names() -> None:
    # 复制现有块作为占位符
    class SDXLDiffDiffPrepareLatentsStep(StableDiffusionXLImg2ImgPrepareLatentsStep):  # type: ignore[misc, valid-type]
        """Copied from StableDiffusionXLImg2ImgPrepareLatentsStep - will modify later"""

    class SDXLDiffDiffDenoiseStep(StableDiffusionXLDenoiseLoopWrapper):  # type: ignore[misc, valid-type]
        block_classes = [
            SDXLDiffDiffLoopBeforeDenoiser,
            StableDiffusionXLLoopDenoiser,
            StableDiffusionXLLoopAfterDenoiser,
        ]
        block_names = ["before_denoiser", "denoiser", "after_denoiser"]

    assert list(SDXLDiffDiffDenoiseStep().sub_blocks) == list(IMAGE2IMAGE_BLOCKS["denoise"]().sub_blocks)
    ours, theirs = SDXLDiffDiffPrepareLatentsStep(), StableDiffusionXLImg2ImgPrepareLatentsStep()
    assert ours.input_names == theirs.input_names


def test_states_are_shown() -> None:
    state = PipelineState(
        values={
            "prompt": "a cat",
            "guidance_scale": 7.0,
            "num_inference_steps": 25,
            "prompt_embeds": torch.zeros(1, 1, 1, 1),
            "negative_prompt_embeds": None,
        }
    )
    shown = repr(state)
    assert shown.startswith("PipelineState(")
    for part in ("'a cat'", "7.0", "25", "Tensor[1, 1, 1, 1] torch.float32", "negative_prompt_embeds"):
        assert part in shown
    shown = repr(BlockState(image=Image.new("RGB", (512, 512))))
    assert shown.startswith("BlockState(")
    assert "512x512" in shown


def test_a_block_reads_and_writes_the_state() -> None:
    class Doubled(ModularPipelineBlocks):
        @property
        def inputs(self):
            return [InputParam("number")]

        @property
        def intermediate_outputs(self):
            return [OutputParam("double")]

        def __call__(self, components, state):
            # 检索BlockState
            block_state = self.get_block_state(state)

            # 对输入进行计算的逻辑
            block_state.double = 2 * block_state.number

            # 更新PipelineState
            self.set_block_state(state, block_state)
            return components, state

    assert Doubled().init_pipeline()(number=3, output="double") == 6
