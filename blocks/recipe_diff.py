"""What differs between two recipes, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from .recipe import Recipe
from .recipe_files import read_recipe


class Differences(tuple[str, ...]):
    """Sentences; `print` shows one per line. False if there are none."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(self) or "The recipes are the same."

    __repr__ = __str__


def diff(one: Any, other: Any) -> Differences:
    """Say what differs between two runs: pictures, picture files, states or recipes.

    Example:
        >>> pipe = embedded()
        >>> same = {"prompt": "a red circle", "num_inference_steps": 2, "output": "images"}
        >>> first = pipe(**same, guidance_scale=3.0, generator=torch.Generator().manual_seed(1))[0]
        >>> second = pipe(**same, generator=torch.Generator().manual_seed(2))[0]
        >>> diff(first, second)
        guidance_scale: 3.0, and not given
        generator: seed 1, and seed 2
    """
    mine, theirs = (read_recipe(each)[0] for each in (one, other))
    return Differences(text for _, text in differences(mine, theirs))


Kind = Literal["blocks", "inputs", "components", "branch", "output", "machine"]


def differences(one: Recipe, other: Recipe) -> Iterator[tuple[Kind, str]]:
    """What differs, by kind: only what differs in "machine" may give the same picture all the same."""
    mine, theirs = one.to_dict(), other.to_dict()
    by_kind: dict[Kind, Iterable[str]] = {
        "blocks": _blocks("", mine["composition"], theirs["composition"]),
        "inputs": [
            *_named("", mine["inputs"], theirs["inputs"], _value_words),
            *_named("", mine["generators"], theirs["generators"], _generator_words),
            *_named("config ", mine.get("configs", {}), theirs.get("configs", {}), _value_words),
        ],
        "components": _components(mine, theirs),
        "branch": _branches(mine.get("branched") or {}, theirs.get("branched") or {}),
        "output": [*_plain("output", mine, theirs), *_plain("image", mine, theirs)],
        "machine": [
            *_named("", mine["software"], theirs["software"], str),
            *_plain("device", mine, theirs),
            *_named("", mine.get("arithmetic", {}), theirs.get("arithmetic", {}), str),
            *_named("", mine.get("settings", {}), theirs.get("settings", {}), str),
            *_plain("notes", mine, theirs),
        ],
    }
    return ((kind, text) for kind, texts in by_kind.items() for text in texts)


def _plain(name: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    if mine.get(name) != theirs.get(name):
        yield f"{name}: {mine.get(name)}, and {theirs.get(name)}"


def _named(before: str, mine: Mapping[str, Any], theirs: Mapping[str, Any], words: Any) -> Iterator[str]:
    for name in dict.fromkeys([*mine, *theirs]):
        if mine.get(name) != theirs.get(name):
            one, other = (words(side[name]) if name in side else "not given" for side in (mine, theirs))
            yield f"{before}{name}: {one}, and {other}" if one != other else f"{before}{name}: another one"


def _value_words(entry: Mapping[str, Any]) -> str:
    return repr(entry["value"]) if "value" in entry else str(entry.get("kind"))


def _generator_words(entries: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"seed {e['seed']}{' (advanced)' if 'state' in e else ''}" for e in entries)


def _blocks(path: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    where = path or "composition"
    if mine["block"] != theirs["block"]:
        yield f"{where}: {mine['block']}, and {theirs['block']}"
        return
    if mine.get("code") != theirs.get("code"):
        yield f"{where}: the code of {mine['block']} differs"
    if mine.get("family") != theirs.get("family"):
        yield f"{where}: for {mine.get('family')}, and for {theirs.get('family')}"
    yield from _named(f"{where}.", mine.get("options", {}), theirs.get("options", {}), repr)
    one, other = mine.get("blocks", {}), theirs.get("blocks", {})
    for name in one.keys() - other.keys():
        yield f"{path}.{name}".lstrip(".") + f": {one[name]['block']}, and no such block"
    for name in other.keys() - one.keys():
        yield f"{path}.{name}".lstrip(".") + f": no such block, and {other[name]['block']}"
    shared = [name for name in one if name in other]
    if shared != [name for name in other if name in one]:
        yield f"{where}: its blocks stand in another order"
    for name in shared:
        yield from _blocks(f"{path}.{name}".lstrip("."), one[name], other[name])


def _components(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    one, other = mine["components"], theirs["components"]
    for name in dict.fromkeys([*one, *other]):
        left, right = one.get(name, {}), other.get(name, {})
        contents = [side.get("weights", {}).get(name) for side in (mine, theirs)]
        is_known = None not in contents or "config" in left
        for key in ("class", "dtype", "adapters") if is_known else ("class", "origin", "dtype", "adapters"):
            if left.get(key) != right.get(key):
                yield f"{name}: {key} {_words(left.get(key))}, and {_words(right.get(key))}"
        yield from _named(f"{name}.", left.get("config", {}), right.get("config", {}), _value_words)
        if None not in contents and contents[0] != contents[1]:
            yield f"{name}: other weights or vocabulary, {_place(left)}, and {_place(right)}"
        elif None in contents and contents != [None, None]:
            yield f"{name}: what one of the two holds is unknown, because it was changed or came from nowhere"


def _place(entry: Mapping[str, Any]) -> str:
    return f"from {_words(entry.get('origin'))}" if entry.get("origin") else "of unknown origin"


def _branches(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """What differs in the runs with which variants share their first steps."""
    for name in ("loop", "at_step"):
        if mine.get(name) != theirs.get(name):
            yield f"shares steps with another run, {name}: {_words(mine.get(name))}, and {_words(theirs.get(name))}"
    if mine and theirs:
        yield from _named("in the shared steps, ", mine["inputs"], theirs["inputs"], _value_words)
        yield from _named("in the shared steps, ", mine["generators"], theirs["generators"], _generator_words)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={part}" for key, part in value.items() if part is not False)
    return "none" if value is None else str(value)
