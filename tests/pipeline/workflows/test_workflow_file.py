"""Workflow files: what people write, what it becomes, and what is refused, with line and column."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
import yaml
from diffusers import ControlNetModel
from hypothesis import given

import brickwork
import brickwork.presets.embedded
from brickwork import (
    Block,
    ComponentSpec,
    CompositionError,
    ModularPipeline,
    Outputs,
    PerturbedAttentionGuidance,
    RepoError,
    SequentialPipelineBlocks,
    load_workflow,
    save_workflow,
)
from brickwork.blocks import Decode, PredictNoise
from brickwork.blocks.core import block_catalog, preset_catalog
from brickwork.presets.sdxl import SDXL, TEXT2IMAGE_BLOCKS
from brickwork.registry.hub.strict_yaml import parse_yaml, scalar, written
from brickwork.saving.composition import describe
from brickwork.state.vocabulary import Images


class Dim(Block):
    """Take light from images."""

    by: float = 0.5

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=images * (1.0 - self.by))


def workflow(folder: Path, text: str, blocks: Any = ()) -> ModularPipeline:
    path = folder / "soft.yaml"
    path.write_text(textwrap.dedent(text))
    return load_workflow(path, blocks=blocks)


EDITED = """
    brickwork: 1
    start: sdxl.text2image
    edits:
      - replace: denoise.denoiser
        with: PredictNoise
        options: {batching: sequential}
      - insert: dim
        block: Dim
        after: decode
        options:
          by: 0.25
      - options: decode
        set: {}
    repo: REPO
    guider:
      name: PerturbedAttentionGuidance
      guidance_scale: 3.0
      perturbed_guidance_layers: [0, 1]
    config:
      force_zeros_for_empty_prompt: no
    inputs:
      prompt: a cat
      num_inference_steps: 2
