"""Components for a repeated run: from what the caller names or holds, and from this package; from nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...adapters.pending_adapters import PendingAdapters
from ...adapters.techniques import Technique, technique_of
from ...adapters.techniques.applying import put_on
from ...guiders import GUIDERS, Guider, guider_of
from ...registry import ComponentSpec, shipped
from ...registry.hub.repo import open_repo
from ...registry.hub.repo_files import RepoFiles
from ...registry.loading.classes import allowed_libraries, resolve_class
from ...registry.loading.confined import confined
from ...saving.open_repository import serves_for
from ...saving.repo_format import RepoFormat
from ...state import BrickworkError
from ...state.errors import with_article
from ...state.value_data import value_of_data
from ..modular_pipeline import ModularPipeline
from ..recipes.recipe import Recipe


def put_components(
    pipe: ModularPipeline,
    recipe: Recipe,
    given: object,
    faults: list[str],
    guiders: Mapping[str, type[Guider]],
    names: Iterable[str] | None = None,
    techniques: Mapping[str, type[Technique]] | None = None,
) -> None:
    """Give a pipeline the components that a recipe names; what cannot be had is added to the faults.

    Args:
        guiders, techniques: the caller's own, by name. names: of those that are put; all without.
    """
    written: Mapping[str, Any] = recipe["components"]
    loaded: list[str] = []
    elsewhere: dict[str, list[str]] = {}
    for name in pipe.component_names if names is None else names:
        entry = written.get(name)
        if entry is None:
            # No step of that run needed it, or it was None on purpose.
            if pipe.components[name] is None:
                pipe.update_components(**{name: None})
            continue
        try:
            component = _held(name, given)
            if component is None:
                component = _created(name, entry, pipe.specs[name], guiders)
            if component is None:
                component = _loaded(name, entry, given, pipe.specs[name])
                loaded.append(name)
            pipe.update_components(**{name: component})
        except _ElsewhereError as error:
            elsewhere.setdefault(str(error), []).append(name)
        # Gathered, so that one call says of all components what is missing.
        except (BrickworkError, KeyError, TypeError, ValueError) as error:
            faults += getattr(error, "faults", None) or [f"{name}: {error}"]

    faults += [_where_are(names, origin) for origin, names in elsewhere.items()]
    if isinstance(given, (str, Path)) and loaded:
        try:
            faults += _with_adapters(Path(given), loaded, pipe.components)
        except BrickworkError as error:
            faults.append(str(error))
    for name in loaded:
        # Those that the caller holds are the caller's, and stay as they are: what they lack, or have besides, is a difference.
        wanted = written[name].get("techniques", ())
        try:
            if wanted and pipe.components[name] is not None:
                put_on(
                    name,
                    pipe.components[name],
                    [technique_of(_values(each), techniques or {}) for each in wanted],
                    pipe.family,
                )
        except (BrickworkError, ValueError, TypeError) as error:
            faults += [f"{name}: {text}" for text in getattr(error, "faults", None) or [str(error)]]


def _values(written: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value_of_data(value) for name, value in written.items()}


class _ElsewhereError(BrickworkError):
    """A component is from a place that the caller has not named; its text is the place."""


def _where_are(names: Sequence[str], origin: str) -> str:
    """Say of all components of one origin that the caller has to name it."""
    them, they = ("it", "it is") if len(names) == 1 else ("them", "they are")
    return f"{', '.join(names)}: the run had {them} from {origin}; say where {they}: components=folder, a pipeline, or {{{names[0]!r}: ...}}."


def _with_adapters(folder: Path, loaded: Iterable[str], components: Mapping[str, Any]) -> list[str]:
    """Put in what a folder holds besides the weights of components that were loaded from it, as `load_components` does."""
    files = RepoFiles.read(open_repo(folder), blocks=False)
    saved = RepoFormat.of(files)
    if saved is None or not saved.adapters:
        return []
    return list(PendingAdapters.of(saved.adapters, files.repo, loaded).put_in(loaded, components))


def _held(name: str, given: object) -> Any:
    """Return a component that the caller has loaded."""
    if isinstance(given, ModularPipeline):
        return given.components.get(name)
    found = given.get(name) if isinstance(given, Mapping) else None
    if not isinstance(found, ComponentSpec):
        return found
    # A spec says by itself whether there are weights to load.
    return found.create() if found.default_creation_method == "from_config" else found.load()


def _created(name: str, entry: Mapping[str, Any], spec: ComponentSpec, guiders: Mapping[str, type[Guider]]) -> Any:
    """Return a component without weights, made of its configuration: of the class that the block expects, or one that
    serves for it.
    """
    if "config" not in entry or "dtype" in entry:
        return None
    library, _, class_name = str(entry["class"]).partition(":")
    # Under its full name first, so that one of somebody's own may be called as one of this package.
    own = guiders.get(str(entry["class"]), guiders.get(class_name) if class_name not in GUIDERS else None)
    if own is not None:
        settings = {key: value_of_data(part["value"]) for key, part in entry["config"].items() if "value" in part}
        return guider_of({"_class_name": class_name, **settings}, {**guiders, class_name: own})
    if isinstance(spec.type_hint, type) and issubclass(spec.type_hint, Guider) and library not in allowed_libraries():
        raise BrickworkError(f"the run had a guider of somebody's own, {class_name}; give it: guiders=[{class_name}].")
    cls: Any = resolve_class(library, class_name)
    expected = spec.type_hint
    is_guider = issubclass(cls, Guider) and isinstance(expected, type) and issubclass(expected, Guider)
    # A recipe comes from anywhere: it may choose among classes that fit, and not make an object of any class of an
    # allowed library.
    if not (is_guider or serves_for(cls, expected)):
        raise BrickworkError(
            f"the recipe names {with_article(class_name)}, and the block expects {with_article(expected.__name__)}."
        )
    config = {key: value_of_data(part["value"]) for key, part in entry["config"].items() if "value" in part}
    if is_guider:
        return guider_of({"_class_name": class_name, **config}, guiders)
    # Constructors of allowed libraries can open files by paths that are in their configuration.
    with confined(f"the recipe: making {with_article(class_name)}"):
        return ComponentSpec(name, cls, config=config, default_creation_method="from_config").create()


def _loaded(name: str, entry: Mapping[str, Any], given: object, spec: ComponentSpec) -> Any:
    """Return a component from a folder that the caller names, or that ships with this package."""
    origin = entry["origin"] or {}
    repo = str(origin.get("repo"))
    folder = Path(given) if isinstance(given, (str, Path)) else Path(shipped.get(repo)) if repo in shipped else None
    if folder is None:
        raise _ElsewhereError(repo if origin else "an unknown origin")
    if not folder.is_dir():
        raise BrickworkError(f"there is no folder {folder}.")
    # What was made in that process lies under its name, where somebody has saved it since.
    is_saved_since = not origin and (folder / name).is_dir()
    subfolder = name if is_saved_since else str(origin.get("subfolder") or "")
    # The subfolder is the recipe's word, the folder the caller's.
    if not (folder / subfolder).resolve().is_relative_to(folder.resolve()):
        raise BrickworkError(f"the recipe's subfolder {subfolder!r} leads out of {folder}.")
    found = spec.copy()
    found.type_hint = _class_in_run(entry, spec)
    found.default_creation_method = "from_pretrained"
    found.repo, found.subfolder, found.variant, found.revision = str(folder), subfolder, origin.get("variant"), None
    dtype = value_of_data({"$": "dtype", "value": entry["dtype"]}) if "dtype" in entry else None
    return found.load(**({"dtype": dtype} if dtype is not None else {}))


def _class_in_run(entry: Mapping[str, Any], spec: ComponentSpec) -> Any:
    """Return the class that the run had, where it is one of what the block expects, such as any tokenizer: a base loads nothing by itself."""
    library, _, class_name = str(entry["class"]).partition(":")
    expected = spec.type_hint
    if library not in allowed_libraries() or not isinstance(expected, type):
        return expected
    cls = resolve_class(library, class_name)
    return cls if issubclass(cls, expected) else expected
