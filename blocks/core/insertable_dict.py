"""An ordered dict of blocks that is edited by name."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

from ...state import CompositionError
from ...state.errors import Later, did_you_mean, named_thing, nearest

V = TypeVar("V")
NOWHERE: Any = object()
"""In the place of a position that was not given."""


class InsertableDict(dict[str, V], Generic[V]):
    """Names to blocks (classes or instances), in the order in which they run.

    `insert`, `insert_before`, `insert_after` and `replace` return the dict, so that calls can be chained. A block that is
    inserted again under its name is moved; another block is refused there. A path such as "denoise.denoiser" reaches into
    nested containers.

    Example:
        >>> steps = InsertableDict(encode="E", decode="D")
        >>> steps.insert_before("decode", "denoise", "N")
        InsertableDict(encode='E', denoise='N', decode='D')
    """

    _has_paths: ClassVar[bool] = False
    """Whether names may be paths."""

    def insert(self, name: str, block: V, index: int = NOWHERE) -> Self:
        """Put a block at a position; the last positions are reached by negative numbers, as in lists.

        Raises:
            CompositionError: the index is no whole number, or another block has that name.
        """
        place = _position(index, self._new_name(name, block, "insert(name, block, index)"), self)
        # Without the name first, so that the index counts the others, and a block can be moved by inserting it again.
        items = [(key, value) for key, value in self.items() if key != name]
        items.insert(place, (name, block))
        return self._refill(items)

    def insert_before(self, anchor: str, name: str, block: V) -> Self:
        """Put a block before another."""
        return self._at(anchor, lambda parent, leaf: parent._beside(leaf, name, block, 0, "insert_before"))

    def insert_after(self, anchor: str, name: str, block: V) -> Self:
        """Put a block after another."""
        return self._at(anchor, lambda parent, leaf: parent._beside(leaf, name, block, 1, "insert_after"))

    def replace(self, name: str, block: V) -> Self:
        """Put a block in the place of another, under the same name."""

        def put(parent: InsertableDict[V], leaf: str) -> None:
            dict.__setitem__(parent, parent._known(leaf), parent._taken(leaf, block))
            parent._edited()

        return self._at(name, put)

    def copy(self) -> InsertableDict[V]:
        """Return a dict of its own with the same blocks."""
        return InsertableDict(self)

    def __getitem__(self, path: str) -> V:
        # Before it is split: a name may hold a dot if somebody has made it so.
        if _text(path) in self:
            return super().__getitem__(path)
        head, _, rest = path.partition(".")
        block = super().__getitem__(self._known(head))
        return self._inner(block, path)[rest] if rest else block

    def __setitem__(self, path: str, block: V) -> None:
        parent, name = self._place(path)
        if parent is not self:
            parent[name] = block
        else:
            super().__setitem__(path, self._taken(path, block))
            self._edited()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(Later(lambda: instead_of_attribute(self, name, "sub_blocks")))

    def pop(self, path: str = NOWHERE, *default: object) -> Any:
        """Remove a block and return it."""
        if path is NOWHERE:
            raise CompositionError(f"pop(name) wants the name of a block. There are: {', '.join(self)}.")
        parent, name = self._place(path)
        if parent is not self:
            return parent.pop(name, *default)
        if path not in self and not default:
            self._known(path)
        found = super().pop(path, *default)
        self._edited()
        return found

    def _ipython_key_completions_(self) -> list[str]:
        return [
            path for name, block in self.items() for path in (name, *(f"{name}.{each}" for each in _paths_in(block)))
        ]

    def __repr__(self) -> str:
        names = {name: getattr(block, "__name__", None) or repr(block) for name, block in self.items()}
        if not any("\n" in text for text in names.values()):
            return f"InsertableDict({', '.join(f'{name}={text}' for name, text in names.items())})"
        return f"InsertableDict({', '.join(f'{name}={type(block).__name__}' for name, block in self.items())})"

    def _known(self, name: str) -> str:
        if name not in self:
            raise CompositionError(f"There is no block {name!r} here. {did_you_mean(name, self)}")
        return name

    def _at(self, path: str, edit: Callable[..., Any]) -> Self:
        edit(*self._place(path))
        return self

    def _place(self, path: str) -> tuple[Any, str]:
        """Return the dict that holds what a path names, or would hold it, and the name in it."""
        head, _, leaf = _text(path).rpartition(".")
        return (self._inner(self[head], path) if head else self), leaf

    def _new_name(self, name: object, block: object, call: str) -> str:
        """Return the name under which a block is put in, if it may be."""
        if not isinstance(name, str):
            raise CompositionError(f"{call} wants a name, which is text, in the place of {named_thing(name)}.")
        if name in self and self[name] is not block:
            raise CompositionError(
                f"There is already a block {name!r}. Put one in its place with replace({name!r}, block), or give the new one "
                "another name."
            )
        if "." in name and name not in self and not self._has_paths:
            leaf = name.rpartition(".")[2]
            raise CompositionError(
                f"A block cannot be named {name!r}: a dot is for paths, from a container to a block in it. Give a name without a dot, and say "
                f"where it goes by the path of its neighbour, as in insert_before('denoise.denoiser', {leaf or 'name'!r}, block)."
            )
        return name

    def _beside(self, anchor: str, name: str, block: V, offset: int, method: str) -> None:
        self._known(anchor)
        self._new_name(name, block, f"{method}(anchor, name, block)")
        if name == anchor:
            raise CompositionError(f"There is already a block {name!r}, and it cannot be put beside itself.")
        items = [(key, value) for key, value in self.items() if key != name]
        position = [key for key, _ in items].index(anchor)
        items.insert(position + offset, (name, block))
        self._refill(items)

    def _refill(self, items: list[tuple[str, V]]) -> Self:
        # All are looked at first: a block that is refused leaves the dict as it was.
        taken = [(name, self._taken(name, block)) for name, block in items]
        dict.clear(self)
        dict.update(self, taken)
        self._edited()
        return self

    def _edited(self) -> None:
        """Do whatever is to happen after an edit."""

    def _taken(self, _name: str, block: V) -> V:
        """Return what is put in for a block that is handed over."""
        return block

    @staticmethod
    def _inner(block: object, path: str) -> Any:
        inner = getattr(block, "sub_blocks", None)
        if not isinstance(inner, Mapping) or isinstance(block, type):
            raise CompositionError(f"{path!r} reaches into {block!r}, which holds no blocks that can be edited.")
        return inner


class SharedBlocks(InsertableDict[V]):
    """Blocks that everybody in the process sees: a preset. It refuses to be edited; a copy is edited in its place.

    Attributes:
        title: under which people know it, for the refusal.
    """

    def __init__(self, title: str, blocks: Mapping[str, V]) -> None:
        super().__init__(blocks)
        self.title = title

    def __copy__(self) -> InsertableDict[V]:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> InsertableDict[V]:
        return InsertableDict({name: copy.deepcopy(block, memo) for name, block in self.items()})

    def __reduce__(self) -> Any:
        return InsertableDict, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> Any:
        raise CompositionError(
            f"{self.title} is shared by all who import it, and is not edited. Edit a copy, blocks = {self.title}.copy(), or a "
            f"composition, blocks = SequentialPipelineBlocks.from_blocks_dict({self.title})."
        )

    insert = insert_before = insert_after = replace = __setitem__ = __delitem__ = _refuse
    pop = popitem = clear = update = setdefault = __ior__ = _refuse


_OF_LISTS = {
    "append": "insert({name!r}, Block, {count})",
    "add": "insert({name!r}, Block, {count})",
    "extend": "insert({name!r}, Block, {count})",
    "remove": "pop({last!r})",
    "index": "list({where}).index({last!r})",
    "move": "insert({last!r}, {where}[{last!r}], 0)",
    "rename": "insert({name!r}, {where}.pop({last!r}), {before})",
}
"""Methods of lists and of what people think of, with what is written for them here."""


def instead_of_attribute(blocks: Mapping[str, Any], name: str, where: str) -> str:
    """Say what is written for an attribute that something with blocks does not have.

    Args:
        blocks: by name. where: what the dict of blocks is called.
    """
    said = f"{where} has no attribute {name!r}."
    if name in blocks:
        return f"{said} Blocks are read by name: {where}[{name!r}]."
    if name in _OF_LISTS:
        last = next(reversed(list(blocks)), "decode")
        return f"{said} Write {where}.{_OF_LISTS[name].format(name='my_block', last=last, count=len(blocks), before=max(0, len(blocks) - 1), where=where)}."
    match = nearest(name, [*blocks, *(each for each in dir(InsertableDict) if not each.startswith("_"))])
    if match in blocks:
        return f"{said} Did you mean {where}[{match!r}]?"
    return f"{said} Did you mean {match!r}?" if match else f"{said} Its blocks are {', '.join(blocks) or 'none'}."


def _paths_in(block: object) -> list[str]:
    inner = getattr(block, "sub_blocks", None)
    return inner._ipython_key_completions_() if isinstance(inner, InsertableDict) else []


def _text(path: object) -> str:
    if not isinstance(path, str):
        raise CompositionError(
            f"A block is named by text, a name or a path such as 'denoise.denoiser', and this is {named_thing(path)}."
        )
    return path


def _position(given: Any, name: str, known: Iterable[str]) -> int:
    try:
        return operator.index(given)
    except TypeError:
        beside = f"insert_before({given if isinstance(given, str) else next(iter(known), 'decode')!r}, {name!r}, block)"
        said = "has no position" if given is NOWHERE else f"has {given!r} for its position"
        raise CompositionError(
            f"insert({name!r}, block) {said}. Give an index, as in insert({name!r}, block, 0), or name its neighbour: {beside}."
        ) from None
