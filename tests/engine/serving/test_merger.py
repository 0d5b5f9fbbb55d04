"""Runs share forwards of their networks, and each is what it is alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel
from PIL import Image
from technique_families import GIVEN, NAMES, pipe_of

import brickwork
from brickwork import InputError, Merger, ModularPipeline, RunCancelledError, SequentialPipelineBlocks
from brickwork.engine.network_calls import RowArguments, call_effect, call_rows, merged_calls
from brickwork.engine.serving import merge_key
from brickwork.presets.embedded import ARROW_LORA, LAYOUT_CONTROLNET
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS, with_control

PATIENT = 1e6
"""Nobody goes without those that may come, so which calls are merged does not hang on how fast threads are."""
NEAR = 2e-5
"""Kernels round by how many rows there are; the latents of these runs are in -4..4."""


def together(jobs: Sequence[Callable[[], Any]], fails: type[Exception] | None = None) -> list[Any]:
    """What jobs return that go on at the same time. An error is raised again, but one of `fails`, which stands for its result."""
    found: list[Any] = [None] * len(jobs)
    begin = threading.Barrier(len(jobs))

    def work(index: int) -> None:
        begin.wait(60)
        try:
            found[index] = jobs[index]()
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            found[index] = error

    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "a run waits for ever"
    for each in found:
        if isinstance(each, Exception) and not (fails is not None and isinstance(each, fails)):
            raise each
    return found


def merged(
    pipes: Sequence[ModularPipeline],
    given: Sequence[dict[str, Any]],
    merger: Merger,
    output: str | None = "latents",
    fails: type[Exception] | None = None,
) -> list[Any]:
    """Results of runs that reach their loops together, each on a pipeline."""
    # Who stands in no loop yet is not waited for.
    reached = threading.Barrier(len(given))

    def wait_for_all(event: Any) -> None:
        if type(event).__name__ == "StepStarted" and event.index == 0:
            reached.wait(60)

    for pipe in pipes:
        pipe.configure(merge=merger, listeners=[wait_for_all])
    try:
        found = together([job(pipe, output, **inputs) for pipe, inputs in zip(pipes, given, strict=True)], fails)
    finally:
        for pipe in pipes:
            pipe.configure(listeners=[])
    assert is_clean(merger)
    return found


def is_clean(merger: Merger) -> bool:
    return not (merger._runs or merger._waiting or merger._computing)


def job(pipe: ModularPipeline, output: str | None = "latents", **inputs: Any) -> Callable[[], Any]:
    return lambda: pipe(**inputs, output=output)


@pytest.fixture(scope="module")
def _pipes() -> tuple[ModularPipeline, ModularPipeline]:
    """Two pipelines with one network, made once."""
    made, other = brickwork.embedded(), brickwork.embedded()
    other.update_components(unet=made.unet)
    return made, other


@pytest.fixture
def pipe(_pipes: tuple[ModularPipeline, ModularPipeline]) -> Iterator[ModularPipeline]:
    _pipes[0].configure(progress=False)
    yield _pipes[0]
    _pipes[0].configure(merge=None, cache=None, residency="stay", listeners=[])


@pytest.fixture
def other(_pipes: tuple[ModularPipeline, ModularPipeline]) -> Iterator[ModularPipeline]:
    """Another pipeline with the network of `pipe`."""
    guider = _pipes[1].guider
    _pipes[1].configure(progress=False)
    yield _pipes[1]
    _pipes[1].configure(merge=None, listeners=[])
    _pipes[1].update_components(guider=guider)


def request(number: int, **changes: Any) -> dict[str, Any]:
    """One of several requests with steps, seeds, guidance and prompts of their own."""
    prompts = ["a red apple", "three yellow stars", "a penguin on a blue background", "a cat"]
    given = {"prompt": prompts[number % 4], "guidance_scale": 3.0 + number, "num_inference_steps": 3 + number % 2}
    return {**given, "seed": number, **changes}


@pytest.mark.rotating(3)
@pytest.mark.parametrize("name", NAMES)
def test_requests_of_every_family_are_what_they_are_alone(name: str) -> None:
    pipe = pipe_of(name)
    given = [{**GIVEN[name], "output_type": "latent", "num_inference_steps": 2 + n, "seed": n} for n in range(3)]
    alone = [job(pipe, **each)() for each in given]
    try:
        merger = Merger(rows=12, patience=PATIENT)
        found = merged([pipe] * 3, given, merger)
        assert merger.forwards[3] >= 2  # while all three are there; some solvers begin with a step more
        for one, other in zip(found, alone, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=NEAR)

        pipe.configure(merge=Merger(bucket=12))
        padded = [job(pipe, **each)() for each in given]
        merger = Merger(bucket=12, patience=PATIENT)
        assert all(map(torch.equal, merged([pipe] * 3, given, merger), padded))
        assert merger.forwards[3] >= 2
        assert not merger.alone
    finally:
        pipe.configure(merge=None)


def test_a_perturbed_call_leaks_into_no_other(
    pipe: ModularPipeline, other: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    perturbed = other
    perturbed.update_components(
        guider=brickwork.PerturbedAttentionGuidance(guidance_scale=3.0, perturbed_guidance_scale=3.0)
    )
    pipes = [pipe, perturbed, pipe, perturbed]
    given = [request(number, num_inference_steps=3) for number in range(4)]
    for each in (given[1], given[3]):
        del each["guidance_scale"]
    alone = [job(each, **inputs)() for each, inputs in zip(pipes, given, strict=True)]

    def differences() -> list[float]:
        merger = Merger(rows=32, patience=PATIENT)
        found = merged(pipes, given, merger)
        assert merger.forwards[4]
        return [float((one - other).abs().max()) for one, other in zip(found, alone, strict=True)]

    assert max(differences()) < NEAR
    # What the key holds back: without it the plain ones have the attention of others.
    monkeypatch.setattr(merge_key, "call_effects", tuple)
    assert max(differences()) > 0.01


def test_requests_with_a_controlnet_share_with_those_without_and_stay_what_they_are(pipe: ModularPipeline) -> None:
    controlled = SequentialPipelineBlocks.from_blocks_dict(with_control(TEXT2IMAGE_BLOCKS)).init_pipeline()
    parts = {name: part for name, part in pipe.components.items() if name in controlled.component_names}
    net = ControlNetModel.from_pretrained(LAYOUT_CONTROLNET).eval()
    controlled.update_components(controlnet=net, **parts)
    controlled.configure(progress=False)
    layout = Image.new("RGB", (64, 64), "black")
    layout.paste((255, 255, 255), (10, 10, 40, 40))
    more = [{}, {"control_image": layout}, {"control_image": layout}]
    more[2]["controlnet_conditioning_scale"] = 0.5
    given = [request(number, num_inference_steps=2, **others) for number, others in enumerate(more)]
    pipes = [pipe, controlled, controlled]
    alone = [job(each, **inputs)() for each, inputs in zip(pipes, given, strict=True)]
    for one, other in zip(merged(pipes, given, Merger()), alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=NEAR)
    assert (alone[1] - alone[2]).abs().max() > 0.01


def test_weights_of_loras_and_watched_attention_stay_those_of_their_call(pipe: ModularPipeline) -> None:
    pipe.load_lora_weights(str(ARROW_LORA), adapter_name="arrow")
    scales = [None, 0.3, 0.3, 0.9]
    more = [{} if each is None else {"cross_attention_kwargs": {"scale": each}} for each in scales]
    given = [request(number, num_inference_steps=2, **others) for number, others in enumerate(more)]
    alone = [job(pipe, **inputs)() for inputs in given]
    merger = Merger(patience=PATIENT)
    for one, other in zip(merged([pipe] * 4, given, merger), alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=NEAR)
    # Those of equal weights, and each of the others alone.
    assert merger.forwards == {1: 4, 2: 2}
    pipe.unload_lora_weights()

    plain = job(pipe, **request(1, num_inference_steps=2))()
    pipe.configure(merge=merger)

    def watched() -> torch.Tensor:
        with pipe.attention_maps() as maps:
            job(pipe, **request(0, num_inference_steps=2))()
        return maps.of("apple")

    heat, other = together([watched, job(pipe, **request(1, num_inference_steps=2))])
    assert heat.ndim == 2
    torch.testing.assert_close(other, plain, rtol=0, atol=NEAR)
    assert list(merger.alone) == ["its layers are watched, or do something else in its thread"]


def test_a_request_that_fails_in_a_shared_forward_fails_alone(pipe: ModularPipeline) -> None:
    class Bad(Exception):
        pass

    seen = []

    def refuse_four_rows(_: Any, args: tuple[torch.Tensor, ...]) -> None:
        seen.append(len(args[0]))
        # Rows of the bad request, also when they are beside others.
        if (args[0].abs().amax(dim=(1, 2, 3)) > 1e3).any():
            raise Bad

    hook = pipe.unet.register_forward_pre_hook(refuse_four_rows)
    try:
        good = [request(number, num_inference_steps=2) for number in (0, 2)]
        alone = [job(pipe, **each)() for each in good]
        huge = request(1, num_inference_steps=2, latents=torch.full((1, 4, 16, 16), 1e5))
        one, bad, other = merged([pipe] * 3, [good[0], huge, good[1]], Merger(patience=PATIENT), fails=Bad)
    finally:
        hook.remove()
    assert max(seen) == 6
    assert isinstance(bad, Bad)
    for mine, theirs in zip((one, other), alone, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=NEAR)


@contextmanager
def held_up(pipe: ModularPipeline, other: ModularPipeline, merger: Merger) -> Iterator[None]:
    """A run that stands in a loop, and not at its network, so that others wait for it; it goes on at the end."""
    held, go = threading.Event(), threading.Event()

    def hold(event: Any) -> None:
        if type(event).__name__ == "StepStarted" and event.index == 1:
            held.set()
            go.wait(60)

    other.configure(merge=merger, listeners=[hold])
    stands = other.start(**request(0), output="latents")
    assert held.wait(60)
    pipe.configure(merge=merger)
    try:
        yield
    finally:
        go.set()
    assert torch.is_tensor(stands.result(timeout=60))
    assert is_clean(merger)


def test_a_run_that_is_cancelled_while_it_waits_ends(pipe: ModularPipeline, other: ModularPipeline) -> None:
    merger = Merger(patience=PATIENT)
    with held_up(pipe, other, merger):
        waits = pipe.start(**request(1), output="latents")
        while not merger._waiting:
            assert waits.status not in ("finished", "failed", "cancelled")
        waits.cancel()
        with pytest.raises(RunCancelledError, match="while its network was waited for"):
            waits.result(timeout=60)


def test_who_was_waited_for_in_vain_is_not_waited_for_again(pipe: ModularPipeline, other: ModularPipeline) -> None:
    merger = Merger(patience=0.1)
    with held_up(pipe, other, merger):
        assert torch.is_tensor(job(pipe, **request(1))())
        assert [run.is_late for run in merger._runs] == [True]


def test_memory_that_runs_out_for_many_rows_makes_groups_smaller(pipe: ModularPipeline) -> None:
    rows = []

    def no_memory(_: Any, args: tuple[torch.Tensor, ...]) -> None:
        rows.append(len(args[0]))
        if len(args[0]) > 4:
            raise torch.OutOfMemoryError("out of memory")

    given = [request(number, num_inference_steps=3) for number in range(4)]
    alone = [job(pipe, **each)() for each in given]
    hook = pipe.unet.register_forward_pre_hook(no_memory)
    try:
        merger = Merger(patience=PATIENT)
        found = merged([pipe] * 4, given, merger)
    finally:
        hook.remove()
    for mine, theirs in zip(found, alone, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=NEAR)
    # Eight rows once, which each then makes alone, and four at most from then on. Who of the four comes when its pair is full, and is
    # left over, hangs on how fast threads are.
    assert (rows[0], rows.count(8), set(rows)) == (8, 1, {2, 4, 8})
    assert merger.forwards.keys() == {1, 2}
    assert merger.forwards[1] >= 4
    assert merger.forwards[1] + 2 * merger.forwards[2] == 4 * 3, "each call is made, and none twice"


class Doubled(torch.nn.Module):
    """A network of a user's own."""

    def forward(self, x: torch.Tensor, time: torch.Tensor, add: torch.Tensor) -> torch.Tensor:
        return x * time.reshape(-1, 1) + add


