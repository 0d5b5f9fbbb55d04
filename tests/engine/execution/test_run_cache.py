"""Caching in whole pipelines: what is shared, and that a hit is never wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler
from diffusers.models.attention_processor import AttnProcessor
from hypothesis import given
from peft import LoraConfig
from toy_blocks import seeded

from brickwork import (
    Block,
    ClassifierFreeGuidance,
    InputError,
    MemoryCache,
    ModularPipeline,
    Outputs,
    component,
)
from brickwork.blocks import Decode
from brickwork.engine.events import CacheHit, Event
from brickwork.presets.sdxl import SDXL, TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import Latents, OutputType
from tiny_sdxl import save_repository

STEPS = 4
PARTS = ["text_encoder.positive.encode", "text_encoder.negative.encode", "input", "set_timesteps", "prepare_latents",
         "prepare_add_cond", "denoise", "decode"]  # fmt: skip


def hits_of(pipe: ModularPipeline, **inputs: Any) -> tuple[list[str], Any]:
    """Paths of the steps that were not run, and the result."""
    found: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, CacheHit):
            found.append(event.path if event.kind != "iteration" else f"{event.path} iteration")

    pipe.configure(listeners=[listen])
    result = pipe(
        **{"prompt": "a cat", "num_inference_steps": STEPS, "generator": seeded(), "output": "images", **inputs}
    )
    pipe.configure(listeners=[])
    return found, result


@pytest.fixture
def cached(tiny_pipe: ModularPipeline) -> ModularPipeline:
    tiny_pipe.configure(cache=MemoryCache())
    hits_of(tiny_pipe)
    return tiny_pipe


def test_changing_only_decode_settings_runs_only_decode(cached: ModularPipeline) -> None:
    assert hits_of(cached, output_type="np")[0] == PARTS[:-1]


def test_changing_only_the_seed_encodes_nothing_anew(cached: ModularPipeline) -> None:
    assert hits_of(cached, generator=seeded(2))[0] == [*PARTS[:4], "prepare_add_cond"]


def test_changing_only_the_prompt_keeps_timesteps_and_noise(cached: ModularPipeline) -> None:
    assert hits_of(cached, prompt="a dog")[0] == ["set_timesteps", "prepare_latents"]


def test_changing_only_the_negative_prompt_keeps_the_positive_one(cached: ModularPipeline) -> None:
    found = hits_of(cached, negative_prompt="a dog")[0]
    assert found == ["text_encoder.positive.encode", "set_timesteps", "prepare_latents", "prepare_add_cond"]


def test_a_hit_gives_the_very_pictures(cached: ModularPipeline) -> None:
    again, pictures = hits_of(cached)
    assert again == PARTS
    cached.configure(cache=None)
    _, fresh = hits_of(cached)
    assert pictures[0].tobytes() == fresh[0].tobytes()


def test_the_generator_of_a_hit_is_where_the_run_leaves_it(cached: ModularPipeline) -> None:
    cached.update_components(scheduler=EulerAncestralDiscreteScheduler.from_config(cached.scheduler.config))
    ends = []
    for _ in range(2):
        generator = seeded(5)
        hits_of(cached, generator=generator)
        ends.append(generator.get_state())
    cached.configure(cache=None)
    generator = seeded(5)
    hits_of(cached, generator=generator)
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], generator.get_state())


def test_without_a_generator_every_run_draws_anew(cached: ModularPipeline) -> None:
    one, other = (hits_of(cached, generator=None, output_type="pt")[1] for _ in range(2))
    assert not torch.equal(one, other)


def branched(pipe: ModularPipeline, cache: MemoryCache | None, scheduler: Any) -> list[torch.Tensor]:
    pipe.update_components(scheduler=scheduler.from_config(pipe.scheduler.config))
    pipe.configure(cache=cache)
    base = pipe(prompt="a cat", num_inference_steps=6, generator=seeded(), output_type="latent")
    changes: list[dict[str, Any]] = [{"guidance_scale": 2.0}, {"prompt": "a red circle"}, {"negative_prompt": "blue"}]
    return [base.images, *(pipe.branch(base, at_step=4, **change).images for change in changes)]


@pytest.mark.parametrize(
    "scheduler", [EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, DPMSolverMultistepScheduler]
)
def test_variants_share_the_steps_before_they_branch(scheduler: Any, tiny_pipe: ModularPipeline) -> None:
    plain = branched(tiny_pipe, None, scheduler)
    cache = MemoryCache(steps=True)
    found = branched(tiny_pipe, cache, scheduler)
    assert all(torch.equal(one, other) for one, other in zip(plain, found, strict=True))
    assert len({tuple(latents.flatten().tolist()) for latents in found}) == 4
    evaluations = count_evaluations(tiny_pipe, lambda: branched(tiny_pipe, MemoryCache(steps=True), scheduler))
    assert evaluations == 6 + 3 * 2


def count_evaluations(pipe: ModularPipeline, run: Callable[[], object]) -> int:
    count = 0

    def listen(event: Event) -> None:
        nonlocal count
        if type(event).__name__ == "BlockFinished" and getattr(event, "path", "") == "denoise.denoiser":
            count += 1

    pipe.configure(listeners=[listen])
    run()
    pipe.configure(listeners=[])
    return count


def test_a_variant_with_the_same_inputs_is_the_run_itself(tiny_pipe: ModularPipeline) -> None:
    base = tiny_pipe(prompt="a cat", num_inference_steps=5, output_type="latent")
    for at_step in (1, 3, 5):
        assert torch.equal(tiny_pipe.branch(base, at_step=at_step).images, base.images)


def test_a_variant_has_the_guider_that_its_run_was_given(tiny_pipe: ModularPipeline) -> None:
    weak = ClassifierFreeGuidance(guidance_scale=1.5)
    asked: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 4, "seed": 1, "output_type": "latent"}
    base, own = tiny_pipe(**asked, guider=weak), tiny_pipe(**asked)
    assert not torch.equal(base.images, own.images)
    assert torch.equal(tiny_pipe.branch(base, at_step=2).images, base.images)
    assert torch.equal(tiny_pipe.branch(base.copy(), at_step=2).images, base.images)
    other = tiny_pipe.branch(base, at_step=2, prompt="a dog")
    tiny_pipe.update_components(guider=weak)
    assert torch.equal(tiny_pipe.branch(tiny_pipe(**asked), at_step=2, prompt="a dog").images, other.images)
    assert other.recipe["components"]["guider"] == tiny_pipe(**asked).recipe["components"]["guider"]


def test_a_branch_out_of_place_is_refused(tiny_pipe: ModularPipeline) -> None:
    base = tiny_pipe(prompt="a cat", num_inference_steps=3, output_type="latent")
    with pytest.raises(InputError, match="at_step is 4, and denoise took fewer steps"):
        tiny_pipe.branch(base, at_step=4)
    with pytest.raises(InputError, match="at_step is 0; it is 1 or more"):
        tiny_pipe.branch(base, at_step=0)
    for name, value in (("num_inference_steps", 9), ("timesteps", [9, 3])):
        with pytest.raises(
            InputError, match=f"{name} would be .*, and is .* which others of other noise levels cannot"
        ):
            tiny_pipe.branch(base, at_step=2, **{name: value})
    with pytest.raises(InputError, match="denoise loops over timesteps, which the changed inputs make another one"):
        tiny_pipe.branch(base, at_step=2, denoising_end=0.9)
    words = f"height would be 320, and is {tiny_pipe.default_height} in the steps that are shared, which others of other sizes cannot follow"
    with pytest.raises(InputError, match=words) as caught:
        tiny_pipe.branch(base, at_step=2, height=320)
    assert caught.value.faults[0].input == "height"  # type: ignore[attr-defined]  # a fault
    for change, name in (({"num_images_per_prompt": 2}, "num_images_per_prompt"), ({"prompt": ["a", "b"]}, "prompt")):
        with pytest.raises(
            InputError, match="There would be 2 images, and there are 1 in the steps that are shared"
        ) as caught:
            tiny_pipe.branch(base, at_step=2, **change)
        assert caught.value.faults[0].input == name  # type: ignore[attr-defined]  # a fault
    same = tiny_pipe.branch(base, at_step=2, height=tiny_pipe.default_height, num_inference_steps=3, prompt=["a cat"])
    assert torch.equal(same.images, base.images)
    with pytest.raises(InputError, match="'promt' is no input of this pipeline. Did you mean 'prompt'?"):
        tiny_pipe.branch(base, at_step=2, promt="a cat")
    with pytest.raises(InputError, match=r"no loop 'denoize'. Did you mean 'denoise'\?"):
        tiny_pipe.branch(base, at_step=2, loop="denoize")
    with pytest.raises(InputError, match="needs the state of an earlier run"):
        tiny_pipe.branch(tiny_pipe.blocks, at_step=2)  # type: ignore[arg-type]


def test_weights_that_were_changed_are_others_and_put_back_the_same(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    pipe.configure(progress=False, cache=MemoryCache())
    _, before = hits_of(pipe, output_type="pt")
    kept = pipe.unet.conv_in.bias.detach().clone()
    with torch.no_grad():
        pipe.unet.conv_in.bias.add_(1.0)
    found, changed = hits_of(pipe, output_type="pt")
    assert "denoise" not in found
    assert not torch.equal(changed, before)
    found, again = hits_of(pipe, output_type="pt")
    assert "denoise" in found
    assert torch.equal(again, changed)
    pipe.unet.conv_in.bias.data = kept
    found, back = hits_of(pipe, output_type="pt")
    assert "denoise" in found
    assert torch.equal(back, before)


def test_what_is_declared_as_new_matches_nothing_of_before(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    pipe.configure(progress=False, cache=MemoryCache())
    hits_of(pipe)
    pipe.invalidate("unet")
    assert "denoise" not in hits_of(pipe)[0]
    assert "denoise" in hits_of(pipe)[0]


def test_a_folder_with_other_weights_under_the_same_name_is_another_origin(tmp_path: Path) -> None:
    cache = MemoryCache()
    pictures = []
    for number in (1, 2):
        folder = save_repository(tmp_path / "model", seed=number)
        pipe = ModularPipeline.from_pretrained(str(folder)).load_components()
        pipe.configure(progress=False, cache=cache)
        found, picture = hits_of(pipe, output_type="pt")
        pictures.append(picture)
    assert "denoise" not in found
    assert not torch.equal(*pictures)


def test_components_that_a_run_loads_for_itself_are_not_even_loaded_on_a_hit(tiny_folder: Path) -> None:
    loaded: list[str] = []
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    note = lambda event: loaded.append(event.name) if type(event).__name__ == "ComponentLoaded" else None  # noqa: E731
    pipe.configure(progress=False, cache=MemoryCache(), residency="just in time", listeners=[note])
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output": "images"}
    pipe(**inputs, generator=seeded())
    assert {"text_encoder", "unet", "vae"} <= set(loaded)
    loaded.clear()
    pipe(**inputs, generator=seeded())
    assert loaded == []
    pipe(**inputs, generator=seeded(), output_type="np")
    assert loaded == ["vae"]


class Brighten(Block):
    """Decode, with more light."""

    by: float = 0.5
    vae: Any = component()

    class Out(Outputs):
        images: torch.Tensor

    def run(self, latents: Latents, output_type: OutputType = "pt") -> Out:
        return self.Out(images=self.vae.decode(latents).sample + self.by)


RECODED = """
class Recoded(Block):
    vae: Any = component()

    class Out(Outputs):
        images: torch.Tensor

    def run(self, latents: Latents, output_type: OutputType = "pt") -> Out:
        return self.Out(images=self.vae.decode(latents).sample * NUMBER)
