"""Parts of blocks: what several blocks have in common besides a method, with inputs and components of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ...engine import Node
from ...state import CompositionError, DeclarationError
from .declaration import read_class
from .flattening import Flattening
from .signature_block import SignatureBlock


class BlockPart(SignatureBlock):
    """A part of a block. Parameters of `prepare` are inputs of each block that lists the class in its `parts`.

    `component()` attributes are the block's components, too. `self.<component>` of an instance in `bound_parts` is the
    component itself.
    """

    _is_framework_base: ClassVar[bool] = True

    if TYPE_CHECKING:

        def prepare(self, *args: Any, **kwargs: Any) -> Any:
            """Make, of the inputs that are declared here, what the block then uses."""
            ...

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "_is_framework_base" in cls.__dict__:
            return
        if not hasattr(cls, "prepare"):
            raise DeclarationError(f"{cls.__qualname__} defines no `prepare`.")
        cls.declaration = read_class(cls, SignatureBlock, "prepare", "Out")

    @classmethod
    def known_of(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of a block's components and configs that the part declares."""
        declared = cls.declaration
        return {name: value for name, value in given.items() if name in declared.components or name in declared.configs}

    def prepared(self, values: Mapping[str, Any]) -> Any:
        """Call `prepare` with those of the block's values that it declares; what is not there keeps its default."""
        names = {each.own or each.name: each.name for each in self.declaration.parameters}
        return self.prepare(**{own: values[name] for own, name in names.items() if name in values})

    def steps(self, flattening: Flattening, path: str) -> list[Node]:  # noqa: ARG002 - as in the base
        """Refuse to be a step.

        Raises:
            CompositionError: always.
        """
        name = type(self).__name__
        raise CompositionError(
            f"{path or name}: {name} is a part of a block, and no block; write PredictNoise.plus({name}), or list it in the "
            "`parts` of a class of your own."
        )
