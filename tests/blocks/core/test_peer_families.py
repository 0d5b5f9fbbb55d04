"""Families that only diffusers has blocks for: opened by their index, planned, and told what its pipelines compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from family_rows import wan
from tiny_families import flux

import brickwork
from brickwork import CompositionError, InputError, ModularPipeline, TrustError
from brickwork.blocks import adopt
from brickwork.modular_pipelines import ComponentSpec, ModularPipelineBlocks, OutputParam


def with_index(folder: Path, file: str, **entries: Any) -> str:
    (folder / file).write_text(json.dumps({"_diffusers_version": "0.42.1", **entries}))
    return str(folder)


@pytest.mark.parametrize(
    ("file", "entries", "name"),
    [
        (
            "modular_model_index.json",
            {"_class_name": "FluxModularPipeline", "_blocks_class_name": "FluxAutoBlocks"},
            "flux",
        ),
        (
            "modular_model_index.json",
            {"_class_name": "FluxModularPipeline", "_blocks_class_name": "SequentialPipelineBlocks"},
            "flux",
        ),
        ("modular_model_index.json", {"_class_name": "FluxModularPipeline"}, "flux"),
        ("model_index.json", {"_class_name": "FluxPipeline"}, "flux"),
        ("model_index.json", {"_class_name": "QwenImageLayeredPipeline"}, "qwenimage-layered"),
        ("model_index.json", {"_class_name": "ZImagePipeline"}, "z-image"),
    ],
)
def test_an_index_of_a_family_of_diffusers_opens_with_its_blocks(
    tmp_path: Path, file: str, entries: dict[str, Any], name: str
) -> None:
    pipe = ModularPipeline.from_pretrained(with_index(tmp_path, file, **entries))
    assert pipe.blocks["text_encoder"].model_name == name
    assert "prompt" in pipe.blocks.input_names


@pytest.mark.parametrize(
    ("file", "entries", "words"),
    [
        ("model_index.json", {"_class_name": "OwnPipeline"}, "is a pipeline of 'Own'"),
        (
            "modular_model_index.json",
            {"_class_name": "ModularPipeline", "_blocks_class_name": "MyBlocks"},
            "names no model family .ModularPipeline of 'MyBlocks'., and brings no code",
        ),
        # A private name and a class of another kind are no blocks.
        (
            "modular_model_index.json",
            {"_class_name": "Own", "_blocks_class_name": "UNet2DConditionModel"},
            "is a pipeline of 'Own'",
        ),
    ],
)
def test_an_index_of_no_family_names_none(tmp_path: Path, file: str, entries: dict[str, Any], words: str) -> None:
    with pytest.raises(CompositionError, match=words):
        ModularPipeline.from_pretrained(with_index(tmp_path, file, **entries))


def test_a_choice_that_refuses_some_inputs_together_can_be_made_a_pipeline() -> None:
    from diffusers.modular_pipelines import Cosmos3OmniBlocks

    pipe = adopt(Cosmos3OmniBlocks).init_pipeline()
    assert "prompt" in pipe.blocks.input_names
    with pytest.raises(InputError, match="Pass either image or video, not both"):
        pipe.blocks.plan(["prompt", "image", "video"])


def test_image_to_image_needs_no_component_of_a_branch_that_cannot_run() -> None:
    from diffusers.modular_pipelines import QwenImageAutoBlocks

    blocks = adopt(QwenImageAutoBlocks)
    assert "controlnet" not in blocks.plan(["prompt", "image"]).components
    assert "controlnet" in blocks.plan(["prompt", "image", "control_image"]).components
    # What an earlier block of the workflow writes counts as there, so that one branch is left.
    assert "prepare_img2img_latents" in blocks.get_workflow("image2image")["denoise"].sub_blocks


class Sizes(ModularPipelineBlocks):
    """Ask for what diffusers' pipelines of a family compute."""

    model_name = "flux"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("vae", "diffusers:AutoencoderKL")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("scale"), OutputParam("height")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.scale, block_state.height = components.vae_scale_factor, components.default_height
        self.set_block_state(state, block_state)
        return components, state


def test_blocks_of_ours_are_told_what_pipelines_of_their_family_compute() -> None:
    from diffusers import AutoencoderKL

    pipe = Sizes().init_pipeline()
    pipe.update_components(
        vae=AutoencoderKL(
            block_out_channels=(4, 4),
            norm_num_groups=2,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
        )
    )
    assert pipe(output=["scale", "height"]) == {"scale": 2, "height": 256}
    assert pipe.vae_scale_factor == 2
    with pytest.raises(AttributeError, match="no component or attribute 'vae_scale_factr'"):
        _ = pipe.vae_scale_factr


class Words(ModularPipelineBlocks):
    """Expect what a factory makes, and text encoders."""

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [
            ComponentSpec("tokenizer", "transformers:AutoTokenizer"),
            ComponentSpec("model", "diffusers:AutoModel"),
            ComponentSpec("text_encoder", "transformers:UMT5EncoderModel"),
            ComponentSpec("other", "transformers:CLIPTextModelWithProjection"),
            ComponentSpec("guider", "diffusers:ClassifierFreeGuidance"),
        ]


