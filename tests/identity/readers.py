"""Asks five readers about a change: the cache, resume here and in another process, replay, and the difference of two recipes.

Each answers "seen" (it computes anew, or says it in words), "refused" (in words, or kept nothing), "equal" (there is nothing to be seen:
the result is that of a plain run), or "SILENT": it gave what a plain run does not give, and said nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from attrs import define, field
from kinds import Kind
from PIL import Image
from scenes import Scene
from stages import Stage

import brickwork
from brickwork import BrickworkError, MemoryCache, PipelineState, Snapshot, Snapshots
from brickwork.engine.events import CacheHit, CacheSkipped, Event, RunWarning

READERS = ("cache", "resume", "elsewhere", "replay", "diff")
RIGHT = ("seen", "refused", "equal", "same", "-", "no run")
_RESULTS = ("images", "latents", "x", "number", "found", "thing", "held")


def content(value: Any) -> Any:
    """What a value is, down to the bits, for comparison."""
    if isinstance(value, torch.Tensor):
        flat = value.detach().contiguous().clone()
        return str(value.dtype), tuple(value.shape), flat.reshape(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(value, Image.Image):
        return value.mode, value.size, value.tobytes()
    if isinstance(value, Mapping):
        return tuple((key, content(part)) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(map(content, value))
    return type(value).__name__, repr(value)


def content_of(state: Any) -> str:
    """A digest of the results in a state."""
    values = state.values if isinstance(state, PipelineState) else {"images": state}
    found = {name: content(values[name]) for name in _RESULTS if name in values}
    assert found, list(values)
    return hashlib.sha256(repr(found).encode()).hexdigest()


@define
class Answer:
    """What came of asking: a result, or an error, and what was said meanwhile."""

    result: str = ""
    state: Any = None
    error: Exception | None = None
    words: list[str] = field(factory=list)
    hits: list[str] = field(factory=list)
    skipped: list[str] = field(factory=list)

    def fault(self) -> str:
        """ "refused", or what is no refusal in words; "" where there is a result."""
        if self.error is None:
            return ""
        if isinstance(self.error, BrickworkError):
            return "refused"
        return f"CRASH {type(self.error).__name__}: {self.error}"


@contextmanager
def _hearing(words: list[str]) -> Iterator[None]:
    """Collect what Brickwork says: warnings whose place is in it or here, and its log."""

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            words.append(record.getMessage())

    places = tuple(str(Path(module.__file__ or "").parent.resolve()) for module in (brickwork,))
    logger, handler = logging.getLogger("brickwork"), Heard()
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        logger.removeHandler(handler)
    words += [str(each.message) for each in caught if str(Path(each.filename).resolve()).startswith(places)]


def asked(scene: Scene, job: Callable[[], Any]) -> Answer:
    """Do a job, and note all that is said."""
    found = Answer()

    def listen(event: Event) -> None:
        if isinstance(event, CacheHit):
            found.hits.append(f"{event.path} {event.kind}")
        elif isinstance(event, CacheSkipped):
            found.skipped.append(f"{event.path}: {event.reason}")
        elif isinstance(event, RunWarning):
            found.words.append(event.text)

    scene.pipe.configure(listeners=[listen])
    try:
        with _hearing(found.words):
            found.state = job()
            found.result = content_of(found.state)
    except Exception as error:  # noqa: BLE001 - it is looked at, and anything but a BrickworkError fails the cell
        found.error = error
    finally:
        scene.pipe.configure(listeners=[])
    return found


@define
class Before:
    """What was run and kept before the change."""

    scene: Scene
    cache: MemoryCache
    first: Answer
    again: Answer
    taken: Answer
    """The run that the snapshots are of."""
    snapshots: list[Snapshot]
    recipe: Path
    pictures: list[Path]
    words: set[str]
    """What is said without any change."""

    @classmethod
    def of(cls, scene: Scene, folder: Path) -> Before:
        cache = MemoryCache(steps=True)
        scene.pipe.configure(cache=cache)
        first = asked(scene, scene.call)
        again = asked(scene, scene.call)
        kept: list[Snapshot] = []
        scene.pipe.configure(cache=None, snapshots=Snapshots(kept.append, after=scene.after))
        third = asked(scene, scene.call)
        scene.pipe.configure(snapshots=None)
        for each in (first, again, third):
            if each.error is not None:
                raise each.error
        recipe = folder / f"{id(scene)}.json"
        first.state.recipe.save(recipe)
        images = first.state.values.get("images")
        pictures = brickwork.save(images, recipe.with_suffix(".png")) if images else []
        words = {*first.words, *again.words, *third.words}
        snapshots = kept if scene.after == "blocks" else kept[:1]
        return cls(scene, cache, first, again, third, snapshots, recipe, pictures, words)

    def said(self, answer: Answer) -> bool:
        """Whether anything was said that is not said without a change."""
        return not set(answer.words) <= self.words


def ask_cache(kind: Kind, stage: Stage, before: Before, plain: Answer, thorough: bool) -> str:
    """Run with the cache that has what was run before; `thorough`: also a variant that shares the first step with that run."""
    scene = stage.scene
    jobs: list[Callable[[], Any]] = [scene.call]
    if thorough and kind.group != "value" and not stage.moves and "repeat" in scene.pipe.blocks.sub_blocks:
        jobs.append(lambda: scene.branch(before.first.state))
    scene.pipe.configure(cache=before.cache)
    found = [asked(scene, job) for job in jobs]
    scene.pipe.configure(cache=None)
    return worst(_judge_cached(stage.moves, before, plain, each) for each in found)


def _judge_cached(moves: bool, before: Before, plain: Answer, found: Answer) -> str:
    if found.fault() or plain.fault():
        return found.fault() or "SILENT (a plain run is refused)"
    if moves:
        return "SILENT" if found.result in (before.first.result, before.again.result) else "refused"
    if found.result != plain.result:
        return "SILENT"
    if plain.result == before.first.result:
        return "equal"
    return "refused" if set(found.skipped) - set(before.again.skipped) else "seen"


def judge_resumed(kind: Kind, moves: bool, found: Answer, before: str, plain: str, said: bool) -> str:
    """What a resumed run says: it has to end as a plain run does now; where only values changed, as the run would have ended.

    What gives something else every time ends as it would have only where all of that was done before the snapshot; else it has to
    be said, at least in the recipe of the result.
    """
    if found.fault():
        return found.fault()
    if moves:
        return "equal" if found.result == before else "seen" if said else "SILENT"
    if found.result == (before if kind.group == "value" else plain):
        return "equal"
    return "seen" if said else "SILENT"


def ask_resume(kind: Kind, stage: Stage, before: Before, plain: Answer) -> str:
    """Go on from everything that is kept in memory."""
    cells = []
    for snapshot in before.snapshots:
        found = asked(stage.scene, lambda: stage.scene.resume(snapshot))  # noqa: B023 - it is done at once
        said = before.said(found) or (stage.moves and says_why(before.recipe, found))
        cells.append(judge_resumed(kind, stage.moves, found, before.taken.result, plain.result, said))
    return worst(cells)


def ask_replay(stage: Stage, before: Before, lazily: PipelineState, thorough: bool) -> str:
    """Repeat the run before the change from its recipe's file; `thorough`: also from the one in memory, and from the image."""
    in_file = brickwork.Recipe.from_dict(json.loads(before.recipe.read_text()))
    sources = [(in_file, in_file)]
    if thorough:
        sources += [(lazily.recipe, lazily.recipe), *((picture, in_file) for picture in before.pictures)]
    cells = []
    for source, recipe in sources:
        found = asked(stage.scene, lambda: stage.scene.replay(source, recipe))  # noqa: B023 - it is done at once
        expected = before.first.result if source is recipe else content_of(before.first.state.values["images"][0])
        if found.fault():
            cells.append(found.fault())
        elif found.result == expected:
            cells.append("equal")
        else:
            cells.append("seen" if before.said(found) else "SILENT")
    return worst(cells)


