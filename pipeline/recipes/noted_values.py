"""Writes down what a run is given. What cannot change is held and written when the recipe is read; of the rest, its digest."""

from __future__ import annotations

import base64
import weakref
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define

from ...engine.execution.checkpoint import are_generators
from ...state.digest import NoDigestError, digest_of
from ...state.pipeline_state import describe_value
from ...state.value_data import data_of

if TYPE_CHECKING:
    import torch

_UNCHANGING = (str, int, float, bool, type(None))
AT_ONCE = 1 << 20
"""Bytes of a tensor on the host that are digested when a run begins, in 50 us; larger ones when somebody asks."""
Written = Callable[[], Any]


def noted_inputs(values: Mapping[str, Any]) -> tuple[Written, Written]:
    """Note what a run is given: inputs, and the states of random generators."""
    unchanging: dict[str, Any] = {}
    tensors: dict[str, NotedTensor] = {}
    others: dict[str, Any] = {}
    generators: dict[str, Any] = {}
    met: dict[int, int] = {}
    for name, value in values.items():
        cls = value.__class__
        # By class and not by `isinstance`: a subclass of `str` may have attributes that change.
        if cls in _UNCHANGING:
            unchanging[name] = value
        elif hasattr(cls, "untyped_storage"):
            tensors[name] = NotedTensor.of(value)
        elif are_generators(value):
            generators[name] = _states_of(value, met)
        else:
            others[name] = written_input(value)

    def inputs() -> dict[str, Any]:
        found = {name: {"value": data_of(value)} for name, value in unchanging.items()}
        found |= {name: noted.written() for name, noted in tensors.items()} | others
        return {name: found[name] for name in order}

    # The order in which the values were given, in which recipes are read by people.
    order = [name for name in values if name not in generators]
    return inputs, lambda: {name: [_generator(*each) for each in states] for name, states in generators.items()}


def shared_values(values: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """Return the names of inputs that are one object, which a block may write into under one name and read under the
    other.
    """
    names: dict[int, list[str]] = {}
    for name, value in values.items():
        if value.__class__ not in _UNCHANGING:
            names.setdefault(id(value), []).append(name)
    groups = [sorted(each) for each in names.values() if len(each) > 1]
    return {"shared": sorted(groups)} if groups else {}


@define(eq=False)
class NotedTensor:
    """A tensor that is digested when somebody asks, until when it is held; small ones are digested at once.

    Attributes:
        kind: in words. held: the tensor, or a weak reference. version: how often it had been written into.
    """

    kind: str
    held: Any
    version: int
    digest: str | None = None
    unknown: str | None = None

    @classmethod
    def of(cls, tensor: torch.Tensor, weakly: bool = False) -> NotedTensor:
        """Note a tensor.

        Args:
            weakly: do not keep it alive; when it is gone, nobody can tell any more what it was.
        """
        kind = f"{type(tensor).__name__}[{', '.join(map(str, tensor.shape))}] {tensor.dtype}, {tensor.device}"
        # A tensor of inference mode has no version, and torch raises when it is asked for.
        version = 0 if tensor.is_inference() else tensor._version
        noted = cls(kind, (weakref.ref(tensor) if weakly else tensor), version)
        is_small = tensor.nbytes <= AT_ONCE and tensor.device.type == "cpu"
        if (is_small and not weakly) or tensor.is_inference():  # that of inference mode counts no writing
            noted._settle(tensor)
        return noted

    def written(self) -> dict[str, Any]:
        """Return it as recipes have it."""
        if self.held is not None:
            tensor = self.held() if isinstance(self.held, weakref.ref) else self.held
            if tensor is None:
                self.held, self.unknown = None, "it was gone before anybody asked"
            else:
                self._settle(tensor)
        return {"kind": self.kind, "digest": self.digest, **({"unknown": self.unknown} if self.unknown else {})}

    def _settle(self, tensor: torch.Tensor) -> None:
        self.held = None
        # A digest of now would say that the run had been given what was written later.
        if not tensor.is_inference() and tensor._version != self.version:
            self.unknown = "it was written into before anybody asked"
            return
        try:
            self.digest = digest_of(tensor)
        except NoDigestError as error:
            self.unknown = str(error)


def written_input(value: Any) -> dict[str, Any]:
    """Return a value as data, or what tells it from others."""
    try:
        return {"value": data_of(value)}
    except ValueError:
        is_named = callable(value) and hasattr(value, "__qualname__")  # else its address would stand there
        kind = f"{type(value).__name__} {value.__qualname__}" if is_named else describe_value(value)
    try:
        return {"kind": kind, "digest": digest_of(value)}
    except NoDigestError as error:
        return {"kind": kind, "digest": None, "unknown": str(error)}


def _states_of(value: Any, met: dict[int, int]) -> list[tuple[str, int, Any, int | None]]:
    """Return generators as they are, each with the number of the earlier one that it is, by object, where it is one."""
    found = []
    for part in value if isinstance(value, (list, tuple)) else [value]:
        found.append((str(part.device), part.initial_seed(), part.get_state(), met.get(id(part))))
        met.setdefault(id(part), len(met))
    return found


def _generator(device: str, seed: int, state: torch.Tensor, earlier: int | None) -> dict[str, Any]:
    import torch

    written: dict[str, Any] = {"device": device, "seed": seed}
    # The state of a generator on the CPU is 5 KB, which a recipe in an image has only where the seed does not say it.
    if not torch.equal(torch.Generator(device).manual_seed(seed).get_state(), state):
        written["state"] = base64.b64encode(zlib.compress(state.numpy().tobytes(), 9)).decode()
    return written if earlier is None else {**written, "is": earlier}


def noted_results(values: Mapping[str, Any]) -> Written:
    """Note what a run gave, for who repeats it: a digest of each value, of lists one of each item.

    Large tensors, and those on a device, are digested when somebody asks; when they are gone by then, nobody can tell.
    """
    noted = {name: _noted_result(value) for name, value in values.items()}
    return lambda: {name: _result(each) for name, each in noted.items()}


def _noted_result(value: Any) -> Any:
    if isinstance(value, list):
        return [_noted_result(part) for part in value]
    if hasattr(type(value), "untyped_storage"):
        is_small = value.nbytes <= AT_ONCE and value.device.type == "cpu"
        # Weakly: a recipe that hangs on an image must not keep gigabytes of the run's results alive.
        return NotedTensor.of(value, weakly=not is_small)
    if are_generators(value):
        return None
    try:
        return digest_of(value)
    except NoDigestError:
        return None


def _result(noted: object) -> Any:
    if isinstance(noted, list):
        return [_result(part) for part in noted]
    return noted.written()["digest"] if isinstance(noted, NotedTensor) else noted
