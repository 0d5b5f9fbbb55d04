"""Repositories that are saved, opened again here and in diffusers, and published on a Hub on this machine."""

from __future__ import annotations

import importlib
import json
import linecache
import shutil
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from hub_server import TOKEN, Hub
from prepared_python import PreparedPython

import brickwork
from brickwork import (
    Block,
    ClassifierFreeGuidance,
    CompositionError,
    Guider,
    ModularPipeline,
    ModularPipelineBlocks,
    Outputs,
    PerturbedAttentionGuidance,
    RepoError,
    SequentialPipelineBlocks,
    TrustError,
    save_workflow,
)
from brickwork.blocks import PredictNoise, adopt
from brickwork.presets.sdxl import SDXL, TEXT2IMAGE_BLOCKS
from brickwork.registry import ComponentSpec
from brickwork.saving import composition

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output": "images", "output_type": "pt"}
MODULE = '''
from __future__ import annotations

import math
from typing import Any

from brickwork import Block, Outputs
from brickwork.state.vocabulary import Images

from .amounts import amount


class Dim(Block):
    """Take light from images."""

    by: float = 0.5
    held: Any = None

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=images * amount(self.by) + 0.0 * math.pi)
'''


@pytest.fixture
def dim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A custom block in a package of its own, of two files."""
    package = tmp_path / "my_light"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "dim.py").write_text(MODULE)
    (package / "amounts.py").write_text("def amount(by):\n    return 1.0 - by\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_light.dim as module  # type: ignore[import-not-found]  # written above

    yield module.Dim
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_light"]:
        del sys.modules[name]


def drawn(pipe: Any, **inputs: Any) -> torch.Tensor:
    images: torch.Tensor = pipe(**{**INPUTS, **inputs}, generator=torch.Generator().manual_seed(1))
    return images


def opened(place: Any, **options: Any) -> ModularPipeline:
    pipe = ModularPipeline.from_pretrained(str(place), **options).load_components()
    pipe.configure(progress=False)
    return pipe


def edited(pipe: ModularPipeline, dim: Any) -> ModularPipeline:
    """Inserted, replaced, nested and custom blocks, options, another guider, a changed config."""
    pipe.blocks.sub_blocks.insert("dim", dim(by=0.25), len(pipe.blocks.sub_blocks))
    pipe.blocks.replace("denoise.denoiser", PredictNoise.bind(SDXL)(batching="sequential"))
    nested = SequentialPipelineBlocks.from_blocks_dict({"inner": dim(by=0.5)})
    pipe.blocks.sub_blocks.insert("nested", nested, len(pipe.blocks.sub_blocks))
    pipe.update_components(guider=PerturbedAttentionGuidance(guidance_scale=3.0, perturbed_guidance_stop=1.0))
    pipe.update_config(force_zeros_for_empty_prompt=False)
    return pipe


def test_any_composition_comes_back_equal(tiny_pipe: ModularPipeline, dim: Any, tmp_path: Path) -> None:
    pipe = edited(tiny_pipe, dim)
    expected = drawn(pipe)
    pipe.save_pretrained(tmp_path / "repo")
    again = opened(tmp_path / "repo", trust_remote_code=True)
    assert torch.equal(drawn(again), expected)
    assert again.guider == pipe.guider
    assert dict(again.config) == dict(pipe.config)
    assert str(again.blocks) == str(pipe.blocks)
    shutil.rmtree(tmp_path / "my_light")
    again.save_pretrained(tmp_path / "second")  # from code that was loaded itself
    assert torch.equal(drawn(opened(tmp_path / "second", trust_remote_code=True)), expected)
    moved = (tmp_path / "second").rename(tmp_path / "moved")
    assert torch.equal(drawn(opened(moved, trust_remote_code=True)), expected)


def test_the_peer_runs_what_we_save(
    tiny_pipe: ModularPipeline, dim: Any, tmp_path: Path, prepared_python: PreparedPython
) -> None:
    pipe = edited(tiny_pipe, dim)
    expected = drawn(pipe)
    pipe.save_pretrained(tmp_path / "repo")
    code = f"""
        import warnings; warnings.simplefilter("ignore")
        import diffusers, torch
        pipe = diffusers.ModularPipeline.from_pretrained({str(tmp_path / "repo")!r}, trust_remote_code=True)
        pipe.load_components()
        pipe.set_progress_bar_config(disable=True)
        images = pipe(**{INPUTS!r}, generator=torch.Generator().manual_seed(1))
        torch.save(images, {str(tmp_path / "images.pt")!r})
        print(type(pipe).__name__, [p.name for p in pipe.blocks.inputs][:2])
    """
    done = prepared_python.run("-c", textwrap.dedent(code), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "StableDiffusionXLModularPipeline" in done.stdout
    assert torch.allclose(torch.load(tmp_path / "images.pt"), expected, atol=1e-6)


def test_files_in_several_folders_are_for_us_alone_and_the_peer_is_told(tmp_path: Path, dim: Any) -> None:
    from brickwork.saving.block_sources import Sources
    from brickwork.saving.to_diffusers import adapter_file

    sources = Sources({"a/b.py": b""}, {dim: "./a/b.py:Dim"}, {})
    with pytest.raises(ImportError, match="copies files of one folder only, and there is a/b.py: open the repository"):
        exec(adapter_file({}, {}, sources), {})


def test_a_repository_of_the_peer_runs_here(tmp_path: Path, prepared_python: PreparedPython) -> None:
    from block_repo import PEER_BLOCK, write

    canary = tmp_path / "canary"
    source = write(tmp_path / "src", {"double.py": PEER_BLOCK.format(canary=str(canary))})
    code = f"""
        import sys; sys.path.insert(0, {str(source)!r})
        from double import Double
        Double().save_pretrained({str(tmp_path / "repo")!r})
    """
    prepared_python.run("-c", textwrap.dedent(code)).check_returncode()
    shutil.copy(source / "double.py", tmp_path / "repo" / "double.py")  # which the peer leaves to people
    canary.unlink()
    with pytest.raises(TrustError, match=r"brings code of its own \(double.py\)"):
        ModularPipelineBlocks.from_pretrained(tmp_path / "repo")
    assert not canary.exists()
    blocks = ModularPipelineBlocks.from_pretrained(tmp_path / "repo", trust_remote_code=True)
    assert blocks.init_pipeline()(x=21, output="y") == 42
    blocks.save_pretrained(tmp_path / "ours")
    again = ModularPipelineBlocks.from_pretrained(tmp_path / "ours", trust_remote_code=True)
    assert again.init_pipeline()(x=4, output="y") == 8


def test_blocks_of_diffusers_are_named_and_not_copied(tiny_folder: Path, tmp_path: Path) -> None:
    from diffusers.modular_pipelines.stable_diffusion_xl.decoders import StableDiffusionXLDecodeStep

    blocks = SequentialPipelineBlocks.from_blocks_dict(
        {**TEXT2IMAGE_BLOCKS, "decode": adopt(StableDiffusionXLDecodeStep)}
    )
    blocks.save_pretrained(tmp_path / "repo")
    assert sorted(path.name for path in (tmp_path / "repo").glob("*.py")) == ["brickwork_adapter.py"]
    again = ModularPipelineBlocks.from_pretrained(tmp_path / "repo")
    assert str(again) == str(blocks)


def test_single_blocks_and_guiders_are_saved_too(dim: Any, tmp_path: Path) -> None:
    dim(by=0.75).save_pretrained(tmp_path / "dim")
    again: Any = ModularPipelineBlocks.from_pretrained(tmp_path / "dim", trust_remote_code=True)
    assert again.by == 0.75
    assert again.init_pipeline()(images=torch.ones(1, 3, 2, 2), output="images").max() == 0.25
    guider = PerturbedAttentionGuidance(guidance_scale=4.0)
    guider.save_pretrained(str(tmp_path / "guider"))
    assert Guider.from_pretrained(str(tmp_path / "guider")) == guider


def test_saving_changes_the_pipeline_s_origins_as_the_index_says(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    tiny_pipe.save_pretrained(tmp_path / "kept", overwrite_modular_index=False)
    index = json.loads((tmp_path / "kept" / "modular_model_index.json").read_text())
    assert index["unet"][2]["pretrained_model_name_or_path"] == tiny_pipe.specs["unet"].repo
    assert not (tmp_path / "kept" / "unet").exists()
    tiny_pipe.save_pretrained(tmp_path / "own")
    index = json.loads((tmp_path / "own" / "modular_model_index.json").read_text())
    assert index["unet"] == [
        "diffusers",
        "UNet2DConditionModel",
        {
            "pretrained_model_name_or_path": str(tmp_path / "own"),
            "subfolder": "unet",
            "variant": None,
            "revision": None,
            "type_hint": ["diffusers", "UNet2DConditionModel"],
        },
    ]
    assert tiny_pipe.specs["unet"].repo == str(tmp_path / "own")


def test_what_is_not_loaded_keeps_its_origin(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.load_components("vae")
    pipe.save_pretrained(tmp_path / "repo")
    again = ModularPipeline.from_pretrained(tmp_path / "repo")
    assert (again.specs["vae"].repo, again.specs["unet"].repo) == (str(tmp_path / "repo"), str(tiny_folder))


# What cannot be saved


class Here(Block):
    """A block of a test file, beside which lie modules that nobody else has."""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)


def test_code_that_others_would_lack_is_refused_and_nothing_is_written(tmp_path: Path, dim: Any) -> None:
    class Inside(Block):
        """Within a function."""

        class Out(Outputs):
            z: int

        def run(self, y: int) -> Out:
            return self.Out(z=y)

    blocks = SequentialPipelineBlocks.from_blocks_dict({"here": Here, "inside": Inside})
    with pytest.raises(RepoError, match="is defined within a function; define it at the top level") as caught:
        blocks.save_pretrained(tmp_path / "repo")
    assert "'hub_server' would not be there for others; install it as a package" in str(caught.value)
    assert not (tmp_path / "repo").exists()
    with pytest.raises(RepoError, match="Dim: the option 'held' is Tensor.*, which no file holds"):
        dim(held=torch.ones(2)).save_pretrained(tmp_path / "repo")
    assert not (tmp_path / "repo").exists()


def test_settings_that_no_file_holds_are_refused(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    tiny_pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=lambda progress: 5.0))
    with pytest.raises(RepoError, match="guider: ClassifierFreeGuidance has settings that no file holds"):
        tiny_pipe.save_pretrained(tmp_path / "repo")
    assert not (tmp_path / "repo").exists()


KEEPING = '''
from brickwork import InputParam, ModularPipelineBlocks, OutputParam


class Keeping(ModularPipelineBlocks):
    """A block that keeps what its constructor was given, which no composition tells."""

    def __init__(self, factor=1):
        self.factor = factor
        super().__init__()

    @property
    def inputs(self):
        return [InputParam("x", required=True)]

    @property
    def intermediate_outputs(self):
        return [OutputParam("y")]

    def __call__(self, components, state):
        state.set("y", self.factor * state.get("x"))
        return components, state


class Wanting(Keeping):
    """A block that cannot be made without."""

    def __init__(self, factor):
        super().__init__(factor)
'''


def test_what_a_block_keeps_and_the_composition_does_not_tell_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what is written, a block would be made without its attributes."""
    (tmp_path / "keeping.py").write_text(KEEPING)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("keeping")
    module.Keeping().save_pretrained(tmp_path / "plain")
    # What is data is written.
    module.Keeping(3).save_pretrained(tmp_path / "three")
    opened = ModularPipelineBlocks.from_pretrained(str(tmp_path / "three"), trust_remote_code=True)
    assert opened.factor == 3
    for blocks in (module.Keeping(len), SequentialPipelineBlocks.from_blocks_dict({"keep": module.Keeping(len)})):
        with pytest.raises(
            RepoError, match="its attribute 'factor' is .*len.*, and made again 1. What a block keeps must be"
        ):
            blocks.save_pretrained(tmp_path / "repo")
        with pytest.raises(RepoError, match="its attribute 'factor' is .*, and made again 1"):
            save_workflow(blocks.init_pipeline(), tmp_path / "flow.yaml")
    assert not list((tmp_path / "repo").glob("*"))
    with pytest.raises(RepoError, match="The blocks would not open: .*missing 1 required positional argument"):
        module.Wanting(3).save_pretrained(tmp_path / "repo")


