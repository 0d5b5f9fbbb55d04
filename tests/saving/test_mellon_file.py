"""Mellon's own reader, which diffusers has, reads what is saved for it."""

from __future__ import annotations

from pathlib import Path

from diffusers.modular_pipelines.mellon_node_utils import MellonPipelineConfig

from brickwork import find_preset
from brickwork.saving.mellon_file import mellon_config


def test_a_saved_pipeline_is_a_node_that_mellon_reads(tmp_path: Path) -> None:
    pipe = find_preset("sdxl.text2image").init_pipeline()
    pipe.save_pretrained(tmp_path / "drawing")
    found = MellonPipelineConfig.load(tmp_path / "drawing")
    node = found.node_params["custom"]
    assert found.label == "drawing"
    assert set(node["input_names"]) == set(pipe.input_schema()["properties"])
    assert node["model_input_names"] == list(pipe.pretrained_component_names)
    assert node["output_names"] == list(pipe.outputs)
    assert set(node["params"]) == {*node["input_names"], *node["model_input_names"], *node["output_names"]}
    assert node["params"]["prompt"]["label"] == "Prompt *"
    assert node["params"]["num_inference_steps"]["type"] == "int"
    assert node["params"]["unet"] == {"label": "Unet", "type": "diffusers_auto_model", "display": "input"}


def test_values_are_of_the_kinds_that_mellon_has_with_their_bounds() -> None:
    schema = {
        "required": ["latents"],
        "properties": {
            "latents": {"x-type": "Tensor"},
            "strength": {"anyOf": [{"type": "number"}, {"type": "null"}], "minimum": 0, "maximum": 1, "default": 0.3},
            "image": {"x-role": "image"},
        },
    }
    node = mellon_config("x", schema, (), ("latents", "images"))["node_params"]["custom"]
    assert node["params"] == {
        "latents": {"label": "Latents *", "type": "custom", "display": "input"},
        "strength": {"label": "Strength", "type": "float", "min": 0, "max": 1, "default": 0.3},
        "image": {"label": "Image", "type": "image", "display": "input"},
        "out_latents": {"label": "Latents", "type": "custom", "display": "output"},
        "images": {"label": "Images", "type": "image", "display": "output"},
    }
    assert node["output_names"] == ["out_latents", "images"]
