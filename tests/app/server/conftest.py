"""One server for all tests of a worker."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from served import Client, Served

from brickwork import Merger
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings

if TYPE_CHECKING:
    from brickwork import ModularPipeline


@pytest.fixture(scope="session")
def workflow(embedded_pipe: ModularPipeline) -> ServedWorkflow:
    """The embedded model with merging, and another pipeline over it that takes images."""
    pipe = copy.copy(embedded_pipe)
    pipe.configure(merge=Merger(rows=8))
    return ServedWorkflow("embedded", "The embedded model", pipe)


@pytest.fixture(scope="session")
def painting(embedded_pipe: ModularPipeline) -> ServedWorkflow:
    """An image and a mask as inputs."""
    import brickwork

    pipe = brickwork.find_preset("sdxl.auto").init_pipeline()
    pipe.update_components(
        **{name: each for name, each in embedded_pipe.components.items() if name in pipe.specs and each is not None}
    )
    pipe.configure(progress=False)
    return ServedWorkflow("painting", "Painting", pipe)


@pytest.fixture(scope="session")
def served(
    workflow: ServedWorkflow, painting: ServedWorkflow, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server with room for two runs at once and six that wait, and a folder for compositions."""
    settings = ServerSettings(queue=6, workers=2, keep=400, state=tmp_path_factory.mktemp("state"), snapshot_every=1000)
    found = Served(Service([workflow, painting], settings), with_mcp=True)
    yield found
    found.stop()


@pytest.fixture
def client(served: Served) -> Client:
    return served.client()


@pytest.fixture(scope="session")
def apple(served: Served) -> dict[str, object]:
    """A run that is finished: two images of four steps."""
    found: dict[str, object] = served.client().run(
        {**FEW, "num_images_per_prompt": 2}, seed=1, preview={"every": 2, "size": 32}
    )
    return found


FEW = {"prompt": "a red apple", "num_inference_steps": 4}


@pytest.fixture
def few() -> dict[str, object]:
    return dict(FEW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
