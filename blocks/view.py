"""What blocks see of a pipeline during a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..guiders import Guider, StatefulGuider
from ..registry import families
from ..state import InputError
from ..state.errors import did_you_mean
from .contract import UNBOUND, FamilyContract
from .recipe_values import written_input


class PipelineConfig(dict[str, Any]):
    """Settings of a pipeline, by name and by attribute. It is replaced, never edited."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"There is no config {name!r}. {did_you_mean(name, self)}")

    def __reduce__(self) -> Any:
        return PipelineConfig, (dict(self),)

    def written(self) -> dict[str, Any]:
        """As recipes have it."""
        return {name: written_input(value) for name, value in self.items()}

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise InputError("A pipeline's config is frozen: use pipe.update_config(name=value).")

    __setitem__ = __setattr__ = __delitem__ = update = pop = clear = setdefault = _refuse


class ComponentsView:
    """The object that foreign blocks know as `components`: this run's components, then the pipeline itself."""

    def __init__(self, pipeline: Any, components: Mapping[str, Any]) -> None:
        self._pipeline = pipeline
        self._components = components
        self._guiders: dict[str, StatefulGuider] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in self._components:
            return getattr(self._pipeline, name)
        component = self._components[name]
        if not isinstance(component, Guider):
            return component
        # Foreign code tells its guider the step: within a run it must stay one object.
        if name not in self._guiders:
            self._guiders[name] = StatefulGuider(component)
        return self._guiders[name]


class FamilyView:
    """The same for blocks that name their model family: besides, what pipelines of that family know."""

    def __init__(self, components: Any, family: FamilyContract) -> None:
        self._inner = components
        self._family = family

    def __getattr__(self, name: str) -> Any:
        if name in self._family.pipeline_properties:
            return self._family.pipeline_properties[name](self._inner)
        return getattr(self._inner, name)


def view_for(block: Any, components: Any) -> Any:
    """What a block gets as `components`: with the properties of its family, if there is a contract for it."""
    name = block.model_name
    family = block.family
    if family is UNBOUND and name in families:
        family = families.get(name)
    return components if family is UNBOUND else FamilyView(components, family)


def unwrapped(component: Any) -> Any:
    """The component behind what foreign blocks see of it."""
    return component.guider if isinstance(component, StatefulGuider) else component
