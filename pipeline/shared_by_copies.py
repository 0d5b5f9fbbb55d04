"""What a deep copy would go on reading of its original: Python copies no functions, nor what their closures and globals hold."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from attrs import define, field

from ..state.classes.class_bodies import parts_of
from ..state.code_home import is_of_package, is_packaged
from ..state.object_content import attributes_of
from ..state.outside_reads import names_of
from ..state.watch import GONE, cell_value

_MOST = 20_000
"""Objects that are looked at for one attribute; beyond, what holds them is a world of its own."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_COPIED = frozenset({"_parameters", "_buffers", "_modules"})


def originals_of(components: Mapping[str, Any]) -> dict[int, str]:
    """Return what belongs to components, by id, with a name: themselves, their modules and tensors."""
    found: dict[int, str] = {}
    for name, component in components.items():
        if isinstance(component, _PLAIN):
            continue
        found[id(component)] = name
        if hasattr(component, "named_modules"):
            for held in (component.named_modules(), component.named_parameters(), component.named_buffers()):
                found.update({id(part): f"{name}.{path}" if path else name for path, part in held})
    return found


@define(eq=False)
class Search:
    """Looks through what lies on components and blocks for what belongs to the original.

    Attributes:
        originals: as `originals_of` gives them.
    """

    originals: Mapping[int, str]
    _met: dict[tuple[int, bool], Any] = field(factory=dict)  # with the objects, so that no id is used twice

    def faults(self, name: str, component: object) -> Iterator[str]:
        """Say which hooks, processors and other functions on a component, or a block, hold what belongs to the original."""
        modules = component.named_modules() if hasattr(component, "named_modules") else [("", component)]
        for path, module in modules:
            where = f"{name}.{path}" if path else name
            held = [(each, value) for each, value in getattr(module, "__dict__", {}).items() if _is_looked_at(each)]
            for each, value in [*held, (f"class {type(module).__name__}", type(module))]:
                shared = self._first_shared(value)
                if shared is not None:
                    what = "a hook" if each.endswith("_hooks") else f"its {each}"
                    yield (
                        f"{where}: {what} refers to {shared} of the original, which a copy would go on reading. Take it away before the "
                        "copy is made, and give each pipeline one of its own."
                    )

    def _first_shared(self, value: object) -> str | None:
        """Return the name of the first thing of the original that is reached through something that is not copied."""
        pending: deque[tuple[Any, bool]] = deque([(value, False)])
        looked_at = 0
        while pending and looked_at < _MOST:
            each, is_shared = pending.popleft()
            # Twice, where it is reached as a copy and as itself: only the second is shared.
            if isinstance(each, _PLAIN) or (id(each), is_shared) in self._met:
                continue
            # What is reached through attributes alone is copied together with them.
            if is_shared and id(each) in self.originals:
                return self.originals[id(each)]
            self._met[id(each), is_shared] = each
            looked_at += 1
            pending += _inside(each, is_shared)
        return None


def _is_looked_at(attribute: str) -> bool:
    return attribute not in _COPIED and not attribute.startswith("_brickwork_")


def _inside(value: object, is_shared: bool) -> Iterator[tuple[Any, bool]]:
    """Yield what an object holds, and whether a copy would share that."""
    # `copy.deepcopy` takes functions, methods of builtins, weak references and classes as they are.
    if isinstance(value, FunctionType):
        yield from ((each, True) for each in _held_by(value))
    elif isinstance(value, BuiltinFunctionType):
        yield value.__self__, True
    elif isinstance(value, weakref.ref):
        yield value(), True
    elif isinstance(value, type):
        # Classes of installed packages hold none of a pipeline's models, and lead to all the rest of the package.
        if not is_packaged(value.__module__):
            yield from ((part, True) for each in vars(value).values() for part in parts_of(each))
            yield from ((base, True) for base in value.__bases__)
    elif isinstance(value, MethodType):
        yield from ((value.__func__, True), (value.__self__, is_shared))
    elif isinstance(value, partial):
        yield from ((each, is_shared) for each in (value.func, *value.args, *value.keywords.values()))
    elif isinstance(value, Mapping):
        yield from ((each, is_shared) for each in value.values())
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from ((each, is_shared) for each in value)
    elif not (isinstance(value, ModuleType) or hasattr(value, "named_parameters") or hasattr(value, "untyped_storage")):
        yield from ((part, is_shared) for _, part in attributes_of(value))
        yield type(value), True


def _held_by(function: FunctionType) -> Iterator[Any]:
    """Yield values that a function's closure and defaults hold, and those of the global names in it, if it is
    somebody's own.
    """
    yield from (cell_value(cell) for cell in function.__closure__ or () if cell_value(cell) is not GONE)
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from vars(function).values()
    # Functions of packages hold no one's models in a global; their closures and defaults were looked at.
    if is_of_package(function):
        return
    for name, attributes in names_of(function.__code__).looked_up.items():
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType) and not is_packaged(value.__name__):
            yield from (_asked_of(value, each) for each in attributes or ())
        else:
            yield value


def _asked_of(module: ModuleType, path: str) -> Any:
    """Return what a path in a module leads to, as far as that goes through modules."""
    found: Any = module
    for name in path.split("."):
        if not isinstance(found, ModuleType):
            break
        found = vars(found).get(name)
    return found
