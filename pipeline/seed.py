"""Seeds: one drawn for runs that were given none, so that every image can be made again, and those that callers give."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..blocks.core.input_checks import image_count
from ..engine import Plan
from ..state import InputError
from ..state.errors import Fault, with_article

if TYPE_CHECKING:
    import torch

    from .kept_plans import KeptPlans

GENERATOR = "generator"
"""The name under which blocks read a source of noise."""
SEED = "seed"
"""The name under which a caller gives whole numbers in its place."""
_LARGEST = 2**63 - 1
"""The last seed that recipes and every device hold."""
_PARAMETER = inspect.Parameter(SEED, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=int | list[int] | None)
_WHOLE = {"type": "integer", "minimum": 0, "maximum": _LARGEST}
_SCHEMA = {
    "anyOf": [_WHOLE, {"type": "array", "items": _WHOLE}, {"type": "null"}],
    "description": "Seed of the first image, from which the others count on, or a list of one for each; it stands for generators.",
    "default": None,
    "x-role": "seed",
    "x-group": "sampling",
}


def seeded_generator() -> torch.Generator:
    """Make a generator on the CPU with a new seed, drawn from torch's own: `torch.manual_seed` decides it."""
    import torch

    return torch.Generator().manual_seed(int(torch.randint(2**53, (1,))))


def takes_seed(names: Collection[str]) -> bool:
    """Return whether `seed` stands for generators: some block reads those, and none has an input of that name."""
    return GENERATOR in names and SEED not in names


def also_by_seed(fault: str, names: Collection[str]) -> str:
    """Name the seed, too, in a fault that asks for a generator."""
    asks = f"Pass {GENERATOR}=..."
    return Fault(f"{fault} or {SEED}=7.", SEED, GENERATOR) if fault.endswith(asks) and takes_seed(names) else fault


def signature_with_seed(signature: inspect.Signature, names: Collection[str]) -> inspect.Signature:
    """Return the signature of a workflow with the seed behind the generator, where it may stand for one.

    Args:
        names: of the inputs of the whole composition, of which one may be a block's own seed.
    """
    if GENERATOR not in signature.parameters or not takes_seed(names):
        return signature
    parameters = []
    required = inspect.Parameter.empty
    for parameter in signature.parameters.values():
        if parameter.name == GENERATOR:
            # One of both is enough.
            default = None if parameter.default is required else parameter.default
            parameters += [parameter.replace(default=default), _PARAMETER]
        else:
            parameters.append(parameter)
    return signature.replace(parameters=parameters)


def schema_with_seed(schema: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return the JSON schema of a workflow's inputs with the seed behind the generator, as `signature_with_seed` does."""
    if GENERATOR not in schema["properties"] or not takes_seed(names):
        return dict(schema)
    properties: dict[str, Any] = {}
    for name, said in schema["properties"].items():
        properties |= {name: said, SEED: _SCHEMA} if name == GENERATOR else {name: said}
    required = [name for name in schema["required"] if name != GENERATOR]
    return {**schema, "properties": properties, "required": required}


def named_as_generator(known: KeptPlans, names: Mapping[str, Any]) -> frozenset[str]:
    """Return names of inputs as blocks read them."""
    if not takes_seed(known.input_names):
        return frozenset(names)
    return frozenset(GENERATOR if name == SEED else name for name in names)


def seed_of(known: KeptPlans, inputs: dict[str, Any], carried: Mapping[str, Any], defaults: dict[str, Any]) -> Any:
    """Take the seed of a call out of its inputs, else out of the pipeline's defaults; None if there is none.

    Args:
        known: what follows from the blocks. inputs: of the call. carried: values of an earlier state. defaults: the pipeline's own; a generator that is given stands
            in place of a seed among them.

    Raises:
        InputError: the call has both a seed and a generator.
    """
    if not takes_seed(known.input_names):
        return None
    given, usual = inputs.pop(SEED, None), defaults.pop(SEED, None)
    if given is not None and inputs.get(GENERATOR) is not None:
        raise _refusal("seed and generator are two ways to say one thing; give one of them.", SEED, GENERATOR)
    if given is not None:
        inputs.pop(GENERATOR, None)  # None, which would stand for a new one
        return given
    is_given = inputs.get(GENERATOR) is not None or carried.get(GENERATOR) is not None
    return None if is_given else usual


def generators_of(seed: object, known: KeptPlans, plan: Plan, values: Mapping[str, Any]) -> Any:
    """Make the generators of a seed: one for one image, else a list of one for each, so that an image of a batch is the
    image alone.

    Args:
        seed: the first image's, from which the others count on, or a list of one for each. known: what follows from the blocks.
        values: all that the run is given.

    Raises:
        InputError: it is no seed, or there is not one for each image.
    """
    import torch

    if GENERATOR not in plan.reads:
        raise _refusal("seed is read by no block that runs with these inputs, as none draws noise; leave it out.")
    images = image_count_of(known, plan, values)
    if isinstance(seed, (list, tuple, range)):
        seeds = [_whole(each) for each in seed]
        shown = values.get("image")
        # Where no family counts texts, the images that are given say how many.
        if isinstance(shown, list) and not any(image_count(family, values) for family in known.families):
            images = len(shown)
        if len(seeds) != images:
            said = ", ".join(map(str, seeds[:6])) + (", ..." if len(seeds) > 6 else "")
            first = f", or the first one's alone (seed={seeds[0]})" if seeds else ""
            raise _refusal(
                f"seed=[{said}] is {len(seeds)} seeds for {images} image{'s' * (images != 1)}; give one for each{first}. "
                "num_images_per_prompt says how many images a prompt has."
            )
    else:
        first_seed = _whole(seed)
        seeds = [_whole(first_seed + index) for index in range(images)]
    made = [torch.Generator().manual_seed(each) for each in seeds]
    return made[0] if len(made) == 1 else made


@contextmanager
def with_seed_fault(seed: object) -> Iterator[None]:
    """Say what is wrong with a seed beside the other faults of a call, which are found before a generator is made of it."""
    try:
        yield
    except InputError as error:
        try:
            for each in seed if isinstance(seed, (list, tuple, range)) else () if seed is None else (seed,):
                _whole(each)
        except InputError as other:
            raise InputError.of("The inputs do not fit", [*(error.faults or (str(error),)), *other.faults]) from None
        raise


def image_count_of(known: KeptPlans, plan: Plan, values: Mapping[str, Any]) -> int:
    """Return how many images a run makes, as its families count prompts; 1 where none does."""
    defaults = {name: default for name, default in known.default_inputs.items() if name in plan.reads}
    given = {**defaults, **{name: value for name, value in values.items() if value is not None}}
    if "num_images_per_prompt" not in plan.reads:
        given.pop("num_images_per_prompt", None)
    return max((image_count(family, given) or 1 for family in known.families), default=1)


def _whole(seed: object) -> int:
    """Return a seed as Python's own number; also one of NumPy, or of a tensor of one element."""
    try:
        number = None if isinstance(seed, (bool, str)) else operator.index(seed)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = None
    if number is None:
        raise _refusal(
            f"seed is {str(seed)[:60]!r} ({with_article(type(seed).__name__)}); it is a whole number, or a list of one for each image. "
            "A torch.Generator is given as generator=."
        )
    if not 0 <= number <= _LARGEST:
        raise _refusal(f"seed is {number}; it is from 0 to 2**63 - 1. Leave it out for a new one in each run.")
    return number


def _refusal(text: str, *names: str) -> InputError:
    return InputError.of("The seed does not fit", [Fault(text, *(names or (SEED,)))])
