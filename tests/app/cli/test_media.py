"""`brickwork run` writes videos and sounds as files that are played, with their recipe beside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from cli_runner import events, invoke
from family_table import families

from brickwork import load_sound, load_video
from brickwork.app.shared.recipe_code import python_code, shell_line
from brickwork.app.shared.result_files import Medium

_TASKS = {"wan": "text2video", "stable_audio": "text2audio"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, tuple[str, ...]]]:
    """A repository of a family of videos and one of sounds, with what runs are given."""
    found = {}
    for family, task in _TASKS.items():
        row = families()[family]
        folder = tmp_path_factory.mktemp(family)
        row.ready(task).save_pretrained(folder)
        given = {**row.tasks[task].given, "prompt": "a bird", "num_inference_steps": 1}
        words = [
            word
            for name, value in given.items()
            if isinstance(value, (int, float, str))
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        found[family] = (folder, tuple(words))
    return found


def run(folders: Any, family: str, *more: str) -> Any:
    folder, words = folders[family]
    return invoke("run", str(folder), *words, "--seed", "7", *more)


def test_a_video_is_written_and_made_again_by_the_recipe_beside_it(folders: Any) -> None:
    result = run(folders, "wan", "-o", "bird.mp4")
    assert (result.exit_code, result.stdout) == (0, "bird.mp4\n"), result.stderr
    frames, rate = load_video("bird.mp4")
    assert len(frames) > 1
    assert rate > 0
    assert sorted(path.name for path in Path().iterdir()) == ["bird.mp4", "bird.recipe.json"]
    assert "a bird" in invoke("info", "bird.mp4").stdout
    again = invoke("replay", "bird.mp4", "--components", str(folders["wan"][0]), "-o", "again.mp4")
    assert (again.exit_code, again.stdout) == (0, "again.mp4\n"), again.stderr
    assert Path("again.mp4").read_bytes() == Path("bird.mp4").read_bytes()


def test_a_sound_is_written_and_code_that_makes_it_again_writes_it_too(folders: Any) -> None:
    result = run(folders, "stable_audio", "-o", "bird.wav", "--json")
    assert result.exit_code == 0, result.stderr
    (output,) = events(result)[-1]["outputs"]
    assert (output["name"], output["file"]) == ("audios", "bird.wav")
    waveform, rate = load_sound("bird.wav")
    assert waveform.ndim == 2
    assert rate > 0
    assert "a bird" in invoke("info", "bird.wav").stdout
    asked = ("recipe", "bird.wav", "--repo", str(folders["stable_audio"][0]), "--as")
    printed = invoke(*asked, "workflow.yaml")
    assert printed.exit_code == 0, printed.stderr
    assert "a bird" in printed.stdout
    # The repository has its scheduler in its own file alone, and no folder for one.
    refused = invoke(*asked, "shell")
    assert refused.exit_code == 2
    assert "scheduler has settings of its own, which only a file says: --as workflow.yaml" in refused.stderr
    written = ({"start": "stable_audio.text2audio"}, "audios", Medium("sound", "sampling_rate"))
    assert shell_line(*written).endswith("--output audios -o audios.wav")
    code = python_code(*written)
    assert "output=['audios', 'sampling_rate']" in code
    assert "brickwork.export_to_sound(results['audios'][0], 'again.wav', results['sampling_rate'])" in code


@pytest.mark.parametrize(
    ("family", "ending", "load"), [("wan", ".mp4", load_video), ("stable_audio", ".wav", load_sound)]
)
def test_a_variant_of_what_is_played_is_a_file_of_its_kind(folders: Any, family: str, ending: str, load: Any) -> None:
    assert run(folders, family, "--num-inference-steps", "2", "-o", f"bird{ending}").exit_code == 0
    asked = ("branch", f"bird{ending}", "--repo", str(folders[family][0]), "--at-step", "1", "--prompt", "a fish")
    result = invoke(*asked, "-o", f"fish{ending}")
    assert (result.exit_code, result.stdout) == (0, f"fish{ending}\n"), result.stderr
    assert load(f"fish{ending}")[1] == load(f"bird{ending}")[1]
    assert Path(f"fish{ending}").read_bytes() != Path(f"bird{ending}").read_bytes()
    again = ("replay", f"fish{ending}", "--components", str(folders[family][0]))
    assert "The same, to the byte." in invoke(*again).stderr
    assert "Leave -o out to compare it." in " ".join(invoke(*again, "-o", f"again{ending}").stderr.split())
    assert invoke(*asked, "-o", "a.png").exit_code == 2


def test_without_a_name_it_takes_the_usual_format_and_none_is_taken_twice(folders: Any) -> None:
    for number in (1, 2):
        assert run(folders, "stable_audio").stdout == f"audios-{number}.wav\n"


def test_numbers_go_where_they_went(folders: Any) -> None:
    assert run(folders, "stable_audio", "-o", "bird.safetensors").stdout == "bird.safetensors\n"
    result = run(folders, "stable_audio", "--output-type", "latent", "-o", "bird.wav")
    assert (result.exit_code, Path("bird.wav").exists()) == (2, False)
    assert "-o bird.wav: audios goes into a file that ends in .safetensors." in result.stderr


@pytest.mark.parametrize(
    ("family", "name", "said"),
    [
        (
            "wan",
            "a.png",
            "-o a.png: videos goes into a file that ends in .mp4 or .mov or .mkv or .gif or .safetensors.",
        ),
        ("wan", "a.wav", "-o a.wav: videos goes into a file that ends in .mp4"),
        (
            "wan",
            "a.webm",
            "the name ends in .png for images, in .mp4, .mov, .mkv, .gif for videos, and in .safetensors",
        ),
        ("stable_audio", "a.mp3", "in .wav, .flac for audios"),
        ("stable_audio", "a.mp4", "-o a.mp4: audios goes into a file that ends in .wav or .flac or .safetensors."),
    ],
)
def test_another_format_is_refused_before_anything_is_computed(folders: Any, family: str, name: str, said: str) -> None:
    result = run(folders, family, "-o", name)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not list(Path().iterdir())


@pytest.mark.parametrize(("family", "package"), [("wan", "av"), ("stable_audio", "soundfile")])
def test_without_the_package_the_line_that_installs_it_is_said(
    folders: Any, family: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    result = run(folders, family, "-o", "a.mp4" if family == "wan" else "a.flac")
    assert result.exit_code == 3
    assert f"pip install {package}" in " ".join(result.stderr.split())


def test_a_video_without_its_recipe_says_where_it_would_be(folders: Any) -> None:
    Path("other.mp4").write_bytes(b"no recipe")
    result = invoke("info", "other.mp4")
    assert result.exit_code == 3
    assert "there is no other.recipe.json" in " ".join(result.stderr.split())
