"""Inputs as JSON has them, turned into values: images by the hash of a file, results of other runs, guiders by name. No paths and no addresses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...blocks.core.input_checks import expectations_of
from ...guiders import guider_of
from ...pipeline.images.files import file_inputs
from ...state import InputError
from ..shared.words_for_people import for_people
from .errors import RefusedError

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline

FILE, RUN = "$file", "$run"
_NO_NAMES = frozenset({"generator", "state", "output"})
"""What a call takes beside inputs, or has no form in JSON: `seed` stands for generators."""


@frozen
class InputReader:
    """Reads inputs.

    Attributes:
        file: gives the value of a file. run: gives the name of the file that a result of a run is kept as: of its identifier, the name of the
            output, and its number.
    """

    file: Callable[[object], Any]
    run: Callable[[object, object, object], str]

    def pinned(self, given: object) -> Any:
        """Return inputs in which results of runs are named as files, which stay the same whatever becomes of the run.

        Raises:
            InputError: there is no such result.
        """
        if isinstance(given, Mapping):
            if RUN in given:
                _refuse_others(given, {RUN, "output", "index"})
                return {FILE: self.run(given[RUN], given.get("output", "images"), given.get("index", 0))}
            return {name: self.pinned(value) for name, value in given.items()}
        return [self.pinned(each) for each in given] if isinstance(given, list) else given

    def values(self, pipe: ModularPipeline, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of inputs that are pinned.

        Raises:
            RefusedError: some are nothing that may be given; all of them are named.
        """
        faults: list[Mapping[str, Any]] = []
        found = {}
        for name, value in given.items():
            try:
                if name in _NO_NAMES:
                    raise InputError(f"{name!r} is none of the inputs that are given as JSON. {_instead(name)}")
                found[name] = self._guider(value) if name in pipe.guider_names else self._value(value, name)
            except InputError as error:
                faults += [{"input": name, "text": for_people(str(text))} for text in error.faults or [str(error)]]
        named = {name: value for name, value in found.items() if name not in pipe.guider_names}
        for name in file_inputs(named, expectations_of(pipe.blocks)):
            text = f'{name} is a text; images are uploaded (POST /api/files), and given as {{"$file": "sha256:..."}}.'
            faults.append({"input": name, "text": text})
        if faults:
            raise unfit_inputs(faults)
        return found

    def _value(self, given: Any, name: str) -> Any:
        if isinstance(given, Mapping):
            if FILE in given:
                _refuse_others(given, {FILE})
                return self.file(given[FILE])
            return {key: self._value(value, name) for key, value in given.items()}
        if isinstance(given, int) and is_endless(given):
            raise InputError(
                f"{name} has a whole number of {len(str(abs(given)))} digits; no input takes one that is larger than any float."
            )
        return [self._value(each, name) for each in given] if isinstance(given, list) else given

    def _guider(self, given: Any) -> Any:
        """Return a guider of its name, or of a name with settings: {"name": "ClassifierFreeGuidance", "guidance_scale": 4}."""
        if isinstance(given, Mapping) and isinstance(given.get("name"), str):
            settings = {name: value for name, value in given.items() if name != "name"}
            return guider_of({"_class_name": given["name"], **settings})
        if isinstance(given, Mapping) and "_class_name" not in given:
            raise InputError('A guider is its name, or an object of its "name" and its settings.')
        return None if given is None else guider_of(given)


def is_endless(number: float) -> bool:
    """Return whether a number of JSON, where digits may go on, is larger than any float."""
    return abs(number) > sys.float_info.max


def unfit_inputs(faults: Sequence[Mapping[str, Any]]) -> RefusedError:
    """Return the answer to inputs with faults."""
    text = "\n".join(str(fault["text"]) for fault in faults)
    return RefusedError(422, "InputError", text, tuple(faults))


def _refuse_others(given: Mapping[str, Any], known: set[str]) -> None:
    others = [name for name in given if name not in known]
    if others:
        raise InputError(
            f"{next(iter(known & set(given)))} stands with {', '.join(sorted(known))} only, and not with {', '.join(others)[:100]}."
        )


def _instead(name: str) -> str:
    return (
        "Give a seed: a whole number."
        if name == "generator"
        else "It stands beside the inputs."
        if name == "output"
        else ""
    )
