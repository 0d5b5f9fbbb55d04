"""What differs between two recipes, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from .component_records import FILES
from .parameters_text import LEFT_OUT
from .recipe import Recipe, written
from .recipe_files import read_recipe


class Differences(tuple[str, ...]):
    """Sentences; `print` shows one per line. False if there are none."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(self) or "The recipes are the same."

    __repr__ = __str__


def diff(one: object, other: object) -> Differences:
    """Say what differs between two runs: images, image files, states or recipes.

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


Kind = Literal[
    "blocks", "inputs", "components", "process", "unknown", "outside", "branch", "output", "machine", "results"
]
"""What a difference is in. "unknown" is what nothing tells; "outside" code whose results hang on more than it is given."""


def differences(one: Recipe, other: Recipe) -> Iterator[tuple[Kind, str]]:
    """Yield what differs, by kind: only what differs in "machine", or is "unknown", may give the same image all the
    same.
    """
    mine, theirs = one.to_dict(), other.to_dict()
    by_kind: dict[Kind, Iterable[str]] = {
        "blocks": _blocks("", mine["composition"], theirs["composition"]),
        "inputs": [
            *_named("", mine["inputs"], theirs["inputs"], _value_words),
            *_named("", mine["generators"], theirs["generators"], _generator_words),
            *_plain("inputs that are one object", mine, theirs, "shared"),
            *_named("config ", mine.get("configs", {}), theirs.get("configs", {}), _value_words),
        ],
        "components": _components(mine, theirs),
        "process": _process(mine.get("process", {}), theirs.get("process", {})),
        "unknown": [*_unknown_values(mine, theirs), *_unknown_components(mine, theirs)],
        "outside": _outside("", mine["composition"], theirs["composition"]),
        "branch": _branches(mine.get("branched") or {}, theirs.get("branched") or {}),
        "output": [*_plain("output", mine, theirs), *_plain("image", mine, theirs)],
        "machine": [
            *_named("", mine["software"], theirs["software"], str),
            *_plain("device", mine, theirs),
            *_named("", mine.get("arithmetic", {}), theirs.get("arithmetic", {}), str),
            *_named("", mine.get("settings", {}), theirs.get("settings", {}), str),
            *_plain("notes", _notes(mine), _notes(theirs)),
        ],
    }
    found = [(kind, text) for kind, texts in by_kind.items() for text in texts]
    # Of what differs in what was done, the results differ anyway.
    # Only where nothing else differs, results that do are news.
    yield from found or (("results", text) for text in _results(mine, theirs))


def _notes(side: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is to say of the run, and not of the file that it was written to."""
    return {"notes": [each for each in side.get("notes") or () if not each.startswith(LEFT_OUT)] or None}


