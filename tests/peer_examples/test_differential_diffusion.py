"""Examples of diffusers' pages in their own words: differential diffusion, with IP-Adapter and ControlNet, saved and loaded."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from differential_diffusion import (
    DIFFDIFF_BLOCKS,
    SDXLDiffDiffDenoiseStep,
    SDXLDiffDiffLoopBeforeDenoiser,
    SDXLDiffDiffPrepareLatentsStep,
)
from PIL import Image

from brickwork import InputError, load_image
from brickwork.modular_pipelines import AutoPipelineBlocks, ComponentsManager, ModularPipeline, SequentialPipelineBlocks
from brickwork.modular_pipelines.stable_diffusion_xl import (
    IMAGE2IMAGE_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    StableDiffusionXLControlNetAutoInput,
    StableDiffusionXLControlNetLoopDenoiser,
    StableDiffusionXLDenoiseLoopAfterDenoiser,
    StableDiffusionXLDenoiseLoopWrapper,
)
from brickwork.modular_pipelines.stable_diffusion_xl.encoders import StableDiffusionXLAutoIPAdapterStep
from brickwork.modular_pipelines.stable_diffusion_xl.modular_blocks import StableDiffusionXLAutoControlNetInputStep
from brickwork.presets.embedded import FOLDER
from embedded_model.oracle import Oracle, as_picture

device = "cuda" if torch.cuda.is_available() else "cpu"


class SDXLDiffDiffControlNetDenoiseStep(StableDiffusionXLDenoiseLoopWrapper):  # type: ignore[misc, valid-type]
    block_classes = [
        SDXLDiffDiffLoopBeforeDenoiser,
        StableDiffusionXLControlNetLoopDenoiser,
        StableDiffusionXLDenoiseLoopAfterDenoiser,
    ]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


class SDXLDiffDiffAutoDenoiseStep(AutoPipelineBlocks):
    block_classes = [SDXLDiffDiffControlNetDenoiseStep, SDXLDiffDiffDenoiseStep]
    block_names = ["controlnet_denoise", "denoise"]  # the page breaks this line within a word,
    block_trigger_inputs = ["controlnet_cond", None]  # and has this one outside of the class


@pytest.fixture
def dd_blocks() -> SequentialPipelineBlocks:
    return SequentialPipelineBlocks.from_blocks_dict(DIFFDIFF_BLOCKS)


def made(blocks: SequentialPipelineBlocks, embedded_pipe: ModularPipeline) -> ModularPipeline:
    """With the embedded model, whose pictures can be judged."""
    pipe = blocks.init_pipeline(str(FOLDER))
    pipe.update_components(
        **{name: embedded_pipe.components[name] for name in embedded_pipe.pretrained_component_names}
    )
    pipe.update_components(guider=embedded_pipe.guider)
    pipe.configure(progress=False)
    return pipe


def test_latents_are_noised_at_every_level_and_masks_grow(
    dd_blocks: SequentialPipelineBlocks, embedded_pipe: ModularPipeline
) -> None:
    state = made(dd_blocks, embedded_pipe)(
        prompt="a red circle",
        image=Image.new("RGB", (64, 64), "white"),
        diffdiff_map=Image.new("L", (64, 64), 128),
        num_inference_steps=4,
        generator=torch.Generator().manual_seed(0),
        output_type="latent",
    )
    assert state.get("original_latents").shape == (4, 4, 16, 16)
    masks = state.get("diffdiff_masks")
    assert masks.shape == (4, 16, 16)
    assert [bool(mask.all()) for mask in masks] == [True, True, True, False]
    assert not masks[3].any()
    deviations = state.get("original_latents").std((1, 2, 3))
    assert (deviations[:-1] > deviations[1:]).all()


def test_a_copy_leaves_the_preset_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    DIFFDIFF_BLOCKS = IMAGE2IMAGE_BLOCKS.copy()
    DIFFDIFF_BLOCKS["set_timesteps"] = TEXT2IMAGE_BLOCKS["set_timesteps"]
    DIFFDIFF_BLOCKS["prepare_latents"] = SDXLDiffDiffPrepareLatentsStep
    DIFFDIFF_BLOCKS["denoise"] = SDXLDiffDiffDenoiseStep

    dd_blocks = SequentialPipelineBlocks.from_blocks_dict(DIFFDIFF_BLOCKS)
    print(dd_blocks)
    shown = capsys.readouterr().out
    assert all(name in shown for name in IMAGE2IMAGE_BLOCKS)
    assert list(dd_blocks.sub_blocks) == list(IMAGE2IMAGE_BLOCKS)
    assert len(IMAGE2IMAGE_BLOCKS) == 8
    assert IMAGE2IMAGE_BLOCKS["denoise"] is TEXT2IMAGE_BLOCKS["denoise"]
    assert "strength" not in dd_blocks.input_names
    report = dd_blocks.check()
    assert (report.faults, report.warnings) == ((), ())
    required = [param.name for param in dd_blocks.workflow().required]
    assert sorted(required) == ["diffdiff_map", "image", "prompt"]


def test_the_pipeline_is_loaded_like_any_other(dd_blocks: SequentialPipelineBlocks) -> None:
    components = ComponentsManager()  # the page writes ComponentManager

    dd_pipeline = dd_blocks.init_pipeline(
        "YiYiXu/modular-demo-auto", components_manager=components, collection="diffdiff"
    )
    dd_pipeline.load_default_components(torch_dtype=torch.float32)  # the page misspells it
    dd_pipeline.to(device)
    assert dd_pipeline.null_component_names == []
    assert components.get_one(name="unet", collection="diffdiff") is dd_pipeline.unet


def test_a_white_map_keeps_the_picture_and_a_black_one_redraws_it(
    dd_blocks: SequentialPipelineBlocks, embedded_pipe: ModularPipeline, oracle: Oracle
) -> None:
    options: dict[str, Any] = {"num_inference_steps": 12, "guidance_scale": 5.0, "output": "images"}
    red = embedded_pipe(prompt="a red circle", generator=torch.Generator().manual_seed(0), **options)[0]
    assert oracle.shapes(red) == [("circle", "red")]
    pipe, found = made(dd_blocks, embedded_pipe), {}
    for name, level in (("white", 255), ("black", 0)):
        found[name] = pipe(
            prompt="a blue square",
            image=red,
            diffdiff_map=Image.new("L", (64, 64), level),
            generator=torch.Generator().manual_seed(1),
            **options,
        )[0]
    assert oracle.shapes(found["black"]) == [("square", "blue")]
    assert oracle.colour(found["white"]) == "red"
    change = {name: abs(as_picture(picture) - as_picture(red)).mean() for name, picture in found.items()}
    assert change["white"] < 0.4 * change["black"]


def test_an_ip_adapter_is_one_more_block(dd_blocks: SequentialPipelineBlocks) -> None:
    before = set(dd_blocks.component_names)
    ip_adapter_block = StableDiffusionXLAutoIPAdapterStep()

    dd_blocks.sub_blocks.insert("ip_adapter", ip_adapter_block, 0)
    assert list(dd_blocks.sub_blocks)[0] == "ip_adapter"
    assert "ip_adapter_image" in dd_blocks.input_names
    assert set(dd_blocks.component_names) - before == {"image_encoder", "feature_extractor"}


def test_the_picture_of_an_ip_adapter_counts_by_its_scale(dd_blocks: SequentialPipelineBlocks) -> None:
    dd_blocks.sub_blocks.insert("ip_adapter", StableDiffusionXLAutoIPAdapterStep(), 0)
    dd_pipeline = dd_blocks.init_pipeline("YiYiXu/modular-demo-auto", collection="diffdiff")
    dd_pipeline.load_components(torch_dtype=torch.float32)
    # the page loads "ip-adapter_sdxl.bin"; pickled weights are refused
    dd_pipeline.loader.load_ip_adapter(
        "h94/IP-Adapter", subfolder="sdxl_models", weight_name="ip-adapter_sdxl.safetensors"
    )
    dd_pipeline.loader.set_ip_adapter_scale(0.6)
    dd_pipeline = dd_pipeline.to(device)

    ip_adapter_image = load_image("diffdiff_orange.png")
    image = load_image("20240329211129_4024911930.png")
    mask = load_image("gradient_mask.png")

    prompt = "a green pear"
    negative_prompt = "blurry"

    def drawn(**pictures: Any) -> Any:
        generator = torch.Generator(device=device).manual_seed(42)
        return dd_pipeline(
            prompt=prompt,
            negative_prompt=negative_prompt,
            num_inference_steps=5,  # the page draws with 25
            generator=generator,
            diffdiff_map=mask,
            image=image,
            output="images",
            output_type="pt",
            **pictures,
        )

    found = {}
    for scale in (0.6, 0.3, 0.0):
        dd_pipeline.loader.set_ip_adapter_scale(scale)
        found[scale] = drawn(ip_adapter_image=ip_adapter_image)
    dd_pipeline.unload_ip_adapter()
    plain = drawn()
    assert torch.equal(found[0.0], plain)
    assert not torch.equal(found[0.6], plain)
    assert not torch.equal(found[0.6], found[0.3])


def test_a_control_picture_counts_by_its_scale(dd_blocks: SequentialPipelineBlocks) -> None:
    dd_blocks.sub_blocks.insert("ip_adapter", StableDiffusionXLAutoIPAdapterStep(), 0)
    control_input_block = StableDiffusionXLAutoControlNetInputStep()
    controlnet_denoise_block = SDXLDiffDiffControlNetDenoiseStep()

    dd_blocks.sub_blocks.insert("controlnet_input", control_input_block, 7)
    assert list(dd_blocks.sub_blocks).index("controlnet_input") < list(dd_blocks.sub_blocks).index("denoise")
    plain_denoise = dd_blocks.sub_blocks["denoise"]
    dd_blocks.sub_blocks["denoise"] = controlnet_denoise_block
    assert "controlnet" in dd_blocks.component_names

    dd_pipeline = dd_blocks.init_pipeline("YiYiXu/modular-demo-auto", collection="diffdiff")
    dd_pipeline.load_components(torch_dtype=torch.float32)
    dd_pipeline = dd_pipeline.to(device)

    control_image = load_image("diffdiff_tomato_canny.png")
    image = load_image("20240329211129_4024911930.png")
    mask = load_image("gradient_mask.png")

    prompt = "a green pear"
    negative_prompt = "blurry"

    def drawn(**control: Any) -> Any:
        generator = torch.Generator(device=device).manual_seed(42)
        return dd_pipeline(
            prompt=prompt,
            negative_prompt=negative_prompt,
            num_inference_steps=5,  # the page draws with 25
            generator=generator,
            diffdiff_map=mask,
            image=image,
            output="images",
            output_type="pt",
            **control,
        )

    steered = drawn(control_image=control_image, controlnet_conditioning_scale=0.5)
    without = drawn(control_image=control_image, controlnet_conditioning_scale=0.0)
    dd_pipeline.blocks.sub_blocks["denoise"] = plain_denoise
    plain = drawn()
    assert torch.equal(without, plain)
    assert not torch.equal(steered, plain)


def test_control_after_the_loop_that_reads_it_is_found(dd_blocks: SequentialPipelineBlocks) -> None:
    """Index 7 is right only with an IP-Adapter at 0; otherwise the control is prepared after it is read."""
    dd_blocks.sub_blocks.insert("controlnet_input", StableDiffusionXLAutoControlNetInputStep(), 7)
    dd_blocks.sub_blocks["denoise"] = SDXLDiffDiffControlNetDenoiseStep()
    words = "controlnet_input.controlnet writes it, but only later: move that before denoise.denoiser"
    assert any("needs 'controlnet_cond'" in warning and words in warning for warning in dd_blocks.check().warnings)
    dd_pipeline = dd_blocks.init_pipeline("YiYiXu/modular-demo-auto")
    picture = load_image("diffdiff_tomato_canny.png")
    with pytest.raises(InputError, match=f"needs 'controlnet_cond'.*{words}"):
        dd_pipeline(prompt="a", image=picture, diffdiff_map=picture, control_image=picture)


def test_one_composition_runs_with_and_without_control() -> None:
    DIFFDIFF_AUTO_BLOCKS = IMAGE2IMAGE_BLOCKS.copy()
    DIFFDIFF_AUTO_BLOCKS["prepare_latents"] = SDXLDiffDiffPrepareLatentsStep
    DIFFDIFF_AUTO_BLOCKS["set_timesteps"] = TEXT2IMAGE_BLOCKS["set_timesteps"]
    DIFFDIFF_AUTO_BLOCKS["denoise"] = SDXLDiffDiffAutoDenoiseStep
    DIFFDIFF_AUTO_BLOCKS.insert("ip_adapter", StableDiffusionXLAutoIPAdapterStep, 0)
    DIFFDIFF_AUTO_BLOCKS.insert("controlnet_input", StableDiffusionXLControlNetAutoInput, 7)

    dd_auto_blocks = SequentialPipelineBlocks.from_blocks_dict(DIFFDIFF_AUTO_BLOCKS)
    dd_pipeline = dd_auto_blocks.init_pipeline("YiYiXu/modular-demo-auto", collection="diffdiff")
    dd_pipeline.load_components(torch_dtype=torch.float32)
    inputs: dict[str, Any] = {
        "prompt": "a green pear",
        "num_inference_steps": 4,
        "image": load_image("20240329211129_4024911930.png"),
        "diffdiff_map": load_image("gradient_mask.png"),
        "output": "images",
        "output_type": "pt",
    }
    control = load_image("diffdiff_tomato_canny.png")

    def drawn(pipe: ModularPipeline, **more: Any) -> Any:
        return pipe(**inputs, generator=torch.Generator().manual_seed(0), **more)

    parts = {name: dd_pipeline.components[name] for name in dd_pipeline.pretrained_component_names}
    plain = SequentialPipelineBlocks.from_blocks_dict(DIFFDIFF_BLOCKS).init_pipeline("YiYiXu/modular-demo-auto")
    plain.update_components(**{name: parts[name] for name in plain.pretrained_component_names})
    assert torch.equal(drawn(dd_pipeline), drawn(plain))
    steered = drawn(dd_pipeline, control_image=control, controlnet_conditioning_scale=0.5)
    assert not torch.equal(steered, drawn(plain))
    dd_pipeline.blocks.sub_blocks["denoise"] = SDXLDiffDiffControlNetDenoiseStep()
    assert torch.equal(drawn(dd_pipeline, control_image=control, controlnet_conditioning_scale=0.5), steered)


def test_a_composition_is_saved_with_its_code_and_loaded_again() -> None:
    first = ModularPipeline.from_pretrained("YiYiXu/modular-diffdiff-0704", trust_remote_code=True)
    first.load_components(torch_dtype=torch.float32)
    first.save_pretrained("YiYiXu/test_modular_doc", push_to_hub=True)

    components = ComponentsManager()

    diffdiff_pipeline = ModularPipeline.from_pretrained(
        "YiYiXu/test_modular_doc", trust_remote_code=True, components_manager=components, collection="diffdiff"
    )
    diffdiff_pipeline.load_components(torch_dtype=torch.float32)
    inputs: dict[str, Any] = {
        "prompt": "a green pear",
        "num_inference_steps": 3,
        "image": load_image("20240329211129_4024911930.png"),
        "diffdiff_map": load_image("gradient_mask.png"),
        "output": "images",
        "output_type": "pt",
    }
    found = [pipe(**inputs, generator=torch.Generator().manual_seed(0)) for pipe in (first, diffdiff_pipeline)]
    assert torch.equal(*found)


def test_the_map_says_where(
    dd_blocks: SequentialPipelineBlocks, embedded_pipe: ModularPipeline, oracle: Oracle
) -> None:
    """White is kept, black is drawn anew; in a gradient the change grows towards black."""
    options: dict[str, Any] = {"num_inference_steps": 12, "guidance_scale": 5.0, "output": "images"}
    white = Image.new("RGB", (64, 64), "white")
    pipe = made(dd_blocks, embedded_pipe)

    def change(diffdiff_map: Image.Image) -> Any:
        picture = pipe(
            prompt="a dog on a blue background",
            image=white,
            diffdiff_map=diffdiff_map,
            generator=torch.Generator().manual_seed(1),
            **options,
        )[0]
        return abs(as_picture(picture) - as_picture(white)).mean(2)

    half = Image.new("L", (64, 64), 0)
    half.paste(255, (0, 0, 32, 64))
    columns = change(half).mean(0)
    assert columns[:24].mean() < 0.2 * columns[40:].mean()
    rows = change(Image.linear_gradient("L").resize((64, 64))).mean(1)  # black at the top
    thirds = [rows[:21].mean(), rows[21:43].mean(), rows[43:].mean()]
    assert thirds[0] > thirds[1] > thirds[2]
