"""What is saved opens again and is the same, or is refused by name: features of pipelines by ways to save them."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_adapters
import torch
from attrs import frozen
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, MultiControlNetModel, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from hub_server import Hub
from rotation import part_of
from safetensors.torch import save_file

from brickwork import (
    Block,
    BrickworkError,
    ComponentSpec,
    ModularPipeline,
    Outputs,
    PerturbedAttentionGuidance,
    RepoError,
    SequentialPipelineBlocks,
    component,
    load_workflow,
    save_workflow,
)
from brickwork.pipeline.saved_components import ComponentsPlan
from brickwork.presets.sdxl import CONTROLNET_BLOCKS, TEXT2IMAGE_BLOCKS

INPUTS: dict[str, Any] = {"prompt": "a cat2", "num_inference_steps": 1, "output": "latents"}


def drawn(pipe: Any, **inputs: Any) -> torch.Tensor:
    latents: torch.Tensor = pipe(**{**INPUTS, **inputs}, generator=torch.Generator().manual_seed(1))
    return latents


def weights_of(pipe: Any) -> dict[str, torch.Tensor]:
    """All parameters and buffers of the models, by component and name; weights that LoRAs are fused into by their plain names."""
    return {
        f"{name}.{key.replace('.base_layer', '')}": tensor
        for name, component in pipe.components.items()
        if hasattr(component, "state_dict")
        for key, tensor in component.state_dict().items()
    }


@pytest.fixture(scope="module")
def base(tiny_folder: Path) -> ModularPipeline:
    """A pipeline that is copied and never changed: up to the latents, so that a save is cheap."""
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.pop("decode")
    pipe = blocks.init_pipeline(str(tiny_folder)).load_components()
    pipe.configure(progress=False)
    return pipe


@pytest.fixture(scope="module")
def decoding(tiny_folder: Path) -> ModularPipeline:
    """One with a VAE."""
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    pipe.configure(progress=False)
    return pipe


@pytest.fixture(scope="module")
def thin(base: ModularPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved pipeline whose components are where they were."""
    place = tmp_path_factory.mktemp("thin") / "repo"
    base.save_pretrained(place, overwrite_modular_index=False)
    return place


@pytest.fixture
def pipe(base: ModularPipeline) -> ModularPipeline:
    """A pipeline of its own, with origins as the base has them."""
    return copy.deepcopy(base)


# What is done to a pipeline before it is saved


class Twice:
    """A processor of somebody's own."""

    def __call__(self, attn: Any, hidden_states: Any, encoder_hidden_states: Any = None, **_: Any) -> Any:
        return AttnProcessor()(attn, hidden_states, encoder_hidden_states)


class Packed(torch.nn.Parameter):
    """A parameter as quantizers have them, which stands for other numbers than it holds."""


class Holding(Block):
    """Holds components."""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)


class OfMine(UNet2DConditionModel):
    """A model whose class nobody else can name."""


def lora(pipe: Any) -> None:
    pipe.load_lora_weights(tiny_adapters.lora(pipe), adapter_name="style")


def two_loras(pipe: Any) -> None:
    lora(pipe)
    kohya = tiny_adapters.as_kohya(tiny_adapters.lora(pipe, seed=8, rank=2), alpha=1.0)
    pipe.load_lora_weights(kohya, adapter_name="a name/with signs")
    pipe.set_adapters(["a name/with signs", "style"], [0.3, 0.7])


def weak_lora(pipe: Any) -> None:
    lora(pipe)
    pipe.set_adapters("style", 0.25)


def disabled_lora(pipe: Any) -> None:
    lora(pipe)
    pipe.disable_lora()


def fused_lora(pipe: Any) -> None:
    lora(pipe)
    pipe.fuse_lora(lora_scale=0.5)


def words(pipe: Any) -> None:
    generator = torch.Generator().manual_seed(4)
    pipe.load_textual_inversion({"cat2": torch.randn(2, 16, generator=generator)})
    pipe.load_textual_inversion({"dog2": torch.randn(24, generator=generator)})


def words_and_lora(pipe: Any) -> None:
    words(pipe)
    lora(pipe)


def ip_adapter(pipe: Any) -> None:
    pipe.load_ip_adapter(tiny_adapters.ip_adapter(pipe.unet), image_encoder_folder=None)


