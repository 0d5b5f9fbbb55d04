"""Attacks by repositories: each ends in an error of ours, nothing of theirs runs, nothing is written elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import sys
import textwrap
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from block_repo import BLOCK, hand_written, relocated, write
from canary import Bomb
from hub_server import Hub
from in_threads import in_threads
from prepared_python import PreparedPython
from transformers import CLIPTokenizer

import brickwork
from brickwork import (
    BrickworkError,
    ComponentError,
    CompositionError,
    InputError,
    ModularPipeline,
    ModularPipelineBlocks,
    RepoError,
    Trust,
    TrustError,
)
from brickwork.registry import ComponentSpec

open_blocks = ModularPipelineBlocks.from_pretrained


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A file that the code of repositories makes; it must not be there in the end, unless the test says so."""
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "code ran that was not granted"


def doubled(blocks: Any) -> int:
    result: int = blocks.init_pipeline()(x=21, output="y")
    return result


def code(canary: Path, factor: int = 2) -> str:
    return BLOCK.format(canary=str(canary), factor=factor)


def on_hub(hub: Hub, tmp_path: Path, canary: Path, name: str = "you/blocks", factor: int = 2) -> str:
    folder = hand_written(tmp_path / name.replace("/", "-"), canary)
    (folder / "block.py").write_text(code(canary, factor))
    return hub.add_folder(name, folder)


# Grants


def test_code_of_a_folder_or_the_hub_needs_a_grant(tmp_path: Path, canary: Path, hub: Hub) -> None:
    folder = hand_written(tmp_path / "repo", canary)
    commit = on_hub(hub, tmp_path, canary)
    with pytest.raises(TrustError, match=r"brings code of its own \(block.py\), which can do anything that you can"):
        open_blocks(folder)
    with pytest.raises(TrustError, match=f"trust_remote_code='{commit}'"):
        open_blocks("you/blocks")
    for wrong in ("0" * 40, Trust(code={"me/other": commit})):
        with pytest.raises(TrustError):
            open_blocks("you/blocks", trust_remote_code=wrong)


@pytest.mark.parametrize("given", ["True", "commit", "trust"])
def test_a_grant_lets_it_run_and_is_recorded(given: str, tmp_path: Path, hub: Hub, monkeypatch: Any) -> None:
    canary = tmp_path / "ran"
    commit = on_hub(hub, tmp_path, canary)
    grants: dict[str, Any] = {"True": True, "commit": commit, "trust": Trust(code={"you/blocks": commit})}
    assert doubled(open_blocks("you/blocks", trust_remote_code=grants[given])) == 42
    assert canary.exists()
    lock = json.loads((Path(os.environ["BRICKWORK_HOME"]) / "brickwork.lock").read_text())
    assert lock["repos"]["you/blocks"]["commit"] == commit
    assert lock["repos"]["you/blocks"]["code"] == {"block.py": hashlib.sha256(code(canary).encode()).hexdigest()}


def test_a_lock_records_and_grants_nothing(tmp_path: Path, hub: Hub) -> None:
    ran = tmp_path / "ran"
    on_hub(hub, tmp_path, ran)
    open_blocks("you/blocks", trust_remote_code=True)
    with pytest.raises(TrustError):
        open_blocks("you/blocks")
    folder = hand_written(tmp_path / "carries", ran)
    write(
        folder,
        {"brickwork.lock": {"brickwork_lock": 1, "repos": {str(folder): {"commit": None, "code": {}, "files": {}}}}},
    )
    with pytest.raises(TrustError):
        open_blocks(folder)


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_code_that_changed_after_the_grant_is_refused_with_the_difference(place: str, tmp_path: Path, hub: Hub) -> None:
    ran = tmp_path / "ran"
    commit = on_hub(hub, tmp_path, ran)
    folder = hand_written(tmp_path / "repo", ran)
    name: Any = folder if place == "folder" else "you/blocks"
    open_blocks(name, trust_remote_code=True)
    ran.unlink()
    (folder / "block.py").write_text(code(ran, factor=3))
    new = hub.repos["you/blocks"].commit({"block.py": code(ran, factor=3).encode()})
    with pytest.raises(TrustError, match="changed since it was granted") as caught:
        open_blocks(name, trust_remote_code=True)
    text = str(caught.value)
    assert "-        return self.Out(y=2 * x)" in text
    assert "+        return self.Out(y=3 * x)" in text
    assert not ran.exists()
    agreed = text.rpartition("trust_remote_code='")[2].partition("'")[0]
    assert agreed == new or place == "folder"
    assert doubled(open_blocks(name, trust_remote_code=agreed)) == 63
    assert doubled(open_blocks(name, trust_remote_code=True)) == 63
    if place == "hub":
        assert doubled(open_blocks(name, trust_remote_code=True, revision=commit)) == 42