"""


def composed(tiny_folder: Path) -> ModularPipeline:
    """What the file says, in Python."""
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.replace("denoise.denoiser", PredictNoise.bind(SDXL)(batching="sequential"))
    blocks.insert_after("decode", "dim", Dim(by=0.25))
    pipe = blocks.init_pipeline(str(tiny_folder))
    guider = PerturbedAttentionGuidance(guidance_scale=3.0, perturbed_guidance_layers=[0, 1])
    pipe.update_components(guider=guider)
    pipe.update_config(force_zeros_for_empty_prompt=False)
    return pipe


def test_a_file_python_and_a_repository_agree(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match="soft.yaml, line 8, column 5: Dim: by is 'much'; it must be float"):
        workflow(tmp_path, EDITED.replace("by: 0.25", "by: much"), [Dim])
    with pytest.raises(CompositionError, match="soft.yaml, line 21, column 3: .*'no'; its default is True"):
        workflow(tmp_path, EDITED.replace("REPO", str(tiny_folder)), [Dim])
    text = EDITED.replace("REPO", str(tiny_folder)).replace(": no\n", ": false\n")
    made, expected = workflow(tmp_path, text, [Dim]), composed(tiny_folder)
    assert describe(made.blocks) == describe(expected.blocks)
    assert made.guider == expected.guider
    assert dict(made.config) == dict(expected.config)
    made.load_components()
    expected.load_components()
    for pipe in (made, expected):
        pipe.configure(progress=False)
    inputs: dict[str, Any] = {"output": "images", "output_type": "pt", "generator": torch.Generator().manual_seed(1)}
    drawn = made(**inputs)
    inputs["generator"].manual_seed(1)
    assert torch.equal(drawn, expected(prompt="a cat", num_inference_steps=2, **inputs))
    made.save_pretrained(tmp_path / "repo")
    again = ModularPipeline.from_pretrained(tmp_path / "repo", trust_remote_code=True)
    assert str(again.blocks) == str(made.blocks)


def test_a_pipeline_is_written_as_the_file_that_makes_it(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = composed(tiny_folder)
    pipe.input_defaults = {"num_inference_steps": 2}
    save_workflow(pipe, tmp_path / "written.yaml")
    text = (tmp_path / "written.yaml").read_text()
    assert "start: sdxl.text2image" in text
    assert text.count("- ") == 4, text  # replaced options, inserted block, and two layers
    again = load_workflow(tmp_path / "written.yaml", blocks=[Dim])
    assert describe(again.blocks) == describe(pipe.blocks)
    assert (again.guider, dict(again.config), again.input_defaults) == (
        pipe.guider,
        dict(pipe.config),
        pipe.input_defaults,
    )
    assert {name: spec.load_id for name, spec in again.specs.items()} == {n: s.load_id for n, s in pipe.specs.items()}


def test_what_ships_with_the_package_is_named_and_no_path_of_this_machine_is_written(tmp_path: Path) -> None:
    from brickwork.presets.sdxl import AutoBlocks

    pipe = AutoBlocks().init_pipeline(str(brickwork.presets.embedded.FOLDER))
    net = ComponentSpec("controlnet", ControlNetModel, repo=str(brickwork.presets.embedded.LAYOUT_CONTROLNET))
    pipe.update_components(controlnet=net)
    save_workflow(pipe, tmp_path / "named.yaml")
    text = (tmp_path / "named.yaml").read_text()
    assert text == "brickwork: 1\nstart: sdxl.auto\nrepo: embedded\ncomponents:\n  controlnet: layout_controlnet\n"
    again = load_workflow(tmp_path / "named.yaml")
    assert {name: spec.load_id for name, spec in again.specs.items()} == {n: s.load_id for n, s in pipe.specs.items()}
    again.load_components(["controlnet", "vae"])


def test_a_component_from_elsewhere_is_written_beside_the_repository_of_the_others(
    tiny_folder: Path, tmp_path: Path
) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    shutil.copytree(tiny_folder / "vae", tmp_path / "other" / "vae")
    spec = pipe.get_component_spec("vae")
    spec.repo = str(tmp_path / "other")
    pipe.update_components(vae=spec)
    save_workflow(pipe, tmp_path / "a.yaml")
    text = (tmp_path / "a.yaml").read_text()
    assert f"repo: {tiny_folder}" in text
    assert text.count("subfolder") == 1
    again = load_workflow(tmp_path / "a.yaml")
    assert {name: spec.load_id for name, spec in again.specs.items()} == {n: s.load_id for n, s in pipe.specs.items()}


def test_a_setting_that_the_repository_has_otherwise_is_written(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "repo"))
    for name in ("modular_model_index.json", "model_index.json"):
        text = (folder / name).read_text().replace(str(tiny_folder), str(folder))
        (folder / name).write_text(text.replace('zeros_for_empty_prompt": true', 'zeros_for_empty_prompt": false'))
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(folder))
    assert pipe.config.force_zeros_for_empty_prompt is False
    pipe.update_config(force_zeros_for_empty_prompt=True)
    save_workflow(pipe, tmp_path / "a.yaml")
    assert load_workflow(tmp_path / "a.yaml").config.force_zeros_for_empty_prompt is True


def test_a_file_that_is_there_stays_where_the_new_one_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    pipe = composed(tiny_folder)
    save_workflow(pipe, tmp_path / "a.yaml")
    before = (tmp_path / "a.yaml").read_text()
    pipe.load_components("unet").unet.enable_freeu(0.9, 0.2, 1.5, 1.6)
    with pytest.raises(RepoError, match="unet: FreeU is on"):
        save_workflow(pipe, tmp_path / "a.yaml")
    assert (tmp_path / "a.yaml").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.rotating(6)
@pytest.mark.parametrize("name", [name for name, _ in preset_catalog.presets()])
def test_every_preset_is_its_own_file(name: str, tmp_path: Path) -> None:
    blocks = preset_catalog.find_preset(name)
    save_workflow(blocks.init_pipeline(), tmp_path / "a.yaml")
    assert (tmp_path / "a.yaml").read_text() == f"brickwork: 1\nstart: {name}\n"
    last = list(blocks.sub_blocks)[-1]
    blocks.pop(last)
    save_workflow(blocks.init_pipeline(), tmp_path / "b.yaml")
    assert f"remove: {last}" in (tmp_path / "b.yaml").read_text()
    assert describe(load_workflow(tmp_path / "b.yaml").blocks) == describe(blocks)


def test_what_is_no_edit_of_a_preset_is_written_whole(tmp_path: Path) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"first": Dim(by=0.1), "second": Dim})
    save_workflow(blocks.init_pipeline(), tmp_path / "own.yaml")
    again = load_workflow(tmp_path / "own.yaml", blocks=[Dim])
    assert describe(again.blocks) == describe(blocks)
    assert again(images=torch.ones(1, 3, 2, 2), output="images").max().item() == pytest.approx(0.45)


def test_a_preset_is_written_whole_where_that_is_asked_for(tmp_path: Path) -> None:
    blocks = preset_catalog.find_preset("ddpm.unconditional")
    save_workflow(blocks.init_pipeline(), tmp_path / "whole.yaml", whole=True)
    assert (tmp_path / "whole.yaml").read_text().startswith("brickwork: 1\ncomposition:\n")
    assert describe(load_workflow(tmp_path / "whole.yaml").blocks) == describe(blocks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start: sdxl.text2image", "line 1, column 1: the file must say 'brickwork: 1'"),
        ("brickwork: 1\nstart: sdxl.txt2image", "line 2, column 1: No preset is named .* Did you mean 'sdxl.text2image'"),
        ("brickwork: 1\nstrat: x\nstart: sdxl.auto", "line 2, column 1: 'strat' is unknown. Did you mean 'start'"),
        ("brickwork: 1", "there must be one of 'start'"),
        ("brickwork: 1\nstart: sdxl.auto\nedits: 7", "line 3, column 1: edits: expected list or None, got 7"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - remove: decod", r"line 4, column 5: There is no block 'decod' here. Did you mean 'decode'"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - move: decode", "line 4, column 5: an edit is one of"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - insert: x\n    block: Decode", "say where: one of 'before' and 'after'"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - replace: decode\n    with: Decod", "line 5, column 5: No block is named 'Decod'. Did you mean 'Decode'"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - replace: decode\n    wth: Decode", "line 5, column 5: 'wth' is unknown. Did you mean 'with'"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - replace: decode\n    with: os:system", "No block is named 'os:system'"),
        ("brickwork: 1\nstart: sdxl.auto\nguider: Perturbed", "line 3, column 1: 'Perturbed' is no guider"),
        ("brickwork: 1\nstart: sdxl.auto\nguider:\n  name: ClassifierFreeGuidance\n  scale: 3", "ClassifierFreeGuidance has no 'scale'"),
        ("brickwork: 1\nstart: sdxl.auto\nconfig: {force_zero: 1}", "line 3, column 10: There is no config 'force_zero'"),
        ("brickwork: 1\nstart: sdxl.auto\ninputs: {promt: x}", "line 3, column 10: 'promt' is no input of this workflow. Did you mean 'prompt'"),
        ("brickwork: 1\nstart: sdxl.auto\ninputs: {num_inference_steps: many}", "num_inference_steps"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {unt: a/b}", "line 3, column 14: the workflow has no component 'unt'. Did you mean 'unet'"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {unet: {repo: a/b, code: x}}", "line 3, column 14: the place of unet is broken: 'code' is unknown. There are: dtype, repo, revision"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {unet: {repo: a/b, subfolder: ../x}}", "the subfolder '../x' is refused"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {unet: {repo: a/b, dtype: int8}}", "loaded in 'int8', which is no number format"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {scheduler: {class: 'os:system', config: {}}}", "asks for the class 'system' of 'os'"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {scheduler: {class: 'diffusers:DDIMScheduler', config: 7}}", "the config of scheduler must be a mapping"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {scheduler: {class: 'diffusers:AutoencoderKL', config: {}}}", "'scheduler' expects an .*Scheduler"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {guider: {guider: nobody}}", "'nobody' is no guider"),
        ("[1]", "expected keys such as"),
        ("brickwork: 1\nstart: 3", "line 2, column 1: start: expected str or None, got 3"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - options: decode\n    set: [1]", r"line 5, column 5: edits\[0\].set: expected dict, got list"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - insert: [x]\n    block: Decode\n    after: decode", r"line 4, column 5: edits\[0\].insert: expected str, got list"),
        ("brickwork: 1\nstart: sdxl.auto\nedits:\n  - {remove: decode, replace: decode}", "line 4, column 5: an edit is one of"),
        ("brickwork: 1\nstart: sdxl.auto\ncomponents: {unet: 3}", "line 3, column 14: components.unet: expected str or dict or None, got 3"),
        ("brickwork: 1\nstart: sdxl.auto\ninputs: {prompt: {$: set}}", "line 3, column 10: inputs.prompt: 'set' is no kind of value"),
        ("brickwork: 1\nstart: sdxl.auto\nguider: {name: ClassifierFreeGuidance, guidance_rescale: x}", "guidance_rescale: expected float, got 'x'"),
        ("brickwork: 1\ncomposition: {block: SequentialPipelineBlocks, blocks: {a: 3}}", "line 2, column 57: composition.blocks.a: expected dict, got 3"),
    ],
)  # fmt: skip
def test_faults_are_named_with_line_and_column(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match=expected):
        workflow(tmp_path, text)


def test_all_faults_are_named_together(tmp_path: Path) -> None:
    text = "brickwork: 1\nstart: sdxl.auto\ntypo: 1\nedits:\n  - remove: a\n  - remove: b\n"
    with pytest.raises(CompositionError) as caught:
        workflow(tmp_path, text)
    assert len(caught.value.faults) == 3


_ALL_WRONG = """\
brickwork: 1
start: sdxl.text2image
repo: ./nowhere
guider: nobody
scheduler: Eulr
config: {force_zeros_for_empty_promt: 1}
components:
  vaee: embedded
