"""Files that name other files and classes: adapters, guiders, indexes, workflows, recipes, snapshots. None of them leads outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from block_repo import hand_written, write
from canary import Canary
from hub_server import Hub
from PIL.PngImagePlugin import PngInfo

import brickwork
from brickwork import Guider, ModularPipeline, ModularPipelineBlocks, Recipe, Snapshot, load_workflow, replay
from brickwork.registry import read_index
from brickwork.state.value_file import save_values

PLACES = ("../outside/secret.txt", "/etc/passwd", "folder/../../outside/x.safetensors", "C:\\x.safetensors", "C:x.safetensors", "..\\outside\\x.safetensors",
          "\\\\host\\share\\x.safetensors", "//host/share/x.safetensors", "x\0.safetensors", "~/x.safetensors:stream", "NUL", "con.safetensors", "a\u202e.safetensors",
          "./x.safetensors", "x.safetensors/", "x.safetensors.", "%2e%2e/outside/x.safetensors")  # fmt: skip


@pytest.mark.parametrize("name", PLACES, ids=ascii)
def test_weights_of_adapters_lie_where_they_are_looked_for(
    name: str, canary: Canary, embedded_pipe: ModularPipeline
) -> None:
    shutil.copy(
        brickwork.presets.embedded.ARROW_LORA / "pytorch_lora_weights.safetensors", canary.outside / "x.safetensors"
    )
    folder = str(canary.inside)
    canary.refused(lambda: embedded_pipe.load_lora_weights(folder, weight_name=name))
    canary.refused(lambda: embedded_pipe.load_textual_inversion(folder, token="<x>", weight_name=name))
    canary.refused(lambda: embedded_pipe.load_ip_adapter(folder, weight_name=name))
    canary.refused(lambda: embedded_pipe.load_ip_adapter(folder, subfolder=name, weight_name="x.safetensors"))


def _lora(pipe: ModularPipeline, folder: Path) -> Any:
    return pipe.load_lora_weights(str(folder), weight_name="x.safetensors")


LINKED: dict[str, tuple[str, Callable[[ModularPipeline, Path], Any]]] = {
    "a LoRA": ("x.safetensors", _lora),
    "words": (
        "x.safetensors",
        lambda pipe, folder: pipe.load_textual_inversion(str(folder), token="<x>", weight_name="x.safetensors"),
    ),
    "an IP-Adapter": (
        "x.safetensors",
        lambda pipe, folder: pipe.load_ip_adapter(str(folder), weight_name="x.safetensors"),
    ),
    "a guider": ("guider_config.json", lambda pipe, folder: Guider.from_pretrained(str(folder))),
    "a composition": ("brickwork.json", lambda pipe, folder: ModularPipelineBlocks.from_pretrained(folder)),
    "blocks of diffusers": ("modular_config.json", lambda pipe, folder: ModularPipelineBlocks.from_pretrained(folder)),
    "an index": ("modular_model_index.json", lambda pipe, folder: read_index(folder)),
    "a classic index": ("model_index.json", lambda pipe, folder: ModularPipeline.from_pretrained(str(folder))),
}


@pytest.mark.parametrize("kind", LINKED)
@pytest.mark.parametrize("how", ["absolute", "relative", "a chain"])
def test_files_of_a_repository_are_no_links_out_of_it(
    how: str, kind: str, canary: Canary, embedded_pipe: ModularPipeline
) -> None:
    name, act = LINKED[kind]
    target = {
        "absolute": canary.outside / "secret.txt",
        "relative": Path("../outside/secret.txt"),
        "a chain": Path("hop"),
    }[how]
    (canary.inside / "hop").symlink_to("../outside/secret.txt")
    (canary.inside / name).symlink_to(target)
    assert "is a link to" in canary.refused(lambda: act(embedded_pipe, canary.inside))


@pytest.mark.parametrize("name", ["block.py", "helper.py", "package/__init__.py", "package/inner.py"])
def test_code_is_no_link_out_of_its_repository(name: str, canary: Canary) -> None:
    (canary.outside / "evil.py").write_text(canary.code)
    folder = hand_written(canary.inside, canary.ran)
    code = "from . import helper\nfrom .package import inner\n" + (folder / "block.py").read_text()
    write(folder, {"block.py": code, "helper.py": "", "package/__init__.py": "", "package/inner.py": ""})
    (folder / name).unlink()
    (folder / name).symlink_to(canary.outside / "evil.py")
    canary.refused(lambda: ModularPipelineBlocks.from_pretrained(folder, trust_remote_code=True))


@pytest.mark.parametrize("subfolder", ["../outside", "/etc", "..", "a/../..", "C:\\x", "\\\\host\\share", "con"])
def test_a_guider_lies_in_its_repository(subfolder: str, canary: Canary) -> None:
    write(canary.outside, {"guider_config.json": {"_class_name": "ClassifierFreeGuidance"}})
    canary.refused(lambda: Guider.from_pretrained(str(canary.inside), subfolder=subfolder))


@pytest.mark.parametrize(
    "kind",
    [
        "os:system",
        "PerturbedAttentionGuidance()",
        "brickwork.guiders:Guider",
        "../x",
        "diffusers:DiffusionPipeline",
        7,
        None,
    ],
)
def test_a_guider_is_one_that_is_known(kind: Any, canary: Canary) -> None:
    write(
        canary.inside,
        {"guider_config.json": {"_class_name": kind, "auto_map": {"Guider": "evil.Evil"}}, "evil.py": canary.code},
    )
    canary.refused(lambda: Guider.from_pretrained(str(canary.inside)))


@pytest.mark.parametrize(
    "origin",
    ["x" * 300, "/" + "x/" * 3000, "x" * 10_000, "a\0b", "../" * 2000],
    ids=["a long name", "a long path", "a longer name", "a zero", "upwards"],
)
@pytest.mark.parametrize("entry", ["index", "workflow", "workflow repo", "name"])
def test_origins_that_are_no_names_are_refused(entry: str, origin: str, canary: Canary) -> None:
    hint = ["diffusers", "UNet2DConditionModel"]
    loading = {"pretrained_model_name_or_path": origin, "subfolder": "x", "type_hint": hint}
    index = {"_class_name": "StableDiffusionXLPipeline", "unet": [*hint, loading]}
    places = {"workflow": {"components": {"unet": {"repo": origin}}}, "workflow repo": {"repo": origin}}.get(entry, {})
    workflow = {"brickwork": 1, "start": "sdxl.text2image", **places}
    write(canary.inside, {"modular_model_index.json": index, "workflow.yaml": workflow})
    openers: dict[str, Callable[[], Any]] = {
        "index": lambda: ModularPipeline.from_pretrained(str(canary.inside)).load_components("unet"),
        "name": lambda: ModularPipeline.from_pretrained(origin),
    }
    canary.refused(openers.get(entry, lambda: load_workflow(canary.inside / "workflow.yaml").load_components("unet")))


@pytest.mark.parametrize(
    "origin",
    [
        "\\\\host\\share",
        "//127.0.0.1/share",
        "\\\\127.0.0.1@{port}\\x",
        "http://127.0.0.1:{port}/x",
        "file:///etc",
        "ftp://127.0.0.1:{port}/x",
    ],
)
@pytest.mark.parametrize("entry", ["index", "workflow", "workflow repo"])
def test_origins_are_no_addresses_and_shares(entry: str, origin: str, canary: Canary) -> None:
    place = origin.format(port=canary.port)
    hint = ["diffusers", "UNet2DConditionModel"]
    index = {
        "_class_name": "StableDiffusionXLPipeline",
        "unet": [*hint, {"pretrained_model_name_or_path": place, "subfolder": "unet", "type_hint": hint}],
    }
    files = {
        "modular_model_index.json": index,
        "workflow.yaml": f"brickwork: 1\nstart: sdxl.text2image\ncomponents:\n  unet: {{repo: '{place}', subfolder: unet}}\n",
        "workflow repo.yaml": f"brickwork: 1\nstart: sdxl.text2image\nrepo: '{place}'\n",
    }
    write(canary.inside, files)
    opener = (
        (lambda: ModularPipeline.from_pretrained(str(canary.inside)))
        if entry == "index"
        else lambda: load_workflow(canary.inside / f"{entry}.yaml")
    )
    canary.refused(lambda: opener().load_components("unet"))


WORKFLOWS = [
    "start: !!python/object/apply:os.system ['touch {ran}']", "start: !!python/name:os.system", "start: &a [*a, *a]", "start: !include /etc/passwd",
    "start: ../outside", "start: /etc/passwd", "start: os.system", "start: 'brickwork.presets.sdxl:TEXT2IMAGE_BLOCKS'", "start: file:///etc/passwd",
    "composition: {{block: 'os:system'}}", "composition: {{block: './evil.py:Evil'}}", "composition: {{block: 'evil:Evil'}}",
    "composition: {{block: 'brickwork.blocks.core.base:Path'}}", "composition: {{block: 'diffusers.modular_pipelines.modular_pipeline:os'}}",
    "composition: {{block: 'diffusers.modular_pipelines.../../evil:Evil'}}", "composition: {{block: '{inside}/evil.py:Evil'}}",
    "start: sdxl.text2image\nedits: [{{replace: decode, with: './evil.py:Evil'}}]", "start: sdxl.text2image\nedits: [{{replace: decode, with: 'subprocess:Popen'}}]",
    "start: sdxl.text2image\nedits: [{{insert: x, block: '../evil', after: decode}}]", "start: sdxl.text2image\nguider: os.system",
    "start: sdxl.text2image\nguider: {{name: './evil.py:Evil'}}", "start: sdxl.text2image\ncomponents: {{unet: {{repo: you/x, trust_remote_code: true}}}}",
    "start: sdxl.text2image\ncomponents: {{unet: {{repo: you/x, subfolder: ../../outside}}}}", "start: sdxl.text2image\ncomponents: {{unet: {{repo: you/x, variant: ../x}}}}",
    "start: sdxl.text2image\ncomponents: {{unet: {{repo: you/x, revision: ../../x}}}}", "start: sdxl.text2image\nrepo: you/x\nrevision: ../../../x",
    "start: sdxl.text2image\ninputs: {{prompt: {{$: dtype, value: os.system}}}}", "start: sdxl.text2image\nconfig: {{x: {{$: code, value: 1}}}}",
    "start: sdxl.text2image\ntrust_remote_code: true", "start: sdxl.text2image\n<<: {{a: b}}", "start: sdxl.text2image\nrepo: {outside}",
]  # fmt: skip


@pytest.mark.parametrize("text", WORKFLOWS)
def test_a_workflow_brings_no_code_and_names_no_places(text: str, canary: Canary, hub: Hub) -> None:
    filled = text.format(ran=canary.ran, inside=canary.inside, outside=canary.outside)
    write(canary.inside, {"evil.py": f"{canary.code}class Evil: ...\n", "workflow.yaml": f"brickwork: 1\n{filled}\n"})
    canary.refused(lambda: load_workflow(canary.inside / "workflow.yaml"))


@pytest.fixture(scope="module")
def recipe_data(embedded_pipe: ModularPipeline) -> dict[str, Any]:
    embedded_pipe(prompt="a red circle", num_inference_steps=1, output="latents")
    assert embedded_pipe.last_recipe is not None
    found: dict[str, Any] = json.loads(json.dumps(embedded_pipe.last_recipe.to_dict()))
    return found


def _with(*path: str) -> Callable[[Any, Any], None]:
    """Write a value deep into data."""

    def put(data: Any, value: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        data[path[-1]] = value

    return put


RECIPES: list[tuple[Callable[[Any, Any], None], Any]] = [
    *((_with("components", "unet", "origin", "subfolder"), value) for value in ("../../outside", "/etc", "..", "a/../../outside")),
    *((_with("components", "unet", "origin", "repo"), value) for value in ("/etc", "../outside", "\\\\host\\share", "http://127.0.0.1/x", "you/other", 7)),
    *((_with("components", "scheduler", "class"), value) for value in ("os:system", "subprocess:Popen", "diffusers:DiffusionPipeline", "builtins:eval", "transformers:Trainer", 7)),
    *((_with("composition", "block"), value) for value in ("os:system", "./evil.py:Evil", "evil:Evil", "brickwork.blocks.core.base:Path", 7)),
    (_with("components", "unet", "dtype"), "os.system"), (_with("components", "unet", "origin", "variant"), "../../outside/x"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("held", "put", "value"), [*(("json", *case) for case in RECIPES), *(("png", *case) for case in RECIPES[::10])]
)
def test_a_recipe_brings_no_code_and_names_no_places(
    held: str, put: Callable[[Any, Any], None], value: Any, canary: Canary, recipe_data: dict[str, Any], hub: Hub
) -> None:
    data = json.loads(json.dumps(recipe_data))
    put(data, value)
    path = write(canary.inside, {"evil.py": f"{canary.code}class Evil: ...\n", "recipe.json": data}) / "recipe.json"
    if held == "png":
        from PIL import Image

        chunks = PngInfo()
        chunks.add_itxt("brickwork", json.dumps(data), zip=True)
        path = canary.inside / "picture.png"
        Image.new("RGB", (8, 8)).save(path, pnginfo=chunks)
    canary.refused(lambda: replay(path))
    assert hub.requests == []


def test_inputs_beside_a_picture_are_no_link_elsewhere(canary: Canary, recipe_data: dict[str, Any]) -> None:
    from PIL import Image

    save_values(canary.outside / "x.safetensors", {"prompt": "other"}, {})
    chunks = PngInfo()
    chunks.add_itxt("brickwork", json.dumps(recipe_data), zip=True)
    Image.new("RGB", (8, 8)).save(canary.inside / "picture.png", pnginfo=chunks)
    (canary.inside / "picture.inputs.safetensors").symlink_to(canary.outside / "x.safetensors")
    assert "is a link to" in canary.refused(lambda: replay(canary.inside / "picture.png"))


SNAPSHOTS: list[dict[str, Any]] = [
    {"$": "object", "value": "os.system"}, {"$": "data", "data": {"$": "dtype", "value": "os.system"}}, {"$": "data", "data": {"$": "device", "value": "../x"}},
    {"$": "array", "dtype": "O", "shape": [1], "scalar": False, "bytes": {"name": "0", "device": "cpu", "strides": None}},
    {"$": "picture", "mode": "RGB", "size": [1, 1], "bytes": {"name": "../../outside", "device": "cpu", "strides": None}},
    {"$": "tensor", "name": "0", "device": "/etc/passwd", "strides": None}, {"$": "generator", "number": 0, "device": "x", "state": {"name": "0", "device": "cpu", "strides": None}},
]  # fmt: skip


@pytest.mark.parametrize("value", SNAPSHOTS, ids=str)
def test_a_snapshot_holds_values_and_nothing_else(value: dict[str, Any], canary: Canary) -> None:
    from safetensors.torch import save

    header = {"format": "brickwork values 1", "values": json.dumps({"value x": value}), "about": "{}"}
    write(canary.inside, {"snapshot.safetensors": save({"0": torch.zeros(8, dtype=torch.uint8)}, metadata=header)})
    canary.refused(lambda: Snapshot.load(canary.inside / "snapshot.safetensors"))


@pytest.mark.parametrize("name", ["snapshot.safetensors", "recipe.json", "picture.png", "workflow.yaml"])
@pytest.mark.parametrize(
    "data",
    [b"\x80\x04cos\nsystem\n(Vtouch\ntR.", b"PK\x03\x04", b"\0" * 100, b""],
    ids=["pickle", "zip", "zeros", "empty"],
)
def test_files_that_are_something_else_are_refused(data: bytes, name: str, canary: Canary) -> None:
    path = write(canary.inside, {name: data}) / name
    readers = {"snapshot.safetensors": Snapshot.load, "workflow.yaml": load_workflow}
    canary.refused(lambda: readers.get(name, replay)(path))


def test_the_recipe_itself_is_repeated(canary: Canary, recipe_data: dict[str, Any]) -> None:
    """So that what is refused above is refused for what was written into it."""
    assert replay(Recipe.from_dict(recipe_data)) is not None
