"""Writes down what a run begins with, fast: this happens at every run."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...blocks.core.base import ModularPipelineBlocks
from ...blocks.core.block_identity import attributes_digest
from ...blocks.core.flattening import walk
from ...blocks.steps.set_timesteps import SetPartialTimesteps
from ...engine import Plan
from ...engine.arithmetic import arithmetic
from ...engine.execution.identities import RunIdentities
from ...registry.identity.library_code import watch_classes
from ...saving.composition import coded_class, describe
from ...state.code_home import is_packaged
from ...state.digest import CodeIdentity, NoDigestError, code_identity
from .component_records import notes_of
from .noted_values import noted_inputs, shared_values
from .parameters_text import SCHEDULES, STEPS, STRENGTH
from .recipe import Recipe

if TYPE_CHECKING:
    from ...engine.settings import CallSharing
    from ..modular_pipeline import ModularPipeline

_PACKAGES = ("brickwork", "torch", "diffusers", "transformers")


def recipe_of(
    pipe: ModularPipeline,
    plan: Plan,
    values: Mapping[str, Any],
    asked: Any,
    held: Mapping[str, Any] | None = None,
    identities: RunIdentities | None = None,
) -> Recipe:
    """Write down a run before it begins.

    Args:
        plan: what runs. values: what it is given. asked: as `output=` has it.
        held: the components, where they are others than the pipeline's. identities: what they are; without, they are looked
            at to the last byte, as is right for a comparison.
    """
    held = pipe.components if held is None else held
    if identities is None:
        identities = RunIdentities(held, content=True, whole=pipe.settings.identity == "full")
    notes = notes_of(pipe, plan.components, held, identities)
    inputs, generators = noted_inputs(values)
    settings = pipe.settings
    process = _process(identities)
    description = pipe.description(process)
    known = {
        "software": software(),
        "device": pipe.device_words,
        "arithmetic": arithmetic(),
        "process": process,
        "settings": {
            "grad": settings.grad,
            **_gradients(settings.grad),
            "residency": settings.residency,
            "load": settings.load,
            **_rows(settings.merge),
        },
        "composition": description.data,
        "configs": pipe.config.written,
        "components": notes.written,
        "inputs": inputs,
        "generators": generators,
        **shared_values(values),
        "defaults": _defaults(pipe, plan, values),
        "output": asked if asked is None or isinstance(asked, str) else list(asked),
    }
    return Recipe(known, notes.weights)


def _defaults(pipe: ModularPipeline, plan: Plan, values: Mapping[str, Any]) -> dict[str, float]:
    """Return steps and strength of a run that was given none: the blocks' own numbers, which other readers of images ask for."""
    found: dict[str, object] = {}
    if all(values.get(name) is None for name in (STEPS, *SCHEDULES)):
        found[STEPS] = plan.default_of(STEPS)
    if values.get(STRENGTH) is None and STRENGTH in plan.reads:
        paths = set(plan.paths)
        own = (block for path, block in walk(pipe.blocks) if path in paths and isinstance(block, SetPartialTimesteps))
        default = plan.default_of(STRENGTH)
        found[STRENGTH] = next((block.default_strength for block in own), None) if default is None else default
    return {name: value for name, value in found.items() if isinstance(value, (int, float))}


def _rows(merger: CallSharing | None) -> dict[str, int]:
    """Return how many rows every forward had, where that does not hang on other runs."""
    return {} if merger is None or merger.bucket is None else {"rows": merger.bucket}


def _gradients(mode: str) -> dict[str, bool]:
    """Return whether gradients are recorded, of a run that leaves it to its caller."""
    import torch

    return {"gradients": torch.is_grad_enabled()} if mode == "inherit" else {}


def _process(identities: RunIdentities) -> dict[str, Any]:
    """Return what in the process is not as its libraries have it."""
    try:
        return {"replaced": list(identities.process())}
    except NoDigestError as error:
        return {"replaced": [], "unknown": str(error)}


@frozen
class Description:
    """A composition as data, and the code that it was written down for.

    Somebody may define blocks anew, or what they refer to, or put something in the place of this package's, between two runs.

    Attributes:
        process: what was replaced in the process then, as recipes have it; of code of packages that says whether it is as it was.
        bare: blocks on which nothing lies, which one pass tells. others: those with attributes, and the digests of these.
    """

    data: dict[str, Any]
    process: Mapping[str, Any] | None
    classes: tuple[type, ...]
    codes: tuple[CodeIdentity, ...]
    bare: tuple[ModularPipelineBlocks, ...]
    others: tuple[ModularPipelineBlocks, ...]
    attributes: tuple[str | None, ...]

    @classmethod
    def of(cls, blocks: ModularPipelineBlocks, process: Mapping[str, Any] | None = None) -> Description:
        """Describe a composition now."""
        parts = [block for _, block in walk(blocks)]
        classes = dict.fromkeys(map(coded_class, parts))
        own = tuple(each for each in classes if not is_packaged(each.__module__))
        watch_classes(dict.fromkeys(map(type, parts)))
        every = tuple(getattr(block, "foreign", block) for block in parts)
        bare, others = (tuple(each for each in every if bool(vars(each)) is has) for has in (False, True))
        digests = tuple(map(attributes_digest, others))
        return cls(describe(blocks), process, own, tuple(map(code_identity, own)), bare, others, digests)

    def holds(self, process: Mapping[str, Any]) -> bool:
        """Return whether the code, and what lies on the blocks, is still the same, with what is replaced in the process now."""
        # What was replaced, and cannot be told, may be another thing each time.
        if process != self.process or "unknown" in process:
            return False
        if tuple(map(code_identity, self.classes)) != self.codes:
            return False
        # Most blocks hold nothing, and a look whether that is still so is cheaper than a digest.
        if any(map(vars, self.bare)):
            return False
        # What nobody can tell is written down anew each time.
        return None not in self.attributes and tuple(map(attributes_digest, self.others)) == self.attributes


@cache
def software() -> dict[str, str]:
    """Return the versions of what computes."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a folder that was not installed
        return "unknown"
