"""What was drawn: its recipe, its replay, what it is as code, and two beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from page_files import give


@pytest.fixture
def gallery(open_page: Any, apples: list[Any]) -> Any:
    """The gallery with two runs in it."""
    page = open_page("gallery")
    page.wait_for_selector(f".card[data-run='{apples[1]['id']}']")
    return page


def card(run: Any) -> str:
    return f".card[data-run='{run['id']}']"


def test_a_run_shows_its_recipe_and_is_written_as_file_python_and_shell(gallery: Any, apples: list[Any]) -> None:
    gallery.click(f"{card(apples[0])} .card-image")
    recipe = gallery.inner_text("dialog[open] .recipe")
    assert "a red apple" in recipe
    assert "guidance_scale\n5" in recipe
    for title, part in (("Workflow file", "brickwork: 1"), ("Python", "import brickwork"), ("Shell", "brickwork run ")):
        gallery.click(f"dialog >> text={title}")
        gallery.wait_for_selector(f"dialog pre:has-text({part!r})")
    gallery.click("#copy")
    gallery.wait_for_selector("#copy:has-text('Copied')")
    assert gallery.evaluate("navigator.clipboard.readText()").startswith("brickwork run ")
    gallery.keyboard.press("Escape")
    gallery.wait_for_selector("dialog", state="detached")


def test_a_form_that_does_not_say_a_run_is_a_sentence_and_no_error(gallery: Any, site: Any) -> None:
    inputs = {"prompt": "a pear", "num_inference_steps": 1}
    several = site.client().run(inputs, seed=3, output=["images", "latents"])
    changed = site.client().run(inputs, seed=4)
    file = site.service.jobs.get(changed["id"]).recipe
    file.write_text(
        json.dumps({**json.loads(file.read_text()), "process": {"replaced": ["torch.nn.functional.silu=0"]}})
    )
    gallery.reload()
    gallery.click(f"{card(several)} .card-image")
    gallery.wait_for_selector("dialog pre:has-text('brickwork: 1')")
    gallery.click("dialog >> text=Shell")
    gallery.wait_for_selector("dialog .written p:has-text('several values, which only a file says')")
    assert gallery.is_disabled("#copy")
    gallery.keyboard.press("Escape")
    gallery.wait_for_selector("dialog", state="detached")
    gallery.click(f"{card(changed)} .card-image")
    gallery.wait_for_selector("dialog .written p:has-text('Something is not as it was')")


def test_a_replay_gives_the_same_bytes_and_its_run_says_so(gallery: Any, apples: list[Any]) -> None:
    gallery.click(f"{card(apples[0])} .card-image")
    gallery.click("#replay")
    gallery.wait_for_selector("dialog .badge.good:has-text('same bytes')")
    gallery.keyboard.press("Escape")
    gallery.wait_for_selector(f"{card(apples[0])} .badge.good")


def test_the_inputs_of_a_run_fill_the_form_and_its_steps_are_looked_through_again(
    gallery: Any, apples: list[Any]
) -> None:
    gallery.click(f"{card(apples[1])} .card-image")
    gallery.click("#use-inputs")
    assert gallery.input_value("#field-guidance_scale") == "2"
    assert gallery.input_value("#field-seed") == "7"
    # Its steps, too; they branch where its workflow is open.
    gallery.click(f"{card(apples[0])} .card-image")
    gallery.click("#show-steps")
    gallery.wait_for_selector(f".stage-run[data-run='{apples[0]['id']}'][data-state=finished]")
    gallery.fill("#scrubber", "0")
    assert gallery.inner_text(".steps label") == "After step 1 of 3"
    assert gallery.is_enabled("#branch")
    gallery.select_option("#workflow", "painting")
    gallery.wait_for_selector("#branch:disabled")
    assert gallery.get_attribute("#branch", "title") == "Open embedded, which this is a run of"


def test_two_images_are_compared_with_a_slider_and_in_words(gallery: Any, apples: list[Any]) -> None:
    assert gallery.is_disabled("#compare")
    for run in apples:
        gallery.check(f"{card(run)} .mark input")
    gallery.click("#compare")
    gallery.wait_for_selector(".differences li")
    assert "guidance_scale" in gallery.inner_text(".differences")
    before = gallery.evaluate("getComputedStyle(document.querySelector('.over')).clipPath")
    gallery.fill("#compare-slider", "20")
    after = gallery.evaluate("getComputedStyle(document.querySelector('.over')).clipPath")
    assert (before, after) == ("inset(0px 0px 0px 50%)", "inset(0px 0px 0px 20%)")
    gallery.click("dialog [aria-label=Close]")
    gallery.wait_for_selector("dialog", state="detached")


def test_a_mask_is_drawn_over_an_image_with_mouse_and_keys(page: Any, apple_file: Path) -> None:
    page.select_option("#workflow", "painting")
    page.wait_for_selector("[data-field=mask_image]")
    draw = page.locator("[data-field=mask_image] button")
    assert draw.is_disabled()
    page.set_input_files("#field-image", str(apple_file))
    page.wait_for_selector("[data-field=image] .file-image")
    draw.click()
    canvas = page.wait_for_selector(".mask-canvas canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 60, steps=4)
    page.mouse.up()
    assert painted(page) > 50
    page.click("#undo")
    assert painted(page) == 0
    assert page.is_disabled("#undo")
    page.focus(".mask-canvas")
    for key in (" ", "Shift+ArrowRight", "Shift+ArrowDown", " "):
        page.keyboard.press(key)
    with_keys = painted(page)
    assert with_keys > 50
    page.click("dialog >> text=Eraser")
    page.focus(".mask-canvas")
    page.keyboard.press(" ")
    assert 0 < painted(page) < with_keys
    left = painted(page)
    page.click("#use-mask")
    page.wait_for_selector("[data-field=mask_image] .file-image")
    draw.first.click()
    page.wait_for_selector(".mask-canvas canvas")
    page.wait_for_function(f"(left) => ({PAINTED})() === left", arg=left)
    page.keyboard.press("Escape")
    page.fill("#field-prompt", "a green leaf")
    page.fill("#field-num_inference_steps", "2")
    page.click("#run")
    page.wait_for_selector("[data-state=finished]")


PAINTED = """() => {
    const canvas = document.querySelector(".mask-canvas canvas");
    const data = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height).data;
    return data.filter((value, i) => i % 4 === 3 && value > 127).length;
}"""


def painted(page: Any) -> int:
    """Count the points that the mask has."""
    return int(page.evaluate(PAINTED))


def test_the_task_follows_what_is_given_until_one_is_chosen(page: Any, apple_file: Path) -> None:
    page.select_option("#workflow", "painting")
    page.fill("#field-prompt", "a leaf")
    page.wait_for_selector("#task option:has-text('By what is given: text2image')", state="attached")
    give(page, "body", "drop", apple_file)
    page.wait_for_selector("text=The form has its inputs.")
    page.set_input_files("#field-image", str(apple_file))
    page.wait_for_selector("#task option:has-text('By what is given: image2image')", state="attached")
    assert page.locator(".plan [data-path='vae_encoder'], .plan [data-path^='image']").count() > 0
    page.select_option("#task", "inpainting")
    page.wait_for_selector("label[for='field-mask_image'] .required")
    assert page.input_value("#field-prompt") == "a red apple"
    page.click("#run")
    fault = page.wait_for_selector("[data-field=mask_image] .fault").inner_text()
    assert fault == "Mask image is needed."
    page.click("[data-field=image] >> text=Remove")
    page.wait_for_selector("[data-field=image] .file-image", state="detached")
    give(page, "[data-field=image] .file", "drop", apple_file)
    page.wait_for_selector("[data-field=image] .file-image")
    assert page.locator("body.is-dragged-over").count() == 0
    page.click("[data-field=image] >> text=Remove")
    page.click(".card-image >> nth=0")
    page.click("dialog >> text=Use as image")
    shown = page.wait_for_selector("[data-field=image] .file-image")
    page.wait_for_function("(image) => image.naturalWidth === 64", arg=shown)
