"""What a repeated run is given: plain inputs and random states from the recipe, the rest from who repeats it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

from ...state.errors import did_you_mean
from ..recipes.recipe import Recipe

# States are 5 KB on the CPU and 16 bytes on CUDA; a recipe is of anybody, and zlib packs a thousandfold.
_LARGEST_STATE = 1 << 16


def values_of(recipe: Recipe, given: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    """Gather the inputs of a run; what is missing, or another one than it was, is added to the faults."""
    missing = recipe.missing_inputs
    for name, kind in missing.items():
        if name not in given:
            faults.append(f"{name} ({kind}) is in the recipe by its digest only; give it: replay(..., {name}=...).")
        elif not recipe.is_input(name, given[name]):
            faults.append(f"{name} is another one than the run had ({kind}).")
    faults += [_no_input(name, missing) for name in given if name not in missing]
    try:
        values = {**recipe.inputs, **{name: given[name] for name in missing if name in given}}
        met: list[Any] = []
        for name, entries in recipe["generators"].items():
            made = [_generator(entry, met) for entry in entries]
            values[name] = made[0] if len(made) == 1 else made
        # A block that wrote into one of the two had changed the other with it.
        for first, *others in recipe.to_dict().get("shared") or ():
            values.update({name: values[first] for name in others if name in values and first in values})
    except (IndexError, KeyError, TypeError, ValueError, RuntimeError, zlib.error) as error:
        faults.append(f"The recipe is broken: {error!r}.")
        return {}
    return values


def _no_input(name: str, missing: Mapping[str, str]) -> str:
    if name == "trust_remote_code":
        return (
            "replay runs no code of files, so it takes no trust_remote_code. Open the repository that has the blocks with it, and give those: "
            "blocks=pipe.blocks, components=pipe."
        )
    return f"{name!r} is no input that the recipe lacks. {did_you_mean(name, missing)}"


def _generator(entry: Mapping[str, Any], met: list[Any]) -> Any:
    """Make a random generator as it was, or take the earlier one that it is.

    Raises:
        RuntimeError: there is no such device here. IndexError: there is no such earlier one.
    """
    import torch

    # As one object, because draws for one item move on the state for the next.
    if "is" in entry:
        return met[entry["is"]]

    generator = torch.Generator(entry["device"]).manual_seed(int(entry["seed"]))
    if "state" in entry:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(entry["state"]), _LARGEST_STATE)
        generator.set_state(torch.frombuffer(bytearray(unpacked), dtype=torch.uint8))
    met.append(generator)
    return generator
