"""The text `parameters` in the format of AUTOMATIC1111's stable-diffusion-webui, which many programs read from PNG files.

Prompt, a line that begins with "Negative prompt:", and a last line of fields. The format has no quoting for prompts, so some cannot be
written without being read as something else. The rules are those of `parse_generation_parameters` in its `modules/infotext_utils.py` (1.10).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ...registry import families
from ..schedulers_by_name import spelled_elsewhere

STEPS, STRENGTH = "num_inference_steps", "strength"
SCHEDULES = ("timesteps", "sigmas")
"""Inputs in place of a number of steps."""
NEGATIVE = "Negative prompt:"
FEWEST_FIELDS = 3
"""A last line with fewer is read as one of the prompt."""
LEFT_OUT = "The text 'parameters', which other tools read, is left out: "
"""Begins the note in a recipe."""
_SIZE = re.compile(r"^\d+x\d+$")


@frozen
class Parameters:
    """What one image tells other tools.

    Attributes:
        prompt, negative: None where nothing tells which of several it is.
        fields: by the names of the format. One that is None, or that would be read as something else, is left out.
    """

    prompt: str | None
    negative: str | None
    fields: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The text; empty where there is a fault."""
        if self.fault is not None:
            return ""
        lines = [self.prompt, f"{NEGATIVE} {self.negative}"] if self.negative else [self.prompt]
        return "\n".join([*map(str, lines), ", ".join(_written(self.fields))])

    @property
    def fault(self) -> str | None:
        """Why other tools would read something else than is meant, or nothing tells what to write; None if all is well."""
        if self.prompt is None or self.negative is None:
            return "nothing tells which of the prompts the image was made of."
        # The first line of the negative prompt stands behind the mark, which is taken off only once.
        for name, lines in (
            ("prompt", self.prompt.strip().split("\n")),
            ("negative prompt", self.negative.split("\n")[1:]),
        ):
            if any(line.strip().startswith(NEGATIVE) for line in lines):
                return f"a line of the {name} begins with {NEGATIVE!r}, which they take for the beginning of the negative prompt."
        if len(list(_written(self.fields))) < FEWEST_FIELDS:
            return f"they take a last line of fewer than {FEWEST_FIELDS} fields for one of the prompt."
        return None


def parameters_of_run(
    known: Mapping[str, Any],
    given: Mapping[str, Any],
    seed: int | None,
    size: tuple[int | None, int | None],
    image: int | None,
) -> Parameters:
    """Return what a run tells other tools.

    Args:
        known: the recipe as data. given: its inputs. size: width and height of the image, where they are known.
        image: which one of the batch; of a run as a whole, it is the first.
    """
    held = known["components"]
    schedule = next((given[name] for name in SCHEDULES if given.get(name) is not None), None)
    scheduler = held.get("scheduler", {})
    sampler, noise_levels = spelled_elsewhere(str(scheduler.get("class", "")).rpartition(":")[2], _config(scheduler))
    scale = given.get("guidance_scale")
    width, height = (now or given.get(name) for now, name in zip(size, ("width", "height"), strict=True))
    fields = {
        "Steps": _number(STEPS, known, given) if schedule is None else len(schedule),
        "Sampler": sampler,
        "Schedule type": noise_levels if schedule is None else None,
        "CFG scale": _config(held.get("guider", {})).get("guidance_scale") if scale is None else scale,
        "Seed": seed,
        "Size": f"{width}x{height}" if width and height else None,
        "Model": _model(known),
        # Of a run that begins in the middle, nobody reads the strength.
        "Denoising strength": None if given.get("denoising_start") is not None else _number(STRENGTH, known, given),
        # Without, they take it that a GPU has drawn the noise.
        "RNG": None if seed is None or not _is_of_host(known) else "CPU",
        # With the name: a number alone would be taken for that of an old stable-diffusion-webui, whose faults they would imitate.
        "Version": f"brickwork {known['software'].get('brickwork', '')}".strip(),
    }
    row = (image or 0) // (given.get("num_images_per_prompt") or 1)
    return Parameters(_of_row(given.get("prompt"), row), _of_row(given.get("negative_prompt"), row), fields)


def _number(name: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """Return an input, or what it was by default."""
    value = given.get(name)
    return (known.get("defaults") or {}).get(name) if value is None else value


def _config(component: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry.get("value") for name, entry in (component.get("config") or {}).items()}


def _is_of_host(known: Mapping[str, Any]) -> bool:
    return all(each["device"] == "cpu" for entries in known["generators"].values() for each in entries)


def _model(known: Mapping[str, Any]) -> str | None:
    """Return where the denoiser is from; where the blocks do not say what it is, where everything is from."""
    repos = {name: entry["origin"]["repo"] for name, entry in known["components"].items() if entry.get("origin")}
    named = next((repos[name] for name in _denoisers(known["composition"]) if name in repos), None)
    return next(iter(repos.values())) if named is None and len(set(repos.values())) == 1 else named


def _denoisers(composition: Mapping[str, Any]) -> Iterator[str]:
    family = composition.get("family")
    if family is not None and family in families:
        yield from (part.name for part in families.get(family).roles.get("denoiser", ()))
    for block in (composition.get("blocks") or {}).values():
        yield from _denoisers(block)


def _of_row(value: object, row: int) -> str | None:
    if not isinstance(value, (list, tuple)):
        return str(value or "")
    if len(value) == 1:
        return str(value[0])
    return str(value[row]) if row < len(value) else None


def _written(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        text = "" if value is None else str(value)
        # What has the form of a size is read as two numbers, also in quotes.
        if text and (name == "Size" or not _SIZE.match(text)):
            yield f"{name}: {_quoted(text)}"


def _quoted(text: str) -> str:
    is_plain = text == text.strip() and not any(each in text for each in ',:\n"')
    return text if is_plain else json.dumps(text, ensure_ascii=False)
