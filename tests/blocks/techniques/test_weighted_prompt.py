"""Weights of words, in four families: nothing where none are written, else the arithmetic of the project of the dialect; long texts in chunks."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tiny_text
import torch
from tiny_adapters import lora

from brickwork import (
    ClassifierFreeGuidance,
    CompositionError,
    InputError,
    MemoryCache,
    ModularPipeline,
    SequentialPipelineBlocks,
)
from brickwork.blocks.steps.encode_prompt import EncodePrompt
from brickwork.blocks.techniques.weighted_prompt import EncodeWeightedPrompt
from brickwork.families.contract import FamilyContract, bound_family
from brickwork.families.flux import FLUX
from brickwork.families.sd3 import SD3
from brickwork.families.sdxl import SDXL
from brickwork.families.stable_diffusion import SD
from brickwork.presets import tasks
from brickwork.presets.sdxl import (
    AUTO_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    REFINER_IMAGE2IMAGE_BLOCKS,
    REFINER_INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)
from tiny_sdxl import make_pipeline

FAMILIES = {"sd": SD, "sdxl": SDXL, "sd3": SD3, "flux": FLUX}
TRIALS = {"sd": tiny_text.SD, "sd3": tiny_text.SD3, "flux": tiny_text.FLUX}
SYNTAXES = {"a1111": "a (red:1.4) cat", "comfyui": "a (red:1.4) cat", "compel": "a (red)1.4 cat"}
HIDDEN = ("prompt_embeds", "negative_prompt_embeds")
POOLED = ("pooled_prompt_embeds", "negative_pooled_prompt_embeds")


@cache
def parts_of(name: str) -> dict[str, Any]:
    """Text parts of a family whose final norms have a bias, as trained ones have: without it the mean of hidden states is nothing."""
    if name == "sdxl":
        classic = make_pipeline()
        parts = {
            f"{kind}{end}": getattr(classic, f"{kind}{end}")
            for kind in ("tokenizer", "text_encoder")
            for end in ("", "_2")
        }
    else:
        parts = tiny_text.text_parts(TRIALS[name])
    torch.manual_seed(3)
    for part in parts.values():
        for path, module in part.named_modules() if isinstance(part, torch.nn.Module) else ():
            if path.endswith("final_layer_norm") and hasattr(module, "bias"):
                torch.nn.init.normal_(module.bias)
    return parts


def pipe_of(name: str, block: Any = EncodeWeightedPrompt, **settings: str) -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict({"text": block.bind(FAMILIES[name])}).init_pipeline()
    made.update_components(**parts_of(name), guider=ClassifierFreeGuidance(guidance_scale=4.0))
    if settings:
        made.update_config(**settings)
    return made


def said(name: str, block: Any = EncodeWeightedPrompt, syntax: str = "a1111", **inputs: Any) -> dict[str, torch.Tensor]:
    pipe = pipe_of(name, block, **({"prompt_syntax": syntax} if block is EncodeWeightedPrompt else {}))
    known = [each for each in (*HIDDEN, *POOLED) if each in pipe.blocks.output_names]
    found: dict[str, torch.Tensor] = pipe(**inputs, output=known)
    return found


def tokens_of(name: str, tokenizer: str, text: str) -> torch.Tensor:
    length = (
        256 if tokenizer == "tokenizer_3" else 512 if name == "flux" else parts_of(name)[tokenizer].model_max_length
    )
    words = parts_of(name)[tokenizer](
        text, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    ids: torch.Tensor = words.input_ids
    return ids


READERS: dict[str, list[tuple[str, str, Callable[[Any], Any]]]] = {
    "sd": [("tokenizer", "text_encoder", lambda said: said[0])],
    "sdxl": [
        ("tokenizer", "text_encoder", lambda said: said.hidden_states[-2]),
        ("tokenizer_2", "text_encoder_2", lambda said: said.hidden_states[-2]),
    ],
    "sd3": [
        ("tokenizer", "text_encoder", lambda said: said.hidden_states[-2]),
        ("tokenizer_2", "text_encoder_2", lambda said: said.hidden_states[-2]),
        ("tokenizer_3", "text_encoder_3", lambda said: said[0]),
    ],
    "flux": [("tokenizer_2", "text_encoder_2", lambda said: said[0])],
}
"""Of each family, which encoders' hidden states count, and which of them."""