def training(pipe: Any) -> None:
    with torch.no_grad():
        pipe.unet.conv_in.weight.add_(0.01)


def other_scheduler(pipe: Any) -> None:
    pipe.update_components(scheduler=EulerAncestralDiscreteScheduler.from_config(pipe.scheduler.config))


def edited_scheduler(pipe: Any) -> None:
    made = type(pipe.scheduler).from_config(pipe.scheduler.config, use_karras_sigmas=True)
    pipe.update_components(scheduler=made)


def own_betas(pipe: Any) -> None:
    made = DDIMScheduler.from_config(pipe.scheduler.config)
    made.alphas_cumprod = made.alphas_cumprod * 0.9
    pipe.update_components(scheduler=made)


def half(pipe: Any) -> None:
    pipe.to(torch.bfloat16)


def mixed(pipe: Any) -> None:
    pipe.vae.to(torch.bfloat16)


def within_one(pipe: Any) -> None:
    pipe.unet.conv_out.to(torch.float64)


def shared(pipe: Any) -> None:
    pipe.update_components(tokenizer_2=pipe.tokenizer)


def unknown_origin(pipe: Any) -> None:
    pipe.update_components(unet=UNet2DConditionModel.from_config(pipe.unet.config).eval())


def own_class(pipe: Any) -> None:
    pipe.update_components(unet=OfMine.from_config(pipe.unet.config).eval())


def quantized(pipe: Any) -> None:
    pipe.unet.conv_out.weight = Packed(pipe.unet.conv_out.weight.data)


def quantized_config(pipe: Any) -> None:
    pipe.text_encoder.config.quantization_config = {"quant_method": "bitsandbytes"}


def tied(pipe: Any) -> None:
    pipe.unet.time_embedding.linear_1.bias = pipe.unet.time_embedding.linear_2.bias


def dropout(pipe: Any) -> None:
    for module in pipe.unet.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    pipe.unet.train()


def a_buffer(pipe: Any) -> None:
    pipe.text_encoder.embeddings.position_ids = pipe.text_encoder.embeddings.position_ids.flip(1)


def a_forward(pipe: Any) -> None:
    before = pipe.unet.forward
    pipe.unet.forward = lambda *args, **kwargs: before(*args, **kwargs)


def guider(pipe: Any) -> None:
    pipe.update_components(guider=PerturbedAttentionGuidance(guidance_scale=3.0, perturbed_guidance_layers=(0,)))


def settings(pipe: Any) -> None:
    pipe.update_config(force_zeros_for_empty_prompt=False)
    pipe.input_defaults = {"num_inference_steps": 3}


@frozen
class Feature:
    """What is done to a pipeline, and what becomes of it: None is "equal", a text is a part of the refusal.

    Attributes:
        files: in a repository, on this machine and on the Hub. workflow: in a workflow file, which names origins. decodes: whether it
            is of a VAE.
    """

    change: Callable[[Any], Any]
    files: str | None = None
    workflow: str | None = None
    decodes: bool = False


