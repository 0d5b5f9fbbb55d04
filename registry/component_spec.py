"""`ComponentSpec`: what a component is and where it comes from. Loads or creates it on demand."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, cast

from ..state import ComponentError, RepoError, TrustError
from ..state.classes.class_arguments import NamesArguments
from ..state.errors import named_thing, with_article
from ..state.types import is_type
from .identity.as_made import as_made
from .identity.origin import remember_loaded
from .loading.building import limited_without_files
from .loading.classes import library_of, resolve_class
from .loading.dtype_names import one_dtype
from .loading.load import check_files, fetched_folders, is_network, load, load_skeleton, local_folders
from .loading.needed_packages import install_hint
from .loading.several import holds_several
from .loading.weights import file_stamp, stored_bytes
from .provenance import note_provenance, provenance_of

LOADING_FIELDS = ("pretrained_model_name_or_path", "subfolder", "variant", "revision")
CreationMethod = Literal["from_config", "from_pretrained"]


class ComponentSpec(NamesArguments):
    """Specification of a component of a pipeline.

    Attributes:
        name: under which the pipeline knows it.
        type_hint: its class. May be given as text, "library:Class", which is resolved when it is needed.
        description: what it is for.
        config: configuration for `create`.
        pretrained_model_name_or_path: folder or Hub name it is loaded from; `repo` is another name of it.
        subfolder, variant, revision: where in it.
        default_creation_method: "from_pretrained" for what has weights, "from_config" for what has none.
        dtype: number format in which `load` gives it where it is told none, as text ("bfloat16"); None is float32.
        otherwise: name of the component that says where this one is from, where a repository has none of its own name; a scope that
            gives a component another name outside says so.
    """

    dtype: str | None = None
    otherwise: str | None = None

    def __init__(
        self,
        name: str | None = None,
        type_hint: object = None,
        description: str | None = None,
        config: Mapping[str, Any] | None = None,
        pretrained_model_name_or_path: str | None = None,
        subfolder: str | None = "",
        variant: str | None = None,
        revision: str | None = None,
        default_creation_method: str = "from_pretrained",
        repo: str | None = None,
    ) -> None:
        if repo is not None and pretrained_model_name_or_path not in (None, repo):
            raise ComponentError(
                f"ComponentSpec({name!r}): repo={repo!r} and pretrained_model_name_or_path="
                f"{pretrained_model_name_or_path!r} are two spellings of one thing; give one."
            )
        if default_creation_method not in ("from_config", "from_pretrained"):
            raise ComponentError(
                f"ComponentSpec({name!r}): default_creation_method is {default_creation_method!r}; "
                "it is 'from_config' or 'from_pretrained'."
            )
        if not is_type(type_hint):
            raise ComponentError(
                f"ComponentSpec({name!r}): type_hint is {named_thing(type_hint)}, and no class; give the class, "
                f"{type(type_hint).__name__}, or 'library:Class'. An object is given with update_components({name or 'name'}=...)."
            )
        self.name = name
        self._type_hint = type_hint
        self.description = description
        self.config = config
        self.pretrained_model_name_or_path = pretrained_model_name_or_path if repo is None else repo
        self.subfolder = subfolder
        self.variant = variant
        self.revision = revision
        self.default_creation_method = cast("CreationMethod", default_creation_method)

    @property
    def repo(self) -> str | None:
        """Another name of `pretrained_model_name_or_path`, to read and to set."""
        return self.pretrained_model_name_or_path

    @repo.setter
    def repo(self, value: str | None) -> None:
        self.pretrained_model_name_or_path = value

    @property
    def type_hint(self) -> Any:
        """The component's class; None if unknown."""
        # Only now: an index of twenty models is read without importing transformers.
        if isinstance(self._type_hint, str):
            library, _, class_name = self._type_hint.partition(":")
            try:
                self._type_hint = resolve_class(library, class_name)
            except (ComponentError, TrustError) as error:
                raise type(error)(f"The component {self.name!r}: {error}") from error
        return self._type_hint

    @type_hint.setter
    def type_hint(self, value: object) -> None:
        self._type_hint = value

    @property
    def type_name(self) -> tuple[str | None, str | None]:
        """Library and class name, without importing anything."""
        if isinstance(self._type_hint, str):
            library, _, class_name = self._type_hint.partition(":")
            return library, class_name
        if isinstance(self._type_hint, type):
            return library_of(self._type_hint), self._type_hint.__name__
        return None, None

    @classmethod
    def loading_fields(cls) -> list[str]:
        """Return the names of the fields that say where it is loaded from."""
        return list(LOADING_FIELDS)

    @property
    def load_id(self) -> str:
        """The text that identifies the loaded component: path|subfolder|variant|revision; "null" for what is created."""
        if self.default_creation_method == "from_config":
            return "null"
        parts = [getattr(self, name) for name in LOADING_FIELDS]
        # The text that diffusers' `ComponentSpec.load_id` makes, so that its pipelines and managers know our
        # components, and we theirs.
        return "|".join("null" if part is None else part for part in parts)

    @staticmethod
    def decode_load_id(load_id: str) -> dict[str, Any]:
        """Take a `load_id` apart into the loading fields."""
        if load_id == "null":
            return dict.fromkeys(LOADING_FIELDS)
        parts = [None if part == "null" else part for part in load_id.split("|")]
        return dict(zip(LOADING_FIELDS, parts, strict=True))

    @classmethod
    def from_component(cls, name: str, component: object) -> Self:
        """Describe a component, so that it can be loaded or created again.

        Raises:
            ComponentError: it has weights and was not loaded by a spec, so its origin is unknown.
        """
        known = provenance_of(component)
        if known.load_id not in (None, "null"):
            return cls(name, type(component), **cls.decode_load_id(known.load_id))
        if hasattr(component, "parameters"):
            raise ComponentError(
                f"{name!r} is {with_article(type(component).__name__)} of unknown origin: it was not loaded by ComponentSpec.load(). "
                "Load it with a spec, or save it and say where."
            )
        if not hasattr(component, "config"):
            raise ComponentError(
                f"{name!r} is {with_article(type(component).__name__)} without a config, so nothing describes it."
            )
        return cls(name, type(component), config=component.config, default_creation_method="from_config")

    def create(self, config: Mapping[str, Any] | None = None, **changes: Any) -> Any:
        """Make the component from `config`, else the spec's own; `changes` replace single entries.

        Raises:
            ComponentError: the class is unknown or refuses the configuration.
        """
        cls = self.type_hint
        if not isinstance(cls, type):
            raise ComponentError(f"{self.name!r} cannot be created: its type_hint is {cls!r}, which is no class.")
        given = dict(config or self.config or {})
        try:
            # A configuration from a repository must not make a constructor open other files, or allocate without end.
            with limited_without_files("its configuration", {**given, **changes}):
                if hasattr(cls, "from_config"):
                    component = cls.from_config(given, **changes)
                else:
                    known = inspect.signature(cls).parameters
                    component = cls(**{k: v for k, v in {**given, **changes}.items() if k in known})
        except TrustError:
            raise
        except Exception as error:
            raise ComponentError(
                f"{self.name!r}: {cls.__name__} could not be created: {error}{install_hint(error)}"
            ) from error
        # What a class fills in by itself belongs to what was made, and is written with it.
        note_provenance(component, load_id="null")
        self.config = getattr(component, "config", given)
        return component

    def load(self, **options: Any) -> Any:
        """Load the component; loading fields given here replace the spec's.

        Models come in `eval()` mode, in float32 unless `dtype` (or `torch_dtype`) says otherwise.

        Raises:
            ComponentError: it could not be loaded; the cause is in the message.
        """
        for name in LOADING_FIELDS:
            if name in options:
                setattr(self, name, options.pop(name))
        dtype = one_dtype(options.pop("dtype", None), options.pop("torch_dtype", None))
        if self.pretrained_model_name_or_path is None:
            raise ComponentError(
                f"{self.name!r} has no origin: set its repo (a folder or Hub name), or pass it to load()."
            )
        where = {"subfolder": self.subfolder or "", "variant": self.variant, "revision": self.revision}
        dtype = self.format_of(dtype=dtype)
        if dtype is not None:
            options["dtype"] = dtype
        place = "/".join(filter(None, [self.pretrained_model_name_or_path, self.subfolder]))
        try:
            component = load(
                self.type_hint,
                self.pretrained_model_name_or_path,
                {name: value for name, value in where.items() if value is not None},
                options,
            )
        except TrustError:
            raise
        except Exception as error:
            of = f" ({self.type_name[1]})" if self.type_name[1] else ""
            raise ComponentError(
                f"{self.name!r}{of} could not be loaded from {place}: {error}{install_hint(error)}"
            ) from error
        self.default_creation_method = "from_pretrained"
        self._type_hint = type(component) if self._type_hint is None else self._type_hint
        note_provenance(component, load_id=self.load_id)
        remember_loaded(component, self.file_stamp())
        return as_made(component)

    def load_skeleton(self, **options: Any) -> Any:
        """Return the component without its weights, to read its configuration; with them where it cannot be had else."""
        if self.repo is not None and isinstance(self.type_hint, type) and Path(self.repo).is_dir():
            found = load_skeleton(self.type_hint, self.repo, self.subfolder or "", self.format_of(**options))
            if found is not None:
                return found
        return self.load(**options)

    def loading_fault(self) -> str | None:
        """Return what can be told, without loading, to be in the way of it; None if nothing is."""
        if self.default_creation_method == "from_config" or self.repo is None:
            return f"{self.name!r} is not loaded, and has no origin to load it from; call update_components({self.name}=...)."
        try:
            cls = self.type_hint
        except (ComponentError, TrustError) as error:
            return str(error)  # which names the component
        try:
            check_files(cls, self.repo, self.subfolder or "", self.variant)
        except (ComponentError, TrustError, RepoError) as error:
            return f"{self.name!r} cannot be loaded: {error}"
        return None

    def format_of(self, **options: object) -> Any:
        """Return the number format that `load` with these options gives; None for what has none."""
        dtype = one_dtype(options.get("dtype"), options.get("torch_dtype"))
        return dtype if dtype is not None or not _is_network(self.type_hint) else self._own_dtype()

    def _own_dtype(self) -> Any:
        import torch

        found = getattr(torch, self.dtype or "float32", None)
        if not isinstance(found, torch.dtype) or not found.is_floating_point:
            raise ComponentError(
                f"{self.name!r} is to be loaded in {self.dtype!r}, which is no number format of weights."
            )
        return found

    def file_stamp(self) -> str:
        """Return what tells its weights in a local folder from what was there before under the same names."""
        return " ".join(file_stamp(folder, self.variant) for folder in self.local_folders())

    def fetched_folders(self, **hub_options: object) -> list[Path]:
        """Return its folders, as `local_folders`, from the Hub as well; none for a single file.

        Raises:
            RepoError: it cannot be reached. ComponentError: there are no files.
        """
        return fetched_folders(self, hub_options)

    def local_folders(self) -> list[Path]:
        """Return where its files are if they are on this machine: in one folder, or one for each model that it
        holds.
        """
        return local_folders(holds_several(*self.type_name), self.repo or "", self.subfolder or "")

    def stored_bytes(self) -> int | None:
        """Return the bytes of its weights in the files of a local folder; None where that cannot be told."""
        if self.default_creation_method == "from_config":
            return 0
        if self.repo is None:
            return None
        sizes = [stored_bytes(folder, self.variant) for folder in self.local_folders()]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def copy(self) -> Self:
        """Return a spec of its own to edit."""
        return copy.copy(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ComponentSpec):
            return NotImplemented
        # As diffusers' specs compare; and of two specs one may have its class as text still.
        mine, theirs = ((s.name, s.load_id, s.default_creation_method) for s in (self, other))
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.name, self.load_id, self.default_creation_method))

    def __repr__(self) -> str:
        class_name = self.type_name[1]
        parts = [f"name={self.name!r}", f"type_hint={class_name or None}"]
        if self.default_creation_method == "from_config":
            parts.append(f"config={dict(self.config or {})}")
        else:
            parts += [f"{n}={getattr(self, n)!r}" for n in LOADING_FIELDS if getattr(self, n)]
        return f"ComponentSpec({', '.join(parts)}, default_creation_method={self.default_creation_method!r})"


def _is_network(cls: Any) -> bool:
    """Return whether a number format means anything to it; a class that is yet to be found is that of a model."""
    return cls is None or is_network(cls)
