"""What must not leave the machine, or would not arrive on another: tokens in every text, names that other systems do not take."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from block_repo import write
from canary import Canary
from hub_server import Hub
from safetensors.torch import save

from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.registry.hub.credentials import credential_in
from brickwork.registry.publishing import publish, publishable

A, N = "Abcdefghij" * 8, "0123456789" * 8
TOKENS = {
    "hf_" + A[:34]: "a token of the Hub", "api_org_" + A[:34].replace("0", "a"): "a token of the Hub",
    "hf_oauth_eyJhbGciOiJFZERTQSJ9." + A[:30]: "a token of the Hub, by OAuth", "hf_oauth_refresh_" + N[:24]: "a token of the Hub, by OAuth",
    "hf_jwt_eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9." + A[:40]: "a token of the Hub, by OAuth",
    **{f"gh{kind}_" + (A + N)[:36]: "a token of GitHub" for kind in "pousr"}, "github_pat_11ABCDEFG0" + A[:60]: "a token of GitHub",
    **{f"gl{kind}-" + A[:20]: "a token of GitLab" for kind in ("pat", "dt", "rt", "ptt", "cbt", "soat", "ft")},
    "GR1348941" + A[:20]: "a token of GitLab", "AIza" + A[:35]: "a key of Google", "ya29." + A[:60]: "a key of Google",
    "GOCSPX-" + A[:28]: "a key of Google", "1//0" + A[:40]: "a key of Google",
    **{f"xox{kind}-" + "1234567890-abcdefghij": "a token of Slack" for kind in "bpars"}, "xoxe.xoxp-1-" + A[:40]: "a token of Slack",
    "xapp-1-A0123456789-1234567890123-abcdef": "a token of Slack",
    "https://hooks.slack.com/services/T01234567/B01234567/" + A[:24]: "a token of Slack",
    **{kind + "A1B2C3D4E5F6G7H8": "a key of AWS" for kind in ("AKIA", "ASIA", "ABIA", "ACCA")},
    'aws_secret_access_key = "' + A[:40] + '"': "a secret key of AWS", '"SecretAccessKey": "' + A[:40] + '"': "a secret key of AWS",
    "-----BEGIN RSA PRIVATE KEY-----": "a private key", "-----BEGIN OPENSSH PRIVATE KEY-----": "a private key",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----": "a private key", "PuTTY-User-Key-File-3: x": "a private key",
    "sk-" + A[:40]: "a key of an API", "sk-ant-api03-" + A[:40]: "a key of an API", "sk_live_" + A[:24]: "a key of an API",
    "r8_" + A[:37]: "a key of an API", "npm_" + A[:36]: "a token of a package index", "pypi-AgEIcHlwaS5vcmc" + A[:60]: "a token of a package index",
    "dckr_pat_" + A[:27]: "a token of a package index", "eyJ" + A[:20] + ".eyJ" + A[:20] + "." + A[:30]: "a signed token (JWT)",
}  # fmt: skip
WORDS = {kind: token for token, kind in TOKENS.items()}


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_found_in_text(token: str, tmp_path: Path) -> None:
    for text in (token, f"x = '{token}'\n", json.dumps({"token_" + "x": token}), f"TOKEN_{token}"[6:]):
        (tmp_path / "x.py").write_text(text)
        assert credential_in(tmp_path / "x.py") == TOKENS[token]


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_a_token_is_found_in_other_codings(coding: str, kind: str, canary: Canary) -> None:
    write(canary.inside, {"notes.txt": f"see: {WORDS[kind]} .".encode(coding)})
    assert f"notes.txt seems to hold {kind}" in canary.refused(lambda: list(publishable(canary.inside)))


@pytest.mark.parametrize("kind", WORDS)
def test_a_token_is_found_in_what_a_file_of_tensors_says_about_itself(kind: str, canary: Canary) -> None:
    tensors = {"weight": torch.zeros(4)}
    write(canary.inside, {"unet/model.safetensors": save(tensors, metadata={"how": f"trained with {WORDS[kind]}"})})
    canary.refused(lambda: list(publishable(canary.inside)))


@pytest.mark.parametrize(
    "name",
    [
        "x.py",
        "x.json",
        "x.md",
        "x.txt",
        "x.yaml",
        "x.yml",
        "x.jinja",
        "x.svg",
        "x.model",
        "x.tiktoken",
        "x.safetensors",
    ],
)
def test_a_token_is_found_in_files_of_every_kind_that_is_published(name: str, canary: Canary, hub: Hub) -> None:
    data = f"x {WORDS['a token of GitHub']}".encode()
    framed = len(data).to_bytes(8, "little") + data if name.endswith("tensors") else data
    canary.refused(lambda: publish(lambda folder, _: write(folder, {name: framed}), "me/secrets"))
    assert hub.repos == {}


def test_numbers_of_tensors_and_plain_words_are_no_tokens(tmp_path: Path) -> None:
    words = """hf_hub_download_and_cache_files_now ghost_writer_of_things glass-half-full-of-something-else risk-of-something-that-is-long
        api_reference_of_the_whole_package_and_more sk-learn AIzawa xoxo-hugs- AKIAH -----BEGIN CERTIFICATE----- npm_config secret access key"""
    (tmp_path / "x.md").write_text(words)
    assert credential_in(tmp_path / "x.md") is None
    data = torch.frombuffer(bytearray(b"ghp_" + b"a" * 40 + b"\0" * 4), dtype=torch.uint8)
    (tmp_path / "x.safetensors").write_bytes(save({"numbers": data}))
    assert credential_in(tmp_path / "x.safetensors") is None


@pytest.mark.parametrize("text", [b"hf_", b"eyJ", b"gh", b"aws_secret", b"xox", b"hf_oauth_", b"eyJa.eyJ", b"\0h\0f"])
def test_looking_for_tokens_takes_time_by_the_size_of_a_file(text: bytes, tmp_path: Path) -> None:
    times = []
    for count in (100_000, 200_000):
        (tmp_path / "x.txt").write_bytes(text * (count // len(text) * 2))
        start = time.process_time()
        credential_in(tmp_path / "x.txt")
        times.append(time.process_time() - start)
    assert times[1] < 0.4


DEVICES = [
    "con",
    "CON",
    "Con.py",
    "nul",
    "NUL.py",
    "aux.txt",
    "prn.json",
    "com1.md",
    "COM9",
    "lpt1.py",
    "com\u00b9.py",
    "conin$",
    "CONOUT$.txt",
    "clock$",
    "nul .py",
]
UNSEEN = ["a\u202eyp.py", "a\u200bb.py", "a\u200db.py", "\ufeffa.py", "a\u2066b.py", "a\u00adb.py", "a\u061cb.py", "a\u3164.py", "a\u2028b.py", "a\u0085b.py",
          "a\U000e0041b.py", "a\ufe0f.py", "a\u034fb.py", "a\ue000.py"]  # fmt: skip
ODD = [
    "a?.py",
    "a*.py",
    "a:b.py",
    "a|b.py",
    "a<b.py",
    'a".py',
    "a\\b.py",
    "a\nb.py",
    " a.py",
    "a\x7f.py",
    "a./b.py",
    "a /b.py",
    "x" * 201 + ".py",
    "..../a.py",
]


@pytest.mark.parametrize("name", [*DEVICES, *UNSEEN, *ODD], ids=ascii)
def test_names_that_not_every_system_takes_are_not_published(name: str, canary: Canary) -> None:
    name = name if "." in name.rpartition("/")[2] else f"{name}/x.py"
    write(canary.inside, {name: "x = 1\n"})
    canary.refused(lambda: list(publishable(canary.inside)))


@pytest.mark.parametrize(
    "name",
    [
        "console.py",
        "auxiliary.py",
        "null.py",
        "com10.py",
        "lpt.py",
        "über.py",
        "名前.py",
        "icon/nullable.py",
        "con-x.py",
    ],
)
def test_names_that_only_begin_like_odd_ones_are_published(name: str, tmp_path: Path) -> None:
    write(tmp_path, {name: "x = 1\n"})
    assert [found for found, _ in publishable(tmp_path)] == [name]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Block.py", "block.py"), ("a/x.py", "A/x.py"), ("é.py", "e\u0301.py"), ("straße.py", "STRASSE.py")],
)
def test_names_that_are_one_on_other_systems_are_not_published_together(one: str, other: str, canary: Canary) -> None:
    write(canary.inside, {one: "x = 1\n", other: "x = 2\n"})
    assert "are one name on systems that ignore case" in canary.refused(lambda: list(publishable(canary.inside)))


TOLD = """
from brickwork import Block, Outputs