def test_the_difference_cannot_paint_over_the_terminal(tmp_path: Path, hub: Hub) -> None:
    ran = tmp_path / "ran"
    folder = hand_written(tmp_path / "repo", ran)
    open_blocks(folder, trust_remote_code=True)
    (folder / "block.py").write_text(code(ran) + "# \x1b[2K\x1b[1A harmless\n")
    with pytest.raises(TrustError) as caught:
        open_blocks(folder, trust_remote_code=True)
    assert "\x1b" not in str(caught.value)
    assert "\\x1b[2K" in str(caught.value)


def test_a_branch_that_moves_is_the_same_code_or_refused(tmp_path: Path, hub: Hub) -> None:
    ran = tmp_path / "ran"
    on_hub(hub, tmp_path, ran)
    open_blocks("you/blocks", trust_remote_code=True)
    hub.repos["you/blocks"].commit({"README.md": b"# words\n"})
    assert doubled(open_blocks("you/blocks", trust_remote_code=True)) == 42


def test_a_commit_in_the_middle_of_a_load_is_not_seen(tmp_path: Path, hub: Hub) -> None:
    ran = tmp_path / "ran"
    on_hub(hub, tmp_path, ran)

    def moves(method: str, path: str) -> None:
        if "/resolve/" in path and "modular_config" in path:
            hub.repos["you/blocks"].commit({"block.py": code(ran, factor=9).encode()})

    with hub.failing(moves):
        assert doubled(open_blocks("you/blocks", trust_remote_code=True)) == 42
    asked = {path.split("/resolve/")[1].split("/")[0] for _, path in hub.requests if "/resolve/" in path}
    assert len(asked) == 1


def test_a_grant_is_for_the_named_repository_and_no_other(
    tmp_path: Path, canary: Path, hub: Hub, tiny_folder: Path
) -> None:
    hub.add_folder("you/other", model_with_code(tmp_path / "other", canary, tiny_folder))
    ran = tmp_path / "ran"
    folder = hand_written(tmp_path / "repo", ran)
    origin = {
        "pretrained_model_name_or_path": "you/other",
        "subfolder": "unet",
        "type_hint": ["diffusers", "AutoModel"],
    }
    write(folder, {"modular_model_index.json": {"_class_name": "ModularPipeline", "unet": [None, None, origin]}})
    uses = (
        code(ran)
        .replace("class Double(Block):", "class Double(Block):\n    unet: object = component()\n")
        .replace("import Block, Outputs", "import Block, Outputs, component")
    )
    (folder / "block.py").write_text(uses)
    pipe = ModularPipeline.from_pretrained(folder, trust_remote_code=True)
    with pytest.raises(BrickworkError, match="unet"):
        pipe.load_components(trust_remote_code=True)
    with pytest.raises(TrustError, match=r"you/other brings code of its own \(unet/evil.py\)"):
        ComponentSpec("unet", "diffusers:AutoModel", repo="you/other", subfolder="unet").load()


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_a_model_with_code_of_its_own_is_loaded_with_a_grant(
    place: str, tmp_path: Path, hub: Hub, tiny_folder: Path
) -> None:
    ran = tmp_path / "ran"
    folder = model_with_code(tmp_path / "other", ran, tiny_folder)
    hub.add_folder("you/other", folder)
    repo = str(folder) if place == "folder" else "you/other"
    for hint in (None, "diffusers:AutoModel"):
        spec = ComponentSpec("unet", hint, repo=repo, subfolder="unet")
        with pytest.raises(TrustError):
            spec.load()
        assert type(spec.load(trust_remote_code=True)).__name__ == "Evil"
    assert ran.exists()
    (folder / "unet" / "evil.py").write_text((folder / "unet" / "evil.py").read_text() + "# more\n")
    hub.repos["you/other"].commit({"unet/evil.py": b"# more"})
    with pytest.raises(TrustError, match="changed since it was granted"):
        ComponentSpec("unet", None, repo=repo, subfolder="unet").load(trust_remote_code=True)


@pytest.mark.parametrize("name", ["you/x--evil.Evil", "../evil.Evil", 7, "evil", "a.b.C"])
def test_models_name_code_beside_them(name: Any, tmp_path: Path, canary: Path, tiny_folder: Path) -> None:
    folder = model_with_code(tmp_path / "other", canary, tiny_folder)
    config = json.loads((folder / "unet" / "config.json").read_text())
    write(folder, {"unet/config.json": {**config, "auto_map": {"AutoModel": name}}})
    with pytest.raises(TrustError, match="auto_map"):
        ComponentSpec("unet", None, repo=str(folder), subfolder="unet").load(trust_remote_code=True)


