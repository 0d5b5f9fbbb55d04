"""Components that are None on purpose: blocks of diffusers that look for it run without, blocks of ours need what they name."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
from diffusers import AutoencoderKL, ControlNetModel
from diffusers.modular_pipelines import ComponentSpec, ModularPipelineBlocks, OutputParam
from transformers import CLIPTextModel

import brickwork
from brickwork import Block, ComponentError, SequentialPipelineBlocks, component
from brickwork.blocks import adopt


class Maybe(ModularPipelineBlocks):  # type: ignore[misc]  # diffusers has no types
    """Runs with and without its component."""

    expected_components = [ComponentSpec("controlnet", ControlNetModel)]
    intermediate_outputs = [OutputParam("way")]

    def __call__(self, components: Any, state: Any) -> Any:
        state.set("way", "without" if components.controlnet is None else "with")
        return components, state


class OwnBlock(Block):
    """Needs what it names."""

    controlnet: ControlNetModel = component()

    def run(self) -> None: ...


def pipeline(folder: Path | None = None) -> Any:
    return SequentialPipelineBlocks.from_blocks_dict({"maybe": adopt(Maybe())}).init_pipeline(
        None if folder is None else str(folder)
    )


def test_a_component_that_was_given_as_none_is_passed_on() -> None:
    pipe = pipeline()
    with pytest.raises(
        ComponentError, match=r"^Not loaded: controlnet\. Needed by maybe\. Call load_components\(\) first"
    ):
        pipe(output="way")
    pipe.update_components(controlnet=None)
    assert pipe(output="way") == "without"
    assert "none" in repr(pipe)
    assert "not loaded" not in repr(pipe)


@pytest.mark.parametrize("settings", [{"load": "on demand"}, {"residency": "just in time"}])
def test_none_is_passed_on_where_a_run_loads_by_itself(settings: dict[str, Any]) -> None:
    pipe = pipeline()
    pipe.configure(**settings)
    pipe.update_components(controlnet=None)
    assert pipe(output="way") == "without"


def test_a_copy_knows_what_is_none() -> None:
    pipe = pipeline()
    pipe.update_components(controlnet=None)
    assert copy.copy(pipe)(output="way") == copy.deepcopy(pipe)(output="way") == "without"


def test_a_component_that_the_index_has_none_of_is_none(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "X", "controlnet": [None, None]}))
    pipe = pipeline(tmp_path)
    pipe.load_components()
    assert pipe(output="way") == "without"


def test_a_component_that_comes_is_none_no_more() -> None:
    pipe = pipeline()
    pipe.update_components(controlnet=None)
    pipe.update_components(controlnet=brickwork.ComponentSpec("controlnet", ControlNetModel, repo="a/b"))
    with pytest.raises(ComponentError, match="Not loaded: controlnet"):
        pipe(output="way")


def test_blocks_of_ours_need_what_they_name() -> None:
    pipe = brickwork.embedded()
    pipe.update_components(vae=None)
    with pytest.raises(ComponentError, match=r"Not loaded: vae\. Needed by ([a-z_]+, )*decode\. Call"):
        pipe(prompt="a red circle", num_inference_steps=1)


def saved_and_opened(pipe: Any, folder: Path) -> Any:
    pipe.save_pretrained(str(folder))
    return brickwork.ModularPipeline.from_pretrained(str(folder))


class OfText(Maybe):
    """Runs with and without a text encoder."""

    expected_components = [ComponentSpec("text_encoder", CLIPTextModel), ComponentSpec("vae", AutoencoderKL)]

    def __call__(self, components: Any, state: Any) -> Any:
        state.set("way", "without" if components.text_encoder is None else "with")
        return components, state


def with_text(folder: Path) -> Any:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"of_text": adopt(OfText())}).init_pipeline(str(folder))
    pipe.update_components(text_encoder=None)
    return pipe


def test_none_is_saved_as_none(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = with_text(tiny_folder).load_components("vae")
    pipe.save_pretrained(str(tmp_path))
    index = json.loads((tmp_path / "modular_model_index.json").read_text())
    library, class_name, place = index["text_encoder"]
    assert (library, class_name, place["pretrained_model_name_or_path"]) == (None, None, None)
    again = SequentialPipelineBlocks.from_blocks_dict({"of_text": adopt(OfText())}).init_pipeline(str(tmp_path))
    assert again.absent == {"text_encoder"}


def test_none_is_none_when_a_saved_pipeline_is_opened(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = brickwork.ModularPipeline.from_pretrained(str(tiny_folder)).load_components(["vae", "unet"])
    pipe.update_components(text_encoder=None)
    again = saved_and_opened(pipe, tmp_path)
    assert again.absent == {"text_encoder"}
    again.load_components()
    assert again.text_encoder is None
    assert again.vae is not None
    line = next(line for line in repr(again).splitlines() if "text_encoder " in line)
    assert "none" in line
    whole = brickwork.ModularPipeline.from_pretrained(str(tiny_folder)).load_components("text_encoder")
    again.update_components(text_encoder=whole.text_encoder)
    assert saved_and_opened(again, tmp_path / "again").absent == set()


def test_diffusers_reads_none_as_nothing_to_load(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = brickwork.ModularPipeline.from_pretrained(str(tiny_folder)).load_components("vae")
    pipe.update_components(text_encoder=None)
    pipe.save_pretrained(str(tmp_path))
    theirs = diffusers.ModularPipeline.from_pretrained(str(tmp_path), trust_remote_code=True)
    theirs.load_components(["vae", "text_encoder"])
    assert theirs.vae is not None
    assert theirs.text_encoder is None


def test_what_is_none_on_purpose_is_loaded_only_by_its_name(tiny_folder: Path) -> None:
    pipe = brickwork.ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.update_components(text_encoder=None)
    pipe.load_components()
    assert pipe.text_encoder is None
    pipe.load_components("text_encoder")
    assert pipe.text_encoder is not None
    assert pipe.absent == set()


@pytest.mark.parametrize("settings", [{"load": "on demand"}, {"residency": "just in time"}])
def test_a_run_that_loads_by_itself_loads_nothing_that_is_none_on_purpose(
    settings: dict[str, Any], tiny_folder: Path
) -> None:
    pipe = brickwork.ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.configure(progress=False, **settings)
    pipe.update_components(vae=None)
    with pytest.raises(ComponentError, match=r"Not loaded: vae\. Needed by ([a-z_]+, )*decode\. Call"):
        pipe(prompt="a red circle", num_inference_steps=1)


def test_a_workflow_file_says_none(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = brickwork.ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.update_components(text_encoder=None)
    brickwork.save_workflow(pipe, tmp_path / "one.yaml")
    assert "text_encoder: null" in (tmp_path / "one.yaml").read_text()
    again = brickwork.load_workflow(tmp_path / "one.yaml")
    assert again.absent == {"text_encoder"}
    again.load_components("text_encoder")
    brickwork.save_workflow(again, tmp_path / "two.yaml")
    assert brickwork.load_workflow(tmp_path / "two.yaml").absent == set()


def test_what_is_made_from_a_config_comes_back_as_none(tiny_folder: Path, tmp_path: Path) -> None:
    """Without a note it would be made again from the blocks' own configuration."""
    pipe = brickwork.ModularPipeline.from_pretrained(str(tiny_folder)).load_components("vae")
    assert pipe.image_processor is not None
    pipe.update_components(image_processor=None)
    again = saved_and_opened(pipe, tmp_path / "whole")
    assert json.loads((tmp_path / "whole" / "brickwork.json").read_text())["absent"] == ["image_processor"]
    again.load_components("vae")
    assert again.image_processor is None
    assert again.none_on_purpose == {"image_processor"}
    assert saved_and_opened(again, tmp_path / "twice").image_processor is None
    brickwork.save_workflow(pipe, tmp_path / "one.yaml")
    assert "image_processor: null" in (tmp_path / "one.yaml").read_text()
    filed = brickwork.load_workflow(tmp_path / "one.yaml")
    assert filed.image_processor is None
    assert filed.none_on_purpose == {"image_processor"}
    with pytest.raises(ComponentError, match="Not loaded: .*image_processor"):
        again(prompt="a red circle", num_inference_steps=1)


def test_what_is_kept_of_a_component_that_a_run_would_load_is_not_of_none(tiny_folder: Path) -> None:
    pipe = brickwork.ModularPipeline.from_pretrained(str(tiny_folder))
    promised = pipe.promised_key("text_encoder")
    pipe.update_components(text_encoder=None)
    assert pipe.promised_key("text_encoder") not in (None, promised)
    pipe.load_components("text_encoder")
    assert pipe.promised_key("text_encoder") == promised


def test_who_asks_for_a_component_is_looked_up_once_for_a_composition() -> None:
    pipe = pipeline()
    pipe.update_components(controlnet=None)
    assert pipe(output="way") == "without"
    assert pipe.kept_plans().dispensable == {"controlnet"}
    kept = pipe.kept_plans()
    assert pipe(output="way") == "without"
    assert pipe.kept_plans() is kept
    pipe.blocks.sub_blocks["more"] = OwnBlock()
    assert pipe.kept_plans().dispensable == set()
