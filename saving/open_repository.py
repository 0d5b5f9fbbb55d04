"""Opens repositories of blocks and pipelines, of ours and of diffusers'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block_catalog import BlockResolver
from ..blocks.core.from_diffusers import adopt
from ..guiders import Guider, guider_of
from ..registry import ComponentSpec, PipelineIndex
from ..registry.hub.lock import Lock
from ..registry.hub.repo import Repo, open_repo, same_repo
from ..registry.hub.repo_code import class_of, import_code
from ..registry.hub.repo_files import PEER_KEY, RepoFiles
from ..registry.hub.trust import Grant, Trust
from ..registry.hub.verified import text_digest
from ..registry.index import index_of
from ..registry.loading.classes import resolve_class
from ..registry.loading.confined import confined
from ..state import ComponentError, CompositionError, RepoError, TrustError
from ..state.errors import with_article
from ..state.packages.block_packages import BLOCKS, load_point, points_of
from ..state.value_data import value_of_data
from .classic_families import adoption_words, own_pipeline
from .composition import compose
from .index_blocks import blocks_of_index
from .needs import refuse_missing, refuse_unmet
from .repo_format import NAME, RepoFormat, guider_references, references


@frozen
class OpenedRepository:
    """A repository with its blocks.

    Attributes:
        files: what was read of it. lock: what says which commit it is held to, and has it recorded.
        blocks: None if it brings none. format: what `brickwork.json` says, if it is there.
        guiders: classes of guiders that are none of ours, by the names that it has for them.
        adoption: why code of diffusers runs in the place of a preset; empty where a preset, or a composition of its own, does.
    """

    files: RepoFiles
    lock: Lock
    blocks: ModularPipelineBlocks | None
    format: RepoFormat | None
    index: PipelineIndex
    notes: tuple[str, ...] = ()
    guiders: Mapping[str, type[Guider]] = field(factory=dict)
    adoption: str = ""

    @property
    def repo(self) -> Repo:
        """Where it is, and how it was reached."""
        return self.files.repo

    @property
    def inputs(self) -> dict[str, Any]:
        """Values for inputs that a call does not give.

        Raises:
            RepoError: they are none.
        """
        try:
            return {name: value_of_data(value) for name, value in (self.format.inputs if self.format else {}).items()}
        except (KeyError, TypeError, ValueError) as error:
            raise RepoError(f"{NAME} of {self.repo.name}: the values for inputs are broken: {error}.") from error


def open_repository(
    name: str | Path,
    trust_remote_code: bool | str | Trust,
    lock: str | Path | None,
    revision: str | None,
    task: str | None = None,
    **hub_options: object,
) -> OpenedRepository:
    """Open a repository: its blocks, and where its components come from. No weights are read.

    Args:
        task: which of its family's presets opens, in place of the one that its index means.

    Raises:
        RepoError: it cannot be read. TrustError: it has code that was not granted, or asks for more than it may.
        CompositionError: the blocks that it names are not there; it has blocks of its own, or its family no such task.
    """
    held = Lock.at(lock)
    known = held.of(str(name)) if held.pins else None
    repo = open_repo(name, revision or (known.commit if known is not None else None), **hub_options)
    grant = Grant(trust_remote_code, held, revision)
    files = RepoFiles.read(repo)
    written = RepoFormat.of(files)
    index = index_of(files) or PipelineIndex()
    _refuse_task(task, files)
    if written is not None:
        refuse_unmet(repo, written)
    classes = _own_classes(files, written, grant) if written is not None else {}
    blocks = compose(written.composition, BlockResolver(classes)) if written is not None else _peer_blocks(files, grant)
    if blocks is None and written is None and (own := own_pipeline(files)) is not None:
        blocks = adopt(_classes(files, [own], grant, None)[own])
    if blocks is None:
        blocks = blocks_of_index(index, repo, task)
    notes = _apply(written, index, repo) if written is not None else ()
    guiders = _guiders(guider_references(written.created), classes) if written is not None else {}
    adoption = adoption_words(index, blocks, files) if written is None and blocks is not None else ""
    return OpenedRepository(files, held, blocks, written, index, tuple(notes), guiders, adoption)


def _refuse_task(task: str | None, files: RepoFiles) -> None:
    """Refuse a task for a repository that says which blocks run, before any of its code does."""
    own = files.ours or files.blocks_config or (files.index if own_pipeline(files) is not None else None)
    if task is not None and own is not None:
        raise CompositionError(
            f"{files.repo.name} brings its own blocks ({own.name}), and task={task!r} would drop them. Open it without task=; or take its "
            "components alone, with the blocks of a preset: brickwork.find_preset(name).init_pipeline(repo)."
        )


def _own_classes(files: RepoFiles, written: RepoFormat, grant: Grant) -> dict[str, type[Any]]:
    """Classes of the repository's own code, of blocks and guiders."""
    guiders = [name for name in guider_references(written.created) if name.startswith("./")]
    wanted = list(dict.fromkeys([*references(written.composition), *guiders]))
    return _classes(files, wanted, grant, written) if wanted else {}


