"""CPU seconds of the command line beside diffusers: `python benchmarks/cli.py [rounds]`.

Each line is a process of its own, in turn with the others; of the rounds the median counts of ratios, which are taken within a round, and the
least of seconds, since other work on the machine only adds. All have bytecode, as installed packages have: without it, as under
PYTHONDONTWRITEBYTECODE, most of the time goes into compiling the libraries, and says nothing of either side.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = 20
FOLDER = str(Path(__file__).parents[1] / "presets" / "embedded" / "model")
CLASSIC = f"""
import torch
from diffusers import StableDiffusionXLPipeline
pipe = StableDiffusionXLPipeline.from_pretrained({FOLDER!r})
pipe.set_progress_bar_config(disable=True)
pipe("a red apple", num_inference_steps={STEPS}, guidance_scale=5.0, height=64, width=64,
     generator=torch.Generator().manual_seed(0)).images[0].save("classic.png")
"""
IMPORTS = """
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer
"""
RUN = ["-m", "brickwork", "run", "embedded", "--prompt", "a red apple"]
COMMANDS = {
    "brickwork run": [*RUN, "--num-inference-steps", str(STEPS), "--seed", "0", "-o", "ours.png", "--quiet"],
    "classic pipeline": ["-c", CLASSIC],
    "imports of the model classes": ["-c", IMPORTS],
    "brickwork run embedded --help": ["-m", "brickwork", "run", "embedded", "--help"],
    "a wrong option": [*RUN, "--promt", "x"],
    "python -c pass": ["-c", "pass"],
}


def cpu_seconds(words: list[str], folder: str) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"BRICKWORK_HOME": folder, "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        env=environment,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in (
            "brickwork run",
            "classic pipeline",
            "imports of the model classes",
        ):  # bytecode, and the target is known
            cpu_seconds(COMMANDS[name], folder)
        found = [{name: cpu_seconds(words, folder) for name, words in COMMANDS.items()} for _ in range(rounds)]
    for name in COMMANDS:
        print(f"{name:<32} {min(each[name] for each in found):7.2f} s")
    for other, goal in (("classic pipeline", 0.95), ("imports of the model classes", 1.15)):
        ratio = statistics.median(each["brickwork run"] / each[other] for each in found)
        print(f"run / {other}: {ratio:.2f} (goal {goal})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
