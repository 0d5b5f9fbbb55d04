"""Files of a component that lead elsewhere: by links, by names in configurations, by what classes fetch when they are made."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from block_repo import write
from canary import Canary
from hub_server import Hub
from huggingface_hub import HfApi

from brickwork import TrustError
from brickwork.registry import ComponentSpec
from brickwork.registry.loading.confined import confined

TYPES = {
    "tokenizer": "transformers:CLIPTokenizer",
    "text_encoder": "transformers:CLIPTextModel",
    "unet": "diffusers:UNet2DConditionModel",
}


def part(canary: Canary, tiny_folder: Path, kind: str, files: dict[str, Any]) -> ComponentSpec:
    """A component of the tiny repository, with some files more."""
    shutil.copytree(tiny_folder / kind, canary.inside / kind)
    write(canary.inside, files)
    return ComponentSpec(kind, TYPES[kind], repo=str(canary.inside), subfolder=kind)


@pytest.mark.parametrize("field", ["vocab", "merges", "vocab_file", "merges_file"])
@pytest.mark.parametrize("kind", ["absolute", "relative"])
def test_a_tokenizer_reads_no_file_that_its_settings_name(
    kind: str, field: str, canary: Canary, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(canary.outside.parent)
    place = str(canary.outside / "secret.txt") if kind == "absolute" else "outside/secret.txt"
    spec = part(canary, tiny_folder, "tokenizer", {})
    (canary.inside / "tokenizer" / "tokenizer.json").unlink()
    write(canary.inside, {"tokenizer/tokenizer_config.json": {field: place}})
    assert f"{field} names" in canary.refused(spec.load)


OUT = (
    "../../outside/model.safetensors",
    "/etc/passwd",
    "..\\x.safetensors",
    "C:\\x.safetensors",
    "a/b.safetensors",
    "x\0.safetensors",
)


@pytest.mark.parametrize("name", OUT)
@pytest.mark.parametrize(
    ("kind", "file", "field"),
    [
        ("text_encoder", "config.json", "transformers_weights"), ("tokenizer", "tokenizer_config.json", "fast_tokenizer_files"),
        ("unet", "diffusion_pytorch_model.safetensors.index.json", "weight_map"),
        ("text_encoder", "pytorch_model.bin.index.json", "weight_map"),
    ],
)  # fmt: skip
def test_files_that_a_configuration_names_lie_beside_it(
    kind: str, file: str, field: str, name: str, canary: Canary, tiny_folder: Path
) -> None:
    value: Any = {"weight_map": {"layer": name}, "fast_tokenizer_files": [name]}.get(field, name)
    spec = part(canary, tiny_folder, kind, {f"{kind}/{file}": {field: value}})
    assert f"{field} names" in canary.refused(spec.load)


@pytest.mark.parametrize("config", [{"attn_implementation": "you/kernel"}, {"_attn_implementation": "you/kernel:flash"},
                                    {"text_config": {"attn_implementation": {"": "you/kernel"}}}, {"experts_implementation": "a/b"}])  # fmt: skip
def test_a_configuration_names_no_kernels_of_the_hub(config: dict[str, Any], canary: Canary, tiny_folder: Path) -> None:
    spec = part(canary, tiny_folder, "text_encoder", {"text_encoder/settings.json": config})
    assert "code from elsewhere" in canary.refused(spec.load)


@pytest.mark.parametrize("place", ["", "text_encoder/"])
@pytest.mark.parametrize("hint", ["transformers:CLIPTextModel", "transformers:AutoModel"])
def test_an_adapter_does_not_choose_another_model(hint: str, place: str, canary: Canary, tiny_folder: Path) -> None:
    shutil.copytree(tiny_folder / "text_encoder", canary.outside / "model")
    adapter = {"base_model_name_or_path": str(canary.outside / "model"), "peft_type": "LORA"}
    part(canary, tiny_folder, "text_encoder", {f"{place}adapter_config.json": adapter})
    spec = ComponentSpec("text_encoder", hint, repo=str(canary.inside), subfolder="text_encoder")
    assert "is an adapter" in canary.refused(spec.load)


LINKED = [
    *(("tokenizer", name) for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "chat/x.jinja", "special_tokens_map.json")),
    *(("unet", name) for name in ("config.json", "diffusion_pytorch_model.safetensors", "more/x.json", "x")),
    *(("text_encoder", name) for name in ("config.json", "model.safetensors", "generation_config.json", "model.safetensors.index.json")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), LINKED)
@pytest.mark.parametrize("target", ["secret.txt", "", "folder", "missing", "a chain"])
def test_no_file_of_a_component_is_a_link_out_of_the_repository(
    target: str, kind: str, name: str, canary: Canary, tiny_folder: Path
) -> None:
    spec = part(canary, tiny_folder, kind, {})
    place = canary.inside / kind / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    if target == "a chain":
        (canary.inside / "hop").symlink_to(canary.outside / "secret.txt")
    place.symlink_to("../hop" if target == "a chain" and "/" not in name else canary.outside / target)
    assert "is a link to" in canary.refused(spec.load)


@pytest.mark.parametrize("kind", TYPES)
def test_the_folder_of_a_component_is_no_link_out_of_the_repository(
    kind: str, canary: Canary, tiny_folder: Path
) -> None:
    shutil.copytree(tiny_folder / kind, canary.outside / kind)
    (canary.inside / kind).symlink_to(canary.outside / kind)
    canary.refused(ComponentSpec(kind, TYPES[kind], repo=str(canary.inside), subfolder=kind).load)


@pytest.mark.parametrize("name", ["x.safetensors", "config.json", "x.txt"])
@pytest.mark.parametrize("kind", ["fifo", "socket", "link to /dev/zero"])
def test_what_is_no_plain_file_is_not_opened(
    kind: str, name: str, canary: Canary, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = part(canary, tiny_folder, "unet", {})
    place = canary.inside / "unet" / name
    place.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "socket":
        monkeypatch.chdir(place.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(name)
    else:
        place.symlink_to("/dev/zero")
    canary.refused(spec.load)


@pytest.mark.parametrize(
    "subfolder",
    ["../outside", "/etc", "unet/../../outside", "..", "a/..", "C:\\x", "\\\\host\\share", "unet\0", "con", "a. "],
)
def test_a_subfolder_of_a_spec_leads_nowhere_else(subfolder: str, canary: Canary, tiny_folder: Path) -> None:
    part(canary, tiny_folder, "unet", {})
    canary.refused(ComponentSpec("unet", TYPES["unet"], repo=str(canary.inside), subfolder=subfolder).load)


@pytest.mark.parametrize("variant", ["../x", "/etc/passwd", "a/../../../outside/secret", "x\0", "fp16/.."])
def test_a_variant_of_a_spec_leads_nowhere_else(variant: str, canary: Canary, tiny_folder: Path) -> None:
    part(canary, tiny_folder, "unet", {})
    canary.refused(
        ComponentSpec("unet", TYPES["unet"], repo=str(canary.inside), subfolder="unet", variant=variant).load
    )


def test_a_class_that_fetches_a_table_when_it_is_made_fetches_nothing(canary: Canary, hub: Hub) -> None:
    settings = {
        "image_processor_type": "OneFormerImageProcessor",
        "repo_path": "you/tables",
        "class_info_file": "ade20k_panoptic.json",
    }
    write(canary.inside, {"preprocessor_config.json": settings})
    spec = ComponentSpec("feature_extractor", "transformers:OneFormerImageProcessor", repo=str(canary.inside))
    canary.refused(spec.load)
    assert hub.requests == []


def test_a_connection_that_the_hubs_client_has_kept_open_is_not_used_either(canary: Canary, hub: Hub) -> None:
    hub.add("you/tables", {"ade20k_panoptic.json": b"{}"})
    with contextlib.suppress(Exception):
        HfApi().model_info("you/tables")  # leaves its connection open
    assert hub.requests
    hub.requests.clear()
    test_a_class_that_fetches_a_table_when_it_is_made_fetches_nothing(canary, hub)


def test_a_request_over_an_open_connection_of_pythons_own_client_is_stopped() -> None:
    made = http.client.HTTPConnection("127.0.0.1")
    made.sock, other = socket.socketpair()
    with other, pytest.raises(TrustError, match="a test sends a request"), confined("a test"):
        made.request("GET", "/")
    made.close()


def _connect(port: int) -> None:
    with socket.socket() as made:
        made.connect(("127.0.0.1", port))


ATTEMPTS: dict[str, Any] = {
    "asks on the terminal": lambda c: input("sure? "),
    "connects to": lambda c: _connect(c.port),
    "looks up the address of": lambda c: socket.getaddrinfo("localhost", 80),
    "unpickles": lambda c: __import__("pickle").loads(b"cos\nsystem\n."),
    "starts another program": lambda c: os.system("true"),
    "whose kind is unpickled": lambda c: (c.inside / "x.ckpt").open("rb"),
}


@pytest.mark.parametrize("words", ATTEMPTS)
def test_a_loader_that_attempts_what_files_may_not_ask_for_is_stopped(words: str, canary: Canary) -> None:
    def hidden() -> None:
        try:
            ATTEMPTS[words](canary)
        except TrustError as error:
            raise OSError("some loader's own words") from error

    for attempt in (lambda: ATTEMPTS[words](canary), hidden):
        with pytest.raises(TrustError, match=f"a thing .*{words}"), confined("a thing"):
            attempt()


def test_a_loader_that_can_do_without_goes_on(canary: Canary) -> None:
    with confined("a thing"):
        with pytest.raises(TrustError):
            socket.create_connection(("127.0.0.1", canary.port))
        found = 42
    assert found == 42


def test_outside_of_a_load_everything_is_as_ever(canary: Canary) -> None:
    with confined("a thing"):
        pass
    (canary.inside / "x.ckpt").write_bytes(b"x")
    assert (canary.inside / "x.ckpt").read_bytes() == b"x"