ORIGIN = "unet: .*where its entry would point"
FEATURES = {
    "nothing": Feature(lambda _: None),
    "a LoRA": Feature(lora, None, "the LoRA 'style' is of unknown origin"),
    "a weak LoRA": Feature(weak_lora, None, "the LoRA 'style' is of unknown origin"),
    "two LoRAs": Feature(two_loras, None, "the LoRA 'style' is of unknown origin"),
    "a LoRA that does not count": Feature(disabled_lora, None, "the LoRA 'style' is of unknown origin"),
    "a fused LoRA": Feature(fused_lora, None, ORIGIN),
    "taught words": Feature(words, None, "text_encoder was taught 'cat2'"),
    "words and a LoRA": Feature(words_and_lora, None, "text_encoder was taught 'cat2'"),
    "an IP-Adapter": Feature(ip_adapter, "unet has an IP-Adapter", "unet has an IP-Adapter"),
    "FreeU": Feature(lambda p: p.unet.enable_freeu(0.9, 0.2, 1.5, 1.6), "unet: FreeU is on", "unet: FreeU is on"),
    "other processors": Feature(
        lambda p: p.unet.set_attn_processor(AttnProcessor()), "processor of .* is AttnProcessor,", "is AttnProcessor,"
    ),
    "own processors": Feature(lambda p: p.unet.set_attn_processor(Twice()), "processor of .* is Twice", "is Twice"),
    "fused projections": Feature(lambda p: p.unet.fuse_qkv_projections(), "the layer .*to_qkv", "the layer .*to_qkv"),
    "tiling": Feature(lambda p: p.vae.enable_tiling(), *["vae: use_tiling .* is True"] * 2, decodes=True),
    "slicing": Feature(lambda p: p.vae.enable_slicing(), decodes=True),
    "eager attention": Feature(
        lambda p: p.text_encoder.set_attn_implementation("eager"),
        "config.attn_implementation is 'eager'",
        "config.attn_implementation is 'eager'",
    ),
    "a hook": Feature(lambda p: p.unet.register_forward_hook(lambda *_: None), "unet: there are hooks on", "hooks on"),
    "a forward": Feature(a_forward, "the forward of the model itself was replaced", "the forward of the model itself"),
    "dropout": Feature(dropout, "drops values at random", "drops values at random"),
    "a buffer": Feature(a_buffer, "embeddings.position_ids was changed, and is in no file", "was changed"),
    "trained weights": Feature(training, None, ORIGIN),
    "weights of unknown origin": Feature(unknown_origin, None, "unet is of unknown origin"),
    "a class of one's own": Feature(own_class, "OfMine of your own, and the block declares", "which no file can name"),
    "quantized layers": Feature(
        quantized, "unet has weights of a kind of their own .Packed.", "unet has weights of a kind"
    ),
    "a quantized configuration": Feature(quantized_config, "text_encoder is quantized", "text_encoder is quantized"),
    "tied weights": Feature(tied, "time_embedding.linear_1.bias is one tensor with", "is one tensor with"),
    "half precision": Feature(half),
    "mixed precision": Feature(mixed, decodes=True),
    "mixed precision in one model": Feature(within_one, "conv_out.bias and 1 more is float64", "is float64"),
    "channels last": Feature(
        lambda p: p.unet.to(memory_format=torch.channels_last), "does not lie in memory as", "does not lie in memory as"
    ),
    "another scheduler": Feature(other_scheduler),
    "an edited scheduler": Feature(edited_scheduler),
    "a scheduler that ran": Feature(lambda p: p.scheduler.set_timesteps(7)),
    "a scheduler's own betas": Feature(own_betas, "alphas_cumprod is Tensor", "alphas_cumprod is Tensor"),
    "one component under two names": Feature(shared),
    "another guider": Feature(guider),
    "settings": Feature(settings),
}


def into_a_folder(pipe: ModularPipeline, place: Path) -> ModularPipeline:
    pipe.save_pretrained(place)
    return ModularPipeline.from_pretrained(place)


def to_the_hub(pipe: ModularPipeline, _: Path) -> ModularPipeline:
    pipe.push_to_hub("me/pipe")
    return ModularPipeline.from_pretrained("me/pipe")


def into_a_workflow(pipe: ModularPipeline, place: Path) -> ModularPipeline:
    place.mkdir(exist_ok=True)
    save_workflow(pipe, place / "flow.yaml")
    return load_workflow(place / "flow.yaml")


def goes_and_returns(
    feature: Feature, pipe: ModularPipeline, way: Callable[[Any, Path], ModularPipeline], place: Path
) -> None:
    """The property: equal after opening, or refused by name, with nothing written."""
    feature.change(pipe)
    refusal = feature.workflow if way is into_a_workflow else feature.files
    before = sorted(place.rglob("*"))
    if refusal is not None:
        with pytest.raises(BrickworkError, match=refusal):
            way(pipe, place)
        assert [each for each in sorted(place.rglob("*")) if each.name != "place"] == before
        return
    expected = drawn(pipe, guidance_scale=2.0)
    again = way(pipe, place).load_components()
    again.configure(progress=False)
    assert again.get_list_adapters() == ([] if feature.change is fused_lora else pipe.get_list_adapters())
    ours = {n: t for n, t in weights_of(pipe).items() if feature.change is not fused_lora or ".lora_" not in n}
    theirs = weights_of(again)
    assert ours.keys() == theirs.keys()
    assert [n for n in ours if ours[n].dtype != theirs[n].dtype or not torch.equal(ours[n], theirs[n])] == []
    assert torch.equal(drawn(again, guidance_scale=2.0), expected)
    assert (dict(again.config), again.input_defaults) == (dict(pipe.config), pipe.input_defaults)
    assert type(again.guider) is type(pipe.guider)


