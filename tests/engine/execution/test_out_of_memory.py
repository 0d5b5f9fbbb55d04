"""Where memory runs out: an allocator that refuses, as the one of a small GPU would."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import brickwork
from brickwork import ModularPipeline, Recipe
from brickwork.blocks import PredictNoise
from brickwork.engine.events import RunWarning
from brickwork.engine.execution.out_of_memory import is_out_of_memory
from brickwork.presets.sdxl import SDXL


class SmallMemory(TorchDispatchMode):
    """Counts the bytes of new storages while they live, and refuses more than a limit, as torch's own allocator does."""

    def __init__(self, limit: int, weights: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.limit = limit
        self.used = 0
        self.peak = 0
        self.known: set[int] = set()
        self.weights = {tensor.untyped_storage().data_ptr() for tensor in weights}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (list, tuple)) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.allocate(tensor.untyped_storage())
        return result

    def allocate(self, storage: Any) -> None:
        key, size = storage.data_ptr(), storage.nbytes()
        if key in self.known or key in self.weights or not size:
            return
        if self.used + size > self.limit:
            raise torch.OutOfMemoryError(f"Tried to allocate {size} bytes; {self.limit - self.used} are free.")
        self.known.add(key)
        self.used += size
        self.peak = max(self.peak, self.used)
        weakref.finalize(storage, self.free, key, size)

    def free(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.used -= size


@contextmanager
def memory_of(limit: int, pipe: ModularPipeline) -> Iterator[SmallMemory]:
    """Memory for values and workspace; the models' weights do not count."""
    models = [component for component in pipe.components.values() if isinstance(component, torch.nn.Module)]
    weights = [tensor for model in models for tensor in [*model.parameters(), *model.buffers()]]
    with SmallMemory(limit, weights) as memory:
        yield memory


INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "images", "output_type": "pt"}


def need(pipe: ModularPipeline, **inputs: Any) -> int:
    """Bytes that a run needs at most, beside the models."""
    with memory_of(1 << 40, pipe) as memory:
        pipe(**{**INPUTS, **inputs}, generator=torch.Generator().manual_seed(1))
    return memory.peak


def test_decoding_that_does_not_fit_says_what_would_help_and_frees_all(tiny_pipe: ModularPipeline) -> None:
    whole, latent = need(tiny_pipe, height=256, width=256), need(tiny_pipe, height=256, width=256, output_type="latent")
    assert latent < whole
    expected = tiny_pipe(**INPUTS, generator=torch.Generator().manual_seed(1))
    with memory_of((whole + latent) // 2, tiny_pipe) as memory:
        with pytest.raises(torch.OutOfMemoryError) as caught:
            tiny_pipe(**INPUTS, height=256, width=256, generator=torch.Generator().manual_seed(1))
        gc.collect()
        assert memory.used < 20_000, "the error still holds what the run held"
    notes = "\n".join(caught.value.__notes__)
    assert "In block decode. The values at that point:\n" in notes
    assert "Memory ran out. The run's values took" in notes
    assert "(latents 16" in notes
    assert "  - decode in tiles: pipe.vae.enable_tiling()\n" in notes
    assert "  - let a ComponentsManager keep on the device only what is in use" in notes
    again = tiny_pipe(**INPUTS, generator=torch.Generator().manual_seed(1))
    assert torch.equal(again, expected)


def test_what_it_advises_does_help(tiny_folder: Any) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    pipe.configure(progress=False)
    sizes: dict[str, Any] = {"num_images_per_prompt": 4}
    whole = need(pipe, **sizes)
    pipe.vae.enable_slicing()
    sliced = need(pipe, **sizes)
    assert sliced < 0.8 * whole
    with memory_of(sliced, pipe):
        assert len(pipe(**INPUTS, **sizes, generator=torch.Generator().manual_seed(1))) == 4


def test_a_step_that_does_not_fit_is_named(tiny_pipe: ModularPipeline) -> None:
    enough = need(tiny_pipe, num_images_per_prompt=8, output_type="latent")
    with memory_of(enough // 2, tiny_pipe), pytest.raises(torch.OutOfMemoryError) as caught:
        tiny_pipe(**INPUTS, num_images_per_prompt=8)
    notes = "\n".join(caught.value.__notes__)
    assert "In block denoise.step[0].denoiser." in notes
    assert "  - fewer images at once: a smaller num_images_per_prompt, or fewer prompts\n" in notes


def test_predictions_that_do_not_fit_at_once_are_made_one_after_another_and_the_recipe_says_so(
    tiny_pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {"num_images_per_prompt": 4, "output_type": "latent"}
    tiny_pipe.blocks.replace("denoise.denoiser", PredictNoise.bind(SDXL)(batching="sequential"))
    sequential = need(tiny_pipe, **options)
    expected = tiny_pipe(**{**INPUTS, **options}, generator=torch.Generator().manual_seed(1))
    tiny_pipe.blocks.replace("denoise.denoiser", PredictNoise.bind(SDXL)())
    batched = need(tiny_pipe, **options)
    assert tiny_pipe.last_recipe.to_dict().get("notes") is None
    assert sequential < 0.8 * batched
    told: list[Any] = []
    tiny_pipe.configure(listeners=[told.append])
    with memory_of((sequential + batched) // 2, tiny_pipe) as memory:
        found = tiny_pipe(**{**INPUTS, **options}, generator=torch.Generator().manual_seed(1))
    assert torch.equal(found, expected)
    assert memory.peak <= (sequential + batched) // 2
    text = (
        "denoise.denoiser: memory ran out for several predictions at once; they are made one after another from here on"
    )
    assert tiny_pipe.last_recipe.to_dict()["notes"] == [text], "said once, not at every step"
    assert text in caplog.text
    assert [f"{event.path}: {event.text}" for event in told if isinstance(event, RunWarning)] == [text]
    assert Recipe.from_dict(tiny_pipe.last_recipe.to_dict()) == tiny_pipe.last_recipe
    noted = tiny_pipe.last_recipe
    tiny_pipe(**{**INPUTS, **options}, generator=torch.Generator().manual_seed(1))
    assert (
        list(brickwork.diff(noted, tiny_pipe.last_recipe))
        == [
            "the process: the mode SmallMemory is active, and what it does cannot be told",  # which is how this test makes memory small
            f"notes: ['{text}'], and None",
        ]
    )


def test_who_asks_for_one_batch_gets_it_or_the_error(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.blocks.replace("denoise.denoiser", PredictNoise.bind(SDXL)(batching="batched"))
    enough = need(tiny_pipe, num_images_per_prompt=4, output_type="latent")
    with memory_of(enough * 3 // 4, tiny_pipe), pytest.raises(torch.OutOfMemoryError):
        tiny_pipe(**INPUTS, num_images_per_prompt=4)


def test_what_counts_as_out_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("no"))
    assert is_out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes"))
    assert not is_out_of_memory(ValueError("not enough memory"))
