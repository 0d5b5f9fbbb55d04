"""A classic pipeline of diffusers as a block: what it declares, how it runs, and what it leaves behind."""

from __future__ import annotations

import copy
import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from classic_rows import ROWS
from classic_rows.row import differences, pipeline, theirs
from classic_rows.sd import plain
from diffusers import (
    DiffusionPipeline,
    ImagePipelineOutput,
    StableDiffusionPAGPipeline,
    StableDiffusionPipeline,
    StableDiffusionUpscalePipeline,
)
from toy_blocks import chain, seeded

import brickwork
from brickwork import (
    Block,
    CompositionError,
    InputError,
    MemoryCache,
    ModularPipeline,
    Outputs,
    RunCancelledError,
    Scope,
    TrustError,
)
from brickwork.blocks.classic.own_structure import with_own_structure
from brickwork.engine.events import CacheHit, StepFinished, StepStarted
from brickwork.families.stable_diffusion import SD
from brickwork.families.tokenize import TOKENIZING

pytestmark = pytest.mark.filterwarnings("ignore:.*safety checker.*")
ROW = ROWS["StableDiffusionPipeline"]
TEXT = dict(ROW.inputs)


@pytest.fixture
def pipe() -> ModularPipeline:
    return pipeline(StableDiffusionPipeline, ROW, ROW.parts())


@pytest.fixture(scope="module")
def expected() -> Any:
    return theirs(StableDiffusionPipeline, ROW, ROW.parts())["images"]


def test_it_declares_what_the_class_says() -> None:
    block = brickwork.adopt(StableDiffusionPipeline)
    inputs = {param.name: param for param in block.inputs}
    assert inputs["num_inference_steps"].default == 50
    assert "denoising steps" in inputs["num_inference_steps"].description
    assert {"callback_on_step_end", "return_dict", "callback_on_step_end_tensor_inputs"}.isdisjoint(inputs)
    assert [output.name for output in block.intermediate_outputs] == ["images", "nsfw_content_detected"]
    assert [spec.name for spec in block.expected_configs] == ["requires_safety_checker"]
    specs = {spec.name: spec.type_hint for spec in block.expected_components}
    assert specs["vae"] is diffusers.AutoencoderKL
    assert specs["scheduler"] is diffusers.DDIMScheduler
    assert block.optional_names() == {"safety_checker", "feature_extractor", "image_encoder"}
    assert block.mutated_names() == ("scheduler",)
    assert "text-to-image generation" in block.description


def test_one_class_is_made_for_one_class() -> None:
    assert type(brickwork.adopt(StableDiffusionPipeline)) is type(brickwork.adopt(StableDiffusionPipeline))
    assert brickwork.adopt(StableDiffusionPipeline).source_class is StableDiffusionPipeline


def test_what_is_no_class_of_pipelines_is_refused() -> None:
    made = diffusers.DDPMPipeline(diffusers.UNet2DModel(sample_size=8, block_out_channels=(32, 32), down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2), diffusers.DDPMScheduler())  # fmt: skip
    with pytest.raises(
        CompositionError,
        match=r"pipe = adopt\(DDPMPipeline\)\.init_pipeline\(\); pipe\.update_components\(\*\*pipeline\.components\)",
    ):
        brickwork.adopt(made)
    with pytest.raises(CompositionError, match="DiffusionPipeline is a base class of pipelines: it has no __call__"):
        brickwork.adopt(DiffusionPipeline)
    with pytest.raises(
        CompositionError, match="no block of modular pipelines .* and no class of pipelines of diffusers"
    ):
        brickwork.adopt(3)


def test_a_misspelt_input_and_a_missing_component_are_found_before_it_runs(pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match="'promt' is no input of this pipeline. Did you mean 'prompt'?"):
        pipe(promt="a")
    bare = brickwork.adopt(StableDiffusionPipeline).init_pipeline()
    with pytest.raises(brickwork.ComponentError, match="Not loaded: vae, text_encoder, tokenizer, unet, scheduler"):
        bare(prompt="a")


