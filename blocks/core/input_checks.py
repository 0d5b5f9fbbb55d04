"""What the caller gave, looked at before anything is computed: types, ranges, and what must fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, Literal, get_args, get_origin

from attrs import evolve, field, frozen

from ...engine.execution.value_checks import Expected, expected_of, find_fault
from ...engine.planning.dimension_checks import promised_sizes
from ...engine.planning.flow import CALLER, Read
from ...families.contract import UNBOUND, FamilyContract
from ...state import InputParam
from ...state.errors import Fault
from ...state.type_relations import accepts
from ...state.types import type_words
from ...state.unfit_values import unfit
from ...state.vocabulary import ChangeMap, ControlImage, ImagePrompt, InputImage, MaskImage, Value, value_of
from .base import ModularPipelineBlocks
from .flattening import walk_scopes
from .interface import is_typed
from .scope_names import Around, explained_at, given_at, value_outside

_PLAIN = (str, int, float, bool)

IMAGES = tuple(map(value_of, (InputImage, MaskImage, ChangeMap, ControlImage, ImagePrompt)))
"""Values for which the path of a file may be given."""


@frozen
class _Expectation:
    """Says what one typed read expects of an input, and for whom, for the message."""

    hint: Any
    value: Value | None
    default: Any = field(default=None, eq=False)
    certain: bool = False
    """Nobody but the caller gives it, so that a None is what the block reads."""
    accepted: set[type] = field(factory=set, eq=False, repr=False)
    """Classes of which it has accepted a value, where the class is all that counts."""


def expectations(reads: Iterable[Read], typed: bool = True) -> dict[str, list[_Expectation]]:
    """Return, for each name that the caller may give, what the steps that read it expect; with checked annotations, or
    hints.
    """
    found: dict[str, list[_Expectation]] = {}
    for read in reads:
        from_caller = any(version.writer == CALLER for version in read.sources.versions)
        if not (read.typed is typed and from_caller and read.param.type_hint is not None):
            continue
        hint, alone = read.param.type_hint, all(version.writer == CALLER for version in read.sources.versions)
        expected = _Expectation(hint, value_of(hint), read.param.default, typed and alone)
        # By the name of the version, which is the caller's also where a scope knows it by another.
        known = found.setdefault(_given_name(read), [])
        if expected not in known:
            known.append(expected)
    return found


def _given_name(read: Read) -> str:
    return next(version.name for version in read.sources.versions if version.writer == CALLER)


def shapes(reads: Iterable[Read]) -> dict[str, tuple[Expected, ...]]:
    """Return, for each step that says which dimensions tensors of the caller's have, what it says."""
    read: dict[str, list[InputParam]] = {}
    for each in reads:
        if each.typed and any(version.writer == CALLER for version in each.sources.versions):
            read.setdefault(each.path, []).append(evolve(each.param, name=_given_name(each)))
    return {path: found for path, params in read.items() if (found := expected_of(params))}


def promised(reads: Iterable[Read]) -> dict[str, dict[str, tuple[int, str]]]:
    """Return, for each step, the sizes of named dimensions that earlier blocks promise it, each with where."""
    read: dict[str, list[Read]] = {}
    for each in reads:
        if each.typed and each.sources.versions:
            read.setdefault(each.path, []).append(each)
    return {path: found for path, of_step in read.items() if (found := promised_sizes(of_step))}


def shape_faults(expected: Mapping[str, Sequence[Expected]], values: Mapping[str, Any]) -> list[str]:
    """Find tensors with other dimensions or numbers than a block declares, each looked at for itself."""
    faults: dict[str, str] = {}
    for path, wanted in expected.items():
        for each in wanted:
            value = values.get(each.name)
            if value is None:
                continue
            found = find_fault([each], values)
            if found is not None:
                faults.setdefault(each.name, f"{path} would be given {found[1]}.")
            elif not all(value.shape):
                faults.setdefault(each.name, f"{each.name} has the shape {list(value.shape)}: there is nothing in it.")
    return [Fault(text, name) for name, text in faults.items()]