def test_tokenizers_with_code_are_refused_without_a_grant(tmp_path: Path, canary: Path, tiny_folder: Path) -> None:
    folder = tokenizer_with_code(tmp_path / "models", canary, tiny_folder)
    for hint in ("transformers:AutoTokenizer", "transformers:CLIPTokenizer"):
        with pytest.raises(TrustError, match=r"brings code of its own \(tokenizer/evil.py\)"):
            ComponentSpec("tokenizer", hint, repo=str(folder), subfolder="tokenizer").load()


def test_tokenizers_with_code_that_was_granted_are_of_their_own_class(tmp_path: Path, tiny_folder: Path) -> None:
    folder = tokenizer_with_code(tmp_path / "models", tmp_path / "ran", tiny_folder)
    spec = ComponentSpec("tokenizer", "transformers:AutoTokenizer", repo=str(folder), subfolder="tokenizer")
    loaded = spec.load(trust_remote_code=True)
    assert type(loaded).__name__ == "Evil"
    assert loaded("a cat").input_ids == CLIPTokenizer.from_pretrained(tiny_folder / "tokenizer")("a cat").input_ids


def test_a_class_that_is_named_by_the_caller_needs_none_of_the_code_that_was_granted(
    tmp_path: Path, canary: Path, tiny_folder: Path
) -> None:
    folder = tokenizer_with_code(tmp_path / "models", canary, tiny_folder)
    spec = ComponentSpec("tokenizer", "transformers:CLIPTokenizer", repo=str(folder), subfolder="tokenizer")
    assert type(spec.load(trust_remote_code=True)).__name__ == "CLIPTokenizer"


def tokenizer_with_code(folder: Path, canary: Path, tiny_folder: Path) -> Path:
    """The tiny repository, with a tokenizer whose class comes with it."""
    relocated(tiny_folder, folder)
    config = {
        **json.loads((folder / "tokenizer" / "tokenizer_config.json").read_text()),
        "tokenizer_class": "Evil",
        "auto_map": {"AutoTokenizer": [None, "evil.Evil"]},
    }
    code = f"from transformers import CLIPTokenizer\nopen({str(canary)!r}, 'w').close()\n\nclass Evil(CLIPTokenizer):\n    pass\n"
    return write(folder, {"tokenizer/tokenizer_config.json": config, "tokenizer/evil.py": code})


def model_with_code(folder: Path, canary: Path, tiny_folder: Path) -> Path:
    """A UNet whose class comes with it."""
    config = json.loads((tiny_folder / "unet" / "config.json").read_text())
    code = f"from diffusers import UNet2DConditionModel\nopen({str(canary)!r}, 'w').close()\n\nclass Evil(UNet2DConditionModel):\n    pass\n"
    weights = (tiny_folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    files = {"config.json": {**config, "_class_name": "Evil", "auto_map": {"AutoModel": "evil.Evil"}}, "evil.py": code}
    return write(
        folder,
        {f"unet/{name}": data for name, data in {**files, "diffusion_pytorch_model.safetensors": weights}.items()},
    )


@pytest.mark.parametrize("given", [1, None, ["you/blocks"]])
def test_a_grant_is_text_or_yes_or_no(given: Any, tmp_path: Path, canary: Path) -> None:
    with pytest.raises(InputError, match="trust_remote_code=.*: give True"):
        open_blocks(hand_written(tmp_path / "repo", canary), trust_remote_code=given)


@pytest.mark.parametrize(
    "config",
    [{"trust_remote_code": True}, {"_name_or_path": "you/trusted"}, {"trust": {"code": {}}, "use_safetensors": False}],
)
def test_fields_that_ask_for_trust_are_nothing(config: dict[str, Any], tmp_path: Path, canary: Path) -> None:
    folder = hand_written(tmp_path / "repo", canary)
    known = json.loads((folder / "modular_config.json").read_text())
    write(folder, {"modular_config.json": {**known, **config}})
    with pytest.raises(TrustError):
        open_blocks(folder)


# Names and paths


@pytest.mark.parametrize(
    "auto_map",
    [
        "you/other--block.Double", "/etc/block.Double", "../block.Double", "..block.Double", "a.b.Double", "block", "", 7,
        ["block.Double"], "os.system.x", "block.Double()", "block.__class__.x",
    ],
)  # fmt: skip
def test_auto_map_names_a_file_of_its_own(auto_map: Any, tmp_path: Path, canary: Path) -> None:
    folder = hand_written(tmp_path / "repo", canary, auto_map=auto_map)
    with pytest.raises(TrustError, match="auto_map|takes code from another repository"):
        open_blocks(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "name",
    [
        "./../evil.py:Double", ".//etc/evil.py:Double", "./C:\\evil.py:Double", "./a\0b.py:Double", f"./{'x' * 300}.py:Double",
        "./sub/../../evil.py:Double", "./con .py:Double", "./a\nb.py:Double",
    ],
)  # fmt: skip
def test_names_of_files_stay_in_the_repository(name: str, tmp_path: Path, canary: Path) -> None:
    (tmp_path / "evil.py").write_text(code(canary))
    folder = write(tmp_path / "repo", {"brickwork.json": {"brickwork": 1, "composition": {"block": name}}})
    with pytest.raises((TrustError, RepoError)):
        open_blocks(folder, trust_remote_code=True)


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "builtins:eval", "posixpath:join", "diffusers.utils:os",
                                  "diffusers.modular_pipelines.modular_pipeline:importlib", "brickwork.blocks.core.base:Path"])  # fmt: skip
