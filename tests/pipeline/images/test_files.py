"""A path stands for the image in its file, wherever a call takes images; a recipe has the image and not the path."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from tiny_adapters import controlnet, image_encoder, ip_adapter
from toy_blocks import chain, seeded
from transformers import CLIPImageProcessor

import brickwork
from brickwork import InputError, ModularPipeline, ReplayError
from brickwork.blocks.steps.given_image import given_image, with_files_read
from brickwork.presets.sdxl import (
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    with_control,
)

NUMBERS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
IMAGE = Image.fromarray(NUMBERS)
MASK = Image.fromarray(np.tri(32, dtype=np.uint8) * 255)
CALL: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "latent", "output": "images"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the image, upright and on its side, and the mask."""
    IMAGE.save(tmp_path / "image.png")
    turned = IMAGE.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=turned.getexif())
    MASK.save(tmp_path / "mask.png")
    return tmp_path


@pytest.fixture
def pipe_of(tiny_folder: Path, tiny_pipe: ModularPipeline) -> Callable[..., ModularPipeline]:
    """Makes a pipeline of blocks over the tiny models."""

    def make(blocks: Any, **more: Any) -> ModularPipeline:
        pipe = chain(**blocks).init_pipeline(str(tiny_folder))
        parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
        pipe.update_components(**{**parts, **more})
        pipe.configure(progress=False)
        return pipe

    return make


@pytest.fixture
def redraw(pipe_of: Callable[..., ModularPipeline]) -> ModularPipeline:
    return pipe_of(IMAGE2IMAGE_BLOCKS)


def same(pipe: ModularPipeline, files: dict[str, Any], images: dict[str, Any], **inputs: Any) -> None:
    of_files = pipe(**CALL, **files, **inputs, generator=seeded(1))
    assert torch.equal(of_files, pipe(**CALL, **images, **inputs, generator=seeded(1)))


def test_a_path_is_the_image_upright(place: Path, redraw: ModularPipeline) -> None:
    for given in (place / "image.png", str(place / "turned.png")):
        same(redraw, {"image": given}, {"image": IMAGE}, strength=0.6)


def test_a_list_may_hold_paths_and_images(place: Path, redraw: ModularPipeline) -> None:
    images = [place / "image.png", MASK.convert("RGB")]
    same(redraw, {"image": images}, {"image": [IMAGE, MASK.convert("RGB")]}, strength=0.6, num_images_per_prompt=2)


def test_masks_and_control_images_are_read_as_well(
    place: Path, pipe_of: Callable[..., ModularPipeline], tiny_pipe: ModularPipeline
) -> None:
    pipe = pipe_of(with_control(INPAINT_BLOCKS), controlnet=controlnet(tiny_pipe.unet))
    files = {"image": str(place / "image.png"), "mask_image": place / "mask.png", "control_image": place / "turned.png"}
    same(pipe, files, {"image": IMAGE, "mask_image": MASK, "control_image": IMAGE}, strength=0.6)


def test_image_prompts_are_read_also_in_lists_of_lists(
    place: Path, pipe_of: Callable[..., ModularPipeline], tiny_pipe: ModularPipeline
) -> None:
    seen = {"image_encoder": image_encoder(), "feature_extractor": CLIPImageProcessor(size=32, crop_size=32)}
    pipe = pipe_of({**IP_ADAPTER_BLOCKS, **TEXT2IMAGE_BLOCKS}, unet=copy.deepcopy(tiny_pipe.unet), **seen)
    pipe.load_ip_adapter(ip_adapter(pipe.unet))
    same(pipe, {"ip_adapter_image": str(place / "turned.png")}, {"ip_adapter_image": IMAGE}, height=32, width=32)
    files = [[place / "image.png", str(place / "mask.png")]]
    same(pipe, {"ip_adapter_image": files}, {"ip_adapter_image": [[IMAGE, MASK]]}, height=32, width=32)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("https://example.com/cat.png", ("image is the address", "load_image(", "allow_urls=True")),
        ("HTTP:example.com/cat.png", ("image is the address", "load_image(")),
        ("no.png", ("image: There is no file no.png",)),
        (["no.png", "neither.png"], ("image: There is no file no.png",)),
        (".", ("image: . is no ordinary file",)),
    ],
)
def test_what_cannot_be_read_is_said_of_the_input(given: Any, says: tuple[str, ...], redraw: ModularPipeline) -> None:
    with pytest.raises(InputError) as caught:
        redraw(**CALL, image=given)
    said = str(caught.value)
    assert not [words for words in says if words not in said], said
    assert "must be" not in said