"""


def source(number: int) -> type[Block]:
    """The same block with other code."""
    names = dict(globals())
    exec(RECODED.replace("NUMBER", str(number)), names)
    cls: type[Block] = names["Recoded"]
    return cls


class Bench:
    """A pipeline with inputs, which changes act on."""

    def __init__(self, folder: Path, other: Path) -> None:
        self.folders = [folder, other]
        self.pipe = ModularPipeline.from_pretrained(str(folder)).load_components()
        self.pipe.configure(progress=False)
        self.inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output_type": "pt"}
        self.seed = 1

    def give(self, **inputs: Any) -> None:
        self.inputs.update(inputs)

    def guide(self, **changes: Any) -> None:
        config = {**self.pipe.guider.config, **changes}
        self.pipe.update_components(guider=ClassifierFreeGuidance(**config))

    def load(self, name: str, number: int, dtype: torch.dtype = torch.float32) -> None:
        spec = self.pipe.get_component_spec(name)
        spec.repo = str(self.folders[number])
        self.pipe.update_components(**{name: spec.load(dtype=dtype)})

    def train(self, name: str) -> None:
        with torch.no_grad():
            next(self.pipe.components[name].parameters()).add_(0.5)

    def adapt(self, scale: float) -> None:
        unet = self.pipe.unet
        if not getattr(unet, "peft_config", None):
            unet.add_adapter(
                LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["to_q", "to_v"]), "style"
            )
        unet.set_adapters(["style"], [scale])

    def schedule(self, cls: Any, **config: Any) -> None:
        self.pipe.update_components(scheduler=cls.from_config(self.pipe.scheduler.config, **config))

    def replace(self, name: str, block: Any) -> None:
        self.pipe.blocks.replace(name, block)

    def run(self, cache: MemoryCache | None) -> torch.Tensor:
        self.pipe.configure(cache=cache)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            images: torch.Tensor = self.pipe(**self.inputs, generator=seeded(self.seed), output="images")
        return images


CHANGES: dict[str, Callable[[Bench], Any]] = {
    "prompt": lambda b: b.give(prompt="a red circle"),
    "prompt back": lambda b: b.give(prompt="a cat"),
    "two prompts": lambda b: b.give(prompt=["a cat", "the cat"]),
    "prompt_2": lambda b: b.give(prompt_2="blue"),
    "negative prompt": lambda b: b.give(negative_prompt="blue"),
    "steps": lambda b: b.give(num_inference_steps=4),
    "steps back": lambda b: b.give(num_inference_steps=3),
    "scale at the call": lambda b: b.give(guidance_scale=2.0),
    "size": lambda b: b.give(height=64, width=96),
    "original size": lambda b: b.give(original_size=(64, 64)),
    "images per prompt": lambda b: b.give(num_images_per_prompt=2),
    "latent output": lambda b: b.give(output_type="latent"),
    "seed": lambda b: setattr(b, "seed", 2),
    "seed back": lambda b: setattr(b, "seed", 1),
    "config": lambda b: b.pipe.update_config(force_zeros_for_empty_prompt=False),
    "guider scale": lambda b: b.guide(guidance_scale=3.0),
    "guider rescale": lambda b: b.guide(guidance_rescale=0.7),
    "guider window": lambda b: b.guide(stop=0.5),
    "guider off": lambda b: b.guide(enabled=False),
    "guider formulation": lambda b: b.guide(use_original_formulation=True),
    "other unet": lambda b: b.load("unet", 1),
    "first unet": lambda b: b.load("unet", 0),
    "other text encoder": lambda b: b.load("text_encoder", 1),
    "vae in half precision": lambda b: b.load("vae", 0, torch.bfloat16),
    "unet trained": lambda b: b.train("unet"),
    "unet trained and declared": lambda b: (b.train("unet"), b.pipe.invalidate("unet")),
    "text encoder trained": lambda b: b.train("text_encoder_2"),
    "vae trained": lambda b: b.train("vae"),
    "adapter": lambda b: b.adapt(1.0),
    "adapter scale": lambda b: b.adapt(0.25),
    "ancestral": lambda b: b.schedule(EulerAncestralDiscreteScheduler),
    "multistep": lambda b: b.schedule(DPMSolverMultistepScheduler),
    "karras": lambda b: b.schedule(EulerDiscreteScheduler, use_karras_sigmas=True),
    "tiling": lambda b: b.pipe.vae.enable_tiling(),
    "no tiling": lambda b: b.pipe.vae.disable_tiling(),
    "attention": lambda b: b.pipe.unet.set_attn_processor(AttnProcessor()),
    "token": lambda b: b.pipe.tokenizer.add_tokens(["cat</w>x"]),
    "block": lambda b: b.replace("decode", Brighten),
    "block option": lambda b: b.replace("decode", Brighten(by=2.0)),
    "block source": lambda b: b.replace("decode", source(2)),
    "block source again": lambda b: b.replace("decode", source(3)),
    "block back": lambda b: b.replace("decode", Decode.bind(SDXL)),
}


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_repository(tmp_path_factory.mktemp("other-sdxl"), seed=9)


@pytest.mark.rotating(6)
@pytest.mark.parametrize("name", CHANGES)
def test_after_each_change_a_cached_run_gives_what_an_uncached_one_gives(
    name: str, tiny_folder: Path, other_folder: Path
) -> None:
    bench = Bench(tiny_folder, other_folder)
    cache = MemoryCache(steps=True)
    bench.run(cache)
    CHANGES[name](bench)
    for _ in range(2):
        assert torch.equal(bench.run(cache), bench.run(None))


@given(names=st.lists(st.sampled_from(sorted(CHANGES)), min_size=2, max_size=6), steps=st.booleans())
def test_after_any_changes_in_any_order_too(
    names: list[str], steps: bool, tiny_folder: Path, other_folder: Path
) -> None:
    bench = Bench(tiny_folder, other_folder)
    cache = MemoryCache(steps=steps)
    bench.run(cache)
    for name in names:
        CHANGES[name](bench)
        assert torch.equal(bench.run(cache), bench.run(None)), names
    assert cache.hits + cache.misses > 0


def test_the_presets_standard_run_is_kept_whole(tiny_folder: Path, other_folder: Path) -> None:
    bench = Bench(tiny_folder, other_folder)
    cache = MemoryCache()
    bench.run(cache)
    misses = cache.misses
    bench.run(cache)
    assert cache.misses == misses
    assert list(TEXT2IMAGE_BLOCKS)[-1] == "decode"