def _guiders(names: Iterable[str], classes: Mapping[str, type[Any]]) -> dict[str, type[Guider]]:
    """Classes of guiders by name: of the repository's own code, or of installed packages that register them.

    Raises:
        CompositionError: there is none of this name.
    """
    found = {}
    for name in names:
        points = [point for point in points_of(BLOCKS) if point.value == name]
        cls = classes.get(name) or (load_point(points[0]) if points else None)
        if not (isinstance(cls, type) and issubclass(cls, Guider)):
            raise CompositionError(
                f"{name!r} is no guider of this repository, or of an installed package that registers it."
            )
        found[name] = cls
    return found


def _classes(files: RepoFiles, wanted: Iterable[str], grant: Grant, written: RepoFormat | None) -> dict[str, type[Any]]:
    """Classes of a repository's own code, by reference."""
    places = {reference: reference.removeprefix("./").partition(":")[::2] for reference in wanted}
    files = files.with_code(dict.fromkeys(file for file, _ in places.values()))
    if written is not None:
        _refuse_edited(files, written, grant)
    package = import_code(files.repo, files.code, grant)
    return {reference: class_of(package, file, name) for reference, (file, name) in places.items()}


def _refuse_edited(files: RepoFiles, written: RepoFormat, grant: Grant) -> None:
    """Refuse code that was edited in the folder, and say in what it differs, as far as that is known.

    Raises:
        TrustError: a file is another one, or was added.
    """
    changed = [
        name for name, data in files.code.items() if written.sources.get(name, "") not in ("", text_digest(data))
    ]
    added = [name for name in files.code if name not in written.sources]
    if not (changed or added):
        return
    said = [f"{name} (changed)" for name in changed] + [f"{name} (added)" for name in added]
    since = grant.since_granted(files.repo, files.code)
    told = f" Since the grant in {grant.lock.path}: {since}\n" if since else " "
    verb = "are not what" if len(said) > 1 else "is not what"
    raise TrustError(
        f"{', '.join(said)} of {files.repo.name} {verb} {NAME} says: the files were changed one by one.{told}If the changes are yours, "
        "save the repository again, from Python where the block is; else take back what was there."
    )


def _peer_blocks(files: RepoFiles, grant: Grant) -> ModularPipelineBlocks | None:
    """Blocks of a repository that diffusers has written, or a person by its rules; None if it brings none."""
    config = files.blocks_config
    if config is None:
        return None
    reference = _peer_reference(files.repo, config.name, config.content["auto_map"][PEER_KEY])
    requirements = config.content.get("requirements")
    refuse_missing(files.repo, requirements if isinstance(requirements, dict) else {})
    return adopt(_classes(files, [reference], grant, None)[reference])


