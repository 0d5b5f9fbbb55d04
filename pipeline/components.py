"""The components of a pipeline: their specs, loading, replacing, moving."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from ..adapters.pending_adapters import PendingAdapters
from ..adapters.techniques.wanted import WantedTechniques
from ..adapters.wanted_loras import WantedLoras
from ..blocks.core.base import ModularPipelineBlocks
from ..engine import Plan, RunSettings
from ..guiders import GUIDERS, Guider, guider_of
from ..registry import ComponentsManager, ComponentSpec, PipelineIndex
from ..registry.devices.component_bytes import component_bytes
from ..registry.hub.downloads import one_bar
from ..registry.hub.lock import Lock
from ..registry.hub.repo import HUB_OPTIONS, local_name, same_repo
from ..registry.identity.as_made import as_made
from ..registry.identity.component_identity import invalidate
from ..registry.loading.dtype_names import one_dtype
from ..registry.loading.load import files_of
from ..registry.pinning import pin
from ..saving.open_repository import OpenedRepository, created_components
from ..state import ComponentError, InputError
from ..state.digest import digest_of
from ..state.errors import did_you_mean
from ..state.given import given_name, given_names, refuse_positions
from ..state.named_values import NamedComponents
from ..state.user_warnings import caller_level
from .call_signature import component_signature, signed_by
from .component_update import fits_no_workflow, fitting, log_change, merged_spec, on_one_device, taken, unloaded_names
from .devices import PipelineDevices
from .load_options import grant_was_for_another, named_in, own_option, refuse_odd_options, said_once
from .not_loaded import how_to_do_without, not_loaded
from .odd_attributes import refuse_odd_attribute, refuse_replaced
from .schedulers_by_name import is_scheduler, made_by_name

if TYPE_CHECKING:
    from .kept_plans import KeptPlans

_logger = logging.getLogger("brickwork")


class PipelineComponents(PipelineDevices):
    """What a pipeline holds besides its blocks.

    Attributes:
        specs: component name to its spec, in the order in which the blocks name them.
        components: component name to the component, None while it is not loaded.
        guider_names: components that guide; objects of diffusers' guiders are converted for them.
        absent: components that are None on purpose: the repository's index, or a person, says that there is none.
        notes: what a person should know of the models; `explain` shows it.
        remarks: functions that say of the inputs of a call what a person should know; each text is logged once. remarked: those
            that were.
        manager: shares loaded components with other pipelines. collection: under which it files those of this one.
    """

    blocks: ModularPipelineBlocks
    settings: RunSettings

    def __init__(
        self,
        blocks: ModularPipelineBlocks,
        index: PipelineIndex | None,
        manager: ComponentsManager | None = None,
        collection: str | None = None,
    ) -> None:
        self._index = index or PipelineIndex()
        self.manager = manager
        self.collection = collection
        self.specs: dict[str, ComponentSpec] = NamedComponents()
        self.components: dict[str, Any] = NamedComponents()
        self.notes: list[str] = []
        self.remarks: list[Callable[[Any, Mapping[str, Any]], Iterable[str]]] = []
        self.remarked: set[str] = set()
        self.guider_names: set[str] = set()
        self.absent: set[str] = set(self._index.absent)
        self.lock: Lock | None = None
        self.repo_name: str | None = None
        self.hub_options: dict[str, Any] = {}
        self.pending_adapters = PendingAdapters()
        self.wanted_loras = WantedLoras()
        self.wanted_techniques = WantedTechniques()
        self.register(blocks.expected_components)

    def register(self, expected: Iterable[ComponentSpec]) -> None:
        """Add components that blocks expect and the pipeline does not know; make those that need no weights."""
        for spec in expected:
            name = str(spec.name)
            if name in self.specs:
                continue
            merged = merged_spec(spec, self._index.specs)
            self.specs[name] = merged
            if isinstance(spec.type_hint, type) and issubclass(spec.type_hint, Guider):
                self.guider_names.add(name)
                merged.type_hint = GUIDERS.get(str(merged.type_name[1]), merged._type_hint)
            creates = merged.default_creation_method == "from_config"
            self.components[name] = merged.create() if creates else None

    def load_in(self, dtype: object, torch_dtype: object = None, variant: str | None = None) -> None:
        """Let models be loaded in a dtype, and of a variant of their weights, where `load_components` is told none.

        Args:
            dtype: of torch, or a name; or a dict of those by component ("default" for the others). torch_dtype: another name of it.
            variant: "fp16", of all; None leaves what the index says.

        Raises:
            ComponentError: it is no dtype of weights, the two differ, or a component is unknown.
        """
        self._known(name for each in (dtype, torch_dtype) for name in named_in(each) if name != "default")
        for name in self.pretrained_component_names:
            found = one_dtype(own_option(dtype, name), own_option(torch_dtype, name))
            if found is not None:
                self.specs[name].dtype = str(found).removeprefix("torch.")
            if variant is not None:
                self.specs[name].variant = variant

    def take_from(self, opened: OpenedRepository) -> None:
        """Take over what a repository says besides its index: made components, notes, how it was reached."""
        self.lock = opened.lock if opened.lock.pins else None
        self.hub_options = dict(opened.repo.options)
        for text in opened.notes:
            _logger.warning("%s", text, stacklevel=caller_level())
        self.notes += opened.notes
        if opened.adoption:
            _logger.info("%s", opened.adoption)
            self.notes.append(opened.adoption)
        if opened.format is not None:
            for name, component in created_components(opened.format, self.specs, opened.guiders).items():
                self.update_components(**{name: component})
            for name in set(opened.format.absent) & set(self.config_component_names):
                self.update_components(**{name: None})  # it was made with the others
            self.pending_adapters = PendingAdapters.of(opened.format.adapters, opened.repo, self.specs)

    @property
    def component_names(self) -> list[str]:
        """All components that the blocks expect."""
        return list(self.specs)

    @property
    def null_component_names(self) -> list[str]:
        """Components that are not loaded."""
        return [name for name, component in self.components.items() if component is None]

    @property
    def loaded_component_names(self) -> list[str]:
        """Components that are there."""
        return [name for name, component in self.components.items() if component is not None]

    @property
    def pretrained_component_names(self) -> list[str]:
        """Components that are loaded from files."""
        return [n for n, spec in self.specs.items() if spec.default_creation_method == "from_pretrained"]

    @property
    def config_component_names(self) -> list[str]:
        """Components that are made from a configuration, and are there from the beginning."""
        return [n for n, spec in self.specs.items() if spec.default_creation_method == "from_config"]

    @property
    def none_on_purpose(self) -> set[str]:
        """Components that there are none of: the repository's index, or a person, says so."""
        return {name for name in self.absent if name in self.components and self.components[name] is None}

    def get_component_spec(self, name: str) -> ComponentSpec:
        """Return a copy of a component's spec, to edit."""
        self._known([given_name(name, "name")])
        return self.specs[name].copy()

    def load_components(
        self, names: str | Iterable[str] | None = None, workflow: str | None = None, **options: object
    ) -> Self:
        """Load components from files; all that are not loaded yet and not None on purpose, or the named ones.

        Args:
            names: one or more components. workflow: in place of names, what runs; only what it uses is loaded.
            options: for loading, such as `dtype` (also by name, "fp16"): one for all, or a dict by component ("default": the others).

        Raises:
            ComponentError: components could not be loaded; every failure is named, and those that worked are kept.
            TrustError: one asks for more than was granted. InputError: names and a workflow are given.
        """
        refuse_odd_options(options)
        wanted = self._to_load(names) if workflow is None else self._of_workflow(workflow, names)
        # A name that is not there would leave its component in the dtype of the others, without a word.
        self._known(dict.fromkeys(n for each in options.values() for n in named_in(each) if n != "default"))
        failed: dict[str, list[str]] = {}
        with one_bar(self.settings.progress, partial(files_of, [self.specs[name] for name in wanted])):
            for name in wanted:
                try:
                    own = {k: own_option(v, name) for k, v in options.items()}
                    component = fitting(name, self._loaded_or_shared(name, own), self.blocks)
                except ComponentError as error:
                    failed.setdefault(str(error), []).append(name)
                    continue
                self.components[name] = self._placed(self._ours(name, component))
                self.absent.discard(name)
        faults = [*said_once(failed), *self.pending_adapters.put_in(wanted, self.components)]
        faults += [*self.wanted_loras.put_in(self), *self.wanted_techniques.put_on(self)] if not faults else ()
        if faults:
            raise ComponentError.of("Components could not be loaded", faults)
        return self

    load_default_components = load_components

    def options_of(self, name: str) -> dict[str, Any]:
        """Options for loading a component on demand."""
        return {key: own_option(value, name) for key, value in self.settings.load_options.items()}

    def _loaded_or_shared(self, name: str, options: dict[str, Any]) -> Any:
        spec = self.specs[name]
        options = {**self.hub_options, **options}
        # A grant is for the repository that the caller named.
        if not self._is_of_repo(spec) and options.pop("trust_remote_code", False):
            with grant_was_for_another(spec, self.repo_name):
                return self._loaded_or_shared(name, options)
        if self.lock is not None:
            pin(spec, self.lock, self.hub_options, safe=options.get("use_safetensors") is not False)
        if self.manager is None or options.keys() - {"dtype", "torch_dtype", *HUB_OPTIONS}:
            component = spec.load(**options)
            if self.manager is not None:
                self.manager.add(name, component, self.collection)
            return component
        dtype = spec.format_of(**options)
        return self.manager.shared(name, spec.load_id, dtype, lambda: spec.load(**options), self.collection)

    def _is_of_repo(self, spec: ComponentSpec) -> bool:
        """Whether a component is from the repository that the pipeline is of."""
        names = () if self.repo_name is None else (self.repo_name, local_name(self.repo_name))
        return any(same_repo(spec.repo, name) for name in names)

    def invalidate(self, *names: str) -> None:
        """Declare that components are something new, as after training: nothing that was kept of before counts for them.

        Weights of unknown origin, or changed in place, belong to nothing that is kept until this is called.
        """
        self._known(names)
        for name in names:
            invalidate(self.components[name])

    def promised_key(self, name: str) -> str | None:
        """What tells a component that a run loads for itself: where it will come from, and in which number format."""
        if name in self.absent:
            return digest_of(None)
        spec = self.specs[name]
        if spec.default_creation_method == "from_config" or spec.repo is None:
            return None
        options = self.options_of(name)
        return digest_of(
            spec.load_id, spec.file_stamp(), str(spec.format_of(**options)), {k: str(v) for k, v in options.items()}
        )

    def unload_components(self, names: str | Iterable[str] | None = None) -> Self:
        """Let go of loaded components, all that came from files or the named ones; their memory is free if no other
        pipeline and no caller holds them. A name of no component is warned of.
        """
        for name in unloaded_names(names, self.components, self.pretrained_component_names):
            component, self.components[name] = self.components[name], None
            if self.manager is not None and component is not None:
                self.manager.forget(component, self.collection)
        return self

    def _to_load(self, names: str | Iterable[str] | None) -> list[str]:
        if names is not None:
            chosen = given_names(names, "names")
            self._known(chosen)
            return chosen
        skipped = {*self.loaded_component_names, *self.absent}
        return [n for n in self.pretrained_component_names if n not in skipped and self.specs[n].repo is not None]

    def _of_workflow(self, workflow: str, names: object) -> list[str]:
        if names is not None:
            raise InputError("load_components takes names= or workflow=, not both: leave one out.")
        used = self.blocks.workflow(workflow).components
        return [name for name in self._to_load(None) if name in used]

    @signed_by(component_signature)
    def update_components(self, *by_position: object, **components: object) -> None:
        """Replace components: by objects, or by specs (those that are made from a config are made at once).

        `pipe.unet = model` is the same. A scheduler can be given by name: a class of diffusers, a short name ("dpmpp_2m_karras"), or
        `{"name": ..., setting: value}`. It is made from the configuration of the present one.

        Raises:
            ComponentError: a name is unknown, or an object is not of the class that the blocks expect.
        """
        refuse_positions("update_components", "unet=model", by_position)
        self._known(components)
        faults = []
        made: dict[str, tuple[Any, ComponentSpec]] = {}
        for name, given in components.items():
            try:
                made[name] = taken(name, self._ours(name, given), self.specs[name], self.blocks)
            except (ComponentError, InputError) as error:
                faults.append(str(error))
        faults += [
            fault for name, (component, _) in made.items() for fault in fits_no_workflow(self.blocks, name, component)
        ]
        if faults:
            raise ComponentError.of("Components do not fit", faults)
        for name, (component, spec) in made.items():
            log_change(name, self.specs[name], spec)
            self.components[name] = self._placed(as_made(component))
            self.specs[name] = spec
            self.pending_adapters.names.discard(name)
            (self.absent.add if components[name] is None else self.absent.discard)(name)
            if self.manager is not None and component is not None:
                self.manager.add(name, component, self.collection, reuse=True)

    def __setattr__(self, name: str, value: object) -> None:
        # What a class or the pipeline has under this name itself is no component's attribute.
        # `hasattr` would have the class look for what was meant by a name that it has not.
        is_new = name not in self.__dict__ and all(name not in vars(cls) for cls in type(self).__mro__)
        if is_new and name in self.__dict__.get("components", ()):
            self.update_components(**{name: value})
            return
        # Those that are set while a pipeline is made are its own.
        if "runs" in self.__dict__:
            refuse_replaced(name, value)
            if is_new:
                refuse_odd_attribute(name, self.__dict__.get("components", ()), self.kept_plans().input_names)
        super().__setattr__(name, value)

    def _ours(self, name: str, given: object) -> Any:
        """A guider of ours, where blocks of ours want one, of a name or an object of diffusers; a scheduler of a name."""
        if given is None or isinstance(given, ComponentSpec):
            return given
        if name in self.guider_names:
            return guider_of(given)
        if isinstance(given, (str, Mapping)) and is_scheduler(self.specs[name].type_hint):
            return made_by_name(given, self._present(name))
        return on_one_device(name, given, self.blocks)

    def _present(self, name: str) -> Any:
        """Return a component without weights, for its configuration; one that is not loaded is read for it."""
        if (component := self.components[name]) is not None:
            return component
        spec = self.specs[name].copy()
        if spec.repo is None and spec.default_creation_method == "from_pretrained":
            raise ComponentError(
                f"{name!r} is not loaded and has no origin, so there is no configuration to make another from. Give an object."
            )
        return spec.load(**self.hub_options) if spec.repo is not None else spec.create()

    def component_sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Bytes of components: of loaded ones their tensors, of others what the headers of their files say."""
        held = {name: self.components[name] for name in given_names(names, "names")}
        sizes = {n: self.specs[n].stored_bytes() if it is None else component_bytes(it) for n, it in held.items()}
        return {name: size for name, size in sizes.items() if size is not None}

    def require(self, plan: Plan) -> None:
        """Raise ComponentError naming every component that a plan needs and that is not there."""
        names = plan.components
        missing = [name for name in names if self.components[name] is None and not self.may_be_none(name)]
        wanted = self.wanted_loras.fault(names, self) or self.wanted_techniques.fault(names)
        if (lacking := self.pending_adapters.fault(names) or wanted) is not None:
            raise ComponentError(lacking)
        if missing and self.loads_on_demand:
            faults = [fault for name in missing if (fault := self.specs[name].loading_fault())]
            if faults:
                raise ComponentError.of("Components cannot be loaded", faults)
            # What is None on purpose is loaded by nobody but a person.
            if not (missing := [name for name in missing if name in self.absent]):
                return
        self._refuse_mixed_devices(names)
        if missing:
            spared = how_to_do_without(missing, self.kept_plans().dispensable)
            raise ComponentError(not_loaded(self.blocks, plan, missing, self.specs) + spared)

    def may_be_none(self, name: str) -> bool:
        """Return whether blocks are given None for a component: there is none, and all that ask for it run without."""
        known = self.kept_plans()
        own = known.expendable if self.specs[name].repo is None else frozenset[str]()
        return self.components[name] is None and name in (known.dispensable if name in self.absent else own)

    def kept_plans(self) -> KeptPlans:
        """Return what is known of the blocks as they are."""
        raise NotImplementedError

    @property
    def loads_on_demand(self) -> bool:
        """Whether a run loads what it needs by itself."""
        return self.settings.load == "on demand" or self.settings.residency == "just in time"

    def _known(self, names: Iterable[str]) -> None:
        unknown = [name for name in given_names(list(names), "names of components") if name not in self.specs]
        if unknown:
            self.kept_plans()  # which takes over what edits of the blocks brought
        faults = [
            f"The pipeline has no component {name!r}. {did_you_mean(name, self.specs)}"
            for name in unknown
            if name not in self.specs
        ]
        if faults:
            raise ComponentError.of("Components are unknown", faults)
