"""The names of what a block declares: its inputs, outputs and components."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...registry import ComponentSpec
    from ...state import InputParam, OutputParam


class DeclaredNames:
    """The names in the declarations of a block."""

    # The attributes of blocks are those of `ModularPipelineBlocks`.
    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def all_inputs(self) -> list[InputParam]: ...
        @property
        def outputs(self) -> list[OutputParam]: ...
        @property
        def intermediate_outputs(self) -> list[OutputParam]: ...
        @property
        def expected_components(self) -> list[ComponentSpec]: ...

    @property
    def required_inputs(self) -> list[str]:
        """Names of the inputs that must be given."""
        return [param.name for param in self.all_inputs if param.required and param.name]

    @property
    def input_names(self) -> list[str]:
        """Names of all inputs."""
        return [param.name for param in self.all_inputs if param.name]

    @property
    def intermediate_output_names(self) -> list[str]:
        """Names of the values that the block writes."""
        return [output.name for output in self.intermediate_outputs]

    @property
    def output_names(self) -> list[str]:
        """Another name of `intermediate_output_names`."""
        return [output.name for output in self.outputs]

    @property
    def component_names(self) -> list[str]:
        """Names of the components that the block uses."""
        return [str(spec.name) for spec in self.expected_components]
