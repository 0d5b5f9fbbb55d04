"""The presets equal diffusers' classic pipelines bit for bit, over tasks, features, pairs of features, and number formats.

A row compares what the denoiser is given at every step, the latents that are decoded, and the images. It has two prompts, of other lengths
than the negative ones, and a strength of which no whole number of steps is left. `--long` runs all pairs in all formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from classic_faults import UNDECODED, WRONG, Wrong, wrongs
from classic_table import PRESETS, Models, Table, is_asked
from diffusers.image_processor import VaeImageProcessor
from sdxl_rows import FEATURES, FORMATS, GIVEN, covering, every_pair, go_together

from brickwork import ModularPipeline


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "names" in metafunc.fixturenames:
        rows = list(covering())
        if metafunc.config.getoption("--long"):
            rows = list(dict.fromkeys([*rows, *every_pair()]))
        ids = [f"{dtype} {task}: {', '.join(names) or 'plain'}" for dtype, task, names in rows]
        metafunc.parametrize(("dtype", "task", "names"), rows, ids=ids)
    if "wrong" in metafunc.fixturenames:
        # The release of diffusers is pinned: what it does wrong is looked at anew where there is time.
        some = WRONG if metafunc.config.getoption("--long") else WRONG[:2]
        ids = [f"{each.tasks[0]}: {', '.join(sorted(each.features))}" for each in some]
        metafunc.parametrize("wrong", some, ids=ids)


@pytest.fixture(scope="module")
def tables(tiny_folder: Path, _loaded: ModularPipeline) -> dict[str, Table]:
    """A table for each number format, whose models are made once."""
    shared = {name: _loaded.components[name] for name in _loaded.pretrained_component_names}
    return {dtype: Table(Models(tiny_folder, shared, getattr(torch, dtype)), GIVEN) for dtype in FORMATS}


def test_the_preset_equals_the_classic(dtype: str, task: str, names: tuple[str, ...], tables: dict[str, Table]) -> None:
    features = [FEATURES[name] for name in names]
    if "VAE with statistics" in names and any((task, name) in UNDECODED for name in names):
        features.append(FEATURES["not decoded"])
    assert tables[dtype].run(task, features, [each.mend for each in wrongs(task, names)]) == []


def test_the_classic_is_wrong_where_the_table_mends_it(wrong: Wrong, tables: dict[str, Table]) -> None:
    assert tables["float32"].run(wrong.tasks[0], [FEATURES[name] for name in sorted(wrong.features)]) != []


def test_every_feature_has_a_row_in_each_of_its_tasks() -> None:
    rows = list(covering())
    odd = [
        names for _, task, names in rows if not (go_together(names) and is_asked(task, [FEATURES[n] for n in names]))
    ]
    assert odd == [], "what the classic has no inputs for, or one feature takes from another"
    for name, feature in FEATURES.items():
        missing = [task for task in PRESETS if is_asked(task, [feature])
                   and not any(name in names for _, where, names in rows if where == task)]  # fmt: skip
        assert name in OFTEN_ALIKE or not missing, f"{name}: {missing}"


OFTEN_ALIKE = ("nothing negative", "clip skip", "no guidance", "not decoded", "end", "two images each", "sizes", "Heun")
"""What takes the same way in every task: a row in one of them is enough."""


def test_the_vae_has_its_dtype_after_steered_inpainting(tables: dict[str, Table]) -> None:
    """Where the classic leaves it in float32."""
    table, left = tables["float16"], []
    vae = table.models.held(4, ())["vae"]

    @contextmanager
    def noted(classic: Any, _: dict[str, Any]) -> Iterator[None]:
        left.append(vae.dtype)
        yield
        left.append(classic.vae.dtype)

    assert table.run("inpainting", [FEATURES["control"]], [noted]) == []
    assert left == [torch.float16, torch.float32]


@pytest.mark.parametrize("task", ["inpainting", "text2image"])
def test_the_statistics_of_a_vae_hold_in_decoding(task: str, tables: dict[str, Table]) -> None:
    """Where the classic forgets them: what is decoded is what the text-to-image pipeline decodes of the same latents."""
    steered = FEATURES["adapter" if task == "text2image" else "control"]
    table = tables["float32"]
    drawn = table.drawn(task, [steered, FEATURES["VAE with statistics"]])
    latents = table.drawn(task, [steered, FEATURES["VAE with statistics"], FEATURES["not decoded"]])
    vae = table.models.part("counted_vae")
    config = vae.config
    mean, deviation = (torch.tensor(each).view(1, 4, 1, 1) for each in (config.latents_mean, config.latents_std))
    with torch.no_grad():
        pixels = vae.decode(latents * deviation / config.scaling_factor + mean, return_dict=False)[0]
    assert torch.equal(drawn, VaeImageProcessor().postprocess(pixels, output_type="pt"))
