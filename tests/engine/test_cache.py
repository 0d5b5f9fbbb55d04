"""The store of a cache: budget, what goes first, threads; and its hits in small pipelines."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler
from PIL import Image
from toy_blocks import Count

from brickwork import (
    Block,
    ConditionalPipelineBlocks,
    InputError,
    InputParam,
    MemoryCache,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine.cache import Entry
from brickwork.engine.events import CacheHit, CacheSkipped
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS

# A block that named a list would depend on what is in it; an object of a library counts by its type.
calls: Any = queue.SimpleQueue()


def called() -> list[str]:
    """What was called since this was asked last."""
    return [calls.get() for _ in range(calls.qsize())]


def entry(seconds: float = 1.0, size: int = 10) -> Entry:
    return Entry({}, (), {}, {}, (), {}, seconds, size)


def test_what_is_cheap_to_redo_for_its_size_goes_first() -> None:
    cache = MemoryCache(max_bytes=100)
    cache.put("slow and small", entry(10.0, 30))
    cache.put("fast and large", entry(0.1, 60))
    cache.put("new", entry(1.0, 30))
    assert [cache.find(key) is not None for key in ("slow and small", "fast and large", "new")] == [True, False, True]
    assert cache.bytes == 60


def test_what_is_not_used_for_long_goes_in_the_end_however_slow_it_was() -> None:
    cache = MemoryCache(max_bytes=100)
    cache.put("slow", entry(5.0, 50))
    for number in range(20):
        cache.put(f"quick {number}", entry(1.0, 50))
    assert cache.find("slow") is None


def test_an_entry_larger_than_the_budget_is_not_kept_and_pushes_nothing_out() -> None:
    cache = MemoryCache(max_bytes=100)
    cache.put("small", entry(size=50))
    cache.put("large", entry(size=101))
    assert cache.find("small") is not None
    assert cache.find("large") is None
    assert cache.bytes == 50


def test_many_threads_keep_the_books() -> None:
    cache = MemoryCache(max_bytes=1000)

    def work(first: int) -> None:
        for number in range(200):
            key = str((first * 7 + number) % 50)
            found = cache.find(key)
            cache.count(key, found)
            if found is None:
                cache.put(key, entry(number, 40))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes == 40 * len(cache) <= 1000
    assert cache.hits + cache.misses == 1600
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


@pytest.mark.parametrize("wrong", [0, -5])
def test_a_cache_needs_room(wrong: int) -> None:
    with pytest.raises(InputError, match=f"max_bytes is {wrong}; a cache needs room"):
        MemoryCache(max_bytes=wrong)


def test_the_setting_takes_words_and_caches() -> None:
    pipe = pipeline(double=Double)
    pipe.configure(cache="memory")
    assert pipe.settings.cache is not None
    assert repr(pipe.settings.cache) == "MemoryCache(0 entries, 0 B of 2.0 GB, 0 hits, 0 misses, 0.0 s saved)"
    pipe.configure(cache="off")
    assert pipe.settings.cache is None
    with pytest.raises(InputError, match="cache='disk': it is 'off', 'memory', a MemoryCache"):
        pipe.configure(cache="disk")


class Double(Block):
    class Out(Outputs):
        y: Any

    def run(self, x: Any) -> Out:
        calls.put("double")
        return self.Out(y=[part * 2 for part in x] if isinstance(x, list) else x * 2)


def pipeline(cache: MemoryCache | None = None, listener: Any = None, **blocks: Any) -> ModularPipeline:
    called()
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.configure(progress=False, cache=cache, listeners=[listener] if listener else [])
    return pipe


def test_the_same_input_is_not_computed_twice_and_another_one_is() -> None:
    pipe = pipeline(MemoryCache(), double=Double)
    assert [pipe(x=x, output="y") for x in (1, 1, 2, 1, 1.0)] == [2, 2, 4, 2, 2.0]
    assert len(called()) == 3


def test_a_result_that_its_owner_edits_is_kept_as_it_was() -> None:
    pipe = pipeline(MemoryCache(), double=Double)
    first = pipe(x=torch.ones(3), output="y")
    first.add_(1)
    assert torch.equal(pipe(x=torch.ones(3), output="y"), torch.full((3,), 2.0))
    array = pipe(x=np.ones(3), output="y")
    array[0] = 9
    assert pipe(x=np.ones(3), output="y")[0] == 2
    tensors = pipe(x=[torch.ones(1)], output="y")
    tensors.append("mine")
    assert len(pipe(x=[torch.ones(1)], output="y")) == 1
    assert len(called()) == 3


def test_an_input_that_is_edited_after_the_run_changes_nothing_of_what_is_kept() -> None:
    class Pass(Block):
        class Out(Outputs):
            y: Any

        def run(self, x: Any) -> Out:
            return self.Out(y=x)

    pipe = pipeline(MemoryCache(), keep=Pass)
    x = torch.ones(2)
    pipe(x=x, output="y")
    x.mul_(5)
    assert torch.equal(pipe(x=torch.ones(2), output="y"), torch.ones(2))


def test_pictures_of_a_hit_are_ones_own() -> None:
    class Draw(Block):
        class Out(Outputs):
            images: list[Image.Image]

        def run(self, x: int) -> Out:
            calls.put("draw")
            return self.Out(images=[Image.new("RGB", (2, 2), (x, 0, 0))])

    pipe = pipeline(MemoryCache(), draw=Draw)
    first = pipe(x=3, output="images")[0]
    second = pipe(x=3, output="images")[0]
    third = pipe(x=3, output="images")[0]
    assert called() == ["draw"]
    assert second is not first is not third is not second
    assert second == first


def test_a_random_generator_is_where_it_would_be() -> None:
    class Draw(Block):
        class Out(Outputs):
            y: torch.Tensor

        def run(self, generator: torch.Generator | list[torch.Generator]) -> Out:
            calls.put("draw")
            source = generator if isinstance(generator, list) else [generator]
            return self.Out(y=torch.cat([torch.rand(1, generator=each) for each in source]))

    class DrawMore(Block):
        class Out(Outputs):
            z: torch.Tensor

        def run(self, generator: torch.Generator | list[torch.Generator], x: int) -> Out:
            source = generator if isinstance(generator, list) else [generator]
            return self.Out(z=x + torch.cat([torch.rand(1, generator=each) for each in source]))

    def seeds(*numbers: int) -> Any:
        made = [torch.Generator().manual_seed(number) for number in numbers]
        return made[0] if len(made) == 1 else made

    cached, plain = pipeline(MemoryCache(), one=Draw, two=DrawMore), pipeline(None, one=Draw, two=DrawMore)
    called()
    for numbers in ((1,), (2,), (1, 2), (2, 1)):
        for x in (0, 10):
            assert torch.equal(
                cached(generator=seeds(*numbers), x=x, output="z"), plain(generator=seeds(*numbers), x=x, output="z")
            )
    assert len(called()) == 4 + 8


def test_a_block_that_draws_from_the_process_is_never_kept() -> None:
    class Draw(Block):
        class Out(Outputs):
            y: torch.Tensor

        def run(self) -> Out:
            return self.Out(y=torch.rand(3))

    told: list[Any] = []
    pipe = pipeline(MemoryCache(), told.append, draw=Draw)
    assert not torch.equal(pipe(output="y"), pipe(output="y"))
    reasons = {event.reason for event in told if isinstance(event, CacheSkipped)}
    assert reasons == {"it draws from a random generator of the whole process"}


def test_what_has_no_content_is_computed_and_the_reason_told() -> None:
    told: list[Any] = []
    pipe = pipeline(MemoryCache(), told.append, double=Double)

    class Odd:
        def __init__(self) -> None:
            self.items = iter(())

        def __mul__(self, other: int) -> int:
            return other

    assert pipe(x=Odd(), output="y") == pipe(x=Odd(), output="y") == 2
    assert len(called()) == 2
    reason = next(event.reason for event in told if isinstance(event, CacheSkipped))
    assert reason == "'x': A builtins.tuple_iterator has no content that could be compared."


def reason(block: type[Block], x: Any, **components: Any) -> str:
    """Why the result of a block is not kept."""
    told: list[Any] = []
    pipe = pipeline(MemoryCache(), told.append, block=block)
    pipe.update_components(**components)
    pipe(x=x)
    (found,) = {event.reason for event in told if isinstance(event, CacheSkipped)}
    return str(found)


def test_a_function_that_refers_to_what_has_no_content_is_no_key() -> None:
    class Apply(Block):
        class Out(Outputs):
            y: int

        def run(self, x: Callable[[], int]) -> Out:
            return self.Out(y=x())

    source = iter([1, 2])
    assert reason(Apply, lambda: next(source)).startswith("'x': ")
    assert reason(Apply, lambda: next(source)).endswith(
        "A builtins.list_iterator has no content that could be compared."
    )


class Size(Block):
    class Out(Outputs):
        y: int

    def run(self, x: Any) -> Out:
        return self.Out(y=len(x))


def test_a_random_generator_within_a_value_is_no_key() -> None:
    words = "'x': it holds a random generator; give those as values of their own"
    assert reason(Size, {"generator": torch.Generator()}) == words


class Look(Block):
    source: SimpleNamespace = component()

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x + self.source.size)


def test_a_component_without_content_is_named() -> None:
    words = "component 'source': SimpleNamespace.items: A builtins.list_iterator has no content that could be compared."
    assert reason(Look, 1, source=SimpleNamespace(size=1, items=iter([1]))) == words


def test_a_view_of_more_than_an_input_shows_is_not_kept() -> None:
    class Whole(Block):
        class Out(Outputs):
            y: torch.Tensor

        def run(self, x: torch.Tensor) -> Out:
            return self.Out(y=x.as_strided((4,), (1,), 0))

    words = "it gives a view of the memory of 'x' that 'x' alone does not hold"
    assert reason(Whole, torch.arange(4.0)[1:3]) == words


def test_two_results_that_overlap_in_memory_are_not_kept() -> None:
    class Overlap(Block):
        class Out(Outputs):
            y: torch.Tensor
            z: torch.Tensor

        def run(self, x: int) -> Out:
            made = torch.zeros(x)
            return self.Out(y=made[:4], z=made[3:])

    assert reason(Overlap, 6) == "it gives two tensors that overlap in memory"


def test_an_array_that_is_a_view_of_an_input_is_not_kept() -> None:
    class Rest(Block):
        class Out(Outputs):
            y: np.ndarray

        def run(self, x: np.ndarray) -> Out:
            return self.Out(y=x[1:])

    assert reason(Rest, np.zeros(4)) == "it gives an array that is a view of one of its inputs"


def test_a_result_that_nothing_copies_is_not_kept() -> None:
    class Freeze(Block):
        class Out(Outputs):
            y: Any

        def run(self, x: int) -> Out:
            return self.Out(y=MappingProxyType({"a": x}))

    assert reason(Freeze, 1) == "a mappingproxy cannot be copied (cannot pickle 'mappingproxy' object)"


def test_where_gradients_are_recorded_nothing_is_kept() -> None:
    pipe = pipeline(MemoryCache(), double=Double)
    pipe.configure(grad="inherit")
    weight = torch.ones(1, requires_grad=True)
    for _ in range(2):
        assert pipe(x=weight, output="y").requires_grad
    assert len(called()) == 2
    with torch.no_grad():
        pipe(x=1, output="y")
        pipe(x=1, output="y")
    assert len(called()) == 1


class Add(Block):
    step: int = 1

    class Out(Outputs):
        total: int
        scratch: int

    def run(self, i: int, total: int = 0, late: int = 0) -> Out:
        calls.put(f"add {i}")
        return self.Out(total=total + self.step + (late if i >= 2 else 0), scratch=i)


def test_a_loop_is_one_entry() -> None:
    pipe = pipeline(MemoryCache(), loop=Count.from_blocks_dict({"add": Add}))
    state = pipe(iterations=3)
    again = pipe(iterations=3)
    assert called() == ["add 0", "add 1", "add 2"]
    assert again.values == state.values == {"iterations": 3, "total": 3, "scratch": 2}
    pipe(iterations=4)
    assert len(called()) == 4


def test_with_steps_runs_that_begin_alike_share_their_turns() -> None:
    told: list[Any] = []
    pipe = pipeline(MemoryCache(steps=True), told.append, loop=Count.from_blocks_dict({"add": Add}))
    assert pipe(iterations=3, output="total") == 3
    assert pipe(iterations=5, output="total") == 5
    assert called() == [f"add {i}" for i in range(5)]
    assert [event.kind for event in told if isinstance(event, CacheHit)] == ["iteration"] * 3


def test_options_and_code_of_blocks_count() -> None:
    cache = MemoryCache(steps=True)
    for step in (1, 2, 1):
        pipe = SequentialPipelineBlocks.from_blocks_dict(
            {"loop": Count.from_blocks_dict({"add": Add(step=step)})}
        ).init_pipeline()
        pipe.configure(progress=False, cache=cache)
        assert pipe(iterations=3, output="total") == 3 * step


def test_pipelines_share_what_they_have_in_common_under_any_name() -> None:
    cache = MemoryCache()
    one = pipeline(cache, double=Double)
    one(x=3, output="y")
    other = pipeline(cache, first=Double, loop=Count.from_blocks_dict({"add": Add}))
    other(x=3, iterations=1)
    assert called() == ["add 0"]


def test_a_choice_is_made_anew_and_its_branches_are_kept() -> None:
    class Choose(ConditionalPipelineBlocks):
        block_classes = [Double, Add]
        block_names = ["double", "add"]
        block_trigger_inputs = ["y"]
        default_block_name = "add"

        def select_block(self, y: Any = None) -> str | None:
            return "add"

    pipe = pipeline(MemoryCache(), first=Double, choose=Choose)
    assert pipe(x=2, i=0, output="total") == pipe(x=2, i=0, output="total") == 1
    assert called() == ["double", "add 0"]


class Foreign(ModularPipelineBlocks):
    """Reads and writes what it does not declare."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("y", kwargs_type="made")]

    def __call__(self, components: Any, state: Any) -> Any:
        calls.put("foreign")
        state.set("y", state.get("x") + (state.get("hidden") or 0), "made")
        state.set("extra", 7, "made")
        return components, state


