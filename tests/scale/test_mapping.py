"""`scale.map`: a table through a workflow here, in processes and on Ray, each row once, whatever ends in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from painted import Other, Paint, Tagged
from PIL import Image
from required import missing

import brickwork
from brickwork import ModularPipeline, SequentialPipelineBlocks, replay, scale
from brickwork.registry.identity.library_code import process_words
from brickwork.scale.job import job_of
from brickwork.scale.worker import Worker
from brickwork.state import CompositionError, InputError, RepoError, RunError

SUPPORT = str(Path(__file__).parents[1] / "support")


def painting(block: type = Paint) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict({"paint": block}).init_pipeline()


def rows(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"row {number}", "seed": number} for number in range(count)]


def pixels(report: scale.Report) -> list[bytes]:
    return [bytes_of(file) for file in report.files]


def bytes_of(file: Path) -> bytes:
    with Image.open(file) as image:
        return image.tobytes()


@pytest.fixture(scope="module", params=["processes", "ray"])
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where workers are; Ray's cluster is started once."""
    if request.param == "ray":
        try:
            import ray
        except ImportError:
            missing("ray", "Ray is not installed: pip install 'brickwork[ray]'")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=100 * 2**20,
                 runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([SUPPORT, *filter(None, sys.path)])}})  # fmt: skip
    yield request.param
    if request.param == "ray":
        ray.shutdown()


def test_rows_here_are_runs_of_their_inputs_and_named_by_what_they_are(tmp_path: Path) -> None:
    pipe, seen = painting(), []
    report = scale.map(
        pipe,
        [*rows(3), {"prompt": "raise"}, {"prompt": "row 0", "seed": 0}],
        tmp_path,
        on="here",
        retries=1,
        watch=seen.append,
    )
    assert report.counts == {"made": 3, "there": 1, "failed": 1, "aside": 0}
    assert str(report) == "3 made, 1 were there, 1 failed"
    assert [each.row for each in seen] == [1, 2, 3, 4, 5]
    assert report.there[0].files == report.made[0].files
    alone = pipe(prompt="row 1", seed=1, output="images")[0]
    assert pixels(report)[1] == alone.tobytes()
    (failed,) = json.loads((tmp_path / "failed.json").read_text())
    assert (failed["row"], failed["type"], failed["message"]) == (4, "MemoryError", "none left")
    # The same call makes nothing anew; other rows have other names, and another seed is another row.
    assert scale.map(pipe, rows(3), tmp_path, on="here").counts == {"made": 0, "there": 3, "failed": 0, "aside": 0}
    assert not (tmp_path / "failed.json").exists()
    assert scale.map(pipe, [{"prompt": "row 1", "seed": 2}], tmp_path, on="here").counts["made"] == 1
    # What all rows share is an input of each, unless the row says its own.
    shared = scale.map(
        pipe, [{"seed": 1}, {"seed": 0, "prompt": "row 0"}], tmp_path, on="here", inputs={"prompt": "row 1"}
    )
    assert shared.counts["there"] == 2
    assert sorted(each.name for each in tmp_path.iterdir() if each.suffix != ".png") == []


def test_workers_end_and_each_row_is_there_once_in_order_as_here(place: str, tmp_path: Path, many: int) -> None:
    # Each end costs the start of a worker: one is ended three times in processes, one once on Ray, and with --long both in both.
    kills = place == "processes" or many > 1
    ends = place == "ray" or many > 1
    count = 10 * many
    once = {"prompt": f"once {tmp_path / 'once'}" if ends else "plain", "seed": 3}
    given = [*rows(count), once, *([{"prompt": "kill"}] if kills else []), *rows(count + 4)[count:]]
    seen: list[scale.Outcome] = []
    report = scale.map(painting(), given, tmp_path / "out", on=place, workers=2, watch=seen.append)  # type: ignore[arg-type]
    assert [each.row for each in seen] == list(range(1, len(given) + 1))
    # An actor that ends may take with it the answer of the row before, whose image is then there already when it is asked for again.
    there = report.counts["there"]
    assert there <= ends
    assert report.counts == {"made": count + 5 - there, "there": there, "failed": 0, "aside": int(kills)}
    assert len(report.ended) == 3 * kills + ends
    if place == "processes":
        assert all(
            each.startswith("was killed (SIGKILL); it said last:\n") and "about to end" in each for each in report.ended
        )
    assert len({each.worker for each in report.made}) > 1
    serial = scale.map(painting(), [each for each in given if each["prompt"] != "kill"], tmp_path / "serial", on="here")
    assert pixels(report) == pixels(serial)
    assert not [file for file in (tmp_path / "out").iterdir() if file.suffix not in (".png", ".json")]
    with Image.open(report.files[4]) as image:
        assert replay(image, blocks=painting().blocks).tobytes() == image.tobytes()
    if not kills:
        return
    assert report.aside[0].error["message"].startswith("It has ended 3 workers and is put aside.")
    # The row is known to end workers, and is not tried by the same call.
    again = scale.map(painting(), given, tmp_path / "out", on=place, workers=1)  # type: ignore[arg-type]
    assert (again.counts, again.ended) == ({"made": 0, "there": count + 5, "failed": 0, "aside": 1}, [])


