"""What a pipeline says of itself, and the settings of its runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from attrs import evolve, fields

from ..blocks.checks.composition_checks import Report
from ..blocks.checks.merging import merge_notes
from ..blocks.classic.classic_block import classic_notes
from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.flattening import walk
from ..blocks.core.peer_family import MISSING, peer_property
from ..engine import Plan, RunSettings
from ..engine.planning.explain import Explanation
from ..engine.planning.graph import Graph
from ..families.contract import FamilyContract, bound_family
from ..registry import ComponentSpec
from ..registry.index import index_entries
from ..state import InputError, html_view
from ..state.errors import did_you_mean, nearest, with_article
from ..state.given import given_names, refuse_positions
from ..state.type_relations import accepts
from .call_signature import config_signature, settings_signature, signed_by
from .components import PipelineComponents
from .config import PipelineConfig
from .forms.guiders import guider_schemas
from .forms.inputs import pipeline_schema
from .forms.options import option_schemas
from .kept_plans import families_of
from .memory_report import MemoryReport, memory_notes, memory_report
from .names_of_diffusers import instead_of_attribute, instead_of_component, instead_of_setting, public_names
from .placing.several_devices import device_notes
from .schedulers_by_name import is_scheduler_of_files
from .seed import signature_with_seed

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline

_OF_ROOMS = frozenset(
    {
        "absent", "described", "description", "guider_names", "hub_options", "kept_plans", "load_in", "loads_on_demand", "may_be_none",
        "none_on_purpose", "options_of", "pending_adapters", "prepare_run", "promised_key", "register", "remarked", "require",
        "take_from", "technique_notes", "wanted_loras", "wanted_techniques",
    }
)  # fmt: skip
"""Names of a pipeline that are there for other rooms of the package, and for nobody else."""


class PipelineInspection(PipelineComponents):
    """Answers what can be asked of a pipeline without running it.

    Attributes:
        blocks: its own copy of the composition. config: settings that blocks declare.
    """

    blocks: ModularPipelineBlocks
    config: PipelineConfig

    @property
    def family(self) -> FamilyContract:
        """The contract of the model family that the blocks are bound to; the unbound one where they are of none."""
        return bound_family(block for _, block in walk(self.blocks))

    @property
    def families(self) -> tuple[FamilyContract, ...]:
        """The contracts that blocks are bound to, each once; more than one where families work together."""
        return families_of(self.blocks)

    def plan(self, given: Iterable[str] | Mapping[str, Any] = (), checked: Iterable[str] | None = None) -> Plan:
        """Return the plan for these inputs."""
        raise NotImplementedError

    def technique_notes(self) -> Iterable[str]:
        """Say what lies on components: techniques, and what nobody has declared."""
        raise NotImplementedError

    def check(self) -> Report:
        """Check all workflows of the blocks: types, order, components, choices."""
        return self.blocks.check()

    def explain(self, *names: str, **values: object) -> Explanation:
        """Explain what runs when these inputs are given, with the sizes of components that are loaded or lie in files.

        Raises:
            InputError: inputs are unknown or missing.
        """
        plan = self.plan({**dict.fromkeys(given_names(names, "names"), True), **values})
        notes = [
            *self.notes,
            *self.technique_notes(),
            *classic_notes(self.blocks),
            *device_notes(self, plan, values),
            *memory_notes(self, plan, values),
        ]
        if self.settings.merge is not None:
            notes += merge_notes(self.blocks, plan.paths, self.placement is not None, self.settings)
        return plan.explain(self.component_sizes(plan.components), notes)

    def memory(self, *names: str, **values: object) -> MemoryReport:
        """Say where the models are and why, what else holds memory, and what a run with these inputs is expected to need.

        Raises:
            InputError: inputs are unknown or missing.
        """
        return memory_report(
            self,
            self.plan({**dict.fromkeys(given_names(names, "names"), True), **values}) if names or values else None,
            values,
        )

    def graph(self) -> Graph:
        """Draw the whole composition as a graph; `pipe.plan(["prompt"]).graph` is that of one plan."""
        return self.blocks.graph()

    def signature(self, workflow: str | None = None) -> inspect.Signature:
        """Return the exact inputs of a workflow as Python's own signature; None is what runs with nothing given."""
        return signature_with_seed(self.blocks.workflow(workflow).signature, self.blocks.input_names)

    def input_schema(self, workflow: str | None = None) -> dict[str, Any]:
        """Return the inputs of a workflow as JSON schema (draft 2020-12), with what a form needs to show them.

        None are those of all workflows: the ones that are given choose which runs, and `anyOf` says which must be given at least.
        """
        return pipeline_schema(cast("ModularPipeline", self), workflow)

    def guider_schemas(self) -> list[dict[str, Any]]:
        """Return the guiders that go with the blocks and components: `name`, `description`, `selected` and the JSON `schema` of the settings."""
        return guider_schemas(cast("ModularPipeline", self))

    def option_schemas(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the options of blocks by path and name as JSON schema; `default` is what an option is now."""
        return option_schemas(self.blocks)

    @property
    def available_workflows(self) -> Sequence[str]:
        """Names of the workflows that the blocks' choices allow."""
        return self.blocks.available_workflows

    @property
    def loader(self) -> Self:
        """The pipeline itself, for older code that loads through `pipe.loader`."""
        return self

    @property
    def doc(self) -> str:
        """A text of what the pipeline takes, gives and uses."""
        return self.blocks.doc

    @signed_by(settings_signature)
    def configure(self, *by_position: object, **changes: Any) -> None:
        """Change settings of later runs: see `RunSettings`. `pipe.configure(progress=False)`."""
        refuse_positions("configure", "progress=False", by_position)
        known = [attribute.name for attribute in fields(RunSettings)]
        faults = [
            f"There is no setting {n!r}. {instead_of_setting(n, self.blocks, known)}" for n in changes if n not in known
        ]
        if faults:
            raise InputError(" ".join(faults))
        try:
            self.settings = evolve(self.settings, **changes)
        except ValueError as error:
            raise InputError(str(error.args[0])) from None

    @signed_by(config_signature)
    def update_config(self, *by_position: object, **changes: object) -> None:
        """Change settings that blocks declare as configs."""
        refuse_positions("update_config", "name=value", by_position)
        faults = [
            f"There is no config {n!r}. {instead_of_component(n) if n in self.specs else did_you_mean(n, self.config)}"
            for n in changes
            if n not in self.config
        ]
        specs = {spec.name: spec for spec in self.blocks.expected_configs}
        defaults = {name: spec.default for name, spec in specs.items()}
        faults += [
            f"The config {name!r} is {value!r}; its default is {defaults[name]!r}, so it must be {with_article(type(defaults[name]).__name__)}."
            for name, value in changes.items()
            # Of numbers nothing is said: an int for a float is meant; "false" for False is a mistake that would be
            # true.
            if type(defaults.get(name)) in (bool, str)
            and type(value) is not type(defaults[name])
            and (specs[name].type_hint is None or not accepts(value, specs[name].type_hint))
        ]
        if faults:
            raise InputError(" ".join(faults))
        self.config = PipelineConfig({**self.config, **changes})

    def set_progress_bar_config(self, disable: bool = False, **options: object) -> None:
        """Configure the progress bars of all loops; options are tqdm's."""
        self.configure(progress=not disable, progress_options=options)

    def __getattr__(self, name: str) -> Any:
        # By `__dict__`: a copy, or a pipeline whose making failed, has none yet, and would ask itself without end.
        components = self.__dict__.get("components", {})
        if name in components:
            if components[name] is None and name not in self.absent and is_scheduler_of_files(self.specs[name]):
                # `DDIMScheduler.from_config(pipe.scheduler.config)` is what people write before anything is loaded.
                self.load_components(name)
            return components[name]
        # copy, pickle and IPython ask for such names all the time, and need no list of what there is.
        if name.startswith("_"):
            raise AttributeError(name)
        if "blocks" in self.__dict__ and (found := peer_property(self.blocks, self, name)) is not MISSING:
            return found
        match = nearest(name, [*components, *public_names(type(self))])
        known = instead_of_attribute(name)
        if known is not None:
            raise AttributeError(f"The pipeline has no component or attribute {name!r}. {known}")
        hint = f" Did you mean {match!r}?" if match else f" Its components are {', '.join(components)}."
        raise AttributeError(f"The pipeline has no component or attribute {name!r}.{hint}")

    def __dir__(self) -> list[str]:
        # What completion offers: the methods that rooms call on one another are no use to who types.
        own = [name for name in super().__dir__() if name not in _OF_ROOMS and (name[:1] != "_" or name[:2] == "__")]
        return [*own, *self.__dict__.get("components", ())]

    @property
    def index(self) -> dict[str, Any]:
        """The origins of its components, as `modular_model_index.json` has them."""
        return index_entries(type(self).__name__, self.specs, self.components, self.config)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = []
        for name, spec in self.specs.items():
            missing = "none" if name in self.absent else "not loaded"
            state = "loaded" if self.components[name] is not None else missing
            rows.append((name, spec.type_name[1] or "?", state, _origin(spec)))
        return rows

    def _repr_html_(self) -> str:
        head = ("component", "class", "state", "from")
        configs = {name: repr(value) for name, value in self.config.items()}
        return html_view.titled(
            f"{type(self).__name__} of {type(self.blocks).__name__}",
            html_view.table(head, self._rows()),
            html_view.folded("config", html_view.fields(configs)),
            html_view.folded("blocks", html_view.Html(self.blocks._repr_html_())),
        )

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} of {type(self.blocks).__name__}"]
        lines += [f"  {name:<16} {kind:<28} {state:<11} {origin}" for name, kind, state, origin in self._rows()]
        lines += [f"  config.{name} = {value!r}" for name, value in self.config.items()]
        if any(self.components[name] is None and name not in self.absent for name in self.pretrained_component_names):
            lines.append("What is not loaded is None as an attribute, until pipe.load_components().")
        return "\n".join(lines)


def _origin(spec: ComponentSpec) -> str:
    if spec.default_creation_method == "from_config":
        return "created from its config"
    return "/".join(filter(None, [spec.repo, spec.subfolder])) or "no origin"
