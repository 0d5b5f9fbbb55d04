"""Guiders by name, from files, and from objects of diffusers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import NOTHING, fields

from ..registry.hub.repo import open_repo
from ..registry.index import DIFFUSERS_RELEASE
from ..state import BrickworkError, InputError, RepoError
from ..state.atomic import write_text, writing
from ..state.errors import capital_article, did_you_mean
from ..state.given import given_path
from ..state.limits import LARGEST_GUIDER
from ..state.strict_json import parse_json, read_json, written_json
from .by_name import CONFIG_NAME, GUIDERS, AnyGuider, is_guider
from .written_settings import naming

if TYPE_CHECKING:
    from .guider import Guider

_NONE: Mapping[str, type[Guider]] = MappingProxyType({})


def guider_of(given: object, known: Mapping[str, type[Guider]] = _NONE) -> Guider:
    """Make a guider of ours of a guider, its name, its configuration, or an object of diffusers with the same name.

    Args:
        known: classes of others' own guiders that may be named, too.

    Raises:
        InputError: there is no such guider.
    """
    if is_guider(given):
        return given
    classes = {**GUIDERS, **known}
    if isinstance(given, type):
        raise InputError(_class_words(given, classes))
    config: Any
    if isinstance(given, Mapping) and "_class_name" not in given:
        raise InputError(
            f"A dict of {', '.join(map(repr, given)) or 'nothing'}"[:200]
            + " is no guider: '_class_name' is missing, which says of which "
            "guider the settings are, as in {'_class_name': 'ClassifierFreeGuidance', 'guidance_scale': 3.0}; or give the guider: "
            "ClassifierFreeGuidance(guidance_scale=3.0)."
        )
    if isinstance(given, str):
        name, config, what = given, {}, repr(given)
    elif isinstance(given, Mapping):
        name, config, what = str(given["_class_name"]), given, f"A configuration of {given['_class_name']!r}"
    else:
        name, config = type(given).__name__, getattr(given, "config", None)
        what = capital_article(name)
    # Only by name, out of a table: what a file says is never imported.
    if name not in classes or not isinstance(config, Mapping):
        raise InputError(f"{what[:200]} is no guider. {did_you_mean(name[:60], classes)}")
    inner = {}
    for key, value in config.items():
        if _is_of_guider(value, classes):
            with naming(classes[name], str(key)[:60]):
                inner[key] = guider_of(value, known)
    return classes[name].from_config({**config, **inner})


def _class_words(given: type, classes: Mapping[str, type[Guider]]) -> str:
    """Say how a guider is made, where its class, or another one, was given in its place."""
    name = given.__name__
    if not issubclass(given, AnyGuider) and name not in classes:
        return f"The class {name} is no guider. {did_you_mean(name[:60], classes)}"
    needed = [f"{part.name}=..." for part in fields(classes.get(name, given)) if part.default is NOTHING]
    return f"The class {name} was given, and a guider is an object of it: {name}({', '.join(needed)})."


def _is_of_guider(value: object, classes: Mapping[str, type[Guider]]) -> bool:
    """Return whether a setting is the configuration of a guider inside of another one."""
    name = value.get("_class_name") if isinstance(value, Mapping) else None
    return isinstance(name, str) and name in classes


def guider_config(guider: Guider, name_of: Callable[[type[Guider]], str]) -> dict[str, Any]:
    """Return the configuration of a guider, and of those in it, each with its name.

    Args:
        name_of: the name under which a class that is none of ours is found again.
    """
    config = guider.config
    for part in fields(type(guider)):
        if is_guider(inner := getattr(guider, part.name)):
            config[part.name] = guider_config(inner, name_of)
    cls = type(guider)
    return {"_class_name": name_of(cls) if is_own_guider(cls) else cls.__name__, **config}


def own_guiders(guider: Guider) -> Iterator[type[Guider]]:
    """Yield the classes of a guider and of those in it that are none of this package."""
    if is_own_guider(type(guider)):
        yield type(guider)
    for part in fields(type(guider)):
        if is_guider(inner := getattr(guider, part.name)):
            yield from own_guiders(inner)


def is_own_guider(cls: type[Guider]) -> bool:
    """Return whether a class is somebody's own guider, also one that has the name of one of ours."""
    return GUIDERS.get(cls.__name__) is not cls


