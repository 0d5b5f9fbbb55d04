"""Names, classes, locks and grants: what each lets through, and what it says of all else."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from brickwork import CompositionError, InputError, RepoError, Trust, TrustError
from brickwork.registry import Catalog, read_index
from brickwork.registry.catalog import catalog, families, shipped
from brickwork.registry.component_spec import ComponentSpec
from brickwork.registry.hub.lock import Lock, LockedRepo
from brickwork.registry.hub.repo import Repo, is_hub_name, open_repo
from brickwork.registry.hub.repo_paths import check_inside, checked_name, file_in, name_fault, relative_name
from brickwork.registry.hub.trust import Grant, code_digest
from brickwork.registry.index import index_entries
from brickwork.registry.loading.classes import allowed_libraries, library_of, resolve_class

COMMIT = "c" * 40


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a/b.json", None), (".gitattributes", None), ("a-b_c.d/e f.txt", None), ("x" * 200, None), ("ä" * 100, None),
        ("/".join(["abcdefghi"] * 100) + "x", None), ("/".join(["abcdefghi"] * 100) + "xx", "too long"),
        ("", "names are relative"), ("/a", "names are relative"), ("a\\b", "characters that lead elsewhere"),
        ("a:b", "characters that lead elsewhere"), ("a\nb", "characters that lead elsewhere"), ("a\x7f", "characters that lead"),
        ("a?", "characters that lead elsewhere"), ("a//b", "leads out"), ("a/./b", "leads out"), ("../a", "leads out"), ("a/..", "leads out"),
        ("a/", "leads out"), ("x" * 201, "too long"), ("ä" * 101, "too long"), ("/".join(["abcdefghi"] * 101), "too long"),
        (" a", "begins or ends with a space"), ("a /b", "begins or ends with a space"), ("a./b", "ends with a dot"),
    ],
)  # fmt: skip
def test_a_name_of_a_file_stays_where_it_is_on_every_system(name: str, fault: str | None) -> None:
    found = name_fault(name)
    assert (found is None) if fault is None else (found is not None and fault in found)
    if fault is None:
        assert checked_name(name) == name
    else:
        with pytest.raises(TrustError, match="is no name of a file in a repository") as caught:
            checked_name(name)
        assert str(caught.value) == f"{name[:80]!r} is no name of a file in a repository: {found}."


@pytest.mark.parametrize(
    ("name", "expected"),
    [("you/models", True), ("a.b-c_d/e", True), ("models", False), ("a/b/c", False), ("a--b/c", False), ("a/b..c", False), ("a b/c", False), ("/a/b", False)],
)  # fmt: skip
def test_a_name_on_the_hub_is_owner_and_name(name: str, expected: bool) -> None:
    assert is_hub_name(name) is expected


def test_a_link_may_lead_within_its_repository_and_to_the_blobs_of_the_cache(tmp_path: Path) -> None:
    cache = tmp_path / "models--you--models"
    snapshot = cache / "snapshots" / COMMIT
    (snapshot / "unet").mkdir(parents=True)
    (cache / "blobs" / "deep").mkdir(parents=True)
    (cache / "blobs" / "abc").write_text("weights")
    (cache / "blobs" / "deep" / "abc").write_text("elsewhere")
    (tmp_path / "secret").write_text("x")
    (snapshot / "unet" / "w.bin").symlink_to(cache / "blobs" / "abc")
    (snapshot / "again").symlink_to(snapshot / "unet" / "w.bin")
    (snapshot / "out").symlink_to(tmp_path / "secret")
    (snapshot / "deep").symlink_to(cache / "blobs" / "deep" / "abc")
    assert file_in(snapshot, "unet/w.bin") == snapshot / "unet" / "w.bin"
    assert file_in(snapshot, "again") is not None
    assert file_in(snapshot, "unet") is file_in(snapshot, "none") is None
    for name, target in (("out", tmp_path / "secret"), ("deep", cache / "blobs" / "deep" / "abc")):
        with pytest.raises(TrustError) as caught:
            file_in(snapshot, name)
        assert str(caught.value).startswith(f"{snapshot / name} is a link to {target}, outside of its repository")
    plain = tmp_path / "plain" / "snapshots" / COMMIT
    plain.mkdir(parents=True)
    (plain / "w").symlink_to(cache / "blobs" / "abc")
    with pytest.raises(TrustError):
        check_inside(plain, plain / "w")
    assert relative_name(snapshot, snapshot / "unet" / "w.bin") == "unet/w.bin"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="newer versions of Python do not follow such links to an error")
def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(TrustError) as caught:
        check_inside(tmp_path, tmp_path / "a")
    assert str(caught.value).startswith(f"{tmp_path / 'a'} is a link that leads nowhere: ")


def test_a_repository_knows_its_files_and_what_locks_call_it(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep").mkdir()
    for name in ("b.json", "deep/a.json", ".git/config"):
        (tmp_path / name).write_text("{}")
    repo = open_repo(str(tmp_path) + "/")
    assert repo.names() == ("b.json", "deep/a.json")
    assert repo.key == str(tmp_path)
    assert Repo("you/models", None, COMMIT).key == "you/models"
    assert repo.fetch(["anything"]) == tmp_path
    with pytest.raises(RepoError, match=r"^colour, size is no option for repositories; there are: "):
        open_repo(tmp_path, size=1, colour=2)
    for name in (tmp_path / "none", "no-owner", "../up"):
        with pytest.raises(RepoError, match="is no folder on this machine, and no name of a Hub repository"):
            open_repo(name)


def test_classes_are_public_ones_of_libraries_that_are_allowed() -> None:
    assert library_of(resolve_class("brickwork", "ClassifierFreeGuidance")) == "brickwork"
    with pytest.raises(TrustError, match="^Block is no component, but a whole pipeline or its blocks"):
        resolve_class("brickwork", "Block")
    assert {"diffusers", "transformers", "tokenizers", "brickwork"} <= allowed_libraries()
    with pytest.raises(
        TrustError, match=r"^A component asks for the class 'Popen' of 'subprocess'. Repositories may name"
    ):
        resolve_class("subprocess", "Popen")


def test_the_catalog_has_what_it_was_given_and_imports_it_when_asked() -> None:
    entries = {"b": "brickwork:Block", "a": "no.such.module:x"}
    names = Catalog(entries)
    entries["c"] = "x:y"
    assert ("a" in names, "c" in names, list(names)) == (True, False, ["a", "b"])
    assert names.get("b").__name__ == "Block"
    names.register("b", "brickwork:Block")
    with pytest.raises(
        CompositionError, match="^The name 'b' is taken by brickwork:Block; brickwork:Outputs needs another.$"
    ):
        names.register("b", "brickwork:Outputs")
    with pytest.raises(ModuleNotFoundError):
        names.get("a")


@pytest.mark.parametrize("name", sorted(catalog))
def test_every_name_of_the_catalog_is_something(name: str) -> None:
    assert catalog.get(name)


def test_what_is_shipped_and_known_of_families_is_there() -> None:
    assert sorted(shipped) == [
        "brickwork/arrow_lora",
        "brickwork/embedded",
        "brickwork/ip_adapter",
        "brickwork/layout_controlnet",
        "brickwork/scorer",
    ]
    assert (Path(shipped.get("brickwork/embedded")) / "model_index.json").exists()
    known = ["", "-refiner", "-refiner-alone", "-second"]
    assert [name for name in families if name.startswith("stable-diffusion-xl")] == [
        f"stable-diffusion-xl{name}" for name in known
    ]
    assert families.get("stable-diffusion-xl")
    assert catalog.get("StableDiffusionXLPipeline") is catalog.get("sdxl.text2image")


def test_an_index_is_written_as_it_is_read() -> None:
    specs = {
        "unet": ComponentSpec(
            "unet", "diffusers:UNet2DConditionModel", repo="a/b", subfolder="unet", variant="fp16", revision="v1"
        ),
        "vae": ComponentSpec("vae", repo="c/d"),
        "guider": ComponentSpec("guider", default_creation_method="from_config"),
    }
    found = index_entries("Pipeline", specs, {"unet": 3, "vae": None}, {"flag": True})
    origin = {"pretrained_model_name_or_path": "a/b", "subfolder": "unet", "variant": "fp16", "revision": "v1"}
    bare = {"pretrained_model_name_or_path": "c/d", "subfolder": "", "variant": None, "revision": None}
    named = ["diffusers", "UNet2DConditionModel"]
    assert found == {
        "_class_name": "Pipeline",
        "unet": [*named, {**origin, "type_hint": named}],
        "vae": [None, None, {**bare, "type_hint": [None, None]}],
        "flag": True,
    }


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (["diffusers", "UNet2DConditionModel", {}], ("diffusers", "UNet2DConditionModel")),
        (["diffusers", None, {"type_hint": ["a", "B"]}], ("a", "B")),
        ([None, "UNet2DConditionModel", {"type_hint": ["a", "B"]}], ("a", "B")),
        ([None, None, {"type_hint": ["a"]}], (None, None)),
        ([None, None, {"type_hint": ["a", ""]}], (None, None)),
        ([None, None, {"type_hint": ["a", 3]}], (None, None)),
        ([None, None, {"type_hint": "ab"}], (None, None)),
    ],
)
def test_the_class_of_an_entry_is_two_words_or_unknown(entry: Any, expected: tuple[Any, Any], tmp_path: Path) -> None:
    (tmp_path / "modular_model_index.json").write_text(json.dumps({"x": entry}))
    assert read_index(tmp_path).specs["x"].type_name == expected


@pytest.mark.parametrize("value", [[1, 2], [3, 4, {}], {"a": 1}, None, "text", [], ["a", "B", {}, 1]])
def test_other_entries_are_settings(value: Any, tmp_path: Path) -> None:
    (tmp_path / "modular_model_index.json").write_text(json.dumps({"x": value, "_note": [1, 2, {}], "_class_name": 3}))
    index = read_index(tmp_path)
    assert (dict(index.specs), dict(index.configs), index.class_name) == ({}, {"x": value}, None)


@pytest.mark.parametrize("entry", [["a", "B", 3]])
def test_half_an_entry_of_a_component_is_refused(entry: Any, tmp_path: Path) -> None:
    (tmp_path / "modular_model_index.json").write_text(json.dumps({"x": entry}))
    with pytest.raises(RepoError, match="'x'"):
        assert "x" in read_index(tmp_path).specs


ORIGIN = {"pretrained_model_name_or_path": "a/b"}


@pytest.mark.parametrize(
    ("loading", "fault"),
    [
        ({**ORIGIN, "subfolder": 3}, "subfolder must be text."),
        ({**ORIGIN, "variant": [], "revision": 1}, "variant, revision must be text."),
        ({**ORIGIN, "subfolder": "../x"}, "the subfolder '../x' is refused: it leads out of its folder."),
        ({**ORIGIN, "variant": "a/b"}, "the variant 'a/b' is no plain name."),
        ({**ORIGIN, "variant": "a" * 102}, "is no plain name."),
        ({**ORIGIN, "revision": "a..b"}, "the revision 'a..b' is no name of a branch, tag or commit."),
        ({**ORIGIN, "revision": "-x"}, "the revision '-x' is no name of a branch, tag or commit."),
        ({**ORIGIN, "revision": "a b"}, "the revision 'a b' is no name of a branch, tag or commit."),
    ],
)
def test_an_origin_that_leads_elsewhere_is_refused(loading: Any, fault: str, tmp_path: Path) -> None:
    entries = {"x": [None, None, loading], "fine": [None, None, {**ORIGIN, "revision": "refs/pr/1", "variant": "fp16"}]}
    (tmp_path / "modular_model_index.json").write_text(json.dumps(entries))
    with pytest.raises(TrustError) as caught:
        read_index(tmp_path)
    assert str(caught.value).startswith("x: ")
    assert fault in str(caught.value)


def test_a_lock_writes_down_what_it_is_told_and_keeps_the_sources(tmp_path: Path) -> None:
    lock = Lock.at(tmp_path / "deep" / "my.lock")
    assert lock.pins
    assert lock.of("a/b") is None
    entry = LockedRepo(COMMIT, {"a.py": sha("x = 1")}, {"w": "f" * 64})
    lock.record("b/c", LockedRepo())
    lock.record("a/b", entry, {"a.py": b"x = 1"})
    assert lock.of("a/b") == entry
    assert json.loads(lock.path.read_text()) == {
        "brickwork_lock": 1,
        "repos": {
            "a/b": {"commit": COMMIT, "code": {"a.py": sha("x = 1")}, "files": {"w": "f" * 64}},
            "b/c": {"commit": None, "code": {}, "files": {}},
        },
    }
    assert lock.path.read_text().endswith("}\n")
    assert lock.source(sha("x = 1")) == "x = 1"
    assert lock.source(sha("x = 2")) is None
    kept = tmp_path / "deep" / "my.lock.sources" / f"{sha('x = 1')}.py"
    kept.write_text("x = 9")
    assert lock.source(sha("x = 1")) is None, "a source that was changed is none"
    before = lock.path.stat().st_mtime_ns
    lock.record("a/b", entry)
    assert lock.path.stat().st_mtime_ns == before


def test_the_lock_of_a_user_lies_in_their_folder_and_pins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path))
    assert Lock.at(None) == Lock(tmp_path / "brickwork.lock", pins=False)
    monkeypatch.delenv("BRICKWORK_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert Lock.at(None).path == tmp_path / "me" / ".brickwork" / "brickwork.lock"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"brickwork_lock": 2, "repos": {}}, "is no lock of version 1; move it away"),
        ({"brickwork_lock": 1, "repos": []}, "is broken: repos: expected dict, got list"),
        ({"brickwork_lock": 1, "repos": {"a/b": []}}, "is broken: repos.a/b: expected dict, got list"),
        (
            {"brickwork_lock": 1, "repos": {"x": {}, "a/b": {"commits": 1}}},
            "is broken: repos.a/b: 'commits' is unknown",
        ),
    ],
)
def test_a_lock_that_is_none_is_named(data: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "my.lock").write_text(json.dumps(data))
    with pytest.raises(RepoError, match=rf"my\.lock:? {message}"):
        Lock.at(tmp_path / "my.lock").of("x")


SOURCES = {"b.py": b"b = 1\n", "a.py": b"a = 1\n"}
DIGEST = code_digest({"a.py": sha("a = 1\n"), "b.py": sha("b = 1\n")})


def repo(commit: str | None = COMMIT) -> Repo:
    return Repo("you/code", None, commit)


def test_the_digest_of_code_is_of_its_names_and_content_in_any_order() -> None:
    assert code_digest({"b.py": sha("b = 1\n"), "a.py": sha("a = 1\n")}) == DIGEST
    assert code_digest({"a.py": sha("b = 1\n"), "b.py": sha("a = 1\n")}) != DIGEST


@pytest.mark.parametrize("given", [True, COMMIT, DIGEST, Trust({"you/code": COMMIT}), Trust({"you/code": DIGEST})])
def test_what_names_the_code_as_it_is_grants_it(given: Any, tmp_path: Path) -> None:
    lock = Lock.at(tmp_path / "lock")
    assert Grant(given, lock).check(repo(), SOURCES) == DIGEST
    assert lock.of("you/code") == LockedRepo(COMMIT, {"a.py": sha("a = 1\n"), "b.py": sha("b = 1\n")})
    assert lock.source(sha("a = 1\n")) == "a = 1\n"


@pytest.mark.parametrize(
    "given",
    [False, "d" * 40, Trust(), Trust({"me/code": COMMIT}), Trust({"you/code": "d" * 40}), Trust({"you/code": ""}), ""],
)
def test_anything_else_grants_nothing_and_says_how(given: Any, tmp_path: Path) -> None:
    lock = Lock.at(tmp_path / "lock")
    with pytest.raises(TrustError) as caught:
        Grant(given, lock).check(repo(), SOURCES)
    assert str(caught.value) == (
        "you/code brings code of its own (a.py, b.py), which can do anything that you can. Read it, then grant it at commit "
        f"{COMMIT}: trust_remote_code=True, or trust_remote_code='{COMMIT}' for just this state."
    )
    with pytest.raises(TrustError, match=f"grant it with the digest {DIGEST}: .*trust_remote_code='{DIGEST}'"):
        Grant(given, lock).check(repo(None), SOURCES)
    assert not lock.path.exists()


@pytest.mark.parametrize("given", [None, 1, {"you/code": COMMIT}, ["x"]])
def test_what_is_no_grant_is_refused(given: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^trust_remote_code=.*: give True for the code that the repository holds now"):
        Grant(given, Lock.at(tmp_path / "lock"))


def changed(tmp_path: Path, given: Any, revision: str | None = None, commit: str | None = "d" * 40) -> Lock:
    """Grant code, then again after it was changed at another commit."""
    lock = Lock.at(tmp_path / "lock")
    Grant(True, lock).check(repo(), SOURCES)
    known = lock.of("you/code")
    assert known is not None
    lock.record("you/code", evolve(known, files={"w": "f" * 64}))
    now = {"a.py": b"a = 1\n", "b.py": b"b = 2\n", "c.py": b"c\x1b = 1\n"}
    Grant(given, lock, revision).check(repo(commit), now)
    return lock


def test_code_that_changed_is_refused_with_the_difference_unless_its_new_state_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrustError) as caught:
        changed(tmp_path, True)
    head, *lines = str(caught.value).splitlines()
    assert head.startswith(
        f"The code of you/code changed since it was granted (commit {COMMIT}, now {'d' * 40}; {tmp_path}/lock):"
    )
    assert lines[:5] == ["--- b.py (granted)", "+++ b.py (now)", "@@ -1 +1 @@", "-b = 1", "+b = 2"]
    assert "+c\\x1b = 1" in lines
    assert not any("a.py" in line for line in lines)
    assert lines[-1] == f"If you agree, name the new state: trust_remote_code='{'d' * 40}'."


def test_a_source_that_is_not_kept_any_more_is_said_to_have_changed(tmp_path: Path) -> None:
    lock = Lock.at(tmp_path / "lock")
    Grant(True, lock).check(repo(None), SOURCES)
    (tmp_path / "lock.sources" / f"{sha(SOURCES['b.py'].decode())}.py").unlink()
    with pytest.raises(TrustError, match="b.py: changed; what was granted before is not kept any more") as caught:
        Grant(True, lock).check(repo(None), {"b.py": b"b = 2\n"})
    assert "(commit none, now none;" in str(caught.value)
    assert "-a = 1" in str(caught.value)
    new = code_digest({"b.py": sha("b = 2\n")})
    assert str(caught.value).endswith(f"trust_remote_code='{new}'.")


@pytest.mark.parametrize(
    ("given", "revision"), [("d" * 40, None), (True, "d" * 40), (Trust({"you/code": "d" * 40}), None)]
)
def test_a_new_state_that_is_named_is_granted_and_forgets_the_weights_of_the_old(
    given: Any, revision: str | None, tmp_path: Path
) -> None:
    found = changed(tmp_path, given, revision).of("you/code")
    assert found is not None
    assert (found.commit, sorted(found.code), found.files) == ("d" * 40, ["a.py", "b.py", "c.py"], {})


def test_the_same_commit_keeps_the_weights_that_are_known_of_it(tmp_path: Path) -> None:
    lock = Lock.at(tmp_path / "lock")
    Grant(True, lock).check(repo(), SOURCES)
    known = lock.of("you/code")
    assert known is not None
    lock.record("you/code", evolve(known, files={"w": "f" * 64}))
    Grant(True, lock).check(repo(), SOURCES)
    assert lock.of("you/code") == evolve(known, files={"w": "f" * 64})
