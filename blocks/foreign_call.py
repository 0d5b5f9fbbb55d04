"""How a property-face block wants to be called: with the whole state or a view, with which loop variables."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen


@frozen
class CallStyle:
    """What the signature of a block's `__call__` says.

    Attributes:
        takes_block_state: its second parameter is named `block_state`, as blocks of loops write it.
        names: loop variables that it takes by name; None takes all (`**kwargs`).
    """

    takes_block_state: bool
    names: frozenset[str] | None

    @classmethod
    def of(cls, block: Any) -> Self:
        """Read the signature of a block's `__call__`."""
        parameters = list(inspect.signature(type(block).__call__).parameters.values())[1:]
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
        return cls(
            takes_block_state=len(named) > 1 and named[1].name == "block_state",
            names=None if takes_all else frozenset(parameter.name for parameter in named[2:]),
        )

    def loop_arguments(self, values: Mapping[str, Any], loop_variables: tuple[str, ...]) -> dict[str, Any]:
        """The loop variables that the block takes, out of those that there are."""
        wanted = loop_variables if self.names is None else [name for name in loop_variables if name in self.names]
        return {name: values[name] for name in wanted}
