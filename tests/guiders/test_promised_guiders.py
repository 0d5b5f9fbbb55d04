"""What diffusers' pages on modular pipelines promise of guiders, with local folders in place of the Hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from brickwork import (
    ClassifierFreeGuidance,
    InputError,
    LayerSkipConfig,
    ModularPipeline,
    PerturbedAttentionGuidance,
    SequentialPipelineBlocks,
)
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry.hub.repo_files import MODULAR_INDEX

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "images", "output_type": "pt"}
LAYERS = LayerSkipConfig(
    indices=[0],
    fqn="mid_block.attentions.0.transformer_blocks",
    skip_attention=False,
    skip_attention_scores=True,
    skip_ff=False,
)


def drawn(pipe: ModularPipeline, **inputs: Any) -> torch.Tensor:
    images: torch.Tensor = pipe(**{**INPUTS, **inputs}, generator=torch.Generator().manual_seed(1))
    return images


def perturbed(**options: Any) -> PerturbedAttentionGuidance:
    return PerturbedAttentionGuidance(
        guidance_scale=5.0, perturbed_guidance_stop=1.0, perturbed_guidance_config=LAYERS, **options
    )


def test_a_pipeline_guides_by_default_and_its_index_says_nothing_of_it(tiny_pipe: ModularPipeline) -> None:
    assert tiny_pipe.guider == ClassifierFreeGuidance(guidance_scale=7.5)
    assert "guider" in tiny_pipe.config_component_names
    assert "guider" not in tiny_pipe.index


def test_the_spec_shows_every_setting(tiny_pipe: ModularPipeline) -> None:
    shown = repr(tiny_pipe.get_component_spec("guider"))
    assert "'guidance_scale': 7.5" in shown
    tiny_pipe.update_components(guider=perturbed())
    shown = repr(tiny_pipe.get_component_spec("guider"))
    for name in ("perturbed_guidance_scale", "skip_attention_scores", "start", "stop", "enabled"):
        assert f"'{name}'" in shown


@pytest.mark.parametrize("given", ["ours", "diffusers'"])
def test_switching_changes_the_picture_and_switching_back_restores_it(given: str, tiny_pipe: ModularPipeline) -> None:
    first = drawn(tiny_pipe)
    before = tiny_pipe.guider
    guider: Any = perturbed()
    if given != "ours":
        config = diffusers.LayerSkipConfig(
            indices=[0], fqn=LAYERS.fqn, skip_attention=False, skip_attention_scores=True, skip_ff=False
        )
        guider = diffusers.PerturbedAttentionGuidance(
            guidance_scale=5.0, perturbed_guidance_stop=1.0, perturbed_guidance_config=config
        )
    tiny_pipe.update_components(guider=guider)
    assert isinstance(tiny_pipe.guider, PerturbedAttentionGuidance)
    second = drawn(tiny_pipe)
    assert not torch.equal(first, second)
    tiny_pipe.update_components(guider=perturbed())
    assert torch.equal(drawn(tiny_pipe), second)
    tiny_pipe.update_components(guider=before)
    assert torch.equal(drawn(tiny_pipe), first)


def test_a_guider_is_switched_by_name_and_by_spec(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.update_components(guider="PerturbedAttentionGuidance")
    assert tiny_pipe.guider == PerturbedAttentionGuidance()
    spec = tiny_pipe.get_component_spec("guider")
    assert spec.type_hint is PerturbedAttentionGuidance
    tiny_pipe.update_components(guider=spec)
    assert tiny_pipe.guider == PerturbedAttentionGuidance()
    with pytest.raises(InputError, match="'PerturbedAttention' is no guider"):
        tiny_pipe(**INPUTS, guider="PerturbedAttention")


def test_a_switch_of_guiders_is_logged(tiny_pipe: ModularPipeline, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="brickwork"):
        tiny_pipe.update_components(guider=perturbed())
        tiny_pipe.update_components(guider=perturbed())
    assert caplog.messages == [
        "update_components: guider is a PerturbedAttentionGuidance now; it was a ClassifierFreeGuidance."
    ]


def test_layers_have_the_fields_of_diffusers() -> None:
    theirs = diffusers.LayerSkipConfig(indices=[1])
    assert set(theirs.to_dict()) == {field.name for field in LayerSkipConfig.__attrs_attrs__}
    ours = LayerSkipConfig([1])
    assert {name: getattr(ours, name) for name in theirs.to_dict() if name != "indices"} == {
        name: value for name, value in theirs.to_dict().items() if name != "indices"
    }


@pytest.fixture
def repository(tiny_folder: Path, tmp_path: Path) -> Path:
    """A pipeline whose guider lies in another folder."""
    perturbed().save_pretrained(str(tmp_path / "guiders" / "pag_guider"))
    index = json.loads((tiny_folder / MODULAR_INDEX).read_text())
    where = {"repo": str(tmp_path / "guiders"), "subfolder": "pag_guider", "revision": None, "variant": None}
    index["guider"] = [None, None, {**where, "type_hint": ["diffusers", "PerturbedAttentionGuidance"]}]
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / MODULAR_INDEX).write_text(json.dumps(index))
    return tmp_path / "pipeline"


@pytest.mark.parametrize("named", [False, True])
def test_a_guider_in_the_index_is_loaded_like_a_model(named: bool, repository: Path) -> None:
    path = repository / MODULAR_INDEX
    if named:
        index = json.loads(path.read_text())
        index["guider"][:2] = ["diffusers", "PerturbedAttentionGuidance"]
        path.write_text(json.dumps(index))
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(repository))
    assert pipe.guider is None
    assert "guider" in pipe.pretrained_component_names
    pipe.load_components()
    pipe.configure(progress=False)
    assert isinstance(pipe.guider, PerturbedAttentionGuidance)
    other = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
    other.update_components(**{**pipe.components, "guider": perturbed()})
    other.configure(progress=False)
    assert torch.equal(drawn(pipe), drawn(other))


def test_the_guidance_scale_is_changed_in_two_ways(tiny_pipe: ModularPipeline) -> None:
    spec = tiny_pipe.get_component_spec("guider")
    tiny_pipe.update_components(guider=spec.create(guidance_scale=10))
    assert tiny_pipe.guider.guidance_scale == 10
    spec = tiny_pipe.get_component_spec("guider")
    spec.config["guidance_scale"] = 11
    tiny_pipe.update_components(guider=spec)
    assert tiny_pipe.guider.guidance_scale == 11


def test_a_guider_that_was_saved_is_loaded_by_a_changed_spec(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    perturbed().save_pretrained(str(tmp_path / "pag_guider"))
    spec = tiny_pipe.get_component_spec("guider")
    spec.type_hint = PerturbedAttentionGuidance
    spec.default_creation_method = "from_pretrained"
    spec.repo, spec.subfolder = str(tmp_path), "pag_guider"
    guider = spec.load()
    tiny_pipe.update_components(guider=guider)
    assert tiny_pipe.guider.branches is not None
    assert isinstance(tiny_pipe.guider, PerturbedAttentionGuidance)


def test_guider_at_the_call_is_for_one_run(tiny_pipe: ModularPipeline) -> None:
    own = drawn(tiny_pipe)
    tiny_pipe.update_components(guider=perturbed())
    expected = drawn(tiny_pipe)
    tiny_pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=7.5))
    assert torch.equal(drawn(tiny_pipe, guider=perturbed()), expected)
    assert tiny_pipe.last_recipe is not None
    assert tiny_pipe.last_recipe["components"]["guider"]["class"] == "brickwork:PerturbedAttentionGuidance"
    assert torch.equal(drawn(tiny_pipe), own)
    assert torch.equal(drawn(tiny_pipe, guider=None), own)
    assert torch.equal(drawn(tiny_pipe, guider="ClassifierFreeGuidance"), own)


def test_layers_that_are_not_there_are_refused_before_anything_runs(tiny_pipe: ModularPipeline) -> None:
    started: list[Any] = []
    tiny_pipe.configure(listeners=[started.append])
    wrong = [PerturbedAttentionGuidance(perturbed_guidance_layers=70), "AutoGuidance"]
    with pytest.raises(InputError, match="guider: There are layers 0 to 3, and no 70"):
        tiny_pipe(**INPUTS, guider=wrong[0])
    assert started == []
    tiny_pipe.update_components(guider=wrong[0])
    for _ in range(2):
        with pytest.raises(InputError, match="no 70"):
            tiny_pipe(**INPUTS)
    drawn(tiny_pipe, guider=wrong[1])
