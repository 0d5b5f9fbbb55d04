"""What a component is: content of weights, settings, code; and what is known of it without looking at every byte."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, VQDiffusionScheduler
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from brickwork.adapters.forward_override import override_forward
from brickwork.engine.isolation import clone_run_state
from brickwork.registry import identity_of
from brickwork.registry.identity import tensor_content
from brickwork.registry.identity.component_identity import invalidate, moment_of, moved, temporary_identity
from brickwork.registry.identity.library_code import process_words, watch_classes
from brickwork.state.digest import NoDigestError


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)).eval()


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A network that counts as too large to be read whole, of several chunks and with unsampled places."""
    monkeypatch.setattr(tensor_content, "ALWAYS_WHOLE", 0)
    monkeypatch.setattr(tensor_content, "SAMPLE", 16)
    monkeypatch.setattr(tensor_content, "CHUNK", 256)
    monkeypatch.setattr(tensor_content, "ROTATING", 2)
    return nn.Linear(16, 64).eval()


def test_equal_content_is_the_same_wherever_it_is_from() -> None:
    one, other = network(), network()
    assert identity_of(one) == identity_of(other)
    assert identity_of(network(1)).weights != identity_of(one).weights
    assert identity_of(copy.deepcopy(one)) == identity_of(one)


def test_the_identity_holds_no_component() -> None:
    model = network()
    identity_of(model)
    there = weakref.ref(model)
    del model
    gc.collect()
    assert there() is None


def test_what_is_known_of_a_component_is_neither_copied_nor_pickled_with_it() -> None:
    model = network()
    before = identity_of(model)
    again = pickle.loads(pickle.dumps(model))
    with torch.no_grad():
        again[0].weight.add_(1)
    assert identity_of(again).weights != before.weights


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m[0].weight.data.mul_(2),
        lambda m: m[0].weight.detach().numpy().__setitem__((0, 0), 7.0),
        lambda m: m[1].running_mean.add_(1),
        lambda m: setattr(m[0], "weight", nn.Parameter(m[0].weight.detach().clone() * 2)),
        lambda m: m.register_buffer("more", torch.ones(1)),
        lambda m: m.train(),
        lambda m: setattr(m[0], "__class__", type("Other", (nn.Linear,), {})),
        lambda m: m.append(nn.Identity()),
        lambda m: m[0].register_forward_hook(lambda *_: None),
        lambda m: setattr(m[0], "forward", lambda x: x),
        lambda m: setattr(m[0], "table", {"a": [1]}),
        lambda m: m.to(torch.float64),
        invalidate,
    ],
)
def test_every_change_is_seen_by_content_and_by_a_new_look(change: Any) -> None:
    model = network()
    before = identity_of(model)
    change(model)
    assert identity_of(model) != before


def test_a_table_that_is_edited_in_place_is_seen() -> None:
    model = network()
    model[0].table = {"a": [1]}
    before = identity_of(model)
    model[0].table["a"].append(2)
    after = identity_of(model)
    assert after.settings["table"] != before.settings["table"]
    assert identity_of(model, content=False) == after


def test_without_content_a_change_past_torch_is_seen_in_the_first_numbers_of_a_tensor_only() -> None:
    """What a plain run promises: stamps, and a few bytes of each of some tensors."""
    model = network()
    before, moment = identity_of(model), moment_of(model)
    model[0].weight.detach().numpy()[7, 3] = 9.0
    assert identity_of(model, content=False) == before
    assert moment_of(model) is moment
    model[0].weight.detach().numpy()[0, 0] = 9.0
    assert identity_of(model, content=False) != before
    assert moment_of(model) is not moment


def test_in_a_large_model_an_unsampled_change_is_seen_in_turn(large: nn.Module) -> None:
    before = identity_of(large)
    with torch.no_grad():
        array = large.weight.detach().numpy().reshape(-1)
    array[700] = 5.0
    looks = 0
    while identity_of(large) == before:
        looks += 1
        assert looks < 20
    assert looks > 0


