"""Perturbations do to the network what they say, for who asked and nobody else, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LayerSkipConfig as PeerConfig
from diffusers.hooks import HookRegistry
from diffusers.hooks.layer_skip import _apply_layer_skip_hook
from diffusers.models.attention_processor import AttnProcessor
from guided_families import FAMILIES, Family
from guider_table import ELSEWHERE, FULL, cell, is_untouched, state_of, table
from in_threads import in_threads
from peft import LoraConfig

from brickwork import ClassifierFreeGuidance, InputError, ModularPipeline
from brickwork.adapters.perturb import perturbed
from brickwork.adapters.self_attention import self_attending
from brickwork.adapters.token_blur import blurred_tokens, grid_of
from brickwork.guiders import (
    GUIDERS,
    LayerSkipConfig,
    Perturbation,
    PerturbedAttentionGuidance,
    SkipLayerGuidance,
    SmoothedEnergyGuidance,
)
from brickwork.guiders.guider import CONDITIONAL

KINDS: dict[str, dict[str, bool]] = {
    "scores": {"skip_attention": False, "skip_ff": False, "skip_attention_scores": True},
    "feed-forward": {"skip_attention": False, "skip_ff": True},
    "attention": {"skip_attention": True, "skip_ff": False},
    "block": {"skip_attention": True, "skip_ff": True},
}
FIRST_STACK = {"SD 1.5": "mid_block.attentions.0.transformer_blocks", "SDXL": "mid_block.attentions.0.transformer_blocks",
               "SD 3": "transformer_blocks", "FLUX": "transformer_blocks"}  # fmt: skip


def assert_untouched(model: torch.nn.Module, before: Any) -> None:
    assert is_untouched(model, before)


def predicted(family: Family, *wanted: Perturbation) -> torch.Tensor:
    """A prediction for the positive conditioning."""
    layers = family.contract.layers(family.denoiser)
    kwargs = family.contract.denoiser_kwargs(family.inputs["conditioning"], [CONDITIONAL])
    latents = family.inputs["scaled_latents"]
    recommended = family.contract.recommended_layers(family.denoiser, layers)
    with torch.no_grad(), perturbed(family.denoiser, layers, recommended, wanted, family.contract.aspect(latents)):
        return family.contract.predict(family.denoiser, latents, torch.tensor(500.0), kwargs)


def by_diffusers(family: Family, config: PeerConfig) -> torch.Tensor:
    _apply_layer_skip_hook(family.denoiser, config, name="theirs")
    try:
        return predicted(family)
    finally:
        HookRegistry.check_if_exists_or_initialize(family.denoiser).remove_hook("theirs", recurse=True)


RIGHT_IN_DIFFUSERS = [(name, kind) for name in ("SD 1.5", "SDXL") for kind in KINDS] + [
    (name, "feed-forward") for name in ("SD 3", "FLUX")
]
"""Its perturbed attention fails on the others, and skipped blocks give text for image."""


@pytest.mark.parametrize(("name", "kind"), RIGHT_IN_DIFFUSERS)
def test_layers_are_perturbed_as_diffusers_does(name: str, kind: str) -> None:
    family = FAMILIES[name]()
    plain = predicted(family)
    stack = FIRST_STACK[name]
    ours = predicted(family, Perturbation(kind, (0,), stack))  # type: ignore[arg-type]
    assert not torch.equal(ours, plain)
    assert torch.equal(predicted(family), plain)
    assert torch.equal(ours, by_diffusers(family, PeerConfig(indices=[0], fqn=stack, **KINDS[kind])))


@pytest.mark.parametrize("name", ["SD 3", "FLUX"])
def test_a_skipped_block_of_a_transformer_is_as_if_it_were_not_there(name: str) -> None:
    family = FAMILIES[name]()
    found = predicted(family, Perturbation("block", (0,), "transformer_blocks"))
    del family.denoiser.transformer_blocks[0]  # type: ignore[attr-defined]
    assert torch.equal(found, predicted(family))


@pytest.mark.parametrize("name", FAMILIES)
def test_of_perturbed_attention_only_what_is_left_counts(name: str) -> None:
    """With the identity for scores, queries and keys do nothing; without attention, values neither."""
    family = FAMILIES[name]()
    layer = family.contract.layers(family.denoiser)[0]
    attention = next(module for module in layer.module.modules() if hasattr(module, "to_q"))
    plain, scores, skipped = (
        predicted(family, *wanted) for wanted in ((), *[(Perturbation(k, (0,)),) for k in ("scores", "attention")])
    )  # type: ignore[arg-type]
    for module, changes in ((attention.to_q, (True, False, False)), (attention.to_v, (True, True, False))):
        with torch.no_grad():
            module.weight.mul_(-3.0)
        now = (
            predicted(family),
            predicted(family, Perturbation("scores", (0,))),
            predicted(family, Perturbation("attention", (0,))),
        )
        assert tuple(not torch.equal(*pair) for pair in zip(now, (plain, scores, skipped), strict=True)) == changes
        with torch.no_grad():
            module.weight.div_(-3.0)


@pytest.mark.parametrize("name", ["SD 1.5", "SDXL"])
def test_scores_are_the_identity_whichever_processor_there_is(name: str) -> None:
    family = FAMILIES[name]()
    expected = predicted(family, Perturbation("scores"))
    family.denoiser.set_attn_processor(AttnProcessor())  # type: ignore[operator]
    plain = predicted(family)
    found = predicted(family, Perturbation("scores"))
    assert not torch.allclose(found, plain, atol=1e-4)
    assert torch.allclose(found, expected, atol=1e-5)
    assert isinstance(family.denoiser.mid_block.attentions[0].transformer_blocks[0].attn1.processor, AttnProcessor)  # type: ignore[union-attr,index]


@pytest.mark.parametrize("enable_gqa", [True, False])
def test_scores_are_the_identity_where_heads_share_their_values(enable_gqa: bool) -> None:
    query, keys = torch.randn(2, 4, 3, 8), torch.randn(2, 2 if enable_gqa else 4, 3, 8)

    def attend(values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, keys, values, enable_gqa=enable_gqa)

    values = torch.randn_like(keys)
    found = self_attending(attend, values)
    # The first two heads read the first of two values.
    expected = values[:, [0, 0, 1, 1]] if enable_gqa else values
    assert torch.equal(found, expected)
    # Attention to a text has other keys than queries, and stays.
    query = torch.randn(2, 4, 5, 8)
    assert torch.equal(self_attending(attend, values), attend(values))


def test_adapters_stay_in_use() -> None:
    family = FAMILIES["SDXL"]()
    bare = predicted(family, Perturbation("scores"))
    family.denoiser.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_v"]), "style")  # type: ignore[operator]
    before = state_of(family.denoiser)
    assert not torch.allclose(predicted(family, Perturbation("scores")), bare, atol=1e-4)
    assert_untouched(family.denoiser, before)


def test_layers_are_named_by_number_range_and_path() -> None:
    family = FAMILIES["SDXL"]()
    layers = family.contract.layers(family.denoiser)
    everywhere = predicted(family, Perturbation("scores", tuple(range(len(layers)))))
    last = predicted(family, Perturbation("scores", (-1,)))
    by_path = predicted(family, Perturbation("scores", None, layers[-1].path.rpartition(".")[0]))
    assert torch.equal(last, by_path)
    assert not torch.equal(everywhere, last)
    with pytest.raises(InputError, match=rf"There are layers 0 to {len(layers) - 1}, and no 40, 41"):
        predicted(family, Perturbation("scores", (40, 41)))
    with pytest.raises(
        InputError, match="has no layers in 'mid.blocks'; there are: down_blocks.1.attentions.0.transformer_blocks"
    ):
        predicted(family, Perturbation("scores", (0,), "mid.blocks"))


def test_the_recommended_layers_of_a_unet_are_those_of_its_middle_or_the_next_that_see_64_tokens() -> None:
    """The SD 1.5 kind has 4x4 tokens in the middle, the SDXL kind 8x8."""
    for name, expected in (("SDXL", ["mid_block.attentions.0.transformer_blocks.0"]),
                           ("SD 1.5", ["up_blocks.1.attentions.0.transformer_blocks.0"])):  # fmt: skip
        family = FAMILIES[name]()
        layers = family.contract.layers(family.denoiser)
        recommended = family.contract.recommended_layers(family.denoiser, layers)
        assert [layers[number].path for number in recommended] == expected
        by_default = predicted(family, Perturbation("scores"))
        assert torch.equal(by_default, predicted(family, Perturbation("scores", tuple(recommended))))
        assert not torch.allclose(by_default, predicted(family), atol=1e-5)


def test_a_unet_that_sees_little_everywhere_is_perturbed_in_its_middle() -> None:
    family = FAMILIES["SDXL"]()
    family.denoiser.register_to_config(sample_size=(4, 8))
    layers = family.contract.layers(family.denoiser)
    assert family.contract.recommended_layers(family.denoiser, layers) == [1]


def test_dropping_is_the_same_every_time_and_another_at_another_step() -> None:
    family = FAMILIES["SDXL"]()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    one, again = (predicted(family, Perturbation("block", dropout=0.4, seed=3)) for _ in range(2))
    assert torch.equal(one, again)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(one, predicted(family, Perturbation("block", dropout=0.4, seed=4)))
    assert torch.equal(predicted(family, Perturbation("block", dropout=0.0)), predicted(family))


# Blur


def test_an_infinite_blur_takes_the_mean_and_text_stays() -> None:
    tokens = torch.randn(2, 12 + 3, 4)
    found = blurred_tokens(tokens, float("inf"), 3 / 4)
    assert torch.allclose(found[:, :12], tokens[:, :12].mean(dim=1, keepdim=True).expand(2, 12, 4), atol=1e-6)
    assert torch.equal(found[:, 12:], tokens[:, 12:])


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5])
def test_a_finite_blur_is_a_gaussian_of_its_deviation(sigma: float) -> None:
    tokens = torch.zeros(1, 41 * 41, 1)
    tokens[0, 20 * 41 + 20] = 1
    found = blurred_tokens(tokens, sigma, 1.0).reshape(41, 41)
    places = torch.arange(41.0) - 20
    assert found.sum().item() == pytest.approx(1, abs=1e-5)
    assert (found.sum(0) * places.square()).sum().sqrt().item() == pytest.approx(sigma, rel=0.1)
    assert torch.allclose(found, found.T, atol=1e-7)


@pytest.mark.parametrize(
    ("count", "aspect", "grid"),
    [(96, 8 / 12, (8, 12)), (64, 1.0, (8, 8)), (70, 1.0, (8, 8)), (1, 1.0, (1, 1)), (6, 1.5, (3, 2))],
)
def test_tokens_are_a_picture_of_the_latents_shape(count: int, aspect: float, grid: tuple[int, int]) -> None:
    assert grid_of(count, aspect) == grid


def test_a_wide_blur_is_near_an_infinite_one_and_a_narrow_one_near_none() -> None:
    family = FAMILIES["SDXL"]()
    plain, infinite = predicted(family), predicted(family, Perturbation("blur"))
    narrow, wide = (predicted(family, Perturbation("blur", sigma=sigma)) for sigma in (0.05, 200.0))
    assert torch.allclose(narrow, plain, atol=1e-5)
    assert (wide - infinite).abs().max() < 0.4 * (plain - infinite).abs().max()


# Every guider on every family


@pytest.mark.rotating(6)
@pytest.mark.parametrize("guider", sorted(GUIDERS.keys() - ELSEWHERE.keys()))
@pytest.mark.parametrize("name", FAMILIES)
def test_every_guider_works_on_every_family(name: str, guider: str) -> None:
    assert cell(FAMILIES[name](), guider) == "yes"


def test_the_table_of_the_docs_is_the_one_of_its_script() -> None:
    """Made by `.venv/bin/python tests/support/guider_table.py`."""
    page = Path(__file__).parents[2] / "docs" / "guiders.md"
    assert table() in page.read_text()


@pytest.mark.parametrize("name", FAMILIES)
def test_what_goes_wrong_in_the_network_leaves_nothing_behind(name: str) -> None:
    family = FAMILIES[name]()
    before = state_of(family.denoiser)
    for guider in (
        PerturbedAttentionGuidance(perturbed_guidance_stop=1.0),
        SkipLayerGuidance(),
        SmoothedEnergyGuidance(),
    ):
        expected = family.predict(guider).noise_pred
        calls = 0

        def fail(*_: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise KeyboardInterrupt

        last = family.contract.layers(family.denoiser)[-1].module
        handle = last.register_forward_hook(fail)
        with pytest.raises(KeyboardInterrupt):
            family.predict(guider, index=1)
        handle.remove()
        assert_untouched(family.denoiser, before)
        assert torch.equal(family.predict(guider).noise_pred, expected)


def test_four_guiders_in_eight_threads_share_one_network(tiny_pipe: ModularPipeline, many: int) -> None:
    guiders = [
        ClassifierFreeGuidance(guidance_scale=4.0),
        PerturbedAttentionGuidance(guidance_scale=1.0, perturbed_guidance_stop=1.0),
        SkipLayerGuidance(skip_layer_guidance_stop=1.0, skip_layer_config=LayerSkipConfig(0, skip_ff=False)),
        SmoothedEnergyGuidance(seg_blur_sigma=1.0),
    ]

    def job(number: int) -> torch.Tensor:
        found: torch.Tensor = tiny_pipe(
            prompt="a cat", num_inference_steps=3, generator=torch.Generator().manual_seed(number),
            guider=guiders[number % 4], output="latents",
        )  # fmt: skip
        return found

    count = 16 * many
    before = state_of(tiny_pipe.unet)
    expected = [job(number) for number in range(count)]
    found = in_threads(job, count)
    assert all(torch.equal(found[number], expected[number]) for number in range(count))
    assert_untouched(tiny_pipe.unet, before)


@pytest.mark.parametrize(
    "guider",
    [
        "PerturbedAttentionGuidance",
        "SkipLayerGuidance",
        "SmoothedEnergyGuidance",
        "AutoGuidance",
        "AdaptiveProjectedGuidance",
    ],
)
def test_an_exception_at_any_step_leaves_the_next_run_as_it_would_be(guider: str, tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.update_components(guider=GUIDERS[guider](**FULL.get(guider, {})))
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "latents"}
    expected = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(1))
    before = state_of(tiny_pipe.unet)
    calls: list[int] = []
    limits = [0]

    def count(*_: Any) -> None:
        calls.append(1)
        if len(calls) == limits[-1]:
            raise OSError("stop")

    handle = tiny_pipe.unet.conv_out.register_forward_hook(count)
    tiny_pipe(**inputs)
    for limit in range(1, len(calls) + 1):
        limits.append(limit)
        calls.clear()
        with pytest.raises(OSError, match="stop"):
            tiny_pipe(**inputs)
    handle.remove()
    assert_untouched(tiny_pipe.unet, before)
    assert torch.equal(tiny_pipe(**inputs, generator=torch.Generator().manual_seed(1)), expected)