@pytest.mark.rotating(6)
@pytest.mark.parametrize("name", FEATURES)
def test_a_folder_gives_back_what_was_saved_or_refuses_it(
    name: str, base: ModularPipeline, decoding: ModularPipeline, tmp_path: Path
) -> None:
    feature = FEATURES[name]
    goes_and_returns(feature, copy.deepcopy(decoding if feature.decodes else base), into_a_folder, tmp_path / "place")


_PUBLISHED = ("words and a LoRA", "settings", "an IP-Adapter")
_FILED = ("mixed precision", "another scheduler", "settings", "FreeU")
"""What is tried in the short form, of the second a part. Publishing is saving to a folder and then an upload, and both ways ask the same
of components; of a file, what it refuses and a folder does not is always tried."""


def test_the_hub_gives_back_what_was_published_or_it_is_refused(
    base: ModularPipeline, decoding: ModularPipeline, tmp_path: Path, hub: Hub, many: int
) -> None:
    for number, name in enumerate(FEATURES if many > 1 else _PUBLISHED):
        hub.reset()
        pipe = copy.deepcopy(decoding if FEATURES[name].decodes else base)
        goes_and_returns(FEATURES[name], pipe, to_the_hub, tmp_path / str(number))
        assert (hub.repos == {}) is (FEATURES[name].files is not None), name


def test_a_workflow_file_gives_back_what_was_written_or_it_is_refused(
    base: ModularPipeline, decoding: ModularPipeline, tmp_path: Path, turn: int | None
) -> None:
    filed = part_of(_FILED, 2, turn)
    for number, (name, feature) in enumerate(FEATURES.items()):
        if turn is None or name in filed or (feature.workflow is not None and feature.files is None):
            pipe = copy.deepcopy(decoding if feature.decodes else base)
            goes_and_returns(feature, pipe, into_a_workflow, tmp_path / str(number))


# What is kept by origin


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (training, "unet: conv_in.weight has other values than in the files. It is not as in .*/unet, where its entry"),
        (fused_lora, "unet: .* has other values than in the files"),
        (own_betas, None),
        (lora, None),
        (words, None),
        (half, None),
    ],
)
def test_what_keeps_its_origin_is_as_it_is_there(
    change: Callable[[Any], None], refusal: str | None, pipe: ModularPipeline, tmp_path: Path
) -> None:
    change(pipe)
    if refusal is not None:
        with pytest.raises(RepoError, match=refusal):
            pipe.save_pretrained(tmp_path / "thin", overwrite_modular_index=False)
        assert not list((tmp_path / "thin").glob("*"))
        return
    if change is own_betas:
        pipe.update_components(scheduler=DDIMScheduler.from_config(pipe.scheduler.config))
    expected = drawn(pipe)
    pipe.save_pretrained(tmp_path / "thin", overwrite_modular_index=False)
    assert not (tmp_path / "thin" / "unet").exists()
    again = ModularPipeline.from_pretrained(tmp_path / "thin").load_components()
    again.configure(progress=False)
    assert torch.equal(drawn(again), expected)


# Adapters of an opened repository


def test_adapters_come_with_their_components_and_can_be_taken_out(pipe: ModularPipeline, tmp_path: Path) -> None:
    plain = drawn(pipe)
    words_and_lora(pipe)
    pipe.save_pretrained(tmp_path / "repo")
    assert sorted(path.name for path in (tmp_path / "repo" / "adapters").iterdir()) == [
        "style.safetensors",
        "words-text_encoder.safetensors",
        "words-text_encoder_2.safetensors",
    ]
    again = ModularPipeline.from_pretrained(tmp_path / "repo")
    again.configure(progress=False)
    again.load_components(["unet", "text_encoder", "text_encoder_2"])
    again.load_components("scheduler")
    with pytest.raises(BrickworkError, match="tokenizer was saved with adapters, which load_components"):
        drawn(again)
    again.load_components()
    again.unload_lora_weights()
    again.unload_textual_inversion()
    assert torch.equal(drawn(again), plain)
    again.load_lora_weights(str(tmp_path / "repo" / "adapters"), weight_name="style.safetensors", adapter_name="again")
    again.load_textual_inversion(str(tmp_path / "repo" / "adapters"), weight_name="words-text_encoder.safetensors")
    again.load_textual_inversion(str(tmp_path / "repo" / "adapters"), weight_name="words-text_encoder_2.safetensors")
    assert torch.equal(drawn(again), drawn(pipe))


