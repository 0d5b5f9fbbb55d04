"""Attention processors replaced for a while, and maps of where the denoiser looks at words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image

from brickwork import InputError, MemoryCache, ModularPipeline, RunError
from brickwork.guiders import PerturbedAttentionGuidance
from embedded_model.oracle import Oracle

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output_type": "latent"}


class Doubled:
    """An attention processor that does what the usual one does, twice as strong."""

    calls = 0

    def __call__(self, attn: Any, hidden_states: Any, *args: Any, **kwargs: Any) -> Any:
        type(self).calls += 1
        return 2 * AttnProcessor()(attn, hidden_states, *args, **kwargs)


def drawn(pipe: ModularPipeline) -> torch.Tensor:
    found: torch.Tensor = pipe(**INPUTS, generator=torch.Generator().manual_seed(1), output="images")
    return found


@pytest.mark.parametrize(
    ("pattern", "count"), [("attn2", 4), ("mid_block", 2), ("up_blocks.0.*.attn1", 2), ("down_blocks", 2), ("*", 8)]
)
def test_processors_are_replaced_by_path_and_given_back(pattern: str, count: int, tiny_pipe: ModularPipeline) -> None:
    before, plain = tiny_pipe.unet.attn_processors, drawn(tiny_pipe)
    with tiny_pipe.attention_processors({pattern: Doubled()}):
        inside = tiny_pipe.unet.attn_processors
        assert sum(type(each) is Doubled for each in inside.values()) == count
        assert not torch.allclose(drawn(tiny_pipe), plain, atol=1e-3)
    assert all(tiny_pipe.unet.attn_processors[path] is each for path, each in before.items())
    assert torch.equal(drawn(tiny_pipe), plain)


def test_the_cache_does_not_take_one_for_the_other(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.configure(cache=MemoryCache())
    plain = drawn(tiny_pipe)
    with tiny_pipe.attention_processors({"attn2": Doubled()}):
        doubled = drawn(tiny_pipe)
    assert not torch.equal(doubled, plain)
    seen = Doubled.calls
    assert torch.equal(drawn(tiny_pipe), plain)
    with tiny_pipe.attention_processors({"attn2": AttnProcessor()}):
        assert not torch.equal(drawn(tiny_pipe), doubled)
    assert Doubled.calls == seen


def test_they_are_given_back_after_a_failure(tiny_pipe: ModularPipeline) -> None:
    before = tiny_pipe.unet.attn_processors
    with pytest.raises(KeyboardInterrupt), tiny_pipe.attention_processors({"*": Doubled()}):
        raise KeyboardInterrupt
    assert all(tiny_pipe.unet.attn_processors[path] is each for path, each in before.items())


def test_a_path_where_nothing_is_names_the_nearest(tiny_pipe: ModularPipeline) -> None:
    with (
        pytest.raises(
            InputError, match=r"No attention layer is at 'atn2'\. Did you mean 'attn2'.*'midblock'.*'mid_block'"
        ),
        tiny_pipe.attention_processors({"atn2": Doubled(), "midblock": Doubled()}),
    ):
        pass


def test_maps_show_where_each_word_is(embedded_pipe: ModularPipeline, oracle: Oracle) -> None:
    prompt = "a red circle and a blue square"
    with embedded_pipe.attention_maps() as maps:
        image = embedded_pipe(
            prompt=prompt, num_inference_steps=10, generator=torch.Generator().manual_seed(0), output="images"
        )[0]
    shapes = oracle.shapes(image)
    assert sorted(shapes) == [("circle", "red"), ("square", "blue")]
    places = dict(zip((kind for kind, _ in shapes), oracle.places(image), strict=True))
    for word in ("red", "blue"):
        heat = maps.of(word)
        assert (heat.amin(), heat.amax()) == (0, 1)
        centre = float((heat.sum(0) * torch.arange(16)).sum() / heat.sum() / 16)
        own, other = ("circle", "square") if word == "red" else ("square", "circle")
        assert abs(centre - places[own][0]) < abs(centre - places[other][0])
    assert maps.overlay("red", image).size == image.size


def test_watching_changes_no_picture_and_ends(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.configure(cache=MemoryCache(steps=True))
    plain = drawn(tiny_pipe)
    with tiny_pipe.attention_maps() as maps:
        assert torch.equal(drawn(tiny_pipe), plain)
    first = maps.of("cat")
    assert not any("forward" in vars(module) for module in tiny_pipe.unet.modules())
    drawn(tiny_pipe)
    assert torch.equal(maps.of("cat"), first)


def test_the_last_run_counts_and_pictures_have_maps_of_their_own(tiny_pipe: ModularPipeline) -> None:
    inputs = {**INPUTS, "prompt": ["a cat", "the circle"], "num_images_per_prompt": 2}
    with tiny_pipe.attention_maps() as maps:
        drawn(tiny_pipe)
        tiny_pipe(**inputs, generator=[torch.Generator().manual_seed(n) for n in range(4)], output="images")
    assert maps.of("cat", 1).shape == maps.of("circle", 3).shape
    with pytest.raises(InputError, match="The prompt 'the circle' has no word 'cat'"):
        maps.of("cat", 2)
    with pytest.raises(InputError, match="There are 4 images, 0 to 3, and no 4"):
        maps.of("cat", 4)


def test_only_the_plain_prediction_is_watched(tiny_pipe: ModularPipeline) -> None:
    with tiny_pipe.attention_maps() as maps:
        drawn(tiny_pipe)
        plain = maps.of("cat")
        guider = PerturbedAttentionGuidance(perturbed_guidance_start=0.0, perturbed_guidance_stop=0.01)
        tiny_pipe.update_components(guider=guider)
        drawn(tiny_pipe)
    assert maps.of("cat").shape == plain.shape


def test_other_threads_are_not_watched(tiny_pipe: ModularPipeline) -> None:
    with tiny_pipe.attention_maps() as maps, ThreadPoolExecutor(1) as pool:
        pool.submit(drawn, tiny_pipe).result()
        with pytest.raises(RunError, match="Nothing was seen"):
            maps.of("cat")
        drawn(tiny_pipe)
    assert maps.of("cat").shape == (8, 8)


def test_an_overlay_is_a_picture_of_the_same_size(tiny_pipe: ModularPipeline) -> None:
    with tiny_pipe.attention_maps() as maps:
        drawn(tiny_pipe)
    assert maps.overlay("cat", Image.new("RGB", (100, 50))).size == (100, 50)