def test_compositions_name_blocks_and_nothing_else(name: str, tmp_path: Path, canary: Path) -> None:
    folder = write(tmp_path / "repo", {"brickwork.json": {"brickwork": 1, "composition": {"block": name}}})
    with pytest.raises(CompositionError):
        open_blocks(folder, trust_remote_code=True)


@pytest.mark.parametrize("hint", [["os", "system"], ["subprocess", "Popen"], ["builtins", "eval"], ["diffusers.utils", "os"],
                                  ["torch", "load"], ["pickle", "Unpickler"], ["diffusers", "__builtins__"], ["", "x"], [7, 8]])  # fmt: skip
def test_types_of_components_are_of_allowed_libraries(
    hint: list[Any], tmp_path: Path, canary: Path, tiny_folder: Path
) -> None:
    origin = {"pretrained_model_name_or_path": str(tiny_folder), "subfolder": "unet", "type_hint": hint}
    index = {"_class_name": "StableDiffusionXLModularPipeline", "unet": [None, None, origin]}
    folder = write(tmp_path / "repo", {"modular_model_index.json": index})
    pipe = ModularPipeline.from_pretrained(folder)
    if all(isinstance(part, str) and part for part in hint):
        with pytest.raises((TrustError, ComponentError)):
            pipe.load_components("unet")
    else:
        assert pipe.specs["unet"].type_name[1] == "UNet2DConditionModel"


@pytest.mark.parametrize(
    "origin",
    [
        {"pretrained_model_name_or_path": "/etc"}, {"pretrained_model_name_or_path": "../x"},
        {"pretrained_model_name_or_path": "~/x"}, {"pretrained_model_name_or_path": "a/b--c"},
        {"pretrained_model_name_or_path": "file:///etc/passwd"}, {"pretrained_model_name_or_path": 7},
        {"subfolder": "../.."}, {"subfolder": "/etc"}, {"variant": "../x"}, {"revision": "../../x"}, {"subfolder": ["a"]},
    ],
)  # fmt: skip
def test_origins_in_a_repository_of_the_hub_are_of_the_hub(origin: dict[str, Any], canary: Path, hub: Hub) -> None:
    entry = {"pretrained_model_name_or_path": "you/models", "subfolder": "unet", **origin}
    index = {"_class_name": "StableDiffusionXLModularPipeline", "unet": ["diffusers", "UNet2DConditionModel", entry]}
    hub.add("you/pipe", {"modular_model_index.json": json.dumps(index).encode()})
    with pytest.raises(TrustError, match="unet: "):
        ModularPipeline.from_pretrained("you/pipe")


@pytest.mark.parametrize("shard", ["../../evil.safetensors", "/etc/passwd", "a/b.safetensors", "C:\\x.safetensors"])
def test_lists_of_shards_name_files_beside_them(shard: str, tmp_path: Path, canary: Path, tiny_folder: Path) -> None:
    folder = tmp_path / "unet"
    write(folder, {"config.json": (tiny_folder / "unet" / "config.json").read_bytes(),
                   "diffusion_pytorch_model.safetensors.index.json": {"metadata": {}, "weight_map": {"conv_in.weight": shard}}})  # fmt: skip
    spec = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(tmp_path), subfolder="unet")
    with pytest.raises((TrustError, ComponentError), match="shard"):
        spec.load()


