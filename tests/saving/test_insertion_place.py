"""The card of a block says where it goes, in lines that run."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import brickwork
from brickwork.blocks import Decode
from brickwork.presets.flux import TEXT2IMAGE_BLOCKS as FLUX_BLOCKS
from brickwork.saving.insertion_place import insertion_place

MODULE = '''
from brickwork import Block, Outputs, SequentialPipelineBlocks
from brickwork.state.vocabulary import Images, Latents


class Same(Block):
    """Leave images as they are."""

    by: float = 1.5

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=images)


class Mirror(Block):
    """Mirror the latents."""

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents.flip(-1))


class Topic(Block):
    """Make a prompt of a topic."""

    class Out(Outputs):
        prompt: str

    def run(self, topic: str) -> Out:
        return self.Out(prompt=f"a red {topic}")


class Damp(Block):
    """Damp predictions."""

    class Out(Outputs):
        noise_pred: Latents

    def run(self, noise_pred: Latents, t: object) -> Out:
        return self.Out(noise_pred=noise_pred * 0.99)


class CountImages(Block):
    """Count images."""

    class Out(Outputs):
        image_count: int

    def run(self, images: Images) -> Out:
        return self.Out(image_count=len(images))


class Both(SequentialPipelineBlocks):
    """Mirror twice."""

    block_classes = [Mirror, Mirror]
    block_names = ["one", "two"]


class Alone(Block):
    """Add one."""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x + 1)
'''


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("modules")
    (place / "card_blocks_of_tests.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield importlib.import_module("card_blocks_of_tests")
        sys.modules.pop("card_blocks_of_tests")


def card_of(block: Any, folder: Path) -> str:
    block.save_pretrained(folder)
    return (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Same", "pipe.blocks.insert_after('decode', 'same', block)"),
        ("Mirror", "pipe.blocks.insert_before('decode', 'mirror', block)"),
        ("Topic", "pipe.blocks.insert_before('text_encoder', 'topic', block)"),
        ("Damp", "pipe.blocks.insert_before('denoise.after_denoiser', 'damp', block)"),
        ("CountImages", "pipe.blocks.insert_after('decode', 'count_images', block)"),
        ("Both", "pipe.blocks.insert_before('decode', 'both', block)"),
    ],
)
def test_the_lines_of_a_card_run(
    name: str, line: str, blocks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded_pipe: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    card = card_of(getattr(blocks, name)(), Path("repo"))
    (code,) = re.findall(r"## Insert it\n.*?```python\n(.*?)```", card, re.DOTALL)
    assert line in code
    made = brickwork.ModularPipeline(embedded_pipe.blocks)
    made.update_components(
        **{each: embedded_pipe.components[each] for each in embedded_pipe.pretrained_component_names}
    )
    made.configure(progress=False)
    made.input_defaults["num_inference_steps"] = 1
    monkeypatch.setattr(brickwork, "embedded", lambda: made)
    known: dict[str, Any] = {}
    exec(code.replace("topic=...", "topic='circle'"), known)
    assert known["result"] == 1 if name == "CountImages" else known["result"][0].size == (64, 64)


def test_a_card_says_options_licence_and_api(blocks: Any, tmp_path: Path) -> None:
    card = card_of(blocks.Same(by=2.0), tmp_path / "repo")
    assert "| option | here | default |" in card
    assert "| by | `2.0` | `1.5` |" in card
    assert f"The code was written for API {brickwork.API_VERSION} of Brickwork." in card
    assert "(`card_blocks_of_tests.py`)" in card
    assert "`brickwork>=" in card
    assert "## Inputs" in card
    assert "Not stated." in card


def test_what_fits_nowhere_or_is_a_whole_pipeline_says_how_it_runs(blocks: Any, tmp_path: Path) -> None:
    whole = brickwork.SequentialPipelineBlocks.from_blocks_dict(brickwork.presets.sdxl.TEXT2IMAGE_BLOCKS)
    assert insertion_place(whole) is None
    assert insertion_place(blocks.Alone()) is None
    assert "## Run it" in card_of(blocks.Alone(), tmp_path / "repo")


def test_a_block_of_another_family_is_put_into_one_of_that_family(tmp_path: Path) -> None:
    place = insertion_place(FLUX_BLOCKS["decode"]())
    assert place is not None
    assert place.family.name == "flux"
    card = card_of(FLUX_BLOCKS["decode"](), tmp_path / "repo")
    assert "ModularPipeline.from_pretrained('owner/name').load_components()  # a repository of flux" in card
    assert insertion_place(Decode()) is not None