class Twice(brickwork.LoopSequentialPipelineBlocks):
    """A loop of a user's own: three calls, at a number of one's own."""

    def iterate(self) -> Any:
        for number in range(3):
            yield self.Vars(number=number)

    class Vars(brickwork.Outputs):
        number: int


class CallIt(brickwork.Block):
    """Calls the network through the door."""

    net: Doubled = brickwork.component()
    shares_rows = ("net",)

    class Out(brickwork.Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor, number: int) -> Out:
        rows = RowArguments(rows=["add"], numbers=["time"])
        return self.Out(x=call_rows(rows, self.net, x, torch.tensor(float(number)), add=x[:, :1]))


def own_loop() -> ModularPipeline:
    loop = Twice.from_blocks_dict({"call": CallIt})
    made = brickwork.SequentialPipelineBlocks.from_blocks_dict({"twice": loop}).init_pipeline()
    made.update_components(net=Doubled().eval())
    made.configure(progress=False)
    return made


def test_a_loop_of_ones_own_shares_what_it_calls_through_the_door() -> None:
    pipe = own_loop()
    given = [torch.randn(2, 5), torch.randn(3, 5)]
    alone = [pipe(x=each, output="x") for each in given]
    merger = Merger(patience=PATIENT)
    found = merged([pipe] * 2, [{"x": each} for each in given], merger, output="x")
    assert all(map(torch.equal, found, alone))
    assert merger.forwards == {2: 3}
    assert "merge: twice shares forwards of net with other runs" in str(pipe.explain("x"))


