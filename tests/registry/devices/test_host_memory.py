"""Weights lie in the host's memory within a budget, and in files beyond it: with the same bits, and nothing left behind."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory
from full_disk import on_a_full_disk
from safetensors.torch import save_file

from brickwork import ComponentError, ComponentsManager
from brickwork.registry.devices import host_files
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.host_files import checked_folder
from brickwork.registry.devices.host_memory import HostMemory
from brickwork.registry.devices.moved_tensors import held_tensors
from brickwork.registry.identity.origin import is_as_loaded, remember_loaded
from brickwork.registry.loading.memory_map import mapped_tensors
from brickwork.registry.provenance import note_provenance

NAMES = ("one", "two", "three")
SIZE = 4000
"""Bytes of a tensor."""


class Model(torch.nn.Module):
    """Three tensors of 4,000 bytes, one of them with what no number equals."""

    def __init__(self, first: float = 1.0) -> None:
        super().__init__()
        for index, name in enumerate(NAMES):
            self.register_parameter(name, torch.nn.Parameter(torch.full((1000,), first + index)))
        self.two.data[3] = torch.nan


def loaded(path: Path, first: float = 1.0) -> Model:
    """A model whose tensors are the pages of its file, as loading has it."""
    save_file(Model(first).state_dict(), path)
    model = Model()
    for name, tensor in mapped_tensors(path, NAMES).items():
        setattr(model, name, torch.nn.Parameter(tensor))
    note_provenance(model, weights=(str(path),))
    remember_loaded(model, "")
    return model


def values(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: each.detach().clone() for name, each in model.named_parameters()}


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name].view(torch.uint8), other[name].view(torch.uint8)) for name in NAMES)


def host(budget: int, folder: Path | None = None, memory: DeviceMemory | None = None) -> HostMemory:
    made = HostMemory(budget, folder, [memory or CloneMemory()])
    made.memories[0].host = made
    return made


def in_files(made: HostMemory, *models: torch.nn.Module) -> list[str]:
    return [
        name
        for model in models
        for name, tensor in model.named_parameters()
        if made.is_in_file(tensor, made.memories[0].numbers_of(tensor))
    ]


def reads(times: Mapping[torch.nn.Module, int]) -> dict[int, int]:
    return {id(held.tensor): count for model, count in times.items() for held in held_tensors(model)}


def test_what_is_read_most_often_stays_in_memory(tmp_path: Path) -> None:
    often, seldom = loaded(tmp_path / "a.safetensors"), loaded(tmp_path / "b.safetensors", 9.0)
    made = host(4 * SIZE)
    models = {"seldom": seldom, "often": often}
    plan = made.plan(models, reads({often: 30, seldom: 1}))
    assert (plan.on_disk("often"), plan.on_disk("seldom"), plan.in_memory, plan.least) == (0, 2 * SIZE, 4 * SIZE, 0)
    assert plan.words("seldom") == "8.0 KB lies on disk, in its own files: the memory is for what is read more often"
    assert plan.words("often") == ""
    plan = made.plan(models, reads({often: 30}))
    assert plan.words("seldom").endswith(": a run reads it from there at most once")
    assert made.present(models).filed == ()
    assert host(6 * SIZE).plan(models, {}).filed == ()


def test_of_what_is_read_as_often_that_stays_which_would_have_to_be_written(tmp_path: Path) -> None:
    filed, made_here = loaded(tmp_path / "a.safetensors"), Model()
    plan = host(3 * SIZE, tmp_path).plan({"filed": filed, "made": made_here}, {})
    assert (plan.on_disk("filed"), plan.on_disk("made")) == (3 * SIZE, 0)


def test_tensors_are_the_pages_of_their_file_and_the_same_parameters(tmp_path: Path) -> None:
    model = loaded(tmp_path / "a.safetensors")
    before, objects = values(model), list(model.parameters())
    made = host(SIZE)
    made.arrange({"model": model}, {})
    assert in_files(made, model) == ["two", "three"]
    assert same(values(model), before)
    assert all(one is other for one, other in zip(objects, model.parameters(), strict=True))
    assert is_as_loaded(model)
    present = made.present({"model": model})
    assert present.words("model") == "8.0 KB lies on disk, in its own files"
    # Nothing is moved that lies where it should.
    pointers = [each.data_ptr() for each in model.parameters()]
    made.arrange({"model": model}, {})
    assert [each.data_ptr() for each in model.parameters()] == pointers


def test_what_lies_in_a_file_goes_to_the_device_and_takes_no_memory_of_the_host(tmp_path: Path) -> None:
    model, memory = loaded(tmp_path / "a.safetensors"), CloneMemory()
    made, before = host(0, memory=memory), values(model)
    made.arrange({"model": model}, {})
    pointers = [each.data_ptr() for each in model.parameters()]
    for _ in range(2):
        memory.bring("model", model)
        assert same(values(model), before)
        assert not {each.data_ptr() for each in model.parameters()} & set(pointers)
        assert in_files(made, model) == list(NAMES)
        memory.drop("model", model)
        assert [each.data_ptr() for each in model.parameters()] == pointers
    assert memory.on_host == []


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_is_written_on_the_device_comes_back_and_the_file_stays(tmp_path: Path, is_shared: bool) -> None:
    path, memory = tmp_path / "a.safetensors", CloneMemory()
    model = loaded(path)
    stored = path.read_bytes()
    made = host(SIZE, memory=memory)
    made.arrange({"model": model}, {})
    other = torch.nn.Module()
    other.shared = model.three
    memory.bring("model", model)
    if is_shared:
        memory.bring("other", other)
    model.three.data.add_(1)
    memory.drop("model", model)
    memory.drop("other", other)
    assert torch.equal(model.three, torch.full((1000,), 4.0))
    # What shares a piece with it counts as written, too, until the bytes are compared.
    assert in_files(made, model) == []
    assert path.read_bytes() == stored
    # It is in no file any more, so it has to stay, and what was in memory goes.
    made.arrange({"model": model}, {})
    assert in_files(made, model) == ["one", "two"]


def test_numbers_written_past_torchs_counters_are_not_taken_for_those_of_the_file(tmp_path: Path) -> None:
    model = loaded(tmp_path / "a.safetensors")
    model.one.data.mul_(5)
    made, changed = host(SIZE), values(model)
    made.arrange({"model": model}, {})
    assert in_files(made, model) == ["two", "three"]
    assert same(values(model), changed)
    with pytest.raises(ComponentError, match=r"4\.0 KB have to be in the host's memory \(model 4\.0 KB\)"):
        host(0).arrange({"model": model}, {})
    # Written once more, it may be as in the file again.
    with torch.no_grad():
        model.one.fill_(1.0)
    made = host(0)
    made.arrange({"model": model}, {})
    assert in_files(made, model) == list(NAMES)


def test_what_no_file_has_is_refused_with_the_least_that_serves(tmp_path: Path) -> None:
    model, filed = Model(), loaded(tmp_path / "a.safetensors")
    with pytest.raises(ComponentError) as caught:
        host(SIZE).arrange({"filed": filed, "cast": model}, {})
    assert str(caught.value) == (
        "Weights of 12.0 KB have to be in the host's memory (cast 12.0 KB), and host_memory is 4.0 KB. No file has them as they are: they were "
        "cast, changed or made here. Raise host_memory to 12.0 KB. Load in the dtype of their files, or name a folder to which they are "
        "written: offload_folder=."
    )
    made = host(3 * SIZE)
    made.arrange({"filed": filed, "cast": model}, {})
    assert in_files(made, filed, model) == list(NAMES)


def test_what_no_file_has_is_written_to_a_folder_in_which_nothing_is_left(tmp_path: Path) -> None:
    model, folder = Model(), tmp_path / "folder"
    folder.mkdir()
    model.last = torch.nn.Parameter(torch.rand(1, 8, 4, 4).to(memory_format=torch.channels_last))
    before, last = values(model), model.last.detach().clone()
    made = host(0, folder)
    made.arrange({"model": model}, {})
    assert in_files(made, model) == [*NAMES, "last"]
    assert same(values(model), before)
    assert torch.equal(model.last, last)
    assert model.last.stride() == last.stride()
    assert list(folder.iterdir()) == []
    assert made.present({"model": model}).words("model") == f"all of it lies on disk, in files of {folder}"
    if sys.platform == "linux":
        assert str(folder) in Path("/proc/self/maps").read_text()
        del model, made, before
        gc.collect()
        assert str(folder) not in Path("/proc/self/maps").read_text()


def test_wrappers_and_what_diffusers_moves_stay_in_memory(tmp_path: Path) -> None:
    from torch.testing._internal.two_tensor import TwoTensor

    model = torch.nn.Module()
    model.wrapped = torch.nn.Parameter(TwoTensor(torch.ones(4), torch.ones(4)))
    with pytest.raises(ComponentError, match=r"They cannot be written to a file\. Raise host_memory to 32 B\."):
        host(0, tmp_path).arrange({"model": model}, {})


@pytest.mark.parametrize("is_there", [False, True])
def test_memory_is_free_afterwards(tmp_path: Path, is_there: bool) -> None:
    """Also that of a piece of which something stays in memory, and of a model that is on the device meanwhile."""
    model, memory = torch.nn.Module(), CloneMemory()
    for index in range(8):
        model.register_parameter(str(index), torch.nn.Parameter(torch.ones(1000)))
    made = host(2 * SIZE, tmp_path, memory)
    memory.bring("model", model)
    if not is_there:
        memory.drop("model", model)
    made.arrange({"model": model}, {})
    numbers = {name: memory.numbers_of(each) for name, each in model.named_parameters()}
    kept = numbers.keys() - set(in_files(made, model))
    assert len(kept) == 2
    assert {numbers[name].untyped_storage().nbytes() for name in kept} == {SIZE}
    memory.drop("model", model)
    assert all(torch.equal(each, torch.ones(1000)) for each in model.parameters())


def test_weights_that_two_components_share_count_once(tmp_path: Path) -> None:
    model, other = loaded(tmp_path / "a.safetensors"), torch.nn.Module()
    other.shared = model.one
    assert host(3 * SIZE).plan({"model": model, "other": other}, {}).in_memory == 3 * SIZE


@pytest.mark.parametrize("change", ["replaced", "gone", "reshaped", "no safetensors file"])
def test_a_file_that_is_another_one_by_now_is_not_taken(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.safetensors"
    model = loaded(path)
    before = values(model)
    path.unlink()
    if change == "replaced":
        save_file(Model(7.0).state_dict(), path)
    elif change == "reshaped":
        save_file({name: torch.ones(10, 100) for name in NAMES}, path)
    elif change == "no safetensors file":
        path.write_bytes(b"no tensors")
    with pytest.raises(ComponentError, match="No file has them as they are"):
        host(0).arrange({"model": model}, {})
    made = host(0, tmp_path)
    made.arrange({"model": model}, {})
    assert in_files(made, model) == list(NAMES)
    assert same(values(model), before)


def test_kernels_of_the_host_compute_on_pages_that_lie_as_the_memory_did(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"odd": torch.ones(3), **Model().state_dict()}, path)
    model = Model()
    note_provenance(model, weights=(str(path),))
    lines = {each.own.line for each in host(0).plan({"model": model}, {}).filed if each.own is not None}
    assert lines != {0}, "the file was meant to have tensors in the middle of a line"
    made = host(0)
    made.arrange({"model": model}, {})
    assert in_files(made, model) == list(NAMES)
    # Those that lie as in the file already, as of a model that was loaded, compute alike on the host, too.
    made = host(0, memory=DeviceMemory())
    made.arrange({"model": model}, {})
    assert in_files(made, model) == list(NAMES)
    elsewhere = Model()
    note_provenance(elsewhere, weights=(str(path),))
    with pytest.raises(ComponentError, match="have to be in the host's memory"):
        host(0, memory=DeviceMemory()).arrange({"model": elsewhere}, {})


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model()
    pointers = [each.data_ptr() for each in model.parameters()]
    monkeypatch.setattr(host_files.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5000}))
    with pytest.raises(ComponentError) as caught:
        host(0, tmp_path).arrange({"model": model}, {})
    assert str(caught.value) == (
        f"Weights of 12.3 KB that are in no file have no room in the host's memory, and offload_folder={str(tmp_path)!r} has 5.0 KB free. "
        "Name a folder with more room, or raise host_memory."
    )
    assert [each.data_ptr() for each in model.parameters()] == pointers


def test_a_folder_that_was_deleted_is_made_again_or_missed_in_words(tmp_path: Path) -> None:
    model, made, gone = Model(), host(0, tmp_path / "made"), host(0, tmp_path / "a_file" / "gone")
    (tmp_path / "a_file").write_text("")
    with pytest.raises(ComponentError, match=r"^offload_folder='.*gone': nothing can be written there: "):
        gone.arrange({"model": model}, {})
    made.arrange({"model": model}, {})
    assert not list((tmp_path / "made").iterdir())


def test_a_write_that_fails_is_said_and_leaves_no_file(tmp_path: Path) -> None:
    model = Model()
    kind, text = on_a_full_disk(5000, lambda: host(0, tmp_path).arrange({"model": model}, {}))
    assert kind == "ComponentError"
    assert text.startswith(f"Weights could not be written to offload_folder={str(tmp_path)!r}: ")
    assert list(tmp_path.iterdir()) == []


def test_a_move_that_is_cut_short_loses_nothing_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        host_files, "slabs_of", lambda numbers: [_alone(numbers, index) for index in range(len(numbers))]
    )
    written = host_files._file_of
    calls: list[int] = []

    def stopped(folder: Path, memory: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return written(folder, memory)

    monkeypatch.setattr(host_files, "_file_of", stopped)
    model = Model()
    before, made = values(model), host(0, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        made.arrange({"model": model}, {})
    assert (in_files(made, model), list(tmp_path.iterdir())) == (["one"], [])
    assert same(values(model), before)
    made.arrange({"model": model}, {})
    assert in_files(made, model) == list(NAMES)
    assert same(values(model), before)


def _alone(numbers: Any, index: int) -> Any:
    from brickwork.registry.devices.slabs import Slab

    made = Slab()
    made.take(index, numbers[index])
    return made


def test_what_comes_back_to_memory_has_a_piece_there_again(tmp_path: Path) -> None:
    model, memory = loaded(tmp_path / "a.safetensors"), CloneMemory()
    made, before = host(0, memory=memory), values(model)
    made.arrange({"model": model}, {})
    made.budget = 3 * SIZE
    made.arrange({"model": model}, {})
    assert in_files(made, model) == []
    memory.bring("model", model)
    memory.drop("model", model)
    assert len(memory.on_host) == 1
    assert same(values(model), before)


def test_what_is_arranged_in_inference_mode_can_be_trained(tmp_path: Path) -> None:
    model = Model()
    with torch.inference_mode():
        host(0, tmp_path).arrange({"model": model}, {})
    assert not any(each.is_inference() for each in model.parameters())
    model.one.sum().backward()


def test_folders_and_limits_are_looked_at_when_placement_is_turned_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = ComponentsManager()
    with pytest.raises(ComponentError, match="there is no limit: give host_memory= as well"):
        manager.enable_auto_cpu_offload("cpu", offload_folder=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ComponentError, match=r"offload_folder='.*file': nothing can be written there: "):
        manager.enable_auto_cpu_offload("cpu", host_memory="1MB", offload_folder=str(tmp_path / "file"))
    with pytest.raises(ComponentError, match="'much' is no number of bytes"):
        manager.enable_auto_cpu_offload("cpu", host_memory="much")
    unified = DeviceMemory()
    unified.is_unified = True
    with pytest.raises(
        ComponentError, match=r"its memory is the host's, so what is on the device takes both\. Leave host_memory out"
    ):
        manager.enable_auto_cpu_offload("cpu", host_memory="1MB", memory=unified)
    assert manager.placement is None
    assert checked_folder(tmp_path / "a" / "new").is_dir()
    for none in ("", 5):
        with pytest.raises(ComponentError, match=r"^offload_folder is .+; it is the path of a folder\.$"):
            checked_folder(none)  # type: ignore[arg-type]  # what a caller may give
    monkeypatch.setattr(host_files.sys, "platform", "win32")
    with pytest.raises(ComponentError, match="needs a system in which a file that is in use can be deleted"):
        checked_folder(tmp_path)
