"""Every composition of the installed diffusers that can be adopted is saved, and opens as itself."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import diffusers.modular_pipelines as peer
import pytest
from diffusers.modular_pipelines.modular_pipeline_utils import InputParam as PeerInput
from diffusers.modular_pipelines.qwenimage.inputs import QwenImageAdditionalInputsStep

from brickwork import CompositionError, ModularPipeline, RepoError
from brickwork.blocks import ModularPipelineBlocks, SequentialPipelineBlocks, adopt
from brickwork.blocks.core.flattening import walk
from brickwork.blocks.core.from_diffusers import DiffusersBlock
from brickwork.saving.composition import compose, describe
from brickwork.saving.reopening import composition_faults
from brickwork.state.digest import digest_of

BASES = {
    "ModularPipelineBlocks",
    "SequentialPipelineBlocks",
    "LoopSequentialPipelineBlocks",
    "AutoPipelineBlocks",
    "ConditionalPipelineBlocks",
}
NAMES = sorted(
    name
    for name in dir(peer)
    if name.endswith("Blocks") and name not in BASES and isinstance(getattr(peer, name), type)
)


def again(blocks: ModularPipelineBlocks) -> ModularPipelineBlocks:
    return compose(json.loads(json.dumps(describe(blocks, _reference))))


def _reference(cls: type) -> str:
    return cls.__name__ if cls.__module__.startswith("brickwork.") else f"{cls.__module__}:{cls.__qualname__}"


@pytest.mark.rotating(3)
@pytest.mark.parametrize("name", NAMES)
def test_a_composition_comes_back_with_family_and_workflows(name: str) -> None:
    blocks = adopt(getattr(peer, name))
    found = again(blocks)
    assert list(composition_faults(blocks, found, _reference)) == []
    assert (found.model_name, found.workflow_map) == (blocks.model_name, blocks.workflow_map)  # type: ignore[attr-defined]
    assert list(found.available_workflows) == list(blocks.available_workflows)
    assert [repr(param) for param in found.inputs] == [repr(param) for param in blocks.inputs]


@pytest.mark.parametrize("name", ["FluxKontextAutoBlocks", "QwenImageAutoBlocks", "StableDiffusion3AutoBlocks"])
def test_the_pipeline_of_one_is_saved_and_opened(name: str, tmp_path: Path) -> None:
    pipe = adopt(getattr(peer, name)).init_pipeline()
    pipe.save_pretrained(str(tmp_path / "repo"))
    found = ModularPipeline.from_pretrained(str(tmp_path / "repo"))
    assert str(found.blocks) == str(pipe.blocks)
    assert found.blocks.model_name == pipe.blocks.model_name
    assert found.blocks.available_workflows == pipe.blocks.available_workflows


def test_a_block_that_was_told_more_stands_under_the_class_that_told_it() -> None:
    blocks = adopt(peer.QwenImageAutoBlocks)
    inner: Any = dict(walk(blocks))["denoise.inpaint.input.additional_inputs"]
    assert inner.made_in is not None
    assert describe(inner, _reference)["within"] == "additional_inputs"
    data = describe(inner, _reference)
    assert [param.name for param in again(inner).inputs] == [param.name for param in inner.inputs]
    with pytest.raises(CompositionError, match="has no block 'additional_input'. Did you mean 'additional_inputs'"):
        compose({**data, "within": "additional_input"})
    # By itself it is what its class makes, and needs nothing said.
    assert adopt(QwenImageAdditionalInputsStep).made_in is None  # type: ignore[attr-defined]


def test_one_that_was_told_more_later_is_refused(tmp_path: Path) -> None:
    blocks = adopt(peer.QwenImageAutoBlocks)
    inner: Any = dict(walk(blocks))["denoise.inpaint.input.additional_inputs"]
    inner.foreign = copy.copy(inner.foreign)
    inner.foreign._additional_batch_inputs = [PeerInput(name="more")]
    with pytest.raises(RepoError, match="additional_inputs: its attribute 'foreign' is"):
        blocks.save_pretrained(str(tmp_path / "repo"))


def test_what_somebody_puts_on_a_composition_is_saved() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"decode": "Decode"})
    blocks.model_name = "mine"
    blocks.workflow_map = {"all": {"latents": True, "steps": 3}}
    found: Any = again(blocks)
    assert (found.model_name, found.workflow_map) == ("mine", {"all": {"latents": True, "steps": 3}})
    assert "model_name" not in describe(SequentialPipelineBlocks.from_blocks_dict({"decode": "Decode"}), _reference)


def test_two_steps_that_were_told_otherwise_are_two_to_the_cache() -> None:
    one, other = (DiffusersBlock(QwenImageAdditionalInputsStep()) for _ in range(2))
    assert digest_of(one.identity({})) == digest_of(other.identity({}))
    other.foreign = copy.copy(other.foreign)
    other.foreign._image_latent_inputs = []
    assert digest_of(one.identity({})) != digest_of(other.identity({}))


@pytest.mark.parametrize("cls", [peer.AutoPipelineBlocks, peer.ConditionalPipelineBlocks])
def test_a_choice_without_branches_is_refused_in_words(cls: Any) -> None:
    with pytest.raises(CompositionError, match=f"{cls.__name__} is empty: it has no blocks to choose from"):
        adopt(cls)
