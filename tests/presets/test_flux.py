"""FLUX.1 beyond what the classic pipelines do: folders that open, a batch and its items, guiders, sizes, and what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import pytest
import tiny_families
import torch
from coarse_images import half_mask, picture, square_mask
from diffusers.pipelines.flux import ReduxImageEncoder
from diffusers.pipelines.flux.pipeline_flux_kontext import PREFERRED_KONTEXT_RESOLUTIONS
from family_rows import flux as rows
from family_rows.flux import ASKED, FAMILY, NEGATIVE, PICTURE, reading, true_guidance
from tiny_adapters import image_encoder
from tiny_families import siglip
from transformers import CLIPImageProcessor

from brickwork import (
    BrickworkError,
    ClassifierFreeGuidance,
    EmbeddedGuidance,
    ModularPipeline,
    SequentialPipelineBlocks,
)
from brickwork.families.flux import FLUX, FLUX_KONTEXT
from brickwork.families.packing import packed
from brickwork.presets.flux import (
    CONTROL_BLOCKS,
    CONTROL_INPAINT_BLOCKS,
    CONTROLNET_TEXT2IMAGE,
    FILL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    KONTEXT_BLOCKS,
    KONTEXT_INPAINT_BLOCKS,
    REDUX_BLOCKS,
    REDUX_PRIOR_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    FluxAutoBlocks,
)

ONE = {**ASKED, "prompt": "a red circle", "num_inference_steps": 2, "output_type": "latent"}
OF_IMAGE = {**ONE, "image": picture(3), "num_inference_steps": 3}


def pipeline(blocks: Mapping[str, Any] | type, guider: Any = None, **parts: Any) -> ModularPipeline:
    """A preset over the tiny parts that the rows have."""
    made = blocks() if isinstance(blocks, type) else SequentialPipelineBlocks.from_blocks_dict(blocks)
    pipe = made.init_pipeline()
    pipe.configure(progress=False)
    own = {**FAMILY.parts("float32"), **parts}
    own["scheduler"] = copy.deepcopy(own["scheduler"])
    pipe.update_components(**{name: part for name, part in own.items() if name in pipe.component_names})
    if guider is not None:
        pipe.update_components(guider=guider)
    return pipe


def drawn(pipe: ModularPipeline, seeds: list[int] | int = 7, **given: Any) -> Any:
    """Images, or latents, of a run."""
    each = [torch.Generator().manual_seed(seed) for seed in ([seeds] if isinstance(seeds, int) else seeds)]
    return pipe(**given, generator=each[0] if isinstance(seeds, int) else each, output="images")


@pytest.mark.parametrize("task", ["text2image", "image2image", "inpainting"])
def test_an_item_of_a_batch_is_the_item_alone(task: str) -> None:
    blocks, given = FAMILY.tasks[task].blocks, {**FAMILY.tasks[task].given, "output_type": "latent"}
    pipe = pipeline(blocks)
    both = drawn(pipe, [1, 2], **given)
    for number, prompt in enumerate(given["prompt"]):
        alone = drawn(pipe, number + 1, **{**given, "prompt": prompt})
        assert (both[number] - alone[0]).abs().max() < 1e-4


def test_true_guidance_in_one_batch_is_that_of_two_calls() -> None:
    given = {**ASKED, **NEGATIVE, "output_type": "latent", "num_inference_steps": 2}
    batched = drawn(pipeline(TEXT2IMAGE_BLOCKS, true_guidance()), **given)
    made = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    predict: Any = made.sub_blocks["denoise"].sub_blocks["denoiser"]
    made.sub_blocks.replace("denoise.denoiser", type(predict)(batching="sequential"))
    two_calls = drawn(pipeline(dict(made.sub_blocks), true_guidance()), **given)
    assert (batched - drawn(pipeline(TEXT2IMAGE_BLOCKS), **{**given, "negative_prompt": None})).abs().max() > 0
    assert (batched - two_calls).abs().max() < 1e-5


def test_a_transformer_that_is_told_no_strength_is_guided_by_two_predictions() -> None:
    """As the classic's `true_cfg_scale` does with it."""
    given = {**ASKED, **NEGATIVE, "output_type": "latent", "num_inference_steps": 2}
    told = pipeline(
        TEXT2IMAGE_BLOCKS,
        EmbeddedGuidance(guider=ClassifierFreeGuidance(guidance_scale=2.5)),
        transformer=rows.schnell(),
    )
    plain = pipeline(TEXT2IMAGE_BLOCKS, ClassifierFreeGuidance(guidance_scale=2.5), transformer=told.transformer)
    assert torch.equal(drawn(told, **given), drawn(plain, **{**given, "guidance_scale": None}))


