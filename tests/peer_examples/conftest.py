"""What the pages take for granted: their repositories, and their pictures in the folder where the code runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hub_server import Hub
from peer_repositories import Files, all_repos, fill
from PIL import Image


@pytest.fixture(scope="session")
def repos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """Every repository that the pages name, made once."""
    return all_repos(tmp_path_factory.mktemp("repos"))


@pytest.fixture(autouse=True)
def there(repos: dict[str, Files], hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub with the repositories, and a folder with the pictures; float32, as no code of the pages says on a CPU."""
    fill(hub, repos)
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    names = ("sdxl-text2img", "diffdiff_orange", "20240329211129_4024911930", "diffdiff_tomato_canny")
    for name in names:
        coarse = Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        coarse.resize((128, 128)).save(f"{name}.png")
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (64, 0, 128, 128))
    mask.save("sdxl-inpaint-mask.png")
    Image.linear_gradient("L").resize((128, 128)).save("gradient_mask.png")
    torch.manual_seed(0)
    return hub