def _results(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    one, other = mine.get("results") or {}, theirs.get("results") or {}
    for name in one.keys() & other.keys():
        if None not in (one[name], other[name]) and one[name] != other[name]:
            yield f"{name}: another result"


def _process(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Yield what one of the two had replaced in the process: functions of libraries, hooks, modes."""
    one, other = (list(side.get("replaced", ())) for side in (mine, theirs))
    for each in one:
        if each not in other:
            yield f"{each.partition('=')[0]}: replaced ({each.partition('=')[2]}), and as in its library"
    for each in other:
        if each not in one:
            yield f"{each.partition('=')[0]}: as in its library, and replaced ({each.partition('=')[2]})"


def _unknown_values(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for name, entry in mine["inputs"].items():
        unknown = [
            side.get("unknown") for side in (entry, theirs["inputs"].get(name, {})) if side.get("digest", "") is None
        ]
        # Where the words differ it is said already, as a difference of the inputs.
        if unknown and entry == theirs["inputs"].get(name):
            yield f"{name}: nothing tells whether it is the same: {unknown[0] or 'it has no content to compare'}"
    for side in (mine, theirs):
        if side.get("process", {}).get("unknown"):
            yield f"the process: {side['process']['unknown']}"
            return


def _unknown_components(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    one, other = mine["components"], theirs["components"]
    for name in one.keys() & other.keys():
        contents = [side.get("weights", {}).get(name) for side in (mine, theirs)]
        reasons = [side[name].get("unknown") for side in (mine["components"], theirs["components"])]
        reason = next(filter(None, reasons), None)
        if reason is not None:
            yield f"{name}: nothing tells whether it is the same: {reason}"
        elif any(name in side.get("weights", {}) for side in (mine, theirs)) and not _are_comparable(contents):
            yield f"{name}: what one of the two holds is unknown, because {_why(contents)}"


def _are_comparable(contents: list[Any]) -> bool:
    """Return whether both digests are there, and of one kind: of what was loaded, or of the files."""
    return None not in contents and len({str(each).startswith(FILES) for each in contents}) == 1


def _why(contents: list[Any]) -> str:
    if None in contents:
        return "it was changed without a trace, or is gone"
    return "the one was loaded for its run alone, and the other is of what was loaded before"


def _outside(path: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Yield code that is the same, and may yet give something else."""
    if mine.get("code") == theirs.get("code"):
        for reason in mine.get("unknown") or ():
            yield f"{path or 'composition'}: what it gives hangs on more than it is given ({reason})"
    for name, part in mine.get("blocks", {}).items():
        if name in theirs.get("blocks", {}):
            yield from _outside(f"{path}.{name}".lstrip("."), part, theirs["blocks"][name])


def _plain(name: str, mine: Mapping[str, Any], theirs: Mapping[str, Any], key: str | None = None) -> Iterator[str]:
    one, other = mine.get(key or name), theirs.get(key or name)
    if one != other:
        yield f"{name}: {one}, and {other}"


def _named(before: str, mine: Mapping[str, Any], theirs: Mapping[str, Any], words: Callable[..., str]) -> Iterator[str]:
    for name in dict.fromkeys([*mine, *theirs]):
        if written(mine.get(name)) != written(theirs.get(name)):
            one, other = (words(side[name]) if name in side else "not given" for side in (mine, theirs))
            yield f"{before}{name}: {one}, and {other}" if one != other else f"{before}{name}: another one"


def _value_words(entry: Mapping[str, Any]) -> str:
    return repr(entry["value"]) if "value" in entry else str(entry.get("kind"))


def _generator_words(entries: list[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"seed {e['seed']}{' (advanced)' if 'state' in e else ''}{' (the same generator again)' if 'is' in e else ''}"
        for e in entries
    )


def _blocks(path: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    where = path or "composition"
    if mine["block"] != theirs["block"] and not _is_same_code(mine, theirs):
        yield f"{where}: {mine['block']}, and {theirs['block']}"
        return
    if mine.get("code") != theirs.get("code"):
        yield f"{where}: the code of {mine['block']} differs"
    if mine.get("family") != theirs.get("family"):
        yield f"{where}: for {mine.get('family')}, and for {theirs.get('family')}"
    yield from _parts(where, mine.get("parts", ()), theirs.get("parts", ()))
    yield from _named(f"{where}.", mine.get("options", {}), theirs.get("options", {}), repr)
    for name in dict.fromkeys([*mine.get("attributes", {}), *theirs.get("attributes", {})]):
        values = [side.get("attributes", {}).get(name) for side in (mine, theirs)]
        if values[0] != values[1] or values[0] is None:
            yield f"{where}.{name}: what was put there is another, or has no content to compare"
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


def _parts(where: str, mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(mine) != len(theirs):
        one, other = (", ".join(part["block"] for part in parts) or "none" for parts in (mine, theirs))
        yield f"{where}: further parts are {one}, and {other}"
        return
    for number, pair in enumerate(zip(mine, theirs, strict=True)):
        yield from _blocks(f"{where}.parts[{number}]", *pair)


def _is_same_code(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Return whether two blocks of somebody's own are one class that lies in two places: a script, a module, an opened
    repository.
    """
    modules, names = zip(*(str(side["block"]).rpartition(":")[::2] for side in (mine, theirs)), strict=True)
    return all(modules) and len(set(names)) == 1 and None is not mine.get("code") == theirs.get("code")


def _components(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    one, other = mine["components"], theirs["components"]
    for name in dict.fromkeys([*one, *other]):
        left, right = one.get(name, {}), other.get(name, {})
        contents = [side.get("weights", {}).get(name) for side in (mine, theirs)]
        # Where the content is known, it does not matter from which folder it was loaded.
        is_known = _are_comparable(contents) or "digest" in left
        is_moved = _is_moved(left, right)
        for key in ("class", "dtype", "adapters") if is_known else ("class", "origin", "dtype", "adapters"):
            if left.get(key) != right.get(key) and not (key == "class" and is_moved):
                yield f"{name}: {key} {_words(left.get(key))}, and {_words(right.get(key))}"
        yield from _named(f"{name}.", left.get("config", {}), right.get("config", {}), _value_words)
        is_like = left.get("dtype") == right.get("dtype") and (is_moved or left.get("class") == right.get("class"))
        if is_like and _are_comparable(contents) and contents[0] != contents[1]:
            places = [_place(left), _place(right)]
            where = f"though both are {places[0]}" if places[0] == places[1] else f"{places[0]}, and {places[1]}"
            # Fused ones are others, and so are those with channels last.
            laid = " (techniques may lay them otherwise)" if left.get("techniques") != right.get("techniques") else ""
            yield f"{name}: other weights or vocabulary, {where}{laid}"
        if is_like:
            yield from _settings(name, left, right)


def _is_moved(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Return whether two components are of one class of somebody's own, with the same code, in two places."""
    names = {str(side.get("class")).rpartition(":")[2].rpartition(".")[2] for side in (left, right)}
    codes = [side.get("settings", {}).get("code") for side in (left, right)]
    return len(names) == 1 and None is not codes[0] == codes[1]


def _settings(name: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs in the settings of one component: in the words that people have for it, else by attribute."""
    if left.get("declared") != right.get("declared"):
        yield f"{name}: it was declared as something new (pipe.invalidate)"
    applied = [_techniques(side.get("techniques", ())) for side in (left, right)]
    if applied[0] != applied[1]:
        yield f"{name}: techniques {applied[0]}, and {applied[1]}"
    if "digest" not in left or "digest" not in right or left["digest"] == right["digest"]:
        return
    unknown = [list(side.get("undeclared", ())) for side in (left, right)]
    if unknown[0] != unknown[1]:
        one, other = ("; ".join(each) or "none" for each in unknown)
        yield f"{name}: unknown changes {one}, and {other}"
    # What a technique, or somebody by hand, has switched on is said already.
    if applied[0] != applied[1] or unknown[0] != unknown[1]:
        return
    mine, theirs = left.get("is", {}), right.get("is", {})
    texts = [
        f"{name}: {each} {mine.get(each, '')}".rstrip() + f", and {theirs.get(each, 'not')}"
        if each in mine
        else f"{name}: no {each}, and {theirs[each]}"
        for each in dict.fromkeys([*mine, *theirs])
        if mine.get(each) != theirs.get(each)
    ]
    # Attribute by attribute only where nothing else tells what it is; one setting may be stored in several.
    if not texts and left.get("config") == right.get("config") and left.get("adapters") == right.get("adapters"):
        one, other = left.get("settings", {}), right.get("settings", {})
        differing = [each for each in dict.fromkeys([*one, *other]) if one.get(each) != other.get(each)]
        texts = [f"{name}: another {', '.join(differing[:5])}"]
    yield from texts


def _techniques(written: Sequence[Mapping[str, Any]]) -> str:
    """Return techniques for people."""
    named = (
        f"{each['name']}({', '.join(f'{key}={value!r}' for key, value in each.items() if key != 'name')})"
        for each in written
    )
    return ", ".join(named) or "none"


def _place(entry: Mapping[str, Any]) -> str:
    return f"from {_words(entry.get('origin'))}" if entry.get("origin") else "of unknown origin"


def _branches(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs in the runs with which variants share their first steps."""
    for name in ("loop", "at_step"):
        if mine.get(name) != theirs.get(name):
            yield f"shares steps with another run, {name}: {_words(mine.get(name))}, and {_words(theirs.get(name))}"
    if mine and theirs:
        yield from _named("in the shared steps, ", mine["inputs"], theirs["inputs"], _value_words)
        yield from _named("in the shared steps, ", mine["generators"], theirs["generators"], _generator_words)
        parts = [{"components": side.get("components", {})} for side in (mine, theirs)]
        yield from (f"in the shared steps, {text}" for text in _components(parts[0], parts[1]))


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={part}" for key, part in value.items() if part is not False)
    return "none" if value is None else str(value)