def test_explain_says_which_loops_share_nothing_and_why(pipe: ModularPipeline) -> None:
    assert "merge:" not in str(pipe.explain("prompt"))
    pipe.configure(merge=Merger(bucket=8))
    assert "merge: denoise shares forwards of unet with other runs, 8 rows in each" in str(pipe.explain("prompt"))
    pipe.configure(residency="just in time")
    said = 'merge: nothing is shared with other runs, because with residency="just in time" they run one after another'
    assert said in pipe.explain("prompt").facts
    plain = own_loop()
    plain.configure(merge=Merger())
    plain.blocks.sub_blocks["twice"].sub_blocks["call"].shares_rows = ()
    said = "merge: twice shares none, because no block in it calls a network by `call_rows`"
    assert said in plain.explain("x").facts


def test_replay_pads_as_the_run_did_and_the_recipe_says_so(pipe: ModularPipeline) -> None:
    pipe.configure(merge=Merger(bucket=8))
    image = pipe(**request(0), output="images")[0]
    assert image.info["brickwork"].to_dict()["settings"]["rows"] == 8
    assert brickwork.replay(image, progress=False).tobytes() == image.tobytes()


def test_the_recipe_says_that_forwards_of_any_size_were_shared(pipe: ModularPipeline) -> None:
    given = [request(number, num_inference_steps=2) for number in range(2)]
    states = merged([pipe] * 2, given, Merger(patience=PATIENT), output=None)
    said = "2 forwards were shared with other runs, so another run is equal within rounding only"
    assert [state.recipe.to_dict()["notes"] for state in states] == [[said], [said]]
    alone = pipe(**request(0, num_inference_steps=2))
    assert "notes" not in alone.recipe.to_dict()


