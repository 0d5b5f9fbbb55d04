"""Who types a name of diffusers is told what it is here."""

from __future__ import annotations

import copy
import pickle
from abc import ABC
from pathlib import Path
from typing import Any

import pytest

from brickwork import Conditioning, InputError, ModularPipeline, RepoError, SequentialPipelineBlocks
from brickwork.blocks.steps.decode import Decode
from brickwork.blocks.steps.encode_prompt import EncodePositivePrompt
from brickwork.families.ddpm import DDPM
from brickwork.families.sd3 import SD3
from brickwork.pipeline.names_of_diffusers import INPUTS, METHODS, REPOSITORIES
from brickwork.registry import catalog

PAGE = (Path(__file__).parents[2] / "docs" / "from_diffusers.md").read_text()


@pytest.mark.parametrize("name", INPUTS)
def test_an_argument_is_answered_with_ours(tiny_pipe: ModularPipeline, name: str) -> None:
    given: Any = {name: True}
    with pytest.raises(InputError) as caught:
        tiny_pipe("a cat", **given)
    assert f"In place of {name}: {INPUTS[name]}." in str(caught.value)


@pytest.mark.parametrize(
    ("preset", "own"),
    [
        ("sdxl.text2image", "cross_attention_kwargs"),
        ("sd.inpainting", "cross_attention_kwargs"),
        ("flux.text2image", "joint_attention_kwargs"),
        ("sd3.image2image", "joint_attention_kwargs"),
    ],
)
def test_arguments_of_attention_are_called_as_the_family_calls_them(preset: str, own: str) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(catalog.get(preset)).init_pipeline()
    for other in {"cross_attention_kwargs", "joint_attention_kwargs", "attention_kwargs"} - {own}:
        assert other not in pipe.blocks.input_names
        with pytest.raises(InputError, match=f"In place of {other}: {own}=, as the denoiser of this family calls it"):
            pipe.plan([other])
    assert own in pipe.blocks.input_names


def test_a_family_that_has_no_such_arguments_says_nothing_of_them() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"decode": Decode.bind(DDPM)}).init_pipeline()
    with pytest.raises(InputError, match="joint_attention_kwargs") as caught:
        pipe.plan(["joint_attention_kwargs"])
    assert "In place of" not in str(caught.value)


def test_a_block_alone_takes_what_its_method_takes() -> None:
    """And a value of the wrong kind is named as an input."""
    block: Any = EncodePositivePrompt.bind(SD3)(tokenizers=(), text_encoders=(), embeds_readers=())
    with pytest.raises(InputError, match="joint_attention_kwargs is 3"):
        block.run(prompts=Conditioning({"prompt": "a cat"}), cross_attention_kwargs=3)


@pytest.mark.parametrize("name", REPOSITORIES)
def test_an_option_of_opening_is_answered_with_ours(tiny_folder: Path, name: str) -> None:
    with pytest.raises(RepoError) as caught:
        ModularPipeline.from_pretrained(str(tiny_folder), **{name: True})
    assert f"{name} is no option for repositories. In place of {name}: {REPOSITORIES[name]}." in str(caught.value)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_answered_with_ours(tiny_pipe: ModularPipeline, name: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(tiny_pipe, name)
    assert METHODS[name] in str(caught.value)
    assert not hasattr(tiny_pipe, name)


@pytest.mark.parametrize("name", METHODS)
def test_the_class_answers_as_its_pipelines_do(name: str) -> None:
    with pytest.raises(AttributeError, match=f"ModularPipeline has no attribute '{name}'") as caught:
        getattr(ModularPipeline, name)
    assert METHODS[name] in str(caught.value)
    assert not hasattr(ModularPipeline, name)
    assert name not in dir(ModularPipeline)


def test_the_class_is_copied_pickled_derived_from_and_made_abstract() -> None:
    assert copy.copy(ModularPipeline) is copy.deepcopy(ModularPipeline) is ModularPipeline
    assert pickle.loads(pickle.dumps(ModularPipeline)) is ModularPipeline

    class Mine(ModularPipeline, ABC):
        pass

    with pytest.raises(AttributeError, match="Mine has no attribute 'from_pretraind'. Did you mean 'from_pretrained'"):
        _ = Mine.from_pretraind
    with pytest.raises(AttributeError, match="^__no_such__$"):
        _ = Mine.__no_such__


def test_the_page_prints_the_tables() -> None:
    for name, ours in [*INPUTS.items(), *METHODS.items(), *REPOSITORIES.items()]:
        assert f"| `{name}` | {ours} |" in PAGE


def test_an_image_names_the_presets_that_take_it(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(
        InputError,
        match=r"Presets of this family that take it: sdxl.auto, sdxl.differential, sdxl.image2image, sdxl.inpai",
    ):
        tiny_pipe("a cat", image="a.png")
    with pytest.raises(InputError, match=r"take it: sdxl.auto, sdxl.inpainting\."):
        tiny_pipe("a cat", mask_image="a.png")
    with pytest.raises(InputError, match="Did you mean 'prompt'?"):
        tiny_pipe(promt="a cat")
