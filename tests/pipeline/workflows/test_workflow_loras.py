"""LoRAs and outputs in workflow files: put in, written back by their origin, and refused with the position where they do not fit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import brickwork
from brickwork import ComponentError, CompositionError, ModularPipeline, RepoError, load_workflow, save_workflow
from brickwork.presets.embedded import ARROW_LORA, FOLDER

HEAD = "brickwork: 1\nstart: sdxl.text2image\nrepo: embedded\n"
FILE = f"{HEAD}loras:\n- repo: arrow_lora\n  weight: 0.8\noutputs:\n- images\n- latents\n"
RUN: dict[str, Any] = {"prompt": "a red arrow", "num_inference_steps": 1, "seed": 1}


def opened(text: str, folder: Path) -> ModularPipeline:
    (folder / "w.yaml").write_text(text)
    pipe = load_workflow(folder / "w.yaml")
    pipe.configure(progress=False)
    return pipe


@pytest.fixture
def adapted() -> ModularPipeline:
    """The embedded model with a LoRA that was given its weight in Python."""
    pipe = brickwork.ModularPipeline.from_pretrained(str(FOLDER)).load_components()
    pipe.configure(progress=False)
    pipe.load_lora_weights(str(ARROW_LORA), adapter_name="lora_0")
    pipe.set_adapters("lora_0", 0.8)
    return pipe


def test_loras_are_put_in_by_load_components_and_a_run_before_is_refused(
    adapted: ModularPipeline, tmp_path: Path
) -> None:
    pipe = opened(FILE, tmp_path)
    pipe.load_components(["unet", "vae"])
    with pytest.raises(ComponentError, match=r"lacks the LoRA 'lora_0' of the workflow's file.*load_components\(\)"):
        pipe(**RUN)
    with pytest.raises(RepoError, match="The LoRA 'lora_0' of the workflow's file is not put in yet"):
        pipe.save_pretrained(tmp_path / "saved")
    pipe.load_components()
    found = pipe(**RUN, output=list(pipe.outputs))
    assert list(found) == ["images", "latents"]
    assert torch.equal(found["latents"], adapted(**RUN, output="latents"))
    pipe.load_components()
    assert pipe.get_list_adapters() == ["lora_0"]


def test_they_are_written_back_before_and_after_they_are_loaded(adapted: ModularPipeline, tmp_path: Path) -> None:
    for number, pipe in enumerate((opened(FILE, tmp_path), opened(FILE, tmp_path).load_components())):
        save_workflow(pipe, tmp_path / f"{number}.yaml")
        assert (tmp_path / f"{number}.yaml").read_text() == FILE
    shutil.copytree(ARROW_LORA, tmp_path / "loras")
    adapted.load_lora_weights(tmp_path / "loras" / "pytorch_lora_weights.safetensors", adapter_name="second")
    adapted.set_adapters(["second", "lora_0"], [0.1 + 0.2, 1.0])
    save_workflow(adapted, tmp_path / "two.yaml")
    assert (tmp_path / "two.yaml").read_text() == HEAD + (
        f"loras:\n- repo: {tmp_path / 'loras'}\n  file: pytorch_lora_weights.safetensors\n  weight: {0.1 + 0.2!r}\n  name: second\n"
        "- repo: arrow_lora\n  name: lora_0\n"
    )
    again = load_workflow(tmp_path / "two.yaml").load_components()
    again.configure(progress=False)
    assert torch.equal(again(**RUN, output="latents"), adapted(**RUN, output="latents"))


def edited(pipe: ModularPipeline) -> None:
    with torch.no_grad():
        next(weight for name, weight in pipe.unet.named_parameters() if "lora_A" in name).add_(1.0)


def of_tensors(pipe: ModularPipeline) -> None:
    pipe.delete_adapters("lora_0")
    from safetensors.torch import load_file

    pipe.load_lora_weights(load_file(ARROW_LORA / "pytorch_lora_weights.safetensors"), adapter_name="lora_0")


def by_layer(pipe: ModularPipeline) -> None:
    layer = next(module for module in pipe.unet.modules() if "lora_0" in getattr(module, "scaling", {}))
    layer.scaling["lora_0"] *= 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited, "the LoRA 'lora_0' is not as it was loaded from"),
        (of_tensors, "the LoRA 'lora_0' is of unknown origin"),
        (by_layer, "the LoRA 'lora_0' has another weight in some layers than in others"),
        (ModularPipeline.disable_lora, "the LoRA 'lora_0' is loaded and does not count"),
        (ModularPipeline.fuse_lora, "unet"),
    ],
)
def test_what_no_origin_tells_is_refused(change: Any, said: str, adapted: ModularPipeline, tmp_path: Path) -> None:
    change(adapted)
    with pytest.raises(RepoError, match=said):
        save_workflow(adapted, tmp_path / "w.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_holds_another_lora_now_is_refused(adapted: ModularPipeline, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = shutil.copytree(ARROW_LORA, tmp_path / "loras") / "pytorch_lora_weights.safetensors"
    adapted.unload_lora_weights()
    adapted.load_lora_weights(tmp_path / "loras")
    save_workflow(adapted, tmp_path / "w.yaml")
    save_file({name: tensor * 2 for name, tensor in load_file(file).items()}, file)
    with pytest.raises(RepoError, match="holds another LoRA now than 'default_0'"):
        save_workflow(adapted, tmp_path / "w.yaml")
    file.unlink()
    with pytest.raises(RepoError, match="the LoRA 'default_0' would not open"):
        save_workflow(adapted, tmp_path / "w.yaml")


FAULTS = {
    "loras: [{weight: 1.0}]": r"line 4, column 9: .*'repo' is missing",
    "loras: [{repo: //host/x}]": r"line 4, column 10: '//host/x' is on another machine",
    "loras: [{repo: ''}]": r"line 4, column 10: say where it is",
    "loras: [{repo: arrow_lora, revision: a..b}]": r"line 4, column 28: the revision 'a..b' is no name",
    "loras: [{repo: arrow_lora, file: ../x.safetensors}]": r"line 4, column 28: '../x.safetensors' is refused",
    "loras: [{repo: arrow_lora, file: x.bin}]": r"line 4, column 28: 'x.bin' is no .safetensors file",
    "loras: [{repo: arrow_lora, weight: strong}]": r"line 4, column 28: .*expected float, got 'strong'",
    "loras: [{repo: arrow_lora, weight: 1.0e999}]": r"line 4, column 28: inf is no weight",
    "loras: [{repo: arrow_lora, name: a.b}]": r"line 4, column 28: 'a.b' has a dot",
    "loras: [{repo: arrow_lora, name: lora_1}, {repo: arrow_lora}]": r"line 4, column 43: 'lora_1' is the name of another LoRA",
    "loras: [{repo: arrow_lora, trust_remote_code: true}]": r"'trust_remote_code' is unknown",
    "outputs: [imagse]": r"line 4, column 11: 'imagse' is no output of this workflow. Did you mean 'images'\?",
    "outputs: [images, images]": r"line 4, column 19: 'images' is named twice",
    "outputs: images": r"outputs",
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_is_named_with_its_position(line: str, tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match=FAULTS[line]):
        opened(f"{HEAD}{line}\n", tmp_path)


def test_a_family_without_loras_takes_none(tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match=r"line 3, column 1: none of the workflow's blocks .* knows LoRAs"):
        opened("brickwork: 1\nstart: ddpm.auto\nloras: [{repo: arrow_lora}]\n", tmp_path)


def test_a_lora_that_is_not_there_is_said_and_nothing_runs_without_it(tmp_path: Path) -> None:
    pipe = opened(f"{HEAD}loras: [{{repo: {tmp_path / 'none'}}}]\n", tmp_path)
    with pytest.raises(ComponentError, match="The LoRA 'lora_0': "):
        pipe.load_components()
    with pytest.raises(ComponentError, match="lacks the LoRA 'lora_0'"):
        pipe(**RUN)


def test_models_that_two_pipelines_share_get_it_once(tmp_path: Path) -> None:
    one, other = opened(FILE, tmp_path).load_components(), opened(FILE, tmp_path)
    other.update_components(**{name: one.components[name] for name in one.pretrained_component_names})
    other.load_components()
    assert other.get_list_adapters() == ["lora_0"]
    third = opened(FILE.replace("arrow_lora", str(tmp_path)), tmp_path)
    third.update_components(**{name: one.components[name] for name in one.pretrained_component_names})
    with pytest.raises(ComponentError, match="There is a LoRA 'lora_0' already"):
        third.load_components()
