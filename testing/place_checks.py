"""Checks of a block at other places: in a pipeline, in a cache, in a folder, in another dtype, on another device."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block import Block
from ..blocks.core.block_identity import outside_reasons
from ..engine.cache import MemoryCache
from ..engine.events import CacheSkipped
from ..engine.execution.checkpoint import are_generators
from ..state import InputError
from ..state.code_home import is_own
from ..state.digest import code_identity
from ..state.errors import nearest
from .block_report import BlockFault
from .block_runs import BlockRuns, Values, content, differences, seeded
from .block_traces import names_in_code
from .made_values import own_value, tensors_in
from .run_checks import NotToldError, error_words, has_nan

HALVES = (torch.bfloat16, torch.float16)


def in_a_pipeline(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield what is otherwise in a pipeline than alone, and names that are written without being declared."""
    pipe = runs.among_others()
    with seeded(1):
        alone = runs.alone(values)
    alone.pop("self", None)
    try:
        with seeded(1):
            state = pipe(**{name: own_value(each) for name, each in values.items()})
    except Exception as error:  # noqa: BLE001 - whatever an author's code raises is what is looked for
        yield BlockFault(
            "in a pipeline", runs.name, "runs alone, and fails in a pipeline", "the same outputs", error_words(error),
            "Read inputs and components only as they are declared.",
        )  # fmt: skip
        return
    for name, words in differences(alone, runs.of_state(state)).items():
        yield BlockFault(
            "in a pipeline", f"{runs.name}: the output {name}", "is another one in a pipeline", f"{words[0]}, as alone",
            words[1], "Read inputs, settings and components only as they are declared.",
        )  # fmt: skip
    declared = {*runs.output_names, *(param.name for param in runs.block.all_inputs), *values}
    for name in sorted(state.values.keys() - declared):
        near = nearest(name, runs.output_names)
        yield BlockFault(
            "outputs", runs.name, f"writes {name!r}, which it does not declare", f"{', '.join(runs.output_names)} alone",
            f"{name!r} besides", f"Declare it as an output{f', or write {near!r}' if near else ''}.",
        )  # fmt: skip


def outside_reads(runs: BlockRuns) -> Iterator[BlockFault]:
    """Yield what the code reads besides inputs, options and components: clock, files, environment, the network."""
    if is_own(runs.block.source_class.__module__):
        raise NotToldError("code of this package is read by its own tests")
    for reason in outside_reasons(runs.block, code_identity(type(runs.block))):
        if runs.block.cached is not False:
            yield BlockFault(
                "nothing from outside", runs.name, f"hangs on more than it is given: {reason}",
                "results hang on inputs, options, settings and components", reason,
                "Take it as an input or an option; or say `cached = False` (it does), or `cached = True` (it does not matter).",
            )  # fmt: skip


def unread_options(runs: BlockRuns) -> Iterator[BlockFault]:
    """Yield the options that no code of the block names."""
    options = getattr(runs.block, "options", None)
    if not isinstance(runs.block, Block) or not options:
        raise NotToldError("it has no options")
    named = names_in_code(runs.block)
    for name in options:
        if name not in named:
            yield BlockFault(
                "options", runs.name, f"has the option {name!r}, which it does not read", f"code that reads self.{name}",
                "the same results whatever it is", f"Read self.{name}, or take the option out.",
            )  # fmt: skip