DRIVER = """
import sys
sys.path[:0] = [{support!r}]
from painted import Paint
from brickwork import SequentialPipelineBlocks, scale
rows = [{{"prompt": "wait 0.05", "seed": number}} for number in range(40)]
report = scale.map(SequentialPipelineBlocks.from_blocks_dict({{"paint": Paint}}).init_pipeline(), rows, sys.argv[1], workers=1)
print(report)
"""


def test_a_driver_that_was_killed_goes_on_with_the_same_call(tmp_path: Path) -> None:
    script, out = tmp_path / "driver.py", tmp_path / "out"
    script.write_text(DRIVER.format(support=SUPPORT))
    command = [sys.executable, str(script), str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 120
    while len(list(out.glob("*.png"))) < 5:
        assert first.poll() is None, "it ended by itself"
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    there = len(list(out.glob("[!.]*.png")))
    second = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=200)
    words = second.stdout.split()
    assert (int(words[0]) + int(words[2]), int(words[5])) == (40, 0)
    assert int(words[2]) >= there >= 5
    serial = scale.map(
        painting(), [{"prompt": "wait 0.05", "seed": number} for number in range(40)], tmp_path / "serial", on="here"
    )
    made = {file.name: bytes_of(file) for file in out.glob("*.png")}
    assert sorted(made.values()) == sorted(pixels(serial))


def test_another_block_on_a_worker_is_refused(tmp_path: Path) -> None:
    job, _ = job_of(painting(), tmp_path)
    data = json.loads(json.dumps(job.to_dict()))
    assert "record" in Worker(data).ready()
    renamed = {
        **data,
        "workflow": data["workflow"].replace("painted:Paint", "painted:Other"),
        "blocks": ["painted:Other"],
    }
    error = Worker(renamed).ready()["error"]
    assert error["type"] == "CompositionError"
    assert any("paint" in each and each.startswith("worker ") for each in error["faults"])
    code = json.loads(json.dumps(data).replace(data["record"]["composition"]["blocks"]["paint"]["code"], "0" * 32))
    assert "the code of painted:Paint differs" in " ".join(Worker(code).ready()["error"]["faults"])
    software = json.loads(json.dumps(data))
    software["record"]["software"]["diffusers"] = "0.1"
    assert "diffusers: 0.1, and " in " ".join(Worker(software).ready()["error"]["faults"])
    software["record"]["software"] = {**data["record"]["software"], "python": "3.0"}
    assert "record" in Worker(software).ready()
    elsewhere = {**data, "folder": str(tmp_path / "none")}
    assert "there is no folder" in Worker(elsewhere).ready()["error"]["faults"][0]
    gone = {**data, "out": str(tmp_path / "none")}
    assert Worker(gone).ready()["error"]["type"] == "RepoError"


def test_techniques_travel(tmp_path: Path) -> None:
    pipe = brickwork.embedded()
    pipe.apply("unet", Tagged(tag=3), "ChannelsLast")
    job, opened = job_of(pipe, tmp_path)
    assert job.techniques == ("painted:Tagged",)
    assert opened.techniques == pipe.techniques


def test_what_is_only_in_memory_does_not_travel(tmp_path: Path) -> None:
    class Local(Paint):
        pass

    for block, words in ((Local, "is defined within a function"), (_of_the_script(), "is in the script that runs")):
        with pytest.raises(CompositionError, match=words):
            scale.map(painting(block), rows(1), tmp_path)
    edited = brickwork.embedded()
    next(edited.unet.parameters()).data.add_(1)
    with pytest.raises(RepoError, match="unet"):
        scale.map(edited, rows(1), tmp_path)
    with pytest.raises(InputError, match=r"A job is of a pipeline, a workflow file, .* and not of an int"):
        scale.map(3, rows(1), tmp_path)  # type: ignore[arg-type]
    with pytest.raises(CompositionError, match="no_such_module:Paint cannot be imported"):
        scale.map(_file(tmp_path), rows(1), tmp_path, blocks=["no_such_module:Paint"])
    with pytest.raises(InputError, match=r"There is no file none.yaml"):
        scale.map("none.yaml", rows(1), tmp_path)


def _of_the_script() -> type:
    return type("Mine", (Other,), {"__module__": "__main__", "__qualname__": "Mine"})


