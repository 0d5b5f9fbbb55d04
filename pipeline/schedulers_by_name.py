"""Schedulers by name: classes of diffusers, and the short names that people use, made from the configuration of the present one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ..registry import ComponentSpec
from ..registry.loading.classes import resolve_class
from ..registry.loading.needed_packages import install_hint, is_installed
from ..state import ComponentError
from ..state.errors import did_you_mean, nearest, with_article

_PLAIN = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}
_MULTISTEP, _ANCESTRAL = "DPMSolverMultistepScheduler", "EulerAncestralDiscreteScheduler"
SHORT_NAMES: Mapping[str, tuple[str, Mapping[str, Any], str | None]] = {
    "ddim": ("DDIMScheduler", {}, "DDIM"),
    "ddpm": ("DDPMScheduler", {}, None),
    "deis": ("DEISMultistepScheduler", _PLAIN, None),
    "dpm_2": ("KDPM2DiscreteScheduler", _PLAIN, "DPM2"),
    "dpm_2_ancestral": ("KDPM2AncestralDiscreteScheduler", _PLAIN, "DPM2 a"),
    "dpmpp_2m": (_MULTISTEP, {"algorithm_type": "dpmsolver++", "solver_order": 2, **_PLAIN}, "DPM++ 2M"),
    "dpmpp_2m_sde": (_MULTISTEP, {"algorithm_type": "sde-dpmsolver++", "solver_order": 2, **_PLAIN}, "DPM++ 2M SDE"),
    "dpmpp_sde": ("DPMSolverSDEScheduler", _PLAIN, "DPM++ SDE"),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2, **_PLAIN}, None),
    "euler": ("EulerDiscreteScheduler", _PLAIN, "Euler"),
    "euler_a": (_ANCESTRAL, {}, "Euler a"),
    "euler_ancestral": (_ANCESTRAL, {}, "Euler a"),
    "heun": ("HeunDiscreteScheduler", _PLAIN, "Heun"),
    "lcm": ("LCMScheduler", {}, "LCM"),
    "lms": ("LMSDiscreteScheduler", _PLAIN, "LMS"),
    "pndm": ("PNDMScheduler", {}, None),
    "tcd": ("TCDScheduler", {}, None),
    "uni_pc": ("UniPCMultistepScheduler", _PLAIN, "UniPC"),
    "unipc": ("UniPCMultistepScheduler", _PLAIN, "UniPC"),
}
"""Name to class, settings, and how AUTOMATIC1111's stable-diffusion-webui spells it, where it has the same.

The sigmas are said in each, so that a name means one thing whatever the present scheduler has.
"""
_NAMELESS = ("use_flow_sigmas", "use_lu_lambdas")
"""Noise levels that stable-diffusion-webui does not have."""
_SIGMAS = ("karras", "exponential", "beta")
_PACKAGES = {"DPMSolverSDEScheduler": "torchsde", "LMSDiscreteScheduler": "scipy", "use_beta_sigmas": "scipy"}
"""Packages that classes and settings need beside those that diffusers needs itself."""


def short_names() -> list[str]:
    """Return all short names, also with the sigmas behind them where the class takes these."""
    return sorted(name for name, _, _ in _each_short_name())


def _each_short_name() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield each short name with its class and settings."""
    for name, (class_name, settings, _) in SHORT_NAMES.items():
        yield name, class_name, settings
        for each in _SIGMAS:
            if f"use_{each}_sigmas" in settings:
                yield f"{name}_{each}", class_name, _with_sigmas(settings, each)


def _with_sigmas(settings: Mapping[str, Any], sigmas: str) -> Mapping[str, Any]:
    return {**settings, f"use_{sigmas}_sigmas": True} if sigmas else settings


@frozen
class NamedScheduler:
    """What a short name stands for.

    Attributes:
        settings: of the class, which the name says. selected: whether it is the present scheduler.
    """

    name: str
    class_name: str
    settings: Mapping[str, Any]
    selected: bool


