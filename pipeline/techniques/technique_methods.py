"""Techniques of a pipeline's components: put on, listed, taken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from ...adapters.techniques import Technique, technique_of
from ...adapters.techniques.applying import put_on, take_off, technique_faults, techniques_on
from ...adapters.techniques.compile_report import CompileReport, compile_report
from ...registry.identity.as_made import unknown_changes, was_told
from ...registry.identity.component_identity import identity_of
from ...state import ComponentError, InputError
from ...state.errors import NoDigestError
from ..inspection import PipelineInspection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..modular_pipeline import ModularPipeline
    from ..runs import Runs


class PipelineTechniques(PipelineInspection):
    """What makes components faster or smaller, declared and reversible."""

    runs: Runs

    def apply(self, component: str, *techniques: Technique | str | Mapping[str, object]) -> None:
        """Put techniques on a component, all of them or none; pipelines that share it have them, too.

        They are part of what the component is: of cache keys, recipes, snapshots and workflow files. On one that is not loaded,
        `load_components` puts them.

        Args:
            component: its name. techniques: objects, names, or names with settings: `{"name": "FreeU", "s1": 0.8}`.

        Raises:
            InputError: there is no such technique, or a run goes on. ComponentError: there is no such component, or one does not fit it.

        Example:
            >>> from brickwork.adapters.techniques import FreeU
            >>> pipe = embedded()
            >>> pipe.apply("unet", FreeU(s1=0.8))
            >>> image = pipe("a red circle", num_inference_steps=2, output="images")[0]
            >>> pipe.remove("unet")
        """
        self._known([component])
        self._refuse_in_a_run("apply")
        if not techniques:
            raise InputError(f"apply({component!r}, ...): say which technique: pipe.apply({component!r}, FreeU()).")
        wanted = [technique_of(each) for each in techniques]
        if self.components[component] is None:
            self.wanted_techniques.add(component, wanted)
        else:
            put_on(component, self.components[component], wanted, self.family)

    def remove(self, component: str, *techniques: Technique | type[Technique] | str) -> None:
        """Take techniques off a component, which computes bit for bit as before then; all of them where none is named.

        Raises:
            InputError: it has no such technique, or a run goes on. ComponentError: there is no such component, or what a technique had changed was
                changed by others since.
        """
        self._known([component])
        self._refuse_in_a_run("remove")
        # One that did not fit once the component was loaded is still wanted.
        if self.components[component] is None or component in self.wanted_techniques.of:
            self.wanted_techniques.drop(component, techniques)
        else:
            take_off(component, self.components[component], techniques)

    @property
    def techniques(self) -> Mapping[str, tuple[Technique, ...]]:
        """The techniques of each component that has some, or shall have them once it is loaded, in the order in which they were applied."""
        wanted = self.wanted_techniques.of
        found = {name: (*techniques_on(each), *wanted.get(name, ())) for name, each in self.components.items()}
        return MappingProxyType({name: each for name, each in found.items() if each})

    def warm_up(self, **inputs: object) -> CompileReport:
        """Run once, so that what is to be compiled is compiled before it is waited for, and say what was.

        Args:
            inputs: of a call; other sizes and batches may be compiled anew.

        Raises:
            InputError, ComponentError: as a call does.
        """
        run: Callable[..., object] = cast("ModularPipeline", self)
        return compile_report(lambda: run(**inputs))

    def technique_notes(self) -> Iterator[str]:
        """Say of each technique what it is, and of each component what lies on it that nobody has declared."""
        for name, techniques in self.techniques.items():
            yield from (f"technique on {name}: {each.words}" for each in techniques)
        for name, component in self.components.items():
            try:
                found = (
                    unknown_changes(component, identity_of(component, content=False)) if component is not None else ()
                )
            except NoDigestError as error:
                found = (f"nothing tells what it computes ({error})",) if was_told(component) else ()
            yield from (
                f"unknown change on {name}: {text}; no technique, LoRA or adapter accounts for it" for text in found
            )

    def fitting_techniques(self, component: str) -> dict[str, list[str]]:
        """Return every technique of this package with why it does not fit a component; none where it does.

        Raises:
            ComponentError: it is not there, or not loaded.
        """
        from ...adapters.techniques import TECHNIQUES

        self._known([component])
        model = self.components[component]
        if model is None:
            raise ComponentError(f"{component} is not loaded; call load_components() first.")
        there = techniques_on(model)
        return {
            name: list(technique_faults(component, model, cls(), there, self.family))
            for name, cls in TECHNIQUES.items()
        }

    def _refuse_in_a_run(self, what: str) -> None:
        if self.runs.is_going:
            raise InputError(
                f"{what}(...): a run of this pipeline goes on, and would go on with another model. Do it when the run is over."
            )