inputs:
  num_inference_stps: 4
  steps_of_mine: 4
  guidance_scale: many
outputs: [imags, mine]
edits:
  - replace: denoise.denoisr
    with: PredictNoise
"""


def test_edits_settings_and_an_absent_repository_are_told_together_each_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(CompositionError) as caught:
        workflow(tmp_path, _ALL_WRONG)
    places = [fault.partition(": ")[0].removeprefix("soft.yaml, ") for fault in caught.value.faults]
    # `steps_of_mine` and `mine` may be of the block that was not replaced, so nothing is said of them.
    assert places == [
        "line 15, column 5", "line 3, column 1", "line 8, column 3", "line 4, column 1", "line 5, column 1", "line 6, column 10",
        "line 10, column 3", "line 12, column 3", "line 13, column 11",
    ]  # fmt: skip
    whole = _ALL_WRONG.partition("edits:")[0]
    with pytest.raises(CompositionError) as caught:
        workflow(tmp_path, whole)
    assert len(caught.value.faults) == len(places) + 1
    for name, position in (("steps_of_mine", "line 11, column 3"), ("mine", "line 13, column 18")):
        assert any(fault.startswith(f"soft.yaml, {position}: {name!r} is no") for fault in caught.value.faults)


def test_a_repository_alone_that_is_not_there_is_an_error_of_repositories_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match=r"^soft.yaml, line 3, column 1: ./nowhere is no folder"):
        workflow(tmp_path, "brickwork: 1\nstart: sdxl.text2image\nrepo: ./nowhere\n")


def test_where_no_blocks_can_be_made_the_names_of_guider_and_scheduler_are_looked_at(tmp_path: Path) -> None:
    text = "brickwork: 1\nstart: sdxl.txt2image\nguider: nobody\nscheduler: {name: Eulr}\n"
    with pytest.raises(CompositionError) as caught:
        workflow(tmp_path, text)
    assert [fault.partition(" is no ")[0] for fault in caught.value.faults[1:]] == [
        "soft.yaml, line 3, column 1: 'nobody'",
        "soft.yaml, line 4, column 1: 'Eulr'",
    ]


def test_a_fault_of_a_written_composition_stands_at_its_block(tmp_path: Path) -> None:
    text = """
    brickwork: 1
    composition:
      block: SequentialPipelineBlocks
      blocks:
        first: {block: Decod}
        inner:
          block: SequentialPipelineBlocks
          blocks:
            second: {block: PredictNois}
    """
    with pytest.raises(CompositionError) as caught:
        workflow(tmp_path, text)
    assert [fault.partition(" is no ")[0] for fault in caught.value.faults] == [
        "soft.yaml, line 6, column 5: first: 'Decod'",
        "soft.yaml, line 10, column 9: inner.second: 'PredictNois'",
    ]


# Blocks by name


def test_blocks_are_swapped_by_name_in_python_too() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.replace("denoise.denoiser", "PredictNoise").replace("decode", "decode")
    assert type(blocks["denoise.denoiser"]) is PredictNoise.bind(SDXL)
    assert type(blocks["decode"]) is Decode.bind(SDXL)
    with pytest.raises(CompositionError, match="No block is named 'PredictNois'. Did you mean 'PredictNoise'"):
        blocks.replace("denoise.denoiser", "PredictNois")
    with pytest.raises(CompositionError, match="No block is named 'subprocess:Popen'"):
        blocks.replace("decode", "subprocess:Popen")


def test_blocks_and_presets_of_installed_packages_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with entry points, as an installer leaves it."""
    info = tmp_path / "my_light-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-light\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[brickwork.blocks]\ndim = my_light_of_tests:Dim\n\n[brickwork.presets]\nsoft = my_light_of_tests:SOFT\n"
    )
    (tmp_path / "my_light_of_tests.py").write_text(
        "from brickwork import Block, Outputs\n"
        "from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS\n"
        "from brickwork.state.vocabulary import Images\n\n\n"
        "class Dim(Block):\n"
        '    """Take light."""\n\n'
        "    class Out(Outputs):\n        images: Images\n\n"
        "    def run(self, images: Images) -> Out:\n        return self.Out(images=0.5 * images)\n\n\n"
        "SOFT = {**TEXT2IMAGE_BLOCKS, 'dim': Dim}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.insert_after("decode", "dim", "my_light/dim")
    assert type(blocks["dim"]).__module__ == "my_light_of_tests"
    assert "my-light/dim" in block_catalog.block_names()
    soft = workflow(tmp_path, "brickwork: 1\nstart: my-light/soft\n")
    assert describe(soft.blocks) == describe(blocks)
    blocks.save_pretrained(tmp_path / "repo")
    assert not (tmp_path / "repo" / "my_light_of_tests.py").exists(), "an installed package is named, and not copied"
    again = brickwork.ModularPipelineBlocks.from_pretrained(tmp_path / "repo")
    assert describe(again) == describe(blocks)


# YAML


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("012", 12), ("0o14", 12), ("0x1F", 31), ("1e3", 1000.0), ("1:30", "1:30"),
        ("~", None), ("null", None), ("true", True), ("TRUE", True), ("tRue", "tRue"), ("1_000", "1_000"), (".5", 0.5), ("-3", -3),
        ("2001-01-01", "2001-01-01"), ("1.", 1.0), ("=", "="), ("0b1", "0b1"), ("+12", 12), (".", "."), ("9" * 200, "9" * 200),
    ],
)  # fmt: skip
def test_plain_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = parse_yaml(f"a: {text}".encode(), "x.yaml").data["a"]
    assert found == value
    assert type(found) is type(value)
    assert parse_yaml(f"a: '{text}'".encode(), "x.yaml").data["a"] == text


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\x85\ufeff")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcxyz_ :#-é", min_size=1), inner),
    max_leaves=10,
)  # fmt: skip