class Told(Block):
    token: str = ""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)
"""


def test_a_token_among_the_options_of_a_block_is_found(
    canary: Canary, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(write(canary.inside, {"told_of_tests.py": TOLD})))
    told = importlib.import_module("told_of_tests").Told(token="hf_" + A[:34])
    blocks = SequentialPipelineBlocks.from_blocks_dict({"told": told})
    said = canary.refused(lambda: blocks.push_to_hub("me/blocks"))
    assert "brickwork.json seems to hold a token of the Hub" in said
    assert hub.repos == {}


def test_the_embedded_model_holds_no_tokens(embedded_pipe: ModularPipeline, hub: Hub) -> None:
    assert embedded_pipe.push_to_hub("me/model", token="hf_loopback")


PRESETS: dict[str, Any] = {"a name of ours": "sdxl.text2image", "a class of ours": "StableDiffusionXLPipeline"}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs packages that register names."""

    def install(name: str, entries: str) -> None:
        write(
            tmp_path / "site",
            {
                f"{name.replace('-', '_')}-1.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
                f"{name.replace('-', '_')}-1.dist-info/entry_points.txt": entries,
            },
        )

    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return install


@pytest.mark.parametrize("kind", PRESETS)
def test_a_preset_of_a_package_takes_no_name_of_ours(kind: str, canary: Canary, packages: Any, tmp_path: Path) -> None:
    from brickwork.blocks.core.preset_catalog import find_preset

    name = PRESETS[kind]
    packages(
        "evil-names",
        f"[brickwork.presets]\n{name} = evil_of_tests:PRESET\n[brickwork.blocks]\nDecode = evil_of_tests:Decode\n",
    )
    write(tmp_path / "site", {"evil_of_tests.py": canary.code})
    assert "decode" in find_preset(name).sub_blocks
    from brickwork.blocks.core.block_catalog import find_block

    assert find_block("Decode").__module__ == "brickwork.blocks.steps.decode"


