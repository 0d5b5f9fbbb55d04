"""Where a component comes from, and that its copies are from there, too."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import frozen
from hub_server import Hub

from brickwork import ComponentSpec
from brickwork.registry.identity.origin import carry_over, is_as_loaded, remember_loaded
from brickwork.registry.provenance import Provenance, commit_of, note_provenance, provenance_of

COPIES: dict[str, Callable[[Any], Any]] = {
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda each: pickle.loads(pickle.dumps(each)),
    "torch.compile": torch.compile,
}


@pytest.fixture
def unet(tiny_folder: Path) -> Any:
    return ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(tiny_folder), subfolder="unet").load()


def test_a_loaded_model_is_of_its_spec_and_its_files(unet: Any, tiny_folder: Path) -> None:
    known = provenance_of(unet)
    spec = ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(tiny_folder), subfolder="unet")
    assert (known.load_id, known.repo, known.commit) == (spec.load_id, str(tiny_folder), None)
    assert known.files == spec.file_stamp() != ""
    assert is_as_loaded(unet)


def test_a_component_of_the_hub_is_of_a_commit(hub: Hub, tiny_folder: Path) -> None:
    name = "scheduler/scheduler_config.json"
    commit = hub.add("you/models", {name: (tiny_folder / name).read_bytes()})
    spec = ComponentSpec("scheduler", "diffusers:EulerDiscreteScheduler", repo="you/models", subfolder="scheduler")
    scheduler = spec.load()
    assert commit_of(scheduler, "you/models") == commit
    assert commit_of(scheduler, "you/others") is None
    assert commit_of(copy.deepcopy(scheduler), "you/models") == commit


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_from_where_the_first_one_is(kind: str, unet: Any) -> None:
    note_provenance(unet, commit="c" * 40)
    assert provenance_of(COPIES[kind](unet)) == provenance_of(unet)
    assert provenance_of(unet).commit == "c" * 40


def test_a_copy_with_tensors_of_its_own_is_not_what_was_loaded_until_that_is_said(unet: Any) -> None:
    copied = copy.deepcopy(unet)
    assert not is_as_loaded(copied)
    carry_over(unet, copied)
    assert is_as_loaded(copied)
    assert provenance_of(copied).files == provenance_of(unet).files
    with torch.no_grad():
        unet.conv_in.bias.add_(1)
    assert not is_as_loaded(unet)
    other = copy.deepcopy(unet)
    carry_over(unet, other)
    assert not is_as_loaded(other)


def test_notes_add_up_and_diffusers_reads_the_origin() -> None:
    model = torch.nn.Linear(2, 2)
    assert provenance_of(model) == Provenance()
    note_provenance(model, repo="a/b", commit="c")
    note_provenance(model, load_id="a/b|unet|null|null")
    remember_loaded(model, "files")
    known = provenance_of(model)
    assert (known.load_id, known.repo, known.commit, known.files) == ("a/b|unet|null|null", "a/b", "c", "files")
    assert model._diffusers_load_id == "a/b|unet|null|null"
    model._diffusers_load_id = "d/e|null|null|null"  # type: ignore[assignment]  # as diffusers does
    assert provenance_of(model).load_id == "d/e|null|null|null"


def test_of_what_carries_no_attributes_nothing_is_known() -> None:
    @frozen
    class Slotted:
        number: int = 1

    made = Slotted()
    note_provenance(made, load_id="a|b|c|d", repo="a", commit="c")
    assert provenance_of(made) == Provenance()


def test_what_is_made_of_a_configuration_has_no_origin() -> None:
    made = ComponentSpec("x", "diffusers:EulerDiscreteScheduler", default_creation_method="from_config").create()
    assert provenance_of(made) == Provenance(load_id="null")
    assert [name for name in vars(made) if name.startswith("_brickwork_")] == []
