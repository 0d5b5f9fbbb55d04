"""What blocks ask of a component beside its class: members that they read or call, and what a component lacks of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from ..state.errors import with_article

_NOTHING = object()


@frozen
class AskedMember:
    """A member that is read or called.

    Attributes:
        name: as it is read from the component; "config.num_train_timesteps" is a setting of its class. meaning: what it is, in words.
        given: how many values it is called with by position; None for what is only read. named: what it is given by name.
        of_flows: schedulers of flow matching have it, too.
    """

    name: str
    meaning: str
    given: int | None = None
    named: tuple[str, ...] = ()
    of_flows: bool = True

    def fault(self, component: object) -> str | None:
        """Say that a component has it not, or takes other arguments; None for nothing."""
        setting = self.name.removeprefix("config.")
        if setting != self.name:
            # A class of another library has no configuration.
            is_there = not isinstance(getattr(component, "config", None), Mapping) or _is_own_setting(
                component, setting
            )
            return None if is_there else self._missing()
        found = getattr(component, self.name, _NOTHING)
        if found is _NOTHING:
            return self._missing()
        return None if self.given is None else self._call_fault(found)

    def _missing(self) -> str:
        return f"it has no {self.name} ({self.meaning})"

    def _call_fault(self, found: Any) -> str | None:
        try:
            inspect.signature(found).bind(*[None] * (self.given or 0), **dict.fromkeys(self.named))
        except TypeError as error:
            return f"its {self.name} ({self.meaning}) is called in another way: {error}"
        except ValueError:  # a function of a compiled module, which says nothing of its arguments
            return None
        return None


# diffusers' `from_config` also keeps settings of the class that the configuration was of, which say nothing of this one.
def _is_own_setting(component: object, setting: str) -> bool:
    parameters = inspect.signature(type(component).__init__).parameters
    return setting in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


FIRST_NOISE = AskedMember("init_noise_sigma", "how strong the first noise is", of_flows=False)
SCALE_INPUT = AskedMember(
    "scale_model_input", "latents as the denoiser expects them at a noise level", given=2, of_flows=False
)
SET_STEPS = AskedMember("set_timesteps", "chooses the timesteps of a run", given=1, named=("device",))
STEP = AskedMember("step", "goes from one noise level to the next", given=3, named=("return_dict",))
ADD_NOISE = AskedMember("add_noise", "noise on an image, as much as a timestep has", given=3)
ORDER = AskedMember("order", "how often the denoiser is called for a step")
LEVELS = AskedMember("config.num_train_timesteps", "how many timesteps the denoiser was trained with")
"""What the standard blocks ask of schedulers."""


def lacking(component: object, members: Iterable[AskedMember]) -> list[str]:
    """Say what a component lacks of members, each in words."""
    return [fault for member in members if (fault := member.fault(component)) is not None]


@frozen
class Lack:
    """What blocks miss of a component; `advice` says what to take in its place."""

    name: str
    component: object
    faults: tuple[str, ...]
    advice: str = ""

    def __str__(self) -> str:
        what = f"{self.name!r} is {with_article(type(self.component).__name__)}, which the blocks cannot run"
        return f"{what}: {'; '.join(self.faults)}. {self.advice}".rstrip()


def joined(lacks: Iterable[Lack]) -> list[Lack]:
    """Return one for each component, with what all blocks miss of it."""
    found: dict[str, Lack] = {}
    for each in lacks:
        known = found.get(each.name, each)
        found[each.name] = evolve(known, faults=tuple(dict.fromkeys((*known.faults, *each.faults))))
    return list(found.values())


_ASKED: dict[type, dict[str, tuple[AskedMember, ...]]] = {}


# Beside the classes and not in them: a block's body is its code, and recipes would say of each that it is another one now.
def asks(block: type, **roles: tuple[AskedMember, ...]) -> None:
    """Note which members a block, and those that derive from it, ask of the components that play its roles."""
    _ASKED.setdefault(block, {}).update(roles)


def asked_by(block: type, role: str) -> tuple[AskedMember, ...]:
    """Return what a block asks of the component that plays a role."""
    return next((_ASKED[cls][role] for cls in block.__mro__ if role in _ASKED.get(cls, ())), ())
