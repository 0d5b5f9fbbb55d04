"""Says in which iteration of a loop a value that it carries stopped being finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...state.user_warnings import user_warning
from ..events import RunWarning
from ..nodes import Values


class FiniteWatch:
    """Watches the values that a loop hands from iteration to iteration. The sums stay on the device until the loop is done."""

    def __init__(self, path: str, names: tuple[str, ...], first: int = 0) -> None:
        self._path = path
        self._first = first
        self._names = names
        self._sums: dict[str, list[Any]] = {}
        self._wide: dict[Any, Any] = {}

    def look(self, values: Values) -> None:
        """Note a number that is finite only if all of a value is."""
        for name in self._names:
            value: Any = values.get(name)
            kind = value.__class__, getattr(value, "dtype", None)
            if kind not in self._wide:
                self._wide[kind] = _wide(value)
            wide = self._wide[kind]
            if wide is not None:
                value = value.detach() if value.requires_grad else value
                # A sum is finite only if every number is, and one sum stays on the device: asking for its value in
                # each iteration would make the CPU wait for the GPU.
                self._sums.setdefault(name, []).append(value.sum(dtype=wide))

    def report(self, tell: Callable[[RunWarning], None] | None = None) -> None:
        """Warn of the first iteration in which a value was not finite, and tell those who listen."""
        import torch

        # One transfer for all iterations.
        for name, sums in self._sums.items():
            found = torch.stack(sums).isfinite()
            if not bool(found.all()):
                iteration = self._first + int((~found).nonzero()[0])
                text = (
                    f"{name} is not finite since {self._path}.step[{iteration}]: it holds NaN or infinity. Usual causes are a "
                    "number format that is too small for the model (try float32 or bfloat16) and a guidance scale that is "
                    "too large."
                )
                user_warning(text, RuntimeWarning)
                if tell is not None:
                    tell(RunWarning(f"{self._path}.step[{iteration}]", text))


def _wide(value: Any) -> Any:
    """Return numbers whose sums do not overflow, as those of half precision do at 65,504; None of what is no tensor of fractions."""
    import torch

    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return None
    return torch.float32 if value.dtype in (torch.float16, torch.bfloat16) else value.dtype