def size_faults(
    expected: Mapping[str, Sequence[Expected]],
    promised: Mapping[str, Mapping[str, tuple[int, str]]],
    values: Mapping[str, Any],
) -> list[str]:
    """Find tensors in which one named dimension has two sizes, or another than blocks promise."""
    found = ((path, find_fault(wanted, values, promised.get(path))) for path, wanted in expected.items())
    faults = {
        fault[0]: f"{path} would be given {fault[1]}." for path, fault in reversed(list(found)) if fault is not None
    }
    return [Fault(text, name) for name, text in faults.items()]


def expectations_of(blocks: ModularPipelineBlocks) -> dict[str, list[_Expectation]]:
    """Return what any typed block of a composition expects of a name: for when there is no plan."""
    found: dict[str, list[_Expectation]] = {}
    for _, block, around in walk_scopes(blocks):
        if is_typed(block) and not getattr(block, "sub_blocks", None):
            for param in block.all_inputs:
                expected = _Expectation(param.type_hint, value_of(param.type_hint), param.default, certain=True)
                name = value_outside(around, str(param.name))
                if name is not None:
                    found.setdefault(name, []).append(expected)
    return found


def input_faults(expected: Mapping[str, Sequence[_Expectation]], values: Mapping[str, Any]) -> list[str]:
    """Find values of the wrong type, out of range, or empty."""
    faults: list[str] = []
    for name, wanted in expected.items():
        value = values.get(name)
        if value is None and name not in values:
            continue
        asked = wanted if value is not None else [each for each in wanted if each.certain]
        fault = next((found for each in asked if (found := _fault(name, value, each))), None)
        if fault:
            faults.append(Fault(fault, name))
    return faults


def mistyped(expected: Mapping[str, Sequence[_Expectation]], values: Mapping[str, Any]) -> set[str]:
    """Return the names of values that are not of the type that is expected."""
    return {
        name
        for name, wanted in expected.items()
        if values.get(name) is not None and not all(accepts(values[name], each.hint) for each in wanted)
    }


def _fault(name: str, value: object, expected: _Expectation) -> str | None:
    if isinstance(value, (list, tuple)) and not value:
        # What must be given has no default, or none that the hint allows.
        way = "leave it out, or give" if accepts(expected.default, expected.hint) else "give"
        return f"{name} is empty; {way} {type_words(expected.hint)}."
    cls = value.__class__
    if cls not in expected.accepted and not accepts(value, expected.hint):
        return (
            f"{name} {unfit(value, expected.hint)}{_path_hint(name, value, expected)}"
            f"{_seed_hint(name, value) or _left_out_hint(value, expected.default)}"
        )
    # Types are looked at with beartype, which takes microseconds that a small run notices; of plain classes the
    # answer is always the same.
    if cls in _PLAIN and cls not in expected.accepted and not _has_choices(expected.hint):
        expected.accepted.add(cls)
    problem = expected.value.problem(value) if expected.value else None
    return f"{name} {problem}." if problem else None


def _has_choices(hint: object) -> bool:
    """Return whether a type names single values."""
    return get_origin(hint) is Literal or any(_has_choices(part) for part in get_args(hint))


def _left_out_hint(value: object, default: object) -> str:
    return f" Leave it out for its default, {default!r:.40}." if value is None and default is not None else ""


def _path_hint(name: str, value: object, expected: _Expectation) -> str:
    return (
        f" The path of a file is an image, too: {name}='image.png'."
        if value is not None and expected.value in IMAGES
        else ""
    )


def _seed_hint(name: str, value: object) -> str:
    if name != "generator":
        return ""
    return f" A seed is given as seed={value!r:.40}." if isinstance(value, (int, list, tuple)) else " A seed is seed=7."


