"""Techniques are put on and taken off in any order, are refused in words, and what nobody has declared is told."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import frozen
from cli_runner import invoke
from diffusers.hooks import FirstBlockCacheConfig
from diffusers.models.attention_processor import AttnProcessor
from tiny_adapters import ip_adapter, lora
from tiny_families import flux_transformer

import brickwork
from brickwork import ComponentError, InputError, ModularPipeline
from brickwork.adapters.techniques import (
    TECHNIQUES,
    AttentionBackend,
    AttentionSlicing,
    ChannelsLast,
    Compile,
    FreeU,
    FusedProjections,
    Technique,
    technique_of,
)
from brickwork.adapters.techniques.applying import technique_faults
from brickwork.pipeline.workflows.workflow_writing import save_workflow
from brickwork.registry import identity_of
from brickwork.registry.identity.as_made import as_made, unknown_changes
from brickwork.state.errors import BrickworkError, CompositionError, FrozenError


@frozen(kw_only=True, slots=False)
class Doubled(Technique):
    """Somebody's own: it keeps something from call to call."""

    state = "run"
    excludes = frozenset({"FreeU"})
    times: int = 2

    def change(self, component: Any) -> None:
        component.conv_out.doubled = self.times


@frozen(kw_only=True, slots=False)
class Idle(Technique):
    """Somebody's own that does nothing."""

    def change(self, component: Any) -> None:
        component.conv_out.weight.mean()


@frozen(kw_only=True, slots=False)
class Unfit(Technique):
    """Somebody's own that finds out late that it does not fit."""

    def change(self, component: Any) -> None:
        component.conv_out.mark = True
        component.no_such_layer.bias = None


@frozen(kw_only=True, slots=False)
class Traceless(Technique):
    """Somebody's own of which modules show nothing."""

    def apply(self, component: Any) -> Any:
        return _look


@frozen(kw_only=True, slots=False)
class Untold(Technique):
    """Somebody's own of which nothing tells what it does."""

    def change(self, component: Any) -> None:
        component.conv_out.mark = os.environ.get("MARK", "")


@pytest.fixture(scope="module")
def _own(tiny_folder: Path) -> ModularPipeline:
    made = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    made.configure(progress=False)
    return made


@pytest.fixture
def pipe(_own: ModularPipeline) -> Iterator[ModularPipeline]:
    yield _own
    for name in _own.techniques:
        _own.remove(name)


def run(pipe: ModularPipeline, **changes: Any) -> torch.Tensor:
    given = {"prompt": "a cat", "num_inference_steps": 1, "height": 16, "width": 16, "output_type": "latent", "seed": 1}
    found: torch.Tensor = pipe(**{**given, **changes}, output="images")
    return found


def test_one_is_taken_off_from_below_others_which_stay(pipe: ModularPipeline) -> None:
    pipe.apply("unet", FreeU(), AttentionSlicing(slice_size=1), ChannelsLast())
    pipe.remove("unet", AttentionSlicing)
    assert [type(each) for each in pipe.techniques["unet"]] == [FreeU, ChannelsLast]
    found = run(pipe)
    pipe.remove("unet")
    pipe.apply("unet", FreeU(), "ChannelsLast")
    assert torch.equal(run(pipe), found)


def test_what_somebody_has_changed_since_is_not_put_back_and_nothing_is(pipe: ModularPipeline) -> None:
    before = dict(pipe.unet.attn_processors)
    pipe.apply("unet", AttentionSlicing(slice_size=1), FreeU())
    sliced = dict(pipe.unet.attn_processors)
    pipe.unet.set_attn_processor(AttnProcessor())
    with pytest.raises(
        ComponentError, match="processor of Attention, in UNet2DConditionModel, was changed after the technique"
    ):
        pipe.remove("unet", "AttentionSlicing")
    assert [type(each) for each in pipe.techniques["unet"]] == [AttentionSlicing, FreeU]
    pipe.unet.set_attn_processor(sliced)
    pipe.remove("unet")
    assert pipe.unet.attn_processors == before


