"""Examples of diffusers' pages in their own words: guiders."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import torch
from hub_server import Hub

from brickwork import ClassifierFreeGuidance, LayerSkipConfig, PerturbedAttentionGuidance
from brickwork.modular_pipelines import ModularPipeline, SequentialPipelineBlocks
from brickwork.modular_pipelines.stable_diffusion_xl import TEXT2IMAGE_BLOCKS

t2i_blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)


@pytest.fixture
def t2i_pipeline() -> ModularPipeline:
    pipeline = t2i_blocks.init_pipeline("YiYiXu/modular-loader-t2i-0704").load_components()
    pipeline.configure(progress=False)
    return pipeline


def drawn(pipeline: ModularPipeline) -> torch.Tensor:
    found: torch.Tensor = pipeline(
        prompt="a cat",
        num_inference_steps=10,
        generator=torch.Generator().manual_seed(0),
        output="images",
        output_type="pt",
    )
    return found


def test_the_guider_comes_from_its_configuration(t2i_pipeline: ModularPipeline) -> None:
    spec = t2i_pipeline.get_component_spec("guider")
    assert spec.type_hint is ClassifierFreeGuidance
    assert spec.default_creation_method == "from_config"
    expected = {"guidance_scale": 7.5, "guidance_rescale": 0.0, "use_original_formulation": False, "start": 0.0}
    assert {name: spec.config[name] for name in expected} == expected
    assert "'guidance_scale': 7.5" in repr(spec)


def test_another_guider_draws_another_picture_and_back(
    t2i_pipeline: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    before = drawn(t2i_pipeline)

    # the page perturbs layers 2 and 9; the tiny network has one
    config = LayerSkipConfig(
        indices=[0],
        fqn="mid_block.attentions.0.transformer_blocks",
        skip_attention=False,
        skip_attention_scores=True,
        skip_ff=False,
    )
    # without its window's end, which leaves no step of ten
    guider = PerturbedAttentionGuidance(
        guidance_scale=5.0,
        perturbed_guidance_scale=2.5,
        perturbed_guidance_config=config,
        perturbed_guidance_stop=1.0,
    )
    with caplog.at_level(logging.INFO, logger="brickwork"):
        t2i_pipeline.update_components(guider=guider)
    assert "guider is a PerturbedAttentionGuidance now" in caplog.text

    spec = t2i_pipeline.get_component_spec("guider")
    assert spec.type_hint is PerturbedAttentionGuidance
    assert "mid_block.attentions.0.transformer_blocks" in repr(spec)
    assert not torch.equal(drawn(t2i_pipeline), before)
    t2i_pipeline.update_components(guider=ClassifierFreeGuidance(guidance_scale=7.5))
    assert torch.equal(drawn(t2i_pipeline), before)


def test_a_guider_in_the_index_is_loaded_with_the_others() -> None:
    t2i_pipeline = t2i_blocks.init_pipeline("YiYiXu/modular-doc-guider")
    # 在初始化时未创建
    assert t2i_pipeline.guider is None
    t2i_pipeline.load_components()
    # 加载为 PAG 引导器
    assert isinstance(t2i_pipeline.guider, PerturbedAttentionGuidance)


def test_the_scale_is_changed_in_two_ways(t2i_pipeline: ModularPipeline) -> None:
    guider_spec = t2i_pipeline.get_component_spec("guider")
    guider = guider_spec.create(guidance_scale=10)
    t2i_pipeline.update_components(guider=guider)
    assert t2i_pipeline.guider.guidance_scale == 10
    t2i_pipeline.update_components(guider=ClassifierFreeGuidance())

    guider_spec = t2i_pipeline.get_component_spec("guider")
    guider_spec.config["guidance_scale"] = 10
    t2i_pipeline.update_components(guider=guider_spec)
    assert t2i_pipeline.guider.guidance_scale == 10


def test_a_guider_is_published(there: Hub) -> None:
    guider = PerturbedAttentionGuidance(guidance_scale=3.0)
    guider.push_to_hub("YiYiXu/modular-loader-t2i-guider", subfolder="pag_guider")
    config = json.loads(there.repos["YiYiXu/modular-loader-t2i-guider"].files["pag_guider/guider_config.json"])
    assert config["guidance_scale"] == 3.0


def test_an_index_may_name_the_class(there: Hub) -> None:
    edited: dict[str, Any] = json.loads("""
{
  "guider": [
    "diffusers",
    "PerturbedAttentionGuidance",
    {
      "repo": "YiYiXu/modular-loader-t2i-guider",
      "revision": null,
      "subfolder": "pag_guider",
      "type_hint": [
        "diffusers",
        "PerturbedAttentionGuidance"
      ],
      "variant": null
    }
  ]
}
""")  # the page lacks the last brace
    repo = there.repos["YiYiXu/modular-loader-t2i-0704"]
    index = {**json.loads(repo.files["modular_model_index.json"]), **edited}
    repo.commit({"modular_model_index.json": json.dumps(index).encode()})
    t2i_pipeline = t2i_blocks.init_pipeline("YiYiXu/modular-loader-t2i-0704")
    assert t2i_pipeline.guider is None
    t2i_pipeline.load_components("guider")
    assert isinstance(t2i_pipeline.guider, PerturbedAttentionGuidance)


def test_a_guider_from_a_repository_stays_one_when_the_pipeline_is_published(
    t2i_pipeline: ModularPipeline, there: Hub
) -> None:
    guider_spec = t2i_pipeline.get_component_spec("guider")
    guider_spec.default_creation_method = "from_pretrained"
    guider_spec.repo = "YiYiXu/modular-loader-t2i-guider"
    guider_spec.subfolder = "pag_guider"
    pag_guider = guider_spec.load()
    t2i_pipeline.update_components(guider=pag_guider)
    assert "guider" in t2i_pipeline.pretrained_component_names

    t2i_pipeline.push_to_hub("YiYiXu/modular-doc-guider")
    again = t2i_blocks.init_pipeline("YiYiXu/modular-doc-guider")
    assert again.guider is None
    again.load_components("guider")
    assert again.guider == t2i_pipeline.guider
