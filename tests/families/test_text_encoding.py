"""What text encoders say is what it is in diffusers' classic pipelines, bit for bit; what cannot be read is refused in words."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve
from tiny_text import FLUX, SD, SD3, classic_text, text_parts, text_pipeline
from transformers import T5EncoderModel

from brickwork import ClassifierFreeGuidance, ComponentError, InputError, SequentialPipelineBlocks
from brickwork.blocks.core.declaration import output_params
from brickwork.blocks.steps.encode_prompt import EncodeNegativePrompt, EncodePositivePrompt, EncodePrompt
from brickwork.families.contract import FamilyContract, TextEncoding
from brickwork.families.sdxl import SDXL
from brickwork.families.text_encoding import said_of, with_padding, without_template
from brickwork.families.tokenize import as_read

SAID = ["a red circle on a photo", "two cats"]
UNSAID = ["the blue square", "a cat of the green circle of two"]
POSITIVE = ("prompt_embeds", "pooled_prompt_embeds")
NEGATIVE = ("negative_prompt_embeds", "negative_pooled_prompt_embeds")
CPU = torch.device("cpu")


FAMILIES = {"sd": SD, "sd3": SD3, "flux": FLUX}
NO_T5 = ("text_encoder_3", "tokenizer_3")


@cache
def parts_of(name: str, dtype: torch.dtype = torch.float32, without: tuple[str, ...] = ()) -> dict[str, Any]:
    parts = {each: None if each in without else part for each, part in text_parts(FAMILIES[name]).items()}
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            part.to(dtype)
        if isinstance(part, T5EncoderModel):
            # As files are loaded in half precision (`T5PreTrainedModel._keep_in_fp32_modules`).
            for layer in part.encoder.block:
                layer.layer[-1].DenseReluDense.wo.float()
    return parts


def ours(name: str, parts: dict[str, Any], guider: Any = None, **inputs: Any) -> dict[str, torch.Tensor]:
    pipe = text_pipeline(FAMILIES[name], parts, guider=guider or ClassifierFreeGuidance(guidance_scale=4.0))
    known = [value for value in (*POSITIVE, *NEGATIVE) if value in pipe.blocks.output_names]
    found: dict[str, torch.Tensor] = pipe(**inputs, output=known)
    return found


@torch.no_grad()  # T5 rounds otherwise where gradients are asked for
def theirs(name: str, parts: dict[str, Any], **inputs: Any) -> dict[str, torch.Tensor]:
    """What the classic pipeline makes of prompts, by our names."""
    classic = classic_text(FAMILIES[name], parts)
    common = {"device": CPU, "num_images_per_prompt": 1}
    if name == "flux":
        said = {key.removeprefix("negative_"): value for key, value in inputs.items() if key.startswith("negative_")}
        rest = {key: value for key, value in inputs.items() if not key.startswith("negative_")}
        length = {key: value for key, value in rest.items() if key == "max_sequence_length"}
        positive = classic.encode_prompt(**{"prompt_2": None, **rest}, **common)
        negative = classic.encode_prompt(**{"prompt_2": None, **said, **length}, **common)
        return dict(zip((*POSITIVE, *NEGATIVE), (*positive[:2], *negative[:2]), strict=True))
    more = {"prompt_2": None, "prompt_3": None} if name == "sd3" else {}
    found = classic.encode_prompt(**{**more, **inputs}, **common, do_classifier_free_guidance=True)
    names = [value for pair in zip(POSITIVE, NEGATIVE, strict=True) for value in pair]
    return dict(zip(names, found, strict=False))


def assert_equal(mine: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    assert mine.keys() == others.keys()
    for name, value in mine.items():
        assert value.dtype == others[name].dtype, name
        assert torch.equal(value, others[name]), name


CASES = [
    ("sd", {"prompt": SAID, "negative_prompt": UNSAID}),
    ("sd3", {"prompt": SAID, "negative_prompt": UNSAID}),
    (
        "sd3",
        {
            "prompt": SAID,
            "prompt_2": UNSAID,
            "prompt_3": ["two", "cats on a circle"],
            "negative_prompt": UNSAID,
            "negative_prompt_2": ["photo", "green"],
            "negative_prompt_3": SAID,
            "max_sequence_length": 24,
        },
    ),
    ("flux", {"prompt": SAID, "negative_prompt": UNSAID}),
    (
        "flux",
        {
            "prompt": SAID,
            "prompt_2": ["two", "cats"],
            "negative_prompt": UNSAID,
            "negative_prompt_2": ["photo", "a green circle"],
            "max_sequence_length": 24,
        },
    ),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "inputs"), CASES, ids=["sd", "sd3", "sd3 three", "flux", "flux two"])
def test_embeddings_are_those_of_the_classic_pipeline(name: str, inputs: dict[str, Any], dtype: torch.dtype) -> None:
    parts = parts_of(name, dtype)
    found = ours(name, parts, **inputs)
    assert_equal(found, theirs(name, parts, **inputs))
    assert {value.dtype for value in found.values()} == {dtype}
    assert not torch.equal(found["prompt_embeds"], found["negative_prompt_embeds"])


@pytest.mark.parametrize("length", [None, 24])
def test_zeros_stand_in_the_place_of_a_t5_that_is_absent(length: int | None) -> None:
    parts = parts_of("sd3", torch.bfloat16, NO_T5)
    inputs = {"prompt": SAID, "negative_prompt": UNSAID, **({"max_sequence_length": length} if length else {})}
    found = ours("sd3", parts, **inputs)
    assert_equal(found, theirs("sd3", parts, **inputs))
    assert found["prompt_embeds"].shape == (2, 77 + (length or 256), 32)
    assert not found["prompt_embeds"][:, 77:].any()


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_no_negative_prompt_is_the_empty_text(name: str) -> None:
    parts = parts_of(name)
    assert_equal(ours(name, parts, prompt=SAID), theirs(name, parts, prompt=SAID, negative_prompt=["", ""]))


def test_clip_skip_of_sd3_is_of_its_clips_alone() -> None:
    parts = parts_of("sd3")
    inputs = {"prompt": SAID, "negative_prompt": UNSAID, "clip_skip": 1}
    found = ours("sd3", parts, **inputs)
    assert_equal(found, theirs("sd3", parts, **inputs))
    plain = ours("sd3", parts, prompt=SAID)
    assert not torch.equal(found["prompt_embeds"][:, :77], plain["prompt_embeds"][:, :77])
    assert torch.equal(found["prompt_embeds"][:, 77:], plain["prompt_embeds"][:, 77:])


# The classic pipeline of diffusers 0.42.1 asks for `text_encoder.text_model`, which transformers 5.23 has not.
@pytest.mark.parametrize("skipped", [0, 1, 3])
def test_clip_skip_of_stable_diffusion_takes_an_earlier_layer_through_the_final_norm(skipped: int) -> None:
    parts = parts_of("sd")
    encoder, tokenizer = parts["text_encoder"], parts["tokenizer"]
    ids = tokenizer(SAID, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    with torch.no_grad():
        states = encoder(ids, output_hidden_states=True).hidden_states
        expected = encoder.final_layer_norm(states[-(skipped + 1)])
    found = ours("sd", parts, prompt=SAID, negative_prompt=UNSAID, clip_skip=skipped)
    assert torch.equal(found["prompt_embeds"], expected)
    assert_equal({"negative_prompt_embeds": found["negative_prompt_embeds"]}, {
        "negative_prompt_embeds": theirs("sd", parts, prompt=SAID, negative_prompt=UNSAID)["negative_prompt_embeds"]
    })  # fmt: skip


def test_more_layers_than_the_clips_have_are_not_skipped() -> None:
    with pytest.raises(InputError, match="clip_skip is 4; text_encoder has 3 layers, of which it can skip at most 3"):
        ours("sd", parts_of("sd"), prompt=SAID, clip_skip=4)
    with pytest.raises(
        InputError, match="clip_skip is 3; text_encoder_2 has 3 layers, of which it can skip at most 2"
    ) as caught:
        ours("sd3", parts_of("sd3"), prompt=SAID, clip_skip=3)
    assert "text_encoder_3" not in str(caught.value)


def test_negative_prompts_of_stable_diffusion_are_cut_to_the_positive_embeddings_and_those_of_others_are_not() -> None:
    embeds = torch.zeros(2, 40, 16)
    parts = parts_of("sd")
    found = ours("sd", parts, prompt_embeds=embeds, negative_prompt=UNSAID)["negative_prompt_embeds"]
    classic = classic_text(SD, parts).encode_prompt(None, CPU, 1, True, UNSAID, prompt_embeds=embeds)
    assert found.shape == (2, 40, 16)
    assert torch.equal(found, classic[1])
    for name, tokens in (("sd3", 77 + 256), ("flux", 512)):
        given = {"prompt_embeds": torch.zeros(2, 40, 32), "pooled_prompt_embeds": torch.zeros(2, 32)}
        unsaid = ours(name, parts_of(name), **given, negative_prompt=UNSAID)["negative_prompt_embeds"]
        assert unsaid.shape == (2, tokens, 32)


def test_negative_embeddings_have_a_number_of_tokens_of_their_own() -> None:
    assert [param.type_hint.__metadata__[0].shape for param in output_params(EncodeNegativePrompt.Out, SD3)] == [
        "b negative_tokens width",
        "b pooled",
    ]
    shapes = {"prompt_embeds": (2, 40, 32), "pooled_prompt_embeds": (2, 32)}
    given = {f"{side}{name}": torch.zeros(shape) for name, shape in shapes.items() for side in ("", "negative_")}
    given["negative_prompt_embeds"] = torch.zeros(2, 50, 32)
    assert ours("sd3", parts_of("sd3"), **given)["negative_prompt_embeds"].shape[1] == 50


def test_a_family_whose_guider_asks_for_no_negative_branch_encodes_none() -> None:
    pipe = text_pipeline(FLUX, parts_of("flux"))
    assert type(pipe.guider).__name__ == "EmbeddedGuidance"
    assert pipe(prompt=SAID, output=["prompt_embeds", "negative_prompt_embeds"])["negative_prompt_embeds"] is None


@pytest.mark.parametrize(
    ("family", "read"),
    [(SDXL, "clip_skip"), (SD, "clip_skip"), (FLUX, "max_sequence_length")],
    ids=["sdxl", "sd", "flux"],
)
def test_inputs_that_no_text_encoder_reads_are_none_of_the_family(family: FamilyContract, read: str) -> None:
    names = EncodePrompt.bind(family)().input_names
    assert {"clip_skip", "max_sequence_length"} & set(names) == {read}
    unread = ({"clip_skip", "max_sequence_length"} - {read}).pop()
    faults = list(EncodePositivePrompt.bind(family)().input_faults({unread: 2}))
    assert faults == [f"{unread} is 2, and no text encoder of {family.name} {WHY[unread]}: leave it out."]
    assert {"clip_skip", "max_sequence_length"} <= set(EncodePrompt.bind(SD3)().input_names)


WHY = {"clip_skip": "skips layers", "max_sequence_length": "reads another number of tokens than its tokenizer's"}


def test_more_tokens_than_a_family_reads_are_refused() -> None:
    with pytest.raises(InputError, match="max_sequence_length is 513; flux reads at most 512 tokens"):
        ours("flux", parts_of("flux"), prompt=SAID, max_sequence_length=513)
    with pytest.raises(InputError, match="max_sequence_length is 0; it must be 1 or more"):
        ours("flux", parts_of("flux"), prompt=SAID, max_sequence_length=0)


def test_a_prompt_for_an_encoder_that_is_absent_is_refused() -> None:
    parts = parts_of("sd3", torch.float32, NO_T5)
    with pytest.raises(InputError, match="prompt_3 is for text_encoder_3, and there is none: leave it out"):
        ours("sd3", parts, prompt=SAID, prompt_3="two")
    with pytest.raises(InputError, match="negative_prompt_3 is for text_encoder_3, and there is none: leave it out"):
        ours("sd3", parts, prompt=SAID, negative_prompt_3="two")
    with pytest.raises(InputError, match="tokenizer_3 is none, and text_encoder_3, which reads its tokens, is there"):
        ours("sd3", {**parts_of("sd3"), "tokenizer_3": None}, prompt=SAID)


def test_an_optional_component_is_missing_until_somebody_says_that_there_is_none() -> None:
    parts = parts_of("sd3")
    pipe = text_pipeline(SD3, {name: part for name, part in parts.items() if name not in NO_T5})
    with pytest.raises(ComponentError) as caught:
        pipe(prompt=SAID)
    told = str(caught.value)
    assert told.startswith("Not loaded: tokenizer_3, text_encoder_3. Needed by text.positive")
    assert "To run without: update_components(tokenizer_3=None, text_encoder_3=None)." in told
    pipe.update_components(text_encoder_3=None, tokenizer_3=None)
    assert pipe(prompt=SAID, output="prompt_embeds").shape == (2, 77 + 256, 32)
    lines = [line.split() for line in repr(pipe).splitlines()]
    assert ["text_encoder_3", "T5EncoderModel", "none", "no", "origin"] in lines
    pipe.update_components(text_encoder=None)
    with pytest.raises(ComponentError, match="Not loaded: text_encoder") as caught:
        pipe(prompt=SAID)
    assert "To run without" not in str(caught.value)


def test_the_index_says_that_there_is_no_t5(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(
        json.dumps(
            {"_class_name": "StableDiffusion3Pipeline", "text_encoder_3": [None, None], "tokenizer_3": [None, None]}
        )
    )
    blocks = SequentialPipelineBlocks.from_blocks_dict({"text": EncodePrompt.bind(SD3)})
    pipe = blocks.init_pipeline(str(tmp_path)).load_components()
    pipe.update_components(**{name: part for name, part in parts_of("sd3").items() if name not in NO_T5})
    assert pipe.text_encoder_3 is None
    assert pipe(prompt=SAID, output="prompt_embeds").shape == (2, 77 + 256, 32)


def test_without_t5_and_denoiser_nothing_says_how_wide_the_zeros_are() -> None:
    parts = parts_of("sd3", torch.float32, NO_T5)
    with pytest.raises(ComponentError, match="The last text encoder is none, and zeros stand in its place"):
        ours("sd3", {**parts, "transformer": None}, prompt=SAID)
    whole = {**parts_of("sd3"), "transformer": None}
    assert torch.equal(
        ours("sd3", whole, prompt=SAID)["prompt_embeds"], ours("sd3", parts_of("sd3"), prompt=SAID)["prompt_embeds"]
    )


def encoded_as(encoding: TextEncoding, **inputs: Any) -> torch.Tensor:
    """The hidden states of FLUX's T5, read in another way."""
    family = evolve(FLUX, text_encodings=(FLUX.text_encodings[0], encoding))
    pipe = text_pipeline(family, parts_of("flux"))
    found: torch.Tensor = pipe(**inputs, output="prompt_embeds")
    return found


