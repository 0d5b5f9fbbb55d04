"""What a denoiser is told besides the latents, as one value of named parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from attrs import frozen


@frozen
class Group:
    """Marker of a parameter that stands for one value per field of the family's contract.

    `conditioning: Annotated[Conditioning, Group("denoiser_input_fields")]` reads `prompt_embeds`,
    `negative_prompt_embeds` and so on, each under its own name.

    Attributes:
        name: of the group, as in the contract. side: the values of the positive branch, the negative one, or both.
            Required fields are so on the side that is asked for alone, and on the positive side of both.
    """

    name: str
    side: Literal["both", "positive", "negative"] = "both"


class Conditioning(Mapping[str, Any]):
    """Frozen mapping from the names of a group's values to the values; absent optional ones are not in it."""

    __slots__ = ("_names", "_values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._names = tuple(values)
        self._values = tuple(values.values())

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[self._names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def same_as(self, other: Conditioning | None) -> bool:
        """Return whether every value is the very same object, which is much cheaper than comparing tensors."""
        if other is None or self._names != other._names:
            return False
        return all(mine is theirs for mine, theirs in zip(self._values, other._values, strict=True))

    def __repr__(self) -> str:
        return f"Conditioning({', '.join(self._names)})"
