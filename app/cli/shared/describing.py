"""What is kept of a target for help, completion and errors: its inputs, blocks with options, components, and names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ....pipeline import ModularPipeline

UNTYPED = frozenset({"generator"})
"""Inputs that no text stands for: --seed stands for the generator."""


def described(pipe: ModularPipeline) -> dict[str, Any]:
    """Return what help, completion and errors need of a pipeline, as data for JSON."""
    from ....blocks.core.flattening import walk
    from ....guiders import GUIDERS
    from ....pipeline.forms.options import options_by_path
    from ....pipeline.schedulers_by_name import short_names
    from ...shared.result_files import main_output, media_of

    media = media_of(pipe.blocks.outputs)
    schema = pipe.input_schema()
    usual = [str(param.name) for param in pipe.blocks.workflow(None).required]
    return {
        "title": type(pipe.blocks).__name__,
        "properties": {name: each for name, each in schema["properties"].items() if name not in UNTYPED},
        "required": [name for name in usual if name not in pipe.input_defaults and name not in UNTYPED],
        "schema": schema,
        "defaults": {name: value for name, value in pipe.input_defaults.items() if _is_data(value)},
        "results": list(pipe.outputs),
        "main": main_output((str(each.name) for each in pipe.blocks.outputs), media),
        "media": {name: each.data() for name, each in media.items()},
        "workflows": list(pipe.available_workflows),
        "options": {
            path: {name: repr(value) for name, value in options.items()}
            for path, options in options_by_path(pipe.blocks).items()
        },
        "blocks": [path for path, _ in walk(pipe.blocks) if path],
        "outputs": [str(param.name) for param in pipe.blocks.workflow(None).outputs],
        "components": {name: str(spec.type_name[1]) for name, spec in pipe.specs.items()},
        "guiders": list(GUIDERS),
        "schedulers": short_names(),
    }


def _is_data(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
