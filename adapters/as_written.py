"""Calls of compiled networks in which somebody changes layers: the parts that hold these run as they were written.

What `torch.compile` has made of a part does not call its layers one by one, so a change of one would not be seen, or compiled anew
for every change. Other threads wait meanwhile: they would find these parts uncompiled, which rounds otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from attrs import define, field

from ..registry.compilation import METHOD, compiled_call, compiled_parts, uncompiled


@define(eq=False)
class _Gate:
    """Lets many through together, or one thread alone, which may come in again.

    Attributes:
        inside: how many are in together. owner: the thread that is in alone, and depth, how often.
    """

    changed: threading.Condition = field(factory=threading.Condition)
    inside: int = 0
    owner: int | None = None
    depth: int = 0

    @contextmanager
    def together(self) -> Iterator[None]:
        me = threading.get_ident()
        with self.changed:
            self.changed.wait_for(lambda: self.owner in (None, me))
            self.inside += 1
        try:
            yield
        finally:
            with self.changed:
                self.inside -= 1
                self.changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        me = threading.get_ident()
        with self.changed:
            self.changed.wait_for(lambda: self.owner == me or (self.owner is None and not self.inside))
            self.owner, self.depth = me, self.depth + 1
        try:
            yield
        finally:
            with self.changed:
                self.depth -= 1
                if not self.depth:
                    self.owner = None
                self.changed.notify_all()


_gates: WeakKeyDictionary[Any, _Gate] = WeakKeyDictionary()
_making = threading.Lock()


def _gate_of(network: Any) -> _Gate:
    with _making:
        return _gates.setdefault(uncompiled(network), _Gate())


@contextmanager
def as_written(network: object, changed: Sequence[Any]) -> Iterator[None]:
    """Until the end of the `with`, let the compiled parts of a network that hold changed modules run as they were written.

    A call in which nothing is changed, which is in it with no modules, waits for those in which something is.
    """
    parts = compiled_parts(network)
    if not parts:
        yield
        return
    gate = _gate_of(network)
    if not changed:
        with gate.together():
            yield
        return
    wanted = {id(module) for module in changed}
    with gate.alone():
        # Looked at again inside: another thread may have been about to put a part back.
        held = [part for part in compiled_parts(network) if any(id(module) in wanted for module in part.modules())]
        before = [(part, _place(part), compiled_call(part)) for part in held]
        try:
            for part, name, call in before:
                vars(part)[name] = _plain(part, call)
            yield
        finally:
            for part, name, call in before:
                vars(part)[name] = call


def _place(part: Any) -> str:
    """Return the attribute in which a compiled call stands."""
    return METHOD if uncompiled(part) is part else "forward"


def _plain(part: Any, call: Any) -> Any:
    """Return what calls a part as it was written, and says of itself how the part is compiled, to threads that look meanwhile."""
    inner = uncompiled(part)
    written = part._call_impl if inner is part else inner.__call__

    @wraps(call)
    def plain(*args: Any, **kwargs: Any) -> Any:
        return written(*args, **kwargs)

    return plain
