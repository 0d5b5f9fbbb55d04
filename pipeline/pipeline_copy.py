"""Copies of pipelines: `copy.deepcopy` has models of its own, `copy.copy` shares them."""

from __future__ import annotations

import copy
import threading
from types import FunctionType
from typing import TYPE_CHECKING, Any

from ..adapters.forward_override import is_changed
from ..blocks.core.flattening import walk
from ..registry.identity.origin import carry_over
from ..registry.loading.aligned_file import LINE, begins_line
from ..state import ComponentError, InputError
from .runs import Runs
from .shared_by_copies import Search, originals_of

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline

_SHARED = ("settings", "lock", "_index")
"""What is never edited, or serves many pipelines: a cache knows results by what they were made of."""


def deep_copy(pipe: ModularPipeline, memo: dict[int, Any]) -> ModularPipeline:
    """Copy a pipeline with its blocks, components and settings; it belongs to no manager, because its models are shared with nobody.

    Raises:
        ComponentError: the manager places its components, a model is changed just now, or something on it holds the original.
    """
    # What a manager places counts against its budget, and accelerate's hooks hold the original's own modules.
    pipe._refuse_placed("copy")
    for name, component in pipe.components.items():
        _refuse_changed(name, component)
    _refuse_shared(pipe)
    # Before anything that it holds is copied: what refers to the pipeline then refers to the copy.
    made = _unmade(pipe, memo)
    for component in pipe.components.values():
        _copy_tensors(component, memo)
    held = vars(made)
    held.update(manager=None, collection=None)
    for name, value in vars(pipe).items():
        if name not in held:
            held[name] = value if name in _SHARED else copy.deepcopy(value, memo)
    for name, component in pipe.components.items():
        # Where the originals are as they were loaded, the copy is known by their files, too, and need not be
        # digested.
        carry_over(component, made.components[name])
    return made


def shallow_copy(pipe: ModularPipeline) -> ModularPipeline:
    """Copy a pipeline with blocks and settings of its own, and with the same components."""
    made = _unmade(pipe, {})
    held = vars(made)
    for name, value in vars(pipe).items():
        if name not in held:
            held[name] = copy.copy(value)
    held.update(
        {name: getattr(pipe, name) for name in (*_SHARED, "manager", "config")},
        blocks=copy.deepcopy(pipe.blocks),
        specs={name: spec.copy() for name, spec in pipe.specs.items()},
        pending_adapters=copy.deepcopy(pipe.pending_adapters),
    )
    return made


def refuse_pickle() -> Any:
    """Say what to do instead: blocks may be classes that are made as they are bound, and models belong into files."""
    raise InputError(
        "A pipeline is not pickled: save it (save_pretrained, or save_workflow where its components have origins) and open that in the "
        "other process, or make it there."
    )


def _unmade(pipe: ModularPipeline, memo: dict[int, Any]) -> ModularPipeline:
    """Return a pipeline that has done nothing yet: what is derived from blocks, or known of runs, it finds out
    itself.
    """
    made = memo[id(pipe)] = type(pipe).__new__(type(pipe))
    vars(made).update(
        runs=Runs(),
        _kept=None,
        _editing=threading.RLock(),
    )
    return made


def _copy_tensors(component: Any, memo: dict[int, Any]) -> None:
    """Copy a model's tensors to places that lie in cache lines as theirs, so that the copy computes the same to the last bit."""
    if not hasattr(component, "named_parameters"):
        return
    import torch

    for tensor in (*component.parameters(), *component.buffers()):
        # Subclasses and tensors with attributes of their own know better how they are copied.
        if id(tensor) in memo or type(tensor) not in (torch.Tensor, torch.nn.Parameter) or vars(tensor):
            continue
        # `deepcopy` allocates at the begin of a line, so tensors that lie so need no help.
        if tensor.device.type != "cpu" or not tensor.is_contiguous() or begins_line(tensor):
            continue
        size = tensor.numel() * tensor.element_size()
        # A kernel adds up what lies before the first whole vector by itself, and so rounds by where a tensor begins.
        raw = torch.empty(size + LINE, dtype=torch.uint8)
        start = (tensor.data_ptr() - raw.data_ptr()) % LINE
        content = raw[start : start + size].view(tensor.dtype).view(tensor.shape).copy_(tensor.detach())
        is_parameter = isinstance(tensor, torch.nn.Parameter)
        memo[id(tensor)] = torch.nn.Parameter(content, tensor.requires_grad) if is_parameter else content


def _refuse_changed(name: str, component: object) -> None:
    """Refuse a model in which functions hold the original's own layers."""
    for path, module in component.named_modules() if hasattr(component, "named_modules") else ():
        where = f"{name}.{path}" if path else name
        if is_changed(module):
            raise ComponentError(
                f"{name} is changed for a while by a run or a `with` ({where}); copy it when that is over."
            )
        if isinstance(vars(module).get("forward"), FunctionType):
            raise ComponentError(
                f"the forward of {where} was replaced by a function, which a copy would share with the original. Put it in the copy "
                "instead."
            )


def _refuse_shared(pipe: ModularPipeline) -> None:
    """Refuse hooks, processors and blocks through which the copy would go on reading the original's models."""
    originals = {**originals_of(pipe.components), id(pipe): "the pipeline"}
    blocks = {path or type(block).__name__: block for path, block in walk(pipe.blocks)}
    held = [*pipe.components.items(), *reversed(blocks.items())]  # blocks before the containers that hold them
    search = Search(originals)
    faults = [fault for name, part in held for fault in search.faults(name, part)]
    if faults:
        raise ComponentError.of("The pipeline cannot be copied", faults)
