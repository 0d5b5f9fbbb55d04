"""The words that blocks share: value types, declarations, state and errors. Needs neither torch nor diffusers.

Errors are there at once. All else is imported when it is first used, so that the command line's help and errors are quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .errors import (
    BrickworkError,
    ComponentError,
    CompositionError,
    DeclarationError,
    Fault,
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

if TYPE_CHECKING:
    from .conditioning import Conditioning as Conditioning
    from .conditioning import Group as Group
    from .outputs import Outputs as Outputs
    from .params import ConfigSpec as ConfigSpec
    from .params import InputParam as InputParam
    from .params import OutputParam as OutputParam
    from .pipeline_state import BlockState as BlockState
    from .pipeline_state import MissingValueError as MissingValueError
    from .pipeline_state import PipelineState as PipelineState
    from .vocabulary import Value as Value

if __name__ == "state":
    raise ImportError("Import this room as brickwork.state: under its bare name its classes would exist twice.")

_HOME = {
    "Conditioning": "conditioning",
    "Group": "conditioning",
    "Outputs": "outputs",
    "ConfigSpec": "params",
    "InputParam": "params",
    "OutputParam": "params",
    "BlockState": "pipeline_state",
    "MissingValueError": "pipeline_state",
    "PipelineState": "pipeline_state",
    "Value": "vocabulary",
}

__all__ = [
    "BlockState",
    "BrickworkError",
    "ComponentError",
    "CompositionError",
    "Conditioning",
    "ConfigSpec",
    "DeclarationError",
    "Fault",
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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
