"""Compositions as YAML files that people write and review: a preset, and what is different from it. No code comes from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import asdict, define, field

from ...adapters.techniques import Technique
from ...adapters.techniques.by_name import known_techniques
from ...blocks.core.base import ModularPipelineBlocks
from ...blocks.core.block_catalog import BlockResolver, find_block
from ...blocks.core.input_checks import expectations_of, input_faults
from ...blocks.core.preset_catalog import find_preset, points_of_preset
from ...guiders import GUIDERS, Guider, guider_of
from ...registry.catalog import shipped_folder
from ...registry.hub.repo import Repo, is_share, open_repo
from ...registry.hub.strict_yaml import Document, parse_yaml, read_yaml
from ...registry.hub.strict_yaml import written as written_yaml
from ...registry.index import origin_faults
from ...saving.composition import compose
from ...state import BrickworkError, CompositionError
from ...state.errors import did_you_mean, nearest
from ...state.given import given_path
from ...state.packages.block_packages import unfit
from ...state.structure import Faults, examined, place_words, structured
from ...state.user_warnings import unsaid
from ...state.value_data import value_of_data
from ..seed import SEED, takes_seed
from .guider_names import known_guiders
from .module_places import folder_of_code
from .workflow_loras import wanted_loras
from .workflow_techniques import KEY, want_techniques
from .written_parts import component_of_config, known_outputs, look_at_scheduler, output_faults, scheduler_of
from .written_workflow import EDITS, VERSION, Insert, Remove, Replace, SetOptions, WrittenPlace, WrittenWorkflow

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline


def load_workflow(
    path: str | Path, blocks: object = (), guiders: object = (), techniques: object = (), **options: object
) -> ModularPipeline:
    """Make the pipeline that a workflow file describes; see docs/publishing.md for what may stand in it.

    Args:
        blocks: custom blocks that the file may name, besides those of installed packages: classes, instances, or a mapping
            from names to them.
        guiders, techniques: of your own that the file may name: classes or objects.
        options: `components_manager`, `collection`; `dtype` (or `torch_dtype`), as in `from_pretrained`; `token`, `cache_dir`, `local_files_only` where it names a repository.

    Raises:
        RepoError: it is no such YAML. CompositionError: it names what is not there, or does not fit; every fault is named, with
            line and column.
    """
    return _Workflow(
        read_yaml(given_path(path, "The workflow's file")),
        BlockResolver.of(blocks),
        known_guiders(guiders),
        known_techniques(techniques),
    ).pipeline(options)


def workflow_of_data(data: Mapping[str, Any], name: str) -> ModularPipeline:
    """Make the pipeline that the data of a workflow file describe, as `load_workflow` does of a file; `name` is for errors.

    Raises:
        RepoError: it is more than a file may hold. CompositionError: as `load_workflow`.
    """
    return _Workflow(parse_yaml(written_yaml(data, name).encode(), name), BlockResolver.of(())).pipeline({})


@define(eq=False)
class _Workflow:
    """A file on its way to a pipeline; faults are collected."""

    document: Document
    finder: BlockResolver
    guiders: Mapping[str, type[Guider]] = field(factory=dict)
    techniques: Mapping[str, type[Technique]] = field(factory=dict)
    faults: list[str] = field(factory=list)
    is_partial: bool = False
    """Whether blocks may be missing, or there too many, because of faults: a name that none of those that are there knows may then be right."""

    def pipeline(self, options: dict[str, Any]) -> ModularPipeline:
        from ..modular_pipeline import ModularPipeline

        written = self._written()
        blocks = self._blocks(written)
        if blocks is None:
            self._look_at_names(written)
            self._fail()
        self.is_partial = bool(self.faults)
        pipe_options = {name: options.pop(name) for name in ("components_manager", "collection") if name in options}
        dtypes = [options.pop(name, None) for name in ("dtype", "torch_dtype")]
        repo = place_of(written.repo)
        hub = {**options, **({"revision": written.revision} if written.revision else {})}
        absent: BrickworkError | None = None
        try:
            with unsaid(self.is_partial):
                pipe = ModularPipeline(blocks, str(repo) if repo else None, **pipe_options, **(hub if repo else {}))
        except BrickworkError as error:
            with unsaid(True):
                absent, pipe = error, ModularPipeline(blocks, **pipe_options)
            self.faults += [f"{self.document.at('repo')}: {text}" for text in error.faults or [str(error)]]
        self._settle(pipe, written, is_there=absent is None)
        # What is the matter with the repository alone keeps its kind: it is not there, or not trusted.
        if absent is not None and len(self.faults) == len(absent.faults or [absent]):
            absent.args = (f"{self.document.at('repo')}: {absent}",)
            raise absent
        if self.faults:
            self._fail()
        pipe.load_in(*dtypes)
        return pipe

    def _fail(self) -> NoReturn:
        raise CompositionError.of(f"{self.document.name} does not describe a workflow", self.faults)

    def fault(self, path: tuple[Any, ...], text: str) -> None:
        self.faults.append(f"{self.document.at(*path)}: {text}")

    def _noted(self, found: Faults, within: tuple[Any, ...] = ()) -> None:
        """Note faults of the schema, each with its line."""
        for each in found:
            place = (*within, *each.place)
            self.fault(place, each.text if each.of_key or not place else f"{place_words(place)}: {each.text}")

    def _written(self) -> WrittenWorkflow:
        """Return the file as its schema has it; keys under which something is wrong are left out, so that others are
        looked at, too.
        """
        data = self.document.data
        if not isinstance(data, dict):
            self.fault((), "expected keys such as 'start', with the name of a preset.")
            self._fail()
        if data.get("brickwork") != VERSION:
            self.fault(("brickwork",), f"the file must say 'brickwork: {VERSION}', the version of its format.")
        if ("start" in data) == ("composition" in data):
            self.fault((), "there must be one of 'start' (a preset) and 'composition' (all blocks).")
        if is_share(data.get("repo")):
            self.fault(("repo",), f"{data['repo']!r} is on another machine, which files do not name.")
        found = examined(WrittenWorkflow, {**data, "brickwork": VERSION})[1]
        self._noted(found)
        broken = {each.place[0] for each in found if each.place}
        whole = {key: value for key, value in data.items() if key not in broken}
        written: WrittenWorkflow = examined(WrittenWorkflow, {**whole, "brickwork": VERSION})[0]
        return written

    def _blocks(self, written: WrittenWorkflow) -> ModularPipelineBlocks | None:
        place = "start" if written.composition is None else "composition"
        if written.start is None and written.composition is None:
            return None
        unfit = self._unfit(written)
        if unfit:
            for text in unfit:
                self.fault((), text)
            return None
        try:
            whole = self.document.data.get("composition")
            blocks = find_preset(str(written.start)) if place == "start" else compose(whole, self.finder)
        except BrickworkError as error:
            for text in error.faults or [str(error)]:
                self.fault(self._block_place(text) if place == "composition" else (place,), text)
            return None
        for number, edit in enumerate(written.edits or ()):
            self._edit(blocks, edit, ("edits", number))
        return blocks

    def _block_place(self, text: str) -> tuple[Any, ...]:
        """Return where the block stands that a fault of a composition begins with: "denoise.denoiser: ..."."""
        path: tuple[Any, ...] = ("composition",)
        for name in text.partition(":")[0].split("."):
            if (*path, "blocks", name) not in self.document.places:
                break
            path = (*path, "blocks", name)
        return path

    def _look_at_names(self, written: WrittenWorkflow) -> None:
        """Note what is wrong with the guider and the scheduler where there are no blocks to settle them for."""
        if written.guider is not None:
            self._attempt(("guider",), partial(self._guider, written.guider))
        if written.scheduler is not None:
            self._attempt(("scheduler",), partial(look_at_scheduler, written.scheduler))

    def _unfit(self, written: WrittenWorkflow) -> list[str]:
        """Say which packages that the file names do not fit, all of them before one is imported."""
        named = [
            edit[key] for edit in written.edits or () for key in ("block", "with") if isinstance(edit.get(key), str)
        ]
        presets = unfit(points_of_preset(str(written.start))) if written.start is not None else []
        return list(dict.fromkeys([*presets, *self.finder.unfit(named)]))

    def _edit(self, blocks: object, edit: Mapping[str, Any], path: tuple[Any, ...]) -> None:
        verbs = [verb for verb in EDITS if verb in edit]
        # The options of a block that is put there are none of an edit.
        verb = verbs[0] if len(verbs) == 1 else verbs[0] if len(verbs) == 2 and verbs[1] == "options" else None
        if verb is None:
            self.fault(path, f"an edit is one of: {', '.join(EDITS)}.")
            return
        found, wrong = examined(EDITS[verb], edit)
        self._noted(wrong, path)
        if wrong:
            return
        try:
            _APPLY[verb](self, blocks, found, path)
        except (BrickworkError, KeyError, ValueError, TypeError) as error:
            said = error.args[0] if error.args else error
            self.fault((*path, verb), str(said) if not isinstance(error, KeyError) else f"{said!r} is missing.")

    def _replace(self, blocks: Any, edit: Replace, path: tuple[Any, ...]) -> None:
        blocks.replace(edit.name, self._made(edit.block, edit.options, blocks, edit.name, (*path, "with")))

    def _insert(self, blocks: Any, edit: Insert, path: tuple[Any, ...]) -> None:
        anchor = str(edit.before if edit.after is None else edit.after)
        made = self._made(edit.block, edit.options, blocks, anchor, (*path, "block"))
        put = blocks.insert_before if edit.after is None else blocks.insert_after
        put(anchor, edit.name, made)

    def _remove(self, blocks: Any, edit: Remove, path: tuple[Any, ...]) -> None:  # noqa: ARG002 - as the others
        blocks.pop(edit.name)

    def _set_options(self, blocks: Any, edit: SetOptions, path: tuple[Any, ...]) -> None:  # noqa: ARG002 - as the others
        set_block_options(blocks, edit.name, _values(edit.options))

    def _made(
        self, name: str, written: Mapping[str, Any], blocks: Any, beside: str, path: tuple[Any, ...]
    ) -> ModularPipelineBlocks:
        """Return a block by its name: one that the caller gave, else of this package or an installed one."""
        head = beside.rpartition(".")[0]
        near = list((blocks[head] if head else blocks).sub_blocks.values())
        options = _values(written)
        if name in self.finder.instances and not options:
            return compose({"block": name}, self.finder)
        if name in self.finder.classes:
            return self.finder.classes[name](**options)
        try:
            return find_block(name, near)(**options)
        except CompositionError as error:
            place = folder_of_code(name, Path(self.document.name).parent)
            where = f" The code is in {place}, and is not run because a file names it." if place is not None else ""
            self.fault(
                path, f"{error} Blocks of your own are given in Python: load_workflow(path, blocks=[...]).{where}"
            )
            there: ModularPipelineBlocks = blocks[beside]
            return there

    def _settle(self, pipe: ModularPipeline, written: WrittenWorkflow, is_there: bool) -> None:
        """Settle components' origins, guider, config and defaults of inputs.

        Args:
            is_there: whether the repository is.
        """
        place = place_of(written.repo) if is_there else None
        here = open_repo(place, **pipe.hub_options) if place else Repo(self.document.name, Path())
        for name, origin in (written.components or {}).items():
            self._attempt(("components", name), partial(self._origin, pipe, name, origin, here))
        if written.guider is not None:
            guider = written.guider
            self._attempt(("guider",), lambda: pipe.update_components(guider=self._guider(guider)))
        if written.scheduler is not None:
            scheduler = written.scheduler
            look = partial(look_at_scheduler, scheduler)
            there = partial(pipe.update_components, scheduler=scheduler_of(scheduler))
            # Without a repository there is none to be made from.
            self._attempt(("scheduler",), there if is_there else look)
        for name, value in (written.config or {}).items():
            self._attempt(("config", name), partial(self._set_config, pipe, name, value))
        inputs = _values(written.inputs or {})
        names = pipe.blocks.input_names
        known = [*names, *([SEED] if takes_seed(names) else [])]
        for name in inputs:
            if name not in known:
                self._unknown(
                    ("inputs", name), f"{name!r} is no input of this workflow. {did_you_mean(name, known)}", name, known
                )
        for text in input_faults(expectations_of(pipe.blocks), {n: v for n, v in inputs.items() if n in known}):
            self.fault(("inputs", getattr(text, "input", None)), text)
        pipe.input_defaults = inputs
        pipe.wanted_loras.loras = wanted_loras(pipe, written.loras or (), self.document.name, self.fault)
        pipe.outputs = written.outputs or ()
        for number, text in output_faults(pipe):
            self._unknown(("outputs", number), text, pipe.outputs[number], known_outputs(pipe))

    def _unknown(self, path: tuple[Any, ...], text: str, name: str, known: Iterable[str]) -> None:
        """Note a name that is none, unless a block that another fault has kept out may be what knows it."""
        if not self.is_partial or name in known or nearest(name, known) is not None:
            self.fault(path, text)

    def _set_config(self, pipe: ModularPipeline, name: str, value: object) -> None:
        if name in pipe.config or not self.is_partial or nearest(name, pipe.config) is not None:
            pipe.update_config(**_values({name: value}))

    def _attempt(self, path: tuple[Any, ...], settle: Callable[[], object]) -> None:
        try:
            settle()
        except (BrickworkError, ValueError, TypeError) as error:
            self.faults += [
                f"{self.document.at(*path)}: {text}" for text in getattr(error, "faults", ()) or [str(error)]
            ]

    def _origin(self, pipe: ModularPipeline, name: str, origin: str | Mapping[str, Any] | None, here: Repo) -> None:
        """Say of one component where it is from, or what it is made of."""
        if name not in pipe.specs:
            if self.is_partial and nearest(name, pipe.specs) is None:
                return
            raise CompositionError(f"the workflow has no component {name!r}. {did_you_mean(name, pipe.specs)}")
        if origin is None:
            pipe.update_components(**{name: None})
            return
        given = {"repo": origin} if isinstance(origin, str) else dict(origin)
        if KEY in given:
            want_techniques(pipe, name, given.pop(KEY), self.techniques)
            if not given:
                return
        if given.keys() == {"guider"}:
            pipe.update_components(**{name: self._guider(given["guider"])})
            return
        if given.keys() == {"scheduler"}:
            pipe.update_components(**{name: scheduler_of(given["scheduler"])})
            return
        if given.keys() == {"class", "config"}:
            pipe.update_components(**{name: component_of_config(name, given)})
            return
        place_component(pipe, name, given, here)

    def _guider(self, data: object) -> Any:
        if isinstance(data, str):
            return guider_of(data, self.guiders)
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            known = ", ".join([*GUIDERS, *self.guiders])
            raise CompositionError(f"a guider is a name, or 'name' with settings. There are: {known}.")
        settings = {name: value_of_data(value) for name, value in data.items() if name != "name"}
        if data["name"] not in GUIDERS and data["name"] not in self.guiders:
            short = data["name"].rpartition(":")[2]
            raise CompositionError(
                f"{data['name']!r} is no guider of this package; give your own: load_workflow(path, guiders=[{short}]). "
                f"{did_you_mean(data['name'], GUIDERS)}"
            )
        return guider_of({"_class_name": data["name"], **settings}, self.guiders)


def set_block_options(blocks: Any, path: str, options: Mapping[str, Any]) -> None:
    """Put a block with other options in the place of one in a composition; options that are not named stay.

    Raises:
        DeclarationError: the block has no such option.
    """
    block = blocks[path]
    made = type(block)(**{**getattr(block, "options", {}), **options})
    if getattr(block, "sub_blocks", None):
        made.sub_blocks = block.sub_blocks
    blocks.replace(path, made)


def place_component(pipe: ModularPipeline, name: str, given: Mapping[str, Any], here: Repo) -> None:
    """Say of one component of a pipeline where it is from; it is not loaded.

    Args:
        given: `repo`, `subfolder`, `variant`, `revision` and `dtype`, as in a workflow file. here: which other component may lie beside it.

    Raises:
        CompositionError: it is not there, or of no such form.
    """
    place = structured(WrittenPlace, given, f"the place of {name}")
    spec = pipe.specs[name].copy()
    spec.default_creation_method = "from_pretrained"
    for key, value in asdict(place).items():
        if value is not None:
            setattr(spec, key, place_of(value) if key == "repo" else value)
    for text in origin_faults(spec, here):
        raise CompositionError(f"{name}: {text}")
    spec.format_of()
    pipe.update_components(**{name: spec})


def place_of(repo: object) -> Any:
    """Return a repository by its name; "embedded" is the model that ships with this package."""
    return repo if repo is None else shipped_folder(str(repo)) or repo


_APPLY: dict[str, Callable[..., None]] = {
    "replace": _Workflow._replace,
    "insert": _Workflow._insert,
    "remove": _Workflow._remove,
    "options": _Workflow._set_options,
}


def _values(data: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {name: value_of_data(value) for name, value in data.items()}
    except ValueError as error:
        raise CompositionError(str(error)) from None
