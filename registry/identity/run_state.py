"""Which attributes of a scheduler are the state of a run: what beginning a run sets anew says nothing of what it computes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_known: dict[tuple[type, str], frozenset[str]] = {}


def run_state_names(component: Any) -> frozenset[str]:
    """Return attributes that `set_timesteps` gives a scheduler that has just been made; none for other components."""
    make = getattr(type(component), "from_config", None)
    if make is None or not hasattr(component, "set_timesteps"):
        return frozenset()
    # By configuration as well: some attributes are only there, or only reset, with certain options.
    key = (type(component), json.dumps(dict(component.config), sort_keys=True, default=repr))
    if key not in _known:
        _known[key] = _found(make, component.config)
    return _known[key]


def _found(make: Callable[[object], Any], config: Any) -> frozenset[str]:
    # Without the list of what has its default: diffusers counts arguments that were given by position among them, and would drop them.
    given = {name: value for name, value in config.items() if name != "_use_default_values"}
    fresh, begun = make(given), make(given)
    try:
        # Few steps are enough: which attributes it sets does not hang on their number.
        begun.set_timesteps(2)
    except (TypeError, ValueError, RuntimeError):  # flow matching with dynamic shifting wants the size of the image
        try:
            begun.set_timesteps(2, mu=1.0)
        except (TypeError, ValueError, RuntimeError):
            return frozenset()
    before, after = vars(fresh), vars(begun)
    changed = {name for name, value in after.items() if name not in before or not _is_same(before[name], value)}
    # That the scale was asked for is noted for a warning alone.
    changed.add("is_scale_input_called")
    return frozenset(changed | {name for name, value in before.items() if value is None and _is_reset(begun, name)})


def _is_reset(begun: Any, name: str) -> bool:
    """Return whether beginning a run puts an attribute back to None, such as the number of the step."""
    mark = 1
    vars(begun)[name] = mark
    try:
        begun.set_timesteps(2)
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return False
    finally:
        is_reset = vars(begun).get(name) is not mark
        vars(begun)[name] = None
    return is_reset


def _is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if hasattr(type(one), "untyped_storage") and type(one) is type(other):
        return bool(one.shape == other.shape and (one == other).all())
    return type(one) is type(other) and type(one) in (bool, int, float, str) and bool(one == other)