def test_what_stood_for_other_weights_for_a_while_is_never_the_same_again(large: nn.Module) -> None:
    """Between the change and its discovery, results were noted under the digest of before."""
    before = identity_of(large)
    array = large.weight.detach().numpy().reshape(-1)
    kept = array[700].copy()
    array[700] = 5.0
    while identity_of(large) == before:
        pass
    assert before.is_doubtful
    array[700] = kept
    while not (after := identity_of(large)).weights.startswith(f"{before.weights}-"):  # type: ignore[union-attr]
        assert after != before
    assert identity_of(copy.deepcopy(large)) != before


def test_full_identity_reads_every_byte_at_once(large: nn.Module) -> None:
    before = identity_of(large)
    large.weight.detach().numpy().reshape(-1)[700] = 5.0
    assert identity_of(large, whole=True) != before


def test_what_was_moved_by_us_is_not_read_again(large: nn.Module) -> None:
    before = identity_of(large)
    record = vars(large)["_brickwork_identity"]
    reads = record.content.whole_reads
    large.weight.data = large.weight.data.clone()
    large.bias.data = large.bias.data.clone()
    moved(large)
    assert identity_of(large) == before
    assert record.content.whole_reads == reads


def test_bytes_that_come_over_from_a_device_give_the_same_digest() -> None:
    tensors = [
        torch.arange(10.0),
        torch.ones(3, 5).T,
        torch.tensor(True),
        torch.zeros(0),
        torch.ones(2, dtype=torch.bfloat16),
    ]
    pieces = tensor_content._pieces(tensors)
    direct = [bytes(part) for part in tensor_content._read_pieces(tensors, pieces)]
    assert [bytes(part) for part in tensor_content._transferred(tensors, pieces)] == direct


def test_weights_without_bytes_are_refused_by_name() -> None:
    with pytest.raises(NoDigestError, match="on meta has no bytes"):
        identity_of(nn.Linear(2, 2, device="meta"))


def test_a_setting_without_content_is_refused_with_its_place() -> None:
    model = network()
    model[0].source = iter([1])
    with pytest.raises(NoDigestError, match="source of the module 0: A builtins.list_iterator has no content"):
        identity_of(model)


def test_a_network_that_a_hook_refers_to_counts_with_its_weights() -> None:
    model, other = network(), network(1)
    model[0].register_forward_hook(lambda _module, _given, out: out + other[0].bias.sum())
    before = identity_of(model)
    with torch.no_grad():
        other[0].bias.add_(1)
    assert identity_of(model) != before
    assert identity_of(model, content=False) != before


def test_until_the_end_of_a_with_a_component_is_another() -> None:
    model = network()
    before = identity_of(model)
    with temporary_identity(model):
        assert identity_of(model) != before
    assert identity_of(model) == before


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take over from one another at almost every instruction."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_a_network_can_be_identified_while_another_thread_watches_it() -> None:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(8))).eval()
    before, ended = identity_of(model), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            with temporary_identity(model), override_forward([(layer, lambda own, x: own(x)) for layer in model], True):
                pass

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        found = [identity_of(model) for _ in range(200)]
    finally:
        ended.set()
        watcher.join(60)
    assert {(each.weights, each.settings_digest) for each in found} == {(before.weights, before.settings_digest)}


@pytest.mark.usefixtures("hasty_threads")
def test_a_scheduler_can_be_cloned_while_another_thread_asks_what_it_is() -> None:
    begin, told = threading.Barrier(2), []

    def ask(scheduler: Any) -> None:
        begin.wait(60)
        told.append(identity_of(scheduler).digest)

    for _ in range(50):
        scheduler = EulerDiscreteScheduler()
        asking = threading.Thread(target=ask, args=(scheduler,), daemon=True)
        asking.start()
        begin.wait(60)
        for _ in range(5):
            assert vars(clone_run_state(scheduler)).keys() >= {"sigmas", "timesteps"}
        asking.join(60)
    assert len(told) == 50
    assert len(set(told)) == 1


