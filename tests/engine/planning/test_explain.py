"""Plans and compositions as tables and images, and what is said of sizes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from brickwork import ComponentError, InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry.loading.weights import byte_words, stored_bytes, tensor_bytes

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def blocks() -> SequentialPipelineBlocks:
    return SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)


def test_the_table_says_who_gives_what_to_whom(
    blocks: SequentialPipelineBlocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    explanation = blocks.explain("prompt", height=64)
    text = str(explanation)
    assert "Runs when given: height, prompt" in text
    assert "prepare_latents" in text
    assert "the caller: height" in text
    reads = {row.step: row.reads for row in explanation.rows}
    assert "prepare_latents or after_denoiser (last iteration): latents" in reads["denoise.before_denoiser"]
    assert "skipped at text_encoder.positive: given (prompt_embeds not given)" in text
    other = str(blocks.explain("prompt", "negative_prompt_embeds", "negative_pooled_prompt_embeds"))
    assert "skipped at text_encoder.negative: encode (negative_prompt_embeds given)" in other
    assert "negative.encode" not in other


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_the_table_fits_the_terminal_and_cuts_no_name(
    columns: str, blocks: SequentialPipelineBlocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = str(blocks.explain("prompt"))
    assert max(map(len, text.splitlines())) <= int(columns)
    assert "…" not in text
    for row in blocks.explain("prompt").rows:
        for name in [row.step, *row.writes.split(", "), *row.uses.split(", ")]:
            assert name.partition(" (")[0] in text, f"{name} is broken over two lines"


def test_a_notebook_gets_a_table(blocks: SequentialPipelineBlocks) -> None:
    shown = blocks.explain("prompt")._repr_html_()
    root = ET.fromstring(f"<body>{shown}</body>")
    assert len(root.findall(".//tr")) == 1 + len(blocks.plan(["prompt"]).paths) + 1  # the head, and the loop itself


def test_missing_inputs_are_an_error_there_too(blocks: SequentialPipelineBlocks) -> None:
    with pytest.raises(InputError, match="needs 'prompt'"):
        blocks.explain()


def test_sizes_are_known_from_files_and_from_loaded_models(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    before = pipe.explain("prompt")
    loaded = pipe.load_components().explain("prompt")
    assert before.sizes == loaded.sizes  # float32 in both
    unet = sum(p.numel() * 4 for p in pipe.unet.parameters())
    assert loaded.sizes["unet"] == unet
    assert loaded.peak is not None
    assert unet <= loaded.peak < sum(loaded.sizes.values())
    assert "in all" in str(loaded)


def test_the_peak_is_of_components_that_are_there_together(tiny_pipe: ModularPipeline) -> None:
    sizes = dict.fromkeys(tiny_pipe.components, 0) | {"text_encoder": 100, "unet": 30, "vae": 80}
    explained = tiny_pipe.plan(["prompt"]).explain(sizes)
    assert explained.peak == 100  # the text encoder alone: of unet and vae together only configurations are read
    more = tiny_pipe.plan(["prompt"]).explain(sizes | {"text_encoder_2": 50})
    assert more.peak == 150
    assert tiny_pipe.plan(["prompt"]).explain({"unet": 1}).peak is None


def test_headers_tell_bytes_and_broken_files_tell_nothing(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(5, dtype=torch.float16)}, tmp_path / "model.safetensors")
    save_file({"a": torch.zeros(3, 4).half()}, tmp_path / "model.fp16.safetensors")
    assert tensor_bytes(tmp_path / "model.safetensors") == 3 * 4 * 4 + 5 * 2
    assert stored_bytes(tmp_path) == 58
    assert stored_bytes(tmp_path, "fp16") == 24
    (tmp_path / "other.safetensors").write_bytes(b"\xff" * 30)
    assert stored_bytes(tmp_path) is None
    (tmp_path / "other.safetensors").write_bytes((2).to_bytes(8, "little") + json.dumps([]).encode())
    with pytest.raises(ComponentError, match="is no safetensors file, or its beginning is damaged"):
        tensor_bytes(tmp_path / "other.safetensors")
    assert stored_bytes(tmp_path / "absent") is None


def test_bytes_in_words() -> None:
    assert [byte_words(n) for n in (0, 999, 1500, 2_345_678, 123_456_789, 5e12)] == [
        "0 B",
        "999 B",
        "1.5 KB",
        "2.3 MB",
        "123 MB",
        "5.0 TB",
    ]


def test_the_graph_of_a_plan_has_every_value_as_an_edge(blocks: SequentialPipelineBlocks) -> None:
    plan = blocks.plan(["prompt"])
    graph = plan.graph
    names = [node.path for node in graph.nodes]
    assert names == [
        "inputs",
        *[p for p in plan.paths if not p.startswith("denoise") and p != "decode"],
        "denoise",
        *[p for p in plan.paths if p.startswith("denoise")],
        "decode",
    ]
    drawn = {(edge.name, names[edge.source], names[edge.target], edge.carried) for edge in graph.edges}
    assert ("prompt", "inputs", "text_encoder.positive.encode", False) in drawn
    assert ("latents", "denoise.after_denoiser", "denoise.before_denoiser", True) in drawn
    assert ("latents", "denoise.after_denoiser", "decode", False) in drawn
    assert ("latents", "prepare_latents", "decode", False) not in drawn  # only if the loop took no iteration
    (frame,) = graph.frames
    assert (names[frame.first], names[frame.last], frame.is_loop) == ("denoise", "denoise.after_denoiser", True)


def test_the_svg_is_well_formed_and_nothing_overlaps(blocks: SequentialPipelineBlocks) -> None:
    for graph in (blocks.plan(["prompt"]).graph, blocks.graph()):
        root = ET.fromstring(graph.svg)
        boxes = [e for e in root.iter(f"{SVG}rect") if e.get("class") in {"b", "i"}]
        assert len(boxes) == len(graph.nodes)
        spans = sorted((float(e.get("y", 0)), float(e.get("y", 0)) + float(e.get("height", 0))) for e in boxes)
        assert all(end < start for (_, end), (start, _) in pairwise(spans))
        assert len([e for e in root.iter(f"{SVG}path") if e.get("marker-end")]) == len(graph.edges)
        texts = {e.text for e in root.iter(f"{SVG}text")}
        assert {node.title for node in graph.nodes} <= texts


def test_a_composition_is_drawn_with_all_branches(blocks: SequentialPipelineBlocks) -> None:
    graph = blocks.graph()
    assert [frame.title for frame in graph.frames if not frame.is_loop][:3] == [
        "given",
        "encode",
        "choice text_encoder.positive",
    ]
    lines = graph.mermaid.splitlines()
    assert lines[0] == "flowchart TD"
    assert (
        sum("subgraph" in line for line in lines) == sum(line.strip() == "end" for line in lines) == len(graph.frames)
    )
    assert any('-.->|"latents"|' in line for line in lines)


def test_a_graph_is_saved_as_its_name_says(blocks: SequentialPipelineBlocks, tmp_path: Path) -> None:
    graph = blocks.graph()
    assert graph.save(tmp_path / "plan.svg").read_text().startswith("<svg")
    assert graph.save(tmp_path / "plan.mmd").read_text() == graph.mermaid
    assert graph._repr_svg_() == graph.svg