def family_faults(family: FamilyContract, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what must fit together in the inputs of a family: numbers of texts, embeddings and generators, sizes."""
    counts = asked_counts(family, values)
    prompts = next(iter(counts.values()), None)
    embeddings = {name for part in family.fields("prompt_embeds") for name in (part.positive, part.negative)}
    # One text stands for all prompts; an embedding is not repeated, as nothing says which prompt it was made for.
    odd = [name for name, count in counts.items() if count != prompts and (count != 1 or name in embeddings)]
    if odd:
        said = ", ".join(f"{name}: {count}" for name, count in counts.items())
        yield Fault(f"There must be one of these for each prompt, and they differ in number: {said}.", *odd, *counts)
    else:
        yield from _generator_faults(family, values)
    for name in ("height", "width"):
        fault = family.size_fault(name, values.get(name))
        if fault:
            yield fault


def asked_counts(family: FamilyContract, values: Mapping[str, Any]) -> dict[str, int]:
    """Return how many prompts each given text, class or embedding speaks of, positive ones first."""
    fields = [part for group in ("prompts", "prompt_embeds") for part in family.fields(group)]
    names = [*(part.positive for part in fields), *(part.negative for part in fields)]
    return counted(names, values)


def counted(names: Iterable[str], values: Mapping[str, Any]) -> dict[str, int]:
    """Return how many each of those texts, classes and embeddings are that are given, by name, in the order of the names."""
    given: dict[str, Any] = {
        name: values[name]
        for name in names
        if isinstance(values.get(name), int) or hasattr(values.get(name), "__len__")
    }
    return {name: 1 if isinstance(each, (str, int)) else len(each) for name, each in given.items()}


def image_count(family: FamilyContract, values: Mapping[str, Any]) -> int | None:
    """Return how many images are made of the prompts or embeddings that are given; None where there are none.

    Families that are told nothing make as many as `batch_size` says. Where no prompt is given beside those of regions, the first of these says it.
    """
    prompts = next(iter(asked_counts(family, values).values()), None)
    for name in ("region_prompts", "region_labels"):
        if prompts is None and values.get(name):
            first = values[name][0] if isinstance(values[name], list) else None
            prompts = len(first) if isinstance(first, list) else 1
    if prompts is None and isinstance(values.get("batch_size"), int):
        prompts = values["batch_size"]
    each = values.get("num_images_per_prompt")
    return prompts if prompts is None else prompts * (each if isinstance(each, int) else 1)


def _generator_faults(family: FamilyContract, values: Mapping[str, Any]) -> Iterator[str]:
    generators, images = values.get("generator"), image_count(family, values)
    if images is not None and isinstance(generators, (list, tuple)) and len(generators) != images:
        yield Fault(
            f"{len(generators)} generators were given for {images} images; give one for each, or one for all. "
            "With seed=7 each image has one of its own.",
            "generator",
        )


FaultFinder = Callable[[Mapping[str, Any]], Iterable[str]]


def running_blocks(blocks: ModularPipelineBlocks, paths: Iterable[str]) -> list[tuple[ModularPipelineBlocks, Around]]:
    """Return the blocks and containers of a composition in which the steps of some paths run, each with the scopes around it."""
    running = set(paths)
    around = {outer for path in running for outer in _with_outer(path)}
    # What runs, what it stands in, and what stands in it: a hand-written loop is one step, and calls blocks by itself.
    return [
        (block, scopes)
        for path, block, scopes in walk_scopes(blocks)
        if not path or path in around or not running.isdisjoint(_with_outer(path))
    ]


def fault_finders(parts: Sequence[tuple[ModularPipelineBlocks, Around]]) -> list[FaultFinder]:
    """Return what looks at the caller's inputs as a whole: families of the blocks that run, and these blocks
    themselves.
    """
    families = {
        (id(block.family), tuple(map(id, around))): (block.family, around)
        for block, around in parts
        if block.family is not UNBOUND
    }
    found = [_inside(partial(family_faults, family), around) for family, around in families.values()]
    # Those that have something to say: most blocks inherit the empty one.
    own = [part for part in parts if type(part[0]).input_faults is not ModularPipelineBlocks.input_faults]
    return [*found, *(_inside(block.input_faults, around) for block, around in own)]


def _inside(find: FaultFinder, around: Around) -> FaultFinder:
    """Return what looks at inputs as a block within scopes knows them."""
    if not around:
        return find
    return lambda given: [explained_at(around, text) for text in find(given_at(around, given))]


def _with_outer(path: str) -> Iterator[str]:
    """Yield a path, and those of everything that it stands in."""
    return accumulate(path.split("."), "{}.{}".format)
