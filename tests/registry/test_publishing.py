"""What is asked of a publish arrives on the Hub; what goes wrong there comes back in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub

from brickwork import RepoError
from brickwork.registry.publishing import publish


def save(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / "card.md").write_text(name)


def test_a_commit_has_the_message_that_was_given_or_names_what_it_publishes(hub: Hub) -> None:
    publish(save, "me/words", commit_message="Softer light")
    publish(save, "me/words")
    assert [commit["message"] for commit in hub.commits] == ["Softer light", "Publish words with brickwork"]


def test_the_address_of_the_commit_comes_back(hub: Hub) -> None:
    address = publish(save, "me/words")
    assert address.endswith(f"/me/words/commit/{hub.repos['me/words'].refs['main']}")
    assert hub.repos["me/words"].files["card.md"] == b"me/words"


def test_a_name_alone_is_of_who_publishes(hub: Hub) -> None:
    publish(save, "words")
    assert hub.repos["me/words"].files["card.md"] == b"me/words"


@pytest.mark.parametrize(("given", "expected"), [(True, True), (False, False), (None, False)])
def test_a_repository_is_as_private_as_was_asked(given: bool | None, expected: bool, hub: Hub) -> None:
    publish(save, "me/words", private=given)
    assert hub.repos["me/words"].private is expected


def test_a_branch_is_committed_to_and_no_other(hub: Hub) -> None:
    first = hub.add("me/words", {"a.md": b"first"})
    hub.repos["me/words"].refs["trial"] = first
    publish(save, "me/words", revision="trial")
    assert hub.repos["me/words"].refs["main"] == first
    assert hub.repos["me/words"].trees[hub.repos["me/words"].refs["trial"]]["card.md"] == b"me/words"
    assert hub.commits[0]["revision"] == "trial"


def test_a_commit_is_only_proposed_if_that_is_asked(hub: Hub) -> None:
    first = hub.add("me/words", {"a.md": b"first"})
    publish(save, "me/words", create_pr=True)
    assert hub.repos["me/words"].refs["main"] == first
    assert "card.md" in hub.repos["me/words"].trees[hub.repos["me/words"].refs["refs/pr/1"]]
    publish(save, "me/words")
    assert [commit["is_proposed"] for commit in hub.commits] == [True, False]


def test_the_given_token_is_the_one_that_is_used(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    publish(save, "me/words", token="hf_loopback")
    assert hub.commits[0]["name"] == "me/words"
    with pytest.raises(RepoError, match="me/others could not be published"):
        publish(save, "me/others")
    assert "me/others" not in hub.repos


def test_what_publishing_does_not_know_is_refused_by_name(hub: Hub) -> None:
    with pytest.raises(RepoError, match="^message, public is nothing that publishing knows"):
        publish(save, "me/words", message="x", public=True)
    assert hub.requests == []


@pytest.mark.parametrize("status", [409, 412])
def test_a_commit_that_others_always_overtake_is_given_up_after_four_tries(status: int, hub: Hub) -> None:
    tries: list[str] = []

    def fault(method: str, path: str) -> int | None:
        if "/commit/" not in path:
            return None
        tries.append(path)
        return status

    with hub.failing(fault), pytest.raises(RepoError, match="me/words could not be published"):
        publish(save, "me/words")
    assert len(tries) == 4


@pytest.mark.parametrize("suffix", [".py", ".json", ".md", ".txt", ".yaml", ".yml", ".jinja", ".svg"])
def test_a_secret_in_any_kind_of_text_stops_a_publish(suffix: str, hub: Hub) -> None:
    def leak(folder: Path, name: str) -> None:
        folder.mkdir()
        (folder / f"a{suffix}").write_text("key = 'AKIA" + "B" * 16 + "'")
        (folder / "b.md").write_text("hf_" + "c" * 40)

    with pytest.raises(RepoError) as caught:
        publish(leak, "me/words")
    assert list(caught.value.faults) == [
        f"a{suffix} seems to hold a key of AWS; take it out, and treat it as known to others.",
        "b.md seems to hold a token of the Hub; take it out, and treat it as known to others.",
    ]


def test_what_cannot_be_saved_is_not_published_and_keeps_its_error(hub: Hub) -> None:
    def fail(folder: Path, name: str) -> Any:
        raise KeyError(name)

    with pytest.raises(KeyError, match="me/words"):
        publish(fail, "me/words")
    assert hub.repos == {}