@given(DATA)
def test_what_is_written_is_read_as_the_same(data: Any) -> None:
    assert parse_yaml(written({"a": data}).encode(), "x.yaml").data == {"a": data}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !!python/object/apply:os.system ['touch x']", r"line 1, column 4: tags \(tag:yaml.org,2002:python"),
        ("!!python/name:os.system", "tags"), ("%TAG ! tag:x,2000:\n---\n!y 1", "tags are not read"),
        ("a: &x 1\nb: *x", r"line 1, column 4: anchors \(&name\) are not read"),
        ("a: *x", "line 1, column 4: aliases"), ("&a [*a]", "anchors"), ("a: 1\na: 2", "line 2, column 1: the key 'a' stands there twice, first in line 1"),
        ("<<: {a: 1}", r"merge keys \(<<\) are not read"), ("? [a]\n: 1", "a key is a plain word or text"),
        ("a: 1\n---\nb: 2", "there is a second document"), ("a: [1", "line"), ("a: b: c", "line 1, column 5"), ("\t- a", "line 1"),
        ("[" * 1000 + "]" * 1000, "nested deeper than 40 levels"), ("a:\n" * 1, ""), ("'\\x00", "line"),
    ],
)  # fmt: skip
def test_what_is_more_than_plain_data_is_refused(text: str, expected: str) -> None:
    if not expected:
        assert parse_yaml(text.encode(), "x.yaml").data == {"a": None}
        return
    with pytest.raises(RepoError, match=expected):
        parse_yaml(text.encode(), "x.yaml")


