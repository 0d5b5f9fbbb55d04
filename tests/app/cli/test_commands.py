"""Every command: its help, exit code, JSON, and what it says of a wrong option."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
from cli_runner import events, invoke
from command_table import TABLE
from rooms import ROOT

from brickwork.app.cli.main import SECTIONS, cli
from brickwork.app.cli.shared.exits import MEANINGS, meanings_of
from brickwork.presets.embedded import FOLDER

HELP = Path(__file__).parent / "help"


def commands_of(group: click.Group) -> list[tuple[str, click.Command]]:
    """The commands of a group by name."""
    context = click.Context(group)
    return [(name, each) for name in group.list_commands(context) if (each := group.get_command(context, name))]


def every(group: click.Group = cli, above: str = "") -> list[str]:
    """The names of all commands, also of those within others."""
    found = []
    for name, each in commands_of(group):
        found += every(each, f"{above}{name} ") if isinstance(each, click.Group) else [f"{above}{name}"]
    return found


GROUPS = [name for name, each in commands_of(cli) if isinstance(each, click.Group)]
EVERY = every()


def words_of(name: str, apple: Path) -> list[str]:
    Path("rows.csv").touch()
    Path("FOLDER").mkdir()
    row = TABLE[name]
    return [*name.split(), *(str(apple) if word == "APPLE" else word for word in f"{row.given} {row.needs}".split())]


def test_every_command_has_a_row() -> None:
    """In command_table.py: by it all tests below look at the command."""
    assert sorted(TABLE) == sorted(EVERY)
    options = {name: {flag for param in command_at(name).params for flag in param.opts} for name in EVERY}
    assert {name for name in EVERY if "--json" in options[name]} == {name for name in EVERY if TABLE[name].json}


def command_at(name: str) -> click.Command:
    found: click.Command = cli
    for word in name.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word)  # type: ignore[assignment]  # it is there
    return found


def test_all_commands_stand_in_a_section() -> None:
    modules = {path.stem for path in (ROOT / "app" / "cli").glob("*.py")} - {"__init__", "main"}
    assert {name for names in SECTIONS.values() for name in names} == modules
    assert all(name == each.name for name, each in commands_of(cli))
    assert len(EVERY) == len(set(EVERY)) >= 24


@pytest.mark.parametrize("name", ["", *GROUPS, *EVERY], ids=lambda name: name or "brickwork")
def test_help_is_as_it_is_kept(name: str) -> None:
    """Written anew by `BRICKWORK_WRITE_HELP=1 pytest tests/app/cli/test_commands.py`."""
    import os

    result = invoke(*name.split(), "--help")
    kept = HELP / f"{name.replace(' ', '_') or 'brickwork'}.txt"
    if os.environ.get("BRICKWORK_WRITE_HELP"):
        kept.write_text(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == kept.read_text()
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_no_kept_help_is_of_a_command_that_is_gone() -> None:
    names = {name.replace(" ", "_") or "brickwork" for name in ["", *GROUPS, *EVERY]}
    assert {path.stem for path in HELP.glob("*.txt")} == names


@pytest.mark.parametrize("name", EVERY)
def test_a_wrong_option_is_refused_and_the_nearest_is_named(name: str, apple: Path) -> None:
    result = invoke(*words_of(name, apple), "--hlep")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.search(r"No such option '--hlep'\. .*--help", result.stderr)


@pytest.mark.parametrize("name", EVERY)
def test_a_wrong_option_is_an_event_where_json_was_asked_for(name: str, apple: Path) -> None:
    result = invoke(*words_of(name, apple), "--hlep", "--json")
    (event,) = events(result)
    assert (result.exit_code, result.stderr) == (2, "")
    assert (event["event"], event["type"]) == ("failed", "UsageError")
    assert event["faults"][0]["input"] == "hlep"
    assert all(fault["text"] in event["message"] for fault in event["faults"])
    assert "--hlep" in event["message"]


@pytest.mark.parametrize("name", [name for name in EVERY if TABLE[name].given])
def test_what_must_be_given_is_said(name: str) -> None:
    result = invoke(*name.split(), *TABLE[name].needs.split())
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr


@pytest.mark.parametrize("name", [name for name in EVERY if TABLE[name].absent is not None])
def test_what_is_not_there_ends_it_as_documented(name: str, apple: Path) -> None:
    row = TABLE[name]
    Path("rows.csv").write_text("prompt\na cat\n")
    words = [*name.split(), *(str(apple) if word == "APPLE" else word for word in f"{row.absent} {row.needs}".split())]
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (row.code, "")
    assert row.code in meanings_of(name)
    assert str(row.absent).split()[0] in result.stderr or name == "components show"
    if row.json:
        (event,) = events(invoke(*words, "--json"))
        assert event["event"] == "failed"


@pytest.mark.parametrize("name", EVERY)
def test_control_c_ends_it_with_130(name: str, apple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Command, "invoke", stop)
    result = invoke(*words_of(name, apple))
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "\nStopped.\n")  # below ^C
    if TABLE[name].json:
        Path("rows.csv").unlink()
        Path("FOLDER").rmdir()
        assert events(invoke(*words_of(name, apple), "--json")) == [{"event": "cancelled"}]


def test_the_page_lists_the_exit_codes() -> None:
    written = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "docs" / "command_line.md").read_text(), re.MULTILINE)
    assert {int(code): said for code, said in written} == dict(MEANINGS)


def test_an_unknown_command_names_the_nearest() -> None:
    result = invoke("exlpain")
    assert result.exit_code == 2
    assert "There is no command 'exlpain'. Did you mean 'explain'?" in result.stderr
    assert "There is no command 'zzz'.\n" in invoke("zzz").stderr


def test_the_version_is_the_package_s() -> None:
    import brickwork

    assert invoke("--version").stdout == f"brickwork {brickwork.__version__}\n"


JSON = {
    "check embedded": {"faults", "warnings", "workflows"},
    "check sdxl.auto": {"faults", "warnings", "workflows"},
    "explain embedded": {"given", "steps", "skipped", "warnings", "components", "peak"},
    "explain embedded --memory 20MB": {"given", "steps", "skipped", "warnings", "components", "peak", "memory"},
    "explain embedded --host-memory 18MB --offload-folder x": {"given", "steps", "skipped", "warnings", "components", "peak", "host_memory"},
    "inputs embedded": {"name", "type", "required", "default", "description"},
    "components list embedded": {"name", "class", "bytes", "origin", "revision"},
    "components show embedded unet": {"name", "class", "bytes", "origin", "revision", "used_by"},
    "presets list": set(),
    "presets show sdxl.inpainting": {"name", "workflows", "inputs", "components"},
    "guiders list": {"name", "description"},
    "guiders show ClassifierFreeGuidance": {"name", "description", "settings", "schema"},
    "blocks list": {"name", "description"},
    "blocks show Decode": {"description", "inputs", "outputs", "components", "options"},
    "blocks where latents": {"reads", "writes"},
    "words": {"things", "shapes", "colours", "styles", "other"},
    "words a red pinguin": {"pinguin"},
    "info APPLE": {"by", "said"},
    "recipe APPLE": {"recipe", "software", "device", "arithmetic", "process", "settings", "composition", "configs", "components", "inputs",
                     "generators", "defaults", "output", "results", "weights", "image"},
    "diff APPLE APPLE": {"same", "differences"},
    "doctor": {"name", "said", "ok"},
    "trust list": set(),
    "new block warm_tint": {"kind", "name", "files", "next"},
    "new workflow new.yaml": {"kind", "name", "files", "next"},
}  # fmt: skip


@pytest.mark.parametrize("line", JSON)
def test_a_result_in_json_has_its_keys(line: str, apple: Path) -> None:
    result = invoke(*(str(apple) if word == "APPLE" else word for word in line.split()), "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    listed = found if isinstance(found, list) else [found]
    assert listed or line == "trust list"
    assert all(set(each) == JSON[line] for each in listed if isinstance(each, dict))


TEXTS = {
    "check embedded": "0 faults, 0 warnings in 4 workflows",
    "explain embedded": "peak of components: 17.2 MB",
    "graph embedded": "flowchart",
    "graph embedded --prompt x": "flowchart",
    "inputs embedded": "num_inference_steps             INTEGER, default 50. Number of denoising steps.",
    "inputs sdxl.auto --workflow inpainting": "mask_image",
    "inputs sdxl.auto --workflow inpainting --schema": '"mask_image"',
    "components list embedded": "unet             UNet2DConditionModel         17.2 MB  embedded/unet",
    "components show embedded vae": "used_by   prepare_latents, decode",
    "presets list": "\nddpm              auto, differential, image2image, inpainting, unconditional\n",
    "presets list --all": "StableDiffusionXLPipeline",
    "presets show sdxl.auto": "Workflows: text2image, image2image, inpainting",
    "guiders list": "ClassifierFreeGuidance            Push the prediction away",
    "guiders show ClassifierFreeGuidance": "guidance_scale            7.5",
    "blocks list depth": "EstimateDepth",
    "blocks show PredictNoise": "option batching = 'auto'",
    "blocks where latents": "writes",
    "trust list": "Nothing was granted.",
    "words": "things:\n",
    "words a red pinguin": "does not know 'pinguin'. Did you mean 'penguin'?",
    "words a red penguin": "knows all of these words",
    "new block warm_tint": "warm_tint/\n  README.md\n",
    "new workflow new.yaml": "new.yaml\ntest_new.py\n",
    "completion bash": "_brickwork_completion",
    "completion zsh": "#compdef brickwork",
    "completion fish": "complete --no-files --command brickwork",
}  # fmt: skip


@pytest.mark.parametrize("line", TEXTS)
def test_a_result_is_said_in_words_on_80_columns(line: str) -> None:
    result = invoke(*line.split())
    assert result.exit_code == 0
    assert TEXTS[line] in result.stdout
    assert "\x1b" not in result.stdout


REFUSED = {
    "run sdxl.text2imag --prompt x": (2, "'sdxl.text2imag' is no preset, and no file or folder here. Did you mean 'sdxl.text2image'?"),
    "run nothing.yaml": (3, "RepoError: There is no file nothing.yaml."),
    "info embedded": (2, "info says how an image was made, and embedded is none. brickwork inputs embedded lists what it takes"),
    "info sdxl.text2image": (2, "brickwork inputs sdxl.text2image lists what it takes, with defaults."),
    "info apple": (3, "RepoError: There is no file apple."),
    "run embedded --repo x --prompt x": (2, "--repo is for presets and images; embedded says itself"),
    "run sdxl.text2image --prompt x": (3, "ComponentError"),
    "explain embedded --promt x": (2, "--prompt"),
    "explain embedded --stage lots": (2, "'lots' is no size; give 8GB, 500MB or 6GiB."),
    "explain embedded --memory lots": (2, "'lots' is no size; give 8GB, 500MB or 6GiB."),
    "explain embedded --offload-folder x": (2, "there is no limit: give --host-memory as well."),
    "explain embedded --host-memry 8GB": (2, "Did you mean '--host-memory'?"),
    "graph embedded -o plan.pdf": (2, "-o plan.pdf: the name ends in .svg, .mmd, .md."),
    "components show embedded unett": (2, "embedded has no component 'unett'. Did you mean 'unet'?"),
    "presets show sdxl.text2imag": (2, "Did you mean 'sdxl.text2image'?"),
    "guiders show ClassifierFree": (2, "There is no guider 'ClassifierFree'."),
    "blocks list zzzz": (2, "No block mentions 'zzzz'."),
    "blocks show Decod": (2, "Did you mean 'Decode'?"),
    "blocks where latnts": (2, "No block reads or writes 'latnts'. Did you mean 'latents'?"),
    "info none.png": (3, "There is no file none.png."),
    "replay none.png": (3, "There is no file none.png."),
    "diff none.png none.png": (2, "none.png"),
    "recipe none.png": (3, "There is no file none.png."),
    "branch embedded --at-step 1 --prompt x": (2, "embedded is no image (.png) with a recipe."),
    "sweep embedded --prompt x --axis guidance_scal=1,2": (2, "there is no input 'guidance_scal'. Did you mean 'guidance_scale'?"),
    "sweep embedded --prompt x --axis guidance_scale=1,b": (2, "--axis guidance_scale=1,b: 'b' is no NUMBER."),
    "sweep embedded --prompt x --axis seed=b": (2, "--axis seed=b: 'b' is no seed; give 7, 1..8 or 3,5,9."),
    "sweep embedded --prompt x --axis seed": (2, "'seed' is not of the form INPUT=VALUE"),
    "batch embedded none.csv -o out": (2, "'none.csv' does not exist"),
    "trust grant embedded": (2, "embedded brings no code; code is of folders and of repositories on the Hub."),
    "trust revoke me/none": (2, "Nothing was granted to me/none."),
    "new blok x": (2, "No such command 'blok'. Did you mean 'block'?"),
    "new block 2x": (2, "Did you mean 'x'?"),
    "completion tcsh": (2, "'tcsh' is not one of 'bash', 'zsh', 'fish'."),
}  # fmt: skip


@pytest.mark.parametrize("line", REFUSED)
def test_what_does_not_fit_is_refused_in_words_with_its_code(line: str) -> None:
    code, said = REFUSED[line]
    result = invoke(*line.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in " ".join(result.stderr.split())


def test_check_names_every_fault_of_a_file_and_ends_with_2() -> None:
    Path("broken.yaml").write_text("brickwork: 1\nstart: sdxl.text2imag\ninputz: {}\n")
    result = invoke("check", "broken.yaml")
    assert result.exit_code == 2
    assert "Did you mean 'sdxl.text2image'?" in result.stderr
    assert "inputz" in result.stderr
    found = json.loads(invoke("check", "broken.yaml", "--json").stdout)
    assert len(found["faults"]) == 2


def test_a_drawing_goes_to_a_file() -> None:
    assert invoke("graph", "embedded", "-o", "plan.svg").stdout == "plan.svg\n"
    assert Path("plan.svg").read_text().startswith("<svg")
    invoke("graph", "embedded", "--prompt", "x", "-o", "plan.mmd")
    assert "flowchart" in Path("plan.mmd").read_text()


def test_memory_says_what_comes_and_goes() -> None:
    found = json.loads(invoke("explain", "embedded", "--memory", "18MB", "--json").stdout)["memory"]
    assert found["budget"] == 18_000_000
    moved = {step["path"]: (step["comes"], step["goes"]) for step in found["steps"]}
    assert moved["text_encoder.positive.encode"] == (["text_encoder", "text_encoder_2"], [])
    assert moved["denoise"] == (["unet"], ["text_encoder", "text_encoder_2"])
    assert moved["decode"] == (["vae"], ["unet"])
    assert all((step["bytes"] <= 18_000_000) == step["fits"] for step in found["steps"])
    small = invoke("explain", "embedded", "--memory", "5MB")
    assert small.stdout.partition("With 5.0 MB for components:\n")[2] == (
        "step                          there    moved before it\n"
        "text_encoder.positive.encode  2.9 MB   text_encoder, text_encoder_2 come\n"
        "text_encoder.negative.encode  2.9 MB   -\n"
        "denoise                       17.2 MB  text_encoder, text_encoder_2 go; unet\n"
        "                                       comes\n"
        "decode                        2.6 MB   unet goes; vae comes\n"
        "Too little for denoise: what has no room comes layer by layer, which takes\n"
        "    longer. Load in fp16 (--dtype), or give more.\n"
        "What values need beside components is known only once it has run.\n"
    )
    # Of two that may go, the one with which the next run begins cheaper, as components are placed.
    more = json.loads(invoke("explain", "embedded", "--memory", "20MB", "--json").stdout)["memory"]["steps"]
    assert [(step["goes"], step["comes"]) for step in more[2:]] == [
        (["text_encoder"], ["unet"]),
        (["unet"], ["vae"]),
    ]


def test_host_memory_says_what_lies_on_disk() -> None:
    words = ("explain", "embedded", "--host-memory", "18MB", "--offload-folder", "weights")
    found = json.loads(invoke(*words, "--json").stdout)["host_memory"]
    assert found["budget"] == 18_000_000
    assert 0 < found["in_memory"] <= 18_000_000
    # Read once in a run; the denoiser's in every step.
    assert set(found["on_disk"]) <= {"text_encoder", "text_encoder_2", "vae"}
    assert all(each["bytes"] and "in files of weights" in each["said"] for each in found["on_disk"].values())
    assert found["refused"] == ""
    said = invoke(*words).stdout
    assert re.search(r"\ntext_encoder: .* lies on disk, in files of weights: ", said)
    assert not Path("weights").exists()
    assert "all weights have room" in invoke("explain", "embedded", "--host-memory", "1GB").stdout


def test_host_memory_that_is_too_small_is_said_with_the_options_that_help() -> None:
    said = " ".join(invoke("explain", "embedded", "--host-memory", "18MB").stdout.split())
    assert re.search(r"refused: Weights of .* and --host-memory is 18\.0 MB\..* Raise --host-memory to ", said)
    assert said.endswith("or name a folder to which they are written: --offload-folder.")


def test_what_a_device_has_room_for_is_read_from_the_host_less_often() -> None:
    words = ("explain", "embedded", "--host-memory", "18MB", "--offload-folder", "x", "--json", "--memory")
    small, large = (json.loads(invoke(*words, size).stdout)["host_memory"]["on_disk"] for size in ("5MB", "1GB"))
    assert "unet" not in small  # its layers come in each iteration
    assert small != large


def test_memory_counts_bytes_in_the_dtype_in_which_models_are_loaded() -> None:
    full, half = (
        json.loads(invoke("explain", str(FOLDER), *more, "--memory", "1GB", "--json").stdout)["memory"]["steps"][-1]["bytes"]
        for more in ((), ("--dtype", "fp16"))
    )  # fmt: skip
    assert full > 1.9 * half
