"""What bench has measured is shown by explain, with where it is from, and not when it is stale."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_runner import invoke

from brickwork.app.cli.bench import kept_words
from brickwork.app.cli.shared import profiles
from brickwork.app.cli.shared.profiles import keep_profile, profile_of, seconds_words
from brickwork.app.cli.shared.targets import Target, target_of

FEW = ("--num-inference-steps", "1", "--prompt", "a cat")


@pytest.fixture
def measured(cli_home: Path) -> Iterator[None]:
    """A profile of the embedded model; other tests see none."""
    result = invoke("bench", "embedded", *FEW, "--runs", "1")
    assert (result.exit_code, result.stderr) == (0, "brickwork explain embedded shows these seconds.\n")
    assert result.stdout.startswith("block                         seconds  calls  of all\n")
    yield
    for path in (cli_home / "profiles").iterdir():
        path.unlink()


@pytest.mark.usefixtures("measured")
def test_explain_shows_what_bench_measured_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = json.loads(invoke("bench", "embedded", *FEW, "--runs", "1", "--json").stdout)
    calls = {each["path"]: each["calls"] for each in measured["blocks"]}
    assert (calls["decode"], calls["denoise.denoiser"]) == (1, 1)
    assert measured["seconds"] > 0
    said = invoke("explain", "embedded", *FEW).stdout
    seconds = dict(line.split() for line in said.partition("seconds\n")[2].splitlines() if len(line.split()) == 2)
    assert float(seconds["decode"]) > 0
    assert "Measured by brickwork bench on 20" in said
    assert "with seed=0, prompt='a cat', num_inference_steps=1." in " ".join(said.split())
    found = json.loads(invoke("explain", "embedded", *FEW, "--json").stdout)["measured"]
    assert found["inputs"] == {"seed": 0, "num_inference_steps": 1, "prompt": "a cat"}
    assert found["blocks"]["decode"] > 0
    monkeypatch.setattr(profiles, "software", lambda: ["another"])
    stale = invoke("explain", "embedded", *FEW).stdout
    assert "with other versions of the software, and are not shown. brickwork bench embedded measures again." in stale
    assert "measured" not in json.loads(invoke("explain", "embedded", *FEW, "--json").stdout)


@pytest.mark.usefixtures("measured")
def test_explain_says_where_it_would_be_cut_over_devices() -> None:
    words = ("explain", "embedded", *FEW)
    said = " ".join(invoke(*words, "--stage", "1GB", "--stage", "1GB").stdout.split())
    assert "not split: the whole on each of 2 devices ends a run every" in said
    assert "not cut before prepare_latents, prepare_add_cond, denoise: scheduler is changed before it" in said
    found = json.loads(invoke(*words, "--stage", "3MB", "--stage", "18MB", "--json").stdout)["stages"]
    assert set(found) == {"stages", "reason", "not_cut", "period", "gain"}
    assert [stage["device"] for stage in found["stages"]] == ["device 1", "device 2"]
    assert found["stages"][0]["steps"][0] == "text_encoder.positive.encode"
    assert found["stages"][0]["hands_on"]
    assert found["gain"] > 0
    small = invoke(*words, "--stage", "14MB")
    assert small.exit_code == 2
    assert "denoise computes with 17.2 MB, and the largest device has 14.0 MB" in small.stderr


def test_where_to_cut_is_measured_first(cli_home: Path) -> None:
    assert not list(cli_home.glob("profiles/*"))
    result = invoke("explain", "embedded", *FEW, "--stage", "1GB", "--stage", "1GB")
    assert result.exit_code == 2
    assert "brickwork bench embedded, with the same inputs, measures it." in " ".join(result.stderr.split())


def test_another_device_or_target_has_a_profile_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    target = target_of("embedded")
    kept = keep_profile(target, "cpu", {"dtype": None}, {"seed": 0, "image": object()}, {"decode": 0.5})
    assert kept is not None
    found = profile_of(target, "cpu", {})
    assert found is not None
    assert (found["inputs"], found["blocks"], found["stale"]) == ({"seed": 0}, {"decode": 0.5}, False)
    assert profile_of(target, "meta", {}) is None
    assert profile_of(target, "cpu", {"dtype": "fp16"}) is None
    assert profile_of(Target("sdxl.auto", "preset", "sdxl.auto"), "cpu", {}) is None
    assert "No step of this plan was measured." in seconds_words(found, ["encode"], target)
    for broken in ("{", "[]", '{"format": 0}'):
        kept.write_text(broken)
        assert profile_of(target, "cpu", {}) is None


def test_a_branch_on_the_hub_has_none() -> None:
    branch = Target("me/x@main", "repo", "me/x", "main")
    assert (
        kept_words(branch, "cpu", {}, {}, {})
        == "Not kept for brickwork explain: what me/x@main is may change; name a commit (@...)."
    )
    assert profile_of(branch, "cpu", {}) is None


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "file"))
    said = kept_words(target_of("embedded"), "cpu", {}, {}, {})
    assert said.startswith("Not kept for brickwork explain: ")
    assert "file" in said
