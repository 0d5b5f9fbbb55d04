"""What blocks see of a pipeline during a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ...adapters.perturb import perturbed
from ...engine import Run
from ...families.contract import UNBOUND, FamilyContract
from ...guiders import Guider, Perturbation, StatefulGuider
from ...registry import families
from ...registry.compilation import uncompiled
from ...state import InputError
from .flattening import walk
from .peer_family import MISSING, peer_property


class ComponentsView:
    """The object that foreign blocks know as `components`: this run's components, then the pipeline itself."""

    def __init__(self, pipeline: Any, components: Mapping[str, Any]) -> None:
        self._pipeline = pipeline
        self._components = components
        self._guiders: dict[str, StatefulGuider] = {}
        self.run: Run | None = None
        """The run that it is for, when that is there."""
        self.views_of_scopes: list[ComponentsView] = []
        """What foreign blocks inside of scopes have in its place."""

    def __getattr__(self, name: str) -> Any:
        # The run's own first: its scheduler is a clone, and the pipeline's must stay as it is.
        if name not in self._components:
            return self._of_pipeline(name)
        component = self._components[name]
        if not isinstance(component, Guider):
            return component
        # Foreign code tells its guider the step: within a run it must stay one object.
        if name not in self._guiders:
            self._guiders[name] = StatefulGuider(component, self._perturbed)
        return self._guiders[name]

    def _of_pipeline(self, name: str) -> Any:
        pipeline = self._pipeline
        if not hasattr(type(pipeline), name) and name not in vars(pipeline):
            # Of the run's components, which the pipeline itself may not have loaded.
            found = peer_property(pipeline.blocks, self, name)
            if found is not MISSING:
                return found
        return getattr(pipeline, name)

    def close(self) -> None:
        """Give back what foreign code has left as its guider had prepared it, and let go of the run."""
        self.run = None
        for guider in self._guiders.values():
            guider.close()
        for view in self.views_of_scopes:
            view.close()

    def _perturbed(self, denoiser: Any, wanted: Sequence[Perturbation]) -> AbstractContextManager[None]:
        """Perturb a denoiser as the contract of its family says.

        Raises:
            InputError: there is no contract for the family, or the latents' shape is needed and not to be had.
        """
        family = next(known_families(self._pipeline.blocks), UNBOUND)
        if family is UNBOUND:
            raise InputError(
                f"No layers of {type(denoiser).__name__} can be perturbed: none of the pipeline's blocks is of a known model "
                f"family (model_name); there are: {', '.join(families)}."
            )
        # Foreign loops do not say which latents they predict for; diffusers' all call them so.
        latents: Any = None if self.run is None else self.run.state.values.get("latents")
        is_grid = getattr(latents, "ndim", 0) == 4
        if not is_grid and any(each.kind == "blur" for each in wanted):
            raise InputError("Blurring needs latents of the shape [b c h w], and the run has none of that name.")
        inner = uncompiled(denoiser)
        layers = family.layers(inner)
        recommended = family.recommended_layers(inner, layers)
        return perturbed(denoiser, layers, recommended, wanted, family.aspect(latents) if is_grid else 1.0)


class FamilyView:
    """The same for blocks that name their model family: besides, what pipelines of that family know."""

    def __init__(self, components: object, family: FamilyContract) -> None:
        self._inner = components
        self._family = family

    def __getattr__(self, name: str) -> Any:
        if name in self._family.pipeline_properties:
            return self._family.pipeline_properties[name](self._inner)
        return getattr(self._inner, name)


class DeviceView:
    """The same for blocks that compute on another device than the pipeline says."""

    def __init__(self, components: object, device: object) -> None:
        self._inner = components
        # As pipelines of diffusers call it.
        self.device = self._execution_device = device

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def view_for(block: object, components: object, device: object = None) -> Any:
    """Return what a block gets as `components`: with the properties of its family, if there is a contract for it.

    Args:
        device: where it computes, if that is another than the pipeline's.
    """
    if device is not None:
        components = DeviceView(components, device)
    family = family_of(block)
    return components if family is UNBOUND else FamilyView(components, family)


def family_of(block: Any) -> FamilyContract:
    """Return the contract that a block is bound to, or that its `model_name` names."""
    if block.family is UNBOUND and block.model_name in families:
        named: FamilyContract = families.get(block.model_name)
        return named
    bound: FamilyContract = block.family
    return bound


def known_families(blocks: object) -> Iterator[FamilyContract]:
    """Yield the contracts of blocks and of all within them, in order, each once."""
    met: list[FamilyContract] = [UNBOUND]
    for _, block in walk(blocks):
        family = family_of(block)
        if not any(family is each for each in met):
            met.append(family)
            yield family


def frozen_guider(component: object) -> Any:
    """Return the component behind what foreign blocks see of it."""
    return component.guider if isinstance(component, StatefulGuider) else component
