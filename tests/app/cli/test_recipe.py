"""`recipe`, `info`, `replay`, `diff` and `branch`: how an image was made, and what makes it again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from cli_runner import events, invoke
from PIL import Image

import brickwork
from brickwork.presets.embedded import ARROW_LORA

TWO = ("--num-inference-steps", "2")
CHANGED = (
    "--set",
    "denoise.denoiser.batching=sequential",
    "--guider",
    "PerturbedAttentionGuidance:guidance_scale=3.0",
    "--scheduler",
    "dpmpp_2m_karras",
)


def pixels(path: str | Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def draw_from(image: Path) -> None:
    """Draw a.png, whose recipe has an image by its digest."""
    words = ("run", "sdxl.image2image", "--repo", "embedded", "--prompt", "x", "--image", image, "--strength", "0.9")
    invoke(*words, *TWO, "-o", "a.png")


KINDS = {
    "changed": ("embedded", "--prompt", "a red apple", *TWO, "--crops-coords-top-left", "1,2", "--seed", "7,3,9", *CHANGED, "-o", "made.png"),
    "image2image": ("sdxl.image2image", "--repo", "embedded", "--prompt", "a cat", "--image", "image.png", "--strength", "0.9", *TWO,
                    "--seed", "3", "-o", "made.png"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_code_and_a_line_of_a_recipe_make_the_image_again(
    kind: str, apple: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("image.png").write_bytes(apple.read_bytes())
    made, again = ("made-1.png", "again-1.png") if kind == "changed" else ("made.png", "again.png")
    assert invoke("run", *KINDS[kind]).exit_code == 0

    assert invoke("recipe", made, "--as", "workflow.yaml", "-o", "w.yaml").stdout == "w.yaml\n"
    result = invoke("run", "w.yaml", *(("--image", "image.png") if kind == "image2image" else ()), "-o", "again.png")
    assert (result.exit_code, result.stderr) == (0, "")
    assert pixels(again) == pixels(made)
    Path(again).unlink()

    code = invoke("recipe", made, "--as", "python").stdout
    quiet = code.replace("pipe.load_components()", "pipe.load_components()\npipe.configure(progress=False)")
    exec(compile(quiet, "recipe", "exec"), {})
    assert pixels(again) == pixels(made)
    Path(again).unlink()

    line = invoke("recipe", made, "--as", "shell").stdout
    assert invoke(*shlex.split(line)[1:]).exit_code == 0
    assert pixels(again) == pixels(made)


def recipe_of(path: Path) -> dict[str, object]:
    return json.loads(invoke("recipe", path, "--json").stdout)  # type: ignore[no-any-return]


def test_the_file_of_a_plain_image_says_no_more_than_it_must(apple: Path) -> None:
    assert invoke("recipe", apple, "--as", "workflow.yaml").stdout == (
        "brickwork: 1\nstart: sdxl.text2image\nrepo: embedded\nguider:\n  name: ClassifierFreeGuidance\n  guidance_scale: 5.0\n"
        "inputs:\n  prompt: a red apple\n  num_inference_steps: 2\n  seed: 5\n"
    )
    assert invoke("recipe", apple, "--as", "shell").stdout == (
        "brickwork run sdxl.text2image --repo embedded --guider ClassifierFreeGuidance:guidance_scale=5.0 --prompt 'a red apple' "
        "--num-inference-steps 2 --seed 5 -o again.png\n"
    )
    assert invoke("recipe", apple, "-o", "recipe.json").stdout == "recipe.json\n"
    assert invoke("diff", apple, "recipe.json").exit_code == 0


def test_a_recipe_is_written_in_the_form_that_its_file_says(apple: Path) -> None:
    forms = {"a.yaml": "workflow.yaml", "a.py": "python", "a.sh": "shell", "a.json": "json", "a.txt": "workflow.yaml"}
    for name, form in forms.items():
        assert invoke("recipe", apple, "-o", name).stdout == f"{name}\n"
        assert Path(name).read_text() == invoke("recipe", apple, "--as", form).stdout
    assert invoke("recipe", apple).stdout == Path("a.yaml").read_text(), "a screenful, and no hashes"
    both = invoke("recipe", apple, "--json", "--as", "python")
    assert (both.exit_code, "--json and --as python are two forms; say one." in both.stdout) == (2, True)


def test_an_image_given_by_its_digest_is_named(apple: Path) -> None:
    draw_from(apple)
    result = invoke("recipe", "a.png", "--as", "shell")
    assert (
        "image (image of 64x64, RGB) is in the recipe by its digest only: give it again, as image.png." in result.stderr
    )
    assert "--image image.png" in result.stdout


def test_what_no_file_says_is_refused_and_not_left_out(apple: Path) -> None:
    invoke("run", "embedded", "--prompt", "a red arrow", *TWO, "--lora", ARROW_LORA, "-o", "lora.png")
    for words in (("recipe", "lora.png", "--as", "workflow.yaml"), ("run", "lora.png", "-o", "b.png")):
        result = invoke(*words)
        assert result.exit_code == 2
        assert "Something is not as it was when lora.png was made" in result.stderr or "unet" in result.stderr
        assert result.stdout == ""
    assert invoke("recipe", "lora.png").stderr.endswith(
        "\nbrickwork recipe lora.png --json prints the recipe itself.\n"
    )
    invoke("branch", apple, "--at-step", "1", "--prompt", "a green apple", "-o", "branch.png")
    variant = invoke("recipe", "branch.png", "--as", "workflow.yaml")
    assert (variant.exit_code, "shares its first steps with another run" in variant.stderr) == (2, True)


def test_a_run_of_an_image_takes_its_inputs_and_options_before_them(apple: Path) -> None:
    invoke("run", apple, "-o", "same.png")
    assert pixels("same.png") == pixels(apple)
    invoke("run", apple, "--seed", "6", "-o", "other.png")
    assert invoke("diff", apple, "other.png").stdout == "generator: seed 5, and seed 6\n"


def test_images_of_one_generator_are_refused_in_words() -> None:
    import torch

    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    images = pipe(
        "a cat",
        num_inference_steps=1,
        num_images_per_prompt=2,
        generator=torch.Generator().manual_seed(1),
        output="images",
    )
    brickwork.save(images, "a.png")
    result = invoke("run", "a-0.png")
    assert (result.exit_code, "brickwork replay repeats it." in result.stderr) == (2, True)


def test_replay_ends_with_0_where_all_is_the_same_and_with_5_where_not(apple: Path) -> None:
    same = invoke("replay", apple, "-o", "again.png")
    assert (same.exit_code, same.stdout, same.stderr) == (0, "again.png\n", "The same, to the byte.\n")
    assert pixels("again.png") == pixels(apple)
    assert events(invoke("replay", apple, "--json")) == [{"event": "replayed", "same": True, "files": []}]

    data = recipe_of(apple)
    data["inputs"]["prompt"]["value"] = "a green apple"  # type: ignore[index]
    Path("other.json").write_text(json.dumps(data))
    other = invoke("replay", "other.json")
    assert (other.exit_code, other.stdout) == (5, "")
    assert other.stderr.startswith("The run was repeated, and gave something else.\nReplayError: ")
    (event,) = events(invoke("replay", "other.json", "--json"))
    assert (event["event"], event["same"], event["type"]) == ("failed", False, "ReplayError")
    assert invoke("replay", apple, "-o", "again.jpg").exit_code == 2


def test_replay_is_given_what_the_recipe_has_by_digest(apple: Path) -> None:
    draw_from(apple)
    lacking = invoke("replay", "a.png")
    assert (lacking.exit_code, "--given image=FILE" in lacking.stderr) == (2, True)
    (event,) = events(invoke("replay", "a.png", "--json"))
    assert (event["type"], "same" in event) == ("ReplayError", False), "nothing was compared"
    assert invoke("replay", "a.png", "--given", f"image={apple}").exit_code == 0
    Path("other.png").write_bytes(Path("a.png").read_bytes())
    assert invoke("replay", "a.png", "--given", "image=other.png").exit_code == 2, "another image than the run had"


def test_replay_of_components_that_are_elsewhere_ends_as_where_they_are_not_found(apple: Path) -> None:
    data = recipe_of(apple)
    data["components"]["unet"]["origin"]["repo"] = "me/elsewhere"  # type: ignore[index]
    Path("elsewhere.json").write_text(json.dumps(data))
    lacking = invoke("replay", "elsewhere.json")
    assert lacking.exit_code == 3
    assert lacking.stderr.rstrip().endswith("from me/elsewhere; say where it is: --components FOLDER.")
    assert invoke("replay", "elsewhere.json", "--components", "nowhere").exit_code == 3
    Path("none.json").write_text("{}")
    assert invoke("replay", "none.json").exit_code == 3


def test_diff_ends_as_diff_does(apple: Path) -> None:
    assert invoke("diff", apple, apple).exit_code == 0
    invoke("run", apple, "--num-inference-steps", "1", "-o", "other.png")
    result = invoke("diff", apple, "other.png")
    assert (result.exit_code, result.stdout) == (1, "num_inference_steps: 2, and 1\n")
    found = json.loads(invoke("diff", apple, "other.png", "--json").stdout)
    assert found == {"same": False, "differences": ["num_inference_steps: 2, and 1"]}
    assert invoke("diff", apple, "none.png").exit_code == 2


def test_a_variant_shares_the_first_steps(apple: Path) -> None:
    result = invoke("branch", apple, "--at-step", "1", "--prompt", "a green apple", "-o", "b.png")
    assert (result.exit_code, result.stdout) == (0, "b.png\n")
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    state = pipe.branch(pipe("a red apple", num_inference_steps=2, seed=5), 1, prompt="a green apple")
    assert pixels("b.png") == state.images[0].tobytes()
    assert invoke("replay", "b.png").exit_code == 0
    (event,) = events(invoke("branch", apple, "--at-step", "1", "--prompt", "a cat", "-o", "c.png", "--json"))
    assert event["outputs"] == [{"name": "images", "index": 0, "file": "c.png"}]
    assert "Say what the variant has other" in invoke("branch", apple, "--at-step", "1").stderr
    assert invoke("branch", apple, "--at-step", "9", "--prompt", "x").exit_code == 2


def test_info_says_a_recipe_in_words(apple: Path) -> None:
    rows = {row["name"]: row["value"] for row in json.loads(invoke("info", apple, "--json").stdout)["said"]}
    assert (rows["prompt"], rows["seed"], rows["num_inference_steps"]) == ("a red apple", "5", "2")
    assert rows["unet"] == "UNet2DConditionModel, from brickwork/embedded/unet, torch.float32"
    assert (rows["guidance_scale"], rows["number"]) == (
        "5.0, of the guider",
        "0, of the images of its run, counted from 0",
    )
    invoke("run", "embedded", "--prompt", "x", "--guidance-scale", "3", "--num-inference-steps", "1", "-o", "g.png")
    rows = {row["name"]: row["value"] for row in json.loads(invoke("info", "g.png", "--json").stdout)["said"]}
    assert rows["guidance_scale"] == "3.0"
    data = recipe_of(apple)
    del data["inputs"]["num_inference_steps"]  # type: ignore[attr-defined]
    data["defaults"] = {"num_inference_steps": 50}
    Path("d.json").write_text(json.dumps(data))
    assert "num_inference_steps  50, by default\n" in invoke("info", "d.json").stdout
    draw_from(apple)
    names = [row["name"] for row in json.loads(invoke("info", "a.png", "--json").stdout)["said"]]
    assert len(names) == len(set(names)), "each row says what it is of"
    text = invoke("info", apple).stdout
    assert text.startswith(
        f"made by              brickwork {brickwork.__version__}\nprompt               a red apple\n"
    )
    Path("r.json").write_text(invoke("recipe", apple, "--as", "json").stdout)
    assert "a red apple" in invoke("info", "r.json").stdout
    invoke("branch", apple, "--at-step", "1", "--prompt", "a cat", "-o", "b.png")
    assert "from another run at step 1 of denoise" in invoke("info", "b.png").stdout


def test_a_text_that_moves_a_cursor_goes_into_no_command_line() -> None:
    invoke("run", "embedded", "--prompt", "a \x1b[2J cat", "--num-inference-steps", "1", "-o", "a.png")
    shell = invoke("recipe", "a.png", "--as", "shell")
    assert (shell.exit_code, "characters that move a terminal's cursor" in shell.stderr) == (2, True)
    for words in (
        ("info", "a.png"),
        ("recipe", "a.png"),
        ("recipe", "a.png", "--json"),
        ("recipe", "a.png", "--as", "python"),
        ("recipe", "a.png", "--as", "workflow.yaml"),
    ):
        assert "\x1b" not in invoke(*words).stdout
    invoke("run", "a.png", "--prompt", "a cat", "-o", "b.png")
    assert "\x1b" not in invoke("diff", "a.png", "b.png").stdout