def test_what_a_factory_makes_fits_and_text_encoders_of_one_architecture_do() -> None:
    pipe, parts = Words().init_pipeline(), flux()
    pipe.update_components(
        tokenizer=parts["tokenizer"],
        model=parts["vae"],
        text_encoder=parts["text_encoder_2"],
        other=parts["text_encoder"],
    )
    assert pipe.loaded_component_names == ["tokenizer", "model", "text_encoder", "other"]
    with pytest.raises(
        brickwork.ComponentError, match="'tokenizer' expects an AutoTokenizer, and got an AutoencoderKL"
    ):
        pipe.update_components(tokenizer=parts["vae"])
    with pytest.raises(brickwork.ComponentError, match="'tokenizer' expects an AutoTokenizer, and got a str"):
        pipe.update_components(tokenizer="somewhere")
    with pytest.raises(brickwork.ComponentError, match="'model' expects an AutoModel, and got a CLIPTokenizer"):
        pipe.update_components(model=parts["tokenizer"])
    with pytest.raises(
        brickwork.ComponentError, match="'text_encoder' expects a UMT5EncoderModel, and got a CLIPTextModel"
    ):
        pipe.update_components(text_encoder=parts["text_encoder"])


def test_classes_of_one_name_are_told_apart_by_their_library() -> None:
    other = type("CLIPTextModelWithProjection", (), {"__module__": "mine.models"})
    with pytest.raises(
        brickwork.ComponentError,
        match="'other' expects a transformers.CLIPTextModelWithProjection, and got a mine.CLIPTextModelWithProjection",
    ):
        Words().init_pipeline().update_components(other=other())


def test_guiders_of_both_libraries_take_the_place_of_one_of_diffusers() -> None:
    pipe = Words().init_pipeline()
    for guider in (
        brickwork.ClassifierFreeGuidance(),
        brickwork.AdaptiveProjectedGuidance(),
        diffusers.TangentialClassifierFreeGuidance(),
    ):
        pipe.update_components(guider=guider)
        assert pipe.guider is guider
    spec = ComponentSpec("guider", brickwork.AdaptiveProjectedGuidance, config={"guidance_scale": 3.0})
    spec.default_creation_method = "from_config"
    pipe.update_components(guider=spec)
    assert pipe.guider.guidance_scale == 3.0
    with pytest.raises(
        brickwork.ComponentError, match="'guider' expects an AdaptiveProjectedGuidance, and got a DDIMScheduler"
    ):
        pipe.update_components(guider=diffusers.DDIMScheduler())
    with pytest.raises(
        brickwork.ComponentError, match="'tokenizer' expects an AutoTokenizer, and got a ClassifierFreeGuidance"
    ):
        pipe.update_components(tokenizer=brickwork.ClassifierFreeGuidance())


@pytest.mark.parametrize("guider", [brickwork.ClassifierFreeGuidance(), diffusers.ClassifierFreeGuidance()])
def test_a_loop_that_asks_its_guider_for_more_takes_one_that_has_it(guider: Any) -> None:
    pipe = adopt(diffusers.LTX2AutoBlocks).init_pipeline()
    with pytest.raises(
        brickwork.ComponentError, match="'guider' expects an LTX2Guidance, and got a ClassifierFreeGuidance"
    ):
        pipe.update_components(guider=guider)
    own = diffusers.LTX2Guidance(guidance_scale=2.0)
    pipe.update_components(guider=own)
    assert pipe.guider is own


def test_what_some_blocks_of_a_composition_name_fits_beside_what_the_first_does(tmp_path: Path) -> None:
    """Those of Wan 2.2 VACE name the class of Wan 2.2 where they read its configuration alone."""
    pipe = adopt(diffusers.Wan22VaceBlocks).init_pipeline()
    network = wan.vace()
    pipe.update_components(transformer=network, transformer_2=network)
    assert pipe.transformer is network
    with pytest.raises(brickwork.ComponentError, match="'transformer' expects a WanTransformer3DModel, and got a"):
        adopt(diffusers.Wan22VaceBlocks).init_pipeline().update_components(transformer=flux()["transformer"])
    network.save_pretrained(tmp_path / "transformer")
    place = {"pretrained_model_name_or_path": str(tmp_path), "subfolder": "transformer"}
    entry = [
        "diffusers",
        "WanVACETransformer3DModel",
        {**place, "type_hint": ["diffusers", "WanVACETransformer3DModel"]},
    ]
    opened = brickwork.from_pretrained(
        with_index(tmp_path, "modular_model_index.json", _class_name="Wan22VaceModularPipeline", transformer=entry)
    )
    opened.load_components("transformer")
    assert type(opened.transformer) is type(network)


MODEL = """
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config


class Own(ModelMixin, ConfigMixin):
    @register_to_config
    def __init__(self, size=4):
        super().__init__()
        self.linear = torch.nn.Linear(size, size)
"""


class Custom(ModularPipelineBlocks):
    """Expect a model with code of its own."""

    place = ""

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("model", "diffusers:AutoModel", pretrained_model_name_or_path=self.place)]


def test_a_grant_that_does_not_reach_a_component_is_not_recommended_again(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    (tmp_path / "modeling.py").write_text(MODEL)
    config = {"_class_name": "Own", "auto_map": {"AutoModel": "modeling.Own"}, "size": 4}
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = {"linear.weight": torch.eye(4), "linear.bias": torch.zeros(4)}
    save_file(weights, tmp_path / "diffusion_pytorch_model.safetensors")
    blocks = Custom()
    blocks.place = str(tmp_path)
    pipe = blocks.init_pipeline()
    with pytest.raises(TrustError) as refused:
        pipe.load_components(trust_remote_code=True)
    text = str(refused.value)
    assert "trust_remote_code of load_components() is for the repository of the pipeline, which has none" in text
    assert "brings code of its own (modeling.py)" in text
    assert "Read it, then grant" not in text
    advice = "pipe.update_components(model=pipe.get_component_spec('model').load(trust_remote_code=True))"
    assert advice in text
    exec(advice, {"pipe": pipe})
    assert torch.equal(pipe.model.linear.weight, torch.eye(4))