def test_a_copy_has_them_and_takes_them_off_by_itself(pipe: ModularPipeline) -> None:
    plain, before = run(pipe), identity_of(pipe.unet).digest
    pipe.apply("unet", FusedProjections(), FreeU(), ChannelsLast())
    found = run(pipe)
    copied = copy.deepcopy(pipe)
    assert torch.equal(run(copied), found)
    copied.remove("unet")
    assert identity_of(copied.unet).digest == before
    assert torch.equal(run(copied), plain)
    assert torch.equal(run(pipe), found)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((FreeU(), FreeU(s1=0.5)), r"unet has FreeU already: pipe.remove\('unet', 'FreeU'\) first."),
        ((Doubled(), FreeU()), "FreeU and Doubled do not go together; take one of them."),
        (("FreeUU",), "Nothing is named 'FreeUU' among the techniques. Did you mean 'FreeU'?"),
        (({"name": "FreeU", "s3": 1},), "FreeU has no 's3'."),
        (({"s1": 1},), "is no technique; give an object, a name, or a name with settings"),
        ((FreeU,), r"The class FreeU was given, and a technique is an object of it: FreeU\(\)"),
        (("some:Thing",), r"Give your own where the file is opened: techniques=\[...\]"),
        ((), r"say which technique: pipe.apply\('unet', FreeU\(\)\)"),
        ((AttentionSlicing(slice_size=99),), "slice_size=99: it is 1 to"),
        ((AttentionBackend(backend="native"),), "no layer of UNet2DConditionModel asks for a back end"),
        ((Idle(),), "unet: Idle changes nothing of an? UNet2DConditionModel."),
        ((Unfit(),), "unet: Unfit could not be put on, and nothing was changed: .*no_such_layer"),
        ((Compile(backend="eeger"),), "there is no compiler 'eeger'."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_is_put_on(pipe: ModularPipeline, given: Any, words: str) -> None:
    before = identity_of(pipe.unet)
    with pytest.raises(BrickworkError, match=words):
        pipe.apply("unet", *given)
    assert pipe.techniques == {}
    assert identity_of(pipe.unet) == before


def test_other_kinds_of_components_are_refused(pipe: ModularPipeline) -> None:
    with pytest.raises(
        ComponentError, match="vae: FreeU: it is for UNets that diffusers knows it of, and AutoencoderKL is none."
    ):
        pipe.apply("vae", FreeU())
    with pytest.raises(ComponentError, match="FreeU is for networks, and it is an EulerDiscreteScheduler"):
        pipe.apply("scheduler", FreeU())
    with pytest.raises(ComponentError, match="Did you mean 'unet'?"):
        pipe.apply("unett", FreeU())
    with pytest.raises(InputError, match="unet has no technique 'FreeU'. It has none."):
        pipe.remove("unet", FreeU)
    with pytest.raises(InputError, match="FreeU: s1: expected"):
        FreeU(s1="much")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(FrozenError, match=r"all of a technique is.*attrs.evolve\(technique, s1=2\)"):
        FreeU().s1 = 2  # type: ignore[misc]  # as above


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("_native_math", "switches kernels for the whole process"),
        ("flash_hub", "its code comes from the Hub"),
        ("natve", "Did you mean 'native'?"),
        ("sage", "'sage' is not there"),
    ],
)
def test_a_back_end_is_refused_with_its_reason(backend: str, words: str) -> None:
    from brickwork.presets.flux import FLUX

    faults = list(technique_faults("transformer", flux_transformer(), AttentionBackend(backend=backend), (), FLUX))
    assert len(faults) == 1
    assert words in faults[0]


def test_all_are_listed_with_why_they_do_not_fit(pipe: ModularPipeline) -> None:
    pipe.apply("unet", FreeU())
    found = pipe.fitting_techniques("unet")
    assert found.keys() == TECHNIQUES.keys()
    assert found["ChannelsLast"] == []
    assert found["FreeU"] == ["unet has FreeU already: pipe.remove('unet', 'FreeU') first."]
    assert "asks for a back end" in found["AttentionBackend"][0]


@pytest.mark.parametrize("technique", [AttentionSlicing(slice_size=1), FusedProjections()])
def test_processors_are_of_a_technique_or_of_an_ip_adapter(pipe: ModularPipeline, technique: Technique) -> None:
    before, kind = identity_of(pipe.unet).digest, type(technique).__name__
    pipe.apply("unet", technique)
    with pytest.raises(ComponentError, match=rf"The UNet has the technique {kind}.*pipe.remove\('unet', '{kind}'\)"):
        pipe.load_ip_adapter(ip_adapter(pipe.unet), weight_name="x")
    pipe.remove("unet")
    pipe.load_ip_adapter(ip_adapter(pipe.unet), weight_name="x")
    with pytest.raises(ComponentError, match=rf"unet: {kind} lies on attention processors, and those of an IP-Adapter"):
        pipe.apply("unet", technique)
    pipe.apply("unet", FreeU(), ChannelsLast())
    pipe.remove("unet")
    pipe.unload_ip_adapter()
    assert identity_of(pipe.unet).digest == before


