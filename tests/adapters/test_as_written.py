"""Compiled networks: they give what they gave before, whichever form of compiling, guider, LoRA or observer there is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory, put_on_lines

from brickwork import ComponentsManager, MemoryCache, ModularPipeline
from brickwork.adapters.as_written import as_written
from brickwork.guiders import (
    AutoGuidance,
    ClassifierFreeGuidance,
    LayerSkipConfig,
    PerturbedAttentionGuidance,
    SkipLayerGuidance,
    SmoothedEnergyGuidance,
)
from brickwork.registry import identity_of
from brickwork.registry.compilation import compiled_parts, compiler_digest, compiler_words
from brickwork.registry.identity.component_identity import invalidate, moment_of
from brickwork.state import NoDigestError
from tiny_sdxl import make_unet

CALL: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "latents"}
COUNTED = torch._dynamo.utils.counters


@pytest.fixture(scope="module")
def pipe(tiny_folder: Path) -> ModularPipeline:
    """Models of its own: the shared ones are never changed. The UNet has one stage, since torch compiles it again and again."""
    made = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    made.configure(progress=False)
    torch.manual_seed(0)
    stage = {"down_block_types": ("CrossAttnDownBlock2D",), "up_block_types": ("UpBlock2D",)}
    network = make_unet(**stage, block_out_channels=(16,), attention_head_dim=2).eval()
    made.update_components(unet=network, guider=ClassifierFreeGuidance(guidance_scale=5.0))
    return made


def as_object(pipe: ModularPipeline) -> None:
    pipe.update_components(unet=torch.compile(pipe.unet, backend="eager"))


def in_place(pipe: ModularPipeline) -> None:
    pipe.unet.compile(backend="eager")


def layers(pipe: ModularPipeline) -> None:
    pipe.unet.compile_repeated_blocks(backend="eager", fullgraph=True)


FORMS = (as_object, in_place, layers)


@pytest.fixture
def form(request: pytest.FixtureRequest, pipe: ModularPipeline) -> Iterator[ModularPipeline]:
    """The pipeline, compiled in a form, and as it was afterwards."""
    network = pipe.unet
    request.param(pipe)
    yield pipe
    pipe.update_components(unet=network, guider=ClassifierFreeGuidance(guidance_scale=5.0))
    for module in network.modules():
        vars(module).pop("_compiled_call_impl", None)
    assert not compiled_parts(network)


def run(pipe: ModularPipeline, **inputs: Any) -> torch.Tensor:
    found: torch.Tensor = pipe(**{**CALL, **inputs}, generator=torch.Generator().manual_seed(0))
    return found


GUIDERS = {
    "plain": ClassifierFreeGuidance(guidance_scale=5.0),
    "scores": PerturbedAttentionGuidance(perturbed_guidance_stop=1.0),
    "block": SkipLayerGuidance(
        skip_layer_guidance_start=0.0, skip_layer_guidance_stop=1.0, skip_layer_config=LayerSkipConfig(0)
    ),
    "blur": SmoothedEnergyGuidance(seg_guidance_start=0.0, seg_guidance_stop=1.0),
    "dropout": AutoGuidance(dropout=0.5),
}


@pytest.fixture(scope="module")
def expected(pipe: ModularPipeline) -> dict[str, torch.Tensor]:
    return {name: run(pipe, guider=guider) for name, guider in GUIDERS.items()}


@pytest.mark.rotating(3)
@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_every_kind_of_guider_gives_what_it_gave_before_compiling(
    form: ModularPipeline, expected: dict[str, torch.Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    """Also layers that were compiled with `fullgraph=True`, whose compiler refuses what perturbs them."""
    for name, guider in GUIDERS.items():
        caplog.clear()
        assert torch.equal(run(form, guider=guider), expected[name]), name
        assert caplog.text.count("run as they were written") == (name != "plain")
    graphs = COUNTED["stats"]["unique_graphs"]
    assert graphs > 0
    # Nothing was compiled for what the guiders change, and what was compiled still serves.
    for name, guider in GUIDERS.items():
        assert torch.equal(run(form, guider=guider), expected[name]), name
    assert COUNTED["stats"]["unique_graphs"] == graphs


@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_a_compiled_network_can_be_watched(form: ModularPipeline, expected: dict[str, torch.Tensor]) -> None:
    with form.attention_maps() as maps:
        assert torch.equal(run(form), expected["plain"])
    assert maps.of("cat").shape == (8, 8)


@pytest.mark.parametrize("form", [layers], indirect=True)
def test_a_compiled_network_has_its_loras_weighed_at_the_call(form: ModularPipeline, expected: dict[str, Any]) -> None:
    from peft import LoraConfig

    network = form.unet
    torch.manual_seed(0)
    network.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_v"]), "style")
    try:
        calls = {part: vars(part)["_compiled_call_impl"] for part in compiled_parts(network)}
        strong, weak = run(form), run(form, cross_attention_kwargs={"scale": 0.5})
        assert calls == {part: vars(part)["_compiled_call_impl"] for part in compiled_parts(network)}
        for part in calls:
            del part._compiled_call_impl
        assert torch.equal(run(form), strong)
        assert torch.equal(run(form, cross_attention_kwargs={"scale": 0.5}), weak)
        assert not torch.equal(strong, expected["plain"])
        assert not torch.equal(strong, weak)
    finally:
        network.delete_adapters("style")
        network._hf_peft_config_loaded = False


def reusing(module: Any, inputs: Any) -> Callable[..., Any]:
    """A compiler whose calls return the same memory every time, as CUDA graphs do."""
    del inputs
    kept: list[torch.Tensor] = []

    def call(*args: Any) -> list[torch.Tensor]:
        found = module.forward(*args)
        if not kept or [each.shape for each in kept] != [each.shape for each in found]:
            kept[:] = [each.clone() for each in found]
        for here, each in zip(kept, found, strict=True):
            here.copy_(each)
        return list(kept)

    return call


def test_what_a_cuda_graph_returns_is_copied_before_the_next_call_writes_into_it(
    pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[int] = []
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: marks.append(1))
    blocks = pipe.blocks.sub_blocks["denoise"].sub_blocks
    network, batched = pipe.unet, blocks["denoiser"]
    plain = run(pipe)
    blocks["denoiser"] = type(batched)(batching="sequential")
    try:
        alone = run(pipe)
        assert not marks
        pipe.update_components(unet=torch.compile(network, backend=reusing))
        assert torch.equal(run(pipe), alone)
        # Once a step, however many calls there are in it.
        assert len(marks) == 3
    finally:
        pipe.update_components(unet=network)
        blocks["denoiser"] = batched
    assert torch.equal(run(pipe), plain)


def test_an_end_of_a_guiders_window_says_that_it_compiles_there_the_first_time(
    pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    network, half = pipe.unet, ClassifierFreeGuidance(guidance_scale=5.0, stop=0.5)
    inputs: dict[str, Any] = {"guider": half, "num_inference_steps": 4, "num_images_per_prompt": 3}
    before = run(pipe, **inputs)
    assert not caplog.text
    pipe.update_components(unet=torch.compile(network, backend="eager"))
    try:
        assert torch.equal(run(pipe, **inputs), before)
        assert "(1 in step 2), and torch compiles it there the first time" in caplog.text
        caplog.clear()
        run(pipe, **inputs)
        assert not caplog.text
    finally:
        pipe.update_components(unet=network)


def other(module: Any, inputs: Any) -> Any:
    del inputs
    return module.forward


def test_how_a_network_is_compiled_counts_where_it_may_change_a_result(pipe: ModularPipeline) -> None:
    network = pipe.unet
    plain = identity_of(network)
    assert identity_of(torch.compile(network, backend="eager")) == plain
    wrapped = torch.compile(network, backend="aot_eager")
    known = identity_of(wrapped)
    assert (known.cls, known.weights, known.words["compiled"]) == (plain.cls, plain.weights, "by aot_eager x 1")
    assert known.digest != plain.digest
    digests = {plain.digest, known.digest}
    try:
        for options in ({"backend": other}, {"mode": "reduce-overhead"}, {"mode": "default"}):
            network.compile(**options)
            digests.add(identity_of(network).digest)
            assert identity_of(torch.compile(network, backend="eager")).digest == identity_of(network).digest
        assert len(digests) == 5
        network.compile(mode="reduce-overhead")
        assert compiler_words(network) == "by inductor (triton.cudagraphs=True) x 1"
        network._compiled_call_impl = network._call_impl
        with pytest.raises(NoDigestError, match="the module itself: It is compiled, and nothing tells how"):
            identity_of(network)
        assert compiler_words(network) == "something unknown x 1"
    finally:
        network._compiled_call_impl = None
    assert identity_of(network) == plain
    invalidate(wrapped)
    assert identity_of(network).declared == identity_of(wrapped).declared is not None
    assert moment_of(wrapped) is moment_of(network)


def test_a_compiled_network_is_cached_placed_and_named_in_recipes(pipe: ModularPipeline, tiny_folder: Path) -> None:
    models, manager, memory = pipe.components, ComponentsManager(), CloneMemory()
    put_on_lines(models)
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager)
    pipe.update_components(**{name: models[name] for name in pipe.pretrained_component_names})
    pipe.configure(progress=False)
    before = run(pipe)
    entry = pipe.last_recipe["components"]["unet"]
    as_object(pipe)
    assert entry["class"].endswith("UNet2DConditionModel")
    pipe.configure(cache=(cache := MemoryCache(10**8)))
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    assert torch.equal(run(pipe), before)
    assert ("bring", "unet") in memory.log
    hits = cache.hits
    assert torch.equal(run(pipe), before)
    assert cache.hits > hits
    assert pipe.last_recipe["components"]["unet"] == entry
    manager.disable_auto_cpu_offload()
    assert all(each.device.type == "cpu" for each in pipe.unet.parameters())


def test_a_call_without_changes_waits_for_one_with_them_and_others_do_not() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    network[0].compile(backend="aot_eager")
    call = network[0]._compiled_call_impl
    found: list[Any] = []
    inside = threading.Event()

    def look(changed: list[Any]) -> None:
        with as_written(network, changed):
            found.append(network[0]._compiled_call_impl is call)
            inside.set()

    with as_written(network, [network[0]]):
        # Not the compiled call, and it says how that was made.
        assert compiler_digest(network[0]._compiled_call_impl) == compiler_digest(call) != ""
        look([network[0]])
        look([])
        threads = [threading.Thread(target=look, args=(changed,)) for changed in ([], [network[0]])]
        for thread in threads:
            thread.start()
            thread.join(0.2)
        assert [thread.is_alive() for thread in threads] == [True, True]
        assert found == [False, False]
    for thread in threads:
        thread.join(5)
    assert sorted(found[2:]) == [False, True]
    # Together: the second does not wait for the first.
    inside.clear()
    with as_written(network, []):
        thread = threading.Thread(target=look, args=([],))
        thread.start()
        assert inside.wait(5)
        thread.join()
        # A part without the changed module stays compiled.
    with as_written(network, [network[1]]):
        assert network[0]._compiled_call_impl is call
    with pytest.raises(KeyboardInterrupt), as_written(network, [network[0]]):
        raise KeyboardInterrupt
    assert network[0]._compiled_call_impl is call