def test_a_distilled_transformer_wants_to_be_told_the_strength() -> None:
    with pytest.raises(BrickworkError, match=r"transformer has guidance built in.*EmbeddedGuidance\(guidance_scale="):
        drawn(pipeline(TEXT2IMAGE_BLOCKS, ClassifierFreeGuidance(guidance_scale=2.5)), **ONE)


def test_at_full_strength_the_same_noise_makes_the_image_of_the_text_alone() -> None:
    noise = torch.randn(1, 16, 4, 6, generator=torch.Generator().manual_seed(4))
    given = {**ONE, "latents": noise}
    of_text = drawn(pipeline(TEXT2IMAGE_BLOCKS), **given)
    of_image = drawn(pipeline(IMAGE2IMAGE_BLOCKS), **given, image=picture(3), strength=1.0)
    assert torch.equal(of_text, of_image)


def test_what_lies_outside_of_the_mask_comes_back() -> None:
    source = torch.randn(1, 16, 4, 6, generator=torch.Generator().manual_seed(4))
    found = drawn(pipeline(INPAINT_BLOCKS), **{**ONE, "num_inference_steps": 3}, image=source, mask_image=half_mask())
    assert torch.equal(found[..., :3], source[..., :3])
    assert not torch.equal(found[..., 3:], source[..., 3:])


@pytest.mark.parametrize(("blocks", "given"), [(TEXT2IMAGE_BLOCKS, ONE), (IMAGE2IMAGE_BLOCKS, OF_IMAGE)])
def test_latents_that_are_packed_are_refused_with_what_unpacks_them(blocks: Any, given: dict[str, Any]) -> None:
    latents = torch.randn(1, 16, 4, 6)
    tokens = packed(latents)
    with pytest.raises(
        BrickworkError,
        match=r"(?s)prepare_latents would be given.*families\.get\('flux'\)\.latents_of\(latents, like\)",
    ):
        drawn(pipeline(blocks), **given, latents=tokens)
    assert torch.equal(FLUX.latents_of(tokens, torch.zeros(4, 6)), latents)


@pytest.mark.parametrize(
    ("blocks", "channels", "given", "words"),
    [
        (TEXT2IMAGE_BLOCKS, 16, {}, "reads 16 channels of images beside its latents, and is given 0.*CONTROL_BLOCKS"),
        (CONTROL_BLOCKS, 0, {"control_image": picture(8)}, "reads 0 channels .* is given 16"),
        (FILL_BLOCKS, 16, {"image": picture(3), "mask_image": half_mask()}, "reads 16 channels .* is given 80"),
    ],
)
def test_a_transformer_of_another_kind_is_refused(blocks: Any, channels: int, given: Any, words: str) -> None:
    with pytest.raises(BrickworkError, match=words):
        drawn(pipeline(blocks, transformer=reading(channels)()), **{**ONE, **given})


def test_control_nets_do_not_guess() -> None:
    pipe = pipeline(CONTROLNET_TEXT2IMAGE, controlnet=rows.net())
    with pytest.raises(
        BrickworkError, match="guess_mode steers the positive prediction alone.*ControlNets of flux steer every one"
    ):
        drawn(pipe, **ONE, control_image=picture(8), guess_mode=True)


