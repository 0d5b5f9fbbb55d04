"""A composition of ours as one block of diffusers' modular pipelines; repositories that we save bring a file that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block_catalog import BlockResolver
from ..blocks.core.describe import document
from ..blocks.core.interface import description_of
from ..guiders import Guider, guider_of
from ..registry import ComponentSpec
from ..state.value_data import value_of_data
from .composition import compose


def blocks_for_diffusers(
    composition: Mapping[str, Any], created: Mapping[str, Any], classes: Mapping[str, type], module: str
) -> type[Any]:
    """Make the class that diffusers imports.

    Args:
        composition: as `describe` writes it. created: components that are made from configurations of their own.
        classes: its custom blocks, by reference. module: that it belongs to.

    Raises:
        CompositionError: diffusers cannot run it, because it asks for what only a pipeline of ours has.
    """
    from diffusers.modular_pipelines import ModularPipelineBlocks as PeerBlocks

    blocks = compose(composition, BlockResolver(dict(classes)))
    guiders = {name: cls for name, cls in classes.items() if isinstance(cls, type) and issubclass(cls, Guider)}
    peers = _Translation(blocks, created, guiders)

    # Of None nothing is passed on: diffusers' state has None for what nobody gave, and ours would take it as given.
    def call(_: object, components: object, state: Any) -> Any:
        given = {p.name: state.get(p.name) for p in blocks.all_inputs if p.name and state.get(p.name) is not None}
        result = run_in_diffusers(blocks, components, given, peers.guiders)
        for output in blocks.intermediate_outputs:
            if output.name in result:
                state.set(output.name, result[output.name], output.kwargs_type)
        return components, state

    body = {
        "__module__": module,
        "__call__": call,
        "model_name": _model_name(blocks),
        "description": _constant(description_of(blocks) or type(blocks).__name__),
        "doc": _constant(document(blocks)),
        # As properties, which is how diffusers' blocks declare them.
        "expected_components": _constant(peers.components()),
        "expected_configs": _constant(peers.configs()),
        "inputs": _constant(peers.inputs()),
        "intermediate_outputs": _constant(peers.outputs()),
    }
    return type("BrickworkBlocks", (PeerBlocks,), body)


def _constant(value: object) -> property:
    return property(lambda _: list(value) if isinstance(value, list) else value)


def run_in_diffusers(
    blocks: ModularPipelineBlocks, components: Any, given: dict[str, Any], guiders: Mapping[str, Guider]
) -> dict[str, Any]:
    """Run blocks with the components of a pipeline of diffusers, and return all values.

    Args:
        guiders: for those that the pipeline does not have.

    Raises:
        ComponentError: a component is missing. InputError: inputs do not fit.
    """
    pipe = blocks.init_pipeline()
    held = {name: getattr(components, name, None) or guiders.get(name) for name in pipe.component_names}
    pipe.update_components(**{name: component for name, component in held.items() if component is not None})
    settings = {
        n: getattr(components.config, n) for n in pipe.config if getattr(components.config, n, None) is not None
    }
    pipe.update_config(**settings)
    bars: dict[str, Any] = getattr(components, "_progress_bar_config", None) or {}
    pipe.configure(progress=not bars.get("disable", False))
    state = pipe(**given)
    return dict(state.values)


def _model_name(blocks: ModularPipelineBlocks) -> str | None:
    from ..blocks.core.flattening import walk

    # diffusers chooses the class of the pipeline by it; of two families there is none.
    names = {block.model_name for _, block in walk(blocks) if block.model_name}
    return names.pop() if len(names) == 1 else None


class _Translation:
    """Declarations in diffusers' words."""

    def __init__(
        self, blocks: ModularPipelineBlocks, created: Mapping[str, Any], own: Mapping[str, type[Guider]]
    ) -> None:
        self.blocks = blocks
        self.created = created
        self.own = own

    def components(self) -> list[Any]:
        specs = {str(spec.name): spec for spec in self.blocks.expected_components}
        return [
            _component(spec, self.guiders.get(name))
            for name, spec in specs.items()
            if name not in self.guiders or _guider_there(self.guiders[name]) is not None
        ]

    @cached_property
    def guiders(self) -> dict[str, Guider]:
        """Guiders as they were saved, else as the blocks want them."""
        found = {}
        for spec in self.blocks.expected_components:
            if isinstance(spec.type_hint, type) and issubclass(spec.type_hint, Guider):
                config = self.created.get(str(spec.name))
                found[str(spec.name)] = (
                    guider_of(value_of_data(config), self.own) if config is not None else spec.copy().create()
                )
        return found

    def configs(self) -> list[Any]:
        from diffusers.modular_pipelines.modular_pipeline_utils import ConfigSpec

        return [ConfigSpec(spec.name, spec.default, spec.description) for spec in self.blocks.expected_configs]

    def inputs(self) -> list[Any]:
        from diffusers.modular_pipelines.modular_pipeline_utils import InputParam

        names = ("name", "type_hint", "default", "required", "description", "kwargs_type")
        return [InputParam(**{name: getattr(param, name) for name in names}) for param in self.blocks.all_inputs]

    def outputs(self) -> list[Any]:
        from diffusers.modular_pipelines.modular_pipeline_utils import OutputParam

        return [
            OutputParam(output.name, output.type_hint, output.description, output.kwargs_type)
            for output in self.blocks.intermediate_outputs
        ]


def _guider_there(guider: Guider) -> Any:
    """Return diffusers' own class for a guider; None where it has none, or none with these settings."""
    import diffusers

    there = getattr(diffusers, type(guider).__name__, None)
    try:
        # Made once, because only its constructor knows whether it takes these settings.
        return None if there is None else there(**guider.config) and there
    except (TypeError, ValueError):
        return None


def _component(spec: ComponentSpec, guider: Guider | None) -> Any:
    """Return a spec of diffusers. Guiders that it does not have are not named; the run takes ours."""
    from diffusers.configuration_utils import FrozenDict
    from diffusers.modular_pipelines.modular_pipeline_utils import ComponentSpec as PeerSpec

    config = spec.config if guider is None else guider.config
    return PeerSpec(
        name=spec.name,
        type_hint=spec.type_hint if guider is None else _guider_there(guider),
        description=spec.description,
        config=FrozenDict(config) if config is not None else None,
        default_creation_method=spec.default_creation_method,
    )
