"""Numbers in configurations: what a folder costs grows with its files, and not with what they say of themselves."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from brickwork import ComponentError, ModularPipeline
from brickwork.registry import ComponentSpec
from brickwork.registry.loading.building import limited_by_files, limited_without_files

AT_MOST = 3.0
"""Seconds of CPU time; ten million layers took hours, and two thousand nine seconds."""
LARGE: dict[str, list[dict[str, Any]]] = {
    "text_encoder": [
        {"num_hidden_layers": 2000},
        {"num_hidden_layers": 10**7},
        {"num_hidden_layers": 2**64},
        {"hidden_size": 2**32},
        {"intermediate_size": 10**12},
        {"vocab_size": 10**13},
        {"max_position_embeddings": 10**10},
    ],
    "unet": [
        {"layers_per_block": 10**6},
        {"layers_per_block": [1, 10**8]},
        {"transformer_layers_per_block": 10**6},
        {"block_out_channels": [2**32, 2**33]},
        {"cross_attention_dim": 10**13},
    ],
    "vae": [{"layers_per_block": 3000}, {"latent_channels": 10**12}],
}
CASES = [(name, changes) for name, all_changes in LARGE.items() for changes in all_changes]


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def load(folder: Path, name: str) -> Any:
    found = ModularPipeline.from_pretrained(str(folder)).specs[name].copy()
    return found.load(pretrained_model_name_or_path=str(folder))


def change(path: Path, changes: dict[str, Any]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(("name", "changes"), CASES, ids=lambda part: str(part)[:60])
def test_a_configuration_that_asks_for_more_than_its_files_hold_is_refused_at_once(
    name: str, changes: dict[str, Any], folder: Path
) -> None:
    change(folder / name / "config.json", changes)
    begun = time.process_time()
    with pytest.raises(ComponentError) as caught:
        load(folder, name)
    assert time.process_time() - begun < AT_MOST
    assert str(folder / name / "config.json") in str(caught.value)
    assert next(iter(changes)) in str(caught.value)


def test_layers_under_a_name_that_nobody_knows_are_counted_as_they_are_made(folder: Path) -> None:
    change(
        folder / "vae" / "config.json",
        {"block_out_channels": [8] * 4000, "down_block_types": ["DownEncoderBlock2D"] * 4000},
    )
    begun = time.process_time()
    with pytest.raises(
        ComponentError, match=r"config.json asks for a model with more than [\d,]+ modules and parameters"
    ):
        load(folder, "vae")
    assert time.process_time() - begun < AT_MOST


@pytest.mark.parametrize("steps", [10**7, 10**10, 2**64, 1e300])
def test_a_noise_schedule_has_not_more_timesteps_than_any(steps: float, folder: Path) -> None:
    change(folder / "scheduler" / "scheduler_config.json", {"num_train_timesteps": steps})
    with pytest.raises(ComponentError, match=r"scheduler_config.json: num_train_timesteps is .*; a noise schedule has"):
        load(folder, "scheduler")


def test_what_is_made_without_files_is_limited_as_well() -> None:
    from diffusers import AutoencoderKL, DDIMScheduler

    with pytest.raises(
        ComponentError, match="'vae': AutoencoderKL could not be created: .*layers_per_block is 1,000,000"
    ):
        ComponentSpec(
            "vae", AutoencoderKL, config={"layers_per_block": 10**6}, default_creation_method="from_config"
        ).create()
    spec = ComponentSpec(
        "scheduler", DDIMScheduler, config={"num_train_timesteps": 10**10}, default_creation_method="from_config"
    )
    with pytest.raises(ComponentError, match="num_train_timesteps is 10,000,000,000"):
        spec.create()


def test_only_what_the_own_thread_makes_is_counted(tmp_path: Path) -> None:
    made: list[torch.nn.Module] = []

    def make() -> None:
        made.append(torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(3000)))

    (tmp_path / "config.json").write_text("{}")
    with limited_by_files(tmp_path):
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        with pytest.raises(ComponentError, match=r"more than 2,000 modules and parameters"):
            make()
    make()
    assert len(made) == 2


def test_a_limit_within_a_limit_ends_with_itself(tmp_path: Path) -> None:
    layers = torch.nn.ModuleList
    with limited_by_files(tmp_path):
        with limited_without_files("this", {}):
            layers(torch.nn.Linear(1, 1) for _ in range(3000))
        with pytest.raises(ComponentError, match="more than 2,000 modules"):
            layers(torch.nn.Linear(1, 1) for _ in range(3000))