def test_links_out_of_a_repository_are_refused(tmp_path: Path, canary: Path, tiny_folder: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(code(canary))
    folder = hand_written(tmp_path / "repo", canary)
    (folder / "block.py").unlink()
    (folder / "block.py").symlink_to(outside)
    with pytest.raises(TrustError, match="is a link to .*, outside of its repository"):
        open_blocks(folder, trust_remote_code=True)
    unet = tmp_path / "models" / "unet"
    write(unet, {"config.json": (tiny_folder / "unet" / "config.json").read_bytes()})
    (unet / "diffusion_pytorch_model.safetensors").symlink_to(
        tiny_folder / "unet" / "diffusion_pytorch_model.safetensors"
    )
    with pytest.raises((TrustError, ComponentError), match="outside of its repository"):
        ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(tmp_path / "models"), subfolder="unet").load()


def test_imports_from_outside_are_refused(tmp_path: Path, canary: Path) -> None:
    folder = hand_written(tmp_path / "repo", canary)
    (tmp_path / "evil.py").write_text(code(canary))
    (folder / "block.py").write_text("from ..evil import Double\n")
    with pytest.raises(TrustError, match="imports from outside of the repository"):
        open_blocks(folder, trust_remote_code=True)


# Isolation


def test_a_tampered_cache_of_modules_is_not_read(tmp_path: Path, canary: Path) -> None:
    import py_compile

    ran = tmp_path / "ran"
    folder = hand_written(tmp_path / "repo", ran)
    (tmp_path / "evil.py").write_text(code(canary, factor=5))
    cached = folder / "__pycache__" / f"block.{sys.implementation.cache_tag}.pyc"
    cached.parent.mkdir()
    py_compile.compile(str(tmp_path / "evil.py"), cfile=str(cached))
    os.utime(cached)
    assert doubled(open_blocks(folder, trust_remote_code=True)) == 42


def test_a_file_that_changes_between_check_and_import_does_not_count(
    tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from brickwork.registry.hub import trust

    ran = tmp_path / "ran"
    folder = hand_written(tmp_path / "repo", ran)
    check = trust.Grant.check

    def then_change(*args: Any) -> str:
        digest = check(*args)
        (folder / "block.py").write_text(code(canary, factor=5))
        return digest

    monkeypatch.setattr(trust.Grant, "check", then_change)
    assert doubled(open_blocks(folder, trust_remote_code=True)) == 42


def test_equal_names_of_modules_are_different_modules(tmp_path: Path, hub: Hub) -> None:
    ran = tmp_path / "ran"
    folders = [hand_written(tmp_path / f"repo{factor}", ran) for factor in (2, 3)]
    (folders[1] / "block.py").write_text(code(ran, factor=3))
    blocks = [open_blocks(folder, trust_remote_code=True) for folder in folders]
    assert [doubled(each) for each in blocks] == [42, 63]
    assert type(blocks[0]) is not type(blocks[1])
    assert "block" not in sys.modules
    with pytest.raises(TrustError):
        open_blocks(hand_written(tmp_path / "third", ran))


def test_in_two_processes_too_and_on_one_home(tmp_path: Path, prepared_python: PreparedPython) -> None:
    folders = [hand_written(tmp_path / f"repo{factor}", tmp_path / "ran") for factor in (2, 3)]
    (folders[1] / "block.py").write_text(code(tmp_path / "ran", factor=3))
    text = """
        import sys
        from brickwork import ModularPipelineBlocks
        for _ in range(5):
            blocks = ModularPipelineBlocks.from_pretrained(sys.argv[1], trust_remote_code=True)
        print(blocks.init_pipeline()(x=1, output="y"))
    """
    environment = {**os.environ, "BRICKWORK_HOME": str(tmp_path / "home")}
    done = in_threads(
        lambda number: prepared_python.run("-c", textwrap.dedent(text), str(folders[number % 2]), env=environment), 4
    )
    assert [each.stdout.strip() for each in done] == ["2", "3", "2", "3"]
    lock = json.loads((tmp_path / "home" / "brickwork.lock").read_text())
    assert set(lock["repos"]) == {str(folder) for folder in folders}


def test_what_is_missing_for_the_code_is_said_before_it_runs(tmp_path: Path, canary: Path) -> None:
    folder = hand_written(tmp_path / "repo", canary)
    known = json.loads((folder / "modular_config.json").read_text())
    wanted = {"no-such-package": ">=1", "torch": ">=99", "numpy": "what?"}
    write(folder, {"modular_config.json": {**known, "requirements": wanted}})
    with pytest.raises(RepoError, match="needs packages") as caught:
        open_blocks(folder, trust_remote_code=True)
    assert len(caught.value.faults) == 3


def test_errors_of_imports_say_what_to_do(tmp_path: Path) -> None:
    folder = hand_written(tmp_path / "repo", tmp_path / "ran")
    write(
        folder, {"helpers.py": "x = 1\n", "block.py": "from .inner import y\nimport helpers\n", "inner.py": "y = 1\n"}
    )
    with pytest.raises(RepoError, match="cannot be imported: No module named 'helpers'"):
        open_blocks(folder, trust_remote_code=True)
    write(folder, {"block.py": "class Other: ...\n"})
    with pytest.raises((RepoError, TrustError)):
        open_blocks(folder, trust_remote_code=True)
    write(folder, {"block.py": "def (\n"})
    with pytest.raises(RepoError, match="is no Python that this version reads"):
        open_blocks(folder, trust_remote_code=True)


def test_sources_that_differ_from_what_was_saved_are_refused(tmp_path: Path, canary: Path) -> None:
    ran = tmp_path / "ran"
    blocks = open_blocks(hand_written(tmp_path / "repo", ran), trust_remote_code=True)
    blocks.save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "block.py").write_text(code(canary, factor=7))
    with pytest.raises(TrustError, match=r"block.py .changed. of .* is not what brickwork.json says"):
        open_blocks(tmp_path / "saved", trust_remote_code=True)


