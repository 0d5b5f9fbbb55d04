"""The names of diffusers' module of the same name; what only reads declarations and writes text is diffusers' own."""

from diffusers.modular_pipelines.modular_pipeline_utils import (
    combine_outputs,
    format_components,
    format_configs,
    format_input_params,
    format_output_params,
    generate_modular_model_card_content,
    make_doc_string,
)

from ..blocks import InsertableDict
from ..registry import ComponentSpec
from ..state import ConfigSpec, InputParam, OutputParam
from ..state.params import combine_inputs

__all__ = [
    "ComponentSpec",
    "ConfigSpec",
    "InputParam",
    "InsertableDict",
    "OutputParam",
    "combine_inputs",
    "combine_outputs",
    "format_components",
    "format_configs",
    "format_input_params",
    "format_output_params",
    "generate_modular_model_card_content",
    "make_doc_string",
]