@torch.no_grad()
def expected(
    name: str, weigh: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor], text: str, red: float
) -> torch.Tensor:
    """Hidden states of a text whose word "red" weighs, by a formula of hidden states, weights and those of the empty text."""
    states = []
    for tokenizer, encoder, pick in READERS[name]:
        alone = parts_of(name)[tokenizer]("red", add_special_tokens=False).input_ids
        ids, bare = (tokens_of(name, tokenizer, each) for each in (text, ""))
        row, size = ids[0].tolist(), len(alone)
        place = next(i for i in range(len(row)) if row[i : i + size] == alone)
        weights = torch.ones(ids.shape[1])
        weights[place : place + size] = red
        z, empty = (pick(parts_of(name)[encoder](each, output_hidden_states=True)) for each in (ids, bare))
        states.append(weigh(z, weights[None, :, None], empty))
    if name == "sd3":
        clip = torch.cat(states[:2], dim=-1)
        return torch.cat([torch.nn.functional.pad(clip, (0, 32 - clip.shape[-1])), states[2]], dim=1)
    return torch.cat(states, dim=-1)


def multiplied(z: torch.Tensor, weights: torch.Tensor, empty: torch.Tensor) -> torch.Tensor:
    return z * weights * (z.mean() / (z * weights).mean())


def moved(z: torch.Tensor, weights: torch.Tensor, empty: torch.Tensor) -> torch.Tensor:
    return (z - empty) * weights + empty


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", FAMILIES)
def test_without_weights_nothing_changes(name: str, syntax: str) -> None:
    inputs = {"prompt": ["a red circle", "two cats"], "negative_prompt": ["the blue square on a", "a cat of two"]}
    plain = said(name, EncodePrompt, **inputs)
    found = said(name, syntax=syntax, **inputs)
    assert found.keys() == plain.keys()
    for value, same in zip(found.values(), plain.values(), strict=True):
        assert torch.equal(value, same)
    beside = said(name, syntax=syntax, prompt=[SYNTAXES[syntax], "two cats"])
    assert torch.equal(beside["prompt_embeds"][1], plain["prompt_embeds"][1])
    assert not torch.allclose(beside["prompt_embeds"][0], said(name, prompt="a red cat")["prompt_embeds"][0], atol=1e-2)


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_are_the_formula_of_their_project(name: str) -> None:
    text = "a red cat"
    for syntax, formula in (("a1111", multiplied), ("comfyui", moved), ("compel", moved)):
        found = said(name, syntax=syntax, prompt=SYNTAXES[syntax], negative_prompt=SYNTAXES[syntax])
        wanted = expected(name, formula, text, 1.4)
        for each in HIDDEN:
            assert torch.allclose(found[each], wanted, atol=1e-5), (syntax, each)
        for each in POOLED if name != "sd" else ():
            assert torch.equal(found[each], said(name, prompt=text, negative_prompt=text)[each])


@pytest.mark.parametrize("name", FAMILIES)
def test_half_precision_is_weighed_in_half_precision(name: str) -> None:
    half = {
        key: copy.deepcopy(part).to(torch.bfloat16) if isinstance(part, torch.nn.Module) else part
        for key, part in parts_of(name).items()
    }

    def drawn(block: Any, **inputs: Any) -> torch.Tensor:
        pipe = pipe_of(name, block)
        pipe.update_components(**half)
        found: torch.Tensor = pipe(**inputs, output="prompt_embeds")
        return found

    plain = drawn(EncodePrompt, prompt="a red cat", negative_prompt="a")
    assert plain.dtype == torch.bfloat16
    assert torch.equal(plain, drawn(EncodeWeightedPrompt, prompt="a red cat", negative_prompt="a"))
    weighed = drawn(EncodeWeightedPrompt, prompt="a (red:1.4) cat", negative_prompt="a")
    assert weighed.dtype == torch.bfloat16
    whole = said(name, prompt="a (red:1.4) cat", negative_prompt="a")["prompt_embeds"]
    # bfloat16 has 8 bits of a number, and the mean that weights restore is near nothing in random encoders.
    assert (weighed.float() - whole).norm() <= 0.1 * whole.norm()


@pytest.mark.parametrize("blocks", [REFINER_IMAGE2IMAGE_BLOCKS, REFINER_INPAINT_BLOCKS])
def test_refiners_take_the_block(blocks: Any) -> None:
    family = bound_family(blocks.values())
    made = tasks.with_prompt_weights(blocks, family)
    assert EncodeWeightedPrompt.bind(family) in made.values()
    assert list(made) == list(blocks)
    assert (
        SequentialPipelineBlocks.from_blocks_dict(made).check().faults
        == SequentialPipelineBlocks.from_blocks_dict(blocks).check().faults
    )


