"""`component()` and `config()`: what a block's class body says about what it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import field, frozen

from ...state import ComponentError
from ...state.errors import named_thing
from ...state.object_content import UNCOUNTED
from ...state.types import is_type


@frozen(eq=False)
class ComponentSlot:
    """A component that a block uses. On a bound block, `self.<name>` is the component itself.

    A non-data descriptor: the bound copy's `__dict__` wins, and a definition raises.
    """

    config: dict[str, Any] | None = None
    mutates: bool = False
    # What a block computes does not hang on it, and recipes from before it stay true.
    trains: bool = field(default=False, metadata=UNCOUNTED)
    many: bool = False
    config_only: bool = False
    doc: str = field(default="", metadata=UNCOUNTED)
    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        # The class is frozen, and Python tells a descriptor its name only after it was made.
        object.__setattr__(self, "name", name)

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        raise ComponentError(
            f"{owner.__name__} is a definition and holds no {self.name!r}. Run it in a pipeline "
            f"(blocks.init_pipeline(...)), or give it one: {owner.__name__}({self.name}=...).run(...)"
        )


@frozen(eq=False)
class ConfigSlot:
    """A setting of the whole pipeline. On a bound block, `self.<name>` is its value; else its default."""

    default: Any = None
    doc: str = field(default="", metadata=UNCOUNTED)
    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __get__(self, instance: object, owner: type) -> Any:
        return self if instance is None else self.default


def component(
    *,
    config: dict[str, Any] | None = None,
    mutates: bool = False,
    trains: bool = False,
    many: bool = False,
    config_only: bool = False,
    doc: str = "",
) -> Any:
    """Declare a component: `vae: AutoencoderKL = component()`.

    Args:
        config: it has no weights and is made from this configuration, unless the repository says otherwise.
        mutates: the block changes its state (a scheduler's timesteps); every run then gets its own clone.
        trains: the block changes its weights, for good: it is never cloned, nothing that is computed with it is kept in a cache,
            and snapshots hold the parameters that learn.
        many: a role that the family's contract expands to several components (`text_encoders`).
        config_only: only `.config` is read, so its weights need not be where the computation is.
        doc: what it is for.
    """
    return ComponentSlot(config, mutates, trains, many, config_only, doc)


def config(default: object = None, *, doc: str = "") -> Any:
    """Declare a setting of the whole pipeline: `force_zeros: bool = config(True)`. It lies on `pipe.config`."""
    return ConfigSlot(default, doc)


def slot_faults(owner: type, components: Iterable[str]) -> Iterator[str]:
    """Say what is wrong with the slots in a class body: functions that were not called, objects for types."""
    for name, value in vars(owner).items():
        if value is component:
            yield f"{owner.__qualname__}: {name} is the function `component` itself; write {name}: ... = component()."
        elif value is config:
            yield f"{owner.__qualname__}: {name} is the function `config` itself; write {name}: ... = config(default)."
        elif isinstance(value, ComponentSlot) and value.trains and (value.mutates or value.config_only):
            yield (
                f"{owner.__qualname__}: {name} trains, so each run changes the component itself and not a clone of it, and needs its weights; "
                f"write {name}: ... = component(trains=True) alone."
            )
    annotations = inspect.get_annotations(owner)
    for name in components:
        if name in annotations and not is_type(annotations[name]):
            yield slot_type_fault(owner, name, annotations[name])


def slot_type_fault(owner: type, name: str, hint: object) -> str:
    """Say that a component is annotated with something that is no type."""
    return (
        f"{owner.__qualname__}: the annotation of the component {name!r} is {named_thing(hint)}, and no type; write the class "
        f"without brackets: {name}: {type(hint).__name__} = component()."
    )


def class_fault(owner: type, name: str, given: object, hint: Callable[[], object]) -> str | None:
    """Say that a component was given as the class of which an object is meant; None if it was not.

    Args:
        hint: gives the type of the component, which is resolved only where a class was given.
    """
    classes = [each for each in (given if isinstance(given, (list, tuple)) else (given,)) if isinstance(each, type)]
    for each in classes:
        # A class that is used as it is stands for a component in tests; what is made of files or a configuration never does.
        if hasattr(each, "from_config") or hasattr(each, "from_pretrained") or _is_of(each, hint()):
            call = f"{owner.__name__}({name}={each.__name__}(...))"
            return f"{owner.__name__}: {name} is the class {each.__name__}; give an object of it, {call}."
    return None


def _is_of(given: type, hint: object) -> bool:
    return isinstance(hint, type) and not getattr(hint, "_is_protocol", False) and issubclass(given, hint)
