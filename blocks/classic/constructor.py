"""What the constructor of a classic pipeline takes: components, and settings of the pipeline."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from attrs import frozen

from ...registry import ComponentSpec
from ...state import ConfigSpec
from .docstrings import argument_words
from .hints import component_class, parameters_of

_KEEPS_RUN = ("set_timesteps", "set_state")
"""Methods of components that keep a run's state in themselves: schedulers and diffusers' guiders."""
_WRONG = {("AudioDiffusionPipeline", "unet"), ("SkyReelsV2ImageToVideoPipeline", "image_processor")}
"""Parameters of diffusers 0.42.1 whose type is not what released repositories hold: a UNet2DModel, and a CLIPImageProcessor."""


@frozen
class Constructor:
    """The arguments of a pipeline's constructor.

    Attributes:
        components: what has weights or files. configs: what an index holds as plain values.
        optional: components without which the class can be made. mutated: those that keep the state of a run.
    """

    components: tuple[ComponentSpec, ...]
    configs: tuple[ConfigSpec, ...]
    optional: frozenset[str]
    mutated: tuple[str, ...]


@cache
def constructor_of(cls: type) -> Constructor:
    """Read the constructor of a pipeline's class; nothing is made."""
    own: Any = cls
    components, configs, optional, mutated = [], [], set[str](), []
    words = {**argument_words(own.__init__.__doc__ or ""), **argument_words(own.__doc__ or "")}
    declared_optional = set(getattr(own, "_optional_components", ()))
    for name, parameter in parameters_of(own.__init__).items():
        found = object if (own.__name__, name) in _WRONG else component_class(parameter.annotation)
        if not _is_component(parameter, found):
            default = None if parameter.default is parameter.empty else parameter.default
            configs.append(ConfigSpec(name, default, words.get(name, ""), parameter.annotation))
            continue
        components.append(ComponentSpec(name, None if found is object else found, words.get(name, "")))
        if name in declared_optional or parameter.default is None:
            optional.add(name)
        if _keeps_run(name, found):
            mutated.append(name)
    return Constructor(tuple(components), tuple(configs), frozenset(optional), tuple(mutated))


def _is_component(parameter: inspect.Parameter, found: type | None) -> bool:
    if found is not None or parameter.annotation is not None:
        return found is not None
    # Without an annotation that can be read: settings have a plain default.
    return parameter.default is parameter.empty or parameter.default is None


def _keeps_run(name: str, found: type | None) -> bool:
    return name.endswith("scheduler") or any(hasattr(found, method) for method in _KEEPS_RUN)
