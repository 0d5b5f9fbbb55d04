"""Makes the pipeline of a target, and changes it as options say."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state import InputError
from ...state.errors import did_you_mean, nearest
from .known_targets import keep_target, known_target
from .targets import Target

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline
    from ...pipeline.recipes.recipe import Recipe


def opened(target: Target, repo: str | None = None, loads: bool = False, dtype: str | None = None) -> ModularPipeline:
    """Make the pipeline of a target.

    Args:
        repo: where a preset's components are from, or a recipe's. loads: load all components. dtype: of models.

    Raises:
        BrickworkError: as `load_workflow`, `from_pretrained`, `find_preset` and `read_recipe` do.
    """
    quiet_libraries()
    pipe = _made(target, repo, dtype)
    pipe.configure(progress=False)
    if known_target(target) is None:
        from .describing import described

        keep_target(target, described(pipe))
    if loads and target.kind != "embedded":
        pipe.load_components()
    return pipe


def quiet_libraries() -> None:
    """Keep bars and remarks of libraries on loading off the terminal; ours say what is done."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def _made(target: Target, repo: str | None, dtype: str | None) -> ModularPipeline:
    from ...blocks.core.preset_catalog import find_preset
    from ...pipeline import ModularPipeline
    from ...pipeline.workflows.workflow_file import load_workflow, place_of
    from ...presets.embedded import embedded

    if repo is not None and target.kind not in ("preset", "image"):
        raise InputError(f"--repo is for presets and images; {target.text} says itself where its components are from.")
    if target.kind == "embedded":
        return embedded(**({"dtype": dtype} if dtype is not None else {}))
    if target.kind == "workflow":
        return load_workflow(target.path, dtype=dtype)
    if target.kind == "image":
        return pipeline_of_image(target.path, None if repo is None else place_of(repo))[0]
    if target.kind == "preset":
        _refuse_unknown(target.name)
        pipe = find_preset(target.name).init_pipeline(None if repo is None else str(place_of(repo)))
        pipe.load_in(dtype)
        return pipe
    return ModularPipeline.from_pretrained(
        target.name, revision=target.revision, dtype=dtype, trust_remote_code=is_granted(target.name)
    )


def _refuse_unknown(name: str) -> None:
    """Refuse a name that is none of a preset, in a few words: there are a hundred names of classes."""
    from ...blocks.core.preset_catalog import preset_names

    names = preset_names()
    if name not in names:
        near = nearest(name, [each for each in names if "." in each] + ["embedded"])
        hint = f"Did you mean {near!r}?" if near else "brickwork presets list says which there are."
        raise InputError(f"{name!r} is no preset, and no file or folder here. {hint}")


def lock_key(repo: str) -> str:
    """Return what locks know a repository by: a folder by its whole path."""
    return str(Path(repo).resolve()) if Path(repo).is_dir() else repo


def is_granted(repo: str) -> bool:
    """Return whether code of a repository was granted before; a load then refuses code that differs from it."""
    from ...registry.hub.lock import Lock

    known = Lock.at(None).of(lock_key(repo))
    return known is not None and bool(known.code)


def pipeline_of_image(path: Path, components: object) -> tuple[ModularPipeline, Recipe]:
    """Return the pipeline of an image's recipe, with its inputs as defaults, and the recipe.

    Inputs that the recipe has by their digest only are not among them: they are to be given again.

    Args:
        components: folder with the models; the one that ships is found without.

    Raises:
        InputError: blocks or components cannot be had, or are not as they were; all of them are named.
    """
    from ...pipeline.recipes.recipe_diff import differences
    from ...pipeline.recipes.recipe_files import read_recipe
    from ...pipeline.recipes.recipe_of_run import recipe_of
    from ...pipeline.replaying.replay import pipeline_of_recipe

    recipe, kept = read_recipe(path)
    faults: list[str] = []
    pipe = pipeline_of_recipe(recipe, (), components, {}, faults)
    if faults or pipe is None:
        raise InputError.of(f"The run of {path} cannot be put together", faults)
    values = {**recipe.inputs, **{name: value for name, value in kept.items() if name in recipe.missing_inputs}}
    given = {**values, **dict.fromkeys([*recipe.missing_inputs, *recipe["generators"]], True)}
    now = recipe_of(pipe, pipe.plan(given), values, recipe["output"]).of_image(recipe.image)
    faults = [f"{text} now" for kind, text in differences(recipe, now) if kind in ("blocks", "components", "process")]
    if faults:
        raise InputError.of(f"Something is not as it was when {path} was made", faults)
    pipe.input_defaults = values
    if recipe["generators"]:
        pipe.input_defaults["seed"] = seed_of_recipe(recipe)
    _take_from_origin(pipe, recipe, components)
    return pipe, recipe


def _take_from_origin(pipe: ModularPipeline, recipe: Recipe, components: object) -> None:
    """Say of parts without weights that they are from a repository, where it has just these: a recipe holds their settings."""
    from ...pipeline.workflows.workflow_file import place_component
    from ...registry.catalog import shipped
    from ...registry.hub.repo import Repo

    for name, entry in recipe["components"].items():
        origin, made = entry.get("origin"), pipe.components.get(name)
        if origin is None or not entry.get("config") or made is None:
            continue
        repo = (
            components if components is not None else shipped.get(origin["repo"]) if origin["repo"] in shipped else None
        )
        if repo is None:
            continue
        spec = pipe.specs[name]
        place_component(
            pipe, name, {"repo": str(repo), "subfolder": origin["subfolder"] or ""}, Repo(str(repo), Path())
        )
        pipe.load_components(name)
        found = pipe.components[name]
        if not made_alike(found, made):
            pipe.specs[name] = spec
            pipe.update_components(**{name: made})


