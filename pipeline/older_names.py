"""Names of diffusers' modular pipelines for what has another name here."""

from __future__ import annotations

import logging
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..registry import ComponentSpec
from ..state.user_warnings import caller_level

_logger = logging.getLogger("brickwork")


class OlderNames:
    """The part of a pipeline that answers to names of diffusers."""

    blocks: ModularPipelineBlocks
    specs: dict[str, ComponentSpec]
    repo_name: str | None

    @property
    def default_call_parameters(self) -> dict[str, Any]:
        """Every input with its default, as diffusers calls it; see `signature()` for a workflow's own."""
        return {param.name or f"**{param.kwargs_type}": param.default for param in self.blocks.all_inputs}

    def register_components(self, **components: object) -> None:
        """Put components in, as `update_components` does; names that no block expects are left out with a warning.

        Raises:
            ComponentError: an object is not of the class that the blocks expect.
        """
        unknown = [name for name in components if name not in self.specs]
        if unknown:
            _logger.warning(
                "register_components: no block expects %s.", ", ".join(map(repr, unknown)), stacklevel=caller_level()
            )
        self.update_components(**{name: given for name, given in components.items() if name in self.specs})

    def update_components(self, **components: object) -> None:
        """Replace components; see `PipelineComponents`."""
        raise NotImplementedError

    @property
    def _component_specs(self) -> dict[str, ComponentSpec]:
        return self.specs

    @property
    def _blocks(self) -> ModularPipelineBlocks:
        return self.blocks

    @property
    def _pretrained_model_name_or_path(self) -> str | None:
        return self.repo_name
