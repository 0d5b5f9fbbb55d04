"""Whether a component is the same as another one, whatever kind it is, and in words what is not."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

from ...state.errors import with_article
from .component_identity import identity_of
from .same_model import model_differences
from .setting_content import content_of, differing_words, words_of

if TYPE_CHECKING:
    import torch

_NOTES = (
    "_brickwork_",
    "_diffusers_",
    "name_or_path",
    "_name_or_path",
    "_internal_dict",
    "config",
    "is_scale_input_called",
    "image_processor_type",
    "feature_extractor_type",
)
_STEPS = 10


def component_differences(live: Any, other: Any, dtype: torch.dtype | None = None) -> list[str]:
    """Say, a sentence each, in what a component differs from one that was made of its files.

    Args:
        dtype: the number format that a model would be cast to on loading.
    """
    if type(live) is not type(other):
        return [f"it is {with_article(words_of(type(live)))}, and once opened {with_article(words_of(type(other)))}."]
    if hasattr(live, "named_parameters"):
        return model_differences(live, other, dtype)
    if hasattr(live, "get_added_vocab"):
        same = identity_of(live) == identity_of(other)
        return [] if same else ["its words or settings are others once it is opened again."]
    if hasattr(live, "set_timesteps"):
        # A scheduler that was used holds the timesteps of its last run, which the next one replaces.
        live, other = _begun(live), _begun(other)
    return _attribute_differences(live, other)


def _begun(scheduler: Any) -> Any:
    """Return a copy of a scheduler at the beginning of a run, so that what an earlier run left in it does not count."""
    begun = copy.deepcopy(scheduler)
    known = inspect.signature(begun.set_timesteps).parameters
    try:
        begun.set_timesteps(_STEPS, **({"mu": 1.0} if "mu" in known else {}))
    except (
        AssertionError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
    ):  # it takes other numbers of steps, or more arguments
        return copy.deepcopy(scheduler)
    return begun


def _attribute_differences(live: object, other: object) -> list[str]:
    if isinstance(live, dict) or not hasattr(live, "__dict__"):
        return [] if content_of(live) == content_of(other) else ["it is another one once it is opened again."]
    ours, theirs = vars(live), vars(other)
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name.startswith(_NOTES):
            continue
        one, two = ours.get(name), theirs.get(name)
        if hasattr(one, "save_pretrained") and hasattr(two, "save_pretrained"):
            found += [f"{name}: {each}" for each in component_differences(one, two)]
        elif content_of(one) != content_of(two):
            words = differing_words(one, two)
            found.append(f"{name} is {words[0]}, and once opened again {words[1]}.")
    settings = [_settings(each) for each in (live, other)]
    if content_of(settings[0]) != content_of(settings[1]):
        names = [
            n
            for n in settings[0].keys() | settings[1].keys()
            if content_of(settings[0].get(n)) != content_of(settings[1].get(n))
        ]
        found += [
            f"config.{n} is {words_of(settings[0].get(n))}, and once opened again {words_of(settings[1].get(n))}."
            for n in sorted(names)
        ]
    return found


def _settings(component: object) -> dict[str, Any]:
    """Return the configuration that diffusers' classes register, without notes of the file."""
    config: Any = getattr(component, "config", None)
    return (
        {name: value for name, value in config.items() if not str(name).startswith("_")}
        if hasattr(config, "items")
        else {}
    )