def test_every_fault_of_a_call_is_named_beside_a_missing_file(redraw: ModularPipeline) -> None:
    with pytest.raises(InputError) as caught:
        redraw(**{**CALL, "prompt": None}, image="no.png", hight=3)
    assert "'hight'" in str(caught.value)
    assert "must be Image" not in str(caught.value)


def test_a_recipe_has_the_image_and_replays_with_the_file_or_the_image(place: Path, redraw: ModularPipeline) -> None:
    pipe = redraw
    path = place / "turned.png"
    made = pipe(prompt="a cat", image=path, strength=0.6, num_inference_steps=2, generator=seeded(1), output="images")[
        0
    ]
    recipe = made.info["brickwork"]
    assert str(place) not in str(recipe.to_dict())
    again = brickwork.replay(recipe, components=pipe, image=str(path))
    assert again.tobytes() == made.tobytes()
    assert brickwork.replay(recipe, components=pipe, image=IMAGE).tobytes() == made.tobytes()
    MASK.save(path)
    with pytest.raises(ReplayError, match="image is another one than the run had"):
        brickwork.replay(recipe, components=pipe, image=path)
    (written,) = brickwork.save(made, place / "kept.png", inputs="embed", given={"image": place / "image.png"})
    assert brickwork.replay(written, components=pipe).tobytes() == made.tobytes()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "HSV", "I", "F", "PA"])
def test_images_of_modes_that_a_png_file_does_not_know_are_saved(mode: str, tmp_path: Path) -> None:
    source = (
        Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8))
        if mode == "F"
        else IMAGE.convert("L").convert(mode)
    )
    brickwork.save(source, tmp_path / "a.png")
    meant = brickwork.blocks.steps.given_image.as_pil(source, "image")
    assert Image.open(tmp_path / "a.png").tobytes() == meant.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_images_of_other_modes_are_saved_as_they_are(mode: str, tmp_path: Path) -> None:
    source = IMAGE.convert(mode)
    brickwork.save(source, tmp_path / "a.png")
    saved = Image.open(tmp_path / "a.png")
    assert (saved.mode, saved.tobytes()) == (mode, source.tobytes())


def test_arrays_and_tensors_are_saved_as_the_images_that_they_are(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1).random((2, 32, 32, 3), dtype=np.float32)
    meant = [each.tobytes() for each in VaeImageProcessor.numpy_to_pil(numbers)]
    for given in (numbers, torch.from_numpy(numbers).movedim(-1, 1), list(numbers)):
        paths = brickwork.save(given, tmp_path / "a.png")
        assert [path.name for path in paths] == ["a-0.png", "a-1.png"]
        assert [Image.open(path).tobytes() for path in paths] == meant
    (path,) = brickwork.save(NUMBERS, tmp_path / "b.png")
    assert Image.open(path).tobytes() == IMAGE.tobytes()


def test_a_file_that_is_not_there_names_the_nearest_one_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(b"")
    with pytest.raises(
        InputError, match=rf"mask_image: There is no file .*maks\.png\. Did you mean '{tmp_path}/mask\.png'\?"
    ):
        with_files_read(str(tmp_path / "maks.png"), "mask_image")
    for name in ("unlike.jpg", "no/mask.png"):
        with pytest.raises(InputError, match=r"There is no file [^?]*$"):
            with_files_read(tmp_path / name, "image")


def test_what_is_no_image_is_told_that_a_path_is_one() -> None:
    with pytest.raises(InputError, match=r"an array, a tensor, or the path of a file: image='image\.png'\."):
        given_image(3, "image")