def test_every_key_that_stands_twice_is_named() -> None:
    with pytest.raises(RepoError) as caught:
        parse_yaml(b"a: 1\na: 2\nb: {c: 1, c: 2}", "x.yaml")
    assert caught.value.faults == (
        "x.yaml, line 2, column 1: the key 'a' stands there twice, first in line 1.",
        "x.yaml, line 3, column 11: the key 'c' stands there twice, first in line 3.",
    )


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \x00", b"a" * 10_000_000, b"a: \x1b[2K"])
def test_bytes_that_are_no_text_or_too_many_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)
    with pytest.raises(RepoError, match="x.yaml"):
        load_workflow(path)


def test_a_billion_laughs_are_not_heard(tmp_path: Path) -> None:
    lines = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    with pytest.raises(RepoError, match="anchors"):
        parse_yaml("\n".join(lines).encode(), "x.yaml")


@given(st.text(max_size=40))
def test_any_text_is_data_or_an_error_of_ours(text: str) -> None:
    try:
        parse_yaml(text.encode("utf-8", "surrogatepass"), "x.yaml")
    except RepoError:
        return


def test_there_is_no_way_from_a_file_to_code(tmp_path: Path) -> None:
    assert scalar("!!python") == "!!python"
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("!!python/object/apply:os.system ['x']")
    (tmp_path / "evil.py").write_text("raise SystemExit")
    for name in ("./evil.py:Evil", "evil:Evil", "brickwork.app.demo:main"):
        text = f"brickwork: 1\nstart: sdxl.auto\nedits:\n  - replace: decode\n    with: '{name}'\n"
        with pytest.raises(CompositionError, match="No block is named"):
            workflow(tmp_path, text)