def test_a_saved_lora_has_its_strength_wherever_it_is_loaded(
    pipe: ModularPipeline, base: ModularPipeline, tmp_path: Path
) -> None:
    kohya = tiny_adapters.as_kohya(tiny_adapters.lora(pipe, seed=8, rank=2), alpha=1.0)
    pipe.load_lora_weights(kohya, adapter_name="weak")
    pipe.save_pretrained(tmp_path / "repo")
    other = copy.deepcopy(base)
    other.load_lora_weights(str(tmp_path / "repo" / "adapters"))
    assert torch.equal(drawn(other), drawn(pipe))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{", "cannot be read"),
        ("[]", "holds no JSON object"),
        ('{"unet.r": "many"}', "says something odd of unet.r"),
        ('{"unet.rank_pattern": {"(a+)+$": 4}}', "says something odd of unet.rank_pattern"),
        ('{"unet.target_modules": [7]}', "says something odd of unet.target_modules"),
    ],
)
def test_a_lora_that_says_something_odd_of_itself_is_refused(
    said: str, expected: str, pipe: ModularPipeline, tmp_path: Path
) -> None:
    state = {name: tensor for name, tensor in tiny_adapters.lora(pipe).items() if name.startswith("unet.")}
    save_file(state, tmp_path / "odd.safetensors", {"lora_adapter_metadata": said})
    with pytest.raises(BrickworkError, match=expected):
        pipe.load_lora_weights(str(tmp_path / "odd.safetensors"))
    assert pipe.get_list_adapters() == []


BROKEN = [
    ({"other": {}}, "'adapters' has other, which is unknown"),
    ({"files": 7}, "'adapters' is broken"),
    ({"loras": {"unet": {}}}, "a description of LoRAs is broken: KeyError"),
    (
        {"loras": {"unet": {"alphas": {"a": "x"}, "scalings": {"a": 1}, "active": [], "enabled": True}}},
        "LoRAs is broken",
    ),
    ({"loras": {"unet": {"alphas": {"a": 1}, "scalings": {}, "active": [], "enabled": True}}}, "do not fit together"),
    (
        {"loras": {"unet": {"alphas": {"a": 1}, "scalings": {"a": 1}, "active": [], "enabled": True}}},
        "no file of the LoRA",
    ),
    ({"words": {"text_encoder": {"tokenizer": "tokenizer"}}}, "'adapters' is broken: KeyError"),
]


@pytest.mark.parametrize(("adapters", "expected"), BROKEN)
def test_adapters_that_are_described_wrongly_are_refused(
    adapters: Any, expected: str, thin: Path, tmp_path: Path
) -> None:
    place = Path(shutil.copytree(thin, tmp_path / "repo"))
    written = json.loads((place / "brickwork.json").read_text())
    (place / "brickwork.json").write_text(json.dumps({**written, "adapters": adapters}))
    with pytest.raises(RepoError, match=expected):
        ModularPipeline.from_pretrained(place)


LORA = {"alphas": {"a": 1.0}, "scalings": {"a": 1.0}, "active": ["a"], "enabled": True}


