"""Fixtures that several test files use."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hub_server import TOKEN, Hub, environment, serve

# Before the Hub's client is imported, which reads them then. The mutation tool, which has it imported, says which port.
_HUB = Hub()
_SERVER = serve(_HUB, int(os.environ.get("BRICKWORK_TEST_HUB_PORT", "0")))
_HOME = tempfile.mkdtemp(prefix="brickwork-tests-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ |= environment(_HUB.port, _HOME)

import hypothesis
import pytest
import rotation

_HAND_NOTHING_ON = {"torch", "strobelight_function_profiler", "strobelight_compile_time_profiler"}

if TYPE_CHECKING:
    import diffusers
    from prepared_python import PreparedPython

    from brickwork import ModularPipeline
    from embedded_model.oracle import Oracle
    from embedded_model.scenes import SceneSource

hypothesis.settings.register_profile("short", max_examples=8, deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", max_examples=300, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long` runs the tests that search by chance for as long as it takes to find what is rare."""
    parser.addoption("--long", action="store_true", help="many more cases of property-based, kill and thread tests")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many cases hypothesis makes where a test does not say, and quiet the libraries."""
    config.addinivalue_line("markers", rotation.MARKER)
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "short")
    # What hands tests to other processes needs no library, and would import them for seconds.
    if not config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        gc.disable()
        _quiet()


@cache
def _turn(config: pytest.Config) -> int | None:
    return None if config.getoption("--long") else rotation.turn_of(Path(__file__).parent)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the cases of rotating tables to other commits that this one does not take; whoever asks for tests by name gets them."""
    turn = _turn(config)
    if turn is None or rotation.names_one(config.args):
        return
    others = rotation.left_out(items, turn)
    config.hook.pytest_deselected(items=others)
    gone = {id(each) for each in others}
    items[:] = [each for each in items if id(each) not in gone]


def pytest_collection_finish() -> None:
    """Let no collection of garbage walk over the libraries again: half a second each time, an eighth of all tests' time."""
    gc.freeze()
    # What is frozen does not count as old, and Python looks at all that is old once a quarter is new: every ten tests.
    gc.set_threshold(10_000, 10, 5)
    gc.enable()


def _quiet() -> None:
    import diffusers
    import torch
    import transformers

    torch.set_num_threads(1)
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    # To each logger that hands nothing on, pytest adds handlers of its own, six times a test; torch has fifty of them.
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in _HAND_NOTHING_ON:
            logger.propagate = True


@pytest.fixture
def many(request: pytest.FixtureRequest) -> int:
    """By how much a test with loops of its own multiplies its cases."""
    return 20 if request.config.getoption("--long") else 1


@pytest.fixture(scope="session")
def turn(request: pytest.FixtureRequest) -> int | None:
    """Which part of rotating tables this run takes; None is all of them."""
    return _turn(request.config)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """An empty Hub on this machine, with nothing in the caches and a token to write."""
    _HUB.reset()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "brickwork-home"))
    yield _HUB
    _HUB.reset()


@pytest.fixture(scope="session")
def prepared_python() -> Iterator[PreparedPython]:
    """Runs scripts in processes of their own, which have the libraries imported."""
    from prepared_python import PreparedPython

    python = PreparedPython()
    yield python
    python.close()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of SDXL with tiny random weights."""
    from tiny_sdxl import save_repository

    return save_repository(tmp_path_factory.mktemp("tiny-sdxl"))


@pytest.fixture(scope="session")
def _loaded(tiny_folder: Path) -> ModularPipeline:
    from brickwork import ModularPipeline

    return ModularPipeline.from_pretrained(str(tiny_folder)).load_components()


@pytest.fixture
def tiny_pipe(tiny_folder: Path, _loaded: ModularPipeline) -> ModularPipeline:
    """A pipeline of its own over the tiny models, which are shared and never changed."""
    from brickwork import ModularPipeline

    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.update_components(**{name: _loaded.components[name] for name in pipe.pretrained_component_names})
    pipe.configure(progress=False)
    return pipe


@pytest.fixture(scope="session")
def classic(tiny_folder: Path) -> diffusers.StableDiffusionXLPipeline:
    """Diffusers' own pipeline over the same models."""
    import diffusers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = diffusers.StableDiffusionXLPipeline.from_pretrained(tiny_folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="session")
def embedded_pipe() -> ModularPipeline:
    """The embedded model, loaded once: tests pass inputs and never change it."""
    from brickwork import embedded

    pipe = embedded()
    pipe.configure(progress=False)
    return pipe


@pytest.fixture(scope="session")
def scene_source() -> SceneSource:
    """Captions, and images that are drawn for them by the procedure of the training data."""
    from embedded_model.scenes import SceneSource

    return SceneSource()


@pytest.fixture(scope="session")
def oracle(scene_source: SceneSource) -> Oracle:
    """Says what is in an image: background, shapes, colours, places, everyday things."""
    from embedded_model.oracle import Oracle

    return Oracle(scene_source.pool)
