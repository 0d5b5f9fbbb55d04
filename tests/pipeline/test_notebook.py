"""What a notebook shows, by a real one: views as HTML, lists of images as images, texts as texts, each of it once."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from rooms import ROOT

from brickwork import ModularPipeline

CELLS = {
    "pipe": "import brickwork\npipe = brickwork.embedded()\npipe.configure(progress=False)\npipe",
    "blocks": "pipe.blocks",
    "plan": "plan = pipe.plan(['prompt'])\nplan",
    "explain": "explained = pipe.explain('prompt')\nexplained",
    "text": "print(len(str(explained)) > 500, str(explained) == repr(explained))",
    "check": "pipe.check()",
    "guider": "pipe.guider",
    "doc": "pipe.doc",
    "state": "state = pipe('<b>red</b>', num_inference_steps=2, seed=1)\nstate",
    "images": "state.images",
    "numbers": "[1, 2, 3]",
    "recipe": "state.recipe",
    "manager": "manager = brickwork.ComponentsManager()\nmanager.add('unet', pipe.unet)\nmanager",
    "sweep": "pipe.sweep(prompt='a red apple', num_inference_steps=2, guidance_scale=[1.0, 3.0])",
    "latents": "pipe.sweep(output='latents', prompt='a red apple', num_inference_steps=2, guidance_scale=[1.0, 3.0])",
    "memory": "pipe.memory()",
    "keys": "print(pipe.blocks.sub_blocks._ipython_key_completions_(), state._ipython_key_completions_())",
    "names": 'blocks = pipe.blocks.sub_blocks\nip = get_ipython()\nprint(ip.complete(None, "blocks[\'deno", 12)[1])',
    "own": "print([n for n in dir(pipe) if n[0] == '_' and n[:2] != '__'], len([n for n in dir(pipe) if n[0] != '_']))",
    "bar": "pipe.configure(progress=True)\n_ = pipe('a red apple', num_inference_steps=2)",
    "class": """from brickwork import Block, Outputs
from brickwork.state.vocabulary import Images


class Turn(Block):
    \"\"\"Turn images by 90 degrees.\"\"\"

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=[image.rotate(90) for image in images])""",
    "save": "import os\npipe.blocks.insert_after('decode', 'turn', Turn)\npipe.save_pretrained(os.environ['SAVED'])",
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebook saves its pipeline."""
    return tmp_path_factory.mktemp("notebook") / "turned"


@pytest.fixture(scope="module")
def shown(saved: Path) -> dict[str, list[Any]]:
    """The outputs of the cells by name."""
    notebook = new_notebook(cells=[new_code_cell(code) for code in CELLS.values()])
    path = os.pathsep.join([str(ROOT / "build" / "typing"), os.environ.get("PYTHONPATH", "")])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=False)
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute(env={**os.environ, "SAVED": str(saved), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    nbformat.validate(notebook)
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def html(outputs: list[Any]) -> str:
    """The one thing that a cell shows."""
    (shown,) = [
        each for each in outputs if each.output_type != "stream"
    ]  # warnings of the libraries, remarks on prompts
    found: str = shown.data["text/html"]
    return found


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("pipe", ["ModularPipeline of SequentialPipelineBlocks", "<td", "UNet2DConditionModel", "loaded", "<details><summary>blocks"]),
        ("blocks", ["<details open><summary>blocks", "denoiser  SDXLPredictNoise", "<summary>inputs", "num_inference_steps"]),
        ("plan", ["Runs when given: prompt", "denoise.denoiser"]),
        ("explain", ["Runs when given: prompt", "denoise.denoiser"]),
        ("check", ["fits: 0 faults, 0 warnings in 4 workflows"]),
        ("guider", ["ClassifierFreeGuidance", "guidance_scale", "5.0"]),
        ("state", ["PipelineState", "src='data:image/png;base64,", "denoise.after_denoiser", "&lt;b&gt;red&lt;/b&gt;"]),
        ("images", ["title='64x64' src='data:image/png;base64,"]),
        ("recipe", ["Recipe of SequentialPipelineBlocks", "num_inference_steps", "seed"]),
        ("manager", ["ComponentsManager: 1 components", "UNet2DConditionModel"]),
        ("memory", ["<pre>component"]),
    ],
)  # fmt: skip
def test_a_view_is_html_and_shown_once(cell: str, said: list[str], shown: dict[str, list[Any]]) -> None:
    found = html(shown[cell])
    assert [each for each in said if each not in found] == []
    assert "<b>red" not in found


def test_every_view_has_a_text_of_a_readable_length(shown: dict[str, list[Any]]) -> None:
    texts = {
        cell: output.data["text/plain"] for cell, outputs in shown.items() for output in outputs if "data" in output
    }
    assert len(texts) > 12
    assert {cell: len(text) for cell, text in texts.items() if len(text) > 8_000} == {}


def test_a_table_is_text_in_a_notebook_too(shown: dict[str, list[Any]]) -> None:
    """Rich shows tables at once there, and what was to hold them stays empty."""
    (printed,) = shown["text"]
    assert printed.text == "True True\n"


def test_a_doc_is_text_with_its_lines(shown: dict[str, list[Any]]) -> None:
    (doc,) = shown["doc"]
    assert doc.data["text/plain"].count("\n") > 40


def test_other_lists_stay_what_they_are(shown: dict[str, list[Any]]) -> None:
    (numbers,) = shown["numbers"]
    assert numbers.data == {"text/plain": "[1, 2, 3]"}


def test_a_sweep_shows_its_grid_or_says_what_it_is(shown: dict[str, list[Any]]) -> None:
    assert "image/png" in shown["sweep"][0].data
    (latents,) = shown["latents"]
    assert set(latents.data) == {"text/plain"}
    assert "2 guidance_scale" in latents.data["text/plain"]


def test_completion_offers_paths_and_no_private_names(shown: dict[str, list[Any]]) -> None:
    keys = shown["keys"][0].text
    assert "'denoise.denoiser'" in keys
    assert "'latents'" in keys
    assert "denoise.denoiser" in shown["names"][0].text
    assert shown["own"][0].text.startswith("[] ")


def test_progress_is_a_bar_of_the_notebook_or_one_of_text(shown: dict[str, list[Any]]) -> None:
    """`tqdm.auto` takes a widget where ipywidgets is installed."""
    said = " ".join(str(each.get("text", "")) + str(each.get("data", "")) for each in shown["bar"])
    assert re.search(r"2/2|100%", said)


@pytest.mark.usefixtures("shown")
def test_a_pipeline_with_a_block_of_a_cell_is_saved_with_its_code_and_opens_elsewhere(saved: Path) -> None:
    """`Out`, `In` and `_` are names of IPython in every notebook; the block has an `Out` of its own."""
    text = (saved / "turn.py").read_text()
    assert [line for line in text.splitlines() if line[:1].strip() and not line.startswith("from ")] == [
        "class Turn(Block):"
    ]
    pipe = ModularPipeline.from_pretrained(saved, trust_remote_code=True).load_components()
    pipe.configure(progress=False)
    inputs: dict[str, Any] = {"prompt": "a red apple", "num_inference_steps": 2, "seed": 1, "output": "images"}
    turned = pipe(**inputs)[0]
    pipe.blocks.pop("turn")
    assert turned.tobytes() == pipe(**inputs)[0].rotate(90).tobytes()