def schedulers_that_fit(present: Any) -> list[NamedScheduler]:
    """Return the short names that a scheduler can be replaced by: none where it is not one of noise levels by betas, as those of flow matching.

    Of names for one scheduler there is the shortest; those that need a package are there if it is.
    """
    config: Mapping[str, Any] = getattr(present, "config", None) or {}
    if (
        "beta_start" not in config
        or config.get("use_flow_sigmas")
        or config.get("prediction_type") == "flow_prediction"
    ):
        return []
    found: dict[tuple[str, tuple[tuple[str, Any], ...]], NamedScheduler] = {}
    for name, class_name, settings in sorted(_each_short_name(), key=lambda each: (len(each[0]), each[0])):
        if all(is_installed(package) for package in _packages_of(class_name, settings)):
            selected = type(present).__name__ == class_name and all(
                config.get(key) == settings[key] for key in settings
            )
            named = NamedScheduler(name, class_name, settings, selected)
            found.setdefault((class_name, tuple(settings.items())), named)
    return sorted(found.values(), key=lambda each: each.name)


def _packages_of(class_name: str, settings: Mapping[str, Any]) -> list[str]:
    asked = [class_name, *(name for name, value in settings.items() if value is True)]
    return [_PACKAGES[each] for each in asked if each in _PACKAGES]


def is_scheduler(expected: object) -> bool:
    """Return whether a component of this class is a scheduler."""
    return isinstance(expected, type) and hasattr(expected, "set_timesteps")


def is_scheduler_of_files(spec: ComponentSpec) -> bool:
    """Return whether a spec is of a scheduler that files describe: it has no weights, and is read whenever it is asked for."""
    # By its name first: to look at the class of every component that is asked for would import it.
    return spec.repo is not None and "Scheduler" in str(spec.type_name[1]) and is_scheduler(spec.type_hint)


def made_by_name(given: str | Mapping[str, Any], present: Any) -> Any:
    """Make a scheduler.

    Args:
        given: a class of diffusers, or a short name, with "_karras", "_exponential" or "_beta" behind it for those sigmas;
            or a mapping of `name` and settings of the class.
        present: the scheduler whose configuration it takes over.

    Raises:
        ComponentError: there is no such scheduler or setting.
    """
    settings = dict(given) if isinstance(given, Mapping) else {"name": given}
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise ComponentError(
            "A scheduler is a name, or 'name' with settings: {'name': 'dpmpp_2m', 'use_karras_sigmas': True}."
        )
    class_name, overrides = class_of_name(name)
    cls = resolve_class("diffusers", class_name)
    if not hasattr(cls, "from_config") or not is_scheduler(cls):
        raise ComponentError(f"{class_name} is no scheduler. {did_you_mean(class_name, names_of_schedulers())}")
    parameters = inspect.signature(cls.__init__).parameters
    known = parameters.keys() - {"self"}
    faults = [
        f"{class_name} has no setting {each!r}. {did_you_mean(each, known)}" for each in settings if each not in known
    ]
    wanted = next((each for each, value in overrides.items() if value is True and each not in known), None)
    if wanted is not None:
        faults.append(f"{name!r} is no scheduler: {class_name} has no setting {wanted!r}.")
    faults += [
        f"{class_name} needs {each!r}, which the configuration of {with_article(type(present).__name__)} does not say: it is for models of another "
        f"kind. Give it, {{'name': {class_name!r}, {each!r}: ...}}, or take one of {', '.join(SHORT_NAMES)}."
        for each, parameter in parameters.items()
        if each != "self" and _is_needed(parameter) and each not in {*settings, *present.config}
    ]
    if faults:
        raise ComponentError.of("The scheduler does not fit", faults)
    chosen = {key: value for key, value in overrides.items() if key in known} | settings
    if not hasattr(present, "config"):
        raise ComponentError(
            f"The present scheduler is {with_article(type(present).__name__)}, which has no `config` to make {with_article(class_name)} "
            f"from. Give an object: update_components(scheduler={class_name}(...)), with the betas that the model was trained with."
        )
    config = {key: value for key, value in present.config.items() if value is not None or _takes_none(parameters, key)}
    try:
        return cls.from_config(config, **chosen)
    except Exception as error:
        raise ComponentError(f"{class_name} could not be made with {chosen}: {error}{install_hint(error)}") from error


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def _takes_none(parameters: Mapping[str, inspect.Parameter], setting: str) -> bool:
    """Return whether a class says that a setting may be None; else its own default is what None of another class means."""
    known = parameters.get(setting)
    if known is None or known.default is None or known.default is inspect.Parameter.empty:
        return True
    # diffusers' annotations are types or, where a module defers them, text; "Optional" is how older Pythons print the former.
    return any(word in str(known.annotation) for word in ("None", "Optional"))


def names_of_schedulers() -> list[str]:
    """Return short names, then the public classes of diffusers."""
    import diffusers

    return [*SHORT_NAMES, *(each for each in dir(diffusers) if each.endswith("Scheduler"))]