# Files that are not what they seem


def model_folder(tmp_path: Path, tiny_folder: Path, name: str, data: bytes) -> ComponentSpec:
    config = (tiny_folder / "unet" / "config.json").read_bytes()
    write(tmp_path / "models" / "unet", {"config.json": config, name: data})
    return ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(tmp_path / "models"), subfolder="unet")


@pytest.mark.parametrize(
    "name",
    [
        "diffusion_pytorch_model.bin", "diffusion_pytorch_model.pt", "diffusion_pytorch_model.ckpt",
        "diffusion_pytorch_model.safetensors", "pytorch_model.bin", "model.pt2",
    ],
)  # fmt: skip
def test_pickles_are_not_loaded_whatever_they_are_called(
    name: str, tmp_path: Path, canary: Path, tiny_folder: Path
) -> None:
    spec = model_folder(tmp_path, tiny_folder, name, pickle.dumps(Bomb(canary)))
    with pytest.raises((TrustError, ComponentError)):
        spec.load()


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensor(first: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(end - first) // 4], "data_offsets": [first, end]}


@pytest.mark.parametrize(
    "data",
    [
        safetensors({}, length=1 << 62), safetensors({}, length=200_000_000),
        safetensors({"a": tensor(0, 8), "b": tensor(4, 12)}, b"\0" * 12),
        safetensors(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": 1}', b"\0" * 4),
        safetensors({"a": tensor(0, 1 << 40)}, b"\0" * 8), safetensors({"a": {**tensor(0, 4), "shape": [-1]}}, b"\0" * 4),
        safetensors(b"[" * 100_000), safetensors(b'{"a": \xff}'), safetensors({"a": tensor(0, 4)}, b"\0" * 4 + b"tail"), b"",
    ],
    ids=["huge", "large", "overlap", "twin", "beyond", "negative", "deep", "no text", "tail", "empty"],
)  # fmt: skip
def test_lists_of_tensors_that_lie_are_refused(data: bytes, tmp_path: Path, canary: Path, tiny_folder: Path) -> None:
    spec = model_folder(tmp_path, tiny_folder, "diffusion_pytorch_model.safetensors", data)
    with pytest.raises(ComponentError):
        spec.load()


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe",
        b"[1]",
        b'{"a": 1, "a": 2}',
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'{"a": 1',
        b"",
        b'"text"',
        b'{"a": NaN,}',
    ],
)
@pytest.mark.parametrize("name", ["modular_model_index.json", "brickwork.json", "modular_config.json"])
def test_json_that_is_none_is_refused(name: str, text: bytes, tmp_path: Path, canary: Path) -> None:
    folder = write(tmp_path / "repo", {name: text})
    with pytest.raises(RepoError):
        ModularPipeline.from_pretrained(folder)


def test_json_that_is_too_large_is_not_read(tmp_path: Path, canary: Path) -> None:
    folder = write(tmp_path / "repo", {"modular_model_index.json": b'{"a": "' + b"x" * 21_000_000 + b'"}'})
    with pytest.raises(RepoError, match=r"has 21,000,009 bytes; at most 20,000,000 are read"):
        ModularPipeline.from_pretrained(folder)


@pytest.mark.parametrize(
    "data",
    [
        {"brickwork": 2, "composition": {}}, {"brickwork": 1}, {"brickwork": 1, "composition": []},
        {"brickwork": 1, "composition": {"block": "Decode"}, "more": 1}, {"brickwork": 1, "composition": {"block": 7}},
        {"brickwork": 1, "composition": {"block": "Decode", "options": {"no": 1}}},
        {"brickwork": 1, "composition": {"block": "SequentialPipelineBlocks", "blocks": [1]}},
    ],
)  # fmt: skip
def test_a_broken_brickwork_json_is_refused(data: dict[str, Any], tmp_path: Path, canary: Path) -> None:
    with pytest.raises((RepoError, CompositionError)):
        open_blocks(write(tmp_path / "repo", {"brickwork.json": data}))


