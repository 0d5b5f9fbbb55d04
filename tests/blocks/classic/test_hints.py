"""Types that classes of diffusers write, read as far as they mean something."""

# ruff: noqa: UP007, UP045 - both ways of writing a union are read

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Optional, Union, get_args

import diffusers
import pytest
import torch
import transformers
from diffusers.schedulers import KarrasDiffusionSchedulers

from brickwork.blocks.classic.hints import component_class, in_our_words, parameters_of
from brickwork.blocks.classic.outputs import outputs_of
from brickwork.state import vocabulary

if TYPE_CHECKING:
    from diffusers import UNet2DModel

EMPTY = inspect.Parameter.empty


class Written:
    def call(
        self,
        old: torch.FloatTensor = None,
        olds: list[torch.HalfTensor] | None = None,
        checked: UNet2DModel | None = None,
        unknown: NoSuchClass = None,  # type: ignore[name-defined]  # noqa: F821 - as diffusers has it
        plain=3,
        *args: int,
        **kwargs: int,
    ) -> None: ...


def test_parameters_are_read_with_their_types() -> None:
    hints = {name: each.annotation for name, each in parameters_of(Written.call).items()}
    assert list(hints) == ["old", "olds", "checked", "unknown", "plain"]
    assert hints["old"] is torch.Tensor
    assert hints["olds"] == Optional[list[torch.Tensor]]
    assert hints["checked"] == Optional[diffusers.UNet2DModel]
    assert hints["unknown"] is None
    assert hints["plain"] is None


@pytest.mark.parametrize(
    ("hint", "cls"),
    [
        (diffusers.AutoencoderKL, diffusers.AutoencoderKL),
        (Optional[diffusers.AutoencoderKL], diffusers.AutoencoderKL),
        (Union[diffusers.AutoencoderKL, diffusers.AsymmetricAutoencoderKL], diffusers.ModelMixin),
        (Union[diffusers.T2IAdapter, list[diffusers.T2IAdapter]], diffusers.T2IAdapter),
        (KarrasDiffusionSchedulers, diffusers.DDIMScheduler),
        (Union[diffusers.FlowMatchEulerDiscreteScheduler, KarrasDiffusionSchedulers], diffusers.FlowMatchEulerDiscreteScheduler),
        (Union[transformers.CLIPTokenizer, transformers.T5Tokenizer], transformers.PreTrainedTokenizerBase),
        (transformers.GemmaTokenizer, transformers.PreTrainedTokenizerBase),
        (transformers.AutoTokenizer, transformers.AutoTokenizer),
        (Any, object),
        (Optional[Any], object),
        (bool, None),
        (Optional[list[float]], None),
        (tuple[int, ...], None),
        (dict[str, Any], None),
        (Literal["a", "b"], None),
        (torch.dtype, None),
        (None, None),
    ],
)  # fmt: skip
def test_a_component_has_a_class_and_a_setting_has_none(hint: Any, cls: type | None) -> None:
    found = component_class(hint)
    if cls is diffusers.ModelMixin:
        assert found is not None
        assert issubclass(diffusers.AutoencoderKL, found)
        assert issubclass(diffusers.AsymmetricAutoencoderKL, found)
        assert found is not object
    else:
        assert found is cls


def test_words_of_the_vocabulary_are_taken_where_they_mean_the_same() -> None:
    assert in_our_words("prompt", str | list[str], None) == vocabulary.Prompt | None
    assert in_our_words("prompt", str, EMPTY) is str
    assert in_our_words("num_inference_steps", int, 50) == vocabulary.StepCount
    assert in_our_words("steps", int, 50) is int
    assert in_our_words("height", Optional[int], None) == vocabulary.Height | None


def test_none_and_defaults_of_another_type_are_allowed() -> None:
    assert set(get_args(in_our_words("size", int, None))) == {int, type(None)}
    assert set(get_args(in_our_words("scale", int, 0.5))) == {int, float}
    assert in_our_words("anything", None, None) is None
    assert in_our_words("required", int, EMPTY) is int


class Told:
    def __call__(self) -> Any:
        """Run.

        Returns:
            [`~pipelines.ImagePipelineOutput`] or `tuple`
        """
        made: Callable[[], Any] = ImagePipelineOutput
        return made()


class Annotated(Told):
    def __call__(self) -> ImagePipelineOutput | tuple:
        found = ImagePipelineOutput(images=[])
        return found or (found.images,)


class Made(Told):
    def __call__(self) -> ImagePipelineOutput | tuple:
        return AudioPipelineOutput(audios=[])


class Joined(Told):
    def __call__(self) -> AudioPipelineOutput | ImagePipelineOutput | tuple:
        return BaseOutput(**AudioPipelineOutput(audios=[]), **ImagePipelineOutput(images=[]))


class Bare(Told):
    def __call__(self) -> Any:
        image, text = 1, 2
        return image, text


from diffusers import AudioPipelineOutput, ImagePipelineOutput
from diffusers.utils import BaseOutput


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Told, ["images"]),
        (Annotated, ["images"]),
        (Made, ["audios"]),
        (Bare, ["image", "text"]),
        # Its docstring names a class that its module does not import.
        (diffusers.WuerstchenCombinedPipeline, ["images"]),
    ],
)
def test_outputs_are_the_fields_of_what_is_made_annotated_or_told(cls: type, names: list[str]) -> None:
    assert [output.name for output in outputs_of(cls)] == names
