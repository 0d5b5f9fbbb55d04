"""The values of a run: `PipelineState` holds all of them, `BlockState` is one block's local view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import html_view
from .errors import InputError, RunError, did_you_mean
from .values.sound_view import players


def describe_value(value: Any) -> str:
    """Return one line about a value: tensors by type, shape and device, containers by their parts, others by `repr`."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        device = f", {value.device}" if hasattr(value, "device") else ""
        return f"{type(value).__name__}[{', '.join(map(str, value.shape))}] {value.dtype}{device}"
    if isinstance(value, (list, tuple)) and value:
        return f"{type(value).__name__} of {len(value)}: {describe_value(value[0])}"
    if isinstance(value, Mapping):
        return f"{type(value).__name__}({', '.join(f'{k}={describe_value(v)}' for k, v in value.items())})"
    if hasattr(value, "getbands"):
        return f"image of {value.size[0]}x{value.size[1]}, {value.mode}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def shown_value(value: Any, sampling_rate: object = None) -> html_view.Html:
    """Return a value for a notebook: images as images, waveforms to be played, anything else in words.

    Args:
        sampling_rate: of the waveforms that it is; None for what is none.
    """
    words = html_view.escaped(describe_value(value))
    if isinstance(sampling_rate, int) and (played := players(value, sampling_rate)):
        return html_view.Html(f"{played}<br>{words}")
    return html_view.Html(f"{html_view.thumbnails(value)}<br>{words}") if html_view.is_images(value) else words


class PipelineState:
    """All values of a run by name.

    Attributes:
        values: name to value. kwargs_mapping: group to the names in it.
        provenance: name to the path of the block that wrote the value; given values are not in it.
        recipe: what the run that made it was made of; None for a state that no pipeline has made.
        start: what that run began with, for `pipe.branch`. replaced: components that its call gave in place of the pipeline's, by name.
    """

    values: dict[str, Any]
    kwargs_mapping: dict[str, list[str]]
    provenance: dict[str, str]
    recipe: Any
    start: dict[str, Any] | None
    replaced: Mapping[str, Any]
    _writer: str | None

    def __init__(
        self,
        values: dict[str, Any] | None = None,
        kwargs_mapping: dict[str, list[str]] | None = None,
        provenance: dict[str, str] | None = None,
        writer: str | None = None,
    ) -> None:
        # Past `__setattr__`, which refuses what is no attribute of a state.
        self.__dict__.update(
            values={} if values is None else values,
            kwargs_mapping={} if kwargs_mapping is None else kwargs_mapping,
            provenance={} if provenance is None else provenance,
            recipe=None,
            start=None,
            replaced={},
            _writer=writer,
        )

    def set(self, key: str, value: object, kwargs_type: str | None = None) -> None:
        """Write a value, and note the group that it belongs to."""
        self.values[key] = value
        if self._writer is not None:
            self.provenance[key] = self._writer
        if kwargs_type is not None:
            names = self.kwargs_mapping.setdefault(kwargs_type, [])
            if key not in names:
                names.append(key)

    def get(self, keys: str | Sequence[str], default: object = None) -> Any:
        """Return one value, or a dict of several."""
        if isinstance(keys, str):
            return self.values.get(keys, default)
        return {key: self.values.get(key, default) for key in keys}

    def get_by_kwargs(self, kwargs_type: str) -> dict[str, Any]:
        """Return the values of a group: those that a caller gave under its name, and those that blocks wrote to it."""
        given = self.values.get(kwargs_type)
        written = {key: self.values[key] for key in self.kwargs_mapping.get(kwargs_type, []) if key in self.values}
        return {**given, **written} if isinstance(given, Mapping) else written

    def to_dict(self) -> dict[str, Any]:
        """Return a new dict of all values; the values themselves are shared."""
        return dict(self.values)

    def copy(self) -> PipelineState:
        """Return a state of its own that shares the values (no tensor is copied)."""
        groups = {group: list(names) for group, names in self.kwargs_mapping.items()}
        copy = PipelineState(dict(self.values), groups, dict(self.provenance))
        copy.recipe, copy.start, copy.replaced = self.recipe, self.start, self.replaced
        return copy

    def __getattr__(self, name: str) -> Any:
        # `copy` and `pickle` ask for special methods before the instance has attributes.
        if name.startswith("__"):
            raise AttributeError(name)
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        raise MissingValueError(f"The state has no value {name!r}. {did_you_mean(name, values)}")

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.__dict__ and not name.startswith("_"):
            raise _not_written(f"state.{name} = ...", name)
        super().__setattr__(name, value)

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise InputError(
                f"state[{name!r}]: values are read by name, as in state['images']. {did_you_mean('', self.values)}"
            )
        if name in self.values:
            return self.values[name]
        raise MissingValueError(f"The state has no value {name!r}. {did_you_mean(name, self.values)}")

    def __setitem__(self, name: str, value: object) -> None:
        raise _not_written(f"state[{name!r}] = ...", name)

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self.values if name.isidentifier())]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.values)

    def _repr_html_(self) -> str:
        rates = {"audios": self.values.get("sampling_rate")}
        rows = [
            (name, shown_value(value, rates.get(name)), self.provenance.get(name, ""))
            for name, value in self.values.items()
        ]
        return html_view.titled(type(self).__name__, html_view.table(("value", "is", "from"), rows))

    def __repr__(self) -> str:
        width = max(map(len, self.values), default=0)
        lines = []
        for name, value in self.values.items():
            origin = f"   (from {self.provenance[name]})" if name in self.provenance else ""
            lines.append(f"  {name:<{width}}  {describe_value(value)}{origin}")
        return "\n".join(["PipelineState(", *lines, ")"])


def _not_written(attempt: str, name: str) -> InputError:
    return InputError(
        f"{attempt} writes no value. state.set({name!r}, value) does, and pipe(state, {name}=value) goes on with another value and "
        "leaves the state as it is."
    )


class BlockState:
    """One block's view of the values, as attributes. Attributes that the block does not declare are temporary."""

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)

    @classmethod
    def over(cls, values: dict[str, Any]) -> BlockState:
        """Make a view that reads and writes `values` itself."""
        view = cls.__new__(cls)
        # The dict itself and no copy: what the block sets is in the state at once, and reading costs no look-up of
        # ours.
        view.__dict__ = values
        return view

    def as_dict(self) -> dict[str, Any]:
        """Return a new dict of the attributes."""
        return dict(self.__dict__)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: object) -> None:
        setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingValueError(f"No earlier block gave {name!r} to this one. {did_you_mean(name, self.__dict__)}")

    def __repr__(self) -> str:
        lines = [f"  {name}: {describe_value(value)}" for name, value in self.__dict__.items()]
        return "\n".join(["BlockState(", *lines, ")"])


class MissingValueError(RunError, AttributeError):
    """A value was read that nobody gave; also an AttributeError, so that `getattr` defaults work.

    Attributes:
        block: path of the block that read it, where a run knows it.
    """

    block: str | None = None

    def note_block(self, path: str) -> None:
        """Say in the message which block read it; of several around each other, the inner one."""
        if self.block is None:
            self.block, self.args = path, (f"{path}: {self.args[0]}",)
