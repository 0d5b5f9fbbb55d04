"""Of whose imports transformers says that torchvision is lacking."""

from __future__ import annotations

import logging

import pytest

from brickwork.registry.loading import torchvision_remark

SAID = "`CLIPImageProcessor` requires torchvision (not installed); falling back to `CLIPImageProcessorPil`"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What transformers' logger passes on, which is to none of other libraries' handlers."""
    found: list[str] = []
    logger = logging.getLogger("transformers.utils.import_utils")
    monkeypatch.setattr(logger, "isEnabledFor", lambda _: True)
    monkeypatch.setattr(logger, "callHandlers", lambda record: found.append(record.getMessage()))
    return found


def remark(text: str, *packages: str) -> None:
    """Make a remark as transformers does, asked by code of the packages, each of which calls the next."""
    *callers, innermost = packages
    logger = logging.getLogger("transformers.utils.import_utils")
    code, names = "logger.warning(text)", {"logger": logger, "text": text, "__name__": f"{innermost}.inner"}
    for package in reversed(callers):
        code, names = "exec(code, names)", {"code": code, "names": names, "__name__": f"{package}.inner"}
    exec(code, names)


@pytest.mark.parametrize("library", ["diffusers", "brickwork"])
def test_an_import_of_a_library_is_not_remarked_on(library: str, heard: list[str]) -> None:
    remark(SAID, "mine", library, "importlib", "transformers")
    assert not heard


@pytest.mark.parametrize("outer", ["mine", "diffusers"])
def test_an_import_in_code_of_ones_own_is(outer: str, heard: list[str]) -> None:
    remark(SAID, outer, "mine", "importlib", "transformers")
    assert heard == [SAID]


def test_other_remarks_stay(heard: list[str]) -> None:
    remark("Something else.", "diffusers", "transformers")
    assert heard == ["Something else."]


def test_the_remark_is_one_of_the_installed_transformers() -> None:
    import inspect

    from transformers.utils import import_utils

    assert torchvision_remark._LOGGER == import_utils.__name__ == import_utils.logger.name
    assert torchvision_remark._SAID in inspect.getsource(import_utils)
