"""Every example runs as its first line says, in an empty folder. Without `--long`, images are drawn in fewer steps."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from prepared_python import PreparedPython

from brickwork import ModularPipeline

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
_MANY_STEPS = re.compile(r"""(\w*steps"?[=:] ?)(?:1[6-9]|[2-9]\d)\b""")

_WHOLE = {"refiner"}
"""Of eight steps none would be left for the network that has a tenth of them."""


def shortened(path: Path, folder: Path) -> Path:
    """Write an example with fewer steps, and the rest of it as it is."""
    short = folder / "written" / path.name
    short.parent.mkdir()
    short.write_text(_MANY_STEPS.sub(r"\g<1>8", path.read_text()))
    return short


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_leaves_what_it_says(
    path: Path, tmp_path: Path, prepared_python: PreparedPython, many: int
) -> None:
    home = {"BRICKWORK_HOME": str(tmp_path / "home")}
    script = path if many > 1 or path.stem in _WHOLE else shortened(path, tmp_path)
    done = prepared_python.run(str(script), cwd=tmp_path, env={**os.environ, **home})
    assert done.returncode == 0, done.stderr[-2000:]
    if path.stem == "publish":
        assert "the same image: True" in done.stdout
        assert (tmp_path / "warm-circles" / "warm.py").exists()
    else:
        assert (tmp_path / f"{path.stem}.png").stat().st_size > 1000


def blocks_of(name: str, folder: Path) -> Any:
    """Import an example up to where it makes images, and return its blocks."""
    written = next(path for path in EXAMPLES if path.stem == name).read_text()
    (folder / f"{name}_alone.py").write_text(written.partition("base = brickwork.embedded()")[0])
    spec = importlib.util.spec_from_file_location(f"{name}_alone", folder / f"{name}_alone.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return module.blocks
    finally:
        del sys.modules[spec.name]


@pytest.mark.parametrize("width", [80, 56])
def test_differential_diffusion_takes_latents_of_any_size(
    width: int, embedded_pipe: ModularPipeline, tmp_path: Path
) -> None:
    """Sides of latents that are no multiple of 8: 20 and 14 columns, and 12 rows. The left half may not change."""
    pipe = blocks_of("differential_diffusion", tmp_path).init_pipeline()
    pipe.update_components(
        **{name: embedded_pipe.components[name] for name in embedded_pipe.pretrained_component_names}
    )
    pipe.configure(progress=False)
    rows, columns = 12, width // 4
    levels = np.zeros((rows, columns), np.uint8)
    levels[:, columns // 2 :] = 255
    state = pipe(
        prompt="a red circle",
        image=Image.new("RGB", (width, 48), "white"),
        change_map=Image.fromarray(levels).resize((width, 48), Image.Resampling.NEAREST),
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(0),
    )
    expected = torch.from_numpy(levels > 0)[None, None]
    assert torch.equal(state.get("change"), expected.float())
    drawn, known = state.get("latents"), state.get("image_latents")
    assert torch.equal((drawn != known).any(dim=1, keepdim=True), expected)
    assert state.get("images")[0].size == (width, 48)
