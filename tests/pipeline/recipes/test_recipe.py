"""Recipes: what they say, where they are, what they leave out; what differs between two."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerAncestralDiscreteScheduler
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from toy_blocks import seeded

import brickwork
from brickwork import (
    Block,
    ClassifierFreeGuidance,
    InputError,
    ModularPipeline,
    Outputs,
    Recipe,
    ReplayError,
    RepoError,
    SequentialPipelineBlocks,
)
from brickwork.blocks.steps.predict_noise import PredictNoise
from brickwork.pipeline.recipes.recipe_files import read_recipe
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS
from brickwork.state.limits import LARGEST_RECIPE

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2}


def test_a_recipe_says_what_the_run_was_made_of(tiny_pipe: ModularPipeline) -> None:
    state = tiny_pipe(**INPUTS, negative_prompt="blue", guidance_scale=3.0, generator=seeded(7))
    found = state.recipe.to_dict()
    assert state.recipe.inputs == {**INPUTS, "negative_prompt": "blue", "guidance_scale": 3.0}
    assert found["generators"] == {"generator": [{"device": "cpu", "seed": 7}]}
    assert state.recipe.seed == 7
    assert found["composition"]["blocks"]["decode"]["block"] == "Decode"
    assert found["composition"]["blocks"]["decode"]["family"] == "stable-diffusion-xl"
    assert found["configs"] == {"force_zeros_for_empty_prompt": {"value": True}}
    assert found["components"]["unet"]["class"] == "diffusers:UNet2DConditionModel"
    assert found["components"]["unet"]["origin"]["subfolder"] == "unet"
    assert found["components"]["unet"]["dtype"] == "torch.float32"
    assert found["components"]["scheduler"]["config"]["beta_start"] == {"value": 0.00085}
    assert found["components"]["guider"]["config"]["guidance_scale"] == {"value": 7.5}
    assert set(found["weights"]) == {"tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2", "unet", "vae"}
    assert all(found["weights"].values())
    assert found["software"]["torch"] == torch.__version__.partition("+")[0] or found["software"]["torch"]
    assert found["device"] == "cpu"
    assert found["arithmetic"]["threads"] == torch.get_num_threads()
    assert repr(state.recipe) == (
        "Recipe(SequentialPipelineBlocks: prompt='a cat', num_inference_steps=2, negative_prompt='blue', "
        "guidance_scale=3.0, seed 7)"
    )


def test_it_holds_no_path_of_this_machine(tiny_pipe: ModularPipeline, tiny_folder: Path) -> None:
    text = json.dumps(tiny_pipe(**INPUTS).recipe.to_dict())
    assert str(tiny_folder) not in text
    assert str(tiny_folder.parent) not in text
    assert str(Path.home()) not in text
    assert tiny_folder.name in text


def test_it_is_on_states_pictures_and_the_pipeline(tiny_pipe: ModularPipeline) -> None:
    state = tiny_pipe(**INPUTS, num_images_per_prompt=2)
    assert tiny_pipe.last_recipe is state.recipe
    assert [picture.info["brickwork"].image for picture in state.images] == [0, 1]
    assert [
        picture.info["brickwork"] == state.recipe.of_image(index) for index, picture in enumerate(state.images)
    ] == [True] * 2
    named = tiny_pipe(**INPUTS, output=["images", "latents"])
    assert named["images"][0].info["brickwork"] == tiny_pipe.last_recipe.of_image(0)  # type: ignore[union-attr]
    assert state.copy().recipe is state.recipe


def test_a_picture_that_was_given_keeps_its_own_recipe(tiny_pipe: ModularPipeline) -> None:
    picture = tiny_pipe(**INPUTS, height=64, width=64, output="images")[0]
    own = picture.info["brickwork"]
    pipe = SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS).init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    state = pipe(prompt="red", image=picture, strength=0.5, num_inference_steps=4)
    assert picture.info["brickwork"] is own
    assert state.images[0].info["brickwork"].missing_inputs == {"image": "image of 64x64, RGB"}


def test_every_thread_has_its_own_last_one(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe(**INPUTS)
    mine = tiny_pipe.last_recipe
    found: list[Any] = []

    def work() -> None:
        found.append(tiny_pipe.last_recipe)
        tiny_pipe(**{**INPUTS, "prompt": "red"})
        found.append(tiny_pipe.last_recipe)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0] is None
    assert found[1].inputs["prompt"] == "red"
    assert tiny_pipe.last_recipe is mine


def test_a_seed_is_drawn_and_noted_where_none_was_given(tiny_pipe: ModularPipeline) -> None:
    torch.manual_seed(5)
    first = tiny_pipe(**INPUTS)
    second = tiny_pipe(**INPUTS)
    assert first.recipe.seed != second.recipe.seed
    assert "generator" not in first.values
    again = tiny_pipe(**INPUTS, generator=seeded(first.recipe.seed))
    assert torch.equal(again.latents, first.latents)
    torch.manual_seed(5)
    assert torch.equal(tiny_pipe(**INPUTS).latents, first.latents)


def test_a_generator_that_had_drawn_is_written_with_its_state(tiny_pipe: ModularPipeline) -> None:
    generator = seeded(3)
    torch.rand(5, generator=generator)
    recipe = tiny_pipe(**INPUTS, generator=[generator]).recipe
    assert recipe.seed is None
    assert set(recipe["generators"]["generator"][0]) == {"device", "seed", "state"}


def test_tensors_count_with_what_they_were_at_the_start(tiny_pipe: ModularPipeline) -> None:
    latents = torch.randn(1, 4, 8, 8, generator=seeded())
    recipe = tiny_pipe(**INPUTS, latents=latents).recipe
    assert recipe.missing_inputs == {"latents": "Tensor[1, 4, 8, 8] torch.float32, cpu"}
    assert recipe.is_input("latents", latents)
    latents.add_(1)
    assert not recipe.is_input("latents", latents)
    assert not recipe.is_input("latents", latents.double())
    assert not recipe.is_input("other", latents)


def test_it_holds_no_model_and_no_tensor(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    pipe.configure(progress=False)
    latents = torch.randn(1, 4, 8, 8)
    picture = pipe(**INPUTS, latents=latents, output="images")[0]
    held = [weakref.ref(pipe.unet), weakref.ref(latents), weakref.ref(pipe)]
    del pipe, latents
    gc.collect()
    assert [each() for each in held] == [None] * 3
    assert picture.info["brickwork"]["weights"]["unet"]


def test_weights_that_were_changed_are_known_by_their_content(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    pipe.configure(progress=False)
    before = pipe(**INPUTS).recipe["weights"]
    with torch.no_grad():
        pipe.unet.conv_in.bias.add_(1)
    weights = pipe(**INPUTS).recipe["weights"]
    assert weights["unet"] not in (None, before["unet"])
    assert weights["vae"] == before["vae"]


def test_it_goes_through_json_pickle_and_copies(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    state = tiny_pipe(**INPUTS)
    recipe = state.recipe
    for other in (
        Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))),
        pickle.loads(pickle.dumps(recipe)),
        copy.deepcopy(recipe),
    ):
        assert other == recipe
        assert other.to_dict() == recipe.to_dict()
    recipe.save(tmp_path / "recipe.json")
    assert read_recipe(tmp_path / "recipe.json")[0] == recipe
    picture = pickle.loads(pickle.dumps(state.images[0]))
    assert picture == state.images[0]


def test_pictures_are_saved_with_recipe_and_the_line_of_other_tools(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    pictures = tiny_pipe(
        prompt=["a cat", "a red circle"], negative_prompt="blue", num_inference_steps=2, height=64, width=96,
        generator=[seeded(1), seeded(2)], output="images",
    )  # fmt: skip
    paths = brickwork.save(pictures, tmp_path / "out.png")
    assert [path.name for path in paths] == ["out-0.png", "out-1.png"]
    model = tiny_pipe.index["unet"][2]["pretrained_model_name_or_path"].rpartition("/")[2]
    with Image.open(paths[1]) as found:
        found.load()
        assert found.info["parameters"].splitlines() == [
            "a red circle",
            "Negative prompt: blue",
            (
                f"Steps: 2, Sampler: Euler, Schedule type: Uniform, CFG scale: 7.5, Seed: 2, Size: 96x64, Model: {model}, RNG: CPU, "
                f"Version: brickwork {pictures[1].info['brickwork']['software']['brickwork']}"
            ),
        ]
        assert found.tobytes() == pictures[1].tobytes()
    once = seeded(1)
    twice = tiny_pipe(prompt=["a", "b"], num_inference_steps=1, generator=[once, once], output="images")
    assert [image.info["brickwork"].seed for image in twice] == [1, None]
    assert read_recipe(paths[1])[0] == pictures[1].info["brickwork"]
    assert brickwork.save(pictures[0], tmp_path / "one.png") == [tmp_path / "one.png"]
    assert [path.name for path in brickwork.save(pictures, tmp_path / "{}-cat.png")] == ["0-cat.png", "1-cat.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0-cat.png",
        "1-cat.png",
        "one.png",
        "out-0.png",
        "out-1.png",
    ]


def last_line(pipe: ModularPipeline, place: Path, **inputs: Any) -> str:
    image = pipe(**{"prompt": "a red circle", **inputs}, generator=seeded(1), output="images")[0]
    with Image.open(brickwork.save(image, place / "one.png")[0]) as found:
        return str(found.info["parameters"].splitlines()[-1])


def test_steps_and_size_that_nobody_gave_stand_in_the_line_of_other_tools(tmp_path: Path) -> None:
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    (default,) = (each.default for each in pipe.blocks.inputs if each.name == "num_inference_steps")
    line = last_line(pipe, tmp_path)
    assert f"Steps: {default}, " in line
    assert "Size: 64x64" in line
    read = read_recipe(tmp_path / "one.png")[0]
    assert read.parameters_of(64, 64).splitlines()[-1] == line
    assert f"Steps: {default}" in read.parameters
    assert "Size" not in read.parameters


def test_the_line_has_the_steps_of_a_schedule_that_was_given(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    line = last_line(tiny_pipe, tmp_path, sigmas=[14.6, 3.0, 0.5], height=64, width=64)
    assert line.startswith("Steps: 3, ")
    line = last_line(tiny_pipe, tmp_path, num_inference_steps=2, height=64, width=64)
    assert line.startswith("Steps: 2, ")


def test_the_recipe_can_be_left_out(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    path = brickwork.save(tiny_pipe(**INPUTS, output="images"), tmp_path / "bare.png", recipe=False)[0]
    with Image.open(path) as found:
        assert "brickwork" not in found.info
        assert "parameters" not in found.info
    assert b"a cat" not in path.read_bytes()
    with pytest.raises(RepoError, match="has no recipe"):
        brickwork.replay(path)


def test_a_picture_without_a_recipe_is_saved_as_it_is(tmp_path: Path) -> None:
    path = brickwork.save(Image.new("RGB", (2, 2)), tmp_path / "plain.png")[0]
    with Image.open(path) as found:
        assert "brickwork" not in found.info


@pytest.mark.parametrize(
    ("name", "message"), [("a.jpg", "does not end in .png"), ("none/a.png", "There is no folder .*none; make it first")]
)
def test_places_that_do_not_do_are_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        brickwork.save(Image.new("RGB", (2, 2)), tmp_path / name)


def test_saving_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    brickwork.save(Image.new("RGB", (2, 2), "red"), path)
    old = path.read_bytes()

    def fail(self: Any, place: Any, **_: Any) -> None:
        Path(place).write_bytes(b"half")
        raise OSError("full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(RepoError, match="a.png cannot be written: full"):
        brickwork.save(Image.new("RGB", (2, 2), "blue"), path)
    assert path.read_bytes() == old
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


def chunk(text: str, **options: Any) -> PngInfo:
    info = PngInfo()
    info.add_itxt("brickwork", text, **options)
    return info


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read: Expecting property name"),
        ("[]", "holds no JSON object"),
        ("{}", "is no recipe of Brickwork"),
        ('{"recipe": 99}', "is of version 99"),
        (
            '{"recipe": 2, "inputs": 3}',
            r"a.png is broken: 11 faults\n  - 'software' is missing.",
        ),
        ("[" * 100_000, "nested deeper than 50 levels"),
    ],
)
def test_broken_recipes_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (2, 2)).save(path, pnginfo=chunk(text))
    with pytest.raises(RepoError, match=message):
        read_recipe(path)


def test_a_chunk_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("RGB", (2, 2)).save(path, pnginfo=chunk(" " * (LARGEST_RECIPE * 40), zip=True))
    with pytest.raises(RepoError, match="cannot be read as an image"):
        read_recipe(path)
    large = tmp_path / "large.json"
    large.write_text(" " * (LARGEST_RECIPE + 1))
    with pytest.raises(RepoError, match="has 1,048,577 bytes; at most 1,048,576 are read"):
        read_recipe(large)


def test_what_has_no_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match="There is no file"):
        read_recipe(tmp_path / "none.png")
    with pytest.raises(RepoError, match="An int has no recipe; give an image"):
        read_recipe(3)
    (tmp_path / "text.png").write_text("words")
    with pytest.raises(RepoError, match="cannot be read as an image"):
        read_recipe(tmp_path / "text.png")


# diff


def test_two_runs_that_are_the_same_do_not_differ(tiny_pipe: ModularPipeline) -> None:
    one, other = (tiny_pipe(**INPUTS, generator=seeded()) for _ in range(2))
    found = brickwork.diff(one, other)
    assert not found
    assert str(found) == "The recipes are the same."


def test_a_run_with_a_replaced_method_says_nothing_of_the_next_one(
    tiny_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noise_code() -> Any:
        state = tiny_pipe(**INPUTS, generator=seeded(7))
        return state.recipe.to_dict()["composition"]["blocks"]["denoise"]["blocks"]["denoiser"]["code"], state

    as_written, first = noise_code()
    with monkeypatch.context() as during:
        plain = PredictNoise.predicted
        during.setattr(PredictNoise, "predicted", lambda self, *args: plain(self, *args))
        replaced, other = noise_code()
    again, last = noise_code()
    assert as_written == again != replaced
    with pytest.raises(ReplayError, match="the code of PredictNoise differs now"):
        brickwork.replay(other, components=tiny_pipe)
    for state in (first, last):
        brickwork.replay(state, components=tiny_pipe)
    # What was put there and cannot be told may be another thing each time.
    with monkeypatch.context() as during:
        during.setattr(PredictNoise, "predicted", lambda self, *args, rest=iter(()): plain(self, *args))
        _, unknown = noise_code()
    assert "unknown" in unknown.recipe.to_dict()["process"]
    assert noise_code()[0] == as_written


def test_what_differs_is_said_in_words(tiny_pipe: ModularPipeline, tiny_folder: Path) -> None:
    one = tiny_pipe(**INPUTS, generator=seeded(1), latents=torch.zeros(1, 4, 8, 8))
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components(dtype={"vae": torch.bfloat16})
    pipe.configure(progress=False)
    pipe.update_components(
        guider=ClassifierFreeGuidance(guidance_scale=3.0),
        scheduler=EulerAncestralDiscreteScheduler.from_config(pipe.scheduler.config),
    )
    pipe.blocks.pop("prepare_add_cond")
    pipe.blocks.insert_before("decode", "prepare_add_cond", tiny_pipe.blocks["prepare_add_cond"])
    pipe.blocks.insert_before("denoise", "extra", tiny_pipe.blocks["prepare_add_cond"])
    pipe.update_config(force_zeros_for_empty_prompt=False)
    with torch.no_grad():
        pipe.unet.conv_in.bias.add_(1)
    other = pipe(prompt="red", num_inference_steps=2, eta=0.5, generator=seeded(2), latents=torch.ones(1, 4, 8, 8))
    found = list(brickwork.diff(one, other))
    assert "EulerAncestralDiscreteScheduler reads none" in found.pop()  # a note of the run: `eta` changed nothing
    assert found == [
        "extra: no such block, and PrepareSizeConditioning",
        "composition: its blocks stand in another order",
        "prompt: 'a cat', and 'red'",
        "latents: another one",
        "eta: not given, and 0.5",
        "generator: seed 1, and seed 2",
        "config force_zeros_for_empty_prompt: True, and False",
        "guider.guidance_scale: 7.5, and 3.0",
        "unet: other weights or vocabulary, though both are from repo=tiny-sdxl0, local=True, subfolder=unet",
        "scheduler: class diffusers:EulerDiscreteScheduler, and diffusers:EulerAncestralDiscreteScheduler",
        *[text for text in brickwork.diff(one, other) if text.startswith("scheduler.")],
        "vae: dtype torch.float32, and torch.bfloat16",
    ]


def test_pictures_arrays_and_states_are_compared(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    one = tiny_pipe(**INPUTS, generator=seeded(1))
    path = brickwork.save(one.images, tmp_path / "one.png")[0]
    other = tiny_pipe(**{**INPUTS, "num_inference_steps": 3}, generator=seeded(1), output="images")[0]
    assert str(brickwork.diff(path, other)) == "num_inference_steps: 2, and 3\noutput: None, and images"
    assert np.asarray(other).shape == (64, 64, 3)


class Add(Block):
    """Add two tensors."""

    class Out(Outputs):
        y: torch.Tensor

    def run(self, a: torch.Tensor, b: torch.Tensor) -> Out:
        return self.Out(y=a + b)


def test_two_inputs_that_are_one_object_are_read_from_the_file_of_a_recipe(tmp_path: Path) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"add": Add}).init_pipeline()
    one = torch.ones(2)
    recipes = [pipe(a=one, b=one).recipe, pipe(a=one, b=one.clone()).recipe]
    again = []
    for recipe in recipes:
        recipe.save(tmp_path / "recipe.json")
        again.append(read_recipe(tmp_path / "recipe.json")[0])
    assert again == recipes
    (words,) = brickwork.diff(*again)
    assert words.startswith("inputs that are one object")
