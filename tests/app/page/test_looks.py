"""The page for everybody: screen readers, keyboards, phones, light and dark; and its images in the docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from page_files import IMAGES, NAMES, give, grave_faults, keep

ROOT = Path(__file__).parents[3]


def test_creating_has_no_grave_faults(open_page: Any, apples: list[Any]) -> None:
    page = open_page(width=1280, height=860)
    page.fill("#field-prompt", "a red apple")
    page.fill("#field-num_inference_steps", "8")
    page.fill("#field-seed", "3")
    page.click("#run")
    page.wait_for_selector("[data-state=finished]")
    page.click(".plan [data-path='denoise.denoiser']")
    page.wait_for_selector(".card")
    keep(page, "create")
    page.fill("#field-height", "65")
    page.wait_for_selector("[data-field=height] .fault")
    page.click(".expert > summary")
    page.check("#sweep")
    assert grave_faults(page) == []


def test_gallery_and_dialogs_have_no_grave_faults(open_page: Any, apples: list[Any]) -> None:
    page = open_page("gallery", width=1280, height=860)
    for run in apples:
        page.check(f".card[data-run='{run['id']}'] .mark input")
    assert grave_faults(page) == []
    page.click("#compare")
    page.wait_for_selector(".differences li")
    assert grave_faults(page) == []
    page.keyboard.press("Escape")
    page.click(f".card[data-run='{apples[0]['id']}'] .card-image")
    page.wait_for_selector("dialog pre:has-text('brickwork: 1')")
    assert grave_faults(page) == []
    keep(page, "details")


def test_compose_and_the_mask_have_no_grave_faults(open_page: Any, apple_file: Path) -> None:
    page = open_page("compose", width=1280, height=860)
    page.click(".tree-row[data-path='decode']")
    page.click(".catalog .segments >> text=Replace")
    page.fill("#catalog-word", "circular")
    page.click("[data-block='DecodeCircular']")
    page.wait_for_selector(".fits")
    keep(page, "compose")
    assert grave_faults(page) == []
    page.click("nav >> text=Create")
    page.select_option("#workflow", "painting")
    page.wait_for_selector("[data-field=image]")
    give(page, "[data-field=image] .file", "drop", apple_file)
    page.click("[data-field=mask_image] button")
    canvas = page.wait_for_selector(".mask-canvas canvas").bounding_box()
    page.mouse.move(canvas["x"] + 150, canvas["y"] + 100)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 300, canvas["y"] + 140, steps=6)
    page.mouse.up()
    keep(page, "mask")
    assert grave_faults(page) == []


def test_colours_in_the_dark_are_far_enough_apart(open_page: Any, apples: list[Any]) -> None:
    page = open_page(scheme="dark")
    page.click(".plan [data-path='denoise.denoiser']")
    page.fill("#field-height", "65")
    page.wait_for_selector("[data-field=height] .fault")
    assert grave_faults(page) == []
    page.click("nav >> text=Compose")
    page.click(".tree-row[data-path='decode']")
    assert grave_faults(page) == []
    page.click("nav >> text=Gallery")
    page.click(f".card[data-run='{apples[0]['id']}'] .card-image")
    page.wait_for_selector("dialog pre:has-text('brickwork: 1')")
    assert grave_faults(page) == []


def test_a_phone_needs_no_scrolling_to_the_side(open_page: Any, apples: list[Any]) -> None:
    page = open_page(width=390, height=844)
    page.fill("#field-prompt", "a red apple")
    page.wait_for_selector(".plan svg")
    assert page.locator("#run").bounding_box()["y"] < 844
    keep(page, "phone")
    page.fill("#field-num_inference_steps", "2")
    page.click("#run")
    page.wait_for_selector("[data-state=finished]")
    # The form is longer than the screen.
    assert 0 <= page.locator(".drawn").bounding_box()["y"] < 400
    for view, seen in (("Create", ".plan svg"), ("Gallery", ".card"), ("Compose", ".tree-row")):
        page.click(f"nav >> text={view}")
        page.wait_for_selector(seen)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, view


def test_the_theme_follows_the_system_until_one_chooses(open_page: Any) -> None:
    page = open_page(scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme")
    assert page.get_attribute("#theme", "aria-label") == "Theme: light. Change to dark"
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    page.wait_for_selector("#run")
    assert page.evaluate(ground) == light
    page.click("#theme")
    assert page.evaluate(ground) == dark
    page.click("#theme")
    assert page.get_attribute("#theme", "title") == "Theme: auto"


def test_the_tab_key_reaches_the_run_button_and_shows_where_it_is(page: Any) -> None:
    page.focus("#field-seed")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "run":
            break
    assert page.evaluate("document.activeElement.id") == "run"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_each_image_of_the_page_is_shown_in_the_docs() -> None:
    text = (ROOT / "docs" / "page.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"images/page-{name}.png" in text
        assert (IMAGES / f"page-{name}.png").stat().st_size < 200_000