@torch.no_grad()
def test_what_counts_less_in_compel_is_also_hidden() -> None:
    ids = tokens_of("sd", "tokenizer", "a red cat")
    encoder = parts_of("sd")["text_encoder"]
    alone = parts_of("sd")["tokenizer"]("red", add_special_tokens=False).input_ids
    place = ids[0].tolist().index(alone[0])
    mask = torch.ones_like(ids)
    mask[:, place] = 0
    weights = torch.where(torch.arange(77) == place, 0.75, 1.0)[None, :, None]
    empty = encoder(tokens_of("sd", "tokenizer", ""))[0]
    whole = moved(encoder(ids)[0], weights, empty)
    without = moved(encoder(ids, attention_mask=mask)[0], weights, empty)
    share = torch.tan(torch.tensor(0.25 * torch.pi / 2))
    found = said("sd", syntax="compel", prompt="a (red)0.75 cat")["prompt_embeds"]
    assert torch.allclose(found, (whole + share * without) / (1 + share), atol=1e-5)
    assert not torch.allclose(found, whole, atol=1e-3)


@pytest.mark.parametrize("name", ["sd", "sdxl", "sd3"])
def test_a_long_text_is_the_chunks_of_it(name: str) -> None:
    size = parts_of(name)["tokenizer"].model_max_length
    first, second = "red " * (size - 2), "two cats"
    long = said(name, prompt=first + second, negative_prompt="a")
    chunks = [said(name, prompt=text)["prompt_embeds"][:, :size] for text in (first, second)]
    assert torch.allclose(long["prompt_embeds"][:, : 2 * size], torch.cat(chunks, dim=1), atol=1e-5)
    assert torch.equal(
        said(name, prompt=f"{first} BREAK {second}")["prompt_embeds"][:, : 2 * size],
        long["prompt_embeds"][:, : 2 * size],
    )
    if name != "sd":
        assert torch.allclose(long["pooled_prompt_embeds"], said(name, prompt=first)["pooled_prompt_embeds"], atol=1e-6)
    if name == "sd3":
        # The T5 reads the text in one piece, and each side has its own length.
        assert long["prompt_embeds"].shape[1] == 2 * size + 256
        assert long["negative_prompt_embeds"].shape[1] == size + 256
        t5 = said(name, EncodePrompt, prompt="cat", prompt_3=f"{first}{second}")["prompt_embeds"][:, size:]
        assert torch.allclose(long["prompt_embeds"][:, 2 * size :], t5, atol=1e-5)
    else:
        assert long["negative_prompt_embeds"].shape == long["prompt_embeds"].shape


def test_one_encoder_may_read_more_chunks_than_the_other() -> None:
    found = said("sdxl", prompt="a cat", prompt_2="red BREAK two cats")["prompt_embeds"]
    empty = said("sdxl", prompt="")["prompt_embeds"]
    assert torch.allclose(found[:, 16:, :16], empty[..., :16], atol=1e-6)
    assert torch.allclose(found[:, 16:, 16:], said("sdxl", prompt="two cats")["prompt_embeds"][..., 16:], atol=1e-6)


def test_prompts_of_several_lengths_stand_as_often_as_makes_them_one() -> None:
    found = said("sd", prompt=["a BREAK b", "cat", "a BREAK b BREAK c"], negative_prompt="two")
    alone = said("sd", prompt="a BREAK b")["prompt_embeds"][0]
    assert torch.allclose(found["prompt_embeds"][0], alone.repeat(3, 1), atol=1e-6)
    assert torch.allclose(
        found["prompt_embeds"][1], said("sd", prompt="cat")["prompt_embeds"][0].repeat(6, 1), atol=1e-6
    )
    assert torch.allclose(
        found["negative_prompt_embeds"][0], said("sd", prompt="two")["prompt_embeds"][0].repeat(6, 1), atol=1e-6
    )
    with pytest.raises(
        InputError, match="are read in 1, 2 chunks, and stable-diffusion-3 reads text and image together"
    ):
        said("sd3", prompt=["cat", "a BREAK b"])
    lengths = ["a" + " BREAK b" * number for number in (10, 12, 16)]
    with pytest.raises(InputError, match="are read in 11, 13, 17 chunks, of which no common multiple is small enough"):
        said("sd", prompt=lengths)
    with pytest.raises(InputError, match="The positive embeddings have 79 tokens and the negative ones 77, of which"):
        said("sd", prompt_embeds=torch.zeros(1, 79, 16), negative_prompt="two")