def test_inpainting_reads_a_control_image() -> None:
    pipe = pipeline(CONTROL_INPAINT_BLOCKS, transformer=reading(16)())
    given = {**OF_IMAGE, "mask_image": half_mask()}
    one, other = (drawn(pipe, **given, control_image=picture(seed)) for seed in (8, 9))
    assert torch.equal(one[..., :3], other[..., :3])
    assert not torch.equal(one, other)


@pytest.mark.parametrize("size", [(64, 64), (64, 100), (300, 64), (70, 64)])
def test_a_reference_image_gets_the_next_size_of_those_that_the_model_knows(size: tuple[int, int]) -> None:
    width, height = size
    _, *nearest = min((abs(width / height - w / h), w, h) for w, h in PREFERRED_KONTEXT_RESOLUTIONS)
    assert FLUX_KONTEXT.reference_size(height, width) == tuple(reversed(nearest))
    assert FLUX.reference_size(height, width) == (height, width)


def test_an_area_that_leaves_no_side_is_refused() -> None:
    with pytest.raises(
        BrickworkError, match=r"max_area is 64, of which 32x1024 leaves a side of less than 16 pixels; give more"
    ):
        drawn(pipeline(KONTEXT_BLOCKS), **{**ONE, "height": 32, "width": 1024, "max_area": 64})


@pytest.mark.parametrize(
    ("given", "blocks"),
    [
        (ONE, TEXT2IMAGE_BLOCKS),
        (OF_IMAGE, IMAGE2IMAGE_BLOCKS),
        ({**OF_IMAGE, "mask_image": half_mask()}, INPAINT_BLOCKS),
    ],
)
def test_all_tasks_in_one_do_what_each_does(given: Any, blocks: Any) -> None:
    assert torch.equal(drawn(pipeline(FluxAutoBlocks), **given), drawn(pipeline(blocks), **given))


CLASSES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "FluxPipeline": ({}, {}),
    "FluxImg2ImgPipeline": (PICTURE, {}),
    "FluxInpaintPipeline": ({**PICTURE, "mask_image": half_mask()}, {}),
    "FluxFillPipeline": ({**PICTURE, "mask_image": half_mask()}, {"transformer": reading(80)}),
    "FluxControlPipeline": ({"control_image": picture(8)}, {"transformer": reading(16)}),
    "FluxControlNetPipeline": ({"control_image": picture(8)}, {"controlnet": rows.net}),
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_folder_of_the_classic_opens_as_its_task(name: str, tmp_path: Path) -> None:
    given, makers = CLASSES[name]
    own = {**FAMILY.parts("float32"), **{part: make().eval() for part, make in makers.items()}}
    classic = getattr(diffusers, name)(**{**own, "scheduler": copy.deepcopy(own["scheduler"])})
    classic.set_progress_bar_config(disable=True)
    classic.save_pretrained(tmp_path)
    asked = {**ASKED, **given, "num_inference_steps": 3}
    expected = classic(**asked, output_type="np", generator=torch.Generator().manual_seed(7)).images
    pipe = ModularPipeline.from_pretrained(str(tmp_path))
    pipe.load_components()
    pipe.configure(progress=False)
    found = drawn(pipe, **asked, output_type="np")
    assert (found == expected).all()


def opened(folder: Path, name: str) -> set[str]:
    """Names of the inputs of what opens for an index that names a classic class."""
    (folder / "model_index.json").write_text(json.dumps({"_class_name": name}))
    return set(ModularPipeline.from_pretrained(str(folder)).blocks.input_names)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("FluxKontextPipeline", {"image", "auto_resize", "max_area"}),
        ("FluxPriorReduxPipeline", {"image", "prompt_embeds_scale"}),
        ("FluxKontextInpaintPipeline", {"image", "mask_image", "image_reference", "strength"}),
        ("FluxControlImg2ImgPipeline", {"image", "control_image", "strength"}),
        ("FluxControlInpaintPipeline", {"mask_image", "control_image"}),
        ("FluxControlNetImg2ImgPipeline", {"image", "control_image", "controlnet_conditioning_scale"}),
        ("FluxControlNetInpaintPipeline", {"mask_image", "control_image", "controlnet_conditioning_scale"}),
    ],
)
def test_a_classic_class_opens_as_the_preset_of_its_task(name: str, inputs: set[str], tmp_path: Path) -> None:
    assert hasattr(diffusers, name)
    assert inputs <= opened(tmp_path, name)


