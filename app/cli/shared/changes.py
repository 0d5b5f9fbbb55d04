"""Changes a pipeline as options say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....state import ComponentError, InputError
from ....state.errors import did_you_mean
from .opening import opened
from .targets import Target

if TYPE_CHECKING:
    from ....pipeline import ModularPipeline


def opened_as_asked(target: Target, options: Mapping[str, Any], loads: bool) -> ModularPipeline:
    """Make the pipeline of a target, with everything changed as the options say.

    Args:
        loads: load all components, too.

    Raises:
        ComponentError: a preset has no components. BrickworkError: as `opened` and `change` do.
    """
    if target.kind == "preset" and not options["repo"] and not options.get("component"):
        raise ComponentError(
            f"{target.text} is blocks alone. Say where its components are from: --repo with a folder, owner/name, or embedded."
        )
    pipe = opened(target, options["repo"], loads, options["dtype"], options.get("lock"))
    if options.get("workflow"):
        pipe = _narrowed(pipe, options["workflow"], loads)
    if options.get("cache"):
        from ....engine.disk_cache import DiskCache

        pipe.configure(cache=DiskCache(options["cache"]))
    change(pipe, options)
    return pipe


def _narrowed(pipe: ModularPipeline, workflow: str, loads: bool) -> ModularPipeline:
    """Return the pipeline of one workflow, with the components that it uses."""
    made = pipe.blocks.get_workflow(workflow).init_pipeline(pipe.repo_name)
    made.update_components(**{n: c for n, c in pipe.components.items() if n in made.components and c is not None})
    made.input_defaults = {n: v for n, v in pipe.input_defaults.items() if n in made.blocks.input_names or n == "seed"}
    made.configure(progress=False)
    return made.load_components() if loads else made


def change(pipe: ModularPipeline, options: Mapping[str, Any]) -> None:
    """Change a pipeline as `--set`, `--guider`, `--scheduler`, `--component`, `--lora`, `--technique` and `--device` say.

    Raises:
        InputError: an option is spelled wrongly. BrickworkError: what it says does not fit.
    """
    for text in options.get("sets") or ():
        _set_option(pipe, text)
    if options.get("guider"):
        pipe.update_components(guider=guider_of_text(options["guider"]))
    for text in options.get("component") or ():
        _set_component(pipe, text)
    if options.get("scheduler"):
        pipe.update_components(scheduler=options["scheduler"])
    if options.get("device"):
        pipe.to(options["device"])
    _put_loras(pipe, options.get("lora") or ())
    for text in options.get("technique") or ():
        name, technique = pair(text, "COMPONENT=NAME[:SETTING=VALUE,...], as in unet=FreeU:s1=0.9")
        pipe.apply(name, technique_of_text(technique))


def scalar(text: str, place: str) -> Any:
    """Return a value written as in a workflow file: a number, true, null, text, [a, b].

    Raises:
        InputError: it is no such value.
    """
    from ....registry.hub.strict_yaml import parse_yaml
    from ....state import RepoError

    try:
        return parse_yaml(f"value: {text}\n".encode(), place).data["value"]
    except RepoError as error:
        raise InputError(f"{place}: {text!r} is no value: {error}") from None


def pair(text: str, form: str, sign: str = "=") -> tuple[str, str]:
    """Split `NAME=VALUE`.

    Raises:
        InputError: the sign is not there.
    """
    name, found, value = text.partition(sign)
    if not found or not name:
        raise InputError(f"{text!r} is not of the form {form}.")
    return name.strip(), value.strip()


def _set_option(pipe: ModularPipeline, text: str) -> None:
    from ....blocks.core.flattening import walk
    from ....pipeline.forms.options import options_by_path, options_of
    from ....pipeline.workflows.workflow_file import set_block_options

    place, value = pair(text, "PATH.OPTION=VALUE, as in denoise.denoiser.batching=sequential")
    path, _, option = place.rpartition(".")
    blocks = dict(walk(pipe.blocks))
    if path not in blocks or not path:
        known = list(options_by_path(pipe.blocks))
        raise InputError(f"--set {text}: there is no block {path!r}. {did_you_mean(path, known)}")
    known = list(options_of(blocks[path]))
    if option not in known:
        raise InputError(f"--set {text}: {path} has no option {option!r}. {did_you_mean(option, known)}")
    set_block_options(pipe.blocks, path, {option: scalar(value, f"--set {place}")})


def guider_of_text(text: str) -> Any:
    """Return the guider of `NAME` or `NAME:setting=value,setting=value`."""
    from ....guiders import guider_of

    name, _, settings = text.partition(":")
    if not settings:
        return guider_of(name)
    pairs = [pair(each, "setting=value") for each in _parts(settings)]
    return guider_of({"_class_name": name, **{key: scalar(value, f"--guider {key}") for key, value in pairs}})


def technique_of_text(text: str) -> Any:
    """Return the technique of `NAME` or `NAME:setting=value,setting=value`."""
    from ....adapters.techniques import technique_of

    name, _, settings = text.partition(":")
    pairs = [pair(each, "setting=value") for each in _parts(settings)]
    return technique_of({"name": name, **{key: scalar(value, f"--technique {key}") for key, value in pairs}})


def _parts(text: str) -> list[str]:
    """Split at commas that are not within brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "[{(") - (letter in "]})")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [each for each in found if each]


def _set_component(pipe: ModularPipeline, text: str) -> None:
    from ....pipeline.workflows.workflow_file import place_component
    from ....registry.hub.repo import Repo

    name, origin = pair(text, "NAME=ORIGIN, as in vae=owner/name, vae=./folder or vae=owner/name#subfolder")
    if name not in pipe.specs:
        raise InputError(f"--component {text}: there is no component {name!r}. {did_you_mean(name, pipe.specs)}")
    if origin == "null":
        pipe.update_components(**{name: None})
    elif name == "scheduler" and "/" not in origin and not Path(origin).exists():
        pipe.update_components(scheduler=origin)
    else:
        place_component(pipe, name, _place(origin), Repo(origin, Path()))
        pipe.load_components(name)


def _place(origin: str) -> dict[str, str]:
    """Return the parts of `REPO[@REVISION][#SUBFOLDER]`; without a subfolder it is the one that the component has."""
    rest, sign, subfolder = origin.partition("#")
    repo, _, revision = rest.partition("@")
    is_alone = not sign and (Path(repo) / "config.json").is_file()
    found = {"repo": repo, "revision": revision, "subfolder": subfolder if subfolder != "." else ""}
    return {key: value for key, value in found.items() if value or (key == "subfolder" and (is_alone or sign))}


def _put_loras(pipe: ModularPipeline, texts: Sequence[str]) -> None:
    names, weights = [], []
    for number, text in enumerate(texts):
        path, _, weight = text.rpartition(":")
        has_weight = bool(path) and _is_number(weight)
        file = Path(path if has_weight else text)
        place, weight_name = (str(file.parent), file.name) if file.is_file() else (path if has_weight else text, None)
        names.append(pipe.load_lora_weights(place, weight_name, adapter_name=f"lora_{number}"))
        weights.append(float(weight) if has_weight else 1.0)
    if names:
        pipe.set_adapters(names, weights)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
