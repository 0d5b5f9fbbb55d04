"""`brickwork run` draws, and says what happened in words or events."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from cli_runner import events, invoke
from PIL import Image

import brickwork
from brickwork.app.cli.shared import opening
from brickwork.presets.embedded import ARROW_LORA

TWO = ("--prompt", "a red apple", "--num-inference-steps", "2")


def pixels(path: str | Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def test_the_image_is_the_one_of_the_same_call(apple: Path) -> None:
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    assert pixels(apple) == pipe("a red apple", num_inference_steps=2, seed=5, output="images")[0].tobytes()
    brickwork.replay(apple, progress=False)


def test_events_are_lines_of_json_and_blocks_of_a_loop_are_its_steps() -> None:
    result = invoke("run", "embedded", *TWO, "--seed", "5", "-o", "a.png", "--json", "--preview")
    found = events(result)
    assert (result.exit_code, result.stderr) == (0, "")
    kinds = [event["event"] for event in found]
    assert kinds == ["started", *["block"] * 6, "step", "preview", "step", "preview", "block", "finished"]
    steps = [event for event in found if event["event"] == "step"]
    assert [(step["path"], step["index"], step["total"]) for step in steps] == [("denoise", 0, 2), ("denoise", 1, 2)]
    (output,) = found[-1]["outputs"]
    assert (output["name"], output["index"], output["file"]) == ("images", 0, "a.png")
    assert len(output["sha256"]) == 64
    assert sorted(path.name for path in Path().iterdir()) == ["a.png"]


def test_seeds_are_one_generator_for_each_image() -> None:
    result = invoke("run", "embedded", *TWO, "--seed", "4..5,9", "-o", "b{}.png")
    assert result.stdout.split() == ["b0.png", "b1.png", "b2.png"]
    for file, seed in (("b0.png", 4), ("b1.png", 5), ("b2.png", 9)):
        with Image.open(file) as image:
            data = json.loads(image.text["brickwork"])  # type: ignore[attr-defined]
        assert [each["seed"] for each in data["generators"]["generator"]] == [4, 5, 9]
        assert data["image"] == (4, 5, 9).index(seed)


def test_two_prompts_have_a_seed_each_and_a_folder_takes_new_names() -> None:
    Path("out").mkdir()
    words = (
        "run",
        "embedded",
        "--prompt",
        "a cat",
        "--prompt",
        "a dog",
        "--num-inference-steps",
        "1",
        "--seed",
        "1,7",
        "-o",
        "out",
    )
    assert invoke(*words).stdout.split() == ["out/image-1-0.png", "out/image-1-1.png"]
    assert invoke("run", "embedded", *TWO, "-o", "out/").stdout == "out/image-2.png\n"
    assert invoke("run", "embedded", *TWO, "-o", "new/").stdout == "new/image-1.png\n"


def test_without_a_seed_one_is_drawn_for_each_image() -> None:
    invoke("run", "embedded", *TWO, "--num-images-per-prompt", "2", "-o", "a.png")
    with Image.open("a-0.png") as image:
        seeds = [each["seed"] for each in json.loads(image.text["brickwork"])["generators"]["generator"]]  # type: ignore[attr-defined]
    assert seeds[1] == seeds[0] + 1


def test_options_of_blocks_guiders_schedulers_and_loras_reach_the_run() -> None:
    result = invoke(
        "run", "embedded", *TWO, "--seed", "1", "--set", "denoise.denoiser.batching=sequential", "--guider",
        "PerturbedAttentionGuidance:guidance_scale=2.5,perturbed_guidance_layers=[0]", "--scheduler", "dpmpp_2m_karras", "--lora",
        f"{ARROW_LORA}:0.5", "-o", "a.png",
    )  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, "a.png\n")
    with Image.open("a.png") as image:
        data = json.loads(image.text["brickwork"])  # type: ignore[attr-defined]
    parts = data["components"]
    assert data["composition"]["blocks"]["denoise"]["blocks"]["denoiser"]["options"] == {"batching": "sequential"}
    assert parts["guider"]["class"].endswith("PerturbedAttentionGuidance")
    assert parts["guider"]["config"]["guidance_scale"] == {"value": 2.5}
    assert parts["scheduler"]["class"].endswith("DPMSolverMultistepScheduler")
    assert list(parts["unet"]["adapters"].values()) == [0.5]


def test_a_component_is_loaded_from_elsewhere() -> None:
    model = Path(brickwork.embedded().specs["vae"].repo or "")
    for origin in (model / "vae", f"{model}#vae"):
        result = invoke("run", "embedded", *TWO, "--component", f"vae={origin}", "-o", "a.png")
        assert (result.exit_code, result.stderr) == (0, "")
    other = invoke("run", "embedded", *TWO, "--component", "scheduler=ddim", "-o", "a.png")
    assert other.exit_code == 0
    missing = invoke("run", "embedded", *TWO, "--component", "vae=null", "-o", "a.png")
    assert missing.exit_code in (2, 3)
    assert "vae" in missing.stderr


def test_a_run_goes_on_from_its_snapshot() -> None:
    invoke("run", "embedded", *TWO, "--seed", "5", "-o", "a.png", "--snapshot", "s.safetensors", "--every", "1")
    result = invoke("run", "embedded", "--resume", "s.safetensors", "-o", "b.png")
    assert (result.exit_code, result.stdout) == (0, "b.png\n")
    assert pixels("a.png") == pixels("b.png")
    both = invoke("run", "embedded", "--resume", "s.safetensors", "--prompt", "x")
    assert both.exit_code == 2
    assert "--resume takes the inputs of the snapshot" in both.stderr


def test_values_are_saved_and_given_again(apple: Path) -> None:
    invoke("run", "embedded", *TWO, "--seed", "5", "--output", "latents", "-o", "l.safetensors")
    assert brickwork.state.value_file.load_values(Path("l.safetensors"))[0]["latents"].shape == (1, 4, 16, 16)
    for given in ("l.safetensors", "l.safetensors#latents"):
        assert invoke("run", "embedded", *TWO, "--latents", given, "-o", "a.png").exit_code == 0
    from safetensors.torch import save_file

    save_file({"mine": torch.zeros(1, 4, 16, 16)}, "t.safetensors")
    assert invoke("run", "embedded", *TWO, "--latents", "t.safetensors#mine", "-o", "a.png").exit_code == 0
    wrong = invoke("run", "embedded", *TWO, "--latents", "t.safetensors#min", "-o", "a.png")
    assert (wrong.exit_code, "has no tensor 'min'. Did you mean 'mine'?" in wrong.stderr) == (2, True)
    gone = invoke("run", "embedded", *TWO, "--latents", "u.safetensors#min", "-o", "a.png")
    assert (gone.exit_code, "there is no file u.safetensors" in gone.stderr) == (3, True)


def test_inputs_come_from_a_file_and_options_before_it() -> None:
    Path("inputs.yaml").write_text("prompt: a cat\nnum-inference-steps: 2\nseed: 3\n")
    invoke("run", "embedded", "--inputs", "inputs.yaml", "--prompt", "a dog", "-o", "a.png")
    with Image.open("a.png") as image:
        data = json.loads(image.text["brickwork"])  # type: ignore[attr-defined]
    assert data["inputs"] == {"prompt": {"value": "a dog"}, "num_inference_steps": {"value": 2}}
    assert data["generators"]["generator"][0]["seed"] == 3
    Path("list.yaml").write_text("- 1\n")
    assert "list.yaml has no inputs by name." in invoke("run", "embedded", "--inputs", "list.yaml").stderr


def test_an_image_comes_from_a_file_or_from_stdin_and_an_address_only_with_leave(apple: Path) -> None:
    words = ("run", "sdxl.image2image", "--repo", "embedded", *TWO, "--strength", "0.9", "--seed", "1")
    assert invoke(*words, "--image", apple, "-o", "a.png").exit_code == 0
    assert invoke(*words, "--image", "-", "-o", "b.png", input=apple.read_bytes()).exit_code == 0
    assert pixels("a.png") == pixels("b.png")
    address = invoke(*words, "--image", "https://example.org/a.png")
    assert (address.exit_code, "(--allow-urls) loads it." in address.stderr) == (2, True)
    broken = invoke(*words, "--image", "none.png")
    assert (broken.exit_code, "none.png" in broken.stderr) == (2, True)


def test_one_workflow_of_a_target_takes_its_own_inputs_only(apple: Path) -> None:
    words = ("run", "sdxl.auto", "--repo", "embedded", "--workflow", "text2image", *TWO, "--seed", "5", "-o", "a.png")
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (0, "a.png\n")
    wrong = invoke(*words, "--image", apple)
    assert (wrong.exit_code, "'image' is no input of this pipeline" in wrong.stderr) == (2, True)
    unknown = invoke("run", "sdxl.auto", "--repo", "embedded", "--workflow", "text2imag", *TWO)
    assert (unknown.exit_code, "text2image" in unknown.stderr) == (2, True)


def test_a_target_that_nobody_knows_yet_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    make = opening._made
    monkeypatch.setattr(opening, "_made", lambda *given: made.append(given) or make(*given))
    monkeypatch.setattr("brickwork.app.cli.shared.known_targets.__version__", "of nobody")
    assert invoke("run", "embedded", *TWO, "--dry-run").exit_code == 0
    assert len(made) == 1
    assert invoke("run", "embedded", *TWO, "--dry-run", "--dtype", "fp16").exit_code == 0
    assert [given[2] for given in made] == [None, "fp16"]  # by then it is known


def test_what_a_call_computed_is_there_for_the_next(apple: Path) -> None:
    words = ("run", "embedded", *TWO, "--seed", "5", "--cache", "steps", "--json")
    first = events(invoke(*words, "-o", "a.png"))
    second = events(invoke(*words, "-o", "b.safetensors", "--output-type", "pt"))
    assert [event["path"] for event in first if event["event"] == "cache"] == []
    assert [event["path"] for event in second if event["event"] == "cache"][-1] == "denoise"
    assert [event["path"] for event in second if event["event"] == "block"][-1] == "decode"
    assert pixels("a.png") == pixels(apple)


def test_a_dry_run_checks_everything_and_writes_nothing() -> None:
    result = invoke("run", "embedded", *TWO, "--dry-run")
    assert result.stdout.split()[-2:] == ["denoise.after_denoiser", "decode"]
    assert result.stderr == "Nothing was run. images would go to image-1.png.\n"
    (event,) = events(invoke("run", "embedded", *TWO, "--dry-run", "--json"))
    assert (event["event"], event["file"], event["inputs"]) == (
        "planned",
        "image-1.png",
        ["num_inference_steps", "prompt", "seed"],
    )
    assert invoke("run", "embedded", *TWO, "--dry-run", "--height", "65").exit_code == 2
    assert "would go to new/image-1.png" in invoke("run", "embedded", *TWO, "--dry-run", "-o", "new/").stderr
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--height", "65"), 2, "height is 65; it must be a multiple of 8. The nearest is 64."),
        (("-o", "a.jpg"), 2, "-o a.jpg: the name ends in .png for images"),
        (("-o", "none/a.png"), 2, "-o none/a.png: there is no folder none."),
        (("-o", "a.png", "--output", "latents"), 2, "-o a.png: latents goes into a file that ends in .safetensors."),
        (("--output", "latent"), 2, "'latent' is no output of this run. Did you mean 'latents'?"),
        (("--seed", "-1"), 2, "is no seed; give 7, 1..8 or 3,5,9."),
        (("--seed", "5..1"), 2, "is no seed; give 7, 1..8 or 3,5,9."),
        (
            ("--set", "denoise.denoisr.batching=x"),
            2,
            "there is no block 'denoise.denoisr'. Did you mean 'denoise.denoiser'?",
        ),
        (
            ("--set", "denoise.denoiser.batchin=x"),
            2,
            "denoise.denoiser has no option 'batchin'. Did you mean 'batching'?",
        ),
        (("--set", "batching"), 2, "'batching' is not of the form PATH.OPTION=VALUE"),
        (("--set", "denoise.denoiser.batching=*x"), 2, "--set denoise.denoiser.batching: '*x' is no value"),
        (("--guider", "ClassifierFree"), 2, "ClassifierFreeGuidance"),
        (("--guider", "ClassifierFreeGuidance:scale"), 2, "'scale' is not of the form setting=value"),
        (("--scheduler", "eulr"), 3, "Did you mean 'euler'?"),
        (("--component", "vea=x"), 2, "there is no component 'vea'. Did you mean 'vae'?"),
        (("--lora", "none.safetensors"), 3, "none.safetensors"),
        (("--device", "cuda:9"), 3, "cuda"),
        (("--dtype", "fp17"), 3, "fp17"),
        (("--num-inference-steps", "many"), 2, "'many' is no INTEGER."),
        (("--resume", "none"), 2, "'none' does not exist"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_drawn(words: tuple[str, ...], code: int, said: str) -> None:
    result = invoke("run", "embedded", *TWO, *words)
    assert said in " ".join(result.stderr.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert list(Path().glob("*.png")) == []


def test_an_error_of_a_run_is_an_event_with_every_fault() -> None:
    result = invoke("run", "embedded", "--height", "65", "--width", "65", "--prompt", "x", "--json")
    (event,) = events(result)
    assert (result.exit_code, event["event"], event["type"]) == (2, "failed", "InputError")
    assert [fault["input"] for fault in event["faults"]] == ["height", "width"]


def test_an_option_that_is_no_value_is_an_event_that_names_the_input() -> None:
    (event,) = events(invoke("run", "embedded", *TWO, "--num-inference-steps", "many", "--json"))
    assert [fault["input"] for fault in event["faults"]] == ["num_inference_steps"]


def test_an_interruption_ends_with_130_and_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from brickwork.blocks.steps.decode import Decode

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Decode, "run", interrupted)
    result = invoke("run", "embedded", *TWO, "-o", "a.png")
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "Stopped.")
    assert events(invoke("run", "embedded", *TWO, "-o", "a.png", "--json"))[-1] == {"event": "cancelled"}
    assert list(Path().iterdir()) == []


def test_an_error_of_a_block_keeps_its_class_and_tells_where(monkeypatch: pytest.MonkeyPatch) -> None:
    from brickwork.presets.embedded import embedded

    pipe = embedded()
    scheduler = type(pipe.scheduler)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of a scheduler")

    monkeypatch.setattr(scheduler, "step", broken)
    result = invoke("run", "embedded", *TWO, "-o", "a.png")
    assert result.exit_code == 1
    assert "ZeroDivisionError: of a scheduler" in result.stderr
    assert "denoise.step[0].after_denoiser" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("BRICKWORK_TRACEBACK", "1")
    assert "Traceback" in invoke("run", "embedded", *TWO, "-o", "a.png").stderr


def test_stdin_is_read_once_for_one_image(apple: Path) -> None:
    data = io.BytesIO(apple.read_bytes()).getvalue()
    words = ("run", "sdxl.image2image", "--repo", "embedded", *TWO, "--image", "-", "--image", "-", "-o", "a.png")
    result = invoke(*words, input=data)
    assert result.exit_code != 0


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("--promt", "x", "--height", "65"), ["promt", "prompt", "height"]),
        ((*TWO, "--foo", "--height", "65", "--bar=1"), ["foo", "bar", "height"]),
        ((*TWO, "--foo", "--guidance-scale=-1", "--num-inference-steps", "many"), ["foo", "num_inference_steps", "guidance_scale"]),
        ((*TWO, "--foo", "--denoising-end", "1"), ["foo", "denoising_end"]),
        (("--promt", "x", "--inputs", "a.yaml", "--width", "9"), ["promt", "width"]),
        (("--prompt-embeds", "a.safetensors#x", "--foo", "x"), ["foo", "prompt"]),
        ((*TWO, "--foo", "--timesteps", "9,-1"), ["foo", "timesteps"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_said_where_an_option_is_none(words: tuple[str, ...], about: list[str]) -> None:
    Path("a.yaml").write_text("prompt: a red circle\n")
    (event,) = events(invoke("run", "embedded", *words, "--json"))
    assert (event["type"], [fault["input"] for fault in event["faults"]]) == ("UsageError", about)
    result = invoke("run", "embedded", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(fault["text"] in result.stderr for fault in event["faults"])


def test_a_wrong_value_is_said_in_the_words_of_the_pipeline() -> None:
    (alone,) = events(invoke("run", "embedded", *TWO, "--height", "65", "--json"))
    (event,) = events(invoke("run", "embedded", *TWO, "--foo", "--height", "65", "--json"))
    assert event["faults"][1:] == alone["faults"]
    assert event["faults"][0]["text"].startswith("No such option '--foo'.")


def test_a_command_that_needs_no_inputs_misses_none() -> None:
    (event,) = events(invoke("explain", "embedded", "--promt", "x", "--json"))
    assert [fault["input"] for fault in event["faults"]] == ["promt"]
