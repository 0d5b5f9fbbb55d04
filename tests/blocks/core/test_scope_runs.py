"""A hires fix in one composition: as two pipelines by hand, bit for bit, cached, resumed, replayed, saved and opened."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hires_blocks import INPUTS, SECOND_PASS, EnlargeLatents, NoiseLatents, by_hand, hires_fix, pipeline_of
from toy_blocks import seeded

import brickwork
from brickwork import MemoryCache, ModularPipeline, Snapshot, Snapshots
from brickwork.engine.events import CacheHit, Event

OWN = [EnlargeLatents, NoiseLatents]


@pytest.fixture(scope="module")
def hand(embedded_pipe: ModularPipeline) -> tuple[torch.Tensor, Any]:
    """What two pipelines give, the second called with what the first has made."""
    return by_hand(embedded_pipe, seeded())


@pytest.fixture
def pipe(embedded_pipe: ModularPipeline) -> ModularPipeline:
    return pipeline_of(hires_fix(), embedded_pipe)


def latents_of(pipe: ModularPipeline, **inputs: Any) -> torch.Tensor:
    latents: torch.Tensor = pipe(**{**INPUTS, **inputs}, generator=seeded(), output="latents")
    return latents


def test_it_equals_two_pipelines_by_hand_bit_for_bit(pipe: ModularPipeline, hand: tuple[torch.Tensor, Any]) -> None:
    state = pipe(**INPUTS, generator=seeded())
    assert torch.equal(state.latents, hand[0])
    assert state.images[0].tobytes() == hand[1].tobytes()
    assert not [name for name in [*state.values, *state.provenance, *state.kwargs_mapping] if "/" in name]
    assert state.values["num_inference_steps"] == 2
    assert state.provenance["latents"] == "hires.denoise.after_denoiser"
    assert not [name for names in state.kwargs_mapping.values() for name in names if "/" in name]


def test_the_check_finds_nothing_and_values_are_let_go_of(
    pipe: ModularPipeline, hand: tuple[torch.Tensor, Any]
) -> None:
    report = pipe.blocks.check()
    assert (report.faults, report.warnings) == ((), ())
    assert pipe(**INPUTS, generator=seeded(), output="images")[0].tobytes() == hand[1].tobytes()
    live = pipe.plan(INPUTS).live_after(["images"])
    assert "latents" in live["denoise"]
    assert "latents" not in live["enlarge"]  # the second pass writes that name anew, and reads another
    assert "larger" not in live["hires/inputs"]
    assert not [name for name in live["hires/outputs"] if "/" in name]


def test_repeated_with_a_cache_nothing_is_computed_and_another_strength_begins_in_the_scope(
    pipe: ModularPipeline, hand: tuple[torch.Tensor, Any]
) -> None:
    hits: list[str] = []
    pipe.configure(cache=MemoryCache(), listeners=[lambda event: _note(event, hits)])
    assert torch.equal(latents_of(pipe), hand[0])
    assert hits == []
    assert torch.equal(latents_of(pipe), hand[0])
    assert {"denoise", "enlarge", "hires.noise", "hires.denoise"} <= set(hits)
    hits.clear()
    other = latents_of(pipe, hires_strength=0.9)
    assert not torch.equal(other, hand[0])
    assert "denoise" in hits
    assert not [path for path in hits if path in {"hires.noise", "hires.denoise"}]


def _note(event: Event, hits: list[str]) -> None:
    if isinstance(event, CacheHit):
        hits.append(event.path)


def test_it_goes_on_from_after_every_block_in_memory_and_from_files(
    pipe: ModularPipeline, hand: tuple[torch.Tensor, Any], tmp_path: Path
) -> None:
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append, every=1, after="blocks"))
    latents_of(pipe)
    pipe.configure(snapshots=None)
    places = [snapshot.where for snapshot in found]
    assert {"hires/inputs", "hires.set_timesteps", "hires.denoise.step[0].denoiser", "hires/outputs"} <= set(places)
    # Those in and around the scope, every other one from a file, since each is written and read whole.
    for number, snapshot in enumerate(found[places.index("enlarge") :]):
        source: Any = snapshot
        if number % 2 == 0:
            source = tmp_path / f"{number}.safetensors"
            snapshot.save(source)
        assert torch.equal(pipe.resume(source), hand[0]), snapshot.where


def test_a_variant_branches_off_in_the_loop_of_the_scope(pipe: ModularPipeline, hand: tuple[torch.Tensor, Any]) -> None:
    state = pipe(**INPUTS, generator=seeded())
    assert torch.equal(pipe.branch(state, at_step=1, loop="hires.denoise").latents, hand[0])
    changed = pipe.branch(state, at_step=1, loop="hires.denoise", guidance_scale=1.0)
    assert not torch.equal(changed.latents, hand[0])
    with pytest.raises(brickwork.InputError, match=r"hires.denoise loops over hires/timesteps"):
        pipe.branch(state, at_step=1, loop="hires.denoise", hires_strength=1.0)


def test_an_image_of_it_is_replayed(pipe: ModularPipeline, hand: tuple[torch.Tensor, Any], tmp_path: Path) -> None:
    image = pipe(**INPUTS, generator=seeded(), output="images")[0]
    brickwork.save(image, tmp_path / "hires.png")
    again = brickwork.replay(tmp_path / "hires.png", blocks=OWN, components=pipe)
    assert again.tobytes() == hand[1].tobytes()


def test_it_is_saved_as_a_workflow_file_and_opened(
    pipe: ModularPipeline, embedded_pipe: ModularPipeline, hand: tuple[torch.Tensor, Any], tmp_path: Path
) -> None:
    brickwork.save_workflow(pipe, tmp_path / "hires.yaml")
    text = (tmp_path / "hires.yaml").read_text()
    assert "block: Scope" in text
    opened = brickwork.load_workflow(tmp_path / "hires.yaml", blocks=OWN)
    names = {name: embedded_pipe.components[name] for name in embedded_pipe.pretrained_component_names}
    opened.update_components(**{name: each for name, each in names.items() if name in opened.specs})
    opened.configure(progress=False)
    assert torch.equal(latents_of(opened), hand[0])


def test_a_whole_pipeline_is_saved_and_opened_with_what_only_the_scope_uses(tiny_folder: Path, tmp_path: Path) -> None:
    blocks = hires_fix(components={"guider": "hires_guider", "scheduler": "hires_scheduler"})
    blocks.pop("decode")
    pipe = blocks.init_pipeline(str(tiny_folder)).load_components()
    pipe.configure(progress=False)
    pipe.update_components(guider=brickwork.ClassifierFreeGuidance(guidance_scale=3.25))
    pipe.save_pretrained(tmp_path / "pipe", overwrite_modular_index=False)
    opened = ModularPipeline.from_pretrained(str(tmp_path / "pipe"), trust_remote_code=True, lock=tmp_path / "lock")
    opened.load_components().configure(progress=False)
    assert opened.blocks["hires"].mapped_inputs == pipe.blocks["hires"].mapped_inputs  # type: ignore[index,attr-defined]
    assert opened.guider.guidance_scale == 3.25
    assert opened.hires_guider == pipe.hires_guider
    assert opened.hires_scheduler is not opened.scheduler
    assert torch.equal(latents_of(opened), latents_of(pipe))


def test_a_guider_and_a_network_of_its_own_change_the_second_pass_alone(
    embedded_pipe: ModularPipeline, hand: tuple[torch.Tensor, Any]
) -> None:
    mapping = {"guider": "hires_guider", "unet": "hires_unet"}
    pipe = pipeline_of(hires_fix(components=mapping, outputs={"latents": "hires_latents"}), embedded_pipe)
    assert {"unet", "hires_unet", "guider", "hires_guider"} <= set(pipe.component_names)
    with pytest.raises(brickwork.ComponentError, match="Not loaded: hires_unet"):
        latents_of(pipe)
    pipe.update_components(hires_unet=pipe.unet)
    first = pipe(**INPUTS, generator=seeded())
    assert torch.equal(first.hires_latents, hand[0])
    weak = brickwork.ClassifierFreeGuidance(guidance_scale=1.0)
    state = pipe(**INPUTS, generator=seeded(), hires_guider=weak)
    assert torch.equal(state.latents, first.latents)
    assert not torch.equal(state.hires_latents, hand[0])
    other = copy.deepcopy(pipe.unet)
    with torch.no_grad():
        other.conv_out.weight.mul_(0.5)
    pipe.update_components(hires_unet=other)
    state = pipe(**INPUTS, generator=seeded())
    assert torch.equal(state.latents, first.latents)
    assert not torch.equal(state.hires_latents, hand[0])


def test_a_component_of_a_repository_has_what_the_inner_name_has_there(tiny_folder: Path) -> None:
    blocks = hires_fix(components={"scheduler": "hires_scheduler", "guider": "hires_guider"})
    pipe = blocks.init_pipeline(str(tiny_folder))
    assert pipe.specs["hires_scheduler"].load_id == pipe.specs["scheduler"].load_id
    assert pipe.specs["hires_scheduler"].name == "hires_scheduler"
    pipe.load_components(["scheduler", "hires_scheduler"])
    assert pipe.hires_scheduler is not pipe.scheduler
    assert pipe.hires_scheduler.config == pipe.scheduler.config


def test_what_the_caller_gives_is_checked_by_the_names_outside(pipe: ModularPipeline) -> None:
    with pytest.raises(brickwork.InputError, match="hires_strength is 3.0; it must be between 0 and 1"):
        latents_of(pipe, hires_strength=3.0)
    text = r"strength 0.1 of 4 steps leaves none; .* \(In hires 'strength' is 'hires_strength'.\)"
    with pytest.raises(brickwork.InputError, match=text):
        latents_of(pipe, hires_strength=0.1)
    with pytest.raises(brickwork.InputError, match="'hires/strength' is no input of this pipeline"):
        latents_of(pipe, **{"hires/strength": 0.5})
    with pytest.raises(brickwork.InputError, match="'hires/latents' is no output of this run"):
        pipe(**INPUTS, output="hires/latents")


def test_what_does_not_fit_among_renamed_components_is_said_by_the_names_outside(
    embedded_pipe: ModularPipeline,
) -> None:
    pipe = pipeline_of(hires_fix(components={"guider": "hires_guider"}), embedded_pipe)
    guider = brickwork.SkipLayerGuidance(skip_layer_config=brickwork.LayerSkipConfig(indices=[99]))
    pipe.update_components(hires_guider=guider)
    with pytest.raises(brickwork.InputError, match=r"\(In hires 'guider' is 'hires_guider'.\)|hires_guider"):
        latents_of(pipe)


def test_previews_show_the_pass_that_runs(pipe: ModularPipeline) -> None:
    from brickwork.families.sdxl import SDXL
    from brickwork.pipeline import Previews

    previews = Previews(pipe.vae, SDXL, scale=1)
    pipe.configure(listeners=[previews])
    latents_of(pipe)
    assert [image.size for image in previews.images] == [(8, 8), (8, 8), (16, 16), (16, 16)]


def test_the_drawing_has_a_frame_around_the_scope_and_no_steps_that_only_rename(pipe: ModularPipeline) -> None:
    graph = pipe.plan(INPUTS).graph
    assert "scope hires" in [frame.title for frame in graph.frames]
    assert not [node.path for node in graph.nodes if "/" in node.path]
    lines = {(graph.nodes[e.source].path, graph.nodes[e.target].path, e.name) for e in graph.edges}
    assert ("enlarge", "hires.noise", "larger") in lines
    assert ("hires.denoise.after_denoiser", "decode", "hires/latents") in lines
    assert "scope hires" in pipe.blocks.graph().svg


def test_explain_says_what_comes_in_and_what_leaves(pipe: ModularPipeline) -> None:
    rows = {row.step: row for row in pipe.explain(**INPUTS).rows}
    assert "enlarge: larger, larger_height, larger_width" in rows["hires/inputs"].reads
    assert rows["hires/inputs"].writes.startswith("latents, height")
    assert "enlarge: latents" in rows["hires.noise"].reads
    assert rows["hires/outputs"].writes == "latents"


def test_the_same_blocks_without_a_scope_clash() -> None:
    """What the scope is for: without it the second pass reads the timesteps of the first."""
    made = hires_fix()
    made.pop("hires")
    for name, block in SECOND_PASS.items():
        made.insert_before("decode", f"hires_{name}", block)
    with pytest.raises(brickwork.CompositionError, match="hires_set_timesteps needs 'timesteps' as"):
        made.init_pipeline()