def test_a_modular_index_of_diffusers_opens_with_all_tasks(tmp_path: Path) -> None:
    (tmp_path / "modular_model_index.json").write_text(
        '{"_class_name": "FluxModularPipeline", "_blocks_class_name": "FluxAutoBlocks"}'
    )
    pipe = ModularPipeline.from_pretrained(str(tmp_path))
    assert {"image", "mask_image", "prompt_2", "max_sequence_length"} <= set(pipe.blocks.input_names)


def test_what_is_saved_opens_and_draws_the_same(tmp_path: Path) -> None:
    pipe = pipeline(TEXT2IMAGE_BLOCKS)
    pipe.save_pretrained(str(tmp_path))
    again = ModularPipeline.from_pretrained(str(tmp_path))
    again.load_components()
    again.configure(progress=False)
    assert torch.equal(drawn(again, **ONE), drawn(pipe, **ONE))


def _redux_parts() -> dict[str, Any]:
    return {
        **siglip(),
        "image_embedder": ReduxImageEncoder(redux_dim=16, txt_in_features=32).eval(),
    }


@pytest.mark.parametrize(
    ("image", "given"),
    [
        (picture(3), {"prompt": "a red circle"}),
        ([picture(3), picture(4)], {"prompt": ["a red circle", "blue"], "prompt_embeds_scale": [0.7, 0.4]}),
    ],
)
def test_images_are_text_as_in_the_prior_of_the_classic(image: Any, given: dict[str, Any]) -> None:
    parts = _redux_parts()
    texts = {name: part for name, part in FAMILY.parts("float32").items() if "text" in name or "token" in name}
    classic = diffusers.FluxPriorReduxPipeline(**parts, **texts)
    expected = classic(image=image, **given)
    found = pipeline(REDUX_PRIOR_BLOCKS, **parts)(image=image, **given)
    assert torch.equal(found.prompt_embeds, expected.prompt_embeds)
    assert torch.equal(found.pooled_prompt_embeds, expected.pooled_prompt_embeds)
    told = {"prompt_embeds": expected.prompt_embeds, "pooled_prompt_embeds": expected.pooled_prompt_embeds}
    whole = drawn(pipeline(REDUX_BLOCKS, **parts), **{**ONE, "max_sequence_length": 512, **given}, image=image)
    assert torch.equal(
        whole, drawn(pipeline(TEXT2IMAGE_BLOCKS), **{**ONE, "prompt": None, "max_sequence_length": None}, **told)
    )


def _told_text(said: Any) -> dict[str, Any]:
    return {"prompt_embeds": said.prompt_embeds, "pooled_prompt_embeds": said.pooled_prompt_embeds}


NO_TEXT = dict.fromkeys(("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"))


