"""What all containers share: named sub-blocks, edited by name, and the interfaces that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from attrs import evolve

from ...registry import ComponentSpec
from ...state import (
    BlockState,
    CompositionError,
    ConfigSpec,
    DeclarationError,
    InputError,
    InputParam,
    OutputParam,
    PipelineState,
)
from ...state.errors import Later, did_you_mean, named_thing
from .base import ModularPipelineBlocks
from .block_catalog import find_block
from .describe import no_pipeline
from .flattening import Flattening, walk
from .insertable_dict import NOWHERE, InsertableDict, instead_of_attribute
from .interface import merged_inputs
from .nested_run import run_within

AnyBlock = ModularPipelineBlocks | type[ModularPipelineBlocks] | str
"""A block, a class of blocks, or the name of one: "PredictNoise", "my-package/soft_denoise"."""


class Container(ModularPipelineBlocks):
    """Blocks in a container: `block_classes` and `block_names` in a class, `sub_blocks` in an instance.

    Sub-blocks are edited by name or path: `blocks.sub_blocks.insert_before("decode", "upscale", Upscale)`,
    `blocks["denoise.denoiser"]`, `blocks.replace("denoise.denoiser", MyDenoiser)`, also by the name that a package registered
    (`"my-package/my_denoiser"`).
    """

    _is_framework_base: ClassVar[bool] = True

    has_lists: ClassVar[bool] = False
    block_classes: ClassVar[Any] = ()
    block_names: ClassVar[Any] = ()
    workflow_map: Any = None
    """Names of workflows, each with the inputs that lead to it; without it they are named after those inputs."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        classes, names = list(cls.block_classes), list(cls.block_names)
        if len(classes) != len(names):
            raise DeclarationError(
                f"{cls.__qualname__} lists {len(classes)} block_classes and {len(names)} block_names ({names}); "
                "give one name per class."
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DeclarationError(f"{cls.__qualname__}.block_names holds {', '.join(map(repr, twice))} twice.")

    def get_execution_blocks(self, *names: str, **values: object) -> ModularPipelineBlocks | None:
        """Return the blocks that run with these inputs, choices decided; None where this is a choice that runs nothing.

        Raises:
            InputError: a name is none of an input, and no block writes it.
        """
        parts = [part for _, part in walk(self)]
        known = {
            *self.input_names,
            *(n for part in parts for n in (*part.output_names, *getattr(part, "trigger_names", ()))),
        }
        faults = [
            f"get_execution_blocks: {name!r} is no input of {type(self).__name__}. {did_you_mean(name, known)}"
            for name in dict.fromkeys((*names, *values))
            if name not in known
        ]
        if faults:
            raise InputError.of("get_execution_blocks", faults)
        return super().get_execution_blocks(*names, **values)

    def decided_parts(self, flattening: Flattening) -> SubBlocks:
        """The blocks in it with their choices decided, without those that are empty then."""
        parts = {name: part.decided(flattening) for name, part in self.sub_blocks.items()}
        return SubBlocks({n: part for n, part in parts.items() if not isinstance(part, Container) or part.sub_blocks})

    def __init__(self, *blocks: object, **named: object) -> None:
        if blocks or named:
            given = ", ".join(
                [*map(named_thing, blocks), *(f"{name}={named_thing(each)}" for name, each in named.items())]
            )
            raise CompositionError(
                f"{type(self).__name__}({given}): a container is not made of blocks by its constructor. Write "
                f"{type(self).__name__}.from_blocks_dict({{{next(iter(named), 'name')!r}: Block, ...}})."
            )
        _refuse_in_itself(type(self))
        pairs = zip(self.block_names, self.block_classes, strict=True)
        self.sub_blocks: InsertableDict[Any] = SubBlocks(dict(pairs))

    @classmethod
    def from_blocks_dict(cls, blocks_dict: Mapping[str, AnyBlock], description: str | None = None) -> Self:
        """Make a container of named blocks, classes or instances.

        Raises:
            CompositionError: it is no dict of names and blocks, or one is no block.
        """
        if not isinstance(blocks_dict, Mapping):
            raise CompositionError(
                f"{cls.__name__}.from_blocks_dict takes a dict of names and blocks, and this is {named_thing(blocks_dict)}: write "
                f"{cls.__name__}.from_blocks_dict({{'name': Block, ...}})."
            )
        container = cls()
        container.sub_blocks = SubBlocks(blocks_dict)
        if description is not None:
            container.description = description
        return container

    def __getattr__(self, name: str) -> Any:
        # copy, pickle and IPython ask for such names all the time; an instance whose making failed has no blocks.
        if name.startswith("_") or "sub_blocks" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        words = Later(lambda: f"{type(self).__name__}: {instead_of_attribute(self.sub_blocks, name, 'sub_blocks')}")
        raise AttributeError(words)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "sub_blocks" and not isinstance(value, InsertableDict):
            raise CompositionError(
                f"{type(self).__name__}.sub_blocks is edited by name and not replaced by {named_thing(value)}; a new container is "
                f"{type(self).__name__}.from_blocks_dict({{'name': Block, ...}})."
            )
        super().__setattr__(name, value)

    def __getitem__(self, path: str) -> ModularPipelineBlocks:
        block: ModularPipelineBlocks = self.sub_blocks[path]
        return block

    def __setitem__(self, path: str, block: AnyBlock) -> None:
        self.sub_blocks[path] = block

    def insert(self, name: str, block: AnyBlock, index: int = NOWHERE) -> Self:
        """Put a block at a position, which must be given; one that is there already is moved."""
        self.sub_blocks.insert(name, block, index)
        return self

    def insert_before(self, anchor: str, name: str, block: AnyBlock) -> Self:
        """Put a block before another, which may lie deeper ("denoise.denoiser")."""
        self.sub_blocks.insert_before(anchor, name, block)
        return self

    def insert_after(self, anchor: str, name: str, block: AnyBlock) -> Self:
        """Put a block after another."""
        self.sub_blocks.insert_after(anchor, name, block)
        return self

    def replace(self, path: str, block: AnyBlock) -> Self:
        """Put a block in the place of another."""
        self.sub_blocks.replace(path, block)
        return self

    def wrap(self, path: str, container: type[Container]) -> Self:
        """Put a block into a container of its own, which takes its place and its name: a loop or a choice around it.

        Raises:
            CompositionError: there is no such block, or what is to hold it is no class of a container.
        """
        self[path]  # refuses what is not there
        if not (isinstance(container, type) and issubclass(container, Container)):
            raise CompositionError(
                f"{path!r} cannot be wrapped in {named_thing(container)}: give the class of a container, such as a loop or "
                f"SequentialPipelineBlocks, as in wrap({path!r}, SequentialPipelineBlocks)."
            )
        inner = path.rpartition(".")[2]
        return self.replace(path, container.from_blocks_dict({inner: self[path]}))

    def pop(self, path: str) -> ModularPipelineBlocks:
        """Remove a block and return it."""
        block: ModularPipelineBlocks = self.sub_blocks.pop(path)
        return block

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Components of all sub-blocks, once each."""
        specs: dict[str, ComponentSpec] = {}
        for block in self.sub_blocks.values():
            for spec in block.expected_components:
                known = specs.setdefault(str(spec.name), spec)
                if known.config is None and spec.config is not None:
                    specs[str(spec.name)] = spec
        return list(specs.values())

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        """Settings of all sub-blocks, once each."""
        configs = {spec.name: spec for block in self.sub_blocks.values() for spec in block.expected_configs}
        return list(configs.values())

    @property
    def inputs(self) -> list[InputParam]:
        """What the sub-blocks read and no earlier one writes."""
        params: list[InputParam] = []
        written: set[str] = set()
        # Once for each block: a nested container asks its own blocks, so that each further question would double the work with every level.
        read = [(block, block.all_inputs) for block in self.sub_blocks.values()]
        for block, own in read:
            params += [param for param in own if param.name is None or param.name not in written]
            written |= {output.name for output in block.intermediate_outputs}
        optional = {param.name for param in params if not param.required}
        return [
            evolve(each, required=False)
            if each.required and each.name in optional and _is_made_up(read, each.name)
            else each
            for each in merged_inputs(params)
        ]

    def assigns(self, name: str) -> bool:  # noqa: ARG002 - sequences and choices look at it
        """Return whether a block in it, which is sure to run, assigns an input anew."""
        return False

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """What any sub-block writes."""
        outputs = {o.name: o for block in self.sub_blocks.values() for o in block.intermediate_outputs}
        return list(outputs.values())

    def __call__(
        self, components: Any = None, state: PipelineState | BlockState | None = None, **variables: Any
    ) -> Any:
        """Run inside of foreign code, over the values of its state."""
        if state is None:
            raise no_pipeline(self)
        values = state.__dict__ if isinstance(state, BlockState) else state.values
        run_within(self, components, values, variables)
        return components, state


class SubBlocks(InsertableDict[Any]):
    """An `InsertableDict` that makes instances of classes, and refuses what is no block.

    Attributes:
        version: another object after every edit of this dict; edits of dicts deeper in it are theirs. See `CompositionVersion`.
    """

    version: object = object()

    def __init__(self, blocks: Mapping[str, AnyBlock] = {}) -> None:
        super().__init__()
        for name, block in blocks.items():
            if isinstance(name, str) and "." in name:
                raise CompositionError(
                    f"A block cannot be named {name!r}: a dot is for paths, from a container to a block in it."
                )
            self[name] = block

    def _edited(self) -> None:
        # After the edit, never before: who reads the version first and the blocks then may at worst look once too often. A new object,
        # and no counter: of two threads that count up at once, one could be lost.
        self.version = object()

    def __getstate__(self) -> dict[str, Any] | None:
        """Leave the version out: a copy counts edits of its own, and what is known of the blocks does not depend on how often they were edited."""
        return {name: value for name, value in vars(self).items() if name != "version"} or None

    def _taken(self, name: str, block: object) -> ModularPipelineBlocks:
        if isinstance(block, str):
            block = find_block(block, self.values())
        made = instance_of(name, block)
        if any(getattr(inner, "sub_blocks", None) is self for _, inner in walk(made)):
            raise CompositionError(f"{name!r} would contain itself: put another {type(made).__name__} there.")
        return made

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def popitem(self) -> tuple[str, Any]:
        """Remove the last block and return it with its name."""
        found = super().popitem()
        self._edited()
        return found

    def clear(self) -> None:
        """Remove all blocks."""
        super().clear()
        self._edited()

    def setdefault(self, path: str, block: object = None) -> Any:
        """Put a block in where there is none of its name, and return the one that is there."""
        parent, name = self._place(path)
        if name not in parent:
            parent[name] = block
        return parent[name]

    def __ior__(self, other: Any) -> Self:  # type: ignore[override, misc]  # mypy wants dict's overloads of it
        self.update(other)
        return self

    def update(self, *args: object, **kwargs: object) -> None:
        """Set several blocks."""
        for name, block in dict(*args, **kwargs).items():
            self[name] = block


class RowOfPaths(SubBlocks):
    """Blocks of several containers in one row, each named by its path, as diffusers names the blocks of a workflow."""

    _has_paths: ClassVar[bool] = True

    def __init__(self, blocks: Mapping[str, AnyBlock] = {}) -> None:
        super().__init__()
        for name, block in blocks.items():
            self[name] = block

    def __getitem__(self, path: str) -> Any:
        parent, name = self._place(path)
        return super().__getitem__(self._known(name)) if parent is self else parent[name]

    def _place(self, path: str) -> tuple[Any, str]:
        """Take a path for a name, unless a block that it begins with holds blocks itself."""
        if path not in self:
            for name, block in self.items():
                if path.startswith(f"{name}."):
                    rest = path.removeprefix(f"{name}.")
                    found: tuple[Any, str] = self._inner(block, path)._place(rest)
                    return found
        return self, path


def sub_blocks_of(blocks: Mapping[str, AnyBlock]) -> SubBlocks:
    """Return blocks by name, as a row of paths where names are such."""
    return (RowOfPaths if any("." in name for name in blocks) else SubBlocks)(blocks)


def _refuse_in_itself(cls: type[Container]) -> None:
    """Raise CompositionError if making a class would make another of it, and so on for ever."""
    pending = [*zip(cls.block_names, cls.block_classes, strict=False)]
    seen: set[Any] = set()
    while pending:
        path, part = pending.pop()
        if part is cls:
            raise CompositionError(
                f"{cls.__qualname__} would contain itself, at {path!r}: take it out of block_classes, or put another class there."
            )
        if isinstance(part, type) and issubclass(part, Container) and part not in seen:
            seen.add(part)
            pending += [
                (f"{path}.{name}", inner) for name, inner in zip(part.block_names, part.block_classes, strict=False)
            ]


def instance_of(name: str, block: object) -> ModularPipelineBlocks:
    """Make an instance of a block class; instances pass.

    Raises:
        CompositionError: it is no block, or a bound one.
    """
    if not name.rpartition(".")[2].replace("-", "_").isidentifier():
        raise CompositionError(f"A block cannot be named {name!r}: names are letters, digits, '_' and '-'.")
    # A class that declares by a signature and has none yet.
    if isinstance(block, type) and hasattr(block, "takes_parts") and not hasattr(block, "declaration"):
        raise CompositionError(
            f"{name!r} is the class {block.__name__} itself, which computes nothing: derive one with a `run` of its own, "
            f"class {name.title().replace('_', '')}(Block)."
        )
    made = block() if isinstance(block, type) else block
    if not isinstance(made, ModularPipelineBlocks):
        is_foreign = any(base.__module__.startswith("diffusers.modular_pipelines") for base in type(made).__mro__)
        advice = (
            f"It is one of diffusers': adopt({type(made).__name__}), with adopt of brickwork.blocks, makes it one; or derive it from "
            "ModularPipelineBlocks of brickwork.modular_pipelines."
            if is_foreign
            else "Derive it from Block."
        )
        raise CompositionError(f"{name!r} is {named_thing(block)}, which is no block. {advice}")
    if getattr(made, "is_bound", False):
        raise CompositionError(
            f"{name!r} holds components of its own (it was made with {type(made).__name__}(component=...)). "
            f"Compose the definition, {type(made).__name__}(), and give components to the pipeline."
        )
    return made


def assigns(block: ModularPipelineBlocks, name: str) -> bool:
    """Return whether a block assigns an input of its own anew, so that later ones find it."""
    if isinstance(block, Container):
        return block.assigns(name)
    return name in {output.name for output in block.rewritten_inputs()}


def _is_made_up(read: list[tuple[ModularPipelineBlocks, list[InputParam]]], name: str | None) -> bool:
    """Return whether an input that need not be given is assigned by a block that runs before any that must have it."""
    for block, params in read:
        param = next((each for each in params if each.name == name), None)
        if param is not None and param.required:
            return False
        if param is not None and assigns(block, str(name)):
            return True
    return False
