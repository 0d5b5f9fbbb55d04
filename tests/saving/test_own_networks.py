"""Networks of one's own: their weights travel with the code of the block that declares them, or are refused in words."""

from __future__ import annotations

import linecache
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from brickwork import (
    CompositionError,
    DeclarationError,
    ModularPipeline,
    ModularPipelineBlocks,
    RepoError,
    replay,
    save,
)

CODE = '''
import torch
from brickwork import Block, Outputs, component
from brickwork.state.vocabulary import Images
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image


class Mix(ModelMixin, ConfigMixin):
    @register_to_config
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.factor = factor

    def forward(self, x):
        return self.layer(x) * self.factor


class OtherMix(Mix):
    pass


class Plain(torch.nn.Module):
    pass


class Fade(Block):
    """Make images darker."""

    mixer: Mix = component()

    class Out(Outputs):
        images: list[Image.Image]

    def run(self, images: Images) -> Out:
        by = float(self.mixer(torch.ones(1)).abs())
        return self.Out(images=[image.point(lambda value: int(value * by)) for image in images])


class FadePlain(Block):
    mixer: Plain = component()

    class Out(Outputs):
        number: int

    def run(self) -> Out:
        return self.Out(number=1)


class Forgotten(Block):
    mixer: Mix

    class Out(Outputs):
        number: int

    def run(self) -> Out:
        return self.Out(number=1)
'''
INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "seed": 1, "output": "images"}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "my_fading.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_fading as module  # type: ignore[import-not-found]  # written above

    yield module
    del sys.modules["my_fading"]


def of_block(block: Any, network: Any) -> ModularPipeline:
    pipe: ModularPipeline = block.init_pipeline()
    pipe.update_components(mixer=network.eval())
    return pipe


def test_it_travels_with_the_block_and_the_image_is_repeated_elsewhere(
    tiny_pipe: ModularPipeline, own: Any, tmp_path: Path
) -> None:
    tiny_pipe.blocks.insert_after("decode", "fade", own.Fade())
    tiny_pipe.update_components(mixer=own.Mix(factor=0.5).eval())
    image = tiny_pipe(**INPUTS)[0]
    save(image, tmp_path / "x.png")
    tiny_pipe.save_pretrained(tmp_path / "repo")
    again = ModularPipeline.from_pretrained(tmp_path / "repo", trust_remote_code=True).load_components()
    assert type(again.mixer) is not own.Mix
    assert again.mixer.factor == 0.5
    assert torch.equal(again.mixer.layer.weight, tiny_pipe.mixer.layer.weight)
    fade = again.blocks.sub_blocks["fade"]
    for components in (again, tmp_path / "repo"):
        found = replay(tmp_path / "x.png", blocks=[fade], components=components, progress=False)
        assert found.tobytes() == image.tobytes()
    # Once more, from code that came with a repository.
    again.save_pretrained(tmp_path / "second")
    third = ModularPipeline.from_pretrained(tmp_path / "second", trust_remote_code=True).load_components()
    assert third(**INPUTS)[0].tobytes() == image.tobytes()


def test_other_weights_of_the_same_class_are_not_taken_for_it(
    tiny_pipe: ModularPipeline, own: Any, tmp_path: Path
) -> None:
    from brickwork.pipeline.recipes.recipe_diff import diff

    tiny_pipe.blocks.insert_after("decode", "fade", own.Fade())
    tiny_pipe.update_components(mixer=own.Mix(factor=0.5).eval())
    one = tiny_pipe(**INPUTS)[0]
    tiny_pipe.update_components(mixer=own.OtherMix(factor=0.5).eval())
    assert "mixer: class" in str(diff(one, tiny_pipe(**INPUTS)[0]))


