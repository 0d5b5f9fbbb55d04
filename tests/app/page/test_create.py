"""The form, the plan and the run of a workflow, as a person has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from page_files import give, keep

PROMPT, STEPS = "#field-prompt", "#field-num_inference_steps"


def finished(page: Any) -> Any:
    """Wait until the run on the stage is over, and return it."""
    return page.wait_for_selector("[data-state=finished]")


def started(page: Any, steps: int = 3, prompt: str = "a red apple") -> None:
    page.fill(PROMPT, prompt)
    page.fill(STEPS, str(steps))
    page.click("#run")


def test_the_form_has_groups_with_what_is_required_first_and_what_is_rare_closed(page: Any) -> None:
    assert page.locator(".group > :is(legend, summary)").all_inner_texts() == [
        "PROMPT",
        "SIZE",
        "SAMPLING",
        "GUIDANCE",
        "RESULT",
        "EXPERT",
    ]
    assert page.locator(".field").first.get_attribute("data-field") == "prompt"
    assert page.get_attribute("#field-height", "placeholder") == "64"
    assert page.inner_text("[data-field=height] .unit") == "pixels"
    assert not page.is_visible("#field-eta")
    page.click(".expert > summary")
    assert page.is_visible("#field-eta")
    assert page.locator("[data-field=generator], [data-field=latents]").count() == 0


def test_a_fault_stands_beside_its_field_as_one_types_and_goes_when_it_is_mended(page: Any) -> None:
    page.fill(PROMPT, "a cat")
    page.fill("#field-height", "65")
    fault = page.locator("[data-field=height] .fault")
    fault.wait_for()
    assert fault.inner_text() == "height is 65; it must be a multiple of 8. The nearest is 64."
    assert page.get_attribute("#field-height", "aria-invalid") == "true"
    page.click("#run")
    assert page.inner_text(".notice span") == "This does not fit; see beside the fields."
    page.wait_for_selector("#field-height:focus")
    page.keyboard.press("ArrowDown")
    assert page.input_value("#field-height") == "64"
    fault.wait_for(state="detached")


def test_what_is_missing_is_no_fault_before_one_has_tried_and_what_is_no_number_is_said_at_once(page: Any) -> None:
    page.wait_for_selector(".plan svg")
    assert page.locator(".fault").count() == 0
    page.click("#run")
    page.wait_for_selector("[data-field=prompt] .fault")
    # The page then puts the cursor there, and what is typed meanwhile would go there, too.
    page.wait_for_timeout(400)
    page.fill(STEPS, "ten")
    assert page.inner_text("[data-field=num_inference_steps] .fault") == "ten is no number."
    page.fill(STEPS, "1.5")
    assert page.inner_text("[data-field=num_inference_steps] .fault") == "1.5 is no whole number."


def test_a_late_answer_to_what_is_not_asked_any_more_is_dropped(page: Any) -> None:
    page.wait_for_selector(".plan svg")
    held: list[Any] = []
    page.route("**/check", lambda route: held.append(route) if len(held) < 1 else route.continue_())
    page.fill(PROMPT, "a cat")
    page.fill("#field-height", "65")
    page.wait_for_timeout(400)
    page.fill("#field-height", "64")
    page.wait_for_timeout(600)
    assert len(held) == 1
    held[0].continue_()
    page.wait_for_timeout(300)
    assert page.locator(".fault").count() == 0
    page.unroute("**/check")
    page.route("**/embedded/check", lambda route: held.append(route))
    page.fill("#field-height", "65")
    page.wait_for_timeout(300)
    page.route("**/painting/check", lambda route: held.append(route))
    page.select_option("#workflow", "painting")
    page.wait_for_selector("[data-field=image]")
    held[1].continue_()
    page.wait_for_timeout(300)
    assert page.locator(".plan svg").count() == 0, "it is of another workflow"


def test_a_run_shows_previews_progress_and_its_result(page: Any) -> None:
    prompt = "<img src=x onerror=alert(1)> a red apple"
    started(page, steps=12, prompt=prompt)
    preview = page.wait_for_selector("[data-state=running] .drawn")
    assert preview.get_attribute("src").startswith("data:image/jpeg;base64,")
    said = page.wait_for_selector("text=/Step \\d+ of 12, .* left/").inner_text()
    assert re.fullmatch(r"Step \d+ of 12, [\d.]+ m?s left", said)
    assert page.locator("[data-path=denoise].is-running").count() == 1
    finished(page)
    assert re.fullmatch(r"Done in [\d.]+ m?s, seed \d+", page.inner_text(".status"))
    assert re.search(r"/api/runs/\w+/outputs/images/0\.png$", page.get_attribute(".drawn", "src"))
    assert page.locator("[data-path=decode].is-done .told").first.text_content().endswith("s ")
    assert page.inner_text(".plan-head p") == "11 blocks, 22.8 MB of models"
    page.wait_for_selector(".card:not(.is-going) >> nth=0")
    assert page.locator(".card-title").first.inner_text() == prompt, "what is typed is text and no page"


def test_the_steps_are_looked_through_afterwards_and_one_of_them_branches(page: Any) -> None:
    started(page, steps=4)
    first = finished(page).get_attribute("data-run")
    page.fill("#scrubber", "1")
    assert page.inner_text(".steps label") == "After step 2 of 4"
    assert page.get_attribute(".drawn", "src").startswith("data:image/jpeg")
    page.fill("#scrubber", "3")
    assert page.inner_text(".steps label") == "After step 4 of 4"
    assert page.is_disabled("#branch"), "behind the last step there is nothing"
    page.fill("#scrubber", "1")
    page.click("#branch")
    said = "A branch differs from its run: change something in the form first."
    page.wait_for_selector(f".notice:has-text('{said}')")
    page.fill(PROMPT, "a green apple")
    page.click("#branch")
    page.wait_for_selector(f".stage-run:not([data-run='{first}'])[data-state=finished]")
    page.fill("#scrubber", "1")
    assert page.is_disabled("#branch"), "a branch of a branch is refused"
    page.click(".stage-run >> text=Details")
    recipe = page.inner_text("dialog[open] .recipe")
    assert "a green apple" in recipe
    assert "branched at step\n2" in recipe


def cancel(page: Any) -> None:
    """Cancel the run on the stage."""
    page.click("#cancel")
    page.wait_for_selector("[data-state=cancelled]")
    assert page.inner_text(".status") == "Cancelled"


def see(page: Any, is_seen: bool) -> None:
    """Say that the tab is looked at, or not."""
    page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange', {bubbles: true})); }",
        not is_seen,
    )


def test_runs_that_wait_say_how_many_are_before_them_and_are_found_again_to_be_cancelled(page: Any, site: Any) -> None:
    started(page, steps=900)
    page.wait_for_selector("[data-state=running] .drawn")
    runs = [page.get_attribute(".stage-run", "data-run")]
    for _ in range(2):
        page.click("#run")
        page.wait_for_selector(f".stage-run:not([data-run='{runs[-1]}'])[data-state=queued]")
        runs.append(page.get_attribute(".stage-run", "data-run"))
    page.wait_for_selector(".status:text-is('Waiting: 1 before it')")
    site.client().ask("DELETE", f"/api/runs/{runs[1]}")
    page.wait_for_selector(".status:text-is('Waiting')")
    cancel(page)
    page.reload()
    page.click(f".card.is-going[data-run='{runs[0]}'] .card-image")
    page.wait_for_selector(f"[data-run='{runs[0]}'][data-state=running] .drawn")
    cancel(page)


def test_a_sweep_that_waits_leaves_the_page_able_to_ask_and_its_rest_is_cancelled(page: Any) -> None:
    started(page, steps=900)
    page.wait_for_selector("[data-state=running] .drawn")
    page.fill(STEPS, "2")
    page.check("#sweep")
    page.check("[data-field=seed] .vary input")
    page.fill("#field-seed-axis", "1..8")
    page.click("#run")
    page.wait_for_selector("text=0 of 8 done")
    # A browser has six connections to a server, and each run that is listened to takes one.
    page.fill("#field-height", "65")
    page.wait_for_selector("[data-field=height] .fault")
    page.click("#cancel-sweep")
    page.wait_for_selector("text=8 of 8 done")
    assert set(page.locator(".cell-state").all_inner_texts()) == {"cancelled"}
    page.click(".card.is-going .card-image")
    page.wait_for_selector("[data-state=running] .drawn")
    see(page, is_seen=False)
    before = page.inner_text(".status")
    page.wait_for_timeout(200)
    assert page.inner_text(".status") == before, "a tab that nobody looks at takes no connection"
    see(page, is_seen=True)
    page.wait_for_function("(before) => document.querySelector('.status').innerText !== before", arg=before)
    cancel(page)
    page.click("#to-grid")
    page.wait_for_selector("text=8 of 8 done")


def test_a_server_that_does_not_answer_is_said_and_its_run_is_gone_on_with(page: Any, tab: Any) -> None:
    page.route("**/events*", lambda route: route.abort())
    started(page, steps=2)
    page.wait_for_selector(".status:text-is('The server does not answer; it is asked again.')")
    page.unroute("**/events*")
    finished(page)
    # What the browser itself says of the connection.
    assert all("ERR_FAILED" in said for said in tab[1])
    tab[1].clear()


def test_a_block_of_the_plan_says_what_it_reads_and_writes(page: Any) -> None:
    block = page.locator(".plan [data-path='denoise.denoiser']")
    block.focus()
    page.keyboard.press("Enter")
    said = page.inner_text(".plan .chosen")
    assert "scaled_latents" in said
    assert "noise_pred" in said
    assert "unet, scheduler, guider" in said
    assert page.locator(".wire.is-lit").count() > 3


def test_the_keyboard_runs_it_and_blocks_that_come_from_the_cache_are_marked(page: Any) -> None:
    page.fill("#field-seed", "11")
    page.fill(PROMPT, "a blue car")
    page.fill(STEPS, "2")
    page.keyboard.press("Control+Enter")
    finished(page)
    page.click("#run")
    page.wait_for_selector(".plan .is-cached")
    finished(page)


def test_a_sweep_fills_its_grid_as_runs_end(page: Any) -> None:
    page.fill(PROMPT, "a red apple")
    page.fill(STEPS, "2")
    page.check("#sweep")
    page.click("#run")
    assert page.inner_text(".notice span") == "Tick the fields that shall vary."
    page.check("[data-field=guidance_scale] .vary input")
    page.fill("#field-guidance_scale-axis", "1, 5")
    page.check("[data-field=seed] .vary input")
    page.fill("#field-seed-axis", "1..2")
    assert page.inner_text("#run") == "Run 4"
    page.fill("#field-height", "much")
    page.click("#run")
    assert page.inner_text(".notice span") == "This does not fit; see beside the fields."
    page.fill("#field-height", "")
    page.click("#run")
    page.wait_for_selector("text=4 of 4 done")
    assert page.locator(".grid thead th").all_inner_texts()[1:] == ["seed 1", "seed 2"]
    assert page.locator(".grid tbody th").all_inner_texts() == ["guidance_scale 1", "guidance_scale 5"]
    sources = [each.get_attribute("src") for each in page.locator(".cell img").all()]
    assert len(set(sources)) == 4
    assert all(source.endswith("0.png") for source in sources)
    keep(page, "sweep")


def test_an_image_with_a_recipe_fills_the_form_and_a_file_without_is_said_to_have_none(
    page: Any, apple_file: Path
) -> None:
    for way in ("drop", "paste"):
        page.click("text=Clear")
        assert page.input_value(PROMPT) == ""
        give(page, "body", way, apple_file)
        page.wait_for_selector("text=The form has its inputs.")
        assert page.input_value(PROMPT) == "a red apple"
        assert page.input_value(STEPS) == "3"
        assert page.input_value("#field-seed") == "7"
    give(page, "body", "drop", Path(__file__))
    page.wait_for_selector(f"text={Path(__file__).name} has no recipe, and this workflow takes no image.")


def take_up(page: Any, way: str, image: Path, told: str) -> None:
    """Fill the form again: by the image, or by the details of the staged run, which say something."""
    if way == "drop":
        give(page, "body", "drop", image)
        return
    page.click(".stage-run >> text=Details")
    assert told in page.inner_text("dialog[open] .recipe")
    page.click("#use-inputs")


def test_a_guider_is_chosen_with_its_settings_and_a_recipe_fills_it_again(page: Any, site: Any, tmp_path: Path) -> None:
    guider, scale = "#field-guider", "[id='field-guider.perturbed_guidance_scale']"
    assert page.locator("[data-field^='guider.']").count() == 0
    page.select_option(guider, "PerturbedAttentionGuidance")
    assert page.get_attribute(scale, "placeholder") == "2.8"
    assert page.locator("[data-field='guider.enabled'] input").is_checked()
    page.fill(scale, "1.5, much")
    assert page.inner_text("[data-field='guider.perturbed_guidance_scale'] .fault") == "much is no number."
    page.fill(scale, "1.5")
    page.fill("[id='field-guider.guidance_rescale']", "2")
    page.wait_for_selector("[data-field=guider] .fault:has-text('guidance_rescale')")
    page.fill("[id='field-guider.guidance_rescale']", "0.5")
    page.wait_for_selector("[data-field=guider] .fault", state="detached")
    started(page, steps=2)
    run = site.client().get(f"/api/runs/{finished(page).get_attribute('data-run')}").data
    asked = {"name": "PerturbedAttentionGuidance", "guidance_rescale": 0.5, "perturbed_guidance_scale": 1.5}
    assert run["inputs"]["guider"] == asked
    image = tmp_path / "guided.png"
    image.write_bytes(site.client().get(run["outputs"][0]["url"]).body)
    for way in ("drop", "use"):
        page.click("text=Clear")
        assert page.input_value(guider) == ""
        take_up(page, way, image, "PerturbedAttentionGuidance")
        page.wait_for_selector(scale)
        assert page.input_value(guider) == "PerturbedAttentionGuidance"
        assert (page.input_value(scale), page.input_value("[id='field-guider.guidance_rescale']")) == ("1.5", "0.5")
        assert page.input_value("[id='field-guider.guidance_scale']") == ""


def test_a_scheduler_is_chosen_and_a_recipe_fills_it_again(page: Any, site: Any, tmp_path: Path) -> None:
    field = "#field-scheduler"
    assert page.locator(f"{field} option").first.inner_text() == "the workflow's own: euler"
    assert page.locator(f"{field} option[value=euler]").count() == 0
    assert page.get_attribute(field, "aria-describedby") == "field-scheduler-about"
    page.select_option(field, "dpmpp_2m_karras")
    started(page, steps=2)
    run = site.client().get(f"/api/runs/{finished(page).get_attribute('data-run')}").data
    assert (run["scheduler"], "scheduler" in run["inputs"]) == ("dpmpp_2m_karras", False)
    image = tmp_path / "karras.png"
    image.write_bytes(site.client().get(run["outputs"][0]["url"]).body)
    for way in ("drop", "use"):
        page.click("text=Clear")
        assert page.input_value(field) == ""
        take_up(page, way, image, "scheduler\ndpmpp_2m_karras")
        page.wait_for_selector("text=The form has its inputs.")
        assert page.input_value(field) == "dpmpp_2m_karras"
    page.select_option(field, "")
    page.fill("#scrubber", "0")
    page.click("#branch")
    page.wait_for_selector(".notice:has-text('A branch has the scheduler of its run: choose dpmpp_2m_karras first.')")
