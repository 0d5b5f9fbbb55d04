"""`component()` and `config()`: what a block's class body says about what it needs."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ...state import ComponentError
from ...state.object_content import UNCOUNTED


@frozen(eq=False)
class ComponentSlot:
    """A component that a block uses. On a bound block, `self.<name>` is the component itself.

    A non-data descriptor: the bound copy's `__dict__` wins, and a definition raises.
    """

    config: dict[str, Any] | None = None
    mutates: bool = False
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
    many: bool = False,
    config_only: bool = False,
    doc: str = "",
) -> Any:
    """Declare a component: `vae: AutoencoderKL = component()`.

    Args:
        config: it has no weights and is made from this configuration, unless the repository says otherwise.
        mutates: the block changes its state (a scheduler's timesteps); every run then gets its own clone.
        many: a role that the family's contract expands to several components (`text_encoders`).
        config_only: only `.config` is read, so its weights need not be where the computation is.
        doc: what it is for.
    """
    return ComponentSlot(config, mutates, many, config_only, doc)


def config(default: object = None, *, doc: str = "") -> Any:
    """Declare a setting of the whole pipeline: `force_zeros: bool = config(True)`. It lies on `pipe.config`."""
    return ConfigSlot(default, doc)
