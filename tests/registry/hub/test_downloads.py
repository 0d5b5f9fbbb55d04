"""What is downloaded together has one bar, which says from the beginning how much is to come."""

from __future__ import annotations

from typing import Any

import pytest
from hub_server import Hub
from huggingface_hub.utils import tqdm as hub_bars
from tqdm import tqdm

from brickwork import ModularPipeline
from brickwork.presets.embedded import FOLDER
from brickwork.registry.hub import downloads
from brickwork.registry.hub.downloads import Downloads, bar_of, expect_download, one_bar

REPO = "me/drawn"
LOADED = ["vae", "text_encoder", "tokenizer"]


class Bars:
    """Every bar that is drawn, with all that was said of it."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def __call__(self, **options: Any) -> Any:
        bar = tqdm(**{**options, "disable": True})
        bar.options, bar.n, bar.total, bar.seen, bar.closed = options, 0, options["total"], [], False  # type: ignore[attr-defined]

        def update(count: float = 1) -> None:
            bar.n += count
            bar.seen.append(bar.n)  # type: ignore[attr-defined]

        bar.update, bar.close = update, lambda: setattr(bar, "closed", True)  # type: ignore[assignment, method-assign]
        self.made.append(bar)
        return bar


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Bars:
    """The bars that are drawn; the client's own are none of them."""
    found = Bars()

    def none(*_: object, **__: object) -> None:
        raise AssertionError("the client draws a bar of its own")

    monkeypatch.setattr("tqdm.auto.tqdm", found)
    monkeypatch.setattr(hub_bars, "__init__", none)
    monkeypatch.setattr(downloads, "_LEAST", 100_000)
    return found


def size_of(names: list[str]) -> int:
    return sum(path.stat().st_size for name in names for path in (FOLDER / name).iterdir())


def test_one_bar_says_how_much_all_components_are(hub: Hub, bars: Bars) -> None:
    hub.add_folder(REPO, FOLDER)
    pipe = ModularPipeline.from_pretrained(REPO)
    assert bars.made == []  # configurations alone
    before = len(hub.requests)
    pipe.load_components(LOADED)
    (bar,) = bars.made
    assert bar.options["desc"] == f"Downloading {REPO}"
    assert (bar.options["unit"], bar.options["unit_scale"], bar.options["disable"]) == ("B", True, None)
    # Configurations may have been read before there is a bar: which, hangs on what this process knows already.
    configs = sum((FOLDER / name / "config.json").stat().st_size for name in ("vae", "text_encoder"))
    assert bar.options["total"] in (size_of(LOADED), size_of(LOADED) - configs)
    assert bar.n == bar.total == bar.options["total"]
    assert bar.seen == sorted(bar.seen)
    assert bar.closed
    # What is to come is known without asking for it.
    assert all(
        "/resolve/" in path or "/lfs/" in path or path == f"/api/models/{REPO}" for _, path in hub.requests[before:]
    )
    ModularPipeline.from_pretrained(REPO).load_components(LOADED)
    assert len(bars.made) == 1  # all is there


def test_a_pipeline_without_progress_draws_none(hub: Hub, bars: Bars) -> None:
    hub.add_folder(REPO, FOLDER)
    pipe = ModularPipeline.from_pretrained(REPO)
    pipe.configure(progress=False)
    pipe.load_components("vae")
    assert bars.made == []


class Place:
    """A repository of which files are told to be there or not."""

    name = "me/x"
    sizes = {"a": 60_000, "b": 70_000, "c": 5}

    def __init__(self, *here: str) -> None:
        self.here = here

    def is_here(self, name: str) -> bool:
        return name in self.here


def test_what_is_here_or_of_unknown_size_counts_nothing(bars: Bars) -> None:
    found = Downloads(True, lambda _: ("b", "c"))
    found.expect(Place("c"), ["a", "z"])
    assert bars.made[0].total == 130_000
    found.expect(Place("c"), ["a", "b"])
    assert bars.made[0].total == 130_000


def test_little_has_no_bar_until_it_is_much(bars: Bars) -> None:
    found = Downloads(True, lambda _: ())
    found.expect(Place(), ["a"])
    found.reach(("me/x", "a"), 60_000)
    assert bars.made == []
    found.expect(Place(), ["b"])
    (bar,) = bars.made
    assert (bar.total, bar.n) == (130_000, 60_000)


def test_what_is_downloaded_again_counts_once(bars: Bars) -> None:
    found = Downloads(True, lambda _: ())
    found.expect(Place(), ["a", "b"])
    kind = found.part(("me/x", "a"))
    with kind(total=60_000, initial=0) as part:
        part.update(50_000)
    with kind(total=60_000, initial=10_000) as part:
        assert bars.made[0].n == 10_000
        part.update(None)
        part.update(20_000)
    assert bars.made[0].n == 30_000
    found.finish(("me/x", "a"))
    found.finish(("me/x", "unknown"))
    assert bars.made[0].n == 60_000


def test_what_the_others_are_may_read_files_itself(bars: Bars) -> None:
    def others(repo: Any) -> list[str]:
        expect_download(repo, ["c"])  # as reading a list of shards does
        return ["b"]

    with one_bar(True, others), one_bar(False):
        expect_download(Place(), ["a"])
    assert [bar.total for bar in bars.made] == [130_000]
    assert bars.made[0].closed


def test_outside_the_client_draws_what_it_likes(bars: Bars) -> None:
    expect_download(Place(), ["a", "b"])
    with bar_of("me/x", "a") as options:
        assert options == {}
    with one_bar(), bar_of("me/x", "a") as options:
        assert set(options) == {"tqdm_class"}
    assert bars.made == []
