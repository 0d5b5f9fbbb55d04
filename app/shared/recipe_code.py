"""A workflow as Python, and as a command line: from what its file says."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...state import InputError
from ...state.errors import spelled_out
from ...state.value_data import value_of_data

if TYPE_CHECKING:
    from .result_files import Medium

_EMBEDDED = "embedded"


def python_code(data: Mapping[str, Any], output: str | list[str], medium: Medium | None = None) -> str:
    """Return Python that makes what a workflow file says, and runs it.

    Args:
        data: of the file, as plain data. output: value that the run returns, or several. medium: of the output, where it is a video or a sound.

    Raises:
        InputError: the file has what calls do not say.
    """
    if "composition" in data:
        raise InputError("The composition is far from every preset, so that only a file holds it: --as workflow.yaml.")
    made = f"{data.get('repo')!r}" if data.get("repo") else ""
    lines = ["import brickwork", "", f"blocks = brickwork.find_preset({data['start']!r})"]
    lines += [_edit(edit) for edit in data.get("edits") or ()]
    if made == repr(_EMBEDDED):
        lines += ["pipe = blocks.init_pipeline(str(brickwork.presets.embedded.FOLDER))"]
        lines[0] = "import brickwork\nimport brickwork.presets.embedded"
    else:
        lines += [f"pipe = blocks.init_pipeline({made})"]
    lines += list(_settled(data))
    lines += ["pipe.load_components()"]
    call = [f"    {name}={literal(value)}," for name, value in (data.get("inputs") or {}).items()]
    name = output if isinstance(output, str) and medium is None else "results"
    saved = f"brickwork.save({name}, 'again.png')" if output == "images" else f"print({name})"
    if medium is not None:
        exported = "export_to_video" if medium.kind == "video" else "export_to_sound"
        place = f"again{medium.endings[0]}"
        saved = f"brickwork.{exported}(results[{output!r}][0], {place!r}, results[{medium.rate!r}])"
        output = [str(output), str(medium.rate)]
    return "\n".join([*lines, f"{name} = pipe(", *call, f"    output={output!r},", ")", saved, ""])


def literal(data: object) -> str:
    """Return plain data of a workflow file as Python.

    Raises:
        InputError: it is a value that no literal stands for.
    """
    return _written(value_of_data(data))


def _written(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_written(part)}' for key, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, tuple):
        return f"({''.join(f'{_written(part)}, ' for part in value).rstrip()})"
    if value is None or isinstance(value, (str, int, float)):
        return repr(value)
    raise InputError(f"{value!r} is no literal of Python, so that only a file says it: --as workflow.yaml.")


def _edit(edit: Mapping[str, Any]) -> str:
    if "remove" in edit:
        return f"blocks.pop({edit['remove']!r})"
    if "replace" in edit:
        return f"blocks.replace({edit['replace']!r}, {_block(edit['with'], edit)})"
    if "insert" in edit:
        put, anchor = ("insert_after", edit["after"]) if edit.get("after") else ("insert_before", edit["before"])
        return f"blocks.{put}({anchor!r}, {edit['insert']!r}, {_block(edit['block'], edit)})"
    path, options = edit["options"], ", ".join(f"{name}={literal(value)}" for name, value in edit["set"].items())
    return f"blocks.replace({path!r}, type(blocks[{path!r}])({options}))"


def _block(name: str, edit: Mapping[str, Any]) -> str:
    """Return a block by its name, with options where it has some."""
    options = edit.get("options")
    if not options:
        return repr(name)
    raise InputError(f"{name} has options, which only a file says: --as workflow.yaml.")


def _settled(data: Mapping[str, Any]) -> Iterator[str]:
    if (guider := data.get("guider")) is not None:
        yield f"pipe.update_components(guider={_guider(guider)})"
    if (scheduler := data.get("scheduler")) is not None:
        yield f"pipe.update_components(scheduler={literal(scheduler)})"
    for name, origin in (data.get("components") or {}).items():
        yield _component(name, origin)
    if data.get("config"):
        given = ", ".join(f"{name}={literal(value)}" for name, value in data["config"].items())
        yield f"pipe.update_config({given})"


def _component(name: str, origin: Any) -> str:
    if origin is None:
        return f"pipe.update_components({name}=None)"
    given = {"repo": origin} if isinstance(origin, str) else dict(origin)
    if given.keys() == {"guider"}:
        return f"pipe.update_components({name}={_guider(given['guider'])})"
    if given.keys() == {"class", "config"}:
        library, _, cls = str(given["class"]).partition(":")
        return (
            f"import {library}\npipe.update_components({name}={library}.{cls}.from_config({literal(given['config'])}))"
        )
    raise InputError(f"{name} is from another place than the rest, which only a file says: --as workflow.yaml.")


def _guider(data: Any) -> str:
    if isinstance(data, str):
        return repr(data)
    settings = ", ".join(f"{name}={literal(value)}" for name, value in data.items() if name != "name")
    return f"brickwork.{data['name']}({settings})"


def shell_line(data: Mapping[str, Any], output: str, medium: Medium | None = None) -> str:
    """Return the command line that makes what a workflow file says.

    Raises:
        InputError: it has what options do not say.
    """
    if "composition" in data:
        raise InputError("The composition is far from every preset, so that only a file holds it: --as workflow.yaml.")
    words = ["brickwork", "run", str(data["start"])]
    words += ["--repo", str(data["repo"])] if data.get("repo") else []
    for edit in data.get("edits") or ():
        if "set" not in edit:
            raise InputError(
                "The composition has other blocks than its preset, which only a file says: --as workflow.yaml."
            )
        words += [w for name, value in edit["set"].items() for w in ("--set", f"{edit['options']}.{name}={value}")]
    if data.get("config"):
        raise InputError("Settings are others than the repository has, which only a file says: --as workflow.yaml.")
    words += list(_component_words(data))
    for name, value in (data.get("inputs") or {}).items():
        words += list(_input_words(name, value))
    words += ["--output", output] if output != "images" else []
    ending = ".safetensors" if medium is None else medium.endings[0]
    line = shlex.join([*words, "-o", "again.png" if output == "images" else f"{output}{ending}"])
    if spelled_out(line) != line:
        raise InputError(
            "A text of the recipe has characters that move a terminal's cursor: --as workflow.yaml spells them out."
        )
    return line


def _component_words(data: Mapping[str, Any]) -> Iterator[str]:
    if (guider := data.get("guider")) is not None:
        settings = [] if isinstance(guider, str) else [f"{k}={v}" for k, v in guider.items() if k != "name"]
        name = guider if isinstance(guider, str) else guider["name"]
        yield from ("--guider", name + (f":{','.join(settings)}" if settings else ""))
    scheduler = data.get("scheduler")
    if isinstance(scheduler, Mapping):
        raise InputError("The scheduler has settings of its own, which only a file says: --as workflow.yaml.")
    if scheduler is not None:
        yield from ("--scheduler", scheduler)
    for name, origin in (data.get("components") or {}).items():
        if not isinstance(origin, str) and origin is not None:
            raise InputError(f"{name} has settings of its own, which only a file says: --as workflow.yaml.")
        yield from ("--component", f"{name}={'null' if origin is None else origin}")


def _input_words(name: str, data: Any) -> Iterator[str]:
    flag, value = f"--{name.replace('_', '-')}", value_of_data(data)
    if name == "seed":
        yield from (flag, ",".join(map(str, value if isinstance(value, list) else [value])))
    elif isinstance(value, bool):
        yield flag if value else f"--no-{flag[2:]}"
    elif isinstance(value, tuple) and all(isinstance(each, (int, float)) for each in value):
        yield from (flag, ",".join(map(str, value)))
    elif isinstance(value, list) and all(isinstance(each, (str, int, float)) for each in value):
        for each in value:
            yield from (flag, str(each))
    elif isinstance(value, (str, int, float)):
        yield from (flag, str(value))
    else:
        raise InputError(f"{name} is {value!r}, which only a file says: --as workflow.yaml.")
