"""Settings of a pipeline that its blocks declare, each with one value for all of them."""

from __future__ import annotations

from typing import Any

from ..state import InputError
from ..state.errors import did_you_mean
from ..state.named_values import NamedValues
from .recipes.noted_values import written_input


class PipelineConfig(NamedValues[Any]):
    """Settings of a pipeline, by name and by attribute. It is replaced, never edited."""

    _called = "config"

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"There is no config {name!r}. {did_you_mean(name, self)}")

    def __reduce__(self) -> Any:
        return PipelineConfig, (dict(self),)

    def written(self) -> dict[str, Any]:
        """Return it as recipes have it."""
        return {name: written_input(value) for name, value in self.items()}

    def _refuse(self, *_: object, **__: object) -> Any:
        raise InputError("A pipeline's config is frozen: use pipe.update_config(name=value).")

    __setitem__ = __setattr__ = __delitem__ = update = pop = clear = setdefault = _refuse