def sdxl_pipe(tiny_pipe: ModularPipeline, blocks: Any = None, **settings: str) -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict(blocks or tasks.with_prompt_weights(TEXT2IMAGE_BLOCKS, SDXL))
    pipe = made.init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in pipe.pretrained_component_names})
    pipe.configure(progress=False)
    if blocks is None:
        pipe.update_config(**{"prompt_syntax": "comfyui", **settings})
    return pipe


def drawn(pipe: ModularPipeline, prompt: Any, seeds: tuple[int, ...] = (7,), **changes: Any) -> torch.Tensor:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    inputs = {"num_inference_steps": 2, "guidance_scale": 5.0, "height": 64, "width": 64, "output_type": "latent"}
    found: torch.Tensor = pipe(**{**inputs, "prompt": prompt, **changes}, generator=generators, output="images")
    return found


def test_an_image_of_a_batch_is_the_image_alone(tiny_pipe: ModularPipeline) -> None:
    pipe = sdxl_pipe(tiny_pipe, prompt_syntax="a1111")
    prompts = ["a red cat BREAK two circles", "a blue square", "a BREAK b BREAK c"]
    batch = drawn(pipe, prompts, (1, 2, 3), negative_prompt="photo")
    for place, prompt in enumerate(prompts):
        alone = drawn(pipe, prompt, (place + 1,), negative_prompt="photo")
        assert torch.allclose(batch[place : place + 1], alone, atol=1e-4)
    assert not torch.allclose(batch[:1], drawn(pipe, "a red cat", (1,), negative_prompt="photo"), atol=1e-3)


