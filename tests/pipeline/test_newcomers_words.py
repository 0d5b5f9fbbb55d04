"""What three newcomers met with: raw errors became words, and what was passed over in silence is said."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import brickwork
from brickwork import Block, BrickworkError, DeclarationError, InputError, Outputs


class Untyped(Block):
    """A block whose option has no type."""

    channel = 3

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)


class Empty(Block):
    """A block without options."""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)


class Typed(Block):
    """A block with an option."""

    channel: int = 3

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)


REFUSED: dict[str, tuple[Any, str]] = {
    "a LoRA that was not loaded": (
        lambda pipe: pipe.set_adapters("arrow", 1.0),
        "No LoRA is loaded, so there is none named 'arrow': load_lora_weights(file, adapter_name='arrow') first.",
    ),
    "a misspelt at_step": (
        lambda pipe: pipe.branch(None, at_stp=3),
        "branch() needs at_step=, the first step that may differ; and got at_stp=3. Did you mean at_step?",
    ),
    "no at_step": (
        lambda pipe: pipe.branch(None),
        "branch() needs at_step=, the first step that may differ: pipe.branch(result, at_step=3).",
    ),
    "a task where components are loaded": (
        lambda pipe: pipe.load_components(task="inpainting"),
        (
            "load_components has no option 'task': a task is chosen when a pipeline is made, ModularPipeline.from_pretrained(repo, task=...), or by "
            "its preset: brickwork.find_preset(name).init_pipeline(repo)."
        ),
    ),
    "a graph as PNG": (
        lambda pipe: pipe.graph().save("g.png"),
        "g.png: a graph is written as SVG (.svg) or as Mermaid text (.mmd, .md), and not as .png.",
    ),
    "two numbers of rows": (
        lambda _: brickwork.Merger(rows=4, bucket=8),
        "rows=4 and bucket=8: with bucket every forward has just so many rows. Give one of the two.",
    ),
    "a word as a grant": (
        lambda pipe: brickwork.ModularPipeline.from_pretrained(pipe.repo_name, trust_remote_code="yes"),
        (
            "trust_remote_code='yes' is no commit and no hash of code (40 or 64 digits of 0-9 and a-f). Give True for the code that the repository "
            "holds now."
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_words(case: str, embedded_pipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make, words = REFUSED[case]
    with pytest.raises(BrickworkError) as caught:
        make(embedded_pipe)
    assert str(caught.value) == words
    assert list(tmp_path.glob("g*")) == []


@pytest.mark.parametrize("given", [{"rows": 8, "bucket": 8}, {"bucket": 8}, {"rows": 8}])
def test_one_number_of_rows_is_taken(given: dict[str, int]) -> None:
    assert brickwork.Merger(**given).rows == 8


def test_an_option_without_a_type_says_how_it_becomes_one() -> None:
    with pytest.raises(DeclarationError) as caught:
        Untyped(channel=2)
    assert str(caught.value) == (
        "Untyped takes no 'channel'. channel = 3 stands in the class without a type: channel: int = 3 makes it an option."
    )
    with pytest.raises(
        DeclarationError, match=r"Empty takes no 'size'. It has no options: an option is an annotated line"
    ):
        Empty(size=2)
    with pytest.raises(DeclarationError, match=r"Typed takes no 'chanel'. Did you mean 'channel'\?"):
        Typed(chanel=2)


def test_a_misspelt_option_is_not_set_on_a_block() -> None:
    block = Typed()
    with pytest.raises(AttributeError) as caught:
        block.chanel = 2  # type: ignore[attr-defined]
    assert str(caught.value) == (
        "Typed has no 'chanel', and nothing would read it. Did you mean 'channel'? It is frozen; make a block with channel=... instead."
    )
    block.note = "kept"  # type: ignore[attr-defined]  # what is like no option is somebody's own
    assert block.note == "kept"  # type: ignore[attr-defined]


def test_no_scheduler_lists_the_short_names(tiny_pipe: Any) -> None:
    with pytest.raises(
        brickwork.ComponentError, match=r"A scheduler can be given by name: .*dpmpp_2m.*Give an object of that"
    ):
        tiny_pipe.update_components(scheduler=5)


def test_too_few_steps_for_a_scheduler_name_the_smallest_number(tiny_pipe: Any) -> None:
    tiny_pipe.update_components(scheduler="PNDMScheduler")
    with pytest.raises(InputError) as caught:
        tiny_pipe("a cat", num_inference_steps=3, seed=1)
    assert str(caught.value) == "PNDMScheduler takes 4 steps or more, and num_inference_steps is 3."


def test_of_two_scales_it_is_said_which_counts(tiny_pipe: Any, caplog: pytest.LogCaptureFixture) -> None:
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 1, "seed": 1, "output": "latents"}
    with caplog.at_level(logging.WARNING):
        tiny_pipe(**inputs, guider=brickwork.ClassifierFreeGuidance(), guidance_scale=3.0)
        tiny_pipe(**inputs, guider=brickwork.ClassifierFreeGuidance(guidance_scale=3.0), guidance_scale=3.0)
        tiny_pipe(**inputs, guider=brickwork.ClassifierFreeGuidance(guidance_scale=2.0))
        assert "are both given" not in caplog.text
        tiny_pipe(**inputs, guider=brickwork.ClassifierFreeGuidance(guidance_scale=2.0), guidance_scale=3.0)
    assert (
        "guider=ClassifierFreeGuidance(guidance_scale=2.0) and guidance_scale=3.0 are both given: guidance_scale=3.0 counts, and of the "
        "guider its other settings. Leave guidance_scale= out for that of the guider."
    ) in caplog.text


@pytest.mark.parametrize(("size", "says"), [((64, 64), False), ((32, 32), False), ((30, 20), True)])
def test_a_mask_of_other_proportions_is_said_to_be_stretched(
    size: tuple[int, int], says: bool, embedded_pipe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = brickwork.find_preset("sdxl.inpainting").init_pipeline(embedded_pipe.repo_name)
    pipe.update_components(**{n: each for n, each in embedded_pipe.components.items() if n in pipe.component_names})
    pipe.configure(progress=False)
    with caplog.at_level(logging.WARNING):
        pipe(
            "a red circle",
            image=Image.new("RGB", (64, 64)),
            mask_image=Image.new("L", size, 255),
            num_inference_steps=2,
            seed=1,
        )
    words = "mask_image is 30x20, and is stretched to 64x64, which has other proportions: what it shows moves. Crop it, or add a border"
    assert (words in caplog.text) == says


def test_another_preset_is_advised_with_the_repository_that_the_pipeline_is_from(tiny_folder: Path) -> None:
    blocks = brickwork.find_preset("sdxl.text2image")
    for repo in (str(tiny_folder), None):
        said = f"brickwork.find_preset('sdxl.auto').init_pipeline({'folder' if repo is None else repr(repo)}) makes such a pipeline"
        with pytest.raises(InputError, match=re.escape(said)):
            blocks.init_pipeline(repo)(prompt="x", image="x.png")


@pytest.mark.parametrize("given", [["cpu"], True, 1.5, {"unet": ["cpu"]}])
def test_what_divides_no_model_over_devices_is_answered_with_what_does(given: Any) -> None:
    with pytest.raises(
        InputError, match=r"device_map has (\['cpu'\] \(list\)|True|1.5).*; it takes the name of a device"
    ):
        brickwork.embedded(device_map=given)


@pytest.mark.parametrize("given", ["cpu", {"unet": {"": "cpu"}, "default": None}, {"unet": torch.device("cpu")}])
def test_what_divides_a_model_over_devices_goes_to_its_loader(given: Any) -> None:
    assert brickwork.embedded(device_map=given).unet.device.type == "cpu"
