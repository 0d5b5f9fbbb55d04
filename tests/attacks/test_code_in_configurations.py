"""Configurations that name code: refused before any loader sees them, whoever would read them, unless the code was granted."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from block_repo import write
from canary import Canary
from hub_server import Hub

from brickwork import ModularPipeline
from brickwork.registry import ComponentSpec

IMAGES = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": 8},
    "crop_size": {"height": 8, "width": 8},
}
PROCESSORS = (
    "CLIPProcessor",
    "CLIPSegProcessor",
    "Blip2Processor",
    "LlavaProcessor",
    "AutoProcessor",
    "AltCLIPProcessor",
)
TOKENIZER = {"AutoTokenizer": ["evil.Evil", None]}


def component(canary: Canary, tiny_folder: Path, kind: str, hint: str | None, files: dict[str, Any]) -> ComponentSpec:
    """A component of the tiny repository, with code of its own beside it and some files changed."""
    folder = canary.inside / kind
    source = tiny_folder / ("tokenizer" if kind == "processor" else kind)
    if source.is_dir():
        shutil.copytree(source, folder)
    if kind in ("processor", "feature_extractor"):
        write(folder, {"preprocessor_config.json": IMAGES})
    for name, changes in files.items():
        known = (
            json.loads((folder / name).read_text()) if (folder / name).is_file() and isinstance(changes, dict) else {}
        )
        write(folder, {name: {**known, **changes} if isinstance(changes, dict) else changes})
    write(folder, {"evil.py": f"{canary.code}class Evil:\n    pass\n"})
    return ComponentSpec(kind, hint, repo=str(canary.inside), subfolder=kind)


CONFIGS: list[tuple[str, str | None, dict[str, Any]]] = [
    *(("processor", f"transformers:{name}", {"tokenizer_config.json": {"tokenizer_class": "Evil", "auto_map": TOKENIZER}})
      for name in PROCESSORS),
    *(("processor", f"transformers:{name}", {"preprocessor_config.json": {"auto_map": {"AutoImageProcessor": "evil.Evil"}}})
      for name in PROCESSORS[:2]),
    *(("processor", f"transformers:{name}", {"processor_config.json": {"processor_class": "Evil", "auto_map": {"AutoProcessor": "evil.Evil"}}})
      for name in PROCESSORS[-2:]),
    ("processor", "transformers:CLIPProcessor", {"processor_config.json": {"image_processor": {"auto_map": {"AutoImageProcessor": "evil.Evil"}}}}),
    ("processor", "transformers:CLIPProcessor", {"config.json": {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil", **TOKENIZER}}}),
    ("tokenizer", "transformers:CLIPTokenizer", {"tokenizer_config.json": {"auto_map": TOKENIZER}}),
    ("tokenizer", "transformers:AutoTokenizer", {"tokenizer_config.json": {"tokenizer_class": "Evil", "auto_map": TOKENIZER}}),
    ("tokenizer", "transformers:AutoTokenizer", {"tokenizer_config.json": {"auto_map": ["evil.Evil", None]}}),
    ("tokenizer", "transformers:AutoTokenizer", {"config.json": {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}}}),
    ("tokenizer", "transformers:CLIPTokenizer", {"chat/any.json": {"deep": [{"er": {"auto_map": TOKENIZER}}]}, "chat/evil.py": "x = 1"}),
    ("tokenizer", "transformers:CLIPTokenizer", {"x.json": b'{"auto\\u005fmap": {"AutoTokenizer": "evil.Evil"}}'}),
    ("text_encoder", "transformers:CLIPTextModel", {"config.json": {"auto_map": {"AutoModel": "evil.Evil"}}}),
    ("text_encoder", "transformers:AutoModel", {"config.json": {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}}}),
    ("text_encoder", "transformers:CLIPTextModel", {"config.json": {"text_config": {"auto_map": {"AutoModel": "evil.Evil"}}}}),
    ("text_encoder", "transformers:CLIPTextModel", {"generation_config.json": {"auto_map": {"AutoModel": "evil.Evil"}}}),
    ("text_encoder", "transformers:CLIPTextModel", {"config.json": {"custom_pipelines": {"t": {"impl": "evil.Evil", "pt": ["AutoModel"]}}}}),
    ("text_encoder", None, {"config.json": {"auto_map": {"AutoModelForCausalLM": "evil.Evil"}}}),
    ("unet", "diffusers:UNet2DConditionModel", {"config.json": {"auto_map": {"AutoModel": "evil.Evil"}}}),
    ("unet", "diffusers:AutoModel", {"config.json": {"auto_map": {"AutoModel": "evil.Evil"}}}),
    ("unet", None, {"config.json": {"auto_map": {"UNet2DConditionModel": "evil.Evil"}}}),
    ("scheduler", "diffusers:EulerDiscreteScheduler", {"scheduler_config.json": {"auto_map": {"AutoModel": "evil.Evil"}}}),
    ("feature_extractor", "transformers:CLIPImageProcessor", {"preprocessor_config.json": {"auto_map": {"AutoImageProcessor": "evil.Evil"}}}),
    ("feature_extractor", "transformers:AutoImageProcessor", {"preprocessor_config.json": {"image_processor_type": "Evil", "auto_map": {"AutoImageProcessor": "evil.Evil"}}}),
    ("feature_extractor", "transformers:AutoFeatureExtractor", {"preprocessor_config.json": {"auto_map": {"AutoFeatureExtractor": "evil.Evil"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "hint", "files"), CONFIGS, ids=lambda value: str(value)[:60])
def test_code_that_a_configuration_names_needs_a_grant(
    kind: str, hint: str | None, files: dict[str, Any], canary: Canary, tiny_folder: Path
) -> None:
    spec = component(canary, tiny_folder, kind, hint, files)
    said = canary.refused(spec.load)
    assert f"brings code of its own ({kind}/" in said
    canary.refused(lambda: spec.load(trust_remote_code="0" * 64))


@pytest.mark.parametrize(
    "named",
    [
        "you/other--evil.Evil", "../evil.Evil", "/etc/evil.Evil", "evil", "", 7.5, "a.b.C", "os.system.x", ["..evil.Evil"], {"a": "b"},
        "evil.__class__.x", "évil .Evil", "evil.Evil()", "http://127.0.0.1/evil.Evil",
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("field", ["auto_map", "custom_pipelines"])
def test_code_that_a_configuration_names_lies_beside_it(
    field: str, named: Any, canary: Canary, tiny_folder: Path
) -> None:
    value = {"AutoTokenizer": named} if field == "auto_map" else {"task": {"impl": named}}
    spec = component(
        canary, tiny_folder, "tokenizer", "transformers:AutoTokenizer", {"tokenizer_config.json": {field: value}}
    )
    assert field in canary.refused(lambda: spec.load(trust_remote_code=True))


def test_code_on_the_hub_is_refused_as_in_a_folder(canary: Canary, tiny_folder: Path, hub: Hub) -> None:
    component(canary, tiny_folder, *CONFIGS[0])
    hub.add_folder("you/models", canary.inside)
    spec = ComponentSpec("processor", CONFIGS[0][1], repo="you/models", subfolder="processor")
    assert "brings code of its own (processor/evil.py)" in canary.refused(spec.load)


def test_a_pipeline_with_such_a_component_is_refused_with_its_name(canary: Canary, tiny_folder: Path) -> None:
    shutil.copytree(tiny_folder, canary.inside, dirs_exist_ok=True)
    write(canary.inside / "tokenizer", {"added.json": {"auto_map": TOKENIZER}, "evil.py": canary.code})
    pipe = ModularPipeline.from_pretrained(str(canary.inside))
    pipe.specs["tokenizer"].repo = str(canary.inside)
    assert "tokenizer/evil.py" in canary.refused(lambda: pipe.load_components("tokenizer"))


@pytest.mark.parametrize("given", [{"trust_remote_code": True}, {}], ids=["told to trust", "told nothing"])
def test_a_field_that_says_trust_grants_nothing(given: dict[str, Any], canary: Canary, tiny_folder: Path) -> None:
    config = {"tokenizer_class": "Evil", "auto_map": TOKENIZER, **given}
    canary.refused(component(canary, tiny_folder, "tokenizer", None, {"tokenizer_config.json": config}).load)


def test_nothing_asks_on_a_real_terminal_either(canary: Canary, tiny_folder: Path) -> None:
    """A process whose terminal says yes to everything."""
    specs = [component(canary, tiny_folder, *CONFIGS[0])]
    told = write(canary.inside / "told", {"tokenizer_config.json": {"tokenizer_class": "Evil", "auto_map": TOKENIZER}})
    specs += [
        ComponentSpec("x", hint, repo=str(told))
        for hint in ("transformers:AutoTokenizer", "transformers:CLIPProcessor")
    ]
    reading, writing = os.pipe()
    os.write(writing, b"y\n" * 100)
    child = os.fork()
    if child == 0:
        os.dup2(reading, 0)
        sys.stdin = open(0)  # noqa: SIM115 - a descriptor
        for spec in specs:
            with contextlib.suppress(BaseException):  # the parent looks at what was read and run
                spec.load()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(writing)
    assert len(os.read(reading, 1000)) == 200, "somebody has read an answer"
    os.close(reading)
