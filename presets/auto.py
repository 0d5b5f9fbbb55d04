"""Several tasks in one composition: what the caller gives decides what runs.

Where the tasks agree on a block, it is theirs; where they differ, it is a choice, by the inputs that ask for the tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.choice import AutoPipelineBlocks
from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.core.sequential import SequentialPipelineBlocks
from ..state import CompositionError
from .tasks import Blocks

_PLAIN = "plain"
"""The form of a task in which nothing asks for another."""

Block = type[ModularPipelineBlocks]
Row = tuple[tuple[str, Block], ...]
"""Blocks that stand in one place, in a row, by name."""


@frozen
class AutoTask:
    """One of the tasks.

    Attributes:
        name: of its branches. word: for it in names of classes, as in `AutoInpaintDenoise`. blocks: by name.
        trigger: the input that asks for it; None for the task that runs otherwise. requires: inputs that it needs besides.
    """

    name: str
    word: str
    blocks: Mapping[str, Block]
    trigger: str | None = None
    requires: tuple[str, ...] = ()

    def runs_for(self, other: AutoTask) -> bool:
        """Return whether the inputs that ask for another task ask for this one, too."""
        return self.trigger is None or self.trigger in (other.trigger, *other.requires)


@frozen
class AutoForm:
    """Another form of every task, for which an input asks.

    Attributes:
        name: of its branches, and in names of classes. trigger: the input. made: from the blocks of a task to those of this form.
    """

    name: str
    trigger: str
    made: Callable[[Mapping[str, Block]], Mapping[str, Block]]


@frozen
class AutoPlace:
    """What does not follow from the tasks about one place of the composition.

    Attributes:
        word: for it in names of classes, where it is not the place's own name. parts: names of the tasks' blocks that stand
            in it, where these are several. names, triggers, requires: of a choice that goes by something else than the task.
    """

    word: str = ""
    parts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    triggers: tuple[str | None, ...] = ()
    requires: Mapping[str, Sequence[str]] = field(factory=dict)


def auto(
    tasks: Sequence[AutoTask],
    docs: Mapping[str, str],
    namespace: dict[str, Any],
    forms: Sequence[AutoForm] = (),
    places: Mapping[str, AutoPlace] | None = None,
    prefix: str = "",
) -> Blocks:
    """Return the blocks of all tasks, by name. Classes are made for choices, and for what stands in one place of several blocks.

    Args:
        tasks: in the order of priority; the one that runs otherwise is the last. docs: of the classes, by their names without
            the prefix. namespace: the `globals()` of the module whose classes they are: there they are put under their names,
            so that they are imported, pickled and found in files as any other. prefix: of these names.

    Raises:
        CompositionError: a class has no docstring, or a block would also run for a task that does not have it.
    """
    made = _Auto(tuple(tasks), docs, namespace, tuple(forms), places or {}, prefix)
    return InsertableDict({name: made.block(name) for name in made.names()})


@frozen
class _Auto:
    tasks: tuple[AutoTask, ...]
    docs: Mapping[str, str]
    namespace: dict[str, Any]
    forms: tuple[AutoForm, ...]
    places: Mapping[str, AutoPlace]
    prefix: str

    def names(self) -> list[str]:
        """Return the names of the tasks' blocks, each once, after what stands before it; without those that stand beside another."""
        beside = {part for name, place in self.places.items() for part in place.parts if part != name}
        names: list[str] = []
        for task in self.tasks:
            for blocks in self._whole(task).values():
                position = 0
                for name in blocks:
                    if name in beside:
                        continue
                    if name not in names:
                        names.insert(position, name)
                    position = names.index(name) + 1
        return names

    def block(self, name: str) -> Block:
        """Return the block of a name: that of all tasks, or a choice among theirs."""
        place = self.places.get(name, AutoPlace())
        word = place.word or _camel(name)
        groups, is_merged = self._groups(name, place)
        branches = {task.name: self._of_task(word.removeprefix("Prepare"), task, forms) for task, forms in groups}
        if len(groups) == 1 and groups[0][0].trigger is None:
            return branches.popitem()[1]
        triggers = [task.trigger for task, _ in groups]
        # A choice that merges tasks asks less than which task it is: what a task requires is asked where that is chosen.
        requires = {task.name: list(task.requires) for task, _ in groups if task.requires and not is_merged}
        if place.names:
            branches = dict(zip(place.names, branches.values(), strict=True))
            triggers, requires = list(place.triggers), {key: list(each) for key, each in place.requires.items()}
        return self._choice(f"Auto{word}", branches, triggers, requires)

    def _groups(self, name: str, place: AutoPlace) -> tuple[list[tuple[AutoTask, dict[str, Row]]], bool]:
        """Return the tasks that differ in a block, each with its forms of it; neighbours that agree stand under the last of them."""
        groups: list[tuple[AutoTask, dict[str, Row]]] = []
        without: list[AutoTask] = []
        is_merged = False
        for task in self.tasks:
            forms = self._forms(task, place.parts or (name,))
            if not forms:
                without.append(task)
                continue
            odd = [other.name for other in without if task.runs_for(other)]
            if odd:
                raise CompositionError(
                    f"{name!r} of {task.name} would run for {' and '.join(odd)}, too, which has no such block: give it one."
                )
            while groups and groups[-1][1] == forms and task.runs_for(groups[-1][0]):
                groups.pop()
                is_merged = True
            groups.append((task, forms))
        return groups, is_merged

    def _whole(self, task: AutoTask) -> dict[str, Mapping[str, Block]]:
        return {**{form.name: form.made(task.blocks) for form in self.forms}, _PLAIN: task.blocks}

    def _forms(self, task: AutoTask, parts: Sequence[str]) -> dict[str, Row]:
        """Return what of a task stands in a place, by form, without forms that are as the plain one."""
        rows = {
            form: tuple((part, block) for part, block in blocks.items() if part in parts)
            for form, blocks in self._whole(task).items()
        }
        return {form: row for form, row in rows.items() if row and (form == _PLAIN or row != rows[_PLAIN])}

    def _of_task(self, word: str, task: AutoTask, forms: Mapping[str, Row]) -> Block:
        """Return one task's block: a choice where an input asks for another form of it."""
        branches = {
            form: self._row(f"{'' if form == _PLAIN else _camel(form)}{task.word}{word}", row)
            for form, row in forms.items()
        }
        if list(branches) == [_PLAIN]:
            return branches[_PLAIN]
        triggers = {form.name: form.trigger for form in self.forms}
        return self._choice(f"Auto{task.word}{word}", branches, [triggers.get(form) for form in branches], {})

    def _row(self, name: str, row: Row) -> Block:
        """Put blocks one after the other; one alone is itself."""
        if len(row) == 1:
            return row[0][1]
        return self._class(SequentialPipelineBlocks, name, {part.removeprefix("prepare_"): each for part, each in row})

    def _choice(
        self, name: str, branches: Mapping[str, Block], triggers: list[str | None], requires: dict[str, list[str]]
    ) -> Block:
        body = {"block_trigger_inputs": triggers, **({"block_requires": requires} if requires else {})}
        return self._class(AutoPipelineBlocks, name, branches, **body)

    def _class(self, base: Block, name: str, blocks: Mapping[str, Block], **body: object) -> Block:
        if name not in self.docs:
            raise CompositionError(f"{name} ({', '.join(blocks)}) has no docstring: say in docs what it does.")
        body |= {"block_classes": list(blocks.values()), "block_names": list(blocks)}
        own = {"__module__": self.namespace["__name__"], "__doc__": self.docs[name]}
        made = type(f"{self.prefix}{name}", (base,), {**own, **body})
        self.namespace[made.__name__] = made
        return made


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
