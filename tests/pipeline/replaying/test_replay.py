"""Replay: the same image again, or exactly why not; and nothing in a file is trusted."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerAncestralDiscreteScheduler
from diffusers.modular_pipelines import StableDiffusionXLAutoBlocks
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from prepared_python import PreparedPython
from toy_blocks import seeded

import brickwork
from brickwork import (
    Block,
    ClassifierFreeGuidance,
    ComponentSpec,
    MemoryCache,
    ModularPipeline,
    Outputs,
    Recipe,
    ReplayError,
    SequentialPipelineBlocks,
)
from brickwork.blocks import adopt
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS
from brickwork.state.vocabulary import Images
from tiny_sdxl import save_repository

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2}


def same(one: Any, other: Any) -> bool:
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


@pytest.mark.parametrize("components", ["folder", "pipeline", "by name", "specs"])
def test_a_picture_is_repeated_from_its_file(
    components: str, tiny_pipe: ModularPipeline, tiny_folder: Path, tmp_path: Path
) -> None:
    tiny_pipe.update_components(
        scheduler=EulerAncestralDiscreteScheduler.from_config(tiny_pipe.scheduler.config),
        guider=ClassifierFreeGuidance(guidance_scale=3.0, guidance_rescale=0.4),
    )
    tiny_pipe.update_config(force_zeros_for_empty_prompt=False)
    pictures = tiny_pipe(
        prompt=["a cat", "red"], num_inference_steps=3, generator=[seeded(4), seeded(5)], output="images"
    )
    paths = brickwork.save(pictures, tmp_path / "a.png")
    specs = {
        name: tiny_pipe.get_component_spec(name)
        for name in tiny_pipe.component_names
        if name not in ("guider", "image_processor")
    }
    given = {"folder": tiny_folder, "pipeline": tiny_pipe, "by name": tiny_pipe.components, "specs": specs}[components]
    for path, picture in zip(paths, pictures, strict=True):
        assert same(brickwork.replay(path, components=given), picture)


def test_the_model_that_ships_comes_by_itself_in_another_process(
    embedded_pipe: ModularPipeline, tmp_path: Path, prepared_python: PreparedPython
) -> None:
    picture = embedded_pipe(prompt="a red circle", num_inference_steps=5, output="images")[0]
    path = brickwork.save(picture, tmp_path / "a.png")[0]
    code = f"import torch, brickwork; torch.set_num_threads(1); brickwork.save(brickwork.replay({str(path)!r}), {str(tmp_path / 'b.png')!r})"
    done = prepared_python.run("-W", "error::UserWarning:brickwork", "-c", code)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "b.png") as found:
        assert same(found, picture)


def test_states_recipes_and_their_files_are_repeated(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    state = tiny_pipe(**INPUTS, generator=seeded())
    state.recipe.save(tmp_path / "recipe.json")
    for source in (state, state.recipe, tmp_path / "recipe.json"):
        assert torch.equal(brickwork.replay(source, components=tiny_pipe).latents, state.latents)
    found = brickwork.replay(state.images[0], components=tiny_pipe)
    assert found == state.images[0]
    assert found.info["brickwork"] == state.recipe.of_image(0)


def test_a_cached_and_a_resumed_run_have_the_recipe_of_the_run(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.configure(cache=MemoryCache(steps=True))
    first, second = (tiny_pipe(**INPUTS, generator=seeded(), output="images")[0] for _ in range(2))
    assert same(first, second)
    assert same(brickwork.replay(second, components=tiny_pipe), first)
    kept: list[brickwork.Snapshot] = []
    tiny_pipe.configure(cache=None, snapshots=brickwork.Snapshots(kept.append))
    tiny_pipe(**INPUTS, generator=seeded(2), output="images")
    tiny_pipe.configure(snapshots=None)
    resumed = tiny_pipe.resume(kept[0])[0]
    assert same(brickwork.replay(resumed, components=tiny_pipe), resumed)


def test_a_variant_is_repeated_with_the_steps_that_it_shared(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    tiny_pipe.update_components(scheduler=EulerAncestralDiscreteScheduler.from_config(tiny_pipe.scheduler.config))
    base = tiny_pipe(prompt="a cat", num_inference_steps=5)
    variant = tiny_pipe.branch(base, at_step=3, prompt="a red circle", guidance_scale=2.0)
    path = brickwork.save(variant.images, tmp_path / "a.png")[0]
    assert same(brickwork.replay(path, components=tiny_pipe), variant.images[0])
    assert list(brickwork.diff(base, variant))[-2:] == [
        "shares steps with another run, loop: none, and denoise",
        "shares steps with another run, at_step: none, and 3",
    ]


def test_a_variant_with_another_guider_is_repeated_with_the_first_one_in_the_shared_steps(
    tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    weak, strong, others = (brickwork.ClassifierFreeGuidance(guidance_scale=scale) for scale in (1.5, 9.0, 4.0))
    given = {"prompt": "a pear", "num_inference_steps": 4, "height": 64, "width": 64}
    bases = [tiny_pipe(**given, seed=3, guider=guider) for guider in (strong, others)]
    variants = [tiny_pipe.branch(base, at_step=2, guider=weak) for base in bases]
    assert not same(variants[0].images[0], variants[1].images[0])
    # Without the pipeline's own guider, which would take the place of the recipe's.
    models = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    for variant in variants:
        path = brickwork.save(variant.images, tmp_path / "a.png")[0]
        assert same(brickwork.replay(path, components=models), variant.images[0])
    assert list(brickwork.diff(*variants)) == ["in the shared steps, guider.guidance_scale: 9.0, and 4.0"]


@pytest.fixture
def from_image(tiny_pipe: ModularPipeline) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS).init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    return pipe


@pytest.mark.parametrize("keep", ["digest", "embed", "beside"])
def test_pictures_and_tensors_that_were_given_are_kept_as_asked(
    keep: Any, from_image: ModularPipeline, tmp_path: Path
) -> None:
    given = {"image": Image.effect_noise((64, 64), 50).convert("RGB"), "prompt_embeds": torch.randn(1, 16, 40),
             "pooled_prompt_embeds": torch.randn(1, 24), "negative_prompt_embeds": torch.zeros(1, 16, 40),
             "negative_pooled_prompt_embeds": torch.zeros(1, 24)}  # fmt: skip
    picture = from_image(**given, num_inference_steps=3, strength=0.7, output="images")[0]
    path = brickwork.save(picture, tmp_path / "a.png", inputs=keep, given=given)[0]
    if keep == "digest":
        with pytest.raises(ReplayError) as caught:
            brickwork.replay(path, components=from_image)
        assert (len(caught.value.faults), caught.value.lacks) == (5, brickwork.InputError)
        assert "is in the recipe by its digest only; give it: replay(..., prompt_embeds=...)." in str(caught.value)
        with pytest.raises(ReplayError, match="image is another one than the run had"):
            brickwork.replay(path, components=from_image, **{**given, "image": Image.new("RGB", (64, 64))})
        assert same(brickwork.replay(path, components=from_image, **given), picture)
    else:
        assert same(brickwork.replay(path, components=from_image), picture)
    expected = {"a.png", "a.inputs.safetensors"} if keep == "beside" else {"a.png"}
    assert {file.name for file in tmp_path.iterdir()} == expected


PIXELS = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
LAID_OUT: dict[str, Any] = {
    "mirrored": PIXELS[:, ::-1],
    "Fortran order": np.asfortranarray(PIXELS),
    "repeated": np.broadcast_to(PIXELS[:1], (64, 64, 3)),
    "negative bit": torch._neg_view(-torch.rand(1, 3, 64, 64)),
    "every second": torch.rand(1, 3, 64, 128)[..., ::2],
    "one of a batch of one": torch.rand(3, 1, 64, 64).transpose(0, 1),
}


@pytest.mark.parametrize("keep", ["embed", "beside"])
@pytest.mark.parametrize("image", LAID_OUT.values(), ids=LAID_OUT)
def test_inputs_are_kept_as_they_lie_in_memory(
    image: Any, keep: Any, from_image: ModularPipeline, tmp_path: Path
) -> None:
    given = {"image": image}
    picture = from_image(prompt="red", **given, num_inference_steps=3, strength=0.7, output="images")[0]
    path = brickwork.save(picture, tmp_path / "a.png", inputs=keep, given=given)[0]
    assert same(brickwork.replay(path, components=from_image), picture)


@pytest.mark.parametrize("keep", ["embed", "beside"])
def test_inputs_that_no_file_holds_as_they_lie_are_refused_when_they_are_saved(
    keep: Any, from_image: ModularPipeline, tmp_path: Path
) -> None:
    far = torch.rand(1, 3, 64, 64 * 100)[..., ::100]
    picture = from_image(prompt="red", image=far, num_inference_steps=3, strength=0.7, output="images")[0]
    with pytest.raises(brickwork.InputError, match=r"^image \(.*\) would come back as another one than the run had"):
        brickwork.save(picture, tmp_path / "a.png", inputs=keep, given={"image": far})
    assert list(tmp_path.iterdir()) == []


def test_inputs_to_keep_must_be_given_and_be_the_ones(from_image: ModularPipeline, tmp_path: Path) -> None:
    picture = from_image(prompt="red", image=Image.new("RGB", (64, 64)), num_inference_steps=4, output="images")[0]
    with pytest.raises(
        brickwork.InputError, match="is in the recipe by its digest only; give it: given=.'image': ...."
    ):
        brickwork.save(picture, tmp_path / "a.png", inputs="embed")
    with pytest.raises(brickwork.InputError, match="image is another one than the run had"):
        brickwork.save(picture, tmp_path / "a.png", inputs="embed", given={"image": Image.new("RGB", (64, 64), "red")})
    assert list(tmp_path.iterdir()) == []


class Frame(Block):
    """Draw a frame around images."""

    width: int = 2

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        framed = []
        for picture in images:
            copy = picture.copy()
            copy.paste("red", (0, 0, self.width, self.width))
            framed.append(copy)
        return self.Out(images=framed)


def test_blocks_of_ones_own_are_given(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    tiny_pipe.blocks.insert_after("decode", "frame", Frame(width=5))
    picture = tiny_pipe(**INPUTS, output="images")[0]
    path = brickwork.save(picture, tmp_path / "a.png")[0]
    with pytest.raises(ReplayError, match=r"frame: '.*:Frame' is no block of this package.*give it: blocks=\[Frame\]"):
        brickwork.replay(path, components=tiny_pipe)
    for blocks in ([Frame], Frame, {"any": Frame}, tiny_pipe.blocks, tiny_pipe):
        assert same(brickwork.replay(path, blocks, tiny_pipe), picture)


def test_blocks_of_diffusers_are_found_by_their_names(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    theirs = adopt(StableDiffusionXLAutoBlocks).get_workflow("text2image")
    pipe = theirs.init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    picture = pipe(**INPUTS, height=64, width=64, generator=seeded(), output="images")[0]
    path = brickwork.save(picture, tmp_path / "a.png")[0]
    assert same(brickwork.replay(path, components=pipe), picture)
    assert same(brickwork.replay(path, theirs, pipe), picture)


def other_frame() -> type[Block]:
    names = {**globals()}
    exec(OTHER_FRAME, names)
    cls: type[Block] = names["Frame"]
    return cls


OTHER_FRAME = """
class Frame(Block):
    width: int = 2

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=images)
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_code_that_is_another_one_is_named_before_anything_runs(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.blocks.insert_after("decode", "frame", Frame)
    picture = tiny_pipe(**INPUTS, output="images")[0]
    with pytest.raises(ReplayError) as caught:
        brickwork.replay(picture, [other_frame()], tiny_pipe)
    assert str(caught.value) == f"Something is not as it was: frame: the code of {Frame.__module__}:Frame differs now"
    with pytest.warns(UserWarning, match="The repeated run gave another image; what differs|the code of"):
        found = brickwork.replay(picture, [other_frame()], tiny_pipe, exact=False)
    assert not same(found, picture)


def test_other_weights_are_named_before_anything_runs(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    picture = tiny_pipe(**INPUTS, output="images")[0]
    other = save_repository(tmp_path / "other", seed=3)
    with pytest.raises(ReplayError) as caught:
        brickwork.replay(picture, components=other)
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "text_encoder",
        "text_encoder_2",
        "unet",
        "vae",
    ]
    assert "unet: other weights or vocabulary, from repo=" in str(caught.value)


def test_components_that_nobody_named_are_not_looked_for(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    picture = tiny_pipe(**INPUTS, output="images")[0]
    with pytest.raises(ReplayError) as caught:
        brickwork.replay(picture)
    (fault,) = [str(each) for each in caught.value.faults]
    assert fault.startswith("tokenizer, tokenizer_2, text_encoder, text_encoder_2, unet, vae: the run had them from ")
    assert fault.endswith("; say where they are: components=folder, a pipeline, or {'tokenizer': ...}.")
    others = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names if name != "unet"}
    with pytest.raises(
        ReplayError, match=r"unet: the run had it from .*; say where it is: components=folder, .*'unet'"
    ):
        brickwork.replay(picture, components=others)
    with pytest.raises(ReplayError, match="there is no folder"):
        brickwork.replay(picture, components=tmp_path / "none")
    with pytest.raises(
        ReplayError, match="takes no trust_remote_code. Open the repository .* blocks=pipe.blocks, comp"
    ):
        brickwork.replay(picture, components=tiny_pipe, trust_remote_code=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_another_machine_is_named_and_the_picture_compared(tiny_pipe: ModularPipeline) -> None:
    data = tiny_pipe(**INPUTS, generator=seeded(), output="images")[0].info["brickwork"].to_dict()
    data["software"]["torch"] = "1.0"
    data["arithmetic"]["threads"] = 64
    picture = tiny_pipe(**INPUTS, generator=seeded(), output="images")[0]
    picture.info["brickwork"] = Recipe.from_dict(data)
    with pytest.warns(UserWarning, match="The same image, though not everything is as it was: 2 faults") as caught:
        assert same(brickwork.replay(picture, components=tiny_pipe), picture)
    told = "".join(str(each.message) for each in caught)
    assert "torch: 1.0, and 2." in told
    assert "threads: 64, and 1 now" in told
    picture.info["brickwork"] = Recipe.from_dict({**data, "results": {"images": ["0" * 32]}})
    with pytest.raises(ReplayError, match="The repeated run gave another image; what differs: 2 faults") as failed:
        brickwork.replay(picture, components=tiny_pipe)
    assert isinstance(failed.value.result, Image.Image)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("edit", [lambda p: p.resize((32, 32)), lambda p: p.convert("L"), lambda p: p.rotate(90)])
def test_a_picture_that_was_edited_is_not_blamed_on_the_run(
    edit: Any, tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    picture = tiny_pipe(**INPUTS, generator=seeded(), output="images")[0]
    edited = edit(picture)
    edited.info["brickwork"] = picture.info["brickwork"]
    path = brickwork.save(edited, tmp_path / "edited.png")[0]
    with pytest.raises(ReplayError, match="The pixels are not those of the run: the image was edited") as failed:
        brickwork.replay(path, components=tiny_pipe)
    assert failed.value.result.tobytes() == picture.tobytes()
    with pytest.warns(UserWarning, match="The pixels are not those of the run"):
        assert brickwork.replay(path, components=tiny_pipe, exact=False).tobytes() == picture.tobytes()


def test_a_block_that_does_not_give_the_same_twice_is_found_out(tiny_pipe: ModularPipeline) -> None:
    class Chance(Block):
        """Put a dot somewhere."""

        class Out(Outputs):
            images: Images

        def run(self, images: Images) -> Out:
            copy = images[0].copy()
            copy.putpixel((0, 0), tuple(torch.randint(256, (3,)).tolist()))
            return self.Out(images=[copy])

    tiny_pipe.blocks.insert_after("decode", "chance", Chance)
    picture = tiny_pipe(**INPUTS, output="images")[0]
    with pytest.raises(
        ReplayError, match="nothing that is recorded differs; a block, or the hardware, does not give the same"
    ):
        brickwork.replay(picture, [Chance], tiny_pipe)


# Trust


def attacked(tiny_pipe: ModularPipeline, tmp_path: Path, **changes: Any) -> Path:
    """An image whose recipe says something else."""
    picture = tiny_pipe(**INPUTS, output="images")[0]
    data = json.loads(json.dumps(picture.info["brickwork"].to_dict()))
    for path, value in changes.items():
        *outer, last = path.split("__")
        place = data
        for key in outer:
            place = place[key]
        place[last] = value
    info = PngInfo()
    info.add_itxt("brickwork", json.dumps(data))
    picture.save(tmp_path / "attack.png", pnginfo=info)
    return tmp_path / "attack.png"


EVIL = {"block": "evil:Block", "code": "", "blocks": {}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"composition__blocks__decode": EVIL}, "'evil:Block' is no block of this package"),
        (
            {"composition": {"block": "subprocess:Popen", "options": {"args": ["touch", "canary"]}}},
            "is no block of this package",
        ),
        ({"components__scheduler__class": "subprocess:Popen"}, "grant it with brickwork.registry.allow_library"),
        (
            {"components__scheduler__class": "diffusers:UNet2DConditionModel"},
            "names a UNet2DConditionModel, and the block expects",
        ),
        ({"components__scheduler__class": "evil:Thing"}, "grant it with brickwork.registry.allow_library"),
        (
            {"components__guider__class": "brickwork:ModularPipeline"},
            "ModularPipeline is no component, but a whole pipeline",
        ),
        ({"components__unet__origin__subfolder": "../../../etc"}, "leads out of"),
        ({"components__unet__origin__subfolder": "/etc"}, "leads out of"),
        ({"components__unet__dtype": "torch.load"}, "'torch.load' is no number format"),
        ({"configs": 3}, "configs: expected dict, got 3"),
        ({"generators__generator": [{"device": "warp", "seed": 1}]}, "The recipe is broken"),
        ({"generators__generator": [{"device": "cpu", "seed": 1, "state": "eA=="}]}, "The recipe is broken"),
        (
            {"inputs__prompt": {"value": {"$": "pickle", "data": "x"}}},
            "'pickle' is no kind of value|The recipe is broken",
        ),
    ],
)
def test_nothing_in_a_recipe_is_trusted(
    changes: dict[str, Any],
    message: str,
    tiny_pipe: ModularPipeline,
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("open('canary', 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = attacked(tiny_pipe, tmp_path, **changes)
    before = {file.name for file in tmp_path.iterdir()}
    with pytest.raises(brickwork.BrickworkError, match=message):
        brickwork.replay(path, components=tiny_folder)
    assert {file.name for file in tmp_path.iterdir()} == before
    assert "evil" not in sys.modules


def test_a_recipe_does_not_choose_where_models_come_from(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    """Only the names of models that ship are known; any other origin is a word in an error message."""
    elsewhere = save_repository(tmp_path / "elsewhere", seed=2)
    path = attacked(
        tiny_pipe, tmp_path, components__unet__origin={"repo": str(elsewhere), "local": True, "subfolder": "unet"}
    )
    with pytest.raises(ReplayError, match="say where it is"):
        brickwork.replay(path)


def test_specs_are_taken_as_they_are(tiny_pipe: ModularPipeline) -> None:
    picture = tiny_pipe(**INPUTS, output="images")[0]
    given = {
        **tiny_pipe.components,
        "guider": ComponentSpec(
            "guider", ClassifierFreeGuidance, config={"guidance_scale": 2.0}, default_creation_method="from_config"
        ),
    }
    with pytest.raises(ReplayError, match=r"guider.guidance_scale: 7.5, and 2.0 now"):
        brickwork.replay(picture, components=given)


MOVED = """
from __future__ import annotations
from attrs import frozen
import brickwork
from brickwork import Block, Outputs
from brickwork.state.vocabulary import Images
from PIL import ImageOps

def turned(image):
    return {how}(image)

class Flip(Block):
    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=[turned(image) for image in images])

@frozen(kw_only=True, slots=False)
class Strong(brickwork.ClassifierFreeGuidance):
    def combine(self, predictions, step, memory=None):
        guided, memory = super().combine(predictions, step, memory)
        return guided * {factor}, memory
"""


def lying_in(module: str, monkeypatch: pytest.MonkeyPatch, how: str = "ImageOps.mirror", factor: float = 1.5) -> Any:
    """A block and a guider of one's own in a module of that name."""
    made = types.ModuleType(module)
    monkeypatch.setitem(sys.modules, module, made)
    text = MOVED.format(how=how, factor=factor)
    exec(text if "later" in module else text.replace("from __future__ import annotations\n", ""), vars(made))
    return made


def test_a_block_and_a_guider_that_were_moved_to_another_module_are_the_same(
    tiny_pipe: ModularPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, later = (lying_in(name, monkeypatch) for name in ("at_first", "my_package_later"))
    tiny_pipe.blocks.insert_after("decode", "flip", first.Flip)
    tiny_pipe.update_components(guider=first.Strong(guidance_scale=2.0))
    picture = tiny_pipe(**INPUTS, generator=seeded(), output="images")[0]
    brickwork.save(picture, tmp_path / "a.png")
    components = {name: part for name, part in tiny_pipe.components.items() if name != "guider"}
    again = brickwork.replay(tmp_path / "a.png", [later.Flip], components, guiders=[later.Strong])
    assert same(again, picture)
    assert not brickwork.diff(again, picture)


def test_another_block_or_guider_of_the_same_name_in_another_module_is_another(
    tiny_pipe: ModularPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lying_in("at_first", monkeypatch)
    flipping = lying_in("flipping_later", monkeypatch, how="ImageOps.flip")
    stronger = lying_in("stronger_later", monkeypatch, factor=2.5)
    tiny_pipe.blocks.insert_after("decode", "flip", first.Flip)
    tiny_pipe.update_components(guider=first.Strong(guidance_scale=2.0))
    picture = tiny_pipe(**INPUTS, generator=seeded(), output="images")[0]
    components = {name: part for name, part in tiny_pipe.components.items() if name != "guider"}
    with pytest.raises(ReplayError, match=r"flip: at_first:Flip, and flipping_later:Flip now"):
        brickwork.replay(picture, [flipping.Flip], components, guiders=[first.Strong])
    with pytest.raises(ReplayError, match=r"guider: class at_first:Strong, and stronger_later:Strong now"):
        brickwork.replay(picture, [first.Flip], components, guiders=[stronger.Strong])


@pytest.mark.parametrize("edited", [False, True])
def test_a_picture_that_was_opened_from_its_file_is_saved_with_its_recipe(
    edited: bool, tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    picture = tiny_pipe(**INPUTS, generator=seeded(), output="images")[0]
    brickwork.save(picture, tmp_path / "a.png")
    opened = Image.open(tmp_path / "a.png")
    if edited:
        opened.putpixel((0, 0), (1, 2, 3))
    brickwork.save(opened, tmp_path / "b.png")
    if edited:
        with pytest.raises(ReplayError, match="The pixels are not those of the run"):
            brickwork.replay(tmp_path / "b.png", components=tiny_pipe)
    else:
        assert same(brickwork.replay(tmp_path / "b.png", components=tiny_pipe), picture)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs": "embedded"}, r"inputs='embedded' is unknown. Did you mean 'embed'"),
        ({"given": {"image": 1}}, r"given= is for inputs that are kept with the image; say where: inputs='embed'"),
    ],
)
def test_how_inputs_are_kept_is_said_in_full(
    options: Any, words: str, tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    picture = tiny_pipe(**INPUTS, generator=seeded(), output="images")[0]
    with pytest.raises(brickwork.InputError, match=words):
        brickwork.save(picture, tmp_path / "a.png", **options)
    assert not list(tmp_path.iterdir())


def test_one_generator_in_two_places_is_not_two_with_equal_states(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    tiny_pipe.configure(cache=MemoryCache())
    prompts = {**INPUTS, "prompt": ["a cat", "red"], "output": "images"}
    once = seeded()
    shared = tiny_pipe(**prompts, generator=[once, once])
    apart = tiny_pipe(**prompts, generator=[seeded(), seeded()])
    tiny_pipe.configure(cache=None)
    expected = tiny_pipe(**prompts, generator=[seeded(), seeded()])
    assert [same(*pair) for pair in zip(apart, expected, strict=True)] == [True, True]
    assert not same(shared[1], apart[1])
    assert list(brickwork.diff(shared[1], apart[1])) == [
        "generator: seed 1, seed 1 (the same generator again), and seed 1, seed 1"
    ]
    paths = brickwork.save(shared, tmp_path / "a.png")
    assert same(brickwork.replay(paths[1], components=tiny_pipe), shared[1])


def test_one_generator_under_two_names_is_repeated_as_one(tmp_path: Path) -> None:
    class Draw(Block):
        class Out(Outputs):
            total: float

        def run(self, first: torch.Generator, more: list[torch.Generator]) -> Out:
            return self.Out(total=float(sum(torch.rand(1, generator=g) for g in (first, *more, first))))

    pipe = SequentialPipelineBlocks.from_blocks_dict({"draw": Draw}).init_pipeline()
    generator = seeded()
    pipe(first=generator, more=[seeded(2), generator], output="total")
    assert pipe.last_recipe is not None
    pipe.last_recipe.save(tmp_path / "a.json")
    other = pipe(first=seeded(), more=[seeded(2), seeded()], output="total")
    again = brickwork.replay(tmp_path / "a.json", blocks=[Draw])
    generator = seeded()
    assert again == pipe(first=generator, more=[seeded(2), generator], output="total") != other


@pytest.mark.parametrize(
    ("configured", "said", "shows"), [(False, None, False), (True, None, True), (False, True, True)]
)
def test_a_repetition_shows_progress_as_the_pipeline_that_it_is_given(
    configured: bool, said: bool | None, shows: bool, tiny_pipe: ModularPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_pipe.configure(progress=configured)
    picture = tiny_pipe(prompt="red", seed=1, num_inference_steps=2, output="images")[0]
    capsys.readouterr()
    assert same(
        brickwork.replay(picture, components=tiny_pipe, **({} if said is None else {"progress": said})), picture
    )
    assert ("2/2" in capsys.readouterr().err) is shows
