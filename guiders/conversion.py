"""Guiders by name, from files, and from objects of diffusers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..registry.repo import open_repo
from ..state import InputError, RepoError
from ..state.atomic import write_text, writing
from ..state.errors import did_you_mean
from ..state.limits import LARGEST_GUIDER
from ..state.strict_json import read_json, written_json
from .adaptive_projected import AdaptiveProjectedGuidance, AdaptiveProjectedMixGuidance
from .auto_guidance import AutoGuidance
from .classifier import ClassifierGuidance
from .classifier_free import ClassifierFreeGuidance
from .dynamic_thresholding import DynamicThresholding
from .embedded import EmbeddedGuidance
from .frequency_decoupled import FrequencyDecoupledGuidance
from .guider import Guider
from .image_text import ImageTextGuidance
from .magnitude_aware import MagnitudeAwareGuidance
from .perturbed_attention import PerturbedAttentionGuidance
from .sample_space import SampleSpaceGuidance
from .skip_layer import SkipLayerGuidance
from .smoothed_energy import SmoothedEnergyGuidance
from .tangential import TangentialClassifierFreeGuidance
from .zero_star import ClassifierFreeZeroStarGuidance

GUIDERS: Mapping[str, type[Guider]] = {
    cls.__name__: cls
    for cls in (
        AdaptiveProjectedGuidance,
        AdaptiveProjectedMixGuidance,
        AutoGuidance,
        ClassifierFreeGuidance,
        ClassifierFreeZeroStarGuidance,
        ClassifierGuidance,
        DynamicThresholding,
        EmbeddedGuidance,
        FrequencyDecoupledGuidance,
        ImageTextGuidance,
        MagnitudeAwareGuidance,
        PerturbedAttentionGuidance,
        SampleSpaceGuidance,
        SkipLayerGuidance,
        SmoothedEnergyGuidance,
        TangentialClassifierFreeGuidance,
    )
}
"""Ours by the names that files and diffusers have for them."""
_WRITTEN_FOR = "0.42.1"
"""The release of diffusers whose files these are."""


def guider_of(given: Any) -> Guider:
    """Make a guider of ours of a guider, its name, its configuration, or an object of diffusers with the same name.

    Raises:
        InputError: there is no such guider.
    """
    if isinstance(given, Guider):
        return given
    config: Any
    if isinstance(given, str):
        name, config, what = given, {}, repr(given)
    elif isinstance(given, Mapping):
        name, config, what = str(given.get("_class_name")), given, f"A configuration of {given.get('_class_name')!r}"
    else:
        name, config = type(given).__name__, getattr(given, "config", None)
        what = f"A {name}"
    if name not in GUIDERS or not isinstance(config, Mapping):
        raise InputError(f"{what[:200]} is no guider. {did_you_mean(name[:60], GUIDERS)}")
    return GUIDERS[name].from_config(config)


def save_guider(guider: Guider, folder: str | Path) -> Path:
    """Write `guider_config.json`, as diffusers has it, to a folder, which is made if it is not there.

    Raises:
        InputError: a setting is a function, which no file can hold.
    """
    config = guider.config
    functions = _functions(config)
    if functions:
        raise InputError(
            f"{type(guider).__name__} cannot be saved: {', '.join(functions)} is a function. Give a list with one number for "
            "each step, or set it when the guider is loaded."
        )
    path = Path(folder) / type(guider).config_name
    head = {"_class_name": type(guider).__name__, "_diffusers_version": _WRITTEN_FOR}
    text = written_json({**head, **config}, str(path), LARGEST_GUIDER, indent=2)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text + "\n")
    return path


def _functions(config: Mapping[str, Any]) -> list[str]:
    """Names of settings that are functions, of inner guiders, too."""
    inner = [name for value in config.values() if isinstance(value, Mapping) for name in _functions(value)]
    return [name for name, value in config.items() if callable(value)] + inner


def load_guider(
    name: str | Path, subfolder: str | None = None, revision: str | None = None, **hub_options: Any
) -> Guider:
    """Read a guider that we or diffusers have saved, in a folder or on the Hub.

    Raises:
        RepoError: there is no file, or it names no guider that is known here.
    """
    repo = open_repo(name, revision, **hub_options)
    file = "/".join(filter(None, [subfolder, Guider.config_name]))
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
