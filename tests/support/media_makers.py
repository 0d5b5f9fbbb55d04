"""A pipeline that makes videos and one that makes sounds, as small as they are, for what shows and serves them."""

from __future__ import annotations

from typing import Any

from family_table import families

Makers = dict[str, tuple[Any, dict[str, Any]]]


def media_makers() -> Makers:
    """Return the pipelines "film" and "tune", and the inputs that a request gives them."""
    found = {}
    for name, family, task in (("film", "wan", "text2video"), ("tune", "stable_audio", "text2audio")):
        row = families()[family]
        pipe = row.ready(task)
        pipe.configure(progress=False)
        short = {**row.tasks[task].given, "num_inference_steps": 1}
        given = {each: value for each, value in short.items() if each != "generator"}
        plain = {each: value for each, value in given.items() if isinstance(value, (str, int, float, list))}
        pipe.input_defaults = {each: value for each, value in given.items() if each not in plain}
        found[name] = (pipe, plain)
    return found