def test_a_result_of_the_cache_says_that_its_forwards_were_shared(pipe: ModularPipeline) -> None:
    pipe.configure(cache=brickwork.MemoryCache(steps=True))
    given = [request(number, num_inference_steps=2) for number in range(2)]
    merger = Merger(patience=PATIENT)
    merged([pipe] * 2, given, merger)
    assert merger.forwards[2] == 2
    alone = pipe(**given[0])
    said = "the cache gave results of forwards that were shared with other runs, so another run is equal within rounding only"
    assert alone.recipe.to_dict()["notes"] == [said]


def test_the_cache_keeps_results_of_other_numbers_of_rows_apart(pipe: ModularPipeline) -> None:
    cache = brickwork.MemoryCache()
    hits = []
    for merger in (None, Merger(), Merger(bucket=8), Merger(bucket=4), Merger(bucket=8)):
        pipe.configure(cache=cache, merge=merger)
        before = cache.hits
        job(pipe, **request(0, num_inference_steps=2))()
        hits.append(cache.hits > before)
    assert hits == [False, False, False, False, True]


def test_a_run_inside_of_another_has_nothing_of_its_merger(pipe: ModularPipeline) -> None:
    inner = pipe

    class RunsAnother(brickwork.Block):
        class Out(brickwork.Outputs):
            other: torch.Tensor

        def run(self, prompt: str) -> Out:
            return self.Out(other=inner(prompt=prompt, num_inference_steps=2, seed=3, output="latents"))

    expected = inner(prompt="a cat", num_inference_steps=2, seed=3, output="latents")
    outer = brickwork.SequentialPipelineBlocks.from_blocks_dict({"other": RunsAnother}).init_pipeline()
    merger = Merger(bucket=16)
    outer.configure(merge=merger)
    assert torch.equal(outer(prompt="a cat", output="other"), expected)
    assert not merger.forwards
    assert not merger.alone


ROWS = RowArguments(rows=["add"], numbers=["time"])


class Says:
    """Calls a network of one's own in a loop of a merger, alone, and says why it was alone."""

    def __init__(self, **settings: Any) -> None:
        self.merger = Merger(**settings)

    def __call__(
        self, network: Any, *args: Any, declared: RowArguments = ROWS, in_loop: bool = True, **named: Any
    ) -> Any:
        with torch.no_grad(), self.merger.joined(lambda: False) as run, merged_calls(run):
            if not in_loop:
                return call_rows(declared, network, *args, **named)
            with run.looping():
                return call_rows(declared, network, *args, **named)

    @property
    def reasons(self) -> list[str]:
        return list(self.merger.alone)


