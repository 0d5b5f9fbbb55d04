"""What blocks see of a pipeline during a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..state import InputError
from ..state.errors import did_you_mean


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

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise InputError("A pipeline's config is frozen: use pipe.update_config(name=value).")

    __setitem__ = __setattr__ = __delitem__ = update = pop = clear = setdefault = _refuse


class ComponentsView:
    """The object that foreign blocks know as `components`: this run's components, then the pipeline itself."""

    def __init__(self, pipeline: Any, components: Mapping[str, Any]) -> None:
        self._pipeline = pipeline
        self._components = components

    def __getattr__(self, name: str) -> Any:
        if name in self._components:
            return self._components[name]
        return getattr(self._pipeline, name)