def asked(texts: list[str], **options: Any) -> Any:
    return parts_of("flux")["tokenizer_2"](texts, return_tensors="pt", **options)


@torch.no_grad()
def test_an_encoder_is_told_of_padding_and_what_it_says_of_it_is_cut() -> None:
    encoder = parts_of("flux")["text_encoder_2"]
    words = asked(SAID, padding="longest")
    whole = encoder(words.input_ids)[0]
    masked = encoder(words.input_ids, attention_mask=words.attention_mask)[0]
    assert not torch.allclose(whole, masked)
    longest = TextEncoding(hidden_state=None, tokens="longest", most=100)
    assert torch.equal(encoded_as(longest, prompt=SAID), whole)
    assert torch.equal(encoded_as(evolve(longest, masked=True), prompt=SAID), masked)
    cut = encoded_as(evolve(longest, masked=True, cut=True), prompt=SAID)
    assert torch.equal(cut, masked * words.attention_mask[..., None])
    short = encoded_as(evolve(longest, most=5), prompt=SAID)
    assert torch.equal(short, encoder(asked(SAID, padding=True, max_length=5, truncation=True).input_ids)[0])


@torch.no_grad()
def test_texts_are_cleaned_and_an_encoder_may_read_the_text_of_another() -> None:
    plain = TextEncoding(hidden_state=None, tokens=20)
    encoder = parts_of("flux")["text_encoder_2"]

    def of(texts: list[str]) -> torch.Tensor:
        found: torch.Tensor = encoder(asked(texts, padding="max_length", max_length=20).input_ids)[0]
        return found

    given = {"prompt": ["Two", "CAT"], "prompt_2": ["a", "b"]}
    assert torch.equal(encoded_as(plain, **given), of(["a", "b"]))
    assert torch.equal(encoded_as(evolve(plain, prompt=0), **given), of(["Two", "CAT"]))
    assert torch.equal(encoded_as(evolve(plain, prompt=0, clean=str.lower), **given), of(["two", "cat"]))


