"""Settings of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from attrs import field, frozen

from ..state import InputError
from ..state.errors import did_you_mean, nearest
from .cache import MemoryCache, cache_of
from .events import Emit
from .listener_faults import listener_fault

if TYPE_CHECKING:
    import attrs

GradMode = Literal["no_grad", "inference", "inherit"]


class SnapshotTaker(Protocol):
    """Takes snapshots of a run."""

    def taker(self, begun: Any) -> Any:
        """Make, for one run, what is called with the position and the values after every block and every iteration."""
        ...


class CallSharing(Protocol):
    """Lets runs share forwards of their networks: `brickwork.Merger`."""

    bucket: int | None

    @property
    def identity(self) -> str:
        """What results hang on, for the cache and for recipes."""
        ...

    def joined(self, is_cancelled: Callable[[], bool]) -> Any:
        """Return a context manager for a run that takes part; it gives the run's part."""
        ...


def _grad_mode(given: bool | GradMode) -> GradMode:
    # As `torch.set_grad_enabled` is told.
    if isinstance(given, bool):
        return "inherit" if given else "no_grad"
    return given


def _listeners(given: object) -> Any:
    # What is no list stays as it is, so that the validator can name what was given.
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, (str, Mapping)) else given


def _is(holds: Callable[[Any], bool], words: str) -> Any:
    """Return a validator that says what a setting is."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not holds(value):
            raise InputError(f"{field.name}={value!r:.100}: it is {words}.")

    return check


def _one_of(*names: str) -> Any:
    """Return a validator that says which names there are, and the nearest."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if value not in names:
            near = nearest(value, names) if isinstance(value, str) else None
            said = f" Did you mean {near!r}?" if near else ""
            raise InputError(f"{field.name}={value!r:.100}: it is {' or '.join(map(repr, names))}.{said}")

    return check


def _check_listeners(_: object, _field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple):
        raise InputError(f"listeners={value!r:.100}: it is a list of functions that take an event.")
    faults = [fault for each in value if (fault := listener_fault(each)) is not None]
    if faults:
        raise InputError(" ".join(faults))


def _check_bar(_: object, _field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, Mapping):
        raise InputError(f"progress_options={value!r:.100}: it is a dict of options by name.")
    if not value:
        return
    from tqdm import tqdm

    known = list(inspect.signature(tqdm.__init__).parameters)[1:]
    faults = [
        f"Progress bars have no option {name!r}. {did_you_mean(str(name), known)}"
        for name in value
        if name not in known
    ]
    if faults:
        raise InputError(" ".join(faults))


_BOOL = _is(lambda value: isinstance(value, bool), "True or False")
_OPTIONS = _is(lambda value: isinstance(value, Mapping), "a dict of options by name")
_TAKER = _is(
    lambda value: value is None or (callable(getattr(value, "taker", None)) and not isinstance(value, type)),
    'a brickwork.Snapshots, as in Snapshots("run.safetensors", every=5), or None',
)

_MERGER = _is(
    lambda value: value is None or (callable(getattr(value, "joined", None)) and not isinstance(value, type)),
    "a brickwork.Merger, as in Merger(rows=16), or None",
)


@frozen
class RunSettings:
    """Says how a pipeline runs.

    Attributes:
        check_values: look at class, number format and named dimensions of tensors that blocks read and write.
        check_in_place: for debugging: refuse a block that changes a value in place instead of writing a new one.
        load: "before" wants every component loaded when a run begins; "on demand" loads one when a step first needs it.
        load_options: for components that are loaded on demand, such as `{"dtype": torch.float16}`.
        residency: "stay" keeps components loaded; "just in time" loads each for its steps and frees it after the last,
            so that memory holds the largest step and not the sum.
        grad: "no_grad" records no gradients; "inference" is torch's inference mode; "inherit" leaves it to the caller. True
            and False stand for "inherit" and "no_grad".
        identity: how components are told apart where cache, snapshots or witness want it: "usual" reads models below 256 MB
            whole at every run, and of larger ones, whose stamps have not moved, samples and further chunks in turn; "full"
            reads every byte at every run, also for recipes.
        witness: note in the recipe what every block gave, in every iteration, so that `replay` can name the first that
            gives something else.
        snapshots: what takes them while a run goes on; see `brickwork.Snapshots`.
        cache: None (or "off"); a `MemoryCache`, or "memory" for one with 2 GB; a `DiskCache` for files that other processes use, too.
        merge: a `Merger` that lets runs share forwards of their networks, in one pipeline or several; see `brickwork.Merger`.
        listeners: functions that take every event of a run; see `brickwork.engine.events`.
        device_times: tell listeners what blocks and iterations take on the device, too, by its own clock (`DeviceTimed`); the
            run waits for the device at its end, and nowhere else.
        progress: show a progress bar over the steps of loops.
        progress_options: arguments for tqdm, such as `desc` or `leave`.
    """

    check_values: bool = field(default=True, validator=_BOOL)
    check_in_place: bool = field(default=False, validator=_BOOL)
    load: Literal["before", "on demand"] = field(default="before", validator=_one_of("before", "on demand"))
    load_options: dict[str, Any] = field(factory=dict, validator=_OPTIONS)
    residency: Literal["stay", "just in time"] = field(default="stay", validator=_one_of("stay", "just in time"))
    grad: GradMode = field(
        default="no_grad", converter=_grad_mode, validator=_one_of("no_grad", "inference", "inherit")
    )
    identity: Literal["usual", "full"] = field(default="usual", validator=_one_of("usual", "full"))
    witness: bool = field(default=False, validator=_BOOL)
    snapshots: SnapshotTaker | None = field(default=None, validator=_TAKER)
    cache: MemoryCache | None = field(default=None, converter=cache_of)
    merge: CallSharing | None = field(default=None, validator=_MERGER)
    listeners: tuple[Emit, ...] = field(default=(), converter=_listeners, validator=_check_listeners)
    device_times: bool = field(default=False, validator=_BOOL)
    progress: bool = field(default=True, validator=_BOOL)
    progress_options: dict[str, Any] = field(factory=dict, validator=_check_bar)
