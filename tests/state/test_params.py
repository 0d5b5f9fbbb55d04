"""Declarations and the vocabulary."""

from __future__ import annotations

import attrs
import pytest

from brickwork import ConfigSpec, DeclarationError, InputParam, OutputParam
from brickwork.state.template_words import INPUT_WORDS, OUTPUT_WORDS
from brickwork.state.types import type_words


def test_a_declaration_shows_name_type_default_and_meaning() -> None:
    assert repr(InputParam("num_steps", int, default=20)) == "<num_steps: int, optional, default=20>"
    assert repr(InputParam("prompt", required=True)) == "<prompt: any, required, default=None>"
    raw = InputParam("image", "PIL.Image", description="raw input image to process")
    assert repr(raw) == "<image: PIL.Image, optional, default=None; raw input image to process>"
    assert repr(OutputParam("images", list)) == "<images: list>"
    assert repr(OutputParam("size", int, "in pixels")) == "<size: int; in pixels>"


def test_declarations_are_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        InputParam("a").name = "b"  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ConfigSpec("a", 1).default = 2  # type: ignore[misc]


def test_a_template_gives_type_and_meaning() -> None:
    param = InputParam.template("num_inference_steps")
    assert param.name == "num_inference_steps"
    assert param.default == 50
    assert "denoising steps" in param.description
    assert type_words(OutputParam.template("latents").type_hint) == "Tensor[b c h w]"


def test_a_template_takes_overrides_and_a_note() -> None:
    param = InputParam.template("height", note="of the grid", default=64, name="grid_height")
    assert param.name == "grid_height"
    assert param.default == 64
    assert param.description.endswith("(of the grid)")


def test_an_unknown_template_names_the_nearest() -> None:
    with pytest.raises(DeclarationError, match="No template is named 'promt'. Did you mean 'prompt'?"):
        InputParam.template("promt")


def test_the_group_template_has_no_name() -> None:
    param = InputParam.template("denoiser_input_fields")
    assert param.name is None
    assert param.kwargs_type == "denoiser_input_fields"


@pytest.mark.parametrize("name", sorted({*INPUT_WORDS, *OUTPUT_WORDS}))
def test_every_word_says_what_it_means(name: str) -> None:
    word = INPUT_WORDS.get(name) or OUTPUT_WORDS[name]
    assert word.doc or name in {"dtype"}
