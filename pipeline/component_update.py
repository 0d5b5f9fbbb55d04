"""What takes the place of a component: whether it fits, and what is known of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.components_view import known_families
from ..blocks.core.conditional_flattening import AllWorkflows
from ..blocks.core.flattening import walk_scopes
from ..blocks.core.signature_block import lacks_at
from ..engine.nodes import guarded_nodes
from ..families.asked_members import joined
from ..families.contract import FamilyContract
from ..families.fitting import accepted, class_serves, serves
from ..guiders import Guider
from ..registry import ComponentSpec
from ..registry.compilation import network_in, uncompiled
from ..registry.hub.missing_file import WEIGHTS
from ..registry.loading.load import is_network
from ..registry.loading.several import several_of
from ..state import ComponentError
from ..state.errors import did_you_mean, with_article
from ..state.given import given_names
from ..state.user_warnings import caller_level, user_warning
from .schedulers_by_name import SHORT_NAMES, is_scheduler

_logger = logging.getLogger("brickwork")


def taken(name: str, given: object, known: ComponentSpec, blocks: ModularPipelineBlocks) -> tuple[Any, ComponentSpec]:
    """Return a component that takes the place of another, and its spec.

    Args:
        given: an object, a spec, or None. known: the spec of what was there. blocks: of the pipeline.

    Raises:
        ComponentError: it is not of a class that fits.
    """
    families = list(known_families(blocks))
    if isinstance(given, ComponentSpec):
        spec = given.copy()
        spec.name = name
        cls = spec._type_hint
        if cls is None and os.path.isfile(spec.repo or ""):  # noqa: PTH113 - any text
            spec.type_hint = known._type_hint  # which a single file does not say
        if isinstance(cls, type) and not any(
            _class_fits(name, cls, each, families) for each in _expected_classes(name, known, blocks)
        ):
            raise ComponentError(
                f"{name!r} expects {with_article(known.type_hint.__name__)}, and got a spec of {with_article(cls.__name__)}. Give one of that "
                f"class{_others(name, known.type_hint, families)}, or use a block that expects yours."
            )
        component = spec.create() if spec.default_creation_method == "from_config" else None
        return component, spec
    expected = known.type_hint
    if isinstance(given, type):
        raise ComponentError(
            f"{name!r} got the class {given.__name__}, and needs an object: {given.__name__}.from_config(pipe.{name}.config), or "
            "another that is made of it."
        )
    if given is not None and not any(
        _fits(name, network_in(given), each, families) for each in _expected_classes(name, known, blocks)
    ):
        raise ComponentError(
            f"{name!r} expects {_class_words(expected, type(given))}, and got {_class_words(type(given), expected)}. "
            f"{_instead(name, given, expected)}Give an object of that class{_others(name, expected, families)}, or use a block that expects yours."
        )
    spec = known.copy()
    if given is None:
        return None, spec
    try:
        spec = ComponentSpec.from_component(name, network_in(given))
    except ComponentError:
        # Its origin is unknown: it serves this pipeline, and cannot be loaded again from its spec.
        spec.repo = None
    spec.description = known.description
    return given, spec


def unloaded_names(names: object, known: Iterable[str], pretrained: list[str]) -> list[str]:
    """Return the components that are let go of; what is no component is warned of, as in diffusers.

    Args:
        names: None for all that came from files. known: all components. pretrained: those that come from files.

    Raises:
        InputError: `names` are no names.
    """
    if names is None:
        return pretrained
    chosen = given_names(names, "unload_components: names")
    there = list(known)
    for name in chosen:
        if name not in there:
            _logger.warning(
                "unload_components: there is no component %r, and nothing is unloaded for it. %s",
                name,
                did_you_mean(name, there),
                stacklevel=caller_level(),
            )
    return [name for name in chosen if name in there]


def fits_no_workflow(blocks: ModularPipelineBlocks, name: str, component: object) -> list[str]:
    """Say what a component lacks, where no workflow of the blocks runs with it; one that some can run is checked with the run."""
    if component is None:
        return []
    held = {name: uncompiled(component)}
    lacks = {path: lacks_at(around, block, held) for path, block, around in walk_scopes(blocks)}
    faulty = {path: found for path, found in lacks.items() if found}
    if not faulty:
        return []
    every = AllWorkflows.of(blocks)
    without = every.possible
    for node, guard in guarded_nodes(every.steps):
        if node.path in faulty:
            without &= ~guard
    return [] if without else [str(lack) for lack in joined(lack for found in faulty.values() for lack in found)]


def on_one_device(name: str, given: Any, blocks: ModularPipelineBlocks) -> Any:
    """Return the model in a wrapper that spreads batches over devices, and warn; of anything else, itself.

    A wrapper of `torch.compile` stays: it has the attributes of the model in it. So does one of what a block trains, because it joins the
    gradients of all processes.
    """
    import torch

    if not isinstance(given, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        return given
    if any(name in getattr(block, "trained_names", tuple)() for _, block, _ in walk_scopes(blocks)):
        return given
    user_warning(
        f"{name!r} is {with_article(type(given).__name__)}, which hides the config and dtype of the model in it. That model is taken: a run "
        "computes on one device.",
    )
    return given.module


def log_change(name: str, before: ComponentSpec, after: ComponentSpec) -> None:
    """Tell of another class, or another way to get it."""
    old, new = before.type_name[1], after.type_name[1]
    if old != new:
        _logger.info(
            "update_components: %s is %s now; it was %s.", name, with_article(str(new)), with_article(str(old))
        )
    if before.default_creation_method != after.default_creation_method:
        ways = before.default_creation_method, after.default_creation_method
        _logger.info("update_components: default_creation_method of %s changes from %s to %s.", name, *ways)


def merged_spec(expected: ComponentSpec, named: Mapping[str, ComponentSpec]) -> ComponentSpec:
    """Return what a repository says of a component, on top of what the block expects.

    Args:
        named: what the index names.
    """
    name = str(expected.name)
    saved = named.get(name) or named.get(expected.otherwise or name)
    if saved is None and name == "tokenizer" and "processor" in named:
        # transformers' processors save their tokenizers beside themselves, and blocks of diffusers ask the processor for both.
        saved = named["processor"].copy()
        saved.type_hint = expected._type_hint
    if saved is None or saved.repo is None:
        return expected.copy()
    merged = saved.copy()
    merged.name, merged.otherwise = expected.name, expected.otherwise
    if saved.type_name == (None, None):
        merged.type_hint = expected._type_hint
    merged.description = expected.description
    return merged


def _class_words(cls: type, beside: type) -> str:
    """Return a class's name with its article; and its module, where the other class has the same name."""
    name = cls.__name__ if cls.__name__ != beside.__name__ else f"{cls.__module__.partition('.')[0]}.{cls.__name__}"
    return with_article(name)


