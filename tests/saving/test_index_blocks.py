"""Which preset opens for an index of diffusers, and for a task that is asked for in place of its own."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import pytest
from tiny_packed import qwen_tokenizer

import brickwork
from brickwork import CompositionError, ModularPipeline, ModularPipelineBlocks
from brickwork.blocks.core.preset_catalog import find_preset
from brickwork.registry import catalog

CLASSIC, MODULAR = "model_index.json", "modular_model_index.json"
OPENS = {
    "ddpm": "DDPMPipeline",
    "dit": "DiTPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "sdxl": "StableDiffusionXLInpaintPipeline",
}


def folder(place: Path, index: str = CLASSIC, **entries: Any) -> str:
    (place / index).write_text(json.dumps(entries))
    return str(place)


@pytest.mark.parametrize("preset", [name for name in catalog if name.partition(".")[0] in OPENS and "." in name])
def test_every_preset_of_a_family_is_a_task_of_its_repositories(preset: str, tmp_path: Path) -> None:
    family, _, task = preset.partition(".")
    repo = folder(tmp_path, _class_name=OPENS[family])
    opened = brickwork.from_pretrained(repo, task=task)
    assert str(opened.blocks) == str(find_preset(preset))
    assert str(ModularPipelineBlocks.from_pretrained(repo, task=task)) == str(opened.blocks)


@pytest.mark.parametrize(
    ("index", "entries"),
    [
        (MODULAR, {"_class_name": "StableDiffusion3ModularPipeline"}),
        (
            MODULAR,
            {"_class_name": "StableDiffusion3ModularPipeline", "_blocks_class_name": "StableDiffusion3AutoBlocks"},
        ),
        (MODULAR, {"_class_name": "StableDiffusion3ModularPipeline", "_blocks_class_name": "SequentialPipelineBlocks"}),
        (CLASSIC, {"_class_name": "StableDiffusion3Img2ImgPipeline"}),
    ],
)
def test_the_index_says_the_family_whatever_task_it_means(
    index: str, entries: Mapping[str, Any], tmp_path: Path
) -> None:
    pipe = brickwork.from_pretrained(folder(tmp_path, index, **entries), task="inpainting")
    assert str(pipe.blocks) == str(find_preset("sd3.inpainting"))


@pytest.mark.parametrize("blocks", [None, "SequentialPipelineBlocks", "its own"])
@pytest.mark.parametrize(
    ("family", "preset"),
    [("HunyuanVideo15", "hunyuan_video_15.auto"), ("LTX", "ltx.auto"), ("ZImage", "z_image.auto")],
)
def test_a_modular_repository_opens_as_all_tasks_of_its_family(
    family: str, preset: str, blocks: str | None, tmp_path: Path
) -> None:
    named = f"{family}AutoBlocks" if blocks == "its own" else blocks
    entries = {} if named is None else {"_blocks_class_name": named}
    pipe = brickwork.from_pretrained(folder(tmp_path, MODULAR, _class_name=f"{family}ModularPipeline", **entries))
    assert pipe.notes == []
    assert str(pipe.blocks) == str(find_preset(preset))
    theirs = getattr(diffusers.modular_pipelines, f"{family}AutoBlocks")()
    # An object without weights that packs latents, which ours do inside of the family.
    assert {*theirs.component_names} - {*pipe.component_names} <= {"pachifier"}
    assert {*theirs.available_workflows} <= {*pipe.blocks.available_workflows}


@pytest.mark.parametrize("blocks", [None, "SequentialPipelineBlocks", "its own"])
@pytest.mark.parametrize(
    ("pipeline", "own", "preset"),
    [
        ("WanModularPipeline", "WanBlocks", "wan.auto"),
        ("WanImage2VideoModularPipeline", "WanImage2VideoAutoBlocks", "wan.image2video"),
        ("Wan22ModularPipeline", "Wan22Blocks", "wan.two_networks.text2video"),
        ("Wan22Image2VideoModularPipeline", "Wan22Image2VideoBlocks", "wan.two_networks.image2video"),
    ],
)
def test_each_modular_repository_of_wan_opens_as_its_network_is(
    pipeline: str, own: str, preset: str, blocks: str | None, tmp_path: Path
) -> None:
    named = own if blocks == "its own" else blocks
    entries = {} if named is None else {"_blocks_class_name": named}
    pipe = brickwork.from_pretrained(folder(tmp_path, MODULAR, _class_name=pipeline, **entries))
    assert pipe.notes == []
    assert [*pipe.blocks.sub_blocks] == [*find_preset(preset).sub_blocks]
    theirs = getattr(diffusers.modular_pipelines, own)()
    # The second network is guided by the same guider, with a strength of its own.
    assert {*theirs.component_names} - {*pipe.component_names} <= {"guider_2"}
    if getattr(theirs, "_workflow_map", None):
        assert {*theirs.available_workflows} <= {*pipe.blocks.available_workflows}


@pytest.mark.parametrize("pipeline", ["QwenImageEditModularPipeline", "QwenImageEditPlusModularPipeline"])
def test_a_tokenizer_without_an_entry_is_in_the_folder_of_its_processor(pipeline: str, tmp_path: Path) -> None:
    """Their blocks ask the processor for both, and so their repositories have no folder for it alone."""
    tokenizer = qwen_tokenizer()
    tokenizer.save_pretrained(tmp_path / "processor")
    place = {"pretrained_model_name_or_path": str(tmp_path), "subfolder": "processor"}
    entry = ["transformers", "Qwen2VLProcessor", {**place, "type_hint": ["transformers", "Qwen2VLProcessor"]}]
    pipe = brickwork.from_pretrained(folder(tmp_path, MODULAR, _class_name=pipeline, processor=entry))
    pipe.load_components("tokenizer")
    assert type(pipe.tokenizer).__name__ == "Qwen2Tokenizer"
    assert pipe.tokenizer("a red circle").input_ids == tokenizer("a red circle").input_ids


@pytest.mark.parametrize(("task", "meant"), [("inpaint", "inpainting"), ("img2img", "image2image"), ("Auto", "auto")])
def test_an_unknown_task_names_the_nearest_and_all_that_the_family_has(task: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(CompositionError) as caught:
        brickwork.from_pretrained(folder(tmp_path, _class_name="StableDiffusion3Pipeline"), task=task)
    assert (
        f"is of the family 'sd3', which has no task {task!r}. Did you mean {meant!r}? It has: auto, controlnet.image2image, "
        in str(caught.value)
    )


def test_a_task_of_another_family_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match="'ddpm', which has no task 'text2image'.*unconditional"):
        brickwork.from_pretrained(folder(tmp_path, _class_name="DDPMPipeline"), task="text2image")


def test_a_task_opens_the_variant_for_what_the_repository_lacks(tmp_path: Path) -> None:
    absent = {"text_encoder": [None, None], "tokenizer": [None, None]}
    repo = folder(tmp_path, _class_name="StableDiffusionXLImg2ImgPipeline", **absent)
    pipe = brickwork.from_pretrained(repo, task="inpainting")
    assert {"mask_image", "aesthetic_score"} <= set(pipe.blocks.input_names)


def test_a_task_is_refused_for_a_repository_with_its_own_blocks(tmp_path: Path) -> None:
    find_preset("sd3.text2image").save_pretrained(tmp_path)
    with pytest.raises(CompositionError, match=r"brings its own blocks \(brickwork.json\), and task='auto' would drop"):
        brickwork.from_pretrained(str(tmp_path), task="auto")


def test_a_task_is_refused_for_a_repository_of_diffusers_with_its_own_blocks(tmp_path: Path) -> None:
    config = {"auto_map": {"ModularPipelineBlocks": "block.Mine"}}
    (tmp_path / "modular_config.json").write_text(json.dumps(config))
    repo = folder(tmp_path, MODULAR, _class_name="StableDiffusionXLModularPipeline")
    with pytest.raises(CompositionError, match=r"brings its own blocks \(modular_config.json\)"):
        brickwork.from_pretrained(repo, task="text2image", trust_remote_code=True)


def test_a_task_is_refused_where_the_blocks_are_those_of_diffusers(tmp_path: Path) -> None:
    repo = folder(tmp_path, MODULAR, _class_name="ErnieImageModularPipeline")
    with pytest.raises(
        CompositionError,
        match=r"the blocks that diffusers has for it.*families with presets, and there are those of ace_step, .*auraflow, .*workflow=",
    ) as caught:
        brickwork.from_pretrained(repo, task="text2image")
    assert "ErnieImageModularPipeline" in str(caught.value)


def test_the_function_has_the_signature_of_the_method() -> None:
    assert brickwork.from_pretrained == ModularPipeline.from_pretrained
    assert "task" in inspect.signature(brickwork.from_pretrained).parameters
    assert "inpainting" in (brickwork.from_pretrained.__doc__ or "")
