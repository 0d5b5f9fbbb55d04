"""Paths in a call: a path stands for the image in its file, wherever an input is an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...blocks.core.input_checks import IMAGES
from ...blocks.steps.given_image import names_files, with_files_read
from ...state import InputError
from ...state.errors import Fault


def file_inputs(inputs: Mapping[str, Any], expected: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the names of the inputs that are images, and for which a file was named.

    Args:
        expected: what blocks expect of each input, with its `value` in the vocabulary.
    """
    return [
        name
        for name, value in inputs.items()
        if names_files(value) and any(each.value in IMAGES for each in expected.get(name, ()))
    ]


def images_of_files(inputs: Mapping[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the images of the files that are named in these inputs, by name, and what is wrong with the others."""
    read: dict[str, Any] = {}
    faults: list[str] = []
    for name in names:
        try:
            read[name] = with_files_read(inputs[name], name)
        except InputError as error:
            faults.append(Fault(str(error), name))
    return read, faults