@pytest.mark.parametrize("weights", [{}, {"prompt_embeds_scale": [0.7, 0.4], "pooled_prompt_embeds_scale": 0.5}])
def test_images_alone_are_the_prompt_where_there_are_no_text_encoders(weights: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(6)
    # As wide as the classic's zeros, whose widths it does not ask anybody for.
    parts = {**_redux_parts(), "image_embedder": ReduxImageEncoder(redux_dim=16, txt_in_features=4096).eval()}
    images = [picture(3), picture(4)]
    prior = diffusers.FluxPriorReduxPipeline(**parts)
    prior.save_pretrained(tmp_path)
    expected = prior(image=images, **weights)
    opened = ModularPipeline.from_pretrained(str(tmp_path)).load_components()
    found = opened(image=images, **weights)
    assert torch.equal(found.prompt_embeds, expected.prompt_embeds)
    assert torch.equal(found.pooled_prompt_embeds, expected.pooled_prompt_embeds)
    with pytest.raises(BrickworkError, match="prompt"):
        opened(image=images, prompt="a cat")
    wide = tiny_families.flux_transformer(joint_attention_dim=4096, pooled_projection_dim=768)
    own = {name: part for name, part in FAMILY.parts("float32").items() if name not in NO_TEXT}
    classic = FAMILY.classic(diffusers.FluxPipeline, {**own, "transformer": wide, **NO_TEXT})
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
    pipe.configure(progress=False)
    pipe.update_components(**{**own, **NO_TEXT, "transformer": wide, "scheduler": copy.deepcopy(own["scheduler"])})
    with pytest.raises(
        BrickworkError, match="text_encoder and text_encoder_2 are none, and read prompt: give prompt_emb"
    ):
        pipe(prompt="a cat", height=32, width=48)
    asked = {"num_inference_steps": 3, "height": 32, "width": 48, "output_type": "pt"}
    made, theirs = (
        each(**asked, **told, generator=torch.Generator().manual_seed(1))
        for each, told in ((pipe, _told_text(found)), (classic, _told_text(expected)))
    )
    assert torch.equal(made.images, theirs.images)


def test_images_that_are_no_text_for_so_many_prompts_are_refused() -> None:
    with pytest.raises(
        BrickworkError, match="prompt_embeds has 2 rows, and there are 3 images; give one prompt, or one for each image"
    ):
        pipeline(REDUX_PRIOR_BLOCKS, **_redux_parts())(prompt=["a", "b"], image=[picture(1), picture(2), picture(3)])


@pytest.mark.parametrize("guided", [False, True])
def test_an_image_as_a_prompt_is_that_of_the_classic(guided: bool) -> None:
    generator = torch.Generator().manual_seed(8)
    shapes = {f"0.to_{part}_ip": (32, 32) for part in "kv"}
    state = {
        "image_proj": {"proj.weight": (128, 24), "proj.bias": (128,), "norm.weight": (32,), "norm.bias": (32,)},
        "ip_adapter": {
            **{f"{name}.weight": shape for name, shape in shapes.items()},
            **{f"{name}.bias": shape[:1] for name, shape in shapes.items()},
        },
    }
    weights = {
        part: {name: 0.5 * torch.randn(shape, generator=generator) for name, shape in each.items()}
        for part, each in state.items()
    }
    seeing = {
        "image_encoder": image_encoder(),
        "feature_extractor": CLIPImageProcessor(size=32, crop_size={"height": 32, "width": 32}),
    }
    classic = diffusers.FluxPipeline(**copy.deepcopy(FAMILY.parts("float32")), **seeing)
    classic.set_progress_bar_config(disable=True)
    classic.load_ip_adapter(copy.deepcopy(weights), weight_name="", image_encoder_pretrained_model_name_or_path=None)
    made = SequentialPipelineBlocks.from_blocks_dict({**IP_ADAPTER_BLOCKS, **TEXT2IMAGE_BLOCKS})
    predict: Any = made.sub_blocks["denoise"].sub_blocks["denoiser"]
    made.sub_blocks.replace("denoise.denoiser", type(predict)(batching="sequential"))
    transformer = copy.deepcopy(FAMILY.parts("float32")["transformer"])
    pipe = pipeline(dict(made.sub_blocks), true_guidance() if guided else None, transformer=transformer, **seeing)
    pipe.load_ip_adapter(copy.deepcopy(weights))
    for each in (pipe, classic):
        each.set_ip_adapter_scale(0.7)
    given = {
        **ASKED,
        "num_inference_steps": 3,
        "output_type": "np",
        "ip_adapter_image": picture(5),
        **(NEGATIVE if guided else {}),
    }
    true = {"true_cfg_scale": 2.5} if guided else {}
    expected = classic(**given, **true, generator=torch.Generator().manual_seed(7)).images
    assert (drawn(pipe, **given) == expected).all()
    pipe.unload_ip_adapter()
    without = {name: value for name, value in given.items() if name != "ip_adapter_image"}
    plain = drawn(pipe, **without)
    assert not (plain == expected).all()
    if not guided:
        assert (plain == drawn(pipeline(TEXT2IMAGE_BLOCKS), **without)).all()


def test_a_lora_is_that_of_the_classic() -> None:
    classic = diffusers.FluxPipeline(**copy.deepcopy(FAMILY.parts("float32")))
    classic.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(3)
    state: dict[str, torch.Tensor] = {}
    for name, module in classic.transformer.named_modules():
        if name.endswith(("to_q", "to_k", "to_out.0", "proj_mlp")):
            rows_, columns = module.weight.shape
            state[f"transformer.{name}.lora_A.weight"] = 0.3 * torch.randn(4, columns, generator=generator)
            state[f"transformer.{name}.lora_B.weight"] = 0.3 * torch.randn(rows_, 4, generator=generator)
    parts = copy.deepcopy(FAMILY.parts("float32"))
    pipe = pipeline(TEXT2IMAGE_BLOCKS, transformer=parts["transformer"])
    plain = drawn(pipe, **{**ONE, "output_type": "np"})
    classic.load_lora_weights(dict(state))
    pipe.load_lora_weights(dict(state))
    given = {**ONE, "output_type": "np"}
    scale = {"scale": 0.6}
    expected = classic(**given, joint_attention_kwargs=dict(scale), generator=torch.Generator().manual_seed(7)).images
    found = drawn(pipe, **given, joint_attention_kwargs=scale)
    assert not (found == plain).all()
    assert (found == expected).all()


def kontext(**given: Any) -> Any:
    """The latents of an inpainting with Kontext, of a size that is the image's."""
    asked = {name: each for name, each in ONE.items() if name not in ("height", "width")}
    return drawn(pipeline(KONTEXT_INPAINT_BLOCKS), **asked, mask_image=half_mask(), **given)


def test_an_image_that_is_inpainted_with_kontext_says_the_size() -> None:
    latents = torch.randn(1, 16, 4, 6, generator=torch.Generator().manual_seed(2))
    assert kontext(image=latents, strength=0.5).shape[-2:] == (4, 6)
    assert kontext(image=picture(3).resize((80, 50)), auto_resize=False).shape[-2:] == (6, 10)
    with pytest.raises(BrickworkError, match="height"):
        kontext(image=picture(3), auto_resize=False, height=32)
    with pytest.raises(BrickworkError, match="image is 8x8 pixels, and the smallest that the VAE takes is 16x16"):
        kontext(image=picture(3, 8), auto_resize=False)
    with pytest.raises(BrickworkError, match="image_reference"):
        kontext(image=picture(3), auto_resize=False, image_reference="no such file")


def test_what_lies_outside_of_the_mask_stays_with_kontext() -> None:
    latents = torch.randn(1, 16, 4, 8, generator=torch.Generator().manual_seed(2))
    found = kontext(image=latents, image_reference=picture(4), auto_resize=False)
    assert torch.equal(found[..., :4], latents[..., :4])
    assert not torch.equal(found[..., 4:], latents[..., 4:])


@pytest.mark.parametrize("blocks", [KONTEXT_INPAINT_BLOCKS, CONTROL_INPAINT_BLOCKS])
def test_a_crop_is_put_back_into_the_image(blocks: Mapping[str, Any]) -> None:
    image, is_kontext = picture(3), blocks is KONTEXT_INPAINT_BLOCKS
    own = {"auto_resize": False} if is_kontext else {"control_image": picture(8), "height": 64, "width": 64}
    parts = {} if is_kontext else {"transformer": reading(16)()}
    pipe = pipeline(blocks, **parts)
    asked = {name: each for name, each in ONE.items() if name not in ("height", "width", "output_type")}
    given = {**asked, "image": image, "mask_image": square_mask(), "padding_mask_crop": 8, "strength": 1.0, **own}
    drawn_anew = pipe(**given, seed=1, output="images")[0]
    assert drawn_anew.crop((0, 0, 16, 64)).tobytes() == image.crop((0, 0, 16, 64)).tobytes()
    assert drawn_anew.tobytes() != image.tobytes()