def made_alike(one: Any, other: Any) -> bool:
    """Return whether two parts without weights are of one class and have the same settings."""
    configs = [{name: value for name, value in each.config.items() if name[:1] != "_"} for each in (one, other)]
    return type(one) is type(other) and configs[0] == configs[1]


def seed_of_recipe(recipe: Recipe) -> int | list[int]:
    """Return the seed with which a call makes a run's images again, or the list of them.

    Raises:
        InputError: the run's generators cannot be said by seeds.
    """
    entries = [each for listed in recipe["generators"].values() for each in listed]
    images = max((len(each) for each in recipe.results.values() if isinstance(each, list)), default=len(entries))
    if any({"state", "is"} & each.keys() for each in entries) or len(entries) != images:
        raise InputError(
            "The run drew its images from generators that seeds do not say: one for several images, or one that had drawn before. "
            "brickwork replay repeats it."
        )
    seeds = [int(each["seed"]) for each in entries]
    return seeds[0] if len(seeds) == 1 else seeds


def change(pipe: ModularPipeline, options: Mapping[str, Any]) -> None:
    """Change a pipeline as `--set`, `--guider`, `--scheduler`, `--component`, `--lora` and `--device` say.

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


def scalar(text: str, place: str) -> Any:
    """Return a value written as in a workflow file: a number, true, null, text, [a, b].

    Raises:
        InputError: it is no such value.
    """
    from ...registry.hub.strict_yaml import parse_yaml
    from ...state import RepoError

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
    from ...blocks.core.flattening import walk
    from ...pipeline.workflows.workflow_file import set_block_options

    place, value = pair(text, "PATH.OPTION=VALUE, as in denoise.denoiser.batching=sequential")
    path, _, option = place.rpartition(".")
    blocks = dict(walk(pipe.blocks))
    if path not in blocks or not path:
        known = [each for each, block in blocks.items() if getattr(block, "options", None)]
        raise InputError(f"--set {text}: there is no block {path!r}. {did_you_mean(path, known)}")
    known = [name for name in getattr(blocks[path], "options", None) or {} if not name.startswith("_")]
    if option not in known:
        raise InputError(f"--set {text}: {path} has no option {option!r}. {did_you_mean(option, known)}")
    set_block_options(pipe.blocks, path, {option: scalar(value, f"--set {place}")})


def guider_of_text(text: str) -> Any:
    """Return the guider of `NAME` or `NAME:setting=value,setting=value`."""
    from ...guiders import guider_of

    name, _, settings = text.partition(":")
    if not settings:
        return guider_of(name)
    pairs = [pair(each, "setting=value") for each in _parts(settings)]
    return guider_of({"_class_name": name, **{key: scalar(value, f"--guider {key}") for key, value in pairs}})


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
    from ...pipeline.workflows.workflow_file import place_component
    from ...registry.hub.repo import Repo

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
        pipe_path = path if has_weight else text
        file = Path(pipe_path)
        kept = {"weight_name": file.name} if file.is_file() else {}
        names.append(
            pipe.load_lora_weights(str(file.parent) if kept else pipe_path, adapter_name=f"lora_{number}", **kept)
        )
        weights.append(float(weight) if has_weight else 1.0)
    if names:
        pipe.set_adapters(names, weights)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_inputs(pairs: Mapping[str, Any], schemas: Mapping[str, Any], allows_urls: bool) -> dict[str, Any]:
    """Return inputs with what their texts name: images of addresses and of stdin, tensors of files.

    Paths of images stay as they are: the call reads them.
    """
    from .input_values import names_a_file

    return {
        name: _read(name, value, allows_urls) if names_a_file(schemas.get(name, {})) else value
        for name, value in pairs.items()
    }


def _read(name: str, value: Any, allows_urls: bool) -> Any:
    if isinstance(value, list):
        return [_read(name, each, allows_urls) for each in value]
    if not isinstance(value, str):
        return value
    if value == "-":
        from io import BytesIO

        from PIL import Image

        return Image.open(BytesIO(sys.stdin.buffer.read()))
    if value.startswith(("http://", "https://")):
        from ...blocks.steps.load_image import load_image

        if not allows_urls:
            raise InputError(f"{name} is the address {value}; --allow-urls loads it.")
        return load_image(value, allow_urls=True)
    path, sign, key = value.partition("#")
    if path.endswith(".safetensors"):
        return _value_in(Path(path), key if sign else name, name)
    return value


def _value_in(path: Path, key: str, name: str) -> Any:
    """Return a value of a file that `brickwork run -o` has written, or a tensor of any other."""
    from ...state import RepoError
    from ...state.value_file import load_values

    if not path.is_file():
        raise RepoError(f"{name}: there is no file {path}.")
    try:
        values = load_values(path)[0]
    except RepoError:
        from safetensors import safe_open

        with safe_open(str(path), framework="pt") as file:
            values = {each: file.get_tensor(each) for each in file.keys() if each == key} or dict.fromkeys(file.keys())  # noqa: SIM118 - it is no dict
    if values.get(key) is None:
        raise InputError(f"{name}: {path} has no tensor {key!r}. {did_you_mean(key, values)}")
    return values[key]