def test_diffusers_is_told_that_it_does_not_find_the_class(own: Any, tmp_path: Path) -> None:
    of_block(own.Fade(), own.Mix()).save_pretrained(tmp_path / "repo")
    with pytest.raises(
        ImportError, match="without the network 'mixer' of a class of its own: open the repository with"
    ):
        diffusers.ModularPipeline.from_pretrained(str(tmp_path / "repo"), trust_remote_code=True)


def test_a_plain_module_is_refused_once_and_leaves_no_folder(own: Any, tmp_path: Path) -> None:
    with pytest.raises(RepoError) as caught:
        of_block(own.FadePlain(), own.Plain()).save_pretrained(tmp_path / "a" / "repo")
    assert str(caught.value) == (
        "mixer is a Plain, a network of your own that cannot write its weights (it has no save_pretrained). Derive it from two classes of "
        "diffusers, class Plain(ModelMixin, ConfigMixin), with @register_to_config on its __init__; or leave it out "
        "(unload_components('mixer')), and others give it."
    )
    assert not (tmp_path / "a").exists()


def test_another_class_than_the_block_declares_is_refused(own: Any, tmp_path: Path) -> None:
    with pytest.raises(RepoError) as caught:
        of_block(own.Fade(), own.OtherMix()).save_pretrained(tmp_path / "repo")
    assert str(caught.value) == (
        "mixer is an OtherMix of your own, and the block declares Mix, so who opens the repository would not find OtherMix. Declare it in "
        "the block, mixer: OtherMix = component(), or leave it out (unload_components('mixer'))."
    )


def test_a_block_that_holds_its_network_says_how_a_pipeline_gets_it_and_leaves_no_folder(
    own: Any, tmp_path: Path
) -> None:
    with pytest.raises(CompositionError, match=r"pipe = Fade\(\).init_pipeline\(\), then pipe.update_components"):
        own.Fade(mixer=own.Mix()).save_pretrained(tmp_path / "repo")
    assert not (tmp_path / "repo").exists()


def test_a_folder_that_was_there_stays_when_a_save_is_refused(own: Any, tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    with pytest.raises(CompositionError):
        own.Fade(mixer=own.Mix()).save_pretrained(tmp_path / "repo")
    assert (tmp_path / "repo").is_dir()


def test_a_forgotten_component_call_is_named(own: Any) -> None:
    with pytest.raises(DeclarationError) as caught:
        own.Forgotten()
    assert str(caught.value) == (
        "Forgotten needs the option 'mixer'. If mixer is a component, which the pipeline gives, declare it as one: mixer: Mix = component()."
    )


def test_a_block_of_a_notebook_may_use_what_another_cell_imported(tmp_path: Path) -> None:
    """Python compiles `math.sqrt(...)` otherwise where `import math` stands in the same text."""
    imports = "import math\nfrom brickwork import Block, Outputs\n"
    cell = "import json\n\n\nclass Root(Block):\n    class Out(Outputs):\n        y: float\n\n    def run(self, x: float) -> Out:\n"
    cell += "        return self.Out(y=json.loads(str(math.sqrt(x))))\n"
    notebook = types.ModuleType("a_notebook")
    sys.modules["a_notebook"] = notebook
    linecache.cache["<cell 3>"] = (len(cell), None, cell.splitlines(keepends=True), "<cell 3>")
    try:
        exec(compile(imports, "<cell 1>", "exec", dont_inherit=True), vars(notebook))
        exec(compile(cell, "<cell 3>", "exec", dont_inherit=True), vars(notebook))
        notebook.Root().save_pretrained(tmp_path / "repo")
        notebook.Root.run.__defaults__ = (4.0,)  # what the text does not say is refused as before
        with pytest.raises(RepoError, match="is not what its source in the script or notebook says"):
            notebook.Root().save_pretrained(tmp_path / "other")
    finally:
        del sys.modules["a_notebook"], linecache.cache["<cell 3>"]
    block = ModularPipelineBlocks.from_pretrained(tmp_path / "repo", trust_remote_code=True)
    assert block.run(x=9.0).y == 3.0