@torch.no_grad()
def test_an_encoder_is_told_of_padding_where_its_own_configuration_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = parts_of("sd")
    plain = ours("sd", parts, prompt=SAID, negative_prompt=UNSAID)
    monkeypatch.setattr(parts["text_encoder"].config, "use_attention_mask", True, raising=False)
    found = ours("sd", parts, prompt=SAID, negative_prompt=UNSAID)
    assert_equal(found, theirs("sd", parts, prompt=SAID, negative_prompt=UNSAID))
    assert not torch.equal(found["prompt_embeds"], plain["prompt_embeds"])


@torch.no_grad()
def test_a_template_is_read_and_its_beginning_is_not_handed_on() -> None:
    """Texts of several lengths stand at the left, and what is behind them is zeros; at a fixed length nothing moves."""
    encoder = parts_of("flux")["text_encoder_2"]
    written = ["see a b", "see two"]
    words = asked(written, padding="longest")
    states = encoder(words.input_ids, attention_mask=words.attention_mask)[0]
    long = TextEncoding(hidden_state=None, tokens=40, masked=True, template="see {}", drop=4)
    lengths = words.attention_mask.sum(dim=1) - 4
    found = encoded_as(evolve(long, to_longest=True), prompt=["a b", "two"])
    for row, length in enumerate(lengths):
        assert torch.equal(found[row, :length], states[row, 4 : 4 + length])
        assert not found[row, length:].any()
    assert found.shape[1] == lengths.max()
    fixed = asked(written, padding="max_length", max_length=44)
    whole = encoder(fixed.input_ids, attention_mask=fixed.attention_mask)[0]
    assert torch.equal(encoded_as(long, prompt=["a b", "two"]), whole[:, 4:])
    assert encoded_as(evolve(long, tokens=6, to_longest=True), prompt=["a b c d e", "two"]).shape[1] == 6