@pytest.mark.parametrize(
    ("tensors", "adapters", "expected"),
    [
        ({}, {"files": {"a": "adapters/a.safetensors"}, "loras": {"unet": LORA}}, "has no file adapters/a.safetensors"),
        ({"x": torch.ones(2)}, {"files": {"a": "adapters/a.safetensors"}, "loras": {"unet": LORA}}, "the LoRA 'a' holds no layers"),
        (
            {"unet.nowhere.lora_A.weight": torch.ones(2, 2), "unet.nowhere.lora_B.weight": torch.ones(2, 2)},
            {"files": {"a": "adapters/a.safetensors"}, "loras": {"unet": LORA}},
            "unet: the LoRA 'a' does not fit the model",
        ),
        ({"x": torch.ones(2)}, {"files": {"a": "../a.safetensors"}, "loras": {"unet": LORA}}, "is no name of a file in"),
        (
            {"cat2": torch.ones(3)},
            {"words": {"text_encoder": {"tokenizer": "tokenizer", "file": "adapters/a.safetensors", "words": ["cat2"]}}},
            "The embedding of 'cat2' does not fit text_encoder",
        ),
        (
            {"cat2": torch.ones(16)},
            {"words": {"text_encoder": {"tokenizer": "tokenizer", "file": "adapters/a.safetensors", "words": ["dog2"]}}},
            "adapters/a.safetensors of .* does not hold 'dog2'",
        ),
        (
            {"cat": torch.ones(16)},
            {"words": {"text_encoder": {"tokenizer": "tokenizer", "file": "adapters/a.safetensors", "words": ["cat</w>"]}}},
            "does not hold 'cat</w>'",
        ),
    ],
)  # fmt: skip
def test_adapters_that_do_not_fit_are_refused_when_they_are_loaded(
    tensors: dict[str, torch.Tensor], adapters: Any, expected: str, thin: Path, tmp_path: Path
) -> None:
    place = Path(shutil.copytree(thin, tmp_path / "repo"))
    written = json.loads((place / "brickwork.json").read_text())
    (place / "brickwork.json").write_text(json.dumps({**written, "adapters": adapters}))
    (place / "adapters").mkdir()
    if tensors:
        save_file(tensors, place / "adapters" / "a.safetensors")
    pipe = ModularPipeline.from_pretrained(place)
    with pytest.raises(BrickworkError, match=expected):
        pipe.load_components(["unet", "text_encoder", "tokenizer"])


def test_a_component_that_waits_for_its_adapters_is_not_run_without_them(pipe: ModularPipeline, tmp_path: Path) -> None:
    words_and_lora(pipe)
    expected = drawn(pipe)
    pipe.save_pretrained(tmp_path / "repo")
    lazy = ModularPipeline.from_pretrained(tmp_path / "repo")
    lazy.configure(progress=False, load="on demand")
    with pytest.raises(
        BrickworkError, match=r"was saved with adapters, which load_components\(\) puts in: call load_compo"
    ):
        drawn(lazy)
    with pytest.raises(RepoError, match=r"text_encoder is not loaded, and has saved adapters: load_components"):
        lazy.save_pretrained(tmp_path / "second")
    lazy.load_components(["tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2", "unet"])
    assert torch.equal(drawn(lazy), expected)


def test_the_peer_is_told_what_it_would_leave_out(pipe: ModularPipeline, tmp_path: Path) -> None:
    words_and_lora(pipe)
    pipe.save_pretrained(tmp_path / "repo")
    text = (tmp_path / "repo" / "brickwork_adapter.py").read_text()
    with pytest.raises(
        ImportError, match="without the LoRA 'style', the word 'cat2', .*: open the repository with bri"
    ):
        exec(text, {})


def controlled(nets: Any) -> ModularPipeline:
    """A pipeline of nothing but what reads a ControlNet."""
    blocks = SequentialPipelineBlocks.from_blocks_dict({"control": CONTROLNET_BLOCKS["controlnet_input"]})
    pipe = blocks.init_pipeline()
    pipe.update_components(controlnet=nets)
    return pipe


