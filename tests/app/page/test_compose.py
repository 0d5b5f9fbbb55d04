"""A composition that is put together by clicks alone is the one that Python makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.blocks.core.block_catalog import find_block
from brickwork.blocks.core.interface import snake_case
from brickwork.guiders import ClassifierFreeGuidance
from brickwork.presets.sdxl import SDXL
from brickwork.state.digest import digest_of

STEPS = (
    "EncodePrompt",
    "ExpandBatch",
    "SetTimesteps",
    "PrepareLatents",
    "PrepareSizeConditioning",
    "Denoise",
    "DecodeCircular",
    "CheckSafety",
    "UnscaleClean",
    "TakeLabelRegions",
    "TakePromptEmbeds",
    "TakeNegativeEmbeds",
)
OF_NO_FAMILY = {"CheckSafety", "TakeLabelRegions"}


@pytest.fixture
def compose(open_page: Any) -> Any:
    """The compose view with the blocks of the embedded model."""
    return open_page("compose")


def choose(page: Any, path: str, where: str, block: str) -> None:
    """Choose a place and a block of the catalog, and wait for what is said of it."""
    row = page.locator(f".tree-row[data-path='{path}']")
    if row.get_attribute("aria-selected") == "false":
        row.click()
    page.click(f".catalog .segments >> text={where}")
    take(page, block)


def take(page: Any, block: str) -> None:
    page.fill("#catalog-word", block)
    page.click(f"[data-block='{block}']")
    page.wait_for_selector(".fits, .candidate-box .fault")


def test_the_tree_has_blocks_with_their_ports_and_is_walked_with_arrow_keys(compose: Any) -> None:
    assert compose.locator(".tree-row[aria-level='1'] .tree-name").all_inner_texts() == [
        "text_encoder",
        "input",
        "set_timesteps",
        "prepare_latents",
        "prepare_add_cond",
        "denoise",
        "decode",
    ]
    compose.click(".tree-row[data-path='decode']")
    assert "latents Tensor[b c h w]" in compose.inner_text(".ports:has(.port.in)")
    assert "images" in compose.inner_text(".ports:has(.port.out)")
    assert compose.locator(".compose-faults").count() == 0
    compose.click(".tree-row[data-path='text_encoder']")
    count = compose.locator(".tree-row").count()
    compose.keyboard.press("ArrowLeft")
    assert compose.get_attribute(".tree-row[data-path='text_encoder']", "aria-expanded") == "false"
    assert compose.locator(".tree-row").count() == count - 6
    compose.keyboard.press("ArrowRight")
    compose.keyboard.press("ArrowRight")
    assert compose.evaluate("document.activeElement.dataset.path").startswith("text_encoder.")
    for _ in range(3):
        compose.keyboard.press("ArrowLeft")
    assert compose.evaluate("document.activeElement.dataset.path") == "text_encoder"
    assert compose.get_attribute(".tree-row[data-path='text_encoder']", "aria-expanded") == "false"
    compose.keyboard.press("ArrowDown")
    assert compose.evaluate("document.activeElement.dataset.path") == "input"
    compose.keyboard.press("End")
    assert compose.evaluate("document.activeElement.dataset.path") == "decode"


def test_a_replaced_block_and_an_option_are_in_the_workflow_file(compose: Any, tmp_path: Path) -> None:
    choose(compose, "decode", "Replace", "DecodeCircular")
    assert compose.inner_text(".fits") == "It fits."
    compose.click("#put-block")
    compose.wait_for_selector(".tree-row[data-path='decode']:has-text('DecodeCircular')")
    compose.click(".tree-row[data-path='denoise.denoiser']")
    option = compose.locator("[id='option-denoise.denoiser-batching']")
    assert option.locator("option").all_inner_texts() == ["auto", "batched", "sequential"]
    option.select_option("sequential")
    compose.wait_for_selector("#save-workflow:enabled")
    with compose.expect_download() as saved:
        compose.click("#save-workflow")
    path = tmp_path / "workflow.yaml"
    saved.value.save_as(path)
    pipe = brickwork.load_workflow(path)
    assert type(pipe.blocks["decode"]).__name__ == "SDXLDecodeCircular"
    assert pipe.blocks["denoise.denoiser"].options["batching"] == "sequential"
    assert digest_of(pipe.described()) == compose.inner_text("#composition-hash")
    # Edits follow one another, and what does not fit is said where it is changed.
    both = """async () => {
        const {apply, composed} = await import("/js/composition.js");
        const set = (value) => apply({options: "denoise.denoiser", set: {batching: value}});
        const faults = await Promise.all([set("batched"), set("much"), set("auto")]);
        return [faults.map((each) => each.length), composed.value.data.edits.slice(-2).map((each) => each.set.batching)];
    }"""
    assert compose.evaluate(both) == [[0, 1, 0], ["batched", "auto"]]


def test_what_does_not_fit_cannot_be_put_and_what_fits_says_what_it_asks_for(compose: Any) -> None:
    choose(compose, "set_timesteps", "Insert after", "SetTimesteps")
    assert "set_timesteps_2 needs 'timesteps' as list[int] | None" in compose.inner_text(".candidate-box .fault")
    assert compose.is_disabled("#put-block")
    compose.click(".catalog .segments >> text=Replace")
    take(compose, "Decode")
    compose.wait_for_selector(".fits:has-text('asks for')")
    assert "nobody reads" in compose.inner_text(".candidate-box .warning")


def test_blocks_put_together_by_clicks_alone_are_those_that_python_puts_together(compose: Any) -> None:
    assert len(STEPS) == 12
    compose.click("#from-nothing")
    compose.wait_for_selector(".tree-empty")
    take(compose, STEPS[0])
    compose.click("#put-block")
    path = "encode_prompt"
    for block in STEPS[1:]:
        compose.wait_for_selector(f".tree-row.is-chosen[data-path='{path}']")
        choose(compose, path, "Insert after", block)
        path = compose.input_value("#block-name")
        compose.click("#put-block")
    compose.wait_for_selector(f".tree-row.is-chosen[data-path='{path}']")
    assert compose.inner_text(".compose-told").startswith("21 blocks")
    named = {
        snake_case(name): find_block(name)() if name in OF_NO_FAMILY else find_block(name).bind(SDXL) for name in STEPS
    }
    made = SequentialPipelineBlocks.from_blocks_dict(named).init_pipeline()
    made.update_components(guider=ClassifierFreeGuidance(guidance_scale=5.0))
    assert compose.inner_text("#composition-hash") == digest_of(made.described())


def test_an_edit_is_undone(compose: Any) -> None:
    before = compose.inner_text("#composition-hash")
    choose(compose, "decode", "Insert after", "CheckSafety")
    compose.click("#put-block")
    compose.wait_for_selector(".tree-row[data-path='check_safety']:focus")
    assert compose.inner_text("#composition-hash") != before
    compose.click("#undo-edit")
    compose.wait_for_selector(".tree-row[data-path='check_safety']", state="detached")
    assert compose.inner_text("#composition-hash") == before


def test_three_hundred_blocks_stay_smooth(compose: Any) -> None:
    script = """async () => {
        const {take} = await import("/js/composition.js");
        const port = (name) => ({name, type: "Tensor[b c h w]", required: true});
        const blocks = Array.from({length: 300}, (_, i) => ({path: `b${i}`, name: `b${i}`, class: "FlipLatents", description: "",
            inputs: [port("latents")], outputs: [port("latents"), port("noise")], components: [], options: {}}));
        take({data: {}, tree: {path: "", name: "", blocks}, faults: [], digest: "0"}, "b0");
        const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        await frame();
        document.querySelector(".tree-row").focus();
        const times = [];
        for (let i = 0; i < 30; i++) {
            const began = performance.now();
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
            await frame();
            times.push(performance.now() - began);
        }
        return [document.querySelectorAll(".tree-row").length, document.activeElement.dataset.path, times.sort((a, b) => a - b)[15]];
    }"""
    count, at, median = compose.evaluate(script)
    assert (count, at) == (300, "b30")
    # A frame is 16 ms; the bound is for a machine that does other things as well.
    assert median < 150


def forget_refusals(tab: tuple[Any, list[str]]) -> None:
    """Forget what the browser itself says in its console of an answer 422."""
    assert all("422" in said for said in tab[1])
    tab[1].clear()


def test_a_composition_is_run_from_the_page_and_is_among_the_workflows(compose: Any, site: Any, tab: Any) -> None:
    choose(compose, "decode", "Replace", "DecodeCircular")
    compose.click("#put-block")
    compose.wait_for_selector(".tree-row[data-path='decode']:has-text('DecodeCircular')")
    compose.fill("#composition-name", "painting")
    compose.click("#run-composition")
    compose.wait_for_selector(".notice.bad:has-text('painting-2')")
    forget_refusals(tab)
    compose.fill("#composition-name", "circular")
    compose.click("#run-composition")
    compose.wait_for_selector("#field-prompt")
    assert compose.inner_text(".notice span") == "circular is a workflow now."
    assert compose.locator("#workflow option").all_inner_texts()[-1] == "circular"
    assert compose.input_value("#workflow") == "circular"
    compose.fill("#field-prompt", "a red apple")
    compose.fill("#field-num_inference_steps", "2")
    compose.click("#run")
    run = compose.wait_for_selector("[data-state=finished]").get_attribute("data-run")
    assert site.client().get(f"/api/runs/{run}").data["workflow"] == "circular"


def test_a_composition_whose_components_are_missing_says_which(compose: Any, tab: Any) -> None:
    choose(compose, "decode", "Insert after", "CheckSafety")
    compose.click("#put-block")
    compose.wait_for_selector(".tree-row[data-path='check_safety']")
    compose.click("#run-composition")
    said = compose.wait_for_selector(".notice.bad").inner_text()
    assert "safety_checker (StableDiffusionSafetyChecker): embedded has no such component. It has tokenizer" in said
    forget_refusals(tab)