def spelled_elsewhere(class_name: str, config: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return sampler and schedule as stable-diffusion-webui spells them ("DPM++ 2M", "Karras").

    A sampler that it does not have is the name of its class. No schedule is where the class has one only, or one without a name there.
    "Uniform" is any that goes evenly through the timesteps: left open, some samplers there take Karras' sigmas.
    """
    entries = [each for each in SHORT_NAMES.values() if each[0] == class_name]
    is_nameless = any(config.get(each) for each in _NAMELESS)
    # Heun's variant is another sampler there.
    is_other = is_nameless or config.get("solver_type") == "heun"
    labels = (
        label
        for _, settings, label in entries
        if label and all(config.get(key) == value for key, value in settings.items() if key not in _PLAIN)
    )
    sampler = class_name if is_other else next(labels, class_name)
    # Not by the configuration alone: one that was made from another's keeps settings that its class does not have.
    if is_nameless or not any(_PLAIN.keys() <= settings.keys() for _, settings, _ in entries):
        return sampler, None
    return sampler, next((each.capitalize() for each in _SIGMAS if config.get(f"use_{each}_sigmas")), "Uniform")


def class_of_name(name: str) -> tuple[str, Mapping[str, Any]]:
    """Return the class and the settings that a name stands for, also as other tools write it ("DPM++ 2M Karras", "k_euler").

    Raises:
        ComponentError: there is no such scheduler.
    """
    short, sigmas = _parts(name)
    if short in SHORT_NAMES:
        class_name, settings, _ = SHORT_NAMES[short]
        return class_name, _with_sigmas(settings, sigmas)
    # "EulerDiscrete" and "euler_discrete" leave out what is in all of their names.
    compact = _compact(name).removesuffix("scheduler")
    matching = [each for each in names_of_schedulers() if _compact(each).removesuffix("scheduler") == compact]
    if name in matching or (len(matching) == 1 and not name.endswith("Scheduler")):
        return name if name in matching else matching[0], {}
    raise ComponentError(_unknown(name))


def _parts(name: str) -> tuple[str, str]:
    """Return the short name that is in a name, or what could be one, and its sigmas."""
    compact = _compact(name)
    sigmas = next((each for each in _SIGMAS if compact.endswith(each)), "")
    # As k-diffusion calls its functions ("sample_euler"), and the first tools that had it their samplers ("k_euler").
    compact = compact.removesuffix(sigmas).removeprefix("sample").removeprefix("k" if _plain(name)[:2] == "k_" else "")
    labelled = (each for each, (*_, label) in SHORT_NAMES.items() if label and _compact(label) == compact)
    return next(labelled, next((each for each in SHORT_NAMES if _compact(each) == compact), compact)), sigmas


def _plain(name: str) -> str:
    return name.strip().lower().replace("++", "pp").replace(" ", "_").replace("-", "_")


def _compact(name: str) -> str:
    return _plain(name).replace("_", "")


def _unknown(name: str) -> str:
    meant = _meant(name)
    hint = f"Did you mean {' or '.join(map(repr, meant))}? " if meant else ""
    return (
        f"{name!r} is no scheduler. {hint}Short names: {', '.join(SHORT_NAMES)}; or the name of a class of diffusers."
    )


def _meant(name: str) -> list[str]:
    """Return what may be meant by a name: short names that begin with it or with which it begins, else the nearest, also of a class."""
    part, sigmas = _parts(name)
    # "DPM-Solver++" is the paper's name of what the short names call "dpmpp"; PLMS is what diffusers' PNDM is without its first steps.
    part = "pndm" if part == "plms" else part.replace("dpmsolver", "dpm")
    known = {_compact(each): each for each in SHORT_NAMES}
    longer = [each for compact, each in known.items() if part and compact.startswith(part)]
    shorter = sorted((compact for compact in known if part.startswith(compact)), key=len)
    near = nearest(part, known, 0.7)
    meant = longer or [known[each] for each in shorter[-1:] or ([near] if near else [])]
    alike = [each for each in names_of_schedulers() if each not in SHORT_NAMES and each[:2].lower() == name[:2].lower()]
    if len(meant) < 2 and (cls := nearest(name, alike, 0.7)) is not None:
        return [cls]
    return [f"{each}_{sigmas}" for each in meant or ["dpmpp_2m"]] if sigmas else meant
