"""What of Stable Diffusion 1 and 2 is no row of the table of families: embeddings of the caller's own, LoRAs, words, a safety checker."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from family_rows.stable_diffusion import CONTROLLED, FAMILY
from safetensors.torch import save_file
from tiny_adapters import as_kohya, as_old_diffusers, controlnet, lora
from tiny_sd import safety_parts

from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.families.stable_diffusion import SD
from brickwork.presets.sd import INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS, SDAutoBlocks, with_control
from brickwork.presets.tasks import with_safety_check

UNCHECKED = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
INPUTS: dict[str, Any] = {"num_inference_steps": 3, "guidance_scale": 5.0, "output_type": "latent"}


def both(parts: dict[str, Any], blocks: Any = TEXT2IMAGE_BLOCKS, cls: Any = diffusers.StableDiffusionPipeline) -> Any:
    """Return a pipeline of ours, and the classic one, over copies of the same models."""
    made = blocks if isinstance(blocks, SequentialPipelineBlocks) else SequentialPipelineBlocks.from_blocks_dict(blocks)
    mine = made.init_pipeline()
    mine.update_components(**copy.deepcopy(parts))
    mine.configure(progress=False)
    classic = cls(**{**UNCHECKED, **copy.deepcopy(parts)})
    classic.set_progress_bar_config(disable=True)
    return mine, classic


def drawn(pipe: Any, **inputs: Any) -> Any:
    found = pipe(**{**INPUTS, **inputs}, generator=torch.Generator().manual_seed(7))
    return found.images


def plain(cls: Any = diffusers.StableDiffusionPipeline) -> Any:
    return both(FAMILY.parts("float32"), cls=cls)


def embeds(classic: Any, prompt: list[str], **options: Any) -> Any:
    return classic.encode_prompt(prompt, "cpu", 1, True, ["a blue cat", ""], **options)


def test_embeddings_of_the_callers_own_stand_for_prompts() -> None:
    mine, classic = plain()
    positive, negative = embeds(classic, ["a red circle", "two cat"])
    given = {"prompt_embeds": positive, "negative_prompt_embeds": negative}
    expected = drawn(classic, prompt=["a red circle", "two cat"], negative_prompt=["a blue cat", ""])
    assert torch.equal(drawn(mine, **given), expected)
    assert torch.equal(drawn(classic, **given), expected)


@pytest.mark.parametrize("skipped", [0, 1, 2])
def test_skipped_layers_of_the_text_encoder_are_normed(skipped: int) -> None:
    """The classic looks for the norm where transformers 5.23 no longer has it, and raises; compared with embeddings made by hand."""
    mine, classic = plain()
    positive, negative = embeds(classic, ["a red circle", "two cat"])
    encoder = classic.text_encoder
    ids = classic.tokenizer(
        ["a red circle", "two cat"], padding="max_length", max_length=16, return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        hidden = encoder(ids, output_hidden_states=True).hidden_states
        norm = next(module for name, module in encoder.named_modules() if name.endswith("final_layer_norm"))
        by_hand = norm(hidden[-(skipped + 1)])
    assert torch.equal(by_hand, positive) is (skipped == 0)
    expected = drawn(classic, prompt_embeds=by_hand, negative_prompt_embeds=negative)
    found = drawn(mine, prompt=["a red circle", "two cat"], negative_prompt=["a blue cat", ""], clip_skip=skipped)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("keys", ["PEFT", "diffusers", "Kohya"])
def test_loras_of_every_kind_of_keys_are_read(keys: str) -> None:
    mine, classic = plain()
    state = lora(classic)
    written = {
        "PEFT": lambda: state,
        "diffusers": lambda: as_old_diffusers(state),
        "Kohya": lambda: as_kohya(state, 2.0),
    }[keys]()
    before = drawn(mine, prompt="a cat")
    mine.load_lora_weights(dict(written))
    classic.load_lora_weights(dict(written))
    for weight in (1.0, 0.6):
        asked = {"prompt": "a cat", "cross_attention_kwargs": {"scale": weight}}
        assert torch.equal(drawn(mine, **asked), drawn(classic, **asked))
    assert not torch.equal(drawn(mine, prompt="a cat"), before)
    mine.unload_lora_weights()
    assert torch.equal(drawn(mine, prompt="a cat"), before)


@pytest.mark.parametrize("count", [1, 3])
def test_words_that_the_text_encoder_is_taught(count: int) -> None:
    mine, classic = plain()
    state = {"<red-cat>": torch.randn(count, 16, generator=torch.Generator().manual_seed(0))}
    before = drawn(mine, prompt="a <red-cat> on the square")
    mine.load_textual_inversion(dict(state))
    classic.load_textual_inversion({"<red-cat>": state["<red-cat>"].squeeze()})
    found = drawn(mine, prompt="a <red-cat> on the square", negative_prompt="a circle")
    assert torch.equal(found, drawn(classic, prompt="a <red-cat> on the square", negative_prompt="a circle"))
    assert not torch.equal(found, before)


def test_words_are_saved_with_the_pipeline_that_was_taught_them(tmp_path: Path) -> None:
    mine, _ = plain()
    word = {"<red-cat>": torch.randn(2, 16, generator=torch.Generator().manual_seed(0))}
    save_file({"emb_params": word["<red-cat>"]}, tmp_path / "word.safetensors")
    mine.load_textual_inversion(tmp_path / "word.safetensors", token="<red-cat>")
    found = drawn(mine, prompt="a <red-cat> on the square")
    mine.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    again.configure(progress=False)
    assert torch.equal(drawn(again, prompt="a <red-cat> on the square"), found)
    mine.unload_textual_inversion()
    assert not torch.equal(drawn(mine, prompt="a <red-cat> on the square"), found)


@pytest.mark.parametrize("task", ["text2image", "inpainting"])
def test_what_a_safety_checker_sees_is_blacked_out_before_it_is_put_back_into_an_image(task: str) -> None:
    blocks = {"text2image": TEXT2IMAGE_BLOCKS, "inpainting": INPAINT_BLOCKS}[task]
    asked = FAMILY.tasks[task].given
    if task == "inpainting":
        asked = {**asked, **FAMILY.features["crop"].inputs}
    asked = {**asked, "num_inference_steps": 4, "output_type": "pil"}
    # Of a crop nobody sees the images before they are put back: there, all are blacked out.
    mine, unchecked = both(FAMILY.parts("float32"), with_safety_check(blocks, SD), FAMILY.tasks[task].classic)
    parts = safety_parts(drawn(unchecked, **asked))
    if task == "inpainting":
        parts["safety_checker"].concept_embeds_weights.data.fill_(-2.0)
    mine.update_components(**parts)
    classic = type(unchecked)(**{**unchecked.components, **parts})
    classic.set_progress_bar_config(disable=True)
    expected = classic(**asked, generator=torch.Generator().manual_seed(7))
    found = mine(**asked, generator=torch.Generator().manual_seed(7))
    assert found.nsfw_content_detected == expected.nsfw_content_detected
    assert any(found.nsfw_content_detected)
    assert [each.tobytes() for each in found.images] == [each.tobytes() for each in expected.images]


@pytest.fixture(scope="module")
def auto() -> ModularPipeline:
    pipe = SDAutoBlocks().init_pipeline()
    parts = {name: part for name, part in FAMILY.parts("float32").items() if name in pipe.component_names}
    pipe.update_components(**parts, controlnet=controlnet(parts["unet"]))
    pipe.configure(progress=False)
    return pipe


@pytest.mark.parametrize("steered", [False, True])
@pytest.mark.parametrize("task", CONTROLLED)
def test_the_inputs_of_a_call_choose_the_task(task: str, steered: bool, auto: ModularPipeline) -> None:
    blocks: Any = FAMILY.tasks[task].blocks
    asked = {**FAMILY.tasks[task].given, "output_type": "latent"}
    if steered:
        blocks, asked = with_control(blocks), {**asked, **FAMILY.features["control"].inputs}
    alone = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    alone.update_components(
        **{name: auto.components[name] for name in alone.component_names if name in auto.components}
    )
    alone.configure(progress=False)
    found, expected = (
        pipe(**asked, generator=torch.Generator().manual_seed(7), output="images") for pipe in (auto, alone)
    )
    assert torch.equal(found, expected)


def pipe_of(task: str, **changes: Any) -> ModularPipeline:
    asked = FAMILY.tasks[task]
    pipe = SequentialPipelineBlocks.from_blocks_dict(asked.blocks).init_pipeline()
    made = {**FAMILY.parts("float32"), **{name: make() for name, make in asked.parts.items()}, **changes}
    pipe.update_components(**{name: part for name, part in made.items() if name in pipe.component_names})
    pipe.configure(progress=False)
    return pipe


def test_a_scheduler_that_spreads_no_steps_over_a_strength_is_refused() -> None:
    pipe = pipe_of("few steps of an image", scheduler=diffusers.EulerDiscreteScheduler())
    with pytest.raises(
        InputError, match="EulerDiscreteScheduler does not spread its steps over a strength; use LCMScheduler"
    ):
        pipe(**FAMILY.tasks["few steps of an image"].given)


def test_a_depth_without_differences_is_refused() -> None:
    given = {**FAMILY.tasks["depth2image"].given, "depth_map": torch.ones(1, 8, 8)}
    with pytest.raises(InputError, match="The depth of an image is the same everywhere"):
        pipe_of("depth2image")(**given)