def test_a_name_of_two_packages_is_said(canary: Canary, packages: Any, tmp_path: Path) -> None:
    from brickwork.blocks.core.preset_catalog import find_preset
    from brickwork.saving.composition import compose

    for package in ("one-light", "two-light"):
        module = package.replace("-", "_")
        packages(package, f"[brickwork.presets]\nsoft = {module}:SOFT\n[brickwork.blocks]\ndim = {module}:Dim\n")
        write(tmp_path / "site", {f"{module}.py": canary.code})
    assert "'soft' is a preset of several packages" in canary.refused(lambda: find_preset("soft"))
    assert "'dim' is a block of several packages" in canary.refused(lambda: compose({"block": "dim"}))


def test_a_block_of_a_package_by_its_long_name_is_none_of_ours_of_the_same_name(packages: Any, tmp_path: Path) -> None:
    from brickwork.blocks.core.block_catalog import find_block

    packages("my-codec", "[brickwork.blocks]\nDecode = my_codec_of_tests:Decode\n")
    code = "from brickwork import Block, Outputs\n\n\nclass Decode(Block):\n    class Out(Outputs):\n        y: int\n\n    def run(self, x: int) -> Out:\n        return self.Out(y=x)\n"
    write(tmp_path / "site", {"my_codec_of_tests.py": code})
    assert find_block("my-codec/Decode").__module__ == "my_codec_of_tests"
