"""Plans over devices: where they are cut, compared with every cut that there is, and where "not split" is the answer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import attrs
import pytest
import torch

from brickwork import Block, InputError, Outputs, SequentialPipelineBlocks, component
from brickwork.engine import Plan
from brickwork.engine.planning.stages import StageProfile

GB = 10**9


class Encode(Block):
    text_encoder: torch.nn.Module = component()

    class Out(Outputs):
        embeds: int

    def run(self, prompt: int) -> Out:
        return self.Out(prompt)


class Prepare(Block):
    scheduler: torch.nn.Module = component(mutates=True)

    class Out(Outputs):
        times: int

    def run(self, steps: int = 2) -> Out:
        return self.Out(steps)


class Denoise(Block):
    unet: torch.nn.Module = component()
    scheduler: torch.nn.Module = component()

    class Out(Outputs):
        latents: int

    def run(self, embeds: int, times: int) -> Out:
        return self.Out(embeds + times)


class Refine(Block):
    refiner: torch.nn.Module = component()

    class Out(Outputs):
        latents: int

    def run(self, latents: int) -> Out:
        return self.Out(latents)


class Decode(Block):
    vae: torch.nn.Module = component()
    refiner: torch.nn.Module = component(config_only=True)

    class Out(Outputs):
        images: int

    def run(self, latents: int) -> Out:
        return self.Out(latents)


BLOCKS = {"encode": Encode, "prepare": Prepare, "denoise": Denoise, "refine": Refine, "decode": Decode}
PATHS = list(BLOCKS)
ILLEGAL = {2}
"""Before `denoise`: what `prepare` does to the scheduler is no value."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return SequentialPipelineBlocks.from_blocks_dict(BLOCKS).init_pipeline().plan(["prompt"])


def profile(seconds: Sequence[float], sizes: Sequence[float], sent: Sequence[float], **settings: float) -> StageProfile:
    names = ["text_encoder", "scheduler", "unet", "refiner", "vae"]
    return StageProfile(
        output=("images",),
        seconds=dict(zip(PATHS, seconds, strict=True)),
        sizes={name: int(size * GB) for name, size in zip(names, sizes, strict=True)},
        sent={path: int(size * GB) for path, size in zip(PATHS, sent, strict=False)},
        **{"link": 1.0 * GB, "moving": 10.0 * GB, **settings},
    )


SMALL = [0.001, 0.0, 0.001, 0.001]
PROFILES = {
    # (seconds, sizes, sent, memory of each device, whether it is split)
    "all fits everywhere": ([1, 0, 4, 2, 1], [1, 0, 5, 5, 1], SMALL, [24, 24], False),
    "nothing fits whole": ([1, 0, 0.8, 0.8, 0.8], [8, 0, 12, 12, 1], SMALL, [24, 24], True),
    "no device runs the network beside the text encoder": (
        [0.5, 0, 0.5, 0.5, 0.5],
        [20, 0, 20, 1, 1],
        SMALL,
        [21, 23],
        True,
    ),
    "moving is a small part": ([1, 0, 60, 2, 1], [4, 0, 20, 4, 1], SMALL, [24, 24], False),
    "what is handed on is large": ([1, 0, 2, 2, 1], [8, 0, 12, 12, 1], [30, 30, 30, 30], [24, 24], False),
    "one step is all": ([0.1, 0, 9, 0.1, 0.1], [4, 0, 20, 4, 1], SMALL, [24, 24, 24], False),
    "moving is most": ([0.1, 0, 0.2, 0.2, 0.1], [9, 0, 16, 16, 1], SMALL, [20, 20, 20], True),
    "the second device is small": ([1, 0, 4, 1, 3], [9, 0, 19, 1, 2], SMALL, [30, 3], True),
    "a cut behind a small value": ([2, 0, 2, 2, 2], [10, 0, 10, 10, 10], [3, 3, 0.001, 3], [20, 20], True),
    "three devices": ([3, 0, 3, 0.5, 2.5], [9, 0, 15, 1, 9], SMALL, [16, 16, 16], True),
}


def costs(given: StageProfile, start: int, stop: int, memory: float) -> float:
    """Seconds of a stretch of steps on a device, written down once more."""
    uses = [["text_encoder"], ["scheduler"], ["unet", "scheduler"], ["refiner"], ["vae"]]
    if any(sum(given.sizes[name] for name in uses[i]) > memory for i in range(start, stop)):
        return math.inf
    size = sum(given.sizes[name] for name in {name for i in range(start, stop) for name in uses[i]})
    sent = 0 if stop == 5 else given.sent[PATHS[stop - 1]]
    seconds = sum(given.seconds[PATHS[i]] for i in range(start, stop))
    return seconds + max(0, size - memory) / given.moving + sent / given.link