def test_a_back_end_that_rounds_is_no_exact_one() -> None:
    assert AttentionBackend(backend="native").exact
    assert not AttentionBackend(backend="_sage_qk_int8_pv_fp8_cuda").exact


def test_what_nobody_declared_is_told_and_loras_and_techniques_are_not(pipe: ModularPipeline) -> None:
    def told() -> list[str]:
        return [note for note in pipe.explain("prompt").notes if "unknown change" in note]

    plain = pipe(prompt="a cat", num_inference_steps=1, seed=1, output="images")[0]
    pipe.load_lora_weights(lora(pipe), adapter_name="one")
    pipe.apply("unet", FreeU())
    assert told() == []
    hook = pipe.unet.mid_block.register_forward_hook(_look)
    assert told() == [
        "unknown change on unet: hooks (forward hooks) mid_block; no technique, LoRA or adapter accounts for it"
    ]
    pipe.remove("unet")
    pipe.unload_lora_weights()
    assert len(told()) == 1
    other = pipe(prompt="a cat", num_inference_steps=1, seed=1, output="images")[0]
    assert list(brickwork.diff(plain, other)) == ["unet: unknown changes none, and hooks (forward hooks) mid_block"]
    hook.remove()
    assert told() == []


def _look(*_: Any) -> None:
    """Change nothing."""


BY_HAND: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "FreeU": ("unet", lambda m: m.enable_freeu(0.9, 0.2, 1.5, 1.6), "FreeU (0.9, 0.2, 1.5, 1.6)"),
    "fused": ("unet", lambda m: m.fuse_qkv_projections(), "fused projections on"),
    "slices": ("unet", lambda m: m.set_attention_slice(1), "another processor"),
    "casting": ("unet", lambda m: m.enable_layerwise_casting(torch.float8_e4m3fn, torch.float32), "replaced forward conv_out"),
    "compiled": ("unet", lambda m: m.compile_repeated_blocks(backend="aot_eager"), "compiled by aot_eager x 4"),
    "tiles": ("vae", lambda m: m.enable_tiling(), "decoding in tiles on"),
    "slicing": ("vae", lambda m: m.enable_slicing(), "decoding in slices on"),
    "int8": ("text_encoder", lambda m: _to_int8(m), "nothing tells what it computes (_packed_params"),
}  # fmt: skip


def _to_int8(model: torch.nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, inplace=True)


@pytest.mark.parametrize("name", BY_HAND)
def test_what_is_switched_on_by_hand_is_an_unknown_change(tiny_folder: Path, name: str) -> None:
    component, change, words = BY_HAND[name]
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components(component)
    assert list(pipe.technique_notes()) == []
    change(pipe.components[component])
    assert next(iter(pipe.technique_notes())).startswith(f"unknown change on {component}: {words}")


def test_a_cache_of_steps_by_hand_is_an_unknown_change() -> None:
    model = as_made(flux_transformer())
    model.enable_cache(FirstBlockCacheConfig(threshold=0.2))
    assert unknown_changes(model, identity_of(model)) == (
        "replaced forward single_transformer_blocks.0",
        "another _cache_config",
    )
    model.disable_cache()
    assert unknown_changes(model, identity_of(model)) == ()


def test_a_processor_of_ones_own_is_an_unknown_change(pipe: ModularPipeline) -> None:
    before = dict(pipe.unet.attn_processors)
    pipe.unet.set_attn_processor(AttnProcessor())
    notes = [note for note in pipe.explain("prompt").notes if "unknown change" in note]
    pipe.unet.set_attn_processor(before)
    assert notes == ["unknown change on unet: another processor; no technique, LoRA or adapter accounts for it"]


def test_one_unknown_change_hides_no_other(pipe: ModularPipeline) -> None:
    before = dict(pipe.unet.attn_processors)
    pipe.unet.set_attn_processor(AttnProcessor())
    pipe.unet.enable_freeu(0.9, 0.2, 1.5, 1.6)
    told = unknown_changes(pipe.unet, identity_of(pipe.unet))
    pipe.unet.set_attn_processor(before)
    pipe.unet.disable_freeu()
    assert told == ("FreeU (0.9, 0.2, 1.5, 1.6)", "another processor")


