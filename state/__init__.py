"""The words that blocks share: value types, declarations, state and errors. Needs neither torch nor diffusers."""

from .conditioning import Conditioning, Group
from .errors import (
    BrickworkError,
    ComponentError,
    CompositionError,
    DeclarationError,
    FrozenError,
    InputError,
    NoDigestError,
    ReplayError,
    RepoError,
    RunCancelledError,
    RunError,
    TrustError,
    UnknownNameError,
    UnknownWorkflowError,
)
from .outputs import Outputs
from .params import ConfigSpec, InputParam, OutputParam
from .pipeline_state import BlockState, MissingValueError, PipelineState
from .vocabulary import Value

if __name__ == "state":
    raise ImportError("Import this room as brickwork.state: under its bare name its classes would exist twice.")

__all__ = [
    "BlockState",
    "BrickworkError",
    "ComponentError",
    "CompositionError",
    "Conditioning",
    "ConfigSpec",
    "DeclarationError",
    "FrozenError",
    "Group",
    "InputError",
    "InputParam",
    "MissingValueError",
    "NoDigestError",
    "OutputParam",
    "Outputs",
    "PipelineState",
    "ReplayError",
    "RepoError",
    "RunCancelledError",
    "RunError",
    "TrustError",
    "UnknownNameError",
    "UnknownWorkflowError",
    "Value",
]
