"""The values of a run as a listener is shown them after a step: to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from ...state import InputError
from ...state.pipeline_state import describe_value


def block_advice(after: str) -> str:
    """Say what changes values of a loop, and where it is put.

    Args:
        after: path of the last block of the loop.
    """
    return f"What changes values is a block in the loop: pipe.blocks.insert_after({after!r}, 'mine', MyBlock)"


class StepValues(Mapping[str, Any]):
    """A view of the run's own values that cannot be written to.

    Args:
        values: of the run. after: path of the block behind which one that changes values would stand.
    """

    def __init__(self, values: Mapping[str, Any], after: str) -> None:
        self._values = values
        self._after = after

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {describe_value(value)}" for name, value in self._values.items())

    def _refuse(self, *names: object, **_: object) -> NoReturn:
        name = names[0] if names and isinstance(names[0], str) else next(iter(self._values), "value")
        raise InputError(
            f"The values of a step are to look at; setting them changes no run. {block_advice(self._after)}, with "
            f"run(self, {name}: ...) that returns self.Out({name}=...)."
        )

    __setitem__ = __delitem__ = pop = popitem = clear = update = setdefault = __ior__ = _refuse