def test_code_that_was_cut_out_and_does_not_run_is_refused(tmp_path: Path) -> None:
    cell = "class Base:\n    pass\n\n\nclass Lonely(Base, Block):\n    class Out(Outputs):\n        y: int\n\n"
    cell += "    def run(self, x: int) -> Out:\n        return self.Out(y=x)\n"
    notebook = types.ModuleType("a_notebook")
    vars(notebook).update(Block=Block, Outputs=Outputs)
    sys.modules[notebook.__name__] = notebook
    linecache.cache["<cell 2>"] = (len(cell), None, cell.splitlines(keepends=True), "<cell 2>")
    try:
        exec(compile(cell, "<cell 2>", "exec"), vars(notebook))
        del notebook.Base
        with pytest.raises(RepoError, match="lonely.py, which would bring Lonely, cannot be imported: NameError"):
            notebook.Lonely().save_pretrained(tmp_path / "repo")
    finally:
        del sys.modules[notebook.__name__], linecache.cache["<cell 2>"]
    assert not list((tmp_path / "repo").glob("*"))
    assert not [name for name in sys.modules if name.startswith("brickwork_repo_tried")]


SCRIPT = '''
import math as m
from pathlib import Path

import torch

from brickwork import Block, Outputs
from brickwork.state.vocabulary import Images

FACTOR = 3
UNUSED = object()


def times(x):
    return x * FACTOR


class Base(Block):
    """A base."""

    class Out(Outputs):
        y: float

    def run(self, x: float) -> Out:
        return self.Out(y=times(x) + m.floor(0.5))


class Triple(Base):
    """Times three."""


if __name__ == "__main__":
    Path("ran").touch()
    Triple().save_pretrained("repo")
'''