def _file(folder: Path) -> Path:
    from brickwork import save_workflow

    save_workflow(painting(), folder / "mine.yaml")
    return folder / "mine.yaml"


def test_a_workflow_file_names_its_blocks_and_a_repository_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    file = _file(tmp_path)
    report = scale.map(file, rows(2), tmp_path / "out", on="here", blocks=[Paint])
    assert report.counts["made"] == 2
    painting().save_pretrained(tmp_path / "repo")
    with pytest.raises(brickwork.TrustError):
        scale.map(str(tmp_path / "repo"), rows(1), tmp_path / "untrusted", on="here")
    made = scale.map(str(tmp_path / "repo"), rows(2), tmp_path / "trusted", on="here", trust_remote_code=True)
    assert pixels(made) == pixels(report)
    assert (tmp_path / "trusted" / "brickwork.lock").is_file()
    job, _ = job_of(str(tmp_path / "repo"), tmp_path / "trusted", trust=True)
    assert (job.granted, json.loads(job.lock)["brickwork_lock"]) == (True, 1)
    assert "record" in Worker(json.loads(json.dumps(job.to_dict()))).ready()
    code = tmp_path / "repo" / "painted.py"
    code.write_text(code.read_text() + "\n# edited\n")
    error = Worker(json.loads(json.dumps(job.to_dict()))).ready()["error"]
    assert error["type"] == "TrustError"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"on": "prcesses"}, "on='prcesses' is unknown. Did you mean 'processes'?"),
        ({"workers": 0}, "workers=0: at least one is needed."),
        ({"workers": True}, "workers=True: at least one is needed."),
        ({"workers": 2, "on": "here"}, "workers=2: here is one worker."),
    ],
)
def test_options_that_are_none_are_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        scale.map(painting(), rows(1), tmp_path, **options)
    assert str(caught.value) == said


def test_a_print_of_its_own_makes_a_process_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    painting()(prompt="a", seed=1, output="images")
    before = process_words()
    monkeypatch.setattr("builtins.print", lambda *_: None)
    assert process_words() == before
    # One that no other thread of this process calls meanwhile.
    monkeypatch.setattr("builtins.oct", lambda _: "3")
    changed = process_words()
    monkeypatch.undo()
    assert changed != before == process_words()


def test_one_map_writes_into_a_folder(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / ".brickwork-map.lock"),
        pytest.raises(InputError, match="Another map writes into .* Wait for it"),
    ):
        scale.map(painting(), rows(1), tmp_path, on="here")
    assert scale.map(painting(), rows(1), tmp_path, on="here").counts["made"] == 1


def test_half_written_files_of_workers_that_ended_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".a.png.x.tmp.png").write_bytes(b"half")
    (tmp_path / "mine.tmp.png").write_bytes(b"mine")
    scale.map(painting(), rows(1), tmp_path, on="here")
    assert not (tmp_path / ".a.png.x.tmp.png").exists()
    assert (tmp_path / "mine.tmp.png").exists()


def test_failed_rows_alone_are_run_again(tmp_path: Path) -> None:
    given = [{"prompt": "raise", "name": "a"}, {"prompt": "row", "name": "b"}, {"prompt": "raise"}]
    assert scale.map(painting(), given, tmp_path, on="here", retries=0).counts["failed"] == 2
    (tmp_path / "attempts.json").write_text(json.dumps({"a": {"row": "x", "ends": 3, "last": ""}}))
    mended = [{**each, "prompt": "row"} for each in given]
    seen: list[scale.Outcome] = []
    assert scale.map(painting(), mended, tmp_path, on="here", failed_only=True, watch=seen.append).counts["made"] == 2
    assert [each.row for each in seen] == [1, 3]
    assert scale.map(painting(), mended, tmp_path, on="here", failed_only=True).counts == {
        "made": 0,
        "there": 0,
        "failed": 0,
        "aside": 0,
    }


def test_who_stops_early_leaves_no_worker(tmp_path: Path) -> None:
    before = threading.active_count()
    found = scale.stream(painting(), [{"prompt": "wait 0.01", "seed": n} for n in range(500)], tmp_path, workers=1)
    pid = int(next(found).worker.partition(":")[2])
    assert Path(f"/proc/{pid}").exists() or sys.platform != "linux"
    found.close()  # type: ignore[attr-defined]
    until = time.monotonic() + 20
    while threading.active_count() > before:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()
    assert len(list(tmp_path.glob("*.png"))) < 500


def test_a_worker_that_cannot_start_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "brickwork.scale.processes._COMMAND", (sys.executable, "-c", "import sys; sys.exit('no such thing')")
    )
    with pytest.raises(RunError, match="ended with exit code 1; it said last:\nno such thing"):
        scale.map(painting(), rows(1), tmp_path)
