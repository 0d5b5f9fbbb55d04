"""Workflows that make videos and sounds: their files are played, and their runs are repeated."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from media_makers import Makers, media_makers
from served import Client, Served

from brickwork import load_sound, load_video
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings
from brickwork.state.value_file import load_values


@pytest.fixture(scope="module")
def makers() -> Makers:
    """A pipeline of videos and one of sounds, with what they are given."""
    return media_makers()


@pytest.fixture(scope="module")
def site(makers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    workflows = [ServedWorkflow(name, name, pipe) for name, (pipe, _) in makers.items()]
    found = Served(Service(workflows, ServerSettings(queue=6, workers=1, state=tmp_path_factory.mktemp("media"))))
    yield found
    found.stop()


@pytest.fixture
def runs(site: Served, makers: dict[str, Any]) -> Any:
    """Runs a workflow with its inputs."""
    client = site.client()

    def ran(name: str, more: dict[str, Any] | None = None, **asked: Any) -> Any:
        found = client.run({**makers[name][1], **(more or {})}, workflow=name, seed=7, **asked)
        assert found["status"] == "finished", found["error"]
        return found

    return ran


def file_of(client: Client, run: Any, folder: Path, index: int = 0) -> tuple[Path, str]:
    told = run["outputs"][index]
    answer = client.get(told["url"])
    path = folder / f"got{Path(told['url']).suffix}"
    path.write_bytes(answer.body)
    return path, answer.headers["content-type"]


def test_a_video_is_a_file_that_browsers_play_in_the_rate_of_the_run(
    site: Served, runs: Any, makers: Any, tmp_path: Path
) -> None:
    run = runs("film")
    path, kind = file_of(site.client(), run, tmp_path)
    pipe, given = makers["film"]
    state = pipe(**given, seed=7)
    frames, rate = load_video(path)
    assert (kind, path.suffix) == ("video/mp4", ".mp4")
    assert [each["name"] for each in run["outputs"]] == ["videos"] * len(state.videos)
    assert (len(frames), frames[0].size, rate) == (len(state.videos[0]), state.videos[0][0].size, state.frame_rate)


def test_a_sound_is_a_wav_file_with_the_very_numbers(site: Served, runs: Any, makers: Any, tmp_path: Path) -> None:
    run = runs("tune")
    path, kind = file_of(site.client(), run, tmp_path)
    pipe, given = makers["tune"]
    state = pipe(**given, seed=7)
    waveform, rate = load_sound(path)
    assert (kind, rate) == ("audio/wav", state.sampling_rate)
    assert waveform.equal(state.audios[0])


def test_a_part_of_a_file_is_sent_to_who_jumps_in_it(site: Served, runs: Any) -> None:
    run = runs("film")
    answer = site.client().get(run["outputs"][0]["url"], Range="bytes=0-9")
    assert (answer.status, len(answer.body)) == (206, 10)


@pytest.mark.parametrize(("name", "form"), [("film", "np"), ("film", "latent"), ("tune", "latent")])
def test_numbers_that_are_asked_for_are_values(site: Served, runs: Any, name: str, form: str) -> None:
    run = runs(name, {"output_type": form})
    assert [Path(each["url"]).suffix for each in run["outputs"]] == [".safetensors"]


def test_the_rate_is_kept_where_it_is_asked_for_too(site: Served, runs: Any, tmp_path: Path) -> None:
    run = runs("tune", output=["audios", "sampling_rate"])
    assert [(each["name"], Path(each["url"]).suffix) for each in run["outputs"]][-1] == (
        "sampling_rate",
        ".safetensors",
    )
    path, _ = file_of(site.client(), run, tmp_path, -1)
    assert load_values(path)[0]["sampling_rate"] > 0


@pytest.mark.parametrize("name", ["film", "tune"])
def test_a_run_is_repeated_to_the_byte_and_written_as_a_command(site: Served, runs: Any, name: str) -> None:
    client, run = site.client(), runs(name)
    again = client.ended(client.post(f"/api/runs/{run['id']}/replay").data["id"])
    assert again["verdict"]["same"] is True
    assert [each["sha256"] for each in again["outputs"]] == [each["sha256"] for each in run["outputs"]]


def test_a_video_is_no_input_of_another_run_and_what_is_is_said(site: Served, runs: Any) -> None:
    run = runs("film")
    given = {"prompt": {"$run": run["id"], "output": "videos", "index": 0}}
    answer = site.client().post("/api/runs", {"workflow": "film", "inputs": given})
    assert answer.status == 422
    assert 'output_type "np"' in answer.error["message"]


@pytest.mark.parametrize(("name", "package"), [("film", "av"), ("tune", "soundfile")])
def test_without_the_package_a_run_is_refused_before_it_waits(
    site: Served, makers: Any, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    answer = site.client().post("/api/runs", {"workflow": name, "inputs": makers[name][1]})
    assert (answer.status, answer.error["type"]) == (409, "MissingPackageError")
    assert package in answer.error["message"]


def test_frames_of_odd_sides_are_a_gif(tmp_path: Path) -> None:
    from PIL import Image

    from brickwork.app.server.run_outputs import write_outputs
    from brickwork.app.shared.result_files import Medium

    video = [Image.new("RGB", (9, 7), color) for color in ("red", "blue")]
    found = write_outputs({"videos": [video]}, tmp_path, {"videos": Medium("video", "fps")}, {"fps": 4.0})
    assert found[0]["file"] == "0-0.gif"
    assert Image.open(io.BytesIO((tmp_path / "0-0.gif").read_bytes())).n_frames == 2