TWO = torch.ones(2, 5)
TIME = torch.tensor(2.0)


@pytest.mark.parametrize(
    ("network", "args", "named", "options", "reason"),
    [
        (Doubled(), (TWO, TIME, TWO), {}, {}, "it is in training mode"),
        (Doubled().eval(), (TWO, TIME, TWO), {"in_loop": False}, {}, "it is outside of a loop"),
        (Doubled().eval(), (TWO, TIME, TWO), {"declared": RowArguments(independent=False)}, {}, "its family says that rows are not independent"),
        (lambda x, time, add: x, (TWO, TIME, TWO), {}, {}, "it is no module"),
        (Doubled().eval(), (TWO, TIME, TWO), {}, {"rows": 1}, "it has more rows than a forward may have (1)"),
        (Doubled().eval(), (TWO, TIME, TWO), {}, {"bucket": 1}, "it has more rows than a forward may have (1)"),
        (Doubled().eval(), (TWO, TIME, TWO[:1]), {}, {}, "add has 1 rows, and the first argument 2"),
        (Doubled().eval(), (TWO, TIME, TWO[0, 0]), {}, {}, "add has no rows, and the first argument 2"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_shared_is_made_alone_and_says_why(
    network: Any, args: tuple[Any, ...], named: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    say = Says(**options)
    assert torch.is_tensor(say(network, *args, **named))
    assert say.reasons == [reason]
    assert not say.merger.forwards


def test_gradients_modes_and_watched_layers_are_not_shared() -> None:
    network = Doubled().eval()
    say = Says()
    with say.merger.joined(lambda: False) as run, merged_calls(run), run.looping():
        call_rows(ROWS, network, TWO, TIME, add=TWO)
        with torch.no_grad(), torch.device("cpu"):
            call_rows(ROWS, network, TWO, TIME, add=TWO)
        with torch.no_grad(), call_effect(None):
            call_rows(ROWS, network, TWO, TIME, add=TWO)
        assert not say.merger.forwards
        with torch.no_grad(), call_effect("scaled"):
            call_rows(ROWS, network, TWO, TIME, add=TWO)
    assert say.merger.forwards == {1: 1}
    assert say.reasons == [
        "gradients are recorded",
        "a mode of torch is active in its thread",
        "its layers are watched, or do something else in its thread",
    ]


def test_compiled_networks_share_forwards_of_one_size_only() -> None:
    network = Doubled().eval()
    network.compile(backend="eager")
    say = Says()
    say(network, TWO, TIME, add=TWO)
    assert say.reasons == [
        "it is compiled, and would be again for each number of rows; Merger(bucket=...) gives all calls the same number"
    ]
    say = Says(bucket=4)
    say(network, TWO, TIME, add=TWO)
    assert say.merger.forwards == {1: 1}
    # Others wait while parts run as they were written, so such a call must wait for nobody.
    with call_effect("scaled"):
        say(network, TWO, TIME, add=TWO)
    assert say.reasons == ["it is compiled, and something is changed in it for this call"]


def test_a_network_that_keeps_something_is_not_shared() -> None:
    from diffusers.hooks import HookRegistry

    network = Doubled().eval()
    HookRegistry.check_if_exists_or_initialize(network)
    say = Says()
    say(network, TWO, TIME, add=TWO)
    assert say.reasons == ["it keeps something from one call to the next (a hook of diffusers)"]


def test_what_a_network_returns_without_rows_is_not_shared() -> None:
    class Sums(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sum(0)

    say = Says(bucket=4)
    assert torch.equal(say(Sums().eval(), TWO), TWO.sum(0))
    assert say.reasons == ["the network does not return a row for each row"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rows": 0}, "rows=0: it is a number of rows from 1 on."),
        ({"rows": True}, "rows=True: it is a number of rows from 1 on."),
        ({"rows": 2.0}, "rows=2.0: it is a number of rows from 1 on."),
        ({"bucket": 0}, "bucket=0: it is a number of rows from 1 on."),
        ({"patience": -1}, "patience=-1: it is a number from 0 on, in parts of a forward."),
        ({"patience": "long"}, "patience='long': it is a number from 0 on, in parts of a forward."),
        ({"patience": True}, "patience=True: it is a number from 0 on, in parts of a forward."),
    ],
)
def test_settings_that_are_none_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        Merger(**settings)
    assert str(caught.value) == said


def test_a_merger_is_what_configure_takes(pipe: ModularPipeline) -> None:
    for wrong in (16, Merger):
        with pytest.raises(InputError, match=r"it is a brickwork.Merger, as in Merger\(rows=16\), or None"):
            pipe.configure(merge=wrong)