# The Hub's faults


def tiny_on_hub(hub: Hub, tiny_folder: Path) -> ComponentSpec:
    hub.add_folder("you/models", tiny_folder)
    return ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo="you/models", subfolder="unet")


def test_a_file_of_the_right_size_and_another_content_is_refused(hub: Hub, tiny_folder: Path, canary: Path) -> None:
    spec = tiny_on_hub(hub, tiny_folder)
    with (
        hub.failing(lambda method, path: "corrupt" if path.startswith("/lfs/") else None),
        pytest.raises(
            (RepoError, ComponentError),
            match="is not loaded, after a second download, too: it is not what the Hub says it is",
        ),
    ):
        spec.load()
    assert spec.load().config.in_channels == 4, "the next load mends it"


def test_a_file_that_was_corrupted_once_is_downloaded_again(hub: Hub, tiny_folder: Path) -> None:
    spec = tiny_on_hub(hub, tiny_folder)
    left = ["corrupt"]
    with hub.failing(
        lambda method, path: left.pop() if path.startswith("/lfs/") and method == "GET" and left else None
    ):
        loaded = spec.load()
    expected = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(tiny_folder), subfolder="unet").load()
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), expected.parameters(), strict=True))


@pytest.mark.parametrize("fault", [500, 503, 403])
def test_errors_of_the_server_are_ours_in_words(
    fault: int, hub: Hub, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)  # between its tries
    spec = tiny_on_hub(hub, tiny_folder)

    def answer(method: str, path: str) -> int | None:
        return fault if "/resolve/" in path and path.endswith("safetensors") else None

    with hub.failing(answer), pytest.raises((RepoError, ComponentError), match="unet"):
        spec.load()
    assert spec.load() is not None


def test_a_cut_connection_is_an_error_or_is_continued(hub: Hub, tiny_folder: Path) -> None:
    spec = tiny_on_hub(hub, tiny_folder)
    left = ["cut"]
    with hub.failing(
        lambda method, path: left.pop() if path.startswith("/lfs/") and method == "GET" and left else None
    ):
        assert spec.load() is not None


def test_only_what_a_component_needs_is_downloaded(hub: Hub, tiny_folder: Path) -> None:
    spec = tiny_on_hub(hub, tiny_folder)
    hub.repos["you/models"].commit({"unet/diffusion_pytorch_model.bin": b"pickle", "unet/x.py": b"code",
                                    "unet/diffusion_pytorch_model.fp16.safetensors": b"half"})  # fmt: skip
    spec.load()
    asked = {path.rpartition("/")[2] for method, path in hub.requests if "/resolve/" in path}
    assert asked == {"config.json", "diffusion_pytorch_model.safetensors"}