def _said(one: Any, other: Answer) -> str:
    return "; ".join(brickwork.diff(one, other.state))


def _causes(text: str) -> str:
    """What a difference says beside that results differ."""
    return "; ".join(part for part in text.split("; ") if part.partition(":")[0] not in _RESULTS)


def says_why(recipe: Any, found: Answer) -> bool:
    """Whether the recipe of a run says that it hangs on more than it was given."""
    return found.state is not None and bool(_causes(_said(recipe, found)))


def ask_diff(stage: Stage, before: Before, lazily: PipelineState, plain: Answer) -> str:
    """Compare the recipe before with the one now: from the file, and one that nobody has read before the change."""
    if plain.fault():
        return plain.fault()
    if plain.result == before.first.result:
        return "equal"
    cells = []
    for name, recipe in (("file", before.recipe), ("memory", lazily)):
        text = _said(recipe, plain)
        is_named = stage.moves or (bool(_causes(text)) and stage.names in _causes(text))
        cells.append(f"SILENT ({name})" if not text else "seen" if is_named else f"UNNAMED ({name}: {text})")
    return worst(cells)


def ask_back(stage: Stage, before: Before) -> str:
    """Whether everything is the same again, now that the change was taken back."""
    scene = stage.scene
    scene.pipe.configure(cache=before.cache)
    found = asked(scene, scene.call)
    scene.pipe.configure(cache=None)
    if found.fault():
        return found.fault()
    if found.result != before.first.result:
        return "SILENT"
    alarms = [] if found.hits == before.again.hits else ["cache"]
    text = _said(before.recipe, found)
    alarms += [f"diff: {text}"] if text else []
    resumed = asked(scene, lambda: scene.resume(before.snapshots[0]))
    alarms += [f"resume: {resumed.error}"] if resumed.error is not None else []
    return f"ALARM {', '.join(alarms)}" if alarms else "same"


def worst(cells: Iterable[str]) -> str:
    """The worst of several answers; of right ones, the first that is not "equal"."""
    found = list(dict.fromkeys(cells))
    wrong = [each for each in found if each not in RIGHT]
    return "; ".join(wrong) or next((each for each in found if each != "equal"), "equal")
