"""Processes that are killed, disks that are full: what was there stays, or the new is there as a whole."""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import Hub
from in_threads import in_threads
from prepared_python import PreparedPython
from rotation import part_of

from brickwork import ModularPipelineBlocks, RepoError, SequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry import ComponentSpec, finish_save
from brickwork.registry.hub import folder_update
from brickwork.saving.composition import describe

OLD = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
NEW = SequentialPipelineBlocks.from_blocks_dict({k: v for k, v in TEXT2IMAGE_BLOCKS.items() if k != "decode"})
WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}


def in_child(work: Callable[[], object]) -> int:
    """Fork, work, and return the exit status: 0 if it came to its end, 9 if it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - a child of a fork must not come back
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def place_of(args: tuple[Any, ...]) -> str:
    """What a change of files is about, with the folders that descriptors stand for."""
    folders = [str(Path(f"/proc/self/fd/{arg}").readlink()) for arg in args[2:] if isinstance(arg, int) and arg > 2]
    return " ".join(map(str, [*args, *folders]))


def killed_at(number: int, within: Path, work: Callable[[], object]) -> Callable[[], object]:
    """Work that is killed before its n-th change of files within a folder."""
    left = [number]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        is_write = event in WRITES or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if is_write and str(within) in place_of(args if event != "open" else args[:2]):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def killed() -> None:
        sys.addaudithook(hook)
        work()

    return killed


def writes(most: int, parts: int, turn: int | None) -> list[int]:
    """The first, and then a part of those up to the most, or all."""
    return [1, *part_of(range(2, most), parts, turn)]


def tree(folder: Path) -> dict[str, bytes | str]:
    """All that is in a folder: the content of files, where links lead to."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def opened_or_finished(folder: Path) -> Any:
    """The composition in a folder. A save that was interrupted is said, changes nothing, and can be finished."""
    before, refusal = tree(folder), None
    try:
        found = describe(ModularPipelineBlocks.from_pretrained(folder))
    except RepoError as error:
        refusal = str(error)
    assert tree(folder) == before
    if refusal is None:
        return found
    assert re.search(r"was not finished.*brickwork\.registry\.finish_save", refusal)
    assert finish_save(folder)
    return describe(ModularPipelineBlocks.from_pretrained(folder))


def test_a_save_that_is_killed_at_any_write_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turn: int | None
) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    folder = tmp_path / "repo"
    seen = []
    for number in writes(200, 5, turn):
        OLD.save_pretrained(folder)
        (folder / "mine.txt").write_text("kept")
        status = in_child(killed_at(number, tmp_path, lambda: NEW.save_pretrained(folder)))
        found = opened_or_finished(folder)
        assert found in (describe(OLD), describe(NEW)), f"killed at write {number}"
        assert (folder / "mine.txt").read_text() == "kept"
        seen.append(found == describe(NEW))
        if status == 0:
            break
    assert status == 0
    assert len(seen) > (20 if turn is None else 8)
    assert seen == sorted(seen), "once the new state is there it stays"
    assert seen[0] is False
    NEW.save_pretrained(folder)
    assert not [path for path in folder.iterdir() if path.name.startswith((".brickwork", "..brickwork"))]
    assert not list((tmp_path / "home" / "saves").iterdir())


def test_a_first_save_that_is_killed_is_no_repository_or_a_whole_one(tmp_path: Path) -> None:
    for number in range(1, 200, 4):
        folder = tmp_path / f"repo{number}"
        status = in_child(killed_at(number, folder, lambda f=folder: NEW.save_pretrained(f)))
        try:
            assert describe(ModularPipelineBlocks.from_pretrained(folder)) == describe(NEW)
        except RepoError:
            assert not (folder / "brickwork.json").exists()
        if status == 0:
            break
    assert status == 0


@pytest.mark.parametrize("limit", [0, 1, 100, 1000, 5000, 15_000])
def test_a_full_disk_leaves_what_was_there(limit: int, tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    OLD.save_pretrained(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def save() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with pytest.raises(RepoError, match="File too large"):
            NEW.save_pretrained(folder)

    assert in_child(save) == 0
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".brickwork-lock"}
    assert after == before


def test_a_download_that_is_killed_at_any_write_is_mended_by_the_next(
    hub: Hub, tiny_folder: Path, tmp_path: Path, turn: int | None
) -> None:
    hub.add_folder("you/models", tiny_folder)
    expected = ComponentSpec("vae", "diffusers:AutoencoderKL", repo=str(tiny_folder), subfolder="vae").load()
    status = -9
    for number in writes(100, 6, turn):
        cache = tmp_path / f"cache{number}"
        spec = ComponentSpec("vae", "diffusers:AutoencoderKL", repo="you/models", subfolder="vae")
        status = in_child(killed_at(number, cache, lambda s=spec, c=cache: s.load(cache_dir=str(c))))
        loaded = spec.load(cache_dir=str(cache))
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), expected.parameters(), strict=True))
        if status == 0:
            break
    assert status == 0