def test_a_seed_stands_for_its_generator(pipe: ModularPipeline, expected: Any) -> None:
    assert np.array_equal(pipe(**TEXT, seed=1, output="images"), expected)
    assert not np.array_equal(pipe(**TEXT, seed=2, output="images"), expected)


def test_each_step_is_told_with_its_latents(pipe: ModularPipeline) -> None:
    events = list(pipe.stream(**TEXT, generator=seeded(1), output="images"))
    begun = [event for event in events if isinstance(event, StepStarted)]
    done = [event for event in events if isinstance(event, StepFinished)]
    # PNDM takes one more than it is asked for.
    assert [(event.index, event.total) for event in begun] == [(0, 3), (1, 3), (2, 3)]
    assert [event.index for event in done] == [0, 1, 2]
    latents = [event.values["latents"] for event in done]
    assert latents[0].shape == (1, 4, 8, 8)
    assert not torch.equal(latents[0], latents[1])


def test_a_run_is_cancelled_at_its_step(pipe: ModularPipeline) -> None:
    seen = []

    def stop(event: Any) -> None:
        if isinstance(event, StepFinished):
            seen.append(event.index)
            pipe.cancel()

    pipe.configure(listeners=[stop])
    with pytest.raises(RunCancelledError, match=r"cancelled before StableDiffusionPipeline\.step\[1\]"):
        pipe(**TEXT)
    assert seen == [0]