def every_cut(given: StageProfile, memories: Sequence[float]) -> Iterator[tuple[float, float, tuple[int, ...]]]:
    """Period, bytes handed on and places of every way to cut."""
    legal = [place for place in range(1, 5) if place not in ILLEGAL]
    for count in range(1, len(memories)):
        for places in itertools.combinations(legal, count):
            bounds = [0, *places, 5]
            found = [costs(given, a, b, memories[i]) for i, (a, b) in enumerate(itertools.pairwise(bounds))]
            yield max(found), sum(given.sent[PATHS[place - 1]] for place in places), places


@pytest.mark.parametrize("name", PROFILES)
def test_the_best_of_all_cuts_is_taken_or_none(plan: Plan, name: str) -> None:
    seconds, sizes, sent, memories, is_split = PROFILES[name]
    given = profile(seconds, sizes, sent)
    found = plan.stages({f"gpu{i}": f"{memory}GB" for i, memory in enumerate(memories)}, given)
    bytes_of_memory = [memory * GB for memory in memories]
    wholes = [costs(given, 0, 5, memory) for memory in bytes_of_memory]
    together = 1 / sum(1 / each for each in wholes) if min(wholes) < math.inf else math.inf
    period, _, places = min(every_cut(given, bytes_of_memory))
    assert found.is_split is is_split is (together / period >= 1.05), found.reason
    if is_split:
        assert found.period == pytest.approx(period)
        assert [stage.steps[0] for stage in found.stages] == [PATHS[place] for place in (0, *places)]
        assert found.gain == pytest.approx(together / period)
        assert found.reason.startswith("split")
    else:
        assert found.reason.startswith("not split: ")
        assert found.period == pytest.approx(together)
    assert found.refused == (
        "before denoise: scheduler is changed before it and used behind it, and what a component keeps is no value.",
    )


def test_a_table_says_who_does_what_and_why(plan: Plan) -> None:
    seconds, sizes, sent, _, _ = PROFILES["nothing fits whole"]
    found = plan.stages({"cuda:0": "24GB", "cuda:1": "24GB"}, profile(seconds, sizes, sent))
    assert str(found).splitlines() == [
        "device  steps              components  seconds  moving  hands on",
        "cuda:0  encode to denoise  20.0 GB     1.8      none    1.0 MB: latents",
        "cuda:1  refine to decode   13.0 GB     1.6      none    the result",
        "split: a run ends every 1.8 s, and every 2.15 s if each device runs the whole, whose components take 0.9 s of moving in each run: 1.19 times as often.",
        "not cut before denoise: scheduler is changed before it and used behind it, and what a component keeps is no value.",
    ]


def test_without_enough_to_do_each_device_runs_the_whole(plan: Plan) -> None:
    seconds, sizes, sent, memories, _ = PROFILES["all fits everywhere"]
    given = profile(seconds, sizes, sent)
    found = plan.stages(["cpu", "cpu"], given)
    assert [stage.device for stage in found.whole] == ["cpu", "cpu"]
    assert found.reason == (
        "not split: the whole on each of 2 devices ends a run every 4 s; the best cut, before refine, would end one every 5 s, as long as "
        "encode to denoise takes."
    )
    assert plan.stages(["cpu"], given).reason == "not split: there is one device."
    nowhere = attrs.evolve(given, unsent=dict.fromkeys(PATHS, "these values cannot be written"))
    found = plan.stages(["cpu", "cpu"], nowhere)
    assert found.reason == "not split: there is no place where it could be cut."
    assert "before decode: these values cannot be written" in found.refused


def test_what_does_not_fit_is_refused_in_words(plan: Plan) -> None:
    seconds, sizes, sent, _, _ = PROFILES["all fits everywhere"]
    given = profile(seconds, sizes, sent)
    with pytest.raises(InputError, match=r"denoise computes with 5\.0 GB, and the largest device has 4\.0 GB"):
        plan.stages({"a": "4GB", "b": "3GB"}, given)
    with pytest.raises(InputError, match="name each device with its memory"):
        plan.stages([], given)
    with pytest.raises(InputError, match="name each device with its memory"):
        plan.stages("cuda", given)
    for lacking, words in (
        ({"seconds": {}}, "encode: there are no seconds of it"),
        ({"sent": {}}, "prepare: there are no bytes sent after it"),
        ({"sizes": {}}, "unet: there are no bytes of this component"),
    ):
        with pytest.raises(InputError, match=words):
            plan.stages(["cpu", "cpu"], attrs.evolve(given, **lacking))


def test_memory_beside_components_counts(plan: Plan) -> None:
    seconds, sizes, sent, _, _ = PROFILES["nothing fits whole"]
    given = profile(seconds, sizes, sent)
    devices = {"a": "24GB", "b": "24GB"}
    before = plan.stages(devices, given)
    after = plan.stages(devices, attrs.evolve(given, beside={"denoise": 9 * GB}))
    assert [stage.steps[0] for stage in before.stages] == ["encode", "refine"]
    assert after.period > before.period
