"""The files of a component before any loader sees them: what cannot be told from them is refused with their names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from block_repo import write
from hub_server import Hub

from brickwork import ComponentError, ComponentSpec, RepoError, TrustError
from brickwork.registry.hub.repo import open_repo
from brickwork.registry.loading.component_files import check_component_files, component_files


def test_a_configuration_that_the_hub_lists_and_does_not_have_is_named(hub: Hub) -> None:
    commit = hub.add("you/models", {"unet/config.json": b"{}", "unet/diffusion_pytorch_model.safetensors": b"x"})
    repo = open_repo("you/models")
    del hub.repos["you/models"].trees[commit]["unet/config.json"]
    with pytest.raises(ComponentError) as caught:
        component_files(repo, "unet", None)
    assert str(caught.value) == "unet/config.json of you/models is not there, and says which files are weights."


def test_a_configuration_that_is_too_long_to_be_looked_at_is_named_unread(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.touch()
    os.truncate(path, 200_000_001)
    with pytest.raises(RepoError) as caught:
        check_component_files(tmp_path, tmp_path)
    assert str(caught.value) == f"{path} has 200,000,001 bytes; at most 200,000,000 of a JSON file are read."


@pytest.mark.parametrize("field", ["auto_map", "custom_pipelines"])
def test_code_that_is_named_without_what_it_is_for_is_refused(field: str, tmp_path: Path) -> None:
    write(tmp_path, {"unet/config.json": {field: "evil.Evil"}})
    with pytest.raises(TrustError) as caught:
        ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(tmp_path), subfolder="unet").load()
    assert str(caught.value) == f"{tmp_path / 'unet' / 'config.json'}: {field} is 'evil.Evil', which names no class."


def test_numbers_of_a_word_list_name_no_code(tmp_path: Path) -> None:
    words: dict[str, Any] = {"auto_map": 7, "custom_pipelines": None}
    write(tmp_path, {"vocab.json": words})
    assert check_component_files(tmp_path, tmp_path) == []
