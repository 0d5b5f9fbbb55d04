"""Components are loaded once, found by name, origin or collection, and forgotten when told."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, AutoModel, UNet2DConditionModel

from brickwork import (
    ClassifierFreeGuidance,
    ComponentError,
    ComponentsManager,
    ComponentSpec,
    InputError,
    ModularPipeline,
    SequentialPipelineBlocks,
)
from brickwork.modular_pipelines import ComponentsManager as PeerPath
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry import fingerprint

PRETRAINED = ["tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2", "unet", "scheduler", "vae"]


@pytest.fixture
def manager() -> ComponentsManager:
    return ComponentsManager()


def unet_spec(folder: Path, name: str = "unet") -> ComponentSpec:
    return ComponentSpec(name, UNet2DConditionModel, repo=str(folder), subfolder="unet")


def blocks() -> SequentialPipelineBlocks:
    return SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)


def test_a_pipeline_registers_what_it_loads_when_it_loads_it(tiny_folder: Path, manager: ComponentsManager) -> None:
    pipe = blocks().init_pipeline(str(tiny_folder), components_manager=manager, collection="test1")
    other = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager, collection="test2")
    assert len(manager) == 0
    assert pipe.null_component_names == other.null_component_names == PRETRAINED
    pipe.load_components()
    assert [manager.components[i] for i in manager.get_ids(PRETRAINED)] == [pipe.components[n] for n in PRETRAINED]
    assert set(manager.collections) == {"test1"}
    assert PeerPath is ComponentsManager


def test_a_second_pipeline_takes_what_the_first_has_loaded(tiny_folder: Path, manager: ComponentsManager) -> None:
    pipe = blocks().init_pipeline(str(tiny_folder), components_manager=manager, collection="test1").load_components()
    second = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager, collection="test2")
    found = manager.get_components_by_names(names=[*second.null_component_names, "controlnet"])
    second.update_components(**found)
    assert second.unet is pipe.unet
    assert second.null_component_names == []
    third = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager, collection="test3")
    third.load_components()
    assert third.unet is pipe.unet
    assert len(manager) == len(PRETRAINED)
    (unet_id,) = manager.get_ids("unet")
    assert manager.get_model_info(unet_id)["collections"] == ("test1", "test2", "test3")


def test_another_number_format_is_another_component(tiny_folder: Path, manager: ComponentsManager) -> None:
    first = blocks().init_pipeline(str(tiny_folder), components_manager=manager)
    second = blocks().init_pipeline(str(tiny_folder), components_manager=manager)
    first.load_components("unet")
    second.load_components("unet", dtype=torch.float16)
    assert first.unet is not second.unet
    assert second.unet.dtype == torch.float16
    assert len(manager.get_ids("unet")) == 2


def test_components_are_added_and_removed_by_id(tiny_folder: Path, manager: ComponentsManager) -> None:
    encoder = AutoModel.from_pretrained(str(tiny_folder), subfolder="unet")
    component_id = manager.add("unet", encoder)
    assert component_id in manager
    assert manager.add("unet", encoder) == component_id
    with pytest.raises(
        ComponentError, match=rf"There is no component '{component_id}x'. Did you mean '{component_id}'"
    ):
        manager.remove(f"{component_id}x")
    manager.remove(component_id)
    assert len(manager) == 0


def test_patterns_find_one_component(manager: ComponentsManager) -> None:
    parts = {name: object() for name in ("unet", "unet_refiner", "my_unet", "vae")}
    for name, part in parts.items():
        manager.add(name, part, "sdxl" if name in ("unet", "vae") else "refiner")
    assert manager.get_one(name="unet") is parts["unet"]
    assert manager.get_one(name="unet_*") is parts["unet_refiner"]
    assert manager.get_one(name="unet*", collection="refiner") is parts["unet_refiner"]
    assert manager.get_one(name="!unet", collection="sdxl") is parts["vae"]
    assert manager.get_one(name="!*unet*") is parts["vae"]
    assert manager.get_one(name="vae|encoder") is parts["vae"]
    assert list(manager.search_components("*unet*").values()) == [parts[n] for n in ("unet", "unet_refiner", "my_unet")]
    with pytest.raises(ComponentError, match=r"name='unet\|vae' matches several components: unet_new, vae_new"):
        manager.get_one(name="unet|vae")
    with pytest.raises(ComponentError, match=r"name='vea' matches no component. Did you mean 'vae'\?"):
        manager.get_one(name="vea")
    with pytest.raises(ComponentError, match=r"no collection 'sdlx'. Did you mean 'sdxl'\?"):
        manager.get_one(name="unet", collection="sdlx")
    assert manager.get_one(component_id="vae_new") is parts["vae"]


def test_components_are_handed_out_by_name(manager: ComponentsManager) -> None:
    unet, vae = object(), object()
    ids = [manager.add("unet", unet), manager.add("vae", vae)]
    assert manager.get_components_by_names(["unet", "vae", "controlnet"]) == {"unet": unet, "vae": vae}
    assert manager.get_components_by_ids(ids) == {"unet": unet, "vae": vae}
    with pytest.raises(ComponentError, match=r"no component 'vea'. Did you mean 'vae'\?"):
        manager.get_components_by_names(["unet", "vea"], strict=True)
    manager.add("unet", object())
    with pytest.raises(ComponentError, match="'unet' is unet_new, unet_new-2. Name a collection"):
        manager.get_components_by_names(["unet"])


def test_a_second_copy_of_one_origin_is_warned_of(tiny_folder: Path, manager: ComponentsManager) -> None:
    first = manager.add("unet", unet_spec(tiny_folder).load())
    with pytest.warns(UserWarning, match=rf"is a second copy of '{first}'.*manager.remove\('unet_duplicated_"):
        second = manager.add("unet_duplicated", unet_spec(tiny_folder, "unet_duplicated").load())
    assert {first, second} == set(manager.components)
    assert second.startswith("unet_duplicated_")
    assert manager.add("unet", unet_spec(tiny_folder).load(), reuse=True) == first


def test_a_plain_load_promises_no_detection(tiny_folder: Path, manager: ComponentsManager) -> None:
    first = manager.add("unet", UNet2DConditionModel.from_pretrained(tiny_folder, subfolder="unet"))
    second = manager.add("unet", UNet2DConditionModel.from_pretrained(tiny_folder, subfolder="unet"))
    assert first != second


def test_the_second_of_a_name_replaces_the_first_in_a_collection(manager: ComponentsManager) -> None:
    first, second = object(), object()
    manager.add("unet", first, collection="sdxl")
    manager.add("unet", first, collection="kept")
    manager.add("unet", second, collection="sdxl")
    assert manager.get_one("unet", collection="sdxl") is second
    assert manager.get_one("unet", collection="kept") is first
    manager.add("unet", object(), collection="kept")
    assert first not in manager.components.values()


def test_a_collection_is_removed_at_once(manager: ComponentsManager) -> None:
    shared, own = object(), object()
    manager.add("vae", shared, collection="one")
    manager.add("vae", shared, collection="two")
    manager.add("unet", own, collection="one")
    manager.remove_collection("one")
    assert list(manager.components.values()) == [shared]
    assert list(manager.collections) == ["two"]
    with pytest.raises(ComponentError, match="There is no collection 'one'"):
        manager.remove_collection("one")


def test_ids_are_readable_and_the_same_in_every_process(tiny_folder: Path) -> None:
    ids = {ComponentsManager().add("unet", unet_spec(tiny_folder).load()) for _ in range(2)}
    assert len(ids) == 1
    assert len(ids.pop()) == len("unet_12345678")


def test_the_table_shows_size_format_origin_and_collections(tiny_folder: Path, manager: ComponentsManager) -> None:
    assert repr(manager) == "ComponentsManager: empty"
    manager.add("unet", unet_spec(tiny_folder).load(dtype=torch.float16), collection="sdxl")
    manager.add("guider", ClassifierFreeGuidance())
    head, titles, first, second = repr(manager).splitlines()
    assert head.startswith("ComponentsManager: 2 components, ")
    assert titles.split() == ["id", "class", "size", "dtype", "device", "collections", "origin"]
    for word in ("UNet2DConditionModel", "KB", "float16", "cpu", "sdxl", f"{tiny_folder}/unet"):
        assert word in first
    assert "ClassifierFreeGuidance" in second


def test_many_threads_load_one_origin_once(
    tiny_folder: Path, manager: ComponentsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    load = ComponentSpec.load

    def counted(self: ComponentSpec, **options: Any) -> Any:
        loads.append(str(self.name))
        return load(self, **options)

    monkeypatch.setattr(ComponentSpec, "load", counted)
    pipes = [blocks().init_pipeline(str(tiny_folder), components_manager=manager) for _ in range(6)]
    threads = [threading.Thread(target=pipe.load_components) for pipe in pipes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(loads) == sorted(PRETRAINED)
    assert len({id(pipe.unet) for pipe in pipes}) == 1


def test_unloading_frees_what_nobody_else_holds(tiny_folder: Path, manager: ComponentsManager) -> None:
    alone = blocks().init_pipeline(str(tiny_folder)).load_components()
    seen = [weakref.ref(alone.unet), weakref.ref(alone.vae)]
    alone.unload_components("unet")
    gc.collect()
    assert [ref() is None for ref in seen] == [True, False]
    assert alone.null_component_names == ["unet"]
    alone.unload_components()
    gc.collect()
    assert seen[1]() is None
    assert alone.null_component_names == PRETRAINED

    one, two = (
        blocks().init_pipeline(str(tiny_folder), components_manager=manager, collection=name).load_components("vae")
        for name in ("one", "two")
    )
    vae = weakref.ref(one.vae)
    one.unload_components()
    gc.collect()
    assert two.vae is vae() is manager.get_one("vae")
    two.unload_components()
    gc.collect()
    assert vae() is None
    assert len(manager) == 0


def test_unloading_warns_of_what_is_no_component(tiny_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipe = blocks().init_pipeline(str(tiny_folder)).load_components(["unet", "vae"])
    with pytest.raises(InputError, match="^unload_components: names is .*; it is a name, or a list of names"):
        pipe.unload_components(3)  # type: ignore[arg-type]
    assert {"unet", "vae"} <= set(pipe.loaded_component_names)
    pipe.unload_components(["uent", "vae"])
    assert "there is no component 'uent'" in caplog.text
    assert "Did you mean 'unet'?" in caplog.text
    assert {"unet", "vae"} & set(pipe.loaded_component_names) == {"unet"}


def test_a_collection_without_a_manager_is_logged(tiny_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocks().init_pipeline(str(tiny_folder), collection="sdxl")
    assert "collection='sdxl' has no effect without components_manager=..." in caplog.text


def test_fingerprints_tell_what_is_the_same(tiny_folder: Path) -> None:
    first, second = unet_spec(tiny_folder).load(), unet_spec(tiny_folder).load()
    assert fingerprint(first) == fingerprint(second) is not None
    assert fingerprint(unet_spec(tiny_folder).load(dtype=torch.float16)) != fingerprint(first)
    assert fingerprint(
        ComponentSpec("vae", AutoencoderKL, repo=str(tiny_folder), subfolder="vae").load()
    ) != fingerprint(first)
    assert fingerprint(first.to("cpu")) == fingerprint(second)
    with torch.no_grad():
        second.conv_in.weight.add_(1)
    assert fingerprint(second) not in (None, fingerprint(first))
    with torch.no_grad():
        second.conv_in.weight.copy_(first.conv_in.weight)
    assert fingerprint(second) == fingerprint(first)
    fresh = UNet2DConditionModel.from_config(first.config).eval()
    assert fingerprint(fresh) not in (None, fingerprint(first))
    fresh.load_state_dict(first.state_dict())
    assert fingerprint(fresh) == fingerprint(first)
    assert fingerprint(ClassifierFreeGuidance()) == fingerprint(ClassifierFreeGuidance())
    assert fingerprint(ClassifierFreeGuidance()) != fingerprint(ClassifierFreeGuidance(guidance_scale=1.0))
    assert fingerprint(object()) is None