def test_offline_the_cache_serves_at_the_commit_that_was_seen_last(
    hub: Hub, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    on_hub(hub, tmp_path, ran)
    open_blocks("you/blocks", trust_remote_code=True)
    hub.repos["you/blocks"].commit({"block.py": code(ran, factor=9).encode()})
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    heard = len(hub.requests)
    assert doubled(open_blocks("you/blocks", trust_remote_code=True)) == 42
    assert doubled(open_blocks("you/blocks", trust_remote_code=True, local_files_only=True)) == 42
    assert len(hub.requests) == heard
    with pytest.raises(RepoError, match="main of it is not in the cache"):
        open_blocks("you/unknown")


def test_the_hub_is_asked_once_where_a_repository_stands(hub: Hub, tiny_folder: Path, tmp_path: Path) -> None:
    hub.add_folder("you/once", relocated(tiny_folder, tmp_path / "source", "you/once"))
    ModularPipeline.from_pretrained("you/once").load_components()
    assert [path for _, path in hub.requests if path.startswith("/api/")] == ["/api/models/you/once"]


def test_nothing_but_what_is_asked_for_is_sent(hub: Hub, tiny_folder: Path, tmp_path: Path) -> None:
    hub.add_folder("you/models", relocated(tiny_folder, tmp_path / "source", "you/models"))
    ModularPipeline.from_pretrained("you/models").load_components()
    assert all(path.startswith(("/api/models/you/models", "/you/models/resolve/", "/lfs/")) for _, path in hub.requests)


def test_unknown_repositories_revisions_and_options_are_said(hub: Hub, tmp_path: Path) -> None:
    on_hub(hub, tmp_path, tmp_path / "ran")
    with pytest.raises(RepoError, match="There is no repository 'you/none' on the Hub, or it is private"):
        open_blocks("you/none")
    with pytest.raises(RepoError, match="you/blocks has no revision 'v9'"):
        open_blocks("you/blocks", revision="v9")
    with pytest.raises(RepoError, match="tokn is no option for repositories"):
        open_blocks("you/blocks", tokn="x")
    for name in ("a/b/c", "../x", "/etc", "a b/c", "you/a--b", ""):
        with pytest.raises(RepoError):
            open_blocks(name or "nothing")


# The lock


def test_with_a_lock_a_load_is_the_same_or_refused(hub: Hub, tiny_folder: Path, tmp_path: Path) -> None:
    first = hub.add_folder("you/models", relocated(tiny_folder, tmp_path / "source", "you/models"))
    lock = tmp_path / "brickwork.lock"
    ModularPipeline.from_pretrained("you/models", lock=lock).load_components("unet")
    recorded = json.loads(lock.read_text())["repos"]["you/models"]
    assert recorded["commit"] == first
    assert set(recorded["files"]) == {"unet/config.json", "unet/diffusion_pytorch_model.safetensors"}
    hub.repos["you/models"].commit({"unet/config.json": b"{}"})
    pipe = ModularPipeline.from_pretrained("you/models", lock=lock).load_components("unet")
    assert pipe.specs["unet"].revision == first
    data = json.loads(lock.read_text())
    data["repos"]["you/models"]["files"]["unet/config.json"] = "0" * 64
    lock.write_text(json.dumps(data))
    with pytest.raises(TrustError, match="unet/config.json of you/models is not what .* recorded"):
        ModularPipeline.from_pretrained("you/models", lock=lock).load_components("unet")


def test_a_folder_whose_weights_changed_is_refused_under_a_lock(
    tiny_folder: Path, tmp_path: Path, canary: Path
) -> None:
    relocated(tiny_folder, tmp_path / "models")
    lock = tmp_path / "x" / "my.lock"
    ModularPipeline.from_pretrained(tmp_path / "models", lock=lock).load_components("vae")
    path = tmp_path / "models" / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(TrustError, match="vae/diffusion_pytorch_model.safetensors"):
        ModularPipeline.from_pretrained(tmp_path / "models", lock=lock).load_components("vae")


@pytest.mark.parametrize(
    "text", ["{}", '{"brickwork_lock": 9, "repos": {}}', "no", '{"brickwork_lock": 1, "repos": {"a": 7}}']
)
def test_a_broken_lock_is_said(text: str, tmp_path: Path, canary: Path, tiny_folder: Path) -> None:
    lock = tmp_path / "my.lock"
    lock.write_text(text)
    with pytest.raises(RepoError):
        ModularPipeline.from_pretrained(tiny_folder, lock=lock)
    assert lock.read_text() == text


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").exists(), reason="needs a place that cannot be written")
def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", "/proc/sys/brickwork")
    with pytest.raises(RepoError, match="cannot be written to /proc/sys/brickwork/brickwork.lock"):
        open_blocks(hand_written(tmp_path / "repo", canary), trust_remote_code=True)


def test_a_pin_counts_as_long_as_the_index_says_the_same(
    hub: Hub, tiny_folder: Path, tmp_path: Path, caplog: Any
) -> None:
    commit = hub.add_folder("you/models", relocated(tiny_folder, tmp_path / "source", "you/models"))
    pipe = ModularPipeline.from_pretrained("you/models").load_components()
    pipe.save_pretrained(tmp_path / "repo", overwrite_modular_index=False)
    path = tmp_path / "repo" / "modular_model_index.json"
    index = json.loads(path.read_text())
    assert index["unet"][2]["revision"] == commit
    index["unet"][2]["revision"] = None
    path.write_text(json.dumps(index))
    again = ModularPipeline.from_pretrained(tmp_path / "repo")
    assert again.specs["unet"].revision is None
    assert "unet of" in caplog.text
    assert "was changed after it was saved, so no commit is pinned" in caplog.text
    assert again.specs["vae"].revision == commit


def test_trust_is_public() -> None:
    assert brickwork.Trust is Trust


def png(width: int, height: int) -> bytes:
    """The beginning of an image that says how large it is, and has nothing of it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (1, 2**30)])
def test_a_picture_that_says_it_is_huge_is_not_decoded(size: tuple[int, int], tmp_path: Path, canary: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png(*size))
    with pytest.raises(RepoError, match="huge.png has no recipe"):
        brickwork.replay(path)
    with pytest.raises(InputError, match="huge.png"):
        brickwork.load_image(path)
