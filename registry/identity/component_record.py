"""What was seen of a component when it was last looked at, by which a later look tells in little time whether it was changed."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...state.digest import code_identity
from ..notes import notes_of
from .component_notes import TRAINED
from .library_code import are_same, watch_classes
from .module_settings import HOOKS, Settings, read_settings
from .tensor_content import TensorContent, tensors_of

if TYPE_CHECKING:
    import torch

    from .component_identity import Identity

RECORD = "_brickwork_identity"
DECLARED = "_brickwork_declared"
AS_MADE = "_brickwork_as_made"
_PROBES = 16
"""Tensors of which a plain run compares the first bytes, so that it sees training that goes past torch's counters."""


@define(eq=False)
class Record:
    """Keeps what is known of one component; it is a note on the component, and goes with it.

    Attributes:
        own: attributes of the component. bodies: of the modules below it, and what holds modules, tensors and hooks.
        inside: what was in the bodies. classes: of the modules. tensors: those of `named`. probe: first bytes of some tensors.
        moment: another object after every change that left a trace.
    """

    identity: Identity | None = None
    settings: Settings | None = None
    named: list[tuple[str, Any]] = field(factory=list)
    tensors: list[Any] = field(factory=list)
    content: TensorContent = field(factory=TensorContent)
    own: list[Any] = field(factory=list)
    bodies: list[Any] = field(factory=list)
    modules: list[Any] = field(factory=list)
    inside: list[Any] = field(factory=list)
    classes: list[type] = field(factory=list)
    stamps: list[Any] = field(factory=list)
    probe: bytes = b""
    moment: object = field(factory=object)
    # Several runs may ask for one model at once. Re-entrant, because the settings of a module may name its own
    # network.
    lock: Any = field(factory=threading.RLock)

    # A copy of a model starts without a record: what is known holds for these tensors at these addresses.
    def __deepcopy__(self, memo: object) -> Record:
        return Record()

    def __reduce__(self) -> Any:
        return Record, ()


def record_of(component: object) -> Record:
    """Return the record of a component, which is empty at first."""
    notes = notes_of(component)
    record: Record | None = notes.get(RECORD)
    # Past `__setattr__`, which modules and frozen classes have made their own; two threads that ask first get one record, and its lock.
    return notes.setdefault(RECORD, Record()) if record is None else record


def settings_of(model: torch.nn.Module) -> Mapping[str, str]:
    """Digest the settings of a network, without a look at its weights; `identity_of` then need not read them again.

    Raises:
        NoDigestError: nothing tells what it computes.
    """
    record = record_of(model)
    with record.lock:
        if record.settings is None or not is_as_read(model, record):
            read_anew(model, record)
            record.moment = object()
        assert record.settings is not None
        return record.settings.digests


def is_as_read(model: torch.nn.Module, record: Record) -> bool:
    """Return whether the tree of modules, and what lies on it, are as they were read."""
    settings = record.settings
    if settings is None or not are_same(own_attributes(model), record.own):
        return False
    # The order is from cheap to dear. That lists of referents hold the same objects says that nothing was replaced on
    # any module, without naming a single attribute.
    return (
        list(map(type, record.modules)) == record.classes
        and are_same(gc.get_referents(*record.bodies), record.inside)
        and settings.watch.holds()
        and all(code_identity(cls) == code for cls, code in settings.codes)
    )


def read_anew(model: torch.nn.Module, record: Record) -> None:
    """Read the settings of a network, and note what tells whether they still hold."""
    # First of all: should reading fail half way, nothing half-read must count as known.
    record.settings = record.identity = None
    settings = read_settings(model)
    # Before anything else is looked at: a change in between is then seen at the next look, instead of being taken for
    # the state that was read.
    settings.watch.measure()
    modules = list(model.modules())
    watch_classes({type(module) for module in modules})
    note_tensors(record, model)
    record.own = own_attributes(model)
    # The model's own attributes are left out: this record is one of them, and would hold the model.
    record.bodies = [vars(module) for module in modules[1:]]
    record.bodies += [
        vars(module)[name] for module in modules for name in ("_modules", "_parameters", "_buffers", *HOOKS)
    ]
    record.modules = modules[1:]
    record.classes = list(map(type, record.modules))
    # This list keeps replaced objects alive, so that none of their addresses is given to a new one.
    record.inside = gc.get_referents(*record.bodies)
    record.settings = settings


def note_tensors(record: Record, model: Any) -> None:
    """Note which tensors a network has."""
    record.named = tensors_of(model)
    record.tensors = [tensor for _, tensor in record.named]


def own_attributes(model: object) -> list[Any]:
    """Return the class of a component, and its attributes without notes that say nothing of it."""
    # Copied, here and wherever attributes are gone through: another thread may begin or end to watch the component meanwhile.
    held = vars(model).copy().items()
    return [
        type(model),
        *(part for name, value in held if name not in (RECORD, DECLARED, AS_MADE, TRAINED) for part in (name, value)),
    ]


def probe_tensors(tensors: Sequence[Any]) -> bytes:
    """Return the first bytes of a few tensors on the host; those on a device would have to be waited for."""
    some = tensors[:: max(1, len(tensors) // _PROBES)]
    # A read past the end of a tensor's memory would end the process, so only tensors without gaps are read.
    near = [tensor for tensor in some if tensor.device.type == "cpu" and tensor.is_contiguous()]
    return b"".join([ctypes.string_at(tensor.data_ptr(), min(64, tensor.nbytes)) for tensor in near])