def test_padding_on_either_side_is_left_out_and_some_may_count() -> None:
    hidden = torch.arange(2 * 4.0).reshape(2, 4, 1) + 1
    mask = torch.tensor([[0, 1, 1, 1], [1, 1, 0, 0]])
    found, there = without_template(hidden, mask, 1)
    assert torch.equal(found[..., 0], torch.tensor([[3.0, 4.0], [6.0, 0.0]]))
    assert there.tolist() == [[1, 1], [1, 0]]
    assert with_padding(torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]), 1).tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


@torch.no_grad()
def test_layers_are_joined_or_stacked_and_a_suffix_stands_behind_the_padding() -> None:
    encoder = parts_of("flux")["text_encoder_2"]
    words = asked(SAID, padding="max_length", max_length=20, truncation=True)
    states = encoder(words.input_ids, output_hidden_states=True).hidden_states
    layers = TextEncoding(layers=(0, 1), tokens=20)
    assert torch.equal(encoded_as(layers, prompt=SAID), torch.cat(states, dim=-1))
    apart = said_of(encoder, words.input_ids, words.attention_mask, evolve(layers, stacked=True)).hidden
    assert apart is not None
    assert torch.equal(apart, torch.stack(states, dim=2))
    plain = TextEncoding(hidden_state=None, tokens=24)
    suffix = asked([" end"], add_special_tokens=False).input_ids
    short = asked(SAID, padding="max_length", max_length=24 - suffix.shape[1], truncation=True)
    ids = torch.cat([short.input_ids, suffix.expand(2, -1)], dim=1)
    assert torch.equal(encoded_as(evolve(plain, suffix=" end"), prompt=SAID), encoder(ids)[0])


def test_a_text_is_written_as_a_message_or_after_images() -> None:
    class Chat:
        def apply_chat_template(self, messages: Any, tokenize: bool, **options: Any) -> str:
            return f"{messages} {tokenize} {options}"

    chat = TextEncoding(chat=lambda text: [{"content": text}], chat_options={"next": 1}, clean=str.lower)
    assert as_read(Chat(), "A", chat) == "[{'content': 'a'}] False {'next': 1}"
    seen = TextEncoding(template="<{}>", image_template="[{}]", clean=str.lower)
    assert as_read(Chat(), "A", seen) == "<a>"
    assert seen.written("A", images=2) == "<[1][2]a>"