def test_a_block_of_a_script_brings_what_it_refers_to_and_not_the_script(
    tmp_path: Path, prepared_python: PreparedPython
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    prepared_python.run("script.py", cwd=tmp_path).check_returncode()
    text = (tmp_path / "repo" / "triple.py").read_text()
    assert "UNUSED" not in text
    assert "touch" not in text
    assert "import math as m" in text
    (tmp_path / "ran").unlink()
    blocks = ModularPipelineBlocks.from_pretrained(tmp_path / "repo", trust_remote_code=True)
    assert blocks.init_pipeline()(x=2.0, output="y") == 6.0
    assert not (tmp_path / "ran").exists()


# The card


def test_the_card_shows_blocks_inputs_and_how_to_run(tiny_pipe: ModularPipeline, dim: Any, tmp_path: Path) -> None:
    edited(tiny_pipe, dim).save_pretrained(tmp_path / "my-repo", license_id="apache-2.0")
    card = (tmp_path / "my-repo" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: brickwork\n")
    for text in (
        "# my-repo",
        "graph.svg",
        "Dim · Take light",
        "trust_remote_code=True",
        "| prompt |",
        "(loop)",
        'license: "apache-2.0"',
    ):
        assert text in card, text
    assert (tmp_path / "my-repo" / "graph.svg").read_text().startswith("<svg")
    (tmp_path / "my-repo" / "README.md").write_text("# Written by hand\n")
    tiny_pipe.save_pretrained(tmp_path / "my-repo")
    assert (tmp_path / "my-repo" / "README.md").read_text() == "# Written by hand\n"


def test_words_of_blocks_are_nothing_but_words_in_the_card(tmp_path: Path, dim: Any) -> None:
    words = "</td><script>alert(1)</script> | [x](javascript:alert(1)) ![](http://x/y.png) `a`"
    module = sys.modules[dim.__module__]
    Path(str(module.__file__)).write_text(MODULE.replace("Take light from images.", words))
    importlib.reload(module).Dim().save_pretrained(tmp_path / "repo")
    card = (tmp_path / "repo" / "README.md").read_text().partition("```text")[0]
    for bad in ("<script", "](java", "![](http", "</td>"):
        assert bad not in card


# Publishing


def test_what_is_published_is_opened_by_others(tiny_pipe: ModularPipeline, dim: Any, tmp_path: Path, hub: Hub) -> None:
    pipe = edited(tiny_pipe, dim)
    expected = drawn(pipe)
    pipe.save_pretrained(tmp_path / "soft-light", push_to_hub=True, private=True)
    repo = hub.repos["me/soft-light"]
    assert repo.private
    assert {"brickwork.json", "dim.py", "README.md", "unet/diffusion_pytorch_model.safetensors"} <= repo.files.keys()
    index = json.loads(repo.files["modular_model_index.json"])
    assert index["unet"][2]["pretrained_model_name_or_path"] == "me/soft-light"
    assert not any(name.startswith(".brickwork") for name in repo.files)
    shutil.rmtree(tmp_path / "soft-light")
    with pytest.raises(TrustError, match=f"at commit {repo.refs['main']}"):
        ModularPipeline.from_pretrained("me/soft-light")
    again = opened("me/soft-light", trust_remote_code=True)
    assert torch.equal(drawn(again), expected)
    assert again.specs["unet"].revision == repo.refs["main"]


def test_a_guider_is_published_in_a_folder_of_a_repository(hub: Hub) -> None:
    hub.add("me/pipe", {"README.md": b"# mine\n"})
    guider = PerturbedAttentionGuidance(guidance_scale=4.0)
    guider.push_to_hub("me/pipe", subfolder="pag_guider")
    assert hub.repos["me/pipe"].files.keys() == {"README.md", "pag_guider/guider_config.json"}
    assert Guider.from_pretrained("me/pipe", subfolder="pag_guider") == guider
    theirs = diffusers.PerturbedAttentionGuidance(perturbed_guidance_layers=[1])
    assert (
        type(theirs).__name__ == json.loads(hub.repos["me/pipe"].files["pag_guider/guider_config.json"])["_class_name"]
    )


def test_a_guider_in_the_index_is_there_when_components_are_loaded(
    tiny_pipe: ModularPipeline, hub: Hub, tmp_path: Path
) -> None:
    PerturbedAttentionGuidance(guidance_scale=4.0).push_to_hub("me/guiders", subfolder="pag")
    tiny_pipe.save_pretrained(tmp_path / "repo")
    index = json.loads((tmp_path / "repo" / "modular_model_index.json").read_text())
    origin = {"pretrained_model_name_or_path": "me/guiders", "subfolder": "pag", "variant": None, "revision": None}
    index["guider"] = [None, None, {**origin, "type_hint": ["diffusers", "PerturbedAttentionGuidance"]}]
    (tmp_path / "repo" / "modular_model_index.json").write_text(json.dumps(index))
    pipe = ModularPipeline.from_pretrained(tmp_path / "repo")
    assert pipe.guider is None
    pipe.load_components()
    assert pipe.guider == PerturbedAttentionGuidance(guidance_scale=4.0)


def test_a_guider_of_a_spec_becomes_a_component_with_an_origin(
    tiny_pipe: ModularPipeline, hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    PerturbedAttentionGuidance(guidance_scale=4.0).push_to_hub("me/guiders", subfolder="pag")
    caplog.set_level("INFO", "brickwork")
    spec = tiny_pipe.get_component_spec("guider")
    spec.default_creation_method = "from_pretrained"
    spec.pretrained_model_name_or_path, spec.subfolder = "me/guiders", "pag"
    tiny_pipe.update_components(guider=spec)
    assert "default_creation_method of guider changes from from_config to from_pretrained" in caplog.text
    tiny_pipe.load_components()
    assert tiny_pipe.guider == PerturbedAttentionGuidance(guidance_scale=4.0)
    tiny_pipe.push_to_hub("me/whole")
    assert json.loads(hub.repos["me/whole"].files["guider/guider_config.json"])["guidance_scale"] == 4.0
    assert opened("me/whole").guider == PerturbedAttentionGuidance(guidance_scale=4.0)


def test_what_lies_in_a_folder_of_this_machine_is_not_published(tiny_folder: Path, hub: Hub) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    with pytest.raises(RepoError, match="unet is not loaded, and comes from the folder .*, which others do not have"):
        pipe.push_to_hub("me/bare")
    assert "me/bare" not in hub.repos


def test_publishing_without_a_login_or_with_a_bad_name_says_so(
    dim: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RepoError, match="'me/a--b' is no name of a repository on the Hub"):
        dim().push_to_hub("me/a--b")
    with pytest.raises(RepoError, match="'x' is nothing|nothing that publishing knows"):
        dim().push_to_hub("me/a", x=1)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(RepoError, match="log in"):
        dim().push_to_hub("unnamed")
    with pytest.raises(RepoError, match="me/a could not be published"):
        dim().push_to_hub("me/a")
    assert hub.repos == {}
    assert TOKEN.startswith("hf_")


def test_what_a_commit_in_the_middle_changed_is_kept_or_refused(dim: Any, hub: Hub) -> None:
    dim().push_to_hub("me/dim")
    repo = hub.repos["me/dim"]

    def other_commits(name: str) -> Any:
        left = [1]

        def fault(method: str, path: str) -> None:
            if "/commit/" in path and left:
                left.pop()
                repo.commit({name: b"by somebody else"})

        return fault

    with hub.failing(other_commits("notes.md")):
        dim(by=0.1).push_to_hub("me/dim")
    assert repo.files["notes.md"] == b"by somebody else"
    assert b"0.1" in repo.files["brickwork.json"]
    before = dict(repo.files)
    with (
        hub.failing(other_commits("dim.py")),
        pytest.raises(RepoError, match="Somebody else published dim.py of me/dim"),
    ):
        dim(by=0.2).push_to_hub("me/dim")
    assert {**before, "dim.py": b"by somebody else"} == repo.files


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_publish_that_fails_leaves_what_was_there(status: int, dim: Any, hub: Hub) -> None:
    dim().push_to_hub("me/dim")
    before = hub.repos["me/dim"].refs["main"]

    def fault(method: str, path: str) -> int | None:
        return status if "/commit/" in path else None

    with hub.failing(fault), pytest.raises(RepoError, match="me/dim could not be published"):
        dim(by=0.9).push_to_hub("me/dim")
    assert hub.repos["me/dim"].refs["main"] == before


def test_compositions_as_data_take_no_names_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match="diffusers has no block"):
        composition.compose({"block": "diffusers.modular_pipelines.modular_pipeline:os"})
    assert brickwork.__version__


def test_specs_that_name_repositories_are_pinned_when_saved(
    tiny_pipe: ModularPipeline, hub: Hub, tmp_path: Path
) -> None:
    tiny_pipe.push_to_hub("me/base")
    commit = hub.repos["me/base"].refs["main"]
    pipe = opened("me/base")
    pipe.save_pretrained(tmp_path / "thin", overwrite_modular_index=False)
    index = json.loads((tmp_path / "thin" / "modular_model_index.json").read_text())
    assert index["unet"][2]["revision"] == commit
    hub.repos["me/base"].commit({"unet/config.json": b"{}"})
    assert torch.equal(drawn(opened(tmp_path / "thin")), drawn(pipe))
    assert isinstance(pipe.specs["unet"], ComponentSpec)


def test_components_from_elsewhere_are_pinned_to_the_commit_that_was_loaded(
    tiny_pipe: ModularPipeline, hub: Hub, tiny_folder: Path, tmp_path: Path
) -> None:
    commit = hub.add_folder("you/models", tiny_folder)
    elsewhere = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo="you/models", subfolder="unet")
    tiny_pipe.update_components(unet=elsewhere.load())
    tiny_pipe.save_pretrained(tmp_path / "thin", overwrite_modular_index=False)
    index = json.loads((tmp_path / "thin" / "modular_model_index.json").read_text())
    assert index["unet"][2]["pretrained_model_name_or_path"] == "you/models"
    assert index["unet"][2]["revision"] is None
    hub.repos["you/models"].commit({"unet/config.json": b"{}"})
    again = opened(tmp_path / "thin")
    assert again.specs["unet"].revision == commit
    assert torch.equal(drawn(again), drawn(tiny_pipe))
    tiny_pipe.save_pretrained(tmp_path / "whole")
    pins = json.loads((tmp_path / "whole" / "brickwork.json").read_text())["pins"]
    assert {pin["commit"] for pin in pins.values()} == {None}, "the commit is of another repository"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.py", "TOKEN = 'hf_" + "a" * 34 + "'", "a.py seems to hold a token of the Hub"),
        ("a.json", "-----BEGIN RSA PRIVATE KEY-----", "a.json seems to hold a private key"),
        ("a.md", "AKIA" + "A" * 16, "a key of AWS"),
        ("a.bin", "pickle", "a.bin is of no kind that is published"),
        (".env", "x=1", ".env is of no kind"),
        (".git/config", "x", ".git/config is of no kind"),
        ("a b .py", "x", "a part begins or ends with a space"),
    ],
)
def test_what_must_not_leave_the_machine_stops_a_publish(
    name: str, content: str, expected: str, tmp_path: Path, hub: Hub
) -> None:
    from brickwork.registry.publishing import publish

    def save(folder: Path, _: str) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)

    if name == "a b .py":
        name = "a b /x.py"
    with pytest.raises(RepoError, match=expected):
        publish(save, "me/secrets")
    assert hub.repos == {}


def test_links_are_not_published(tmp_path: Path, hub: Hub) -> None:
    from brickwork.registry.publishing import publish

    def save(folder: Path, _: str) -> None:
        folder.mkdir()
        (folder / "passwords.txt").symlink_to("/etc/passwd")
        (folder / "inner").symlink_to("/etc")

    with pytest.raises(RepoError, match="passwords.txt is a link") as caught:
        publish(save, "me/links")
    assert len(caught.value.faults) == 2
    assert hub.repos == {}