def in_a_cache(runs: BlockRuns, values: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield where a cache gives something else than computing, or cannot keep the results at all."""
    skipped: list[str] = []
    store = MemoryCache()
    pipe = runs.among_others(
        cache=store, listeners=[lambda event: skipped.append(event.reason) if isinstance(event, CacheSkipped) else None]
    )
    plain = runs.among_others()
    with seeded(1):
        first = runs.in_pipeline(pipe, values)
    if skipped:
        if runs.block.cached is False:
            raise NotToldError("the block says cached = False")
        if not any(reason in skipped[0] for reason in code_identity(type(runs.block)).unknown):
            yield BlockFault(
                "cache", runs.name, "cannot be kept in a cache", "options, settings and inputs that have a content",
                skipped[0], "Hold numbers, texts, tensors and classes, or say `cached = False`.",
            )  # fmt: skip
        return
    with seeded(2):
        again = runs.in_pipeline(pipe, values)
        computed = runs.in_pipeline(plain, values)
    if not store.hits:
        yield BlockFault(
            "cache", runs.name, "is computed again with the same inputs", "the kept result", "no hit",
            "Its code or options are others after each run: keep nothing on the block, its class or in globals.",
        )  # fmt: skip
    for name, words in {**differences(first, again), **differences(again, computed)}.items():
        yield BlockFault(
            "cache", f"{runs.name}: the output {name}", "is another one from a cache than computed", words[1], words[0],
            "What the result hangs on must be an input, an option, a setting or a component; else say `cached = False`.",
        )  # fmt: skip
    yield from _changed(runs, pipe, plain, values, other)


def _changed(
    runs: BlockRuns, pipe: Any, plain: Any, values: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[BlockFault]:
    for changed in values.keys() & other.keys():
        if content(values[changed]) == content(other[changed]):
            continue
        given = {**values, changed: other[changed]}
        try:
            with seeded(1):
                computed = runs.in_pipeline(plain, given)
        except Exception:  # noqa: BLE001, S112 - such inputs are refused; only what runs can be compared
            continue
        with seeded(1):
            found = runs.in_pipeline(pipe, given)
        for name, words in differences(computed, found).items():
            yield BlockFault(
                "cache", f"{runs.name}: the output {name}", f"comes from a cache though {changed} was changed",
                words[0], words[1], "Read inputs only as they are declared.",
            )  # fmt: skip


def saved_and_opened(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield what is otherwise after the block was saved to a folder and opened from there."""
    advice = (
        "Write the class in a module, by its own name; options and attributes are numbers, texts, lists and dicts of them, and "
        "are declared as options (`size: int = 3`)."
    )
    expected = "a folder that opens as the same block"
    with tempfile.TemporaryDirectory() as folder:
        try:
            runs.block.save_pretrained(folder)
            # With a lock beside it: nobody has granted anything for longer than this look.
            opened = ModularPipelineBlocks.from_pretrained(
                folder, trust_remote_code=True, lock=Path(folder, "look.lock")
            )
        except Exception as error:  # noqa: BLE001 - whatever an author's code raises is what is looked for
            yield BlockFault(
                "save and open", runs.name, "cannot be saved and opened", expected, error_words(error), advice
            )
            return
        here, there = (dict(getattr(getattr(each, "foreign", each), "__dict__", {})) for each in (runs.block, opened))
        for name, words in differences(_held(here), _held(there)).items():
            yield BlockFault(
                "save and open", f"{runs.name}: {name}", "is lost when the block is saved", words[0], words[1], advice
            )
        home = runs.block.source_class.__module__
        if any(type(each).__module__ == home for each in runs.components.values()):
            # The opened file has classes of its own, which a user makes the components of, and these are others.
            return
        try:
            with seeded(1):
                before = runs.in_pipeline(runs.among_others(), values)
            with seeded(1):
                after = runs.in_pipeline(BlockRuns(opened, runs.components).among_others(), values)
        except Exception as error:  # noqa: BLE001 - as above
            yield BlockFault(
                "save and open", runs.name, "fails when it was saved and opened", expected, error_words(error), advice
            )
            return
    for name, words in differences(before, after).items():
        yield BlockFault(
            "save and open", f"{runs.name}: the output {name}", "is another one when it was saved and opened", words[0], words[1], advice
        )  # fmt: skip


def _held(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in attributes.items() if not name.startswith("_") and name != "sub_blocks"}


def in_other_formats(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield dtypes in which the block fails; its networks and inputs are converted."""
    is_float = any(each.is_floating_point() for each in tensors_in(values))
    networks = {n: c for n, c in runs.components.items() if isinstance(c, torch.nn.Module)}
    if not is_float and not networks:
        raise NotToldError("it reads no fractions")
    for dtype in HALVES:
        words_of_dtype = str(dtype).removeprefix("torch.")
        cast = {n: copy.deepcopy(c).to(dtype) if n in networks else c for n, c in runs.components.items()}
        given = {name: _cast(each, dtype) for name, each in values.items()}
        try:
            if isinstance(runs.block, Block):
                written = runs.alone(given, cast)
            else:
                other = BlockRuns(runs.block, cast)
                written = other.in_pipeline(other.own, given)
        except InputError:
            continue
        except Exception as error:  # noqa: BLE001 - whatever an author's code raises is what is looked for
            if "not implemented for" in str(error):
                continue  # torch lacks it on this device, and no block can help that
            yield BlockFault(
                "dtypes", runs.name, f"fails in {words_of_dtype}",
                "models and values run in the dtype that they are loaded in", error_words(error),
                "Make tensors as the inputs are (`torch.zeros_like(x)`, `dtype=x.dtype`), and convert where two formats meet.",
            )  # fmt: skip
            continue
        yield from _turned_float32(runs, given, written, words_of_dtype)
        for name in (name for name, each in written.items() if any(map(has_nan, tensors_in(each)))):
            yield BlockFault(
                "dtypes", f"{runs.name}: the output {name}", f"holds values that are no numbers (nan) in {words_of_dtype}",
                "numbers, as in the dtype of the made inputs", "nan",
                "Compute in float32 what does not fit (`x.float()`), and convert the result back.",
            )  # fmt: skip


def _turned_float32(
    runs: BlockRuns, given: Mapping[str, Any], written: Mapping[str, Any], half: str
) -> Iterator[BlockFault]:
    """Yield the inputs of half precision that are written anew in float32: all blocks behind would compute in that, or fail."""
    for name in given.keys() & written.keys():
        before, after = given[name], written[name]
        both = isinstance(before, torch.Tensor) and isinstance(after, torch.Tensor)
        if both and before.dtype in HALVES and after.dtype == torch.float32:
            yield BlockFault(
                "dtypes", f"{runs.name}: the output {name}", f"is float32 where the input {name} is {half}",
                "what is written anew keeps its dtype", "torch.float32", f"Convert the result back: `{name}.to(dtype)`.",
            )  # fmt: skip


def in_other_layouts(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield where the block fails with the same tensors in another order in memory, as transposing and cutting leave them."""
    given = {name: _laid_out(each) for name, each in values.items()}
    if all(given[name] is each for name, each in values.items()):
        raise NotToldError("it reads no tensors of two dimensions")
    try:
        runs.alone_with(given)
    except InputError:
        return
    except Exception as error:  # noqa: BLE001 - as below
        yield BlockFault(
            "layout", runs.name, "fails with tensors that are not contiguous", "the same results whatever lies where in memory",
            error_words(error), "Use `x.reshape(...)` for `x.view(...)`, or `x.contiguous()` first.",
        )  # fmt: skip


def _laid_out(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        turned = value.mT.contiguous().mT if value.ndim > 1 else value
        return value if turned.is_contiguous() else turned
    return value


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if type(value) is dict:
        return {name: _cast(part, dtype) for name, part in value.items()}
    return type(value)(_cast(part, dtype) for part in value) if type(value) in (list, tuple) else value


def on_another_device(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield where the block leaves the device of its inputs; looked at on torch's meta device, where nothing is computed."""
    if not isinstance(runs.block, Block) or not any(True for _ in tensors_in(values)):
        raise NotToldError("it reads no tensors")
    if any(each is not None for each in runs.components.values()) or any(are_generators(v) for v in values.values()):
        raise NotToldError("its components and generators lie in host memory")
    found = list(_on_meta(runs, {name: _moved(each) for name, each in values.items()}))
    yield from found
    if not found:
        with suppress(NotToldError):  # what fails in this dtype is another check's
            yield from _on_meta(runs, {name: _moved(_cast(each, HALVES[0])) for name, each in values.items()})


def _on_meta(runs: BlockRuns, given: Values) -> Iterator[BlockFault]:
    advice = "Make tensors where the inputs are (`torch.zeros_like(x)`, `device=x.device`) or on `self.device`."
    try:
        written = runs.alone_with(given, device="meta")
    except Exception as error:  # noqa: BLE001 - as above
        words = str(error)
        if "same device" in words or "Expected all tensors" in words or "on device" in words:
            yield BlockFault(
                "device", runs.name, "mixes devices", "all is where the inputs are", error_words(error), advice
            )
            return
        raise NotToldError("it reads single numbers, which torch's meta device does not have") from None
    for name, each in written.items():
        for tensor in tensors_in(each):
            if tensor.device.type != "meta":
                yield BlockFault(
                    "device", f"{runs.name}: the output {name}", "lies on another device than the inputs",
                    "the device of the inputs", str(tensor.device), advice,
                )  # fmt: skip
                break


def _moved(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to("meta")
    if type(value) is dict:
        return {name: _moved(part) for name, part in value.items()}
    return type(value)(_moved(part) for part in value) if type(value) in (list, tuple) else value
