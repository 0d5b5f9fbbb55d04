"""Help, completion and errors of a target that was opened before need no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from brickwork.app.cli.shared import known_targets
from brickwork.app.cli.shared.known_targets import FORMAT, keep_target, known_target
from brickwork.app.cli.shared.targets import target_of

DESCRIBED = {"properties": {}, "required": []}


def test_what_was_kept_is_known_until_something_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.yaml").write_text("start: one")
    target = target_of("a.yaml")
    assert known_target(target) is None
    keep_target(target, DESCRIBED)
    assert known_target(target) == {"format": FORMAT, **DESCRIBED}
    with monkeypatch.context() as patch:
        patch.setattr(known_targets, "__version__", "9")
        assert known_target(target) is None
    with monkeypatch.context() as patch:
        patch.setattr(known_targets, "own_sources", lambda: ["another.py 1 1"])
        assert known_target(target) is None
    with monkeypatch.context() as patch:
        patch.setattr(known_targets, "FORMAT", 0)
        assert known_target(target) is None
    Path("a.yaml").write_text("start: two")
    assert known_target(target) is None


def test_a_broken_file_counts_as_none(cli_home: Path) -> None:
    Path("b.yaml").write_text("start: one")
    target = target_of("b.yaml")
    before = set((cli_home / "schemas").glob("*.json"))
    keep_target(target, DESCRIBED)
    (kept,) = set((cli_home / "schemas").glob("*.json")) - before
    for text in ("{", "[]", '{"format": 0}'):
        kept.write_text(text)
        assert known_target(target) is None


def test_a_home_that_cannot_be_written_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").touch()
    monkeypatch.setenv("BRICKWORK_HOME", "file")
    keep_target(target_of("embedded"), DESCRIBED)
    assert known_target(target_of("embedded")) is None


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(known_targets, "_MOST", 2)
    Path("c.yaml").touch()
    for number in range(4):
        Path("c.yaml").write_text(str(number))
        keep_target(target_of("c.yaml"), DESCRIBED)
    assert len(list((tmp_path / "home" / "schemas").iterdir())) == 2


def test_help_errors_and_completion_of_a_known_target_import_no_torch(apple: Path) -> None:
    """In a process of its own, in which nothing is imported before."""
    script = textwrap.dedent("""
        import json, os, sys
        from click.testing import CliRunner
        from brickwork.app.cli.main import cli

        def run(*words, **env):
            result = CliRunner().invoke(cli, list(words), env=env)
            return [result.exit_code, result.output]

        found = [
            run("--help"), run("run", "--help"), run("run", "embedded", "--help"), run("run", "embedded", "--promt", "x"),
            run("inputs", "embedded", "--schema"), run("run", "nothing.yaml"), run("rum"), run("completion", "zsh"),
            run("run", "--prompt", "x", "embedded"), run("run", "--quiet", "embedded", "--promt", "x"), run("run", "-o", "a.png", "embedded", "--help"),
            run(COMP_WORDS="brickwork run embedded --output-type n", COMP_CWORD="4", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork run embedded --set denoise.denoiser.b", COMP_CWORD="4", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork run embedded --guider Classifier", COMP_CWORD="4", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork run embedded --scheduler euler", COMP_CWORD="4", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork run none.yaml --prom", COMP_CWORD="3", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork run sdxl.auto --prom", COMP_CWORD="3", BRICKWORK_HOME="new", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork run emb", COMP_CWORD="2", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork ru", COMP_CWORD="1", _BRICKWORK_COMPLETE="bash_complete"),
            run(COMP_WORDS="brickwork run embedded --num-inf", COMP_CWORD="3", _BRICKWORK_COMPLETE="bash_complete"),
        ]
        print(json.dumps([found, "torch" in sys.modules, "diffusers" in sys.modules, "transformers" in sys.modules]))
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr
    found, *heavy = json.loads(done.stdout)
    assert heavy == [False, False, False]
    assert [code for code, _ in found] == [0, 0, 0, 2, 0, 3, 2, 0, 2, 2, 0, *[0] * 9]
    assert "--num-inference-steps INTEGER" in found[2][1]
    assert "'--prompt'" in found[3][1]
    assert json.loads(found[4][1])["anyOf"][0] == {"required": ["prompt"]}
    assert "--prompt may be an input: TARGET comes before it" in found[8][1]
    assert "'--prompt'" in found[9][1]
    assert "--num-inference-steps INTEGER" in found[10][1]
    assert [text.rstrip("\n") for _, text in found[11:]] == [
        "plain,np",
        "plain,denoise.denoiser.batching=",
        "plain,ClassifierFreeGuidance\nplain,ClassifierFreeZeroStarGuidance\nplain,ClassifierGuidance",
        "plain,euler\nplain,euler_a\nplain,euler_ancestral\nplain,euler_beta\nplain,euler_exponential\nplain,euler_karras",
        "",
        "",
        "plain,embedded\nfile,emb",
        "plain,run",
        "plain,--num-inference-steps",
    ]
