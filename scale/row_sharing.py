"""Rows of one run's network calls over several processes: guidance branches and images side by side, under `torchrun`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import xxhash
from attrs import define, field

from ..engine.network_calls import RowArguments, network_calls, rows_declared
from ..engine.serving.merge_key import context_fault, network_fault
from ..engine.serving.merged_arguments import (
    NotMergeableError,
    call_with,
    form_of,
    named_arguments,
    rows_between,
    rows_of,
)
from ..registry import identity_of
from ..state import InputError, RunError
from ..state.digest import NoDigestError, digest_of

if TYPE_CHECKING:
    import torch


@define(eq=False)
class RowSharing:
    """What was shared.

    Attributes:
        rank, processes: the number of this process, and how many there are. shared: calls whose rows were divided. alone: why others were
            made whole by every process, with how many they are.
    """

    rank: int
    processes: int
    shared: int = 0
    alone: Counter[str] = field(factory=Counter)
    _group: Any = None
    _parted: bool = False
    _faults: dict[int, str | None] = field(factory=dict)
    _contents: dict[int, tuple[Any, str]] = field(factory=dict)

    def __call__(
        self, proceed: Callable[..., Any], network: Callable[..., Any], *args: object, **kwargs: object
    ) -> Any:
        """Make a call of the run: a part of its rows here, the others in the other processes."""
        declared = rows_declared()
        if declared is None:  # of a text encoder or a VAE, which is not asked once a step
            return proceed(network, *args, **kwargs)
        try:
            arguments = named_arguments(network, args, kwargs)
            rows = self._rows(network, declared, arguments)
            form_of(arguments, declared, rows)
            # All of it: with one seed and other prompts, the first argument is the same.
            content = digest_of(_on_host(arguments))
        except (NotMergeableError, NoDigestError) as reason:
            # They are asked all the same: one that goes alone must not be waited for by others that do not.
            self._meet(f"{type(network).__name__} as a whole, because {reason}")
            self.alone[str(reason)] += 1
            return proceed(network, *args, **kwargs)
        first = next(iter(arguments.values()))
        self._meet(
            f"{type(network).__name__} with {rows} rows of {tuple(first.shape[1:])}",
            self._content_of(network),
            content,
        )
        starts = [rows * rank // self.processes for rank in range(self.processes + 1)]
        # Of fewer rows than processes, some compute a row that nobody reads: they wait for the others all the same.
        start = min(starts[self.rank], rows - 1)
        mine = rows_between(arguments, declared, start, max(starts[self.rank + 1], start + 1))
        result = call_with(partial(proceed, network), mine)
        self.shared += 1
        counts = [end - begin for begin, end in pairwise(starts)]
        return self._gathered(result, counts)

    def _rows(self, network: Any, declared: RowArguments, arguments: Mapping[str, Any]) -> int:
        if id(network) not in self._faults:
            self._faults[id(network)] = network_fault(network, declared, recompiles=False)
        if reason := self._faults[id(network)] or context_fault(is_compiled=False):
            raise NotMergeableError(reason)
        rows = rows_of(arguments)
        if rows < 2:
            raise NotMergeableError("it has one row")
        return rows

    def _content_of(self, network: Any) -> str:
        if id(network) not in self._contents:
            # Once, because it reads every weight; with the network, so that no other one comes to lie at its place.
            self._contents[id(network)] = network, identity_of(network).digest
        return self._contents[id(network)][1]

    def end(self) -> None:
        """Tell processes that go on that this one does not, so that they end as well and wait for nobody."""
        if not self._parted:
            self._meet("the end of the run")

    def _meet(self, said: str, *contents: Any) -> None:
        """Compare with the other processes what comes next: rows of two different runs would make up a third.

        Args:
            said: in words. contents: what must be alike beside them.
        """
        import torch

        text = repr((said, *contents))
        mine = torch.tensor([xxhash.xxh3_64_intdigest(text.encode()) >> 1], device=_talking_device(self._group))
        every = [torch.empty_like(mine) for _ in range(self.processes)]
        torch.distributed.all_gather(every, mine, group=self._group)
        if all(int(each) == int(every[0]) for each in every):
            return
        self._parted = True
        names: list[Any] = [None] * self.processes
        torch.distributed.all_gather_object(names, said, group=self._group)
        alike = len(set(names)) == 1
        words = (
            f"{names[0]}, and not the same numbers in them, or in the network"
            if alike
            else "; ".join(f"process {i} {each}" for i, each in enumerate(names))
        )
        raise RunError(
            f"The processes do not make the same run: in call {self.shared + self.alone.total() + 1} there is {words}. Give all of them the "
            "same inputs, with one seed=, and the same components."
        )

    def _gathered(self, result: Any, counts: list[int]) -> Any:
        """Return what the network returns for all rows, of what it has returned for those of each process."""
        import torch

        if isinstance(result, Mapping):
            # ModelOutput of transformers, BaseOutput of diffusers.
            return type(result)(**{name: self._gathered(value, counts) for name, value in result.items()})
        if isinstance(result, (list, tuple)):
            return type(result)(self._gathered(value, counts) for value in result)
        if not isinstance(result, torch.Tensor):
            return result
        return self._joined(result, counts)

    def _joined(self, mine: torch.Tensor, counts: list[int]) -> torch.Tensor:
        import torch

        most = max(counts)
        # All send as many rows, of which those behind their own are read by nobody.
        sent = torch.cat([mine, mine[:1].expand(most - len(mine), *mine.shape[1:])]) if len(mine) < most else mine
        every = [torch.empty_like(sent, memory_format=torch.contiguous_format) for _ in counts]
        torch.distributed.all_gather(every, sent.contiguous(), group=self._group)
        return torch.cat([rows[:count] for rows, count in zip(every, counts, strict=True)])


def _on_host(value: Any) -> Any:
    """Return arguments whose tensors are on the host: each process has a device of its own, whose number is no difference."""
    import torch

    if isinstance(value, Mapping):
        return {name: _on_host(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_on_host(each) for each in value]
    return value.detach().to("cpu") if isinstance(value, torch.Tensor) else value


def _talking_device(group: Any) -> torch.device:
    """Return where numbers lie that processes tell each other: of some back ends on an accelerator alone."""
    import torch

    accelerator = torch.accelerator.current_accelerator()
    is_of_host = torch.distributed.get_backend(group) in ("gloo", "mpi")
    return torch.device("cpu") if is_of_host or accelerator is None else accelerator


@contextmanager
def share_rows(group: Any = None) -> Iterator[RowSharing]:
    """Until the end of the `with`, processes of one group divide the rows of each network call of a run, and all get all of them.

    Every process makes the same run, as under `torchrun`: with one image, two processes compute its two branches of guidance at the same
    time, bit for bit as `PredictNoise(batching="sequential")` in one process; other numbers of rows are within rounding. Calls whose rows
    are not independent, or that are told something by row which nothing divides, are made whole by each process (`alone`).

    Args:
        group: of torch.distributed; None is that of all processes.

    Yields:
        RowSharing: how many calls were shared, and why others were not.

    Raises:
        InputError: torch.distributed has not begun. RunError: in a run, or at its end, where the processes do not make the same one.

    Example:
        >>> with share_rows():  # doctest: +SKIP
        ...     image = pipe(prompt="a red circle", seed=3, output="images")[0]
    """
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        raise InputError(
            "share_rows needs processes: start the script by torchrun --nproc_per_node=2, and call "
            "torch.distributed.init_process_group() first."
        )
    count = torch.distributed.get_world_size(group)
    sharing = RowSharing(torch.distributed.get_rank(group), count, group=group)
    # What numbers of rows do to rounding is part of what a recipe says.
    with network_calls(sharing, changes=f"rows over {count} processes" if count > 1 else ""):
        try:
            yield sharing
        except BaseException:
            # It is this error that the caller shall see; the others see that this process came to an end.
            with suppress(RunError):
                sharing.end()
            raise
        sharing.end()
