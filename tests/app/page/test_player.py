"""Videos and sounds on the page: they are played, saved and compared, by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from media_makers import Makers, media_makers
from page_files import grave_faults, look
from served import Served

from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings

# Both are waited for as long as for anything on the page: what a media element promises may never come.
KNOWN = "element => element.error ? element.error.message : element.duration > 0"
PLAYED = "element => element.error ? element.error.message : element.currentTime > 0"
PLAY = "element => { element.muted = true; element.play().catch(() => null); }"


@pytest.fixture(scope="module")
def makers() -> Iterator[Makers]:
    """A pipeline of videos and one of sounds, and what a request for one of them gives."""
    made = media_makers()
    # Browsers play no sound of less than 3,000 numbers a second, and this small model has 16.
    tune, given = made["tune"]
    vae = tune.components["vae"]
    rate = vae.config.sampling_rate
    vae.register_to_config(sampling_rate=3000)
    made["tune"] = (tune, {each: value for each, value in given.items() if not each.startswith("audio_")})
    yield {
        name: (pipe, {each: value[0] if isinstance(value, list) else value for each, value in given.items()})
        for name, (pipe, given) in made.items()
    }
    # Other files have the same model.
    vae.register_to_config(sampling_rate=rate)


@pytest.fixture(scope="module")
def site(makers: Makers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of both."""
    workflows = [ServedWorkflow(name, name, pipe) for name, (pipe, _) in makers.items()]
    found = Served(Service(workflows, ServerSettings(queue=6, workers=1, state=tmp_path_factory.mktemp("player"))))
    yield found
    found.stop()


@pytest.mark.parametrize(("name", "tag", "ending"), [("film", "video", "mp4"), ("tune", "audio", "wav")])
def test_what_a_run_gives_is_played_saved_and_compared(
    open_page: Any, site: Served, makers: Makers, name: str, tag: str, ending: str
) -> None:
    given = makers[name][1]
    older = site.client().run({**given, "prompt": "a bird"}, workflow=name, seed=3)
    page = open_page()
    page.select_option("#workflow", name)
    page.click(".expert > summary")
    for field, value in given.items():
        if page.locator(f"#field-{field}").count():
            page.fill(f"#field-{field}", str(value))
    page.click("#run")
    player = page.wait_for_selector(f".canvas {tag}[controls]")
    assert page.wait_for_function(KNOWN, arg=player).json_value() is True
    player.evaluate(PLAY)
    assert page.wait_for_function(PLAYED, arg=player).json_value() is True
    page.wait_for_selector(f".card[data-run='{older['id']}'] .card-image :is(video, .sound-mark)")
    look(page, f"player-{name}")
    assert grave_faults(page) == []
    # The keyboard reaches the controls.
    page.focus("#run")
    player.focus()
    assert page.evaluate("document.activeElement.tagName.toLowerCase()") == tag
    page.click(".progress-row >> text=Details")
    page.wait_for_selector(f"dialog {tag}[controls]")
    look(page, f"player-{name}-details")
    assert grave_faults(page) == []
    with page.expect_download() as saving:
        page.click("dialog .player >> text=Save")
    assert saving.value.suggested_filename.endswith(f"-0.{ending}")
    page.keyboard.press("Escape")
    for mark in page.locator(".card .mark input").all()[:2]:
        mark.check()
    page.click("#compare")
    page.wait_for_selector(".differences li")
    assert page.locator(f"dialog {tag}[controls]").count() == 2
    look(page, f"player-{name}-compared")
    assert grave_faults(page) == []


def test_videos_on_a_phone_in_the_dark(open_page: Any, site: Served, makers: Makers) -> None:
    for name, (_, given) in makers.items():
        run = site.client().run(given, workflow=name, seed=3)
        page = open_page("gallery", width=390, height=844, scheme="dark")
        page.click(f".card[data-run='{run['id']}'] .card-image")
        page.wait_for_selector("dialog .written :is(pre, p)")
        look(page, f"player-{name}-phone")
        assert grave_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.click("#show-steps")
        page.locator(".canvas .player").scroll_into_view_if_needed()
        look(page, f"player-{name}-phone-stage")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
