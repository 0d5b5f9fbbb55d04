"""One server for all tests of the page, and a browser for those of a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from required import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from served import Served

    from brickwork import ModularPipeline

_NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, with a profile of its own.

    Not for the whole session: while it is open, an event loop of playwright's runs in this thread, and what has one of its own
    (notebooks, agents) is refused by Python.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("browser", "playwright is not installed: pip install playwright")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        missing("browser", "there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture(scope="session")
def site(embedded_pipe: ModularPipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of the embedded model, and of one over it that takes images; one run at a time, so that others wait."""
    from served import Served

    from brickwork import find_preset
    from brickwork.app.server.served_workflow import ServedWorkflow
    from brickwork.app.server.service import Service
    from brickwork.app.server.settings import ServerSettings

    painting = find_preset("sdxl.auto").init_pipeline()
    painting.update_components(
        **{name: each for name, each in embedded_pipe.components.items() if name in painting.specs and each is not None}
    )
    painting.configure(progress=False)
    workflows = [
        ServedWorkflow("embedded", "The embedded model", embedded_pipe),
        ServedWorkflow("painting", "Painting", painting),
    ]
    settings = ServerSettings(queue=20, workers=1, keep=60, state=tmp_path_factory.mktemp("page-state"))
    found = Served(Service(workflows, settings))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """One tab for the tests of a file, and what its console had of errors."""
    errors: list[str] = []
    context = browser.new_context(reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda said: (
            errors.append(f"{said.text} {said.location['url']}") if said.type in ("error", "warning") else None
        ),
    )
    yield page, errors
    context.close()


Opening = Callable[..., "Page"]


@pytest.fixture
def open_page(tab: tuple[Page, list[str]], site: Served) -> Iterator[Opening]:
    """Opens the page anew; at the end no error was in its console."""
    page, errors = tab
    errors.clear()

    def opened(view: str = "create", width: int = 1440, height: int = 900, scheme: Any = "light") -> Page:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        # Away first: another hash alone is no other page.
        page.goto("about:blank")
        page.goto(f"http://127.0.0.1:{site.port}/#{view}")
        page.wait_for_selector({"create": "#run", "compose": ".tree-row"}.get(view, "main .gallery-bar, main .muted"))
        return page

    yield opened
    page.unroute_all(behavior="ignoreErrors")
    assert errors == []


@pytest.fixture
def page(open_page: Opening) -> Page:
    """The page as it opens."""
    return open_page()


@pytest.fixture(scope="session")
def apples(site: Served) -> list[Any]:
    """Two runs that are over, for what looks at such."""
    client = site.client()
    few = {"prompt": "a red apple", "num_inference_steps": 3}
    return [client.run({**few, "guidance_scale": scale}, seed=7, preview={"every": 1, "size": 64}) for scale in (5, 2)]


@pytest.fixture
def apple_file(site: Served, apples: list[Any], tmp_path: Path) -> Path:
    """The first run's image, as somebody has saved it."""
    found = tmp_path / "apple.png"
    found.write_bytes(site.client().get(apples[0]["outputs"][0]["url"]).body)
    return found