def test_threads_that_ask_first_share_what_is_known() -> None:
    begin = threading.Barrier(2)

    class AskedTogether(dict[str, Any]):
        """Attributes that are looked up by both threads before either notes something."""

        def get(self, name: str, default: Any = None) -> Any:
            found = super().get(name, default)
            if name == "_brickwork_identity":
                begin.wait(10)
            return found

    class Component:
        """Whose attributes are kept in a dict of another class."""

    component = Component()
    component.__dict__ = AskedTogether()
    with ThreadPoolExecutor(2) as pool:
        one, other = (each.result(60) for each in [pool.submit(moment_of, component) for _ in range(2)])
    assert one is other


class Patched(nn.Linear):
    """Of this test, so that only torch's class below it is a library's."""


def test_a_method_of_a_library_that_is_replaced_is_named_and_put_back_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    watch_classes([nn.Linear])
    before = process_words()
    forward = nn.Linear.forward

    def mine(self: Any, x: Any) -> Any:
        return forward(self, x) * 2

    monkeypatch.setattr(nn.Linear, "forward", mine)
    (word,) = set(process_words()) - set(before)
    assert word.startswith("torch.nn.modules.linear.Linear.forward=")
    monkeypatch.undo()
    assert process_words() == before


@pytest.mark.parametrize(("other", "is_named"), [(None, False), (nn.Fold.extra_repr, True)])
def test_a_method_that_was_replaced_when_its_class_was_first_seen_may_be_put_back(
    other: Any, is_named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = nn.Unfold if other is None else nn.Fold  # a class is first seen once
    forward = seen.forward
    monkeypatch.setattr(seen, "forward", lambda self, x: forward(self, x) * 2)
    watch_classes([seen])
    place = f"torch.nn.modules.fold.{seen.__name__}.forward="
    assert any(word.startswith(place) for word in process_words())
    monkeypatch.setattr(seen, "forward", other or forward)
    assert any(word.startswith(place) for word in process_words()) is is_named


def test_a_function_of_another_library_in_its_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    watch_classes([nn.Linear])
    before = process_words()
    monkeypatch.setattr(torch.nn.functional, "linear", torch.nn.functional.bilinear)
    assert any(word.startswith("torch.nn.functional.linear=") for word in set(process_words()) - set(before))


def test_that_torch_counts_modules_for_its_compiler_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.mutation_guard import install_generation_tagging_init

    watch_classes([nn.Linear])
    before, init = process_words(), nn.Module.__init__
    for name in ("__init__", "__setstate__"):
        monkeypatch.setattr(nn.Module, name, vars(nn.Module)[name])
    monkeypatch.setattr(nn.Module, "___needs_generation_tag_patch", True, raising=False)
    install_generation_tagging_init()
    assert nn.Module.__init__ is not init
    assert process_words() == before


def test_that_a_model_was_compiled_for_another_place_is_no_change() -> None:
    model = nn.Linear(2, 2)
    before = identity_of(model)
    torch.compile(model, backend="eager")
    # The wrapper's mark goes through to the model in it.
    assert model._is_torch_compile is True
    assert identity_of(model) == before


def test_that_a_scheduler_was_asked_for_its_scale_is_no_change() -> None:
    scheduler = EulerDiscreteScheduler()
    before = identity_of(scheduler).digest
    scheduler.set_timesteps(2)
    scheduler.scale_model_input(torch.zeros(1), scheduler.timesteps[0])
    assert scheduler.is_scale_input_called
    assert identity_of(scheduler).digest == before


def test_settings_that_a_scheduler_was_given_by_position_are_no_defaults() -> None:
    """diffusers notes them among those that were left out, and cannot make this one again without the first."""
    scheduler = VQDiffusionScheduler(4)
    before = identity_of(scheduler).digest
    scheduler.set_timesteps(2)
    assert identity_of(scheduler).digest == before


def test_a_mode_of_somebodys_own_makes_everything_unknown() -> None:
    from torch.overrides import TorchFunctionMode

    class Doubling(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    with (
        Doubling(),
        pytest.raises(NoDigestError, match="the mode .*Doubling is active, and what it does cannot be told"),
    ):
        process_words()


def test_a_global_hook_is_named() -> None:
    before = process_words()
    hook = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert any(word.startswith("_global_forward_hooks=") for word in set(process_words()) - set(before))
    finally:
        hook.remove()
    assert process_words() == before


def test_an_array_on_a_scheduler_like_component_counts_with_its_content() -> None:
    class Thing:
        def __init__(self) -> None:
            self.numbers = np.zeros(2)

    thing = Thing()
    before = identity_of(thing)
    thing.numbers[0] = 1
    assert identity_of(thing) != before
    assert identity_of(thing, content=False) != before


def test_code_of_a_component_without_weights_that_cannot_be_compared_is_named() -> None:
    words = iter(["a", "b"])

    class Words:
        def next_word(self) -> str:
            return next(words)

    with pytest.raises(NoDigestError, match=r"Words: .*builtins\.list_iterator has no content that could be compared"):
        identity_of(Words())


def test_an_attribute_of_a_component_without_weights_that_has_no_content_is_named() -> None:
    with pytest.raises(NoDigestError, match=r"^SimpleNamespace\.source: A builtins\.list_iterator has no content"):
        identity_of(SimpleNamespace(size=1, source=iter([1])))


def test_code_of_a_network_that_cannot_be_compared_is_named_with_its_class() -> None:
    factors = iter([1.0, 2.0])

    class Scaled(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scaled: torch.Tensor = super().forward(x) * next(factors)
            return scaled

    with pytest.raises(NoDigestError, match=r"^the class .*Scaled: .*builtins\.list_iterator has no content"):
        identity_of(nn.Sequential(Scaled(2, 2)))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda source: partial(nn.functional.linear, bias=source), ", and what does so cannot be compared: "),
        (lambda source: lambda x, weight, bias=None: next(source), ": "),
    ],
    ids=["an object", "a function"],
)
def test_what_cannot_be_compared_in_place_of_a_function_of_a_library_makes_everything_unknown(
    other: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_classes([nn.Linear])
    monkeypatch.setattr(nn.functional, "linear", other(iter([1])))
    with pytest.raises(NoDigestError, match=rf"^a function of a library was replaced{words}.*builtins\.list_iterator"):
        process_words()


def test_two_replacements_of_one_function_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    watch_classes([nn.Linear])
    forward, found = nn.Linear.forward, []
    for factor in (2.0, 3.0):
        by = factor
        monkeypatch.setattr(nn.Linear, "forward", lambda self, x, by=by: forward(self, x) * by)
        found += [word for word in process_words() if "Linear.forward=" in word]
    assert len(set(found)) == 2


def test_the_attention_backend_of_the_process_is_named_where_it_is_not_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from diffusers.models import attention_dispatch

    watch_classes([nn.Linear])
    registry = attention_dispatch._AttentionBackendRegistry
    monkeypatch.setattr(registry, "_active_backend", attention_dispatch.AttentionBackendName._NATIVE_MATH)
    place = "diffusers.models.attention_dispatch._AttentionBackendRegistry._active_backend="
    assert [word.partition("=")[0] + "=" for word in process_words() if "_active_backend" in word] == [place]


def test_saving_a_model_with_transformers_own_method_is_no_change(tmp_path: Path) -> None:
    model = CLIPTextModel(
        CLIPTextConfig(vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    )
    model.config.dtype = torch.float32
    before = identity_of(model).digest
    model.save_pretrained(tmp_path)
    assert model.config.dtype == "float32"  # which is what its method leaves there
    assert identity_of(model).digest == before
    model.config.dtype = "bfloat16"
    assert identity_of(model).digest != before
