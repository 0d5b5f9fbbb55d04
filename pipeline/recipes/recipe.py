"""`Recipe`: what a run was made of, as far as it says how to make the same again."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state import RepoError, html_view
from ...state.atomic import write_text
from ...state.digest import digest_of
from ...state.limits import LARGEST_RECIPE
from ...state.strict_json import written_json
from ...state.structure import structured
from ...state.value_data import value_of_data
from .noted_values import noted_inputs
from .parameters_text import LEFT_OUT, Parameters, parameters_of_run
from .written_recipe import VERSION, WrittenRecipe

if TYPE_CHECKING:
    from .component_records import RunNotes


class Recipe:
    """Says what a run was made of: composition, components, inputs, random state, software. Only data; no paths of here.

    `state.recipe`, `pipe.last_recipe` and `image.info["brickwork"]` have the one of their run. What costs time, such as
    digests of weight files, is looked up when it is first asked for. Two are equal if the same blocks were given the same
    inputs and random state; `brickwork.diff` compares everything.
    """

    def __init__(
        self, known: Mapping[str, Any], late: Callable[[], Mapping[str, Any]] | None = None, image: int | None = None
    ) -> None:
        self._known = known
        self._late = late
        self.image = image
        """Which image of the run's batch this is the recipe of; None for the run itself."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything, as data for JSON."""
        late = self._late() if self._late is not None else {}
        image = {} if self.image is None else {"image": self.image}
        return {"recipe": VERSION, **_data(self._known), **late, **image}

    @classmethod
    def from_dict(cls, data: object, name: str = "The recipe") -> Recipe:
        """Read what `to_dict` gave; `name` says in errors where it is from.

        Raises:
            RepoError: it is no recipe, or one of a later version; every fault is named.
        """
        if not isinstance(data, Mapping) or "recipe" not in data:
            raise RepoError(f"{name} is no recipe of Brickwork: the key 'recipe' is missing.")
        # Before the schema, which would complain of the later version's fields one by one.
        if data["recipe"] != VERSION:
            raise RepoError(f"{name} is of version {data['recipe']!r:.20}, and this Brickwork reads {VERSION}.")
        structured(WrittenRecipe, data, name)
        known = {name: value for name, value in data.items() if name not in ("recipe", "image", "weights")}
        return cls(known, lambda: {"weights": data.get("weights") or {}}, data.get("image"))

    def save(self, path: str | Path) -> None:
        """Write it as JSON.

        Raises:
            RepoError: it cannot be written, or would be larger than recipes are read.
        """
        write_text(Path(path), written_json(self.to_dict(), "The recipe", LARGEST_RECIPE, indent=2))

    def of_image(self, index: int | None) -> Recipe:
        """Return the recipe of one image of the batch; None is the run."""
        return Recipe(self._known, self._late, index)

    def branched(
        self, base: Recipe, loop: str, at_step: int, changes: Iterable[str], replaced: Collection[str] = ()
    ) -> Recipe:
        """Return the recipe of a variant, which shares the first steps of a loop with another run.

        Args:
            replaced: names among the changes that are components, such as the guider of the call.
        """
        # Of the other run only what it was given: its composition is the same, else the steps could not be shared.
        shared = {name: base._known[name] for name in ("inputs", "generators")}
        parts = {"components": lambda: _chosen(base._known["components"], replaced)} if replaced else {}
        about = {"loop": loop, "at_step": at_step, "changes": sorted(changes), **shared, **parts}
        return Recipe({**self._known, "branched": about}, self._late)

    def with_components(self, notes: RunNotes) -> Recipe:
        """Return the recipe with what is known of some components here, where they were loaded before this part of the run."""
        components, late = self._known["components"], self._late

        def weights() -> Mapping[str, Any]:
            before = late() if late is not None else {}
            return {**before, "weights": {**(before.get("weights") or {}), **notes.weights()["weights"]}}

        known = {
            **self._known,
            "settings": {**self._known["settings"], "load": "before"},
            "components": lambda: {**_data(components), **notes.written()},
        }
        return Recipe(known, weights, self.image)

    def noting(self, notes: Iterable[str]) -> Recipe:
        """Return the recipe with remarks on the run, after those that it has."""
        every = [*(self._known.get("notes") or ()), *notes]
        return Recipe({**self._known, "notes": every}, self._late, self.image) if every else self

    def finished(self, **found: object) -> Recipe:
        """Return the recipe with what was found out in the run: `results`, `witness`; what is None is left out."""
        known = {name: value for name, value in self._known.items() if name != "witness"}
        return Recipe({**known, **{n: v for n, v in found.items() if v is not None}}, self._late, self.image)

    @property
    def digest(self) -> str:
        """Digest of what the run was made of: by it a trained component names its training. Not of what came out."""
        made_of = {
            name: part for name, part in self.to_dict().items() if name not in ("results", "notes", "witness", "image")
        }
        return digest_of(json.loads(json.dumps(made_of)))

    @property
    def witness(self) -> list[list[Any]] | None:
        """The values that every block gave, as place, name and digest, where the run kept account of them."""
        found: list[list[Any]] | None = self._known.get("witness")
        return found

    @property
    def results(self) -> dict[str, Any]:
        """Digests of what the run gave, by name; of lists one of each item. None where nobody can tell (any more)."""
        found: dict[str, Any] = _data(self._known.get("results") or {})
        return found

    @property
    def base(self) -> Recipe | None:
        """The recipe of the run that a variant shares its first steps with; None of what is no variant."""
        branched = self._known.get("branched")
        if branched is None:
            return None
        given = {name: branched[name] for name in ("inputs", "generators")}
        parts = {**_data(self._known["components"]), **_data(branched.get("components", {}))}
        return Recipe({**self._known, "branched": None, **given, "components": parts}, self._late)

    @property
    def inputs(self) -> dict[str, Any]:
        """Inputs that are plain data, by name."""
        return {
            n: value_of_data(entry["value"]) for n, entry in _data(self._known["inputs"]).items() if "value" in entry
        }

    @property
    def missing_inputs(self) -> dict[str, str]:
        """Inputs of which only the digest is there, with what they were."""
        return {name: entry["kind"] for name, entry in _data(self._known["inputs"]).items() if "value" not in entry}

    def is_input(self, name: str, value: object) -> bool:
        """Return whether a value is the one that the run was given."""
        entry = _data(self._known["inputs"]).get(name)
        now = noted_inputs({name: value})[0]().get(name)
        return entry is not None and entry == now and entry.get("digest", "") is not None

    @property
    def parameters(self) -> str:
        """The text that other tools read: prompt, negative prompt, fields. Empty where they would misread it. Of a batch, the first image's."""
        return self.parameters_of()

    def parameters_of(self, width: int | None = None, height: int | None = None) -> str:
        """Return the text that other tools read, of an image of a size in pixels; without, the size that the run was given."""
        return self._for_others(width, height).text

    def noting_unwritable(self) -> Recipe:
        """Return the recipe with a note on why it has no text for other tools, where it has none."""
        fault = self._for_others(None, None).fault
        notes = [] if fault is None or LEFT_OUT + fault in (self._known.get("notes") or ()) else [LEFT_OUT + fault]
        return self.noting(notes)

    def _for_others(self, width: int | None, height: int | None) -> Parameters:
        return parameters_of_run(_data(self._known), self.inputs, self.seed, (width, height), self.image)

    @property
    def seed(self) -> int | None:
        """The seed, where the run had one random generator that was fresh; of an image of a batch, that of its own one."""
        found = [each for entries in _data(self._known["generators"]).values() for each in entries]
        if self.image is not None and len(found) > 1:
            found = found[self.image : self.image + 1]
        # One that a list holds twice has drawn for an image before this one.
        return found[0]["seed"] if len(found) == 1 and not {"state", "is"} & found[0].keys() else None

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Recipe):
            return NotImplemented
        # Not the components: their digests cost time, which a comparison of recipes should not.
        names = ("composition", "configs", "inputs", "generators", "output", "branched")
        mine, theirs = self._known, other._known
        same = all(written(_data(mine.get(name))) == written(_data(theirs.get(name))) for name in names)
        return same and self.image == other.image

    def __hash__(self) -> int:
        return hash(str(self.inputs))

    def __reduce__(self) -> Any:
        # Written out, because what is looked up late hangs on tensors and files of this process.
        return Recipe.from_dict, (self.to_dict(),)

    def __deepcopy__(self, memo: object) -> Recipe:
        return self

    def _repr_html_(self) -> str:
        other = {n: e["kind"] for n, e in _data(self._known["inputs"]).items() if "value" not in e}
        said = {**{name: repr(value) for name, value in self.inputs.items()}, **other}
        if self.seed is not None:
            said["seed"] = str(self.seed)
        return html_view.titled(f"Recipe of {self._known['composition']['block']}", html_view.fields(said))

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}={value!r}" for name, value in self.inputs.items())
        other = [f"{n}: {e['kind']}" for n, e in _data(self._known["inputs"]).items() if "value" not in e]
        parts = [inputs, *other]
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"Recipe({self._known['composition']['block']}: {', '.join(filter(None, parts))}{seed})"


def written(value: object) -> str:
    """Return data as text, in which 0, 0.0, -0.0 and False are four, and the order of a dict counts."""
    return json.dumps(value, default=repr)


def _chosen(entries: object, names: Collection[str]) -> dict[str, Any]:
    return {name: entry for name, entry in _data(entries).items() if name in names}


def _data(value: object) -> Any:
    """Return what is only written out when it is asked for."""
    if callable(value):
        return value()
    return {key: _data(part) for key, part in value.items()} if isinstance(value, Mapping) else value
