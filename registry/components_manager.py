"""`ComponentsManager`: the components of several pipelines, each loaded once, found by name, origin or collection."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Iterable
from typing import Any

from ..state import ComponentError
from ..state.digest import digest_of
from ..state.errors import did_you_mean
from ..state.given import given_name, given_names
from ..state.user_warnings import user_warning
from .component_table import Entry, html_table, table
from .devices.automatic_placement import AutomaticPlacement
from .identity.component_identity import dtype_of, fingerprint
from .identity.model_words import adapters_of
from .identity.origin import is_as_loaded
from .provenance import provenance_of


class ComponentsManager(AutomaticPlacement):
    """A register of components. Safe to use from several threads.

    Attributes:
        components: id to component, in the order of adding. collections: name to the ids in it.
        placement: what is on the device, while components are placed automatically.

    Example:
        >>> manager = ComponentsManager()
        >>> number = manager.add("guider", ClassifierFreeGuidance(), collection="mine")
        >>> manager.get_one("guid*").guidance_scale
        7.5
    """

    def __init__(self) -> None:
        super().__init__()
        self.components: dict[str, Any] = {}
        self.collections: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._loading: dict[Any, threading.Lock] = {}

    def add(self, name: str, component: object, collection: str | None = None, reuse: bool = False) -> str:
        """Register a component and return its id.

        A collection holds one component per name: a second one takes the place of the first. The same object under the
        same name keeps its id; another object of the same origin is warned of.

        Args:
            reuse: return the id of the component of the same origin and number format, if there is one, and leave the
                new object alone.
        """
        given_name(name, "The name of a component")
        gone: list[object] = []
        with self._lock:
            known = self._id_of(name, component)
            twins = self._twins(component) if known is None else []
            if known is None and reuse and twins:
                known = twins[0]
            if known is None:
                known = self._new_id(name, component)
                # A second copy costs as much memory as the first, and nobody sees why; it is allowed, because one of
                # the two may be about to be changed.
                if twins:
                    user_warning(
                        f"ComponentsManager: {known!r} is a second copy of {', '.join(map(repr, twins))}: both were loaded "
                        f"from {self._origin(component)}. Drop one with manager.remove({known!r}), or add it with "
                        "reuse=True.",
                    )
                self.components[known] = component
                self._names[known] = name
            if collection is not None:
                gone = self._collect(known, name, collection)
        self._take_off(gone)
        return known

    def remove(self, component_id: str) -> None:
        """Forget a component. Its memory is free when no pipeline holds it any more.

        Raises:
            ComponentError: there is no such id.
        """
        with self._lock:
            gone = self._unfiled(self._known(component_id))
        # Outside: a run that goes on may wait for `_lock`.
        self._take_off(gone)

    def remove_from_collection(self, component_id: str, collection: str) -> None:
        """Take a component out of a collection; it is forgotten if it is in no other."""
        with self._lock:
            gone = self._uncollected(self._known(component_id), self._members(collection))
        self._take_off(gone)

    def remove_collection(self, collection: str) -> None:
        """Take all components out of a collection, and forget those that are in no other."""
        with self._lock:
            members = self._members(collection)
            gone = [each for component_id in list(members) for each in self._uncollected(component_id, members)]
            del self.collections[collection]
        self._take_off(gone)

    def forget(self, component: object, collection: str | None = None) -> None:
        """Forget a component wherever it is filed; with a collection, only there if others hold it too."""
        gone: list[object] = []
        with self._lock:
            for component_id in [i for i, known in self.components.items() if known is component]:
                if collection is None:
                    gone += self._unfiled(component_id)
                elif component_id in (members := self.collections.get(collection, [])):
                    gone += self._uncollected(component_id, members)
        self._take_off(gone)

    def search_components(
        self, names: str | None = None, collection: str | None = None, load_id: str | None = None
    ) -> dict[str, Any]:
        """Return the components that match, by id.

        Args:
            names: "unet", a pattern ("unet*", "*unet*"), several ("unet|vae*"), or what none of them matches ("!unet|vae").
            collection: those in it. load_id: those of this origin.
        """
        with self._lock:
            members = None if collection is None else set(self._members(collection))
            return {
                component_id: component
                for component_id, component in self.components.items()
                if (members is None or component_id in members)
                and (names is None or _matches(self._names[component_id], names))
                and (load_id is None or provenance_of(component).load_id == load_id)
            }

    def get_one(
        self,
        name: str | None = None,
        collection: str | None = None,
        load_id: str | None = None,
        component_id: str | None = None,
    ) -> Any:
        """Return the one component that matches (see `search_components`).

        Raises:
            ComponentError: none does, or several do.
        """
        if component_id is not None:
            return self.components[self._known(component_id)]
        found = self.search_components(name, collection, load_id)
        if len(found) == 1:
            return next(iter(found.values()))
        asked = {"name": name, "collection": collection, "load_id": load_id}
        said = ", ".join(f"{key}={value!r}" for key, value in asked.items() if value is not None) or "no filter"
        if found:
            raise ComponentError(f"{said} matches several components: {', '.join(found)}. Say which.")
        raise ComponentError(f"{said} matches no component. {did_you_mean(str(name), self._names.values())}")

    def get_ids(self, names: str | Iterable[str] | None = None, collection: str | None = None) -> list[str]:
        """Return the ids of components with these names."""
        wanted = None if names is None else set(given_names(names, "names"))
        return [i for i in self.search_components(collection=collection) if wanted is None or self._names[i] in wanted]

    def _lookup_ids(
        self, name: str | None = None, collection: str | None = None, load_id: str | None = None
    ) -> set[str]:
        """Do as `get_ids`, under diffusers' name."""
        found = self.search_components(collection=collection, load_id=load_id)
        return {component_id for component_id in found if name is None or self._names[component_id] == name}

    def get_components_by_ids(self, ids: Iterable[str]) -> dict[str, Any]:
        """Return components by id, as name to component.

        Raises:
            ComponentError: an id is unknown.
        """
        with self._lock:
            return {self._names[self._known(each)]: self.components[each] for each in given_names(ids, "ids")}

    def get_components_by_names(
        self, names: Iterable[str], collection: str | None = None, strict: bool = False
    ) -> dict[str, Any]:
        """Return components by name, for `pipe.update_components(**found)`.

        Args:
            strict: an error for names that are not there; else they are left out.

        Raises:
            ComponentError: a name stands for several components; with `strict`, names are not there.
        """
        names = given_names(names, "names")
        with self._lock:
            found: dict[str, list[str]] = {name: [] for name in names}
            for component_id in self.search_components(collection=collection):
                found.get(self._names[component_id], []).append(component_id)
            several = [f"{name!r} is {', '.join(ids)}" for name, ids in found.items() if len(ids) > 1]
            if several:
                raise ComponentError(f"Names stand for several components: {'; '.join(several)}. Name a collection.")
            missing = [name for name, ids in found.items() if not ids]
            if missing and strict:
                raise ComponentError.of(
                    "Components are not there",
                    [f"There is no component {name!r}. {did_you_mean(name, self._names.values())}" for name in missing],
                )
            return {name: self.components[ids[0]] for name, ids in found.items() if ids}

    def get_model_info(self, component_id: str, fields: str | Iterable[str] | None = None) -> dict[str, Any]:
        """Return what the table shows of a component: name, class, bytes, dtype, device, adapters, origin,
        collections.

        Args:
            fields: only these; also diffusers' words `model_id`, `size_gb` and `collection`.

        Raises:
            ComponentError: there is no such id. InputError: there is no such field.
        """
        with self._lock:
            return self._entry(self._known(component_id)).chosen(fields)

    def shared(self, name: str, key: str, dtype: object, load: Callable[[], Any], collection: str | None = None) -> Any:
        """Return the component of this origin and number format, loading it if it is not there; for pipelines.

        Threads that ask for one origin wait for one load; others go on.
        """
        with self._lock:
            # A lock for each origin: two pipelines that ask for one model load it once, and other models load
            # meanwhile.
            gate = self._loading.setdefault((key, str(dtype)), threading.Lock())
        with gate:
            # Within the gate: who waited finds what the other has loaded.
            found = self._loaded(key, dtype)
            component = load() if found is None else found
            self.add(name, component, collection, reuse=True)
        return component

    def __contains__(self, component_id: str) -> bool:
        return component_id in self.components

    def __len__(self) -> int:
        return len(self.components)

    def __repr__(self) -> str:
        return table(self._entries())

    def _repr_html_(self) -> str:
        return html_table(self._entries())

    def _entries(self) -> list[Entry]:
        with self._lock:
            return [self._entry(component_id) for component_id in self.components]

    def _entry(self, component_id: str) -> Entry:
        component = self.components[component_id]
        return Entry.of(
            component_id,
            self._names[component_id],
            component,
            tuple(name for name, members in self.collections.items() if component_id in members),
            adapters=dict(adapters_of(component)),
        )

    def _loaded(self, key: str, dtype: object) -> Any:
        for component in self.search_components(load_id=key).values():
            found = dtype_of(component)
            # A model that was changed since, by a LoRA or a fine-tuning, is not what the other pipeline asked for.
            if (found is None or dtype is None or found == dtype) and is_as_loaded(component):
                return component
        return None

    def _id_of(self, name: str, component: object) -> str | None:
        return next((i for i, known in self.components.items() if known is component and self._names[i] == name), None)

    def _twins(self, component: object) -> list[str]:
        """Return the ids of the same object under another name, and of other objects of the same origin."""
        origin = provenance_of(component).load_id
        has_origin = hasattr(component, "parameters") and origin not in (None, "null")
        mine = fingerprint(component) if has_origin and is_as_loaded(component) else None
        return [
            component_id
            for component_id, known in self.components.items()
            if known is component
            # Origins are compared first: a fingerprint looks at every tensor of a model.
            or (mine is not None and provenance_of(known).load_id == origin and fingerprint(known) == mine)
        ]

    def _new_id(self, name: str, component: object) -> str:
        """Return an id that is readable, and the same in every process for the same origin: the name and some digits
        of where it is from.
        """
        origin = provenance_of(component).load_id or "null"
        # By class and number format, too: one folder can be opened as two models.
        digest = "new" if origin == "null" else digest_of(type(component), origin, str(dtype_of(component)))[:8]
        component_id = f"{name}_{digest}"
        number = 2
        while component_id in self.components:
            component_id = f"{name}_{digest}-{number}"
            number += 1
        return component_id

    def _collect(self, component_id: str, name: str, collection: str) -> list[object]:
        """Put a component into a collection, and return what is filed nowhere any more."""
        members = self.collections.setdefault(collection, [])
        if component_id in members:
            return []
        # A collection stands for one pipeline, which has one component of a name.
        others = [i for i in members if self._names[i] == name]
        gone = [each for other in others for each in self._uncollected(other, members)]
        members.append(component_id)
        return gone

    def _uncollected(self, component_id: str, members: list[str]) -> list[object]:
        """Take a component out of a collection, and return it if it is filed nowhere any more."""
        if component_id in members:
            members.remove(component_id)
        if any(component_id in other for other in self.collections.values()):
            return []
        return self._unfiled(component_id)

    def _unfiled(self, component_id: str) -> list[object]:
        """Take a component out of all books, and return it if it is not filed under another id."""
        component = self.components.pop(component_id)
        del self._names[component_id]
        for members in self.collections.values():
            if component_id in members:
                members.remove(component_id)
        # One object may be filed under several names; the others still need it where it is.
        return [] if any(other is component for other in self.components.values()) else [component]

    def _members(self, collection: str) -> list[str]:
        if given_name(collection, "collection") not in self.collections:
            raise ComponentError(f"There is no collection {collection!r}. {did_you_mean(collection, self.collections)}")
        return self.collections[collection]

    def _known(self, component_id: str) -> str:
        if given_name(component_id, "component_id") not in self.components:
            raise ComponentError(
                f"There is no component {component_id!r}. {did_you_mean(component_id, self.components)}"
            )
        return component_id

    @staticmethod
    def _origin(component: object) -> str:
        return provenance_of(component).load_id or "one place"


def _matches(name: str, patterns: str) -> bool:
    """Return whether a name matches one of the patterns, or with "!" in front none of them."""
    excludes = patterns.startswith("!")
    found = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.removeprefix("!").split("|"))
    return found is not excludes
