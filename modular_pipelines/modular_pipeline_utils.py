"""The names of diffusers' module of the same name."""

from ..blocks import InsertableDict
from ..registry import ComponentSpec
from ..state import ConfigSpec, InputParam, OutputParam
from ..state.params import combine_inputs

__all__ = ["ComponentSpec", "ConfigSpec", "InputParam", "InsertableDict", "OutputParam", "combine_inputs"]
