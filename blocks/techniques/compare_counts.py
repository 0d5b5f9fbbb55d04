"""Whether two families of one composition are asked for the same number of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...state import Fault
from ..core.block import Block
from ..core.input_checks import asked_counts, counted


class CompareCounts(Block):
    """See that two families are asked for the same number of images, of which the second goes on with those of the first.

    It is bound to the first, and looks at what the caller gives, before anything is computed.

    Attributes:
        counted: names of the inputs that say how many images the second makes; the first of them that is given counts.
    """

    counted: list[str]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of how many images the families would be, where they differ."""
        number = given.get("batch_size")
        numbers = {"batch_size": number} if isinstance(number, int) else {}
        by_first = asked_counts(self.family, given) or numbers or {"batch_size": 1}
        by_second = counted(self.counted, given)
        first, count = next(iter(by_first.items()))
        # A number of images beside texts is another one to keep: the first family does not read it.
        others = dict([*list(by_second.items())[:1], *numbers.items()])
        odd = {name: number for name, number in others.items() if number != count}
        if odd:
            said = ", ".join(f"{name} says {number}" for name, number in odd.items())
            default = " (its default)" if given.get(first) is None else ""
            yield Fault(
                f"The second family goes on with the images of the first, and they differ in number: {first} says {count}{default}, {said}. "
                "Give as many of each; num_images_per_prompt makes several of each.",
                *odd,
                first,
            )

    def run(self) -> None:
        """Nothing: it has been looked at before."""
