"""Processes that are killed, disks that are full: what was there stays, or the new is there as a whole."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import Hub

from brickwork import ModularPipelineBlocks, RepoError, SequentialPipelineBlocks
from brickwork.blocks.composition import describe
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry import ComponentSpec
from brickwork.state import folder_update

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


def killed_at(number: int, within: Path, work: Callable[[], object]) -> Callable[[], object]:
    """Work that is killed before its n-th change of files within a folder."""
    left = [number]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        is_write = event in WRITES or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if is_write and str(within) in " ".join(map(str, args)):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def killed() -> None:
        sys.addaudithook(hook)
        work()

    return killed


def test_a_save_that_is_killed_at_any_write_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    seen = []
    for number in range(1, 200):
        OLD.save_pretrained(folder)
        (folder / "mine.txt").write_text("kept")
        status = in_child(killed_at(number, folder, lambda: NEW.save_pretrained(folder)))
        found = describe(ModularPipelineBlocks.from_pretrained(folder))
        assert found in (describe(OLD), describe(NEW)), f"killed at write {number}"
        assert (folder / "mine.txt").read_text() == "kept"
        seen.append(found == describe(NEW))
        if status == 0:
            break
    assert status == 0
    assert len(seen) > 20
    assert seen == sorted(seen), "once the new state is there it stays"
    assert seen[0] is False
    NEW.save_pretrained(folder)
    assert not [path for path in folder.iterdir() if path.name.startswith(".brickwork")]


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
    hub: Hub, tiny_folder: Path, tmp_path: Path
) -> None:
    hub.add_folder("you/models", tiny_folder)
    expected = ComponentSpec("vae", "diffusers:AutoencoderKL", repo=str(tiny_folder), subfolder="vae").load()
    status = -9
    for number in range(1, 100, 3):
        cache = tmp_path / f"cache{number}"
        spec = ComponentSpec("vae", "diffusers:AutoencoderKL", repo="you/models", subfolder="vae")
        status = in_child(killed_at(number, cache, lambda s=spec, c=cache: s.load(cache_dir=str(c))))
        loaded = spec.load(cache_dir=str(cache))
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), expected.parameters(), strict=True))
        if status == 0:
            break
    assert status == 0


def test_a_publish_that_is_killed_at_any_request_leaves_the_old_or_the_new(hub: Hub) -> None:
    states = []
    for number in range(1, 40):
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


def test_two_processes_load_into_one_cache(hub: Hub, tiny_folder: Path, tmp_path: Path) -> None:
    hub.add_folder("you/models", tiny_folder)
    code = f"""
        from brickwork.registry import ComponentSpec
        spec = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo="you/models", subfolder="unet")
        print(sum(p.double().sum().item() for p in spec.load(cache_dir={str(tmp_path / "one")!r}).parameters()))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert len({process.communicate()[0] for process in running}) == 1
    assert all(process.returncode == 0 for process in running)


@pytest.mark.skipif(not Path("/proc/sys").is_dir(), reason="needs a place that nobody can write to")
def test_a_cache_that_cannot_be_written_is_said(hub: Hub, tiny_folder: Path) -> None:
    hub.add("you/blocks", {"brickwork.json": b"{}"})
    with pytest.raises(RepoError, match="could not be downloaded"):
        ModularPipelineBlocks.from_pretrained("you/blocks", cache_dir="/proc/sys/hub")


@pytest.mark.parametrize(
    "text",
    [
        "{}", "no", '{"from": "x", "files": []}', '{"from": ".brickwork-new-x", "files": ["../../evil"]}',
        '{"from": ".brickwork-new-/../..", "files": ["a"]}', '{"from": ".brickwork-new-x", "files": ["/etc/x"]}',
    ],
)  # fmt: skip
def test_a_list_of_moves_of_somebody_else_is_refused(text: str, tmp_path: Path) -> None:
    OLD.save_pretrained(tmp_path / "repo")
    (tmp_path / "repo" / folder_update.LIST).write_text(text)
    with pytest.raises(RepoError, match=r"is broken|places outside"):
        ModularPipelineBlocks.from_pretrained(tmp_path / "repo")


def test_a_second_writer_waits_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    (tmp_path / "repo").mkdir()
    monkeypatch.setattr(
        folder_update, "FileLock", lambda path, timeout: filelock.FileLock(path, timeout=0.05, is_singleton=False)
    )
    held = filelock.FileLock(tmp_path / "repo" / ".brickwork-lock", is_singleton=False)
    with held, pytest.raises(RepoError, match="Another process is writing to"):
        NEW.save_pretrained(tmp_path / "repo")
