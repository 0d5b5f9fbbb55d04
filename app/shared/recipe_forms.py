"""A run's recipe as a workflow file, as Python, or as a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import frozen

from ...state import InputError
from .image_target import made_alike, pipeline_of_image
from .recipe_code import python_code, shell_line
from .result_files import Medium, media_of

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline

Form = Literal["workflow.yaml", "python", "shell"]


@frozen
class WrittenForm:
    """A recipe in a form that makes the image again.

    Attributes:
        missing: inputs of which the recipe has the digest only, with what they were and the file as which the text names them.
    """

    text: str
    missing: dict[str, tuple[str, str]]


def recipe_as(recipe_file: Path, form: Form, components: object = None, called: str | None = None) -> WrittenForm:
    """Write the recipe of an image, or of a recipe's file, in another form.

    Args:
        components: where the models are; the one that ships is found without. called: what errors say for the file.

    Raises:
        InputError: no file says it, or the run cannot be put together.
    """
    return _Workflow.of(recipe_file, components, called).written(form)


def recipe_forms(
    recipe_file: Path, components: object = None, called: str | None = None
) -> dict[Form, WrittenForm | InputError]:
    """Write a recipe in every form; of one that does not say it, return why.

    Args:
        components, called: as of `recipe_as`.
    """
    forms: tuple[Form, ...] = get_args(Form)
    try:
        workflow = _Workflow.of(recipe_file, components, called)
    except InputError as error:
        return dict.fromkeys(forms, error)
    found: dict[Form, WrittenForm | InputError] = {}
    for form in forms:
        try:
            found[form] = workflow.written(form)
        except InputError as error:
            found[form] = error
    return found


@frozen
class _Workflow:
    """What makes a run again.

    Attributes:
        file: text of the workflow file. missing: as of `WrittenForm`. medium: of the output, where the run made a video or a sound and its rate.
    """

    pipe: ModularPipeline
    output: Any
    file: str
    missing: dict[str, tuple[str, str]]
    medium: Medium | None = None

    @classmethod
    def of(cls, recipe_file: Path, components: object, called: str | None) -> _Workflow:
        """Put it together from a recipe.

        Raises:
            InputError: no file says it, or it cannot be put together.
        """
        import tempfile

        from ...pipeline.workflows.workflow_writing import save_workflow

        pipe, recipe = pipeline_of_image(recipe_file, components, called)
        if recipe.base is not None:
            raise InputError(
                "The image is a variant that shares its first steps with another run, which no file says: brickwork replay repeats it."
            )
        output = recipe["output"] or "images"
        media = media_of(pipe.blocks.outputs)
        # A file that is played has its rate in it.
        medium = media.get(output[0]) if isinstance(output, list) and len(output) == 2 else None
        medium = medium if medium is not None and medium.rate == output[1] else None
        output = output if medium is None else output[0]
        pipe.outputs = () if output == "images" else tuple([output] if isinstance(output, str) else output)
        missing = {
            name: (kind, f"{name}.png")
            for name, kind in recipe.missing_inputs.items()
            if name not in pipe.input_defaults
        }
        with tempfile.TemporaryDirectory(prefix="brickwork-recipe-") as folder:
            path = Path(folder) / "workflow.yaml"
            save_workflow(pipe, path)
            return cls(pipe, output, path.read_text(encoding="utf-8"), missing, medium)

    def written(self, form: Form) -> WrittenForm:
        """Return it in a form.

        Raises:
            InputError: the form does not say it.
        """
        from ...registry.hub.strict_yaml import parse_yaml

        if form == "workflow.yaml":
            return WrittenForm(self.file, self.missing)
        if form == "shell" and not isinstance(self.output, str):
            raise InputError("The run gave several values, which only a file says: --as workflow.yaml.")
        data: dict[str, Any] = parse_yaml(self.file.encode(), "workflow.yaml").data
        data["inputs"] = {**(data.get("inputs") or {}), **{name: file for name, (_, file) in self.missing.items()}}
        _name_scheduler(data, self.pipe)
        return WrittenForm(
            (python_code if form == "python" else shell_line)(data, self.output, self.medium), self.missing
        )


def _name_scheduler(data: dict[str, Any], pipe: ModularPipeline) -> None:
    """Say a scheduler by its short name, where that makes the very same of the repository's own."""
    from ...pipeline.schedulers_by_name import SHORT_NAMES, made_by_name
    from ...state import ComponentError

    written, made = (data.get("components") or {}).get("scheduler"), pipe.components.get("scheduler")
    if not isinstance(written, dict) or made is None or not data.get("repo"):
        return
    try:
        own = _scheduler_of(data)
    except ComponentError:
        # A repository whose scheduler is in its own file alone: the configuration that is written says it.
        return
    of_class = [short for short, (cls, *_) in SHORT_NAMES.items() if cls == type(made).__name__]
    for name in (f"{short}{sigmas}" for short in of_class for sigmas in ("", "_karras", "_exponential", "_beta")):
        try:
            found = made_by_name(name, own)
        except ComponentError:
            continue
        if made_alike(found, made):
            data["scheduler"] = name
            del data["components"]["scheduler"]
            return


def _scheduler_of(data: dict[str, Any]) -> Any:
    """Return the scheduler that the repository itself has."""
    from ...blocks.core.preset_catalog import find_preset
    from ...pipeline.workflows.workflow_file import place_of

    pipe = find_preset(data["start"]).init_pipeline(str(place_of(data["repo"])))
    return pipe.load_components("scheduler").components["scheduler"]