def _fits(name: str, given: object, expected: object, families: Iterable[FamilyContract]) -> bool:
    if not isinstance(expected, type):
        return True
    if getattr(expected, "_is_protocol", False) or _guides_for(type(given), expected):
        return True
    return serves(given, expected, name, families)


def _class_fits(name: str, given: type, expected: object, families: Iterable[FamilyContract]) -> bool:
    if not isinstance(expected, type) or getattr(expected, "_is_protocol", False):
        return True
    return _guides_for(given, expected) or class_serves(given, expected, name, families)


def _guides_for(given: type, expected: type) -> bool:
    """Return whether both classes are of guiders, of ours or of diffusers: its loops take ours as well; for loops of ours, its are converted.

    Where a loop of diffusers asks its guider for more than all of them have, as that of LTX-2 does, only one that has it serves.
    """
    if not all(issubclass(each, Guider) or _foreign_guider(each) for each in (given, expected)):
        return False
    base = _foreign_guider(expected)
    more = {name for name in {*dir(expected)} - {*dir(base)} if not name.startswith("_")} if base else set()
    return more <= {*dir(given)}


def _foreign_guider(cls: type) -> type | None:
    """Return the class that all guiders of diffusers are of, if this one is; by name, so that a component of another kind does not import diffusers."""
    named = ("BaseGuidance", "diffusers")
    return next((each for each in cls.__mro__ if (each.__name__, each.__module__.partition(".")[0]) == named), None)


def _expected_classes(name: str, known: ComponentSpec, blocks: ModularPipelineBlocks) -> Iterator[Any]:
    """Yield the classes of which a component may be: the known one, and those that blocks name; the blocks of Wan 2.2 VACE in diffusers name two."""
    yield known.type_hint
    for _, block, around in walk_scopes(blocks):
        if not around:
            yield from (spec.type_hint for spec in block.expected_components if spec.name == name)


def _instead(name: str, given: object, expected: type) -> str:
    if isinstance(given, (list, tuple)) and (several := several_of(expected)) is not None:
        return f"Several are one component: `from diffusers import {several}`, then {several}([first, second]). "
    if is_scheduler(expected) and not isinstance(given, os.PathLike):
        return f"A scheduler can be given by name: {', '.join(SHORT_NAMES)}. "
    if not isinstance(given, (str, os.PathLike)):
        return ""
    # A folder says in its configuration of which class its model is; a file of weights does not.
    cls = f", {expected.__name__}" if Path(given).suffix in WEIGHTS else ""
    return f"A folder, file or repository is given as a spec: ComponentSpec({name!r}{cls}, repo={str(given)!r}), then load_components(). "


def _others(name: str, expected: type, families: Iterable[FamilyContract]) -> str:
    """Say which other classes the families say to serve."""
    groups = accepted(name, families)
    others = sorted({each for group in groups for each in group if expected.__name__ in group} - {expected.__name__})
    return f" (or of {', '.join(others)})" if others else ""


def fitting(name: str, model: Any, blocks: ModularPipelineBlocks) -> Any:
    """Return a model that was loaded, if it is of a class that the blocks of a family run with: an index may name any.

    Raises:
        ComponentError: it is not.
    """
    families = list(known_families(blocks))
    spec = next((spec for spec in blocks.expected_components if spec.name == name), None)
    classes = [] if spec is None else [*_expected_classes(name, spec, blocks)]
    if not families or any(not isinstance(each, type) or getattr(each, "_is_protocol", False) for each in classes):
        return model
    found = type(model)
    if classes and is_network(found) and not any(serves(model, each, name, families) for each in classes):
        raise ComponentError(
            f"{name!r} expects {with_article(classes[0].__name__)}, and the index of its repository names "
            f"{with_article(found.__name__)}. Correct the index; or give a model that fits by update_components({name}=...)."
        )
    return model
