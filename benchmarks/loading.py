"""Loading a pipeline's models from files, beside diffusers' modular pipelines: time, and memory while casting.

    .venv/bin/python benchmarks/loading.py [folder]

The models are random, of the shape of SDXL at a quarter of its size (2.7 GB in float32), and are written to the folder,
by default a temporary one. Goals: 0.6 of the peer's time, and 0.5 of its peak memory for float32 files as float16.
Peak memory is what a process of its own had resident at most, less what it had before it loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

MODELS = ("unet", "vae", "text_encoder")
RUNS = 7

OURS = """
from brickwork import ComponentSpec
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel
classes = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
def load(dtype):
    return [ComponentSpec(name, cls, repo=folder, subfolder=name).load(dtype=dtype) for name, cls in classes.items()]
"""
THEIRS = """
from diffusers import ComponentSpec, AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel
classes = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
def load(dtype):
    return [
        ComponentSpec(name=name, type_hint=cls, pretrained_model_name_or_path=folder, subfolder=name).load(torch_dtype=dtype)
        for name, cls in classes.items()
    ]
"""
MEASURE = """
import sys, time, json, warnings, logging
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
import torch
folder, what, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
{load}
def resident(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field)) * 1024
if what == "time":
    times = []
    for _ in range(runs + 2):
        started = time.perf_counter(); models = load(torch.float32); times.append(time.perf_counter() - started)
        del models
    print(json.dumps(sorted(times[2:])[runs // 2]))
else:
    before = resident("VmRSS")
    models = load(torch.float16)
    print(json.dumps(resident("VmHWM") - before))
"""


def write_models(folder: Path) -> None:
    torch.manual_seed(0)
    UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(320, 640),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 6),
        attention_head_dim=(5, 10),
        cross_attention_dim=2048,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    ).save_pretrained(folder / "unet")
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
    ).save_pretrained(folder / "vae")
    config = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")


def measured(load: str, folder: Path, what: str) -> float:
    code = MEASURE.replace("{load}", load)
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), what, str(RUNS)], capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def compare(folder: Path) -> None:
    for what, unit, words, goal in (
        ("time", 1e3, "ms to load, files in the page cache", 0.6),
        ("memory", 1e-6, "MB at most while float32 files become float16", 0.5),
    ):
        pairs = [(measured(OURS, folder, what), measured(THEIRS, folder, what)) for _ in range(3)]
        ours, theirs = (median(side) * unit for side in zip(*pairs, strict=True))
        print(f"{ours:8.0f} of {theirs:8.0f} {words}: {ours / theirs:.2f} of the peer   goal: {goal}")


def main() -> None:
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        if not (folder / "unet").is_dir():
            write_models(folder)
        compare(folder)
        return
    with tempfile.TemporaryDirectory() as name:
        write_models(Path(name))
        compare(Path(name))


if __name__ == "__main__":
    main()
