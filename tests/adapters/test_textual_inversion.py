"""Words that text encoders are taught equal diffusers' own loader bit for bit, and are forgotten without a trace."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import save_file

from brickwork import ComponentError, InputError, MemoryCache, ModularPipeline, TrustError
from brickwork.families.tokenize import with_all_vectors

INPUTS: dict[str, Any] = {"num_inference_steps": 3, "guidance_scale": 5.0, "height": 64, "width": 64,
                          "output_type": "latent"}  # fmt: skip
ENCODERS = ("text_encoder", "text_encoder_2")


def rows(count: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def for_both(count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    return {"clip_l": rows(count, 16, seed), "clip_g": rows(count, 24, seed + 1)}


@pytest.fixture
def pipe(tiny_pipe: ModularPipeline) -> Iterator[ModularPipeline]:
    """A pipeline whose shared encoders and tokenizers must be as before in the end."""
    embeddings = {name: getattr(tiny_pipe, name).get_input_embeddings() for name in ENCODERS}
    sizes = {name: len(tiny_pipe.components[name]) for name in ("tokenizer", "tokenizer_2")}
    before = drawn(tiny_pipe, "a cat")
    yield tiny_pipe
    tiny_pipe.configure(cache=None)
    tiny_pipe.unload_textual_inversion()
    assert all(getattr(tiny_pipe, name).get_input_embeddings() is kept for name, kept in embeddings.items())
    assert {name: len(tiny_pipe.components[name]) for name in sizes} == sizes
    assert torch.equal(drawn(tiny_pipe, "a cat"), before)


def drawn(pipe: ModularPipeline, prompt: Any, **changes: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    found: torch.Tensor = pipe(**{**INPUTS, "prompt": prompt, **changes}, generator=generator, output="images")
    return found


@pytest.fixture
def own_classic(tiny_folder: Path) -> Any:
    """A classic pipeline with models of its own, which its loader changes."""
    made = diffusers.StableDiffusionXLPipeline.from_pretrained(tiny_folder)
    made.set_progress_bar_config(disable=True)
    return made


def teach_classic(classic: Any, state: dict[str, torch.Tensor], token: str) -> None:
    for name, part in (("clip_l", ""), ("clip_g", "_2")):
        encoder, tokenizer = getattr(classic, f"text_encoder{part}"), getattr(classic, f"tokenizer{part}")
        classic.load_textual_inversion(state[name], token=token, text_encoder=encoder, tokenizer=tokenizer)


def classically(classic: Any, prompt: Any, **changes: Any) -> torch.Tensor:
    inputs = {**INPUTS, "prompt": prompt, **changes}
    found: torch.Tensor = classic(**inputs, generator=torch.Generator().manual_seed(7)).images
    return found


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "a <red-cat> on the square"},
        {"prompt": ["a <red-cat>", "the circle"]},
        {"prompt": "a circle", "negative_prompt": "<red-cat>"},
        {"prompt": "a circle", "prompt_2": "a <red-cat>"},
    ],
    ids=["prompt", "one of two", "negative", "second encoder"],
)
def test_a_word_for_both_encoders(count: int, changes: dict[str, Any], pipe: ModularPipeline, own_classic: Any) -> None:
    plain = drawn(pipe, **changes)
    assert pipe.load_textual_inversion(for_both(count), token="<red-cat>") == ["<red-cat>"]
    found = drawn(pipe, **changes)
    teach_classic(own_classic, for_both(count), "<red-cat>")
    assert torch.equal(found, classically(own_classic, **changes))
    assert not torch.allclose(found, plain, atol=1e-2)


def test_the_end_of_the_text_is_found_where_diffusers_takes_the_word_for_it(
    pipe: ModularPipeline, own_classic: Any
) -> None:
    """Released SDXL names the end 2 in its configuration, and then the highest id counts as the end."""
    encoder, prompt = pipe.text_encoder_2, "a <cat> on the square"
    module = next(each for each in encoder.modules() if hasattr(each, "eos_token_id"))
    true_end = module.eos_token_id
    for each in own_classic.text_encoder_2.modules():
        if hasattr(each, "eos_token_id"):
            each.eos_token_id = 2
    teach_classic(own_classic, for_both(1), "<cat>")
    theirs = own_classic.encode_prompt(prompt)[2]
    module.eos_token_id = 2
    try:
        untaught = pipe(prompt="a cat", **INPUTS, output="pooled_prompt_embeds")
        pipe.load_textual_inversion(for_both(1), token="<cat>")
        assert torch.equal(pipe(prompt="a cat", **INPUTS, output="pooled_prompt_embeds"), untaught)
        ours = pipe(prompt=prompt, **INPUTS, output="pooled_prompt_embeds")
        pipe.unload_textual_inversion()
        assert module.eos_token_id == 2
    finally:
        module.eos_token_id = true_end
    pipe.load_textual_inversion(for_both(1), token="<cat>")
    assert torch.equal(ours, pipe(prompt=prompt, **INPUTS, output="pooled_prompt_embeds"))
    assert not torch.allclose(ours, theirs, atol=1e-3)


def test_words_come_from_files_that_say_them_or_not(pipe: ModularPipeline, tmp_path: Path) -> None:
    save_file({"<dog>": rows(2, 24)}, tmp_path / "learned_embeds.safetensors")
    save_file({"emb_params": rows(2, 24)}, tmp_path / "other.SAFETENSORS")
    assert pipe.load_textual_inversion(str(tmp_path)) == ["<dog>"]
    first = drawn(pipe, "a <dog>")
    pipe.unload_textual_inversion("<dog>")
    pipe.load_textual_inversion(str(tmp_path / "other.SAFETENSORS"), token="<dog>")
    assert torch.equal(drawn(pipe, "a <dog>"), first)
    pipe.load_textual_inversion(rows(2, 16), token="<dog>", text_encoder=pipe.text_encoder)
    assert not torch.equal(drawn(pipe, "a <dog>"), first)


def test_one_of_several_is_forgotten(pipe: ModularPipeline) -> None:
    pipe.load_textual_inversion(for_both(2, 5), token="<b>")
    alone = drawn(pipe, "a <b>")
    pipe.unload_textual_inversion()
    pipe.load_textual_inversion(for_both(3), token="<a>")
    pipe.load_textual_inversion(for_both(2, 5), token="<b>")
    assert not torch.equal(drawn(pipe, "a <b> <a>"), alone)
    pipe.unload_textual_inversion("<a>")
    assert torch.equal(drawn(pipe, "a <b>"), alone)


def test_what_is_done_to_a_taught_encoder_is_done_to_what_it_is_without_the_words(
    tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    pipe, plain = copy.deepcopy(tiny_pipe), copy.deepcopy(tiny_pipe)
    pipe.load_textual_inversion(for_both(1), token="<a>")
    for each in (pipe, plain):
        each.to("bf16")
        with torch.no_grad():
            each.text_encoder.get_input_embeddings().weight[3] *= 2
    pipe.load_textual_inversion(for_both(2, 5), token="<b>")
    assert pipe.text_encoder.get_input_embeddings().weight.dtype == torch.bfloat16
    expected = drawn(plain, "a cat")
    assert torch.equal(drawn(pipe, "a cat"), expected)
    pipe.save_pretrained(tmp_path)
    saved = ModularPipeline.from_pretrained(tmp_path).load_components()
    for each in (saved, pipe):
        each.unload_textual_inversion()
        each.configure(progress=False)
        for name in ENCODERS:
            kept, table = (one.components[name].get_input_embeddings().weight for one in (plain, each))
            assert (table.dtype, torch.equal(table, kept)) == (torch.bfloat16, True)
        assert torch.equal(drawn(each, "a cat"), expected)


def test_a_word_inside_of_another_is_left_whole(pipe: ModularPipeline) -> None:
    pipe.load_textual_inversion(for_both(2), token="<a>")
    pipe.load_textual_inversion(for_both(2, 3), token="<a>_big")
    assert with_all_vectors(pipe.tokenizer, "<a> and <a>_big") == "<a> <a>_1 and <a>_big <a>_big_1"
    assert with_all_vectors(pipe.tokenizer, "<a>_1") == "<a>_1"


def test_the_cache_and_the_recipe_know_of_them(pipe: ModularPipeline) -> None:
    pipe.configure(cache=MemoryCache())
    spelled = drawn(pipe, "a <cat>")
    pipe.load_textual_inversion(for_both(1), token="<cat>")
    taught = drawn(pipe, "a <cat>")
    assert not torch.equal(taught, spelled)
    assert pipe.last_recipe is not None
    assert pipe.last_recipe["components"]["text_encoder"]["adapters"] == {"<cat>": 1.0}
    pipe.unload_textual_inversion()
    assert torch.equal(drawn(pipe, "a <cat>"), spelled)
    assert "adapters" not in pipe.last_recipe["components"]["text_encoder"]
    pipe.load_textual_inversion(for_both(1, 9), token="<cat>")
    assert not torch.equal(drawn(pipe, "a <cat>"), taught)


def test_what_is_wrong_is_said_and_changes_nothing(pipe: ModularPipeline, tmp_path: Path) -> None:
    (tmp_path / "learned_embeds.bin").write_bytes(b"pickle")
    cases: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        (rows(1, 16), {}, InputError, "does not say for which word"),
        (rows(1, 20), {"token": "<x>"}, ComponentError, "20 wide, and that fits no encoder: text_encoder has 16, text_encoder_2 has 24"),
        ({"clip_l": rows(1, 24)}, {"token": "<x>"}, ComponentError, "fits no encoder"),
        (for_both(1), {"token": "cat</w>"}, InputError, "text_encoder knows 'cat</w>' already.*text_encoder_2 knows"),
        (str(tmp_path), {"weight_name": "learned_embeds.bin"}, TrustError, "safetensors"),
    ]  # fmt: skip
    for source, options, error, message in cases:
        with pytest.raises(error, match=message):
            pipe.load_textual_inversion(source, **options)
    pipe.load_textual_inversion(for_both(1), token="<cat>")
    with pytest.raises(InputError, match="No word '<cut>' was taught. Did you mean '<cat>'"):
        pipe.unload_textual_inversion("<cut>")


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({}, "The file holds no embedding"),
        ({"clip_l": torch.tensor(1.0)}, r"'clip_l' has the shape \[\]; it is one row of numbers, or several"),
        ({"clip_l": torch.ones(1, 1, 16)}, r"'clip_l' has the shape \[1, 1, 16\]"),
        ({"clip_l": torch.ones(0, 16)}, r"'clip_l' has the shape \[0, 16\]"),
        ({"clip_l": torch.ones(1, 16, dtype=torch.int64)}, "'clip_l' has the shape"),
        ({"": torch.ones(1, 16)}, "'' is no word that can be taught"),
        ({" ": torch.ones(1, 16)}, "' ' is no word that can be taught"),
        ({"a\x1b[2J": torch.ones(1, 16)}, "is no word that can be taught"),
        ({"x" * 300: torch.ones(1, 16)}, "is no word that can be taught"),
    ],
)
def test_what_is_no_embedding_is_refused(
    held: dict[str, Any], message: str, pipe: ModularPipeline, tmp_path: Path
) -> None:
    save_file(held, tmp_path / "learned_embeds.safetensors")
    with pytest.raises(ComponentError, match=message):
        pipe.load_textual_inversion(str(tmp_path))


def test_the_second_row_of_a_word_takes_no_word_that_is_known(pipe: ModularPipeline) -> None:
    pipe.load_textual_inversion({"<x>_1": rows(1, 16)})
    with pytest.raises(InputError, match="knows '<x>' already"):
        pipe.load_textual_inversion({"<x>": rows(2, 16)})
    pipe.load_textual_inversion({"<x>": rows(1, 16)})


@pytest.mark.parametrize("token", ["\ud800", 5, "", " ", "a\nb", "a" * 201, ["<a>"], b"<a>"], ids=ascii)
def test_a_token_that_is_no_word_is_refused_before_anything_is_read(token: Any, pipe: ModularPipeline) -> None:
    for source in (rows(1, 16), for_both(1), "no/such/file.safetensors"):
        with pytest.raises(InputError, match=r"^token=.* is no word that can be taught; it is what a prompt will have"):
            pipe.load_textual_inversion(source, token=token)


@pytest.mark.parametrize("source", [{5: rows(1, 16)}, {"\ud800": rows(1, 16)}, {"<a>": 5}, {"<a>": None}], ids=ascii)
def test_a_mapping_that_holds_no_embeddings_by_word_is_refused(source: Any, pipe: ModularPipeline) -> None:
    with pytest.raises(ComponentError, match="is no word that can be taught|it is one row of numbers"):
        pipe.load_textual_inversion(source)


@pytest.mark.parametrize("tokens", [5, [5], [None], b"<a>"], ids=ascii)
def test_what_is_no_word_cannot_be_unloaded(tokens: Any, pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match=r"^tokens=.* are no words"):
        pipe.unload_textual_inversion(tokens)


def test_the_dict_of_another_tool_teaches_its_word(pipe: ModularPipeline, tmp_path: Path) -> None:
    """AUTOMATIC1111's web UI keeps the tensor under "*", and the word beside it."""
    taught = rows(2, 16)
    pipe.load_textual_inversion({"<cat-toy>": taught})
    meant = drawn(pipe, "<cat-toy>")
    pipe.unload_textual_inversion()
    others = {"string_to_token": {"*": 265}, "step": 500, "sd_checkpoint": None}
    known = {"string_to_param": {"*": taught}, "name": "<cat-toy>", **others}
    assert pipe.load_textual_inversion(known) == ["<cat-toy>"]
    assert torch.equal(drawn(pipe, "<cat-toy>"), meant)
    pipe.unload_textual_inversion()
    assert pipe.load_textual_inversion(known, token="<own>") == ["<own>"]
    pipe.unload_textual_inversion()
    save_file({"string_to_param.*": taught}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="does not say for which word it is; give token="):
        pipe.load_textual_inversion(tmp_path / "a.safetensors")
    assert pipe.load_textual_inversion(tmp_path / "a.safetensors", token="<cat-toy>") == ["<cat-toy>"]
    assert torch.equal(drawn(pipe, "<cat-toy>"), meant)


def test_a_pickle_of_another_tool_is_refused(pipe: ModularPipeline, tmp_path: Path) -> None:
    torch.save({"string_to_param": {"*": rows(1, 16)}, "name": "cat"}, tmp_path / "cat.pt")
    with pytest.raises(TrustError, match=r"cat\.pt is no \.safetensors file; pickled weights can run code.*Convert it"):
        pipe.load_textual_inversion(tmp_path / "cat.pt")