def save_guider(guider: Guider, folder: str | Path) -> Path:
    """Write `guider_config.json`, as diffusers has it, to a folder, which is made if it is not there.

    What was written is read again, and compared, before it takes its place.

    Raises:
        InputError: a setting is a function, which no file can hold, or comes back as something else; it is a guider of somebody's own,
            whose code the file does not hold.
    """
    given_path(folder, "save_directory")
    foreign = [cls.__name__ for cls in own_guiders(guider)]
    if foreign:
        raise InputError(
            f"{foreign[0]} is a guider of your own, and {CONFIG_NAME} holds no code, so nobody could open it. Save the pipeline "
            "that has it, which takes its code along."
        )
    config = guider.config
    functions = _functions(config)
    if functions:
        raise InputError(
            f"{type(guider).__name__} cannot be saved: {', '.join(functions)} is a function. Give a list with one number for "
            "each step, or set it when the guider is loaded."
        )
    path = Path(folder) / type(guider).config_name
    head = {"_class_name": type(guider).__name__, "_diffusers_version": DIFFUSERS_RELEASE}
    try:
        # Python would write `NaN` and `Infinity`, which no other reader of JSON knows.
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{type(guider).__name__} cannot be saved, because no file holds its settings: {error}"
        ) from error
    text = written_json({**head, **config}, str(path), LARGEST_GUIDER, indent=2) + "\n"
    try:
        # Read back before the file is there: settings that look like data, such as numbers of NumPy, can come back as
        # others.
        again = guider_of(parse_json(text.encode("utf-8"), str(path)))
    except (TypeError, ValueError, BrickworkError) as error:
        raise InputError(
            f"{type(guider).__name__} cannot be saved, because no file holds its settings: {error}"
        ) from error
    if not comes_back(guider, again):
        changed = [name for name in config if getattr(again, name, None) != getattr(guider, name)]
        raise InputError(
            f"{type(guider).__name__} cannot be saved: {', '.join(changed)} would come back as something else."
        )
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def comes_back(guider: Guider, again: Guider) -> bool:
    """Return whether a guider that was read from a file is the one that was written.

    To ours a list is as good as a tuple, and a mapping as good as an object of its fields: what they write counts.
    """
    if again == guider:
        return True
    return type(again) is type(guider) and not is_own_guider(type(guider)) and _text(again) == _text(guider)


def _text(guider: Guider) -> str:
    return json.dumps(guider_config(guider, lambda cls: cls.__qualname__), sort_keys=True)


def _functions(config: Mapping[str, Any]) -> list[str]:
    """Return the names of settings that are functions, of inner guiders, too."""
    inner = [name for value in config.values() if isinstance(value, Mapping) for name in _functions(value)]
    return [name for name, value in config.items() if callable(value)] + inner


def load_guider(
    name: str | Path, subfolder: str | None = None, revision: str | None = None, **hub_options: object
) -> Guider:
    """Read a guider that we or diffusers have saved, in a folder or on the Hub.

    Raises:
        RepoError: there is no file, or it names no guider that is known here.
    """
    repo = open_repo(name, revision, **hub_options)
    file = "/".join(filter(None, [subfolder, CONFIG_NAME]))
    path = repo.file(file)
    if path is None:
        raise RepoError(f"There is no {file} in {name}.")
    config = read_json(path, LARGEST_GUIDER)
    kind = str(config.get("_class_name"))
    if kind not in GUIDERS:
        raise RepoError(f"{path} names {kind[:80]!r}, which is no guider. {did_you_mean(kind[:60], GUIDERS)}")
    try:
        return guider_of(config)
    except InputError as error:
        raise RepoError(f"{path} cannot be read: {error}") from error