def test_bars_follow_the_settings(pipe: ModularPipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipe(**TEXT, generator=seeded(1))
    assert "%" not in capsys.readouterr().err
    pipe.configure(progress=True, progress_options={"desc": "drawing"})
    pipe(**TEXT, generator=seeded(1))
    assert "drawing: 100%" in capsys.readouterr().err


def test_a_result_comes_from_the_cache(pipe: ModularPipeline, expected: Any) -> None:
    hits: list[Any] = []
    pipe.configure(
        cache=MemoryCache(), listeners=[lambda event: hits.append(event) if isinstance(event, CacheHit) else None]
    )
    for _ in range(2):
        assert np.array_equal(pipe(**TEXT, generator=seeded(1), output="images"), expected)
    assert [hit.path for hit in hits] == ["StableDiffusionPipeline"]
    changed = pipe(**{**TEXT, "prompt": "a cat"}, generator=seeded(1), output="images")
    assert not np.array_equal(changed, expected)
    assert len(hits) == 1


def test_a_recipe_names_the_class_and_repeats_the_run(pipe: ModularPipeline) -> None:
    result = pipe(**TEXT, generator=seeded(1))
    recipe = pipe.last_recipe
    assert recipe is not None
    assert "StableDiffusionPipeline" in str(recipe.to_dict())
    again = brickwork.replay(recipe, components=pipe)
    assert np.array_equal(again["images"], result.images)


def test_a_snapshot_is_taken_behind_it_and_goes_on(pipe: ModularPipeline, expected: Any) -> None:
    class Double(Block):
        class Out(Outputs):
            twice: Any

        def run(self, images: Any) -> Out:
            return self.Out(twice=2 * images)

    made = chain(draw=brickwork.adopt(StableDiffusionPipeline), double=Double).init_pipeline()
    made.update_components(**pipe.components)
    made.update_config(requires_safety_checker=False)
    kept: dict[str, Any] = {}
    made.configure(
        progress=False,
        snapshots=brickwork.Snapshots(lambda snapshot: kept.update({snapshot.where: snapshot}), after="blocks"),
    )
    found = made(**TEXT, generator=seeded(1), output="twice")
    assert list(kept) == ["draw", "double"]
    made.configure(snapshots=None)
    assert np.array_equal(made.resume(kept["draw"]), found)
    assert np.array_equal(found, 2 * expected)


def test_explain_says_what_runs_and_how_it_tells(pipe: ModularPipeline) -> None:
    said = " ".join(str(pipe.explain("prompt")).split())
    assert f"StableDiffusionPipeline of diffusers {diffusers.__version__}" in said
    assert "it tells of each step by its callback, and can be cancelled between them" in said


class Quiet(DiffusionPipeline):
    """Draws noise, and tells of nothing."""

    def __init__(self, unet: diffusers.UNet2DModel, strong: bool = False) -> None:
        super().__init__()
        self.register_modules(unet=unet)
        self.register_to_config(strong=strong)

    def __call__(self, size: int, generator: torch.Generator | None = None) -> ImagePipelineOutput:
        noise = torch.randn(1, 3, size, size, generator=generator)
        return ImagePipelineOutput(images=noise * (2 if self.config.strong else 1))


def small_unet() -> Any:
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
    return diffusers.UNet2DModel(sample_size=8, block_out_channels=(8, 8), norm_num_groups=4, **blocks)


def test_a_class_of_ones_own_is_adopted_with_its_settings() -> None:
    pipe = brickwork.adopt(Quiet).init_pipeline()
    pipe.update_components(unet=small_unet())
    assert "it tells of no steps, and is not cancelled before its end" in " ".join(str(pipe.explain("size")).split())
    plain_noise = pipe(size=4, generator=seeded(1), output="images")
    pipe.update_config(strong=True)
    assert torch.equal(pipe(size=4, generator=seeded(1), output="images"), 2 * plain_noise)
    with pytest.raises(InputError, match="size"):
        pipe()


class Short(Quiet):
    """Returns two values, one of which its class does not name."""

    def __call__(self, size: int) -> Any:
        both = torch.zeros(size)
        if size:
            return (both, both)
        return both


def test_what_is_returned_beside_the_declared_is_refused() -> None:
    pipe = brickwork.adopt(Short).init_pipeline()
    pipe.update_components(unet=small_unet())
    with pytest.raises(brickwork.RunError, match=r"Short \(Short\) returned 2 values, and its class says both"):
        pipe(size=4)


def test_nothing_is_left_on_the_networks() -> None:
    row = ROWS["StableDiffusionPAGPipeline"]
    parts = row.parts()
    before = dict(parts["unet"].attn_processors)
    pipe = pipeline(StableDiffusionPAGPipeline, row, parts)
    pipe(**row.inputs, generator=seeded(1))
    after = parts["unet"].attn_processors
    assert all(after[name] is before[name] for name in before)


class Failing(Quiet):
    """Casts its network and changes it, and fails."""

    def __call__(self, size: int) -> ImagePipelineOutput:
        self.unet.to(torch.float64)
        self.unet.train()
        self.unet.register_forward_hook(lambda *_: None)
        raise ValueError(f"{size} is too much")


def test_a_run_that_fails_leaves_the_networks_as_they_were() -> None:
    unet = small_unet().eval()
    pipe = brickwork.adopt(Failing).init_pipeline()
    pipe.update_components(unet=unet)
    with pytest.raises(ValueError, match="4 is too much"):
        pipe(size=4)
    assert {each.dtype for each in unet.parameters()} == {torch.float32}
    assert not unet.training
    assert not unet._forward_hooks


@pytest.mark.parametrize("method", ["__call__", "tokenize", "encode"])
def test_a_tokenizer_waits_for_those_of_other_runs(pipe: ModularPipeline, method: str) -> None:
    # `tokenize`, which looks for words of textual inversions, sets the padding as well, and another thread then had its own.
    tokenizer = with_own_structure({"tokenizer": pipe.tokenizer})["tokenizer"]
    ended = threading.Event()
    calls = threading.Thread(target=lambda: (getattr(tokenizer, method)("a red circle"), ended.set()))
    with TOKENIZING:
        calls.start()
        assert not ended.wait(0.2)
    calls.join()
    assert ended.is_set()


def test_runs_in_threads_give_what_they_give_one_after_another(pipe: ModularPipeline) -> None:
    pipe.configure(progress=False)
    alone = [pipe(**TEXT, generator=seeded(seed), output="images") for seed in (1, 2)]
    found: dict[int, Any] = {}

    def run(seed: int) -> None:
        found[seed] = pipe(**TEXT, generator=seeded(seed), output="images")

    threads = [threading.Thread(target=run, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[seed], image) for seed, image in zip((1, 2), alone, strict=True))


def test_a_prompt_block_before_it_gives_the_embeddings(expected: Any) -> None:
    from brickwork.blocks import EncodePrompt

    pipe = chain(text_encoder=EncodePrompt.bind(SD), draw=brickwork.adopt(StableDiffusionPipeline)).init_pipeline()
    pipe.configure(progress=False)
    pipe.update_components(**plain(), safety_checker=None, feature_extractor=None, image_encoder=None)
    pipe.update_config(requires_safety_checker=False)
    found = pipe(**TEXT, generator=seeded(1), output="images")
    assert np.abs(found - expected).max() < 1e-5


def test_an_upscaler_comes_after_it() -> None:
    base, larger = ROW.parts(), ROWS["StableDiffusionUpscalePipeline"].parts()
    own = {name: part for name, part in larger.items() if name in ("unet", "vae", "scheduler", "low_res_scheduler")}
    upscale = Scope.from_blocks_dict(
        {"upscale": brickwork.adopt(StableDiffusionUpscalePipeline)},
        inputs={"image": "images"},
        outputs={"images": "larger"},
        components={name: f"upscaler_{name}" for name in own},
    )
    pipe = chain(draw=brickwork.adopt(StableDiffusionPipeline), larger=upscale).init_pipeline()
    pipe.configure(progress=False)
    pipe.update_components(**base, **{f"upscaler_{name}": part for name, part in own.items()})
    pipe.update_config(requires_safety_checker=False)
    asked = {"prompt": "a red circle", "num_inference_steps": 2}
    found = pipe(**asked, height=16, width=16, generator=seeded(1), output="larger")
    generator = seeded(1)
    first = StableDiffusionPipeline(
        **copy.deepcopy(base), safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    second = StableDiffusionUpscalePipeline(**copy.deepcopy(larger), safety_checker=None)
    for each in (first, second):
        each.set_progress_bar_config(disable=True)
    images = first(**asked, height=16, width=16, generator=generator).images
    expected = second(**asked, image=images, generator=generator).images
    assert differences(found, expected) == []
    assert found[0].size == (64, 64)


def test_it_is_saved_and_opens_as_the_same(pipe: ModularPipeline, tmp_path: Path, expected: Any) -> None:
    pipe.save_pretrained(tmp_path / "saved")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    opened.configure(progress=False)
    assert np.array_equal(opened(**TEXT, generator=seeded(1), output="images"), expected)


def test_a_class_of_ones_own_is_saved_with_its_code_and_opens_where_that_is_granted(tmp_path: Path) -> None:
    module = tmp_path / "quiet_pipelines.py"
    module.write_text(QUIET)
    spec = importlib.util.spec_from_file_location("quiet_pipelines", module)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["quiet_pipelines"] = loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    pipe = brickwork.adopt(loaded.Noise).init_pipeline()
    pipe.update_config(strong=2.0)
    pipe.save_pretrained(tmp_path / "saved")
    del sys.modules["quiet_pipelines"]
    module.unlink()
    with pytest.raises(TrustError, match="quiet_pipelines.py"):
        ModularPipeline.from_pretrained(str(tmp_path / "saved"), lock=tmp_path / "lock")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "saved"), trust_remote_code=True, lock=tmp_path / "lock")
    found = opened(size=4, generator=seeded(1), output="images")
    assert torch.equal(found, 2 * torch.randn(1, 3, 4, 4, generator=seeded(1)))


QUIET = """
import torch
from diffusers import DiffusionPipeline, ImagePipelineOutput


class Noise(DiffusionPipeline):
    def __init__(self, strong: float = 1.0):
        super().__init__()
        self.register_to_config(strong=strong)

    def __call__(self, size: int, generator=None) -> ImagePipelineOutput:
        return ImagePipelineOutput(images=self.config.strong * torch.randn(1, 3, size, size, generator=generator))
"""