def test_several_controlnets_come_back_each(pipe: ModularPipeline, tmp_path: Path, hub: Hub) -> None:
    nets = tiny_adapters.several(pipe.unet)
    full = controlled(nets)
    full.save_pretrained(tmp_path / "repo")
    assert (tmp_path / "repo" / "controlnet_1" / "config.json").is_file()
    full.push_to_hub("me/nets")
    for place in (tmp_path / "repo", "me/nets"):
        again = ModularPipeline.from_pretrained(place)
        size = again.specs["controlnet"].stored_bytes()
        again.load_components("controlnet")
        assert type(again.controlnet) is type(nets)
        for one, other in zip(again.controlnet.nets, nets.nets, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
        if place != "me/nets":
            assert size == sum(each.numel() * each.element_size() for each in nets.parameters())
    text = (tmp_path / "repo" / "brickwork_adapter.py").read_text()
    with pytest.raises(ImportError, match="without 1 of the 2 models of controlnet"):
        exec(text, {})


# Folders that are saved to


def test_an_older_save_leaves_nothing_behind_that_would_be_read(pipe: ModularPipeline, tmp_path: Path) -> None:
    place = tmp_path / "repo"
    older = copy.deepcopy(pipe)
    training(older)
    older.save_pretrained(place, max_shard_size="60KB")
    (place / "unet" / "notes.md").write_text("by a person")
    older.save_pretrained(place, variant="fp16")
    (place / "tokenizer" / "added_tokens.json").write_text('{"older": 7}')
    expected = drawn(pipe)
    pipe.save_pretrained(place)
    assert sorted(path.name for path in (place / "unet").iterdir()) == [
        "config.json",
        "diffusion_pytorch_model.fp16.safetensors",
        "diffusion_pytorch_model.safetensors",
        "notes.md",
    ]
    assert not (place / "tokenizer" / "added_tokens.json").exists()
    again = ModularPipeline.from_pretrained(place).load_components()
    again.configure(progress=False)
    assert torch.equal(drawn(again), expected)
    pipe.save_pretrained(place, max_shard_size="60KB")
    assert not (place / "unet" / "diffusion_pytorch_model.safetensors").exists()
    theirs = UNet2DConditionModel.from_pretrained(place / "unet")
    assert all(torch.equal(a, b) for a, b in zip(theirs.parameters(), pipe.unet.parameters(), strict=True))


def test_an_older_save_of_more_nets_leaves_none_of_them(pipe: ModularPipeline, tmp_path: Path) -> None:
    nets = [tiny_adapters.controlnet(pipe.unet, seed) for seed in (1, 2, 3)]
    full = controlled(MultiControlNetModel(nets))
    full.save_pretrained(tmp_path / "repo")
    full.update_components(controlnet=MultiControlNetModel(nets[:2]))
    full.save_pretrained(tmp_path / "repo")
    assert not (tmp_path / "repo" / "controlnet_2").exists()
    assert len(ModularPipeline.from_pretrained(tmp_path / "repo").load_components("controlnet").controlnet.nets) == 2


def test_an_older_commit_leaves_nothing_behind_that_would_be_read(
    pipe: ModularPipeline, tmp_path: Path, hub: Hub
) -> None:
    older = copy.deepcopy(pipe)
    training(older)
    older.push_to_hub("me/pipe", max_shard_size="60KB")
    hub.repos["me/pipe"].commit({"unet/notes.md": b"by a person"})
    pipe.push_to_hub("me/pipe")
    names = [name for name in hub.repos["me/pipe"].files if name.startswith("unet/")]
    assert sorted(names) == ["unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet/notes.md"]
    again = ModularPipeline.from_pretrained("me/pipe").load_components("unet")
    assert torch.equal(again.unet.conv_in.weight, pipe.unet.conv_in.weight)


def test_a_folder_is_saved_over_while_its_pages_are_the_models(pipe: ModularPipeline, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path / "repo")
    mapped = ModularPipeline.from_pretrained(tmp_path / "repo").load_components()
    mapped.configure(progress=False)
    training(mapped)
    expected = drawn(mapped)
    mapped.save_pretrained(tmp_path / "repo")
    assert torch.equal(drawn(mapped), expected)
    again = ModularPipeline.from_pretrained(tmp_path / "repo").load_components()
    again.configure(progress=False)
    assert torch.equal(drawn(again), expected)


def test_no_path_of_this_machine_is_in_what_is_published(
    pipe: ModularPipeline, tiny_folder: Path, tmp_path: Path, hub: Hub
) -> None:
    lora(pipe)
    pipe.push_to_hub("me/pipe")
    for name, data in hub.repos["me/pipe"].files.items():
        assert str(tiny_folder).encode() not in data, name
        assert str(tmp_path).encode() not in data, name
    pipe.save_pretrained(tmp_path / "repo")
    for path in (tmp_path / "repo").rglob("*.*"):
        assert str(tiny_folder).encode() not in path.read_bytes(), path


def test_the_card_names_no_folder_of_this_machine(thin: Path, tiny_folder: Path) -> None:
    card = (thin / "README.md").read_text()
    assert str(tiny_folder.parent) not in card
    assert f"a folder \\({tiny_folder.name}\\)/unet" in card


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            {"first": "adapters"},
            "adapters: no component can be saved under this name, because files of a repository have",
        ),
        ({"first": "Unet", "second": "unet"}, "unet: no component .* because Unet has the folder 'unet', too"),
        ({"first": "net", "second": "net_1"}, "net_1: no component .* because net has the folder 'net_1', too"),
    ],
)
def test_names_of_components_that_would_be_one_folder_are_refused(
    names: dict[str, str], expected: str, pipe: ModularPipeline, tmp_path: Path
) -> None:
    attributes = {name: component() for name in names.values()}
    made = type("Holding", (Holding,), {"__annotations__": dict.fromkeys(attributes, torch.nn.Module), **attributes})
    whole = SequentialPipelineBlocks.from_blocks_dict({"hold": made}).init_pipeline()
    whole.update_components(**dict.fromkeys(attributes, tiny_adapters.several(pipe.unet)))
    with pytest.raises(RepoError, match=expected):
        ComponentsPlan.of(whole, None, True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"variant": "../fp16"}, "the variant '../fp16' is no plain name"),
        ({"max_shard_size": "much"}, "cannot be written"),
    ],
)
def test_options_of_weights_that_make_no_sense_are_refused(
    options: dict[str, Any], expected: str, pipe: ModularPipeline, tmp_path: Path
) -> None:
    with pytest.raises(RepoError, match=expected):
        pipe.save_pretrained(tmp_path / "repo", **options)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_compiled_model_is_saved_as_the_model_itself(pipe: ModularPipeline, tmp_path: Path) -> None:
    own = pipe.unet
    pipe.components["unet"] = torch.compile(own, backend="eager")
    pipe.save_pretrained(tmp_path / "repo")
    again = ModularPipeline.from_pretrained(tmp_path / "repo").load_components("unet")
    assert type(again.unet) is UNet2DConditionModel
    assert all(torch.equal(a, b) for a, b in zip(again.unet.parameters(), own.parameters(), strict=True))
    save_workflow(pipe, tmp_path / "flow.yaml")