def _peer_reference(repo: Repo, name: str, value: object) -> str:
    """What "module.Class" says as a file and a class in it."""
    if isinstance(value, str) and "--" in value:
        raise TrustError(
            f"{name} of {repo.name} takes code from another repository ({value!r}); only its own can be granted."
        )
    parts = value.split(".") if isinstance(value, str) else []
    if len(parts) != 2 or not all(part.isidentifier() for part in parts):
        raise TrustError(
            f"{name} of {repo.name}: auto_map names {value!r}; it must be module.Class, both in this repository."
        )
    return f"./{parts[0]}.py:{parts[1]}"


def _apply(written: RepoFormat, index: PipelineIndex, repo: Repo) -> Iterable[str]:
    """Pin components to the commits that they were saved from, where the index still says the same of them, and note their formats."""
    for name, pin in written.pins.items():
        spec = index.specs.get(name)
        if spec is None or not isinstance(pin, dict) or not isinstance(pin.get("entry"), dict):
            continue
        if pin["entry"] != origin_of(spec, repo):
            yield f"{name} of {repo.name}: its entry in the index was changed after it was saved, so no commit is pinned for it."
        elif isinstance(pin.get("commit"), str) and spec.revision is None and not same_repo(spec.repo, repo.own_name):
            spec.revision = pin["commit"]
    for name, dtype in written.dtypes.items():
        if name in index.specs:
            index.specs[name].dtype = str(dtype)


def origin_of(spec: ComponentSpec, repo: Repo | None) -> dict[str, Any]:
    """What an index says of where a component comes from; the repository itself, wherever it is, is "."."""
    inside = repo is not None and same_repo(spec.repo, repo.own_name)
    return {
        "repo": "." if inside else spec.repo,
        "subfolder": spec.subfolder or "",
        "variant": spec.variant,
        "revision": None if inside else spec.revision,
    }


def _settings(config: Mapping[str, Any]) -> Any:
    try:
        return value_of_data(config)
    except (KeyError, TypeError, ValueError) as error:
        raise RepoError(f"{NAME}: the settings of {config.get('_class_name')} are broken: {error!r}.") from error


def created_components(
    written: RepoFormat, known: Mapping[str, ComponentSpec], guiders: Mapping[str, type[Guider]]
) -> dict[str, Any]:
    """Components that were made from a configuration, as they were saved: guiders, and classes of allowed libraries.

    Raises:
        RepoError: a configuration is broken. TrustError: a class is of a library that repositories may not name.
    """
    made: dict[str, Any] = {}
    for name, config in written.created.items():
        if name not in known or not isinstance(config, dict):
            continue
        expected = known[name].type_hint
        if isinstance(expected, type) and issubclass(expected, Guider):
            made[name] = guider_of(_settings(config), guiders)
            continue
        library, _, class_name = str(config.get("class")).partition(":")
        cls = resolve_class(library, class_name)
        if not serves_for(cls, expected):
            raise TrustError(
                f"{NAME} makes {name} {with_article(class_name)}, and the blocks expect {with_article(expected.__name__)}."
            )
        if not isinstance(config.get("config"), dict):
            raise RepoError(f"{NAME}: the configuration of {name} is no mapping.")
        spec = ComponentSpec(name, cls, config=config["config"], default_creation_method="from_config")
        try:
            with confined(f"{NAME}: making {with_article(class_name)}"):
                made[name] = spec.create()
        except ComponentError as error:
            raise RepoError(f"{NAME}: {error}") from error
    return made


def serves_for(cls: type[Any], expected: object) -> bool:
    """Whether a component of a class may be made where blocks expect one of another: a scheduler serves for any."""
    if not isinstance(expected, type) or (hasattr(cls, "set_timesteps") and hasattr(expected, "set_timesteps")):
        return True
    return not getattr(expected, "_is_protocol", False) and issubclass(cls, expected)