def test_a_publish_that_is_killed_at_any_request_leaves_the_old_or_the_new(hub: Hub, turn: int | None) -> None:
    states = []
    for number in writes(40, 2, turn):
        hub.reset()
        OLD.push_to_hub("me/blocks")
        repo = hub.repos["me/blocks"]
        before, child = dict(repo.files), [0]
        asked = [number]

        def kill(method: str, path: str, asked: list[int] = asked, child: list[int] = child) -> None:
            asked[0] -= 1
            if asked[0] == 0:
                os.kill(child[0], signal.SIGKILL)

        with hub.failing(kill):
            child[0] = os.fork()
            if child[0] == 0:
                try:
                    NEW.push_to_hub("me/blocks")
                finally:
                    os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(child[0], 0)[1])
        assert describe(ModularPipelineBlocks.from_pretrained("me/blocks", cache_dir=None)) in (
            describe(OLD),
            describe(NEW),
        )
        states.append(dict(repo.files) != before)
        if status == 0:
            break
    assert status == 0
    assert states == sorted(states)
    assert states[0] is False


def test_two_processes_load_into_one_cache(
    hub: Hub, tiny_folder: Path, tmp_path: Path, prepared_python: PreparedPython
) -> None:
    hub.add_folder("you/models", tiny_folder)
    code = f"""
        from brickwork.registry import ComponentSpec
        spec = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo="you/models", subfolder="unet")
        print(sum(p.double().sum().item() for p in spec.load(cache_dir={str(tmp_path / "one")!r}).parameters()))
    """
    done = in_threads(lambda _: prepared_python.run("-c", textwrap.dedent(code)), 3)
    assert len({each.stdout for each in done}) == 1
    assert all(each.returncode == 0 for each in done)


@pytest.mark.skipif(not Path("/proc/sys").is_dir(), reason="needs a place that nobody can write to")
def test_a_cache_that_cannot_be_written_is_said(hub: Hub, tiny_folder: Path) -> None:
    hub.add("you/blocks", {"brickwork.json": b"{}"})
    with pytest.raises(RepoError, match="could not be downloaded"):
        ModularPipelineBlocks.from_pretrained("you/blocks", cache_dir="/proc/sys/hub")


BROKEN_LISTS = [
    "{}", "no", '{"from": "x", "files": []}', '{"from": ".brickwork-new-x", "files": ["../../evil"]}',
    '{"from": ".brickwork-new-/../..", "files": ["a"]}', '{"from": ".brickwork-new-x", "files": ["/etc/x"]}',
    '{"from": ".brickwork-new-x", "files": [7]}', '{"from": ".brickwork-new-x", "files": ["C:\\\\x"]}', "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "text"),
    [
        *((ModularPipelineBlocks.from_pretrained, text) for text in BROKEN_LISTS),
        *((act, text) for act in (NEW.save_pretrained, finish_save) for text in BROKEN_LISTS[3:5]),
    ],
)
def test_a_list_of_moves_that_is_broken_is_refused(act: Callable[..., Any], text: str, tmp_path: Path) -> None:
    OLD.save_pretrained(tmp_path / "repo")
    (tmp_path / "repo" / folder_update.LIST).write_text(text)
    before = tree(tmp_path)
    with pytest.raises(RepoError, match="none of ours: .*Opening changes nothing"):
        act(tmp_path / "repo")
    assert tree(tmp_path) == before


def interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save of NEW over OLD that ends when its list is in place."""
    OLD.save_pretrained(folder)
    with monkeypatch.context() as patch:
        patch.setattr(folder_update, "_move", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        assert in_child(lambda: NEW.save_pretrained(folder)) == -signal.SIGKILL
    (folder / ".brickwork-lock").unlink()


def test_an_interrupted_save_is_said_with_the_state_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repo"
    interrupted(folder, monkeypatch)
    with pytest.raises(RepoError, match=r"0 of 5 files are new, 5 are as before \(.*README.md.*\)"):
        ModularPipelineBlocks.from_pretrained(folder)
    stage = next(folder.glob(".brickwork-new-*"))
    (stage / "README.md").replace(folder / "README.md")
    with pytest.raises(RepoError, match=r"1 of 5 files are new \(README.md\), 4 are as before"):
        ModularPipelineBlocks.from_pretrained(folder)
    NEW.save_pretrained(folder)
    assert describe(ModularPipelineBlocks.from_pretrained(folder)) == describe(NEW)
    assert finish_save(folder) is False


@pytest.mark.parametrize("act", [ModularPipelineBlocks.from_pretrained, NEW.save_pretrained, finish_save])
def test_a_save_that_another_user_began_is_finished_by_nobody_else(
    act: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "repo", monkeypatch)
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "another"))
    before = tree(tmp_path / "repo")
    with pytest.raises(RepoError, match="begun by another user"):
        act(tmp_path / "repo")
    assert tree(tmp_path / "repo") == before


def test_a_list_that_was_changed_after_the_kill_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "repo", monkeypatch)
    path = tmp_path / "repo" / folder_update.LIST
    path.write_text(path.read_text().replace('"README.md"', '"mine.md"'))
    with pytest.raises(RepoError, match="begun by another user"):
        NEW.save_pretrained(tmp_path / "repo")


def test_a_second_writer_waits_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    (tmp_path / "repo").mkdir()
    monkeypatch.setattr(
        folder_update, "FileLock", lambda path, timeout: filelock.FileLock(path, timeout=0.05, is_singleton=False)
    )
    held = filelock.FileLock(tmp_path / "repo" / ".brickwork-lock", is_singleton=False)
    with held, pytest.raises(RepoError, match="Another process is writing to"):
        NEW.save_pretrained(tmp_path / "repo")
