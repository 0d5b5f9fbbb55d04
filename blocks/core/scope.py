"""`Scope`: blocks with values of their own, so that one composition can hold two of the same."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

from attrs import evolve

from ...engine import BlockNode, Node, Run
from ...engine.conditions import NEVER
from ...engine.nodes import Call, Presence, Values, leaves
from ...engine.scoped_names import forget_scope
from ...registry import ComponentSpec
from ...state import CompositionError, ConfigSpec, DeclarationError, InputParam, OutputParam, PipelineState
from ...state.errors import did_you_mean
from .base import ModularPipelineBlocks
from .container import AnyBlock, Container, SubBlocks
from .declaration import Declaration
from .flattening import Flattening, joined, walk
from .interface import merged_inputs
from .scope_names import ScopeNames, renamed_spec, root_path
from .scoped_steps import scoped_step
from .sequential import SequentialPipelineBlocks
from .signature_block import SignatureBlock

_MAPS = {"inputs": "a value", "outputs": "a value", "components": "a component"}
"""What each mapping is of."""
_VERBS = {"inputs": "reads", "outputs": "writes", "components": "uses"}
"""What blocks do with a name in each of them."""


class Scope(Container, SignatureBlock):
    """Runs its blocks in order, over values of their own. Mappings say what comes in and what leaves, each from the name that the blocks
    in it use to the name outside.

    A value that no block in it writes is shared: it is read from outside under its own name, unless `inputs` names another. A value
    that a block in it writes is private: it comes in only by `inputs`, and leaves only by `outputs`; else it is not there when the scope
    begins, and gone when it ends. Loop variables count as written. Components and configs are shared; `components` gives a component
    another name outside, so that a scope has a scheduler, guider or network of its own. Where a repository has none of that name, such a
    component is from where the one with the inner name is.

    Args:
        inputs: the name inside to the name outside. outputs: the same. components: the same, of components.

    Raises:
        DeclarationError: a mapping is not from names to names, or two values would leave under one name.

    Example:
        >>> twice = Scope.from_blocks_dict({"one": AddOne, "two": AddOne}, inputs={"x": "start"}, outputs={"x": "other"})
        >>> blocks = SequentialPipelineBlocks.from_blocks_dict({"add": AddOne, "twice": twice})
        >>> blocks.init_pipeline()(x=1, start=10, output=["x", "other"])
        {'x': 2, 'other': 12}
    """

    _is_framework_base: ClassVar[bool] = True
    declaration: ClassVar[Declaration] = Declaration((), None, {}, {}, {"inputs": {}, "outputs": {}, "components": {}})

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for name in _MAPS:
            if isinstance(vars(cls).get(name), Mapping):
                raise DeclarationError(
                    f"{cls.__qualname__}.{name}: the mappings of a scope are given when one is made, {cls.__name__}({name}={{...}})."
                )

    def __init__(self, **settings: Any) -> None:
        Container.__init__(self)
        # Copies: the caller's dicts are the caller's.
        copies = {name: dict(value) if isinstance(value, Mapping) else value for name, value in settings.items()}
        SignatureBlock.__init__(self, **copies)

    @classmethod
    def from_blocks_dict(
        cls,
        blocks_dict: Mapping[str, AnyBlock],
        description: str | None = None,
        inputs: Mapping[str, str] = {},
        outputs: Mapping[str, str] = {},
        components: Mapping[str, str] = {},
    ) -> Self:
        """Make a scope of named blocks, classes or instances; the mappings as in the class."""
        scope = cls(inputs=inputs, outputs=outputs, components=components)
        scope.sub_blocks = SubBlocks(blocks_dict)
        if description is not None:
            scope.description = description
        return scope

    def _option_fault(self, name: str, value: object) -> str | None:
        """Say what is wrong with a mapping."""
        kind = _MAPS[name]
        where = f"{type(self).__name__}: {name} is {value!r:.200}"
        if not isinstance(value, dict):
            return f"{where}; it is a dict from the name of {kind} inside to its name outside."
        odd = [each for each in [*value, *value.values()] if not (isinstance(each, str) and each.isidentifier())]
        if odd:
            return f"{where}; {odd[0]!r} is no name of {kind}."
        twice = [outside for outside, count in Counter(value.values()).items() if count > 1]
        if name == "outputs" and twice:
            return f"{where}; two values would leave as {twice[0]!r}. Give each a name of its own."
        return None

    @property
    def mapped_inputs(self) -> dict[str, str]:
        """Values that come in: the name inside to the name outside."""
        return dict(self.options["inputs"])

    @property
    def mapped_outputs(self) -> dict[str, str]:
        """Values that leave: the name inside to the name outside."""
        return dict(self.options["outputs"])

    @property
    def mapped_components(self) -> dict[str, str]:
        """Components with another name outside: the name inside to that."""
        return dict(self.options["components"])

    @property
    def inputs(self) -> list[InputParam]:
        """What the blocks read from outside, by the names there."""
        names = self.names_at("")
        params = Container.inputs.__get__(self)
        outside = ((param, param.name and names.outside(param.name)) for param in params)
        return merged_inputs(
            [evolve(param, name=name) for param, name in outside if param.name is None or name is not None]
        )

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """What leaves, by the names outside."""
        known = {output.name: output for output in Container.intermediate_outputs.__get__(self)}
        return [
            evolve(known.get(name, OutputParam(name)), name=outside) for name, outside in self.mapped_outputs.items()
        ]

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Components of all blocks in it, by the names outside."""
        mapped = self.mapped_components
        specs = Container.expected_components.__get__(self)
        found = [renamed_spec(spec, mapped[spec.name]) if spec.name in mapped else spec for spec in specs]
        return list({str(spec.name): spec for spec in found}.values())

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        """Settings of all blocks in it, which are those of the whole pipeline."""
        configs: list[ConfigSpec] = Container.expected_configs.__get__(self)
        return configs

    def identity(self, configs: Mapping[str, Any]) -> Any:
        """Return what says which code runs, for foreign code that runs the scope as one of its blocks."""
        return ModularPipelineBlocks.identity(self, configs)

    def names_at(self, path: str) -> ScopeNames:
        """Return the names of the scope where it stands at a path."""
        written = set(_written_in(self, is_in_loop=False))
        let_in = self.mapped_inputs
        if any(_is_foreign(block) for _, block in walk(self)):
            # Foreign code writes also what it does not declare. So all that is read comes in as the scope's own, and who reads it behind
            # such a block finds what that has written, as without a scope.
            let_in = {**{name: name for name in sorted({*_read_in(self)} - written)}, **let_in}
        return ScopeNames(
            path or root_path(self),
            frozenset(written | let_in.keys()),
            let_in,
            self.mapped_outputs,
            self.mapped_components,
        )

    def _known_inside(self) -> dict[str, set[str]]:
        """Return, for each mapping, the names that mean something inside."""
        return {
            "inputs": set(_read_in(self)),
            "outputs": set(_written_in(self, is_in_loop=False)),
            "components": {str(spec.name) for spec in Container.expected_components.__get__(self)},
        }

    def mapping_faults(self, path: str) -> Iterator[str]:
        """Yield which names of the mappings mean nothing in the scope."""
        where = path or type(self).__name__
        for mapping, known in self._known_inside().items() if self.sub_blocks else ():
            for name, outside in self.options[mapping].items():
                if name not in known:
                    near = did_you_mean(name, known)
                    yield f"{where}: {mapping} names {name!r} (outside {outside!r}), which no block in it {_VERBS[mapping]}. {near}"

    def decided(self, flattening: Flattening) -> ModularPipelineBlocks:
        """Return the scope over blocks whose choices are decided, without mappings of what only other branches know."""
        result = copy.copy(self)
        result.sub_blocks = self.decided_parts(flattening.entered(self.names_at("")))
        for mapping, known in result._known_inside().items():
            result.__dict__[mapping] = {n: outside for n, outside in self.options[mapping].items() if n in known}
        flattening.note_written(self.mapped_outputs.values())
        return result if result.sub_blocks else SequentialPipelineBlocks()

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return the steps of all blocks under private names, between one that lets values in and one that lets them out."""
        where = path or type(self).__name__
        if not self.sub_blocks:
            raise CompositionError(f"{where} is empty: it has no blocks to run.")
        flattening.faults += self.mapping_faults(path)
        names = self.names_at(path)
        inner = flattening.entered(names)
        body = [step for name, block in self.sub_blocks.items() for step in block.steps(inner, joined(path, name))]
        for leaf in leaves(body):
            for param in leaf.writes:
                if param.kwargs_type and param.name in names.private:
                    names.groups.setdefault(param.kwargs_type, []).append(param.name)
        for name, outside in names.let_out.items():
            found = flattening.written.get(names.of(name), NEVER)
            key = flattening.name_in_plan(outside)
            flattening.written[key] = flattening.written.get(key, NEVER) | found
        return [self._begin(names), *(scoped_step(step, names) for step in body), self._end(names)]

    def _begin(self, names: ScopeNames) -> BlockNode:
        handed = {names.of(name): outside for name, outside in names.let_in.items()}
        return BlockNode(
            f"{names.path}/inputs",
            tuple(InputParam(outside) for outside in dict.fromkeys(handed.values())),
            tuple(OutputParam(name) for name in handed),
            lambda _presence: lambda _run: lambda values: _hand_on(handed, values),
            identity=lambda _: ["scope", handed],
            hands_on=handed,
            opens=names.path,
        )

    def _end(self, names: ScopeNames) -> BlockNode:
        handed = {outside: names.of(name) for name, outside in names.let_out.items()}
        known = {output.name: output for output in self.intermediate_outputs}

        def bind(_presence: Presence) -> Callable[[Run], Call]:
            return lambda run: lambda values: _leave(handed, names.path, values, run.state)

        return BlockNode(
            f"{names.path}/outputs",
            tuple(InputParam(name) for name in handed.values()),
            tuple(known[name] for name in handed),
            bind,
            identity=lambda _: ["scope", handed],
            hands_on=handed,
            closes=names.path,
        )


def _hand_on(handed: Mapping[str, str], values: Values) -> None:
    values.update({name: values[source] for name, source in handed.items() if source in values})


def _leave(handed: Mapping[str, str], path: str, values: Values, state: PipelineState) -> None:
    _hand_on(handed, values)
    # What foreign blocks have noted of private values ends with these.
    for known in (values, state.kwargs_mapping, state.provenance):
        forget_scope(known, path)


def _is_foreign(block: object) -> bool:
    own = isinstance(block, (Container, SignatureBlock))
    return not own or bool(getattr(block, "is_hand_written", False))


def _read_in(block: ModularPipelineBlocks) -> Iterator[str]:
    """Yield the names that the blocks of a container read, whoever gives them; of a scope in it those outside."""
    for part in getattr(block, "sub_blocks", {}).values():
        yield from part.input_names
        if not isinstance(part, Scope):
            yield from _read_in(part)


def _written_in(block: ModularPipelineBlocks, is_in_loop: bool) -> Iterator[str]:
    """Yield the names that the blocks of a container write, loop variables among them; of a scope in it those that leave."""
    variables = [variable.name for variable in getattr(block, "variables", ())]
    yield from variables
    is_in_loop = is_in_loop or bool(variables)
    for part in getattr(block, "sub_blocks", {}).values():
        if isinstance(part, Container) and not isinstance(part, Scope) and not getattr(part, "is_hand_written", False):
            yield from _written_in(part, is_in_loop)
            continue
        yield from (output.name for output in part.intermediate_outputs)
        if _is_foreign(part):
            yield from (output.name for output in part.rewritten_inputs())
            yield from part.undeclared_writes().names if is_in_loop else ()


def private_in(blocks: ModularPipelineBlocks, name: str) -> str | None:
    """Say which scope keeps a value of a name to itself, and how it is let in; None for no scope."""
    for path, block in walk(blocks):
        if isinstance(block, Scope) and name in _read_in(block) and name not in block.mapped_inputs:
            where = path or type(block).__name__
            return f"It is private in the scope {where}, whose blocks write it or have it by default; let it in: inputs={{{name!r}: {name!r}}}."
    return None