def test_files_of_weights_are_for_others_to_read_too(pipe: ModularPipeline, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path / "repo")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "repo").rglob("*") if path.is_file()}
    (tmp_path / "new").touch()
    assert modes == {(tmp_path / "new").stat().st_mode & 0o777}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"safe_serialization": False}, "Weights are saved as safetensors"),
        ({"varient": "fp16"}, "'varient' is unknown"),
        ({"private": True}, "'private' is for push_to_hub=True"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(
    options: dict[str, Any], expected: str, pipe: ModularPipeline, tmp_path: Path
) -> None:
    with pytest.raises(RepoError, match=expected):
        pipe.save_pretrained(tmp_path / "repo", **options)
    assert not (tmp_path / "repo").exists()
    pipe.save_pretrained(tmp_path / "repo", safe_serialization=True)


def test_a_component_of_the_hub_is_saved_and_one_that_is_kept_is_compared_with_its_commit(
    pipe: ModularPipeline, tiny_folder: Path, tmp_path: Path, hub: Hub
) -> None:
    hub.add_folder("you/models", tiny_folder)
    spec = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo="you/models", subfolder="unet")
    pipe.update_components(unet=spec.load())
    pipe.save_pretrained(tmp_path / "thin", overwrite_modular_index=False)
    hub.repos["you/models"].commit({"unet/config.json": b"{}"})
    pipe.save_pretrained(tmp_path / "again", overwrite_modular_index=False)
    training(pipe)
    with pytest.raises(RepoError, match="unet: conv_in.weight has other values .* It is not as in you/models/unet"):
        pipe.save_pretrained(tmp_path / "third", overwrite_modular_index=False)
    pipe.save_pretrained(tmp_path / "whole")
    assert "you/models" not in (tmp_path / "whole" / "modular_model_index.json").read_text()
    config = json.loads((tmp_path / "whole" / "unet" / "config.json").read_text())
    assert "_name_or_path" not in config
