"""What holds of every technique: it repeats, resumes, is never taken for what it is not, and leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import frozen
from in_threads import in_threads
from technique_rows import ROWS, Row
from technique_table import PAGE, family_head, family_row, kinds, names
from tiny_adapters import lora
from tiny_families import flux

import brickwork
from brickwork import ComponentError, InputError, MemoryCache, Merger, ModularPipeline, RepoError, Snapshots
from brickwork.adapters.techniques import TECHNIQUES, Technique
from brickwork.pipeline.workflows.workflow_writing import save_workflow
from brickwork.presets.flux import TEXT2IMAGE_BLOCKS
from brickwork.registry import identity_of


def of_each(test: Any) -> Any:
    """Every technique; a run takes a third of the cases."""
    return pytest.mark.rotating(3)(pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)(test))


@frozen(kw_only=True, slots=False)
class Failing(Technique):
    """Changes something, and fails."""

    def change(self, component: Any) -> None:
        component.mark = 1
        component.register_forward_hook(lambda *_: None)
        raise ZeroDivisionError


@pytest.fixture(scope="module")
def pipes(tiny_folder: Path) -> dict[str, ModularPipeline]:
    """Pipelines with models of their own, which no other test has."""
    sdxl = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    of_flux = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
    of_flux.update_components(**flux())
    for each in (sdxl, of_flux):
        each.configure(progress=False)
    return {"sdxl": sdxl, "flux": of_flux}


@pytest.fixture
def pipe(pipes: dict[str, ModularPipeline], row: Row) -> Iterator[ModularPipeline]:
    """The pipeline of a row; afterwards it must be as it was."""
    found = pipes[row.family]
    before = identity_of(found.components[row.component]).digest
    yield found
    found.configure(cache=None, snapshots=None, merge=None)
    for name in found.techniques:
        found.remove(name)
    assert identity_of(found.components[row.component]).digest == before


def run(pipe: ModularPipeline, seed: int = 1, **changes: Any) -> torch.Tensor:
    given = {"prompt": "a cat", "num_inference_steps": 2, "height": 32, "width": 32, "output_type": "pt", "seed": seed}
    images: torch.Tensor = pipe(**{**given, **changes}, output="images")
    return images


def test_every_technique_has_a_row() -> None:
    assert {row.name for row in ROWS} == {*TECHNIQUES}


@of_each
def test_it_repeats_and_taken_off_nothing_is_left(pipe: ModularPipeline, row: Row) -> None:
    model = pipe.components[row.component]
    plain, before, state = run(pipe), identity_of(model), {n: t.clone() for n, t in model.state_dict().items()}
    pipe.apply(row.component, row.technique)
    assert pipe.techniques == {row.component: (row.technique,)}
    with_it = run(pipe)
    assert torch.equal(run(pipe), with_it)
    assert torch.equal(with_it, plain) or not row.bits
    if row.technique.exact:
        torch.testing.assert_close(with_it, plain, rtol=0, atol=1e-4)
    assert identity_of(model).digest != before.digest
    pipe.remove(row.component, row.name)
    assert identity_of(model) == before
    assert torch.equal(run(pipe), plain)
    assert {n: t.stride() for n, t in model.state_dict().items()} == {n: t.stride() for n, t in state.items()}
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


@of_each
def test_two_threads_get_what_one_gets(pipe: ModularPipeline, row: Row) -> None:
    pipe.apply(row.component, row.technique)
    alone = [run(pipe, seed) for seed in range(2)]
    for one, other in zip(in_threads(lambda seed: run(pipe, seed), 2), alone, strict=True):
        assert torch.equal(one, other)


@of_each
def test_it_branches_and_resumes_in_the_middle_and_nothing_resumes_without_it(pipe: ModularPipeline, row: Row) -> None:
    taken: list[Any] = []
    pipe.apply(row.component, row.technique)
    pipe.configure(snapshots=Snapshots(taken.append))
    whole = run(pipe)
    pipe.configure(snapshots=None)
    assert torch.equal(pipe.resume(taken[0]), whole)
    state = pipe(prompt="a cat", num_inference_steps=2, height=32, width=32, output_type="pt", seed=1)
    assert torch.equal(pipe.branch(state, at_step=1).images, whole)
    pipe.remove(row.component)
    with pytest.raises(InputError, match=rf"{row.component}: techniques {row.name}\(.*\), and none now"):
        pipe.resume(taken[0])


@of_each
def test_a_cache_takes_neither_for_the_other(pipe: ModularPipeline, row: Row) -> None:
    cache = MemoryCache(steps=True)
    pipe.configure(cache=cache)
    plain = run(pipe)
    pipe.apply(row.component, row.technique)
    calls: list[Any] = []
    model = pipe.components[row.component]
    name = "decode" if row.component == "vae" else "forward"
    with brickwork.engine.network_calls.network_calls(
        lambda go, net, *a, **k: (calls.append(net), go(net, *a, **k))[1], changes=""
    ):
        with_it = run(pipe)
    assert calls, f"{name} of {type(model).__name__} was not called"
    hits = cache.hits
    assert torch.equal(run(pipe), with_it)
    assert cache.hits > hits
    pipe.remove(row.component)
    assert torch.equal(run(pipe), plain)


@of_each
def test_with_a_lora_in_both_orders_it_is_the_same_or_refused_in_both(pipe: ModularPipeline, row: Row) -> None:
    if row.family != "sdxl":
        pytest.skip("The LoRA is one for Stable Diffusion XL.")
    tensors = lora(pipe)
    put = [
        lambda: pipe.load_lora_weights(tensors, adapter_name="one"),
        lambda: pipe.apply(row.component, row.technique),
    ]
    found = []
    for first, second in (put, put[::-1]):
        first()
        if row.technique.bars_loras:
            with pytest.raises((ComponentError, InputError), match=rf"LoRA.*{row.name}|{row.name}.*LoRA"):
                second()
        else:
            second()
            found.append(run(pipe))
        pipe.unload_lora_weights()
        if pipe.techniques:
            pipe.remove(row.component)
    assert row.technique.bars_loras or torch.equal(*found)


@of_each
def test_a_guider_that_perturbs_layers_reaches_them(pipe: ModularPipeline, row: Row) -> None:
    if not row.technique.exact or row.component == "vae" or row.family == "flux":
        pytest.skip(
            "What is approximate gives other images, a VAE is not perturbed, and Flux has its guidance built in."
        )
    guider = brickwork.SmoothedEnergyGuidance(guidance_scale=3.0, seg_guidance_scale=3.0)
    plain = run(pipe, guider=guider)
    assert not torch.equal(plain, run(pipe, guider=brickwork.ClassifierFreeGuidance(guidance_scale=3.0)))
    pipe.apply(row.component, row.technique)
    torch.testing.assert_close(run(pipe, guider=guider), plain, rtol=0, atol=1e-4)


@of_each
def test_a_workflow_file_keeps_it(pipe: ModularPipeline, row: Row, tmp_path: Path) -> None:
    pipe.apply(row.component, row.technique)
    file = tmp_path / "with.yaml"
    with pytest.raises(RepoError, match=f"{row.component} has the technique {row.name}"):
        pipe.save_pretrained(tmp_path / "whole")
    if row.family == "flux":
        with pytest.raises(RepoError, match="of unknown origin"):
            save_workflow(pipe, file)
        return
    save_workflow(pipe, file)
    again = brickwork.load_workflow(file)
    assert again.techniques == pipe.techniques
    model = again.load_components(row.component).components[row.component]
    assert identity_of(model).digest == identity_of(pipe.components[row.component]).digest


@of_each
def test_an_exception_leaves_nothing(pipe: ModularPipeline, row: Row) -> None:
    before = identity_of(pipe.components[row.component])
    with pytest.raises(ZeroDivisionError):
        pipe.apply(row.component, row.technique, Failing())
    assert pipe.techniques == {}
    assert identity_of(pipe.components[row.component]) == before
    pipe.apply(row.component, row.technique)
    held = identity_of(pipe.components[row.component])
    with pytest.raises(ZeroDivisionError):
        pipe.apply(row.component, Failing())
    assert identity_of(pipe.components[row.component]) == held


@of_each
def test_runs_that_share_forwards_get_what_they_get_alone(pipe: ModularPipeline, row: Row) -> None:
    pipe.apply(row.component, row.technique)
    pipe.configure(merge=Merger(bucket=4))
    alone = [run(pipe, seed) for seed in range(2)]
    found = in_threads(lambda seed: run(pipe, seed), 2)
    assert all(map(torch.equal, found, alone))


@of_each
def test_replay_puts_it_on_and_diff_names_it(pipe: ModularPipeline, row: Row, tmp_path: Path) -> None:
    images = {"output_type": "pil"}
    plain = run(pipe, **images)[0]
    pipe.apply(row.component, row.technique)
    with_it = run(pipe, **images)[0]
    said = list(brickwork.diff(plain, with_it))
    assert any(text.startswith(f"{row.component}: techniques none, and {row.name}(") for text in said), said
    assert any(row.technique.words in note for note in pipe.explain("prompt").notes)
    assert brickwork.replay(with_it, components=pipe, progress=False).tobytes() == with_it.tobytes()
    if row.family == "sdxl":
        folder = pipe.repo_name
        assert brickwork.replay(with_it, components=folder, progress=False).tobytes() == with_it.tobytes()
    pipe.remove(row.component)
    with pytest.raises(brickwork.ReplayError, match=rf"techniques {row.name}\(.*\), and none now"):
        brickwork.replay(with_it, components=pipe, progress=False)


def test_the_table_of_the_docs_says_what_each_is() -> None:
    """Made by `.venv/bin/python tests/support/technique_table.py`."""
    assert kinds() in PAGE.read_text()
    assert family_head() in PAGE.read_text()


@pytest.mark.rotating(8)
@pytest.mark.parametrize("name", names())
def test_the_table_of_the_docs_has_what_fits_a_family(name: str) -> None:
    assert family_row(name) in PAGE.read_text()
