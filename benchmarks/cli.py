"""CPU seconds of the command line beside diffusers: `python benchmarks/cli.py [rounds]`.

Each line is a process of its own, in turn with the others; the least of the rounds counts, since other work on the machine only adds.

Two rounds on a busy two-core machine, where everything took several times as long as on an idle one: run / classic 1.08 (goal 0.95),
run / imports 1.23 (goal 1.15), help of a known target 0.39 s (goal 0.3, of which click and `brickwork.state` are most). All three are missed.
"""

from __future__ import annotations

import os
import resource
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
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        env=dict(os.environ, BRICKWORK_HOME=folder),
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cpu_seconds(COMMANDS["brickwork run"], folder)  # so that the target is known
        found = {name: min(cpu_seconds(words, folder) for _ in range(rounds)) for name, words in COMMANDS.items()}
    for name, seconds in found.items():
        print(f"{name:<32} {seconds:7.2f} s")
    run = found["brickwork run"]
    print(
        f"run / classic: {run / found['classic pipeline']:.2f}   run / imports: {run / found['imports of the model classes']:.2f}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