def test_one_of_somebodys_own_goes_through_files_where_its_class_is_given(
    pipe: ModularPipeline, tmp_path: Path
) -> None:
    pipe.apply("unet", Doubled(times=3))
    image = pipe(prompt="a cat", num_inference_steps=1, seed=1, output="images")[0]
    folder = pipe.repo_name
    with pytest.raises(brickwork.ReplayError, match=r"Give your own where the file is opened: techniques="):
        brickwork.replay(image, components=folder, progress=False)
    again = brickwork.replay(image, components=folder, techniques=[Doubled], progress=False)
    assert again.tobytes() == image.tobytes()
    save_workflow(pipe, tmp_path / "own.yaml")
    with pytest.raises(CompositionError, match="own.yaml, line .*Doubled"):
        brickwork.load_workflow(tmp_path / "own.yaml")
    assert brickwork.load_workflow(tmp_path / "own.yaml", techniques=Doubled).techniques == pipe.techniques
    assert technique_of("FreeU") == FreeU()


def test_its_code_and_settings_are_its_identity() -> None:
    assert FreeU().identity() == "FreeU(s1=0.9, s2=0.2, b1=1.3, b2=1.4)"
    assert Doubled().identity().startswith("Doubled(times=2) of code ")
    assert Doubled().identity() != Doubled(times=3).identity()


def test_one_that_leaves_no_trace_counts_and_one_that_nothing_tells_is_refused(pipe: ModularPipeline) -> None:
    before = identity_of(pipe.unet)
    pipe.apply("unet", Traceless())
    assert identity_of(pipe.unet, content=False).digest != before.digest
    pipe.remove("unet")
    assert identity_of(pipe.unet) == before
    with pytest.raises(
        ComponentError, match="unet: Untold could not be put on, and nothing was changed: .*reads the process around it"
    ):
        pipe.apply("unet", Untold())
    assert identity_of(pipe.unet) == before


def test_one_that_keeps_something_shares_no_forward(pipe: ModularPipeline) -> None:
    pipe.apply("unet", Doubled())
    merger = brickwork.Merger()
    pipe.configure(merge=merger)
    run(pipe)
    pipe.configure(merge=None)
    assert list(merger.alone) == ["it keeps something from one call to the next (Doubled)"]


def test_those_of_what_is_not_loaded_wait_for_it(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.apply("unet", FreeU(), ChannelsLast())
    pipe.apply("vae", "FreeU")
    pipe.remove("unet", "ChannelsLast")
    with pytest.raises(InputError, match="shall have no technique 'Compile'. It shall have: FreeU."):
        pipe.remove("unet", Compile)
    pipe.configure(load="on demand")
    with pytest.raises(ComponentError, match=r"shall have FreeU, which load_components\(\) puts on"):
        run(pipe)
    with pytest.raises(ComponentError, match="vae: FreeU: it is for UNets"):
        pipe.load_components(["unet", "vae"])
    pipe.remove("vae")
    assert pipe.techniques == {"unet": (FreeU(),)}
    assert identity_of(pipe.unet).techniques == (FreeU().identity(),)


def test_none_is_put_on_in_the_middle_of_a_run(pipe: ModularPipeline) -> None:
    events = pipe.stream(prompt="a cat", num_inference_steps=1, height=16, width=16, output="images")
    next(iter(events))
    with pytest.raises(InputError, match="a run of this pipeline goes on"):
        pipe.apply("unet", FreeU())
    events.close()


def test_the_compiler_breaks_no_graph_in_layers_that_repeat(pipe: ModularPipeline) -> None:
    torch._dynamo.reset()
    pipe.apply("unet", Compile(backend="eager"))
    report = pipe.warm_up(prompt="a cat", num_inference_steps=1, height=16, width=16, output="images")
    assert report.graphs > 0
    assert report.breaks == {}
    assert f"{report.graphs} graphs in" in str(report)
    assert pipe.warm_up(prompt="a cat", num_inference_steps=1, height=16, width=16, output="images").graphs == 0


def test_the_command_line_puts_them_on() -> None:
    given = ["embedded", "--prompt", "a cat", "--technique", "unet=FreeU:s1=0.8", "--technique", "vae=SlicedDecoding"]
    said = " ".join(invoke("explain", *given).output.split())  # lines end where the terminal does
    assert "technique on unet: FreeU(s1=0.8): approximate" in said
    assert "technique on vae: SlicedDecoding(): the same mathematics; memory: activations of one image at once" in said
    assert "Did you mean 'FreeU'?" in invoke("explain", *given[:3], "--technique", "unet=Freeu").output