def test_foreign_code_may_have_read_anything_so_everything_counts() -> None:
    class Hide(Block):
        class Out(Outputs):
            hidden: int

        def run(self, z: int) -> Out:
            return self.Out(hidden=z)

    pipe = pipeline(MemoryCache(), hide=Hide, foreign=Foreign)
    first, same, other = pipe(x=1, z=1), pipe(x=1, z=1), pipe(x=1, z=2)
    assert called() == ["foreign", "foreign"]
    assert (first.y, same.y, other.y) == (2, 2, 3)
    assert same.values == first.values
    assert same.kwargs_mapping == first.kwargs_mapping
    assert same.provenance == first.provenance


def test_a_block_that_writes_into_its_input_is_not_kept() -> None:
    class Edit(Block):
        class Out(Outputs):
            y: int

        def run(self, x: torch.Tensor) -> Out:
            calls.put("edit")
            x.add_(1)
            return self.Out(y=1)

    pipe = pipeline(MemoryCache(), edit=Edit)
    x = torch.zeros(1)
    pipe(x=x)
    x.zero_()
    pipe(x=x)
    assert called() == ["edit", "edit"]
    assert x.item() == 1


def test_an_array_that_is_a_view_of_what_the_block_made_is_kept() -> None:
    class Last(Block):
        class Out(Outputs):
            y: np.ndarray

        def run(self, x: int, word: str) -> Out:
            return self.Out(y=np.arange(x * len(word))[1:])

    pipe = SequentialPipelineBlocks.from_blocks_dict({"last": Last}).init_pipeline()
    cache = MemoryCache()
    pipe.configure(cache=cache)
    assert pipe(x=2, word="ab", output="y").tolist() == pipe(x=2, word="ab", output="y").tolist() == [1, 2, 3]
    assert cache.hits == 1


def test_the_timesteps_of_a_given_image_are_kept() -> None:
    block = SequentialPipelineBlocks.from_blocks_dict({"set": IMAGE2IMAGE_BLOCKS["set_timesteps"]})
    pipe = block.init_pipeline()
    pipe.update_components(scheduler=EulerDiscreteScheduler())
    told: list[Any] = []
    pipe.configure(progress=False, cache=MemoryCache(1 << 20), listeners=[told.append])
    first, second = (pipe(num_inference_steps=10, strength=0.5) for _ in range(2))
    assert not [event.reason for event in told if isinstance(event, CacheSkipped)]
    assert [event.path for event in told if isinstance(event, CacheHit)] == ["set"]
    for name in ("timesteps", "latent_timestep"):
        assert torch.equal(first.values[name], second.values[name])
    assert torch.equal(first.timesteps[:1], first.latent_timestep)