def test_weights_work_beside_what_else_speaks_of_text(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    pipe = sdxl_pipe(tiny_pipe)
    weighted, plain = "a (red:1.5) cat", "a red cat"
    for more in (
        {},
        {"clip_skip": 1},
        {"prompt_2": "two (circles:0.5)"},
        {"num_images_per_prompt": 1, "negative_prompt": "(blue:1.3)"},
    ):
        changed = drawn(pipe, weighted, **more)
        assert not torch.equal(changed, drawn(pipe, plain, **more)), more
        assert not more or not torch.equal(changed, drawn(pipe, weighted)), more
    embeds = pipe(
        prompt=weighted,
        negative_prompt="a (b:1.2)",
        num_inference_steps=2,
        height=64,
        width=64,
        output=[*HIDDEN, *POOLED],
    )
    assert torch.equal(drawn(pipe, None, **embeds), drawn(pipe, weighted, negative_prompt="a (b:1.2)"))
    pipe.save_pretrained(tmp_path / "saved")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    opened.configure(progress=False)
    assert opened.config["prompt_syntax"] == "comfyui"
    assert torch.equal(drawn(opened, weighted), drawn(pipe, weighted))


def test_adapters_and_taught_words_are_weighed(tiny_pipe: ModularPipeline) -> None:
    pipe = sdxl_pipe(tiny_pipe)
    try:
        pipe.load_lora_weights(lora(pipe), adapter_name="one")
        strong, weak = (drawn(pipe, "a (red:1.5) cat", cross_attention_kwargs={"scale": scale}) for scale in (1.0, 0.0))
    finally:
        pipe.unload_lora_weights()
    assert torch.allclose(weak, drawn(pipe, "a (red:1.5) cat"), atol=1e-5)
    assert not torch.allclose(strong, weak, atol=1e-4)
    try:
        vectors = {"clip_l": torch.randn(2, 16), "clip_g": torch.randn(2, 24)}
        pipe.load_textual_inversion(vectors, token="<cat>")
        assert torch.equal(drawn(pipe, "a <cat>"), drawn(sdxl_pipe(pipe, TEXT2IMAGE_BLOCKS), "a <cat>"))
        assert not torch.equal(drawn(pipe, "a (<cat>:1.5)"), drawn(pipe, "a <cat>"))
    finally:
        pipe.unload_textual_inversion()


def test_a_cache_knows_the_syntax_and_the_weights(tiny_pipe: ModularPipeline) -> None:
    pipe = sdxl_pipe(tiny_pipe)
    pipe.configure(cache=MemoryCache())
    prompts = ("a (red:1.5) cat", "a (red:1.6) cat", "a red cat")
    found = [drawn(pipe, prompt) for prompt in prompts]
    pipe.update_config(prompt_syntax="a1111")
    found.append(drawn(pipe, prompts[0]))
    assert all(not torch.equal(one, other) for place, one in enumerate(found) for other in found[:place])
    assert torch.equal(drawn(pipe, prompts[0]), found[-1])


def test_faults_are_found_before_anything_is_computed(tiny_pipe: ModularPipeline) -> None:
    pipe = sdxl_pipe(tiny_pipe)
    with pytest.raises(InputError, match=r"prompt\[1\], column 3: the weight is -1"):
        drawn(pipe, ["cat", "a (red:-1)"], (1, 2))
    with pytest.raises(InputError, match=r"negative_prompt_2, column 1: '\(' is never closed"):
        drawn(pipe, "cat", negative_prompt="a", negative_prompt_2="(b")
    # Nobody reads it.
    assert drawn(pipe, "cat", negative_prompt="a", negative_prompt_2="(b", guidance_scale=1.0).isfinite().all()


def test_remarks_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        said("sdxl", prompt=["a (red:1.4", "a"], negative_prompt="blue)")
    told = caplog.text
    assert told.count("prompt[0], column 3: '(' is never closed") == 1
    assert told.count("negative_prompt, column 5: ')' closes nothing") == 1


def test_what_does_not_reach_an_encoder_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        said("flux", prompt="a (red:1.5) BREAK cat", prompt_2="a cat")
        said("flux", prompt="a cat", prompt_2="a " * 600)
    assert (
        "weights in prompt change nothing: of what reads it, only one vector for the whole text counts" in caplog.text
    )
    assert (
        "text_encoder makes its vector of the first chunk of a text; this part of the prompt is not read by it: 'cat"
        in caplog.text
    )
    assert "text_encoder_2 reads 511 tokens of a text; this part of the prompt is not read by it: 'a" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        said("flux", prompt="a (red:1.5)")
        said("flux", prompt="a cat", prompt_2="a (red:1.5)")
    assert caplog.text == ""


def test_a_mean_of_nothing_is_not_restored() -> None:
    norm = next(
        module for path, module in parts_of("sd")["text_encoder"].named_modules() if path.endswith("final_layer_norm")
    )
    kept = norm.bias.detach().clone()
    try:
        norm.bias.data.zero_()
        with pytest.raises(InputError, match="have a mean of nothing, which weights of 'a1111' restore by division"):
            said("sd", prompt="a (red:1.4)")
        assert said("sd", syntax="comfyui", prompt="a (red:1.4)")["prompt_embeds"].isfinite().all()
    finally:
        norm.bias.data.copy_(kept)


@pytest.mark.parametrize("name", FAMILIES)
def test_where_weights_are_not_read_a_block_that_reads_them_is_named(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        said(name, EncodePrompt, prompt=["a cat (close up)", "a (red:1.4) cat"], negative_prompt="((blue))")
        said(name, EncodePrompt, prompt="a cat (close up)")
    assert caplog.text.count("which is read as text: blocks that read weights of words are made by") == 2
    assert "prompt has '(red:1.4)', which is read as text" in caplog.text
    assert "negative_prompt has '((blue))', which is read as text" in caplog.text


def test_every_task_takes_the_block_and_others_say_what_is_missing() -> None:
    for blocks in (TEXT2IMAGE_BLOCKS, IMAGE2IMAGE_BLOCKS, AUTO_BLOCKS):
        made = tasks.with_prompt_weights(blocks, SDXL)
        assert made["text_encoder"] is EncodeWeightedPrompt.bind(SDXL)
        assert list(made) == list(blocks)
        assert SequentialPipelineBlocks.from_blocks_dict(made).check().faults == ()
    with pytest.raises(
        CompositionError, match="replaces the block EncodePrompt of stable-diffusion, and there is none among"
    ):
        tasks.with_prompt_weights(TEXT2IMAGE_BLOCKS, SD)


@pytest.mark.parametrize("family", [SD, SD3, FLUX], ids=lambda family: family.name)
def test_the_tasks_of_other_families(family: FamilyContract) -> None:
    made = tasks.with_prompt_weights(tasks.text2image(family), family)
    assert SequentialPipelineBlocks.from_blocks_dict(made).check().faults == ()
